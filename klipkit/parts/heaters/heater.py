"""A heater: a sensor, a control and a PWM output; [heater_bed] and [heater_generic NAME].

    sensor --reading each 0.3 s--> control --power--> PWM, 0.3 s later
                               `-> check           `-> again after REFRESH, so that the MCU lets it be on

Safety: power is sent with readings only, so a sensor that falls silent ends it: 2.5 s after the last refresh, which was
due 0.3 s after it was sent, the MCU shuts down.
"""

from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.mcu.pins import Pins
from klipkit.mcu.pwm_out import PwmForm, pwm_out
from klipkit.mcu.scheduled import LEAD
from klipkit.parts.alarm import Alarm
from klipkit.parts.heaters.config import (
    MAX_DURATION,
    HeaterBedConfig,
    HeaterGenericConfig,
    HeaterOptions,
    PidOptions,
    VerifyHeaterConfig,
    gain_time,
)
from klipkit.parts.heaters.control import Control
from klipkit.parts.heaters.pid import Pid
from klipkit.parts.heaters.verify import HeaterCheck, VerifyHeater
from klipkit.parts.heaters.watermark import Watermark
from klipkit.parts.part import Apply
from klipkit.parts.sensors.sensor import Sensors
from klipkit.parts.sensors.thermometer import Thermometer

AHEAD = 0.3  # s from the hearing of a reading to the power that it asks for
REFRESH = 1.2  # s after which the same power is sent again
SILENT = 1.0  # s without a reading before the MCU's patience ended: it was not the host
NOT_REFRESHED = "Missed scheduling of next digital out event"  # the firmware's words
CHANGE = 0.01  # a smaller change of power waits for the refresh


@dataclass(frozen=True, slots=True)
class HeaterStatus:
    """Of a heater."""

    temperature: Annotated[float, "The temperature, smoothed, degrees C."]
    target: Annotated[float, "The temperature wanted, degrees C; 0 when it is off."]
    power: Annotated[float, "The share of full power that it has, 0 to 1."]


def control_of(config: HeaterOptions) -> Control:
    """The control that the section asks for."""
    if isinstance(config.control, PidOptions):
        return Pid(config.control, config.smooth_time, config.max_power)
    return Watermark(config.control, config.max_power)


class Heater(Thermometer):
    """`control` may be taken over for a calibration."""

    live = frozenset(("pid_kp", "pid_ki", "pid_kd", "max_delta"))

    def __init__(
        self,
        config: HeaterOptions,
        pins: Pins,
        sensors: Sensors,
        alarm: Alarm,
        checks: Sequence[VerifyHeater],
        gcode_id: str = "",
    ) -> None:
        super().__init__(config, sensors, gcode_id)
        self.max_power = config.max_power
        self.control = control_of(config)
        self.power = 0.0
        mcu, pin = pins.place(config.heater_pin, config.source.where("heater_pin"))
        self._output = pwm_out(mcu, pin, PwmForm(config.pwm_cycle_time, max_duration=MAX_DURATION))
        own = [check.config for check in checks if check.name in (self.name, config.source.name)]
        default = VerifyHeaterConfig(check_gain_time=gain_time(self.name))
        self._check = HeaterCheck(self.name, own[0] if own else default)
        self._alarm = alarm
        mcu.accounts.append(self._explain)
        self._sent = 0.0  # print time of the newest power
        self._gap = 0.0  # s between it and the one before
        self._heard = 0.0  # print time of the newest reading
        self._is_live = False

    def reload(self, config: HeaterOptions, changed: Set[str]) -> Apply:
        """Control goes on with other parameters."""

        def apply() -> None:
            if isinstance(self.control, Pid) and isinstance(config.control, PidOptions):
                self.control.take_on(config.control)
            elif changed & Heater.live:
                self.control = control_of(config)

        return apply

    def set_target(self, target: float) -> None:
        """Heat to a temperature, degrees C; 0: off. Raises GcodeError when it is out of range."""
        if target and not self.min_temp <= target <= self.max_temp:
            what = (
                f"Requested temperature ({target:.1f}) out of range ({self.min_temp:.1f}:{self.max_temp:.1f})"
            )
            raise GcodeError(
                f"{what} for the heater '{self.name}'", hint="min_temp and max_temp are its limits"
            )
        self.target = target

    @property
    def is_in_use(self) -> bool:
        """Whether it is the hotend that is meant when none is named."""
        return False

    @property
    def is_settled(self) -> bool:
        """Whether it is at its target to stay."""
        return self.has_read and self.control.is_settled(self.temperature, self.target)

    async def begin(self) -> None:
        """Readings begin, and with them control."""
        self._output.attach()
        self._is_live = True
        await super().begin()

    def halt(self) -> None:
        """The printer has shut down: it is off."""
        self._is_live = False
        self.target = self.power = 0.0

    async def end(self) -> None:
        """Off, as far as the MCU still hears it."""
        await super().end()
        self.target = 0.0
        if self._is_live and self.power:
            with suppress(
                KlipkitError
            ):  # the link is gone, and with it the refresh: the MCU shuts down by itself
                self._give(self._output.mcu.print_time() + LEAD, 0.0)
                await self._output.finish()
        self._is_live = False

    def status(self) -> HeaterStatus:
        """What is seen of it."""
        return HeaterStatus(round(self.temperature, 2), self.target, self.power)

    def _read(self, time: float, temperature: float) -> None:
        super()._read(time, temperature)
        if not self._is_live:
            return
        self._heard = time
        # out of range: the MCU counts such readings, and says more of them than the check could
        is_sane = self.min_temp <= temperature <= self.max_temp
        fault = self._check.look(time, self.temperature, self.target) if is_sane else None
        if fault is not None:
            self._alarm.shut_down(fault)
            return
        power = self.control.power(time, temperature, self.target) if is_sane else 0.0
        at = self._output.mcu.print_time() + AHEAD
        is_new = abs(power - self.power) > CHANGE or (not power) != (not self.power)
        if is_new or (self.power and at - self._sent >= REFRESH):
            self._give(at, power)

    def _explain(self, reason: str) -> str:
        """Whether it was this heater that was not refreshed, and why."""
        since = self._output.mcu.print_time() - self._sent
        gap = max(since, self._gap)  # a host that was held up has sent it again before it hears of this
        if not reason.startswith(NOT_REFRESHED) or not self.power or gap < MAX_DURATION / 2:
            return ""
        deadline = self._sent + MAX_DURATION - (0.0 if gap == since else gap)
        silent = deadline - self._heard
        why = f"its sensor was silent for {silent:.1f} s" if silent > SILENT else "the host was held up"
        return f"the heater '{self.name}' was not confirmed for {MAX_DURATION:g} s: {why}"

    def _give(self, at: float, power: float) -> None:
        self._output.set(at, power)
        self._gap = at - self._sent if self.power else 0.0
        self.power, self._sent = power, at


class HeaterBed(Heater):
    """The bed's heater."""

    def __init__(
        self,
        config: HeaterBedConfig,
        pins: Pins,
        sensors: Sensors,
        alarm: Alarm,
        checks: Sequence[VerifyHeater],
    ) -> None:
        super().__init__(config, pins, sensors, alarm, checks, "B")


class HeaterGeneric(Heater):
    """A further heater."""

    def __init__(
        self,
        config: HeaterGenericConfig,
        pins: Pins,
        sensors: Sensors,
        alarm: Alarm,
        checks: Sequence[VerifyHeater],
    ) -> None:
        super().__init__(config, pins, sensors, alarm, checks, config.gcode_id or "")
