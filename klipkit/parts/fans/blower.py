"""What all fans have: an output with kick-start, an enable pin, a tachometer, and their status."""

from dataclasses import dataclass
from typing import Annotated

from klipkit.mcu.counter import Counter
from klipkit.mcu.digital_out import DigitalOut
from klipkit.mcu.pins import Pins
from klipkit.mcu.pwm_out import PwmForm, pwm_out
from klipkit.mcu.scheduled import LEAD
from klipkit.parts.fans.config import FanOptions
from klipkit.parts.latest import Latest
from klipkit.parts.schedule import Schedule

GREAT = 0.5  # a greater rise of the speed than this needs a kick
EDGES_A_PULSE = 2
MINUTE = 60.0  # s


@dataclass(frozen=True, slots=True)
class FanStatus:
    """Of a fan."""

    speed: Annotated[float, "The speed that was asked for, 0 to 1; 0 below off_below."]
    rpm: Annotated[float | None, "The speed measured, rotations a minute; None without a tachometer."]


class Blower:
    """A fan. `speed` is the newest speed that was asked for."""

    def __init__(self, config: FanOptions, pins: Pins, schedule: Schedule) -> None:
        self.speed = 0.0
        self._config = config
        self._schedule = schedule
        self._latest = Latest(schedule, self._give)
        self._given = 0.0  # speed
        form = PwmForm(
            config.cycle_time,
            config.hardware_pwm,
            shutdown=min(config.shutdown_speed, config.max_power),
        )
        self._output = pwm_out(*pins.place(config.pin, config.source.where("pin")), form)
        self._enable = self._tachometer = None
        if config.enable_pin is not None:
            place = pins.place(config.enable_pin, config.source.where("enable_pin"))
            self._enable = DigitalOut(*place, shutdown=config.shutdown_speed > 0, max_duration=0)
        if config.tachometer_pin is not None:
            place = pins.place(config.tachometer_pin, config.source.where("tachometer_pin"))
            self._tachometer = Counter(*place, config.tachometer_poll_interval)

    def take_on(self, config: FanOptions) -> None:
        """Other limits from now on, for the speed that it has, too."""
        self._config = config
        if self.speed:
            self._latest.at(self._schedule.now() + LEAD, self.speed)

    def begin(self) -> None:
        """The MCUs are configured."""
        for each in (self._output, self._enable, self._tachometer):
            if each is not None:
                each.attach()

    def end(self) -> None:
        """It goes on as it is: what is hot needs it still."""
        self._latest.close()

    def after_moves(self, speed: float) -> None:
        """That speed, 0 to 1, when the moves given so far end."""
        self.speed = self._usable(speed)
        self._latest.want(self.speed)

    def soon(self, speed: float) -> None:
        """That speed now, unless it is what was asked for last."""
        wanted = self._usable(speed)
        if wanted != self.speed:
            self.speed = wanted
            self._latest.at(self._schedule.now() + LEAD, wanted)

    def status(self) -> FanStatus:
        """What is seen of it."""
        if self._tachometer is None or self._tachometer.rate is None:
            return FanStatus(self.speed, None if self._tachometer is None else 0.0)
        rotations = self._tachometer.rate / EDGES_A_PULSE / self._config.tachometer_ppr
        return FanStatus(self.speed, round(rotations * MINUTE, 1))

    def _usable(self, speed: float) -> float:
        kept = min(max(speed, 0.0), 1.0)
        return 0.0 if kept < self._config.off_below else kept

    def _give(self, time: float, speed: float) -> float:
        """Have that speed from a print time on; gives when the output is done with it."""
        before, self._given = self._given, speed
        if self._enable is not None and (speed > 0) != self._enable.is_on:
            self._enable.set(time, speed > 0)
        kick = self._config.kick_start_time
        if kick and 0 < speed < 1 and (not before or speed - before > GREAT):
            time = self._output.set(time, self._config.max_power) + kick
        return self._output.set(time, speed * self._config.max_power)
