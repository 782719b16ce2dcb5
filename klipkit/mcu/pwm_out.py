"""PWM outputs of an MCU, by its hardware or by software, behind one face: a share of full power from a print time on.

Safety: with a `max_duration` the MCU shuts down when the output was away from its value in shutdown for that long
without a change or refresh. Who has it so calls set() again in time, as long as there is a reason for it to be on:
nothing here keeps it on by itself.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from klipkit.base.pin import Pin
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.scheduled import Scheduled

START = 0.4  # s after the MCU was configured at which the first value is there


@dataclass(frozen=True, slots=True)
class PwmForm:
    """How an output is pulsed. `cycle_time` in s; `start` and `shutdown` are shares of full power, 0..1."""

    cycle_time: float
    hardware: bool = False
    start: float = 0.0
    shutdown: float = 0.0
    max_duration: float = 0.0  # s; 0: no limit


class PwmOut(ABC):
    """An output that has a share of full power. `share` is the newest one that was asked for."""

    def __init__(self, mcu: Mcu, pin: Pin, form: PwmForm) -> None:
        self.mcu = mcu
        self.share = form.start
        self._cycle_ticks = round(form.cycle_time * mcu.frequency)
        self._pin = pin
        self._form = form
        self._oid = mcu.allocate_oid()
        self._changes = Scheduled(mcu, self._configure())

    def attach(self) -> None:
        """The MCU is configured: the first value is sent, and changes may be."""
        self._changes.attach()
        clock = self.mcu.sync.line.clock(self.mcu.pipe.now() + START)
        self._changes.set_clock(round(clock), self._value(self.share))

    def set(self, print_time: float, share: float) -> float:
        """That share, 0..1, from a print time on, and at least 0.1 s after the change before it; gives the time."""
        self.share = share
        return self._changes.set(print_time, self._value(share))

    def refresh(self) -> None:
        """The same share again, as soon as can be: an output with max_duration stays on that much longer."""
        self._changes.set_clock(self._changes.soon(), self._value(self.share))

    async def finish(self) -> None:
        """Wait until the newest share is there."""
        await self._changes.finish()

    @abstractmethod
    def _configure(self) -> str:
        """Add the config commands; gives the command for a change, with places for clock and value."""

    @property
    @abstractmethod
    def _full(self) -> int:
        """The value of full power."""

    def _value(self, share: float) -> int:
        value = round(min(max(share, 0.0), 1.0) * self._full)
        return self._full - value if self._pin.invert else value

    @property
    def _limit(self) -> int:
        return round(self._form.max_duration * self.mcu.frequency)


class HardwarePwm(PwmOut):
    """A timer of the chip makes the pulses; the cycle time that it can do is as near to the wanted one as may be."""

    def _configure(self) -> str:
        start, shutdown = self._value(self._form.start), self._value(self._form.shutdown)
        self.mcu.configuration.add(
            f"config_pwm_out oid={self._oid} pin={self._pin.name} cycle_ticks={self._cycle_ticks} value={start} "
            f"default_value={shutdown} max_duration={self._limit}"
        )
        return f"queue_pwm_out oid={self._oid} clock={{}} value={{}}"

    @property
    def _full(self) -> int:
        return self.mcu.dictionary.number("PWM_MAX")


class SoftwarePwm(PwmOut):
    """The firmware makes the pulses on any pin. In shutdown it is off or on whole."""

    def set_cycle(self, print_time: float, cycle_time: float) -> None:
        """That time of a pulse and its pause, s, from the next set() on, which is at `print_time`."""
        self._cycle_ticks = round(cycle_time * self.mcu.frequency)
        command = f"set_digital_out_pwm_cycle oid={self._oid} cycle_ticks={self._cycle_ticks}"
        self._changes.send_between(command, round(self.mcu.mapping.clock(print_time)))

    def _configure(self) -> str:
        level = int((self._form.shutdown >= 0.5) != self._pin.invert)
        add = self.mcu.configuration.add
        add(
            f"config_digital_out oid={self._oid} pin={self._pin.name} value={level} default_value={level} "
            f"max_duration={self._limit}"
        )
        add(f"set_digital_out_pwm_cycle oid={self._oid} cycle_ticks={self._cycle_ticks}")
        self.mcu.configuration.restart.append(f"update_digital_out oid={self._oid} value={level}")
        return f"queue_digital_out oid={self._oid} clock={{}} on_ticks={{}}"

    @property
    def _full(self) -> int:
        return self._cycle_ticks


def pwm_out(mcu: Mcu, pin: Pin, form: PwmForm) -> PwmOut:
    """An output of that form."""
    return HardwarePwm(mcu, pin, form) if form.hardware else SoftwarePwm(mcu, pin, form)
