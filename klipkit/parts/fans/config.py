"""The options of fans."""

from collections.abc import Iterable
from typing import Any

from klipkit.base.declare import (
    Declared,
    Known,
    Problem,
    Unknown,
    Variants,
    computed,
    option,
    options,
    section,
    variant,
)
from klipkit.base.pin import Pin, PinUse
from klipkit.base.pin import pin as pin_kind
from klipkit.base.values import Reference, boolean, integer, list_of, number, reference, text
from klipkit.parts.heaters.config import HeaterOptions, PidOptions, WatermarkOptions
from klipkit.parts.sensors.thermometer import GuardedRange

_share = number(minimum=0, maximum=1)


def software_shutdown(config: Any) -> Iterable[Problem]:
    """Software PWM stops in shutdown: the pin is off or on then."""
    power = min(config.shutdown_speed, config.max_power)
    if not config.hardware_pwm and 0 < power < 1:
        hint = "write shutdown_speed: 0 or 1, or max_power: 1, or hardware_pwm: True"
        yield Problem("shutdown_speed", f"gives power {power:g}, which software PWM cannot in shutdown", hint)


@options(checks=[software_shutdown])
class FanOptions(Declared):
    """A fan."""

    pin: Pin = option(pin_kind(PinUse.PWM), "The pin that drives the fan.")
    max_power: float = option(
        number(above=0, maximum=1), "The greatest share of power; speeds are scaled to it.", default=1.0
    )
    shutdown_speed: float = option(_share, "The speed when the microcontroller has shut down.", default=0.0)
    cycle_time: float = option(
        number(above=0, maximum=5), "The time of a pulse and its pause.", unit="s", default=0.01
    )
    hardware_pwm: bool = option(boolean(), "Have the chip's hardware make the pulses.", default=False)
    kick_start_time: float = option(
        number(minimum=0, maximum=10),
        "The time of full speed when the fan starts, or gets faster by more than a half.",
        unit="s",
        default=0.1,
    )
    off_below: float = option(_share, "At a lower speed the fan is turned off.", default=0.0)
    tachometer_pin: Pin | None = option(
        pin_kind(PinUse.INPUT), "The pin of the fan's tachometer.", default=None
    )
    tachometer_ppr: int = option(integer(minimum=1), "Pulses of the tachometer for a rotation.", default=2)
    tachometer_poll_interval: float = option(
        number(above=0), "The time between looks at the tachometer's pin.", unit="s", default=0.0015
    )
    enable_pin: Pin | None = option(pin_kind(PinUse.OUTPUT), "A pin that gives the fan power.", default=None)


@options()
class GuardFanOptions(FanOptions):
    """A fan that something would overheat without: it runs on in shutdown."""

    shutdown_speed: float = option(
        _share,
        "The speed when the microcontroller has shut down.",
        compute=computed("max_power", lambda known: float(known["max_power"])),
    )


@section("fan")
class FanConfig(FanOptions):
    """The fan that cools what is printed."""


@section("fan_generic NAME")
class FanGenericConfig(FanOptions):
    """A fan whose speed is set by SET_FAN_SPEED."""


def _extruder(known: Known) -> tuple[Reference, ...]:
    known.section("extruder", HeaterOptions)
    return (Reference("extruder"),)


def _extruder_if_any(known: Known) -> tuple[Reference, ...]:
    try:
        return _extruder(known)
    except Unknown:
        return ()


@section("heater_fan NAME")
class HeaterFanConfig(GuardFanOptions):
    """A fan that runs while a heater is on or hot."""

    heater: tuple[Reference, ...] = option(
        list_of(reference("heater")), "The heaters it belongs to.", compute=computed("extruder", _extruder)
    )
    heater_temp: float = option(
        number(),
        "The temperature below which a heater that is off needs it no more.",
        unit="degrees C",
        default=50.0,
    )
    fan_speed: float = option(_share, "The speed while it runs.", default=1.0)


@section("controller_fan NAME")
class ControllerFanConfig(FanOptions):
    """A fan that runs while motors or heaters are on, and some time longer."""

    fan_speed: float = option(_share, "The speed while one of them is on.", default=1.0)
    idle_timeout: float = option(
        number(minimum=0), "The time for which it goes on when all are off.", unit="s", default=30.0
    )
    idle_speed: float = option(
        _share,
        "The speed in that time.",
        compute=computed("fan_speed", lambda known: float(known["fan_speed"])),
    )
    heater: tuple[Reference, ...] = option(
        list_of(reference("heater")),
        "The heaters it belongs to.",
        compute=computed("extruder", _extruder_if_any),
    )
    stepper: tuple[Reference, ...] = option(
        list_of(reference("stepper")), "The steppers it belongs to.", default=(), said="all"
    )


@options()
class FanPidOptions(PidOptions):
    """Control by the error, its integral and its rate of change."""

    pid_deriv_time: float = option(
        number(above=0), "The time over which the rate of change is smoothed.", unit="s", default=2.0
    )


FAN_CONTROL = Variants[FanPidOptions | WatermarkOptions](
    "control", {"pid": FanPidOptions, "watermark": WatermarkOptions}
)


def _speeds(config: Any) -> Iterable[Problem]:
    if config.min_speed > config.max_speed:
        yield Problem("min_speed", "must not be above max_speed")
    if not config.min_temp <= config.target_temp <= config.max_temp:
        yield Problem(
            "target_temp", f"must be between min_temp {config.min_temp:g} and max_temp {config.max_temp:g}"
        )


@section("temperature_fan NAME", roles=["sensor"], checks=[_speeds])
class TemperatureFanConfig(GuardFanOptions, GuardedRange):
    """A fan that keeps a temperature from rising above its target."""

    control: FanPidOptions | WatermarkOptions = variant(FAN_CONTROL, "How it is controlled.")
    target_temp: float = option(number(), "The temperature wanted.", unit="degrees C", default=40.0)
    max_speed: float = option(_share, "The greatest speed.", default=1.0)
    min_speed: float = option(_share, "The least speed under PID control.", default=0.3)
    gcode_id: str | None = option(
        text("name"), "The name by which M105 reports it.", default=None, said="not reported"
    )
