"""[temperature_fan NAME]: a fan that keeps a temperature from rising above its target."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.gcode.commands import gcode
from klipkit.mcu.pins import Pins
from klipkit.parts.fans.blower import Blower, FanStatus
from klipkit.parts.fans.config import FanPidOptions, TemperatureFanConfig
from klipkit.parts.fans.fan import LIVE
from klipkit.parts.heaters.heater import Heater
from klipkit.parts.heaters.pid import Pid
from klipkit.parts.part import Apply
from klipkit.parts.schedule import Schedule
from klipkit.parts.sensors.sensor import Sensors
from klipkit.parts.sensors.thermometer import Thermometer

CHANGE = 0.02  # a smaller change of speed is left out


@dataclass(frozen=True, slots=True)
class TemperatureFanStatus(FanStatus):
    """Of [temperature_fan NAME]."""

    temperature: Annotated[float, "The temperature, smoothed, degrees C."]
    target: Annotated[float, "The temperature wanted, degrees C; 0: the fan is off."]


class TemperatureFan(Thermometer):
    """A thermometer with a fan."""

    live = LIVE | {"target_temp", "min_speed", "max_speed", "pid_deriv_time", *Heater.live}

    def __init__(
        self, config: TemperatureFanConfig, pins: Pins, sensors: Sensors, schedule: Schedule
    ) -> None:
        super().__init__(config, sensors, config.gcode_id or "")
        self.blower = Blower(config, pins, schedule)
        self.target = config.target_temp
        self._config = config
        self._least, self._most = config.min_speed, config.max_speed
        self._is_cooling = False  # under watermark control
        self._pid = self._made_pid()
        self._is_live = False

    async def begin(self) -> None:
        """Readings begin, and with them control."""
        self.blower.begin()
        self._is_live = True
        await super().begin()

    def halt(self) -> None:
        """The printer has shut down: the MCU gives the fan shutdown_speed."""
        self._is_live = False
        self.blower.end()

    async def end(self) -> None:
        """The fan goes on as it is."""
        self._is_live = False
        self.blower.end()
        await super().end()

    def reload(self, config: TemperatureFanConfig, changed: Set[str]) -> Apply:
        """Control goes on with other parameters; what was set by G-code stays unless its option has changed."""

        def apply() -> None:
            self._config = config
            if "target_temp" in changed:
                self.target = config.target_temp
            if changed & {"min_speed", "max_speed"}:
                self._least, self._most = config.min_speed, config.max_speed
            if changed:
                self._pid = self._made_pid()
                self.blower.take_on(config)

        return apply

    def status(self) -> TemperatureFanStatus:
        """What is seen of it."""
        fan = self.blower.status()
        return TemperatureFanStatus(fan.speed, fan.rpm, round(self.temperature, 2), self.target)

    @gcode("SET_TEMPERATURE_FAN_TARGET", select="TEMPERATURE_FAN")
    async def set_target(
        self,
        *,
        target: Annotated[
            float | None, "temperature wanted, degrees C; 0: off; without it that of the section"
        ] = None,
        min_speed: Annotated[float | None, "least speed, 0 to 1"] = None,
        max_speed: Annotated[float | None, "greatest speed, 0 to 1"] = None,
    ) -> None:
        """Set the target of a fan that follows a temperature."""
        wanted = self._config.target_temp if target is None else target
        if wanted and not self.min_temp <= wanted <= self.max_temp:
            what = (
                f"Requested temperature ({wanted:.1f}) out of range ({self.min_temp:.1f}:{self.max_temp:.1f})"
            )
            raise GcodeError(f"{what} for the fan '{self.name}'")
        least = self._least if min_speed is None else min_speed
        most = self._most if max_speed is None else max_speed
        if not 0 <= least <= most <= 1:
            raise GcodeError(
                f"the speeds {least:g} to {most:g} of the fan '{self.name}' must be within 0 and 1"
            )
        self.target, self._least, self._most = wanted, least, most
        self._pid = self._made_pid()

    def _made_pid(self) -> Pid | None:
        control = self._config.control
        if not isinstance(control, FanPidOptions):
            return None
        return Pid(control, control.pid_deriv_time, self._most - self._least)

    def _read(self, time: float, temperature: float) -> None:
        super()._read(time, temperature)
        if not self._is_live:
            return
        speed = self._wanted(time, temperature)
        if abs(speed - self.blower.speed) > CHANGE or not speed:
            self.blower.soon(speed)

    def _wanted(self, time: float, temperature: float) -> float:
        """The speed. Under PID control it lacks what a heater would be given: too cold is too fast."""
        if self.target <= 0:
            return 0.0
        control = self._config.control
        if self._pid is not None:
            return self._most - self._pid.power(time, temperature, self.target)
        assert not isinstance(control, FanPidOptions)
        if temperature >= self.target + control.max_delta:
            self._is_cooling = True
        elif temperature <= self.target - control.max_delta:
            self._is_cooling = False
        return self._most if self._is_cooling else 0.0
