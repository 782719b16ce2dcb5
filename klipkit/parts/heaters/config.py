"""The options of heaters, and the sections [heater_bed], [heater_generic NAME] and [verify_heater NAME]."""

from klipkit.base.declare import Declared, Variants, computed, option, options, section, variant
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.values import number, text
from klipkit.parts.sensors.thermometer import GuardedRange

MAX_DURATION = 2.5  # s without a refresh after which the MCU shuts down


@options()
class PidOptions(Declared):
    """Control by the error, its integral and its rate of change."""

    pid_kp: float = option(
        number(minimum=0), "Power for a degree of error.", unit="1/255 per degree", name="pid_kp"
    )
    pid_ki: float = option(
        number(minimum=0), "Power for a degree of error that lasts a second.", unit="1/255 per degree and s"
    )
    pid_kd: float = option(
        number(minimum=0),
        "Power less for a degree by which it gets warmer in a second.",
        unit="s/255 per degree",
    )


@options()
class WatermarkOptions(Declared):
    """Control by switching on and off."""

    max_delta: float = option(
        number(above=0),
        "How far the temperature goes above and below the target before the heater is switched.",
        unit="degrees C",
        default=2.0,
    )


ControlOptions = PidOptions | WatermarkOptions
CONTROL = Variants[ControlOptions]("control", {"pid": PidOptions, "watermark": WatermarkOptions})


@options()
class HeaterOptions(GuardedRange):
    """A heater with its sensor."""

    heater_pin: Pin = option(pin(PinUse.PWM), "The pin that heats.")
    max_power: float = option(
        number(above=0, maximum=1), "The greatest share of its power that it is given.", default=1.0
    )
    control: ControlOptions = variant(CONTROL, "How it is controlled.")
    pwm_cycle_time: float = option(
        number(above=0, below=MAX_DURATION), "The time of a pulse and its pause.", unit="s", default=0.1
    )


@section("heater_bed", roles=["heater", "sensor"])
class HeaterBedConfig(HeaterOptions):
    """The heater of the bed."""


@section("heater_generic NAME", roles=["heater", "sensor"])
class HeaterGenericConfig(HeaterOptions):
    """A further heater, such as that of a chamber."""

    gcode_id: str | None = option(
        text("name"), "The name by which M105 reports it.", default=None, said="not reported"
    )


@section("verify_heater SECTION", refers="heater")
class VerifyHeaterConfig(Declared):
    """How a heater is checked. Each heater is checked without this section too, with the defaults."""

    max_error: float = option(
        number(minimum=0),
        "The sum, over the seconds, of what the temperature lacks of the target's range, at which the printer stops.",
        unit="degrees C s",
        default=120.0,
    )
    check_gain_time: float = option(
        number(minimum=1),
        "The time in which a heater on its way to the target must gain heating_gain.",
        unit="s",
        compute=computed("60 for the bed, 20 for others", lambda known: gain_time(known.source.short)),
    )
    hysteresis: float = option(
        number(minimum=0), "How far below the target the range begins.", unit="degrees C", default=5.0
    )
    heating_gain: float = option(
        number(above=0), "What is gained on the way to the target.", unit="degrees C", default=2.0
    )


def gain_time(heater: str) -> float:
    """The default of check_gain_time, s: a bed is slow."""
    return 60.0 if heater == "heater_bed" else 20.0
