"""The options of temperature sensors: a class for each kind of circuit, and the table of sensor_type."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from klipkit.base.declare import (
    Declared,
    Problem,
    Variants,
    chosen,
    chosen_section,
    computed,
    option,
    options,
)
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.values import Reference, number, reference, text
from klipkit.parts.sensors.curve import Amplifier, Curve, Divider
from klipkit.parts.sensors.own import AdcTemperatureConfig, ThermistorConfig
from klipkit.parts.sensors.platinum import Platinum, pt100_ina826
from klipkit.parts.sensors.thermistor import THERMISTORS
from klipkit.parts.sensors.thermocouple import CHIPS, amplified


@options()
class AnalogOptions(Declared):
    """A sensor on an analog input."""

    sensor_pin: Pin = option(pin(PinUse.ADC), "The analog input that the sensor is connected to.")

    @abstractmethod
    def curve(self) -> Curve:
        """What its readings mean."""


@options()
class PullUpOptions(AnalogOptions):
    """A resistor with a pull-up."""

    pullup_resistor: float = option(
        number(above=0),
        "The resistor between the ADC's reference and the sensor.",
        unit="ohm",
        default=4700.0,
    )


@options()
class InlineOptions(PullUpOptions):
    """A thermistor."""

    inline_resistor: float = option(
        number(minimum=0), "A resistor in line with the sensor that does not vary.", unit="ohm", default=0.0
    )


@options()
class ThermistorOptions(InlineOptions):
    """A common thermistor."""

    kind: str = chosen()

    def curve(self) -> Curve:
        """What its readings mean."""
        return Divider(THERMISTORS[self.kind], self.pullup_resistor, self.inline_resistor)


@options()
class OwnThermistorOptions(InlineOptions):
    """A thermistor that [thermistor NAME] defines."""

    own: ThermistorConfig = chosen_section("thermistor", ThermistorConfig)

    def curve(self) -> Curve:
        """What its readings mean."""
        return Divider(self.own.sensor(), self.pullup_resistor, self.inline_resistor)


@options()
class Pt1000Options(PullUpOptions):
    """A PT1000 without an amplifier."""

    def curve(self) -> Curve:
        """What its readings mean."""
        return Divider(Platinum(1000.0), self.pullup_resistor)


@options()
class VoltageOptions(AnalogOptions):
    """A sensor with an amplifier."""

    adc_voltage: float = option(number(above=0), "The ADC's reference.", unit="V", default=5.0)
    voltage_offset: float = option(number(), "The voltage at which the ADC reads 0.", unit="V", default=0.0)


@options()
class AmplifierOptions(VoltageOptions):
    """A common amplifier chip."""

    kind: str = chosen()

    def curve(self) -> Curve:
        """What its readings mean."""
        sensor = pt100_ina826() if self.kind == PT100 else amplified(self.kind)
        return Amplifier(sensor, self.adc_voltage, self.voltage_offset)


@options()
class OwnAdcOptions(VoltageOptions):
    """A sensor that [adc_temperature NAME] defines."""

    pullup_resistor: float = option(
        number(above=0), "With resistances: the resistor to the ADC's reference.", unit="ohm", default=4700.0
    )
    own: AdcTemperatureConfig = chosen_section("adc_temperature", AdcTemperatureConfig)

    def curve(self) -> Curve:
        """What its readings mean."""
        sensor = self.own.sensor()
        if self.own.voltages:
            return Amplifier(sensor, self.adc_voltage, self.voltage_offset)
        return Divider(sensor, self.pullup_resistor)


@options()
class HostSensorOptions(Declared):
    """A temperature of the computer that klipkit runs on."""

    sensor_path: str = option(
        text("file name"),
        "The file with the temperature in thousandths of a degree.",
        default="/sys/class/thermal/thermal_zone0/temp",
    )


def _calibration(sensor: Any) -> Iterable[Problem]:
    for index in ("1", "2"):
        pair = [getattr(sensor, f"sensor_{word}{index}") for word in ("temperature", "adc")]
        if (pair[0] is None) != (pair[1] is None):
            yield Problem(f"sensor_adc{index}", f"and sensor_temperature{index} must be written together")
    if sensor.sensor_adc2 is not None and sensor.sensor_adc1 is None:
        yield Problem("sensor_adc2", "needs sensor_adc1 too")
    points = {
        (sensor.sensor_temperature1, sensor.sensor_adc1),
        (sensor.sensor_temperature2, sensor.sensor_adc2),
    }
    if sensor.sensor_adc2 is not None and any(len(set(values)) < 2 for values in zip(*points, strict=True)):
        yield Problem("sensor_adc2", "must be another point than sensor_adc1")


@options(checks=[_calibration])
class McuSensorOptions(Declared):
    """The temperature sensor inside a microcontroller."""

    sensor_mcu: Reference = option(
        reference("mcu"), "The microcontroller.", compute=computed("mcu", lambda known: Reference("mcu"))
    )
    sensor_temperature1: float | None = option(
        number(), "A temperature that was measured.", unit="degrees C", default=None
    )
    sensor_adc1: float | None = option(
        number(minimum=0, maximum=1), "The share of full scale that the ADC read there.", default=None
    )
    sensor_temperature2: float | None = option(
        number(), "Another temperature that was measured.", unit="degrees C", default=None
    )
    sensor_adc2: float | None = option(
        number(minimum=0, maximum=1), "The share of full scale that the ADC read there.", default=None
    )

    @property
    def points(self) -> list[tuple[float, float]]:
        """What was measured: degrees C and share of full scale."""
        pairs = ((self.sensor_temperature1, self.sensor_adc1), (self.sensor_temperature2, self.sensor_adc2))
        return [(degrees, share) for degrees, share in pairs if degrees is not None and share is not None]


PT100 = "PT100 INA826"
SensorOptions = AnalogOptions | HostSensorOptions | McuSensorOptions
SENSORS = Variants[SensorOptions](
    "sensor_type",
    {
        **dict.fromkeys(THERMISTORS, ThermistorOptions),
        PT100: AmplifierOptions,
        **dict.fromkeys(CHIPS, AmplifierOptions),
        "PT1000": Pt1000Options,
        "temperature_host": HostSensorOptions,
        "temperature_mcu": McuSensorOptions,
    },
    named={"thermistor": OwnThermistorOptions, "adc_temperature": OwnAdcOptions},
)
