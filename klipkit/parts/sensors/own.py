"""Sensors that the user defines: [thermistor NAME] and [adc_temperature NAME], each a further sensor_type."""

from collections.abc import Iterable, Mapping
from typing import Any

from klipkit.base.declare import Declared, Problem, option, prefixed, section
from klipkit.base.errors import MissingOption
from klipkit.base.values import number
from klipkit.parts.sensors.curve import Interpolated
from klipkit.parts.sensors.thermistor import ZERO, SteinhartHart, by_beta, by_points

POINTS = 3
POINTS_MOST = 99  # of an adc_temperature

_degrees = number(above=-ZERO)
_ohms = number(above=0)


def _thermistor(config: Any) -> Iterable[Problem]:
    """A point and beta, or three points."""
    if config.beta is not None:
        return
    needed = [f"{word}{index}" for index in (2, 3) for word in ("temperature", "resistance")]
    for name in needed:
        if getattr(config, name) is None:
            yield Problem(name, "must be specified", "give three points, or one and beta", MissingOption)
            return
    if (
        len({point[0] for point in config.points}) != POINTS
        or len({point[1] for point in config.points}) != POINTS
    ):
        yield Problem("temperature2", "repeats a point: the three must differ in temperature and resistance")


@section("thermistor NAME", checks=[_thermistor])
class ThermistorConfig(Declared):
    """A type of thermistor, by a point and beta or by three points of its data sheet."""

    temperature1: float = option(_degrees, "A temperature.", unit="degrees C")
    resistance1: float = option(_ohms, "The resistance there.", unit="ohm")
    temperature2: float | None = option(_degrees, "Another temperature.", unit="degrees C", default=None)
    resistance2: float | None = option(_ohms, "The resistance there.", unit="ohm", default=None)
    temperature3: float | None = option(_degrees, "A third temperature.", unit="degrees C", default=None)
    resistance3: float | None = option(_ohms, "The resistance there.", unit="ohm", default=None)
    beta: float | None = option(
        number(above=0), "The beta of the data sheet, in place of two points.", unit="K", default=None
    )

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points that are there, degrees C and ohms."""
        pairs = (
            (self.temperature1, self.resistance1),
            (self.temperature2, self.resistance2),
            (self.temperature3, self.resistance3),
        )
        return [(degrees, ohms) for degrees, ohms in pairs if degrees is not None and ohms is not None]

    def sensor(self) -> SteinhartHart:
        """Its equation."""
        points = self.points
        return by_beta(*points[0], self.beta) if self.beta is not None else by_points(*points)


def _points(config: Any) -> Iterable[Problem]:
    """At least two points, of one quantity, that all rise or all fall."""
    temperatures, values = config.temperatures, config.voltages or config.resistances
    quantity = "voltage" if config.voltages else "resistance"
    if config.voltages and config.resistances:
        yield Problem("resistance1", "cannot stand beside 'voltage1'", "give voltages or resistances")
        return
    for index in [*temperatures, *(index for index in values if index not in temperatures)]:
        for word, found in (("temperature", temperatures), (quantity, values)):
            if index not in found:
                yield Problem(f"{word}{index}", "must be specified", "a point is both", MissingOption)
                return
    if len(values) < 2:
        yield Problem(
            f"{quantity}2", "must be specified: at least two points are needed", error=MissingOption
        )
        return
    try:
        config.sensor()
    except (ValueError, ZeroDivisionError):
        yield Problem(f"{quantity}2", "must rise all the way with temperature, or fall all the way")


_INDICES = [str(index) for index in range(1, POINTS_MOST + 1)]


@section("adc_temperature NAME", checks=[_points])
class AdcTemperatureConfig(Declared):
    """A type of sensor, by points of temperature and voltage or resistance, with straight lines between."""

    temperatures: Mapping[str, float] = prefixed(
        "temperature", _degrees, "The temperature of a point.", unit="degrees C", known=_INDICES
    )
    voltages: Mapping[str, float] = prefixed(
        "voltage", number(), "The voltage at that temperature.", unit="V", known=_INDICES
    )
    resistances: Mapping[str, float] = prefixed(
        "resistance", _ohms, "The resistance at that temperature.", unit="ohm", known=_INDICES
    )

    def sensor(self) -> Interpolated:
        """Its lines."""
        values = self.voltages or self.resistances
        return Interpolated([(self.temperatures[index], value) for index, value in values.items()])
