"""What all parts with a temperature have: a sensor, smoothing, a name in M105; and [temperature_sensor NAME]."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from klipkit.base.declare import Declared, Problem, option, options, section, variant
from klipkit.base.values import number, text
from klipkit.parts.part import Part
from klipkit.parts.sensors.config import SENSORS, SensorOptions
from klipkit.parts.sensors.sensor import Sensors
from klipkit.parts.sensors.thermistor import ZERO


def _range(config: Any) -> Iterable[Problem]:
    if config.max_temp <= config.min_temp:
        yield Problem("max_temp", f"is {config.max_temp:g}, but must be above min_temp ({config.min_temp:g})")


@options(checks=[_range])
class SensorRange(Declared):
    """A temperature sensor and the range in which it must read."""

    sensor: SensorOptions = variant(SENSORS, "The kind of temperature sensor.")
    smooth_time: float = option(
        number(above=0),
        "The time over which the temperature is smoothed that is shown and waited for.",
        unit="s",
        default=1.0,
    )


@options()
class GuardedRange(SensorRange):
    """The range must be given, since something is controlled by it."""

    min_temp: float = option(
        number(minimum=-ZERO),
        "The lowest temperature that is no fault: below, the microcontroller shuts down.",
        unit="degrees C",
    )
    max_temp: float = option(
        number(minimum=-ZERO),
        "The highest temperature that is no fault: above, the microcontroller shuts down.",
        unit="degrees C",
    )


@section("temperature_sensor NAME", roles=["sensor"])
class TemperatureSensorConfig(SensorRange):
    """A temperature that is only watched."""

    min_temp: float = option(
        number(), "The lowest temperature that is no fault.", unit="degrees C", default=-math.inf, said="none"
    )
    max_temp: float = option(
        number(), "The highest temperature that is no fault.", unit="degrees C", default=math.inf, said="none"
    )
    gcode_id: str | None = option(
        text("name"), "The name by which M105 reports it.", default=None, said="not reported"
    )


@dataclass(frozen=True, slots=True)
class TemperatureSensorStatus:
    """Of [temperature_sensor NAME]."""

    temperature: Annotated[float, "The temperature, smoothed, degrees C."]
    measured_min_temp: Annotated[float, "The lowest temperature seen since the start, degrees C."]
    measured_max_temp: Annotated[float, "The highest temperature seen since the start, degrees C."]


class Smoothed:
    """A quantity whose noise dies away: each value moves it by its share of `time`, s."""

    def __init__(self, time: float) -> None:
        self.value = 0.0
        self.at: float | None = None  # print time of the newest value
        self._time = time

    def add(self, at: float, value: float) -> None:
        """A value at a print time."""
        share = 1.0 if self.at is None else min(max(at - self.at, 0.0) / self._time, 1.0)
        self.value += (value - self.value) * share
        self.at = at


class Thermometer(Part):
    """A part with a temperature. `gcode_id` is its name in M105, "" for none."""

    target = 0.0  # degrees C; 0: none

    def __init__(
        self, config: TemperatureSensorConfig | GuardedRange, sensors: Sensors, gcode_id: str = ""
    ) -> None:
        self.name = config.source.short
        self.gcode_id = gcode_id
        self.min_temp, self.max_temp = config.min_temp, config.max_temp
        self.sensor = sensors.make(self.name, config.sensor, config.min_temp, config.max_temp)
        self.sensor.listen(self._read)
        self._smoothed = Smoothed(config.smooth_time)

    @property
    def temperature(self) -> float:
        """Smoothed, degrees C; 0 before the first reading."""
        return self._smoothed.value

    @property
    def has_read(self) -> bool:
        """Whether there was a reading."""
        return self._smoothed.at is not None

    async def begin(self) -> None:
        """Readings begin."""
        await self.sensor.begin()

    async def end(self) -> None:
        """No more readings."""
        self.sensor.end()

    def halt(self) -> None:
        """The printer has shut down; the temperature may be looked at still."""

    def _read(self, time: float, temperature: float) -> None:
        self._smoothed.add(time, temperature)


class TemperatureSensor(Thermometer):
    """Watches only."""

    def __init__(self, config: TemperatureSensorConfig, sensors: Sensors) -> None:
        super().__init__(config, sensors, config.gcode_id or "")
        self._lowest = self._highest = 0.0

    def status(self) -> TemperatureSensorStatus:
        """What is seen of it."""
        return TemperatureSensorStatus(
            round(self.temperature, 2), round(self._lowest, 2), round(self._highest, 2)
        )

    def _read(self, time: float, temperature: float) -> None:
        is_first = not self.has_read
        super()._read(time, temperature)
        if is_first:
            self._lowest = self._highest = self.temperature
        self._lowest = min(self._lowest, self.temperature)
        self._highest = max(self._highest, self.temperature)
