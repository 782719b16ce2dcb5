"""The heated bodies of a simulated printer, from its configuration, and how they warm."""

from collections.abc import Callable, Mapping

from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.parts.heaters.config import HeaterOptions
from klipkit.parts.sensors.config import AnalogOptions
from klipkit.parts.sensors.thermometer import SensorRange
from klipkit.sim.cosim import Cosim
from klipkit.sim.models import Heat, HeatLaw, Place, Sensor

# A hotend: 40 W in 13.5 J/K (15 g of aluminium) that cools with a time constant of 150 s: 25 to 200 degrees C
# in 75 s, 470 at the end. The part fan raises its loss by a third.
HOTEND = HeatLaw(power=2.96, loss=1 / 150, lag=3.0, cooling=1 / 450)
# A bed: 200 W in 444 J/K (3 mm of aluminium, 21 cm square, with its heater), 300 s: 25 to 60 degrees C in 90 s, 160 at
# the end.
BED = HeatLaw(power=0.45, loss=1 / 300, lag=8.0)

EXTRUDER = "extruder"


class Heats:
    """The bodies and their sensors, by section."""

    def __init__(
        self,
        cosim: Cosim,
        loaded: Loaded,
        laws: Mapping[str, HeatLaw],
        ambient: float,
        place: Callable[[Pin, str], Place],
    ) -> None:
        """`laws` are other ones than usual, by section; `ambient` is for those that are not given."""
        self.bodies: dict[str, Heat] = {}
        self.sensors: dict[str, Sensor] = {}
        self.heaters: list[str] = []  # the sections of those that can be heated
        for name, config in loaded.sections.items():
            if isinstance(config, SensorRange):
                usual = HOTEND if name.startswith(EXTRUDER) else BED
                law = laws.get(name, usual._replace(ambient=ambient))
                self._add(cosim, name, config, law, place)

    def _add(
        self,
        cosim: Cosim,
        name: str,
        config: SensorRange,
        law: HeatLaw,
        place: Callable[[Pin, str], Place],
    ) -> None:
        heat = self.bodies[name] = Heat(cosim, law)
        if isinstance(config, HeaterOptions):
            self.heaters.append(name)
            heater = config.heater_pin
            heat.heated_by(place(heater, config.source.where("heater_pin")), inverted=heater.invert)
        sensor = config.sensor
        if isinstance(sensor, AnalogOptions):
            at = place(sensor.sensor_pin, config.source.where("sensor_pin"))
            self.sensors[name] = heat.add_sensor(at, sensor.curve().adc_of)
