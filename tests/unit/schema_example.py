"""A small printer's declarations, with each hard case of the dialect, for the tests of the schema."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from klipkit.base.config import parse_config
from klipkit.base.declare import (
    Declared,
    Known,
    Problem,
    Variants,
    chosen,
    computed,
    group,
    option,
    options,
    prefixed,
    section,
    variant,
    when,
)
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.rules import exclude, needs
from klipkit.base.schema import Loaded, Schema
from klipkit.base.values import (
    Reference,
    Template,
    boolean,
    choice,
    integer,
    lines_of,
    list_of,
    number,
    pair,
    point,
    reference,
    template,
    text,
)


@options()
class Cartesian(Declared):
    """x, y, z."""

    max_z_velocity: float = option(
        number(above=0),
        "Limit of the z axis.",
        unit="mm/s",
        compute=computed("max_velocity", lambda known: float(known["max_velocity"])),
    )


@options()
class Delta(Declared):
    """Three towers."""

    delta_radius: float = option(number(above=0), "Radius of the towers.", unit="mm")


@options()
class NoKinematics(Declared):
    """No movement."""


KINEMATICS = Variants[Declared]("kinematics", {"cartesian": Cartesian, "delta": Delta, "none": NoKinematics})


@section("printer", required=True, removed={"max_accel_to_decel": "write minimum_cruise_ratio"})
class Printer(Declared):
    """The printer."""

    max_velocity: float = option(number(above=0), "Limit of speed.", unit="mm/s")
    kinematics: Declared = variant(KINEMATICS, "The kind of movement.")


@options(removed={"step_distance": "write rotation_distance, the travel of a whole turn"})
class Stepper(Declared):
    """A motor."""

    step_pin: Pin = option(pin(PinUse.OUTPUT), "The step pin.")
    microsteps: int = option(integer(minimum=1, maximum=256), "Microsteps of a full step.")
    gear_ratio: tuple[tuple[float, float], ...] = option(
        list_of(pair(number(above=0), number(above=0), ":")), "Gears.", default=()
    )


def half(known: Known) -> float:
    return float(known["homing_speed"]) / 2


def endstop_in_range(rail: Any) -> Iterable[Problem]:
    if rail.position_endstop > rail.position_max:
        yield Problem(
            "position_endstop", f"is above position_max {rail.position_max:g}", "correct one of the two"
        )


@options(checks=[endstop_in_range])
class Rail(Stepper):
    """A motor with an endstop."""

    endstop_pin: Pin = option(pin(PinUse.INPUT), "The endstop.")
    position_endstop: float = option(number(), "Where the endstop is.", unit="mm", default=0.0)
    position_max: float = option(number(), "The end of the travel.", unit="mm", default=200.0)
    homing_speed: float = option(number(above=0), "Speed of homing.", unit="mm/s", default=5.0)
    second_homing_speed: float = option(
        number(above=0),
        "Speed of the second approach.",
        unit="mm/s",
        compute=computed("homing_speed / 2", half),
    )


@section(
    "stepper_x",
    "stepper_y",
    "stepper_z",
    required=True,
    roles=["stepper"],
    when=when("printer", "kinematics", "cartesian"),
)
class CartesianRail(Rail):
    """An axis."""


@section("stepper_zN", roles=["stepper"])
class FurtherZ(Stepper):
    """A further motor of z."""


@section(
    "stepper_a", "stepper_b", required=True, roles=["stepper"], when=when("printer", "kinematics", "delta")
)
class Tower(Rail):
    """A tower."""

    arm_length: float = option(number(above=0), "Length of the arms.", unit="mm", fallback="stepper_a")
    angle: float = option(
        number(),
        "Where the tower stands.",
        unit="degrees",
        compute=computed("210 and 330", lambda known: {"stepper_a": 210.0}.get(known.source.name, 330.0)),
    )


@options()
class Thermistor(Declared):
    """A thermistor of a known type."""

    kind: str = chosen()
    sensor_pin: Pin = option(pin(PinUse.ADC), "The sensor's pin.")
    pullup_resistor: float = option(number(above=0), "The pull-up.", unit="ohm", default=4700.0)


@options()
class HostSensor(Declared):
    """The computer's own."""

    sensor_path: str = option(text("file name"), "Where it is read.", default="/sys/x")


@section("thermistor NAME")
class UserThermistor(Declared):
    """A type of thermistor."""

    beta: float = option(number(above=0), "Its beta.")


SENSORS = Variants[Thermistor | HostSensor](
    "sensor_type",
    {"EPCOS 100K": Thermistor, "temperature_host": HostSensor},
    named={"thermistor": Thermistor},
)


@options()
class Pid(Declared):
    """PID."""

    pid_kp: float = option(number(minimum=0), "P.")


@options()
class Watermark(Declared):
    """On and off."""

    max_delta: float = option(number(above=0), "Hysteresis.", unit="degrees C", default=2.0)


CONTROL = Variants[Pid | Watermark]("control", {"pid": Pid, "watermark": Watermark})


@section("heater_bed", "heater_generic NAME", roles=["heater"])
class Heater(Declared):
    """A heater."""

    heater_pin: Pin = option(pin(PinUse.PWM), "The heater's pin.")
    sensor: Thermistor | HostSensor = variant(SENSORS, "The sensor.")
    control: Pid | Watermark = variant(CONTROL, "How it is controlled.", default="watermark")


@section("extruder", roles=["heater", "stepper"])
class Extruder(Heater):
    """A nozzle."""

    stepper: Stepper | None = group(Stepper, present="step_pin")
    nozzle_diameter: float = option(number(above=0), "The nozzle.", unit="mm")
    extrude_only_velocity: float = option(
        number(above=0),
        "Limit of retractions.",
        unit="mm/s",
        compute=computed(
            "the printer's max_velocity x nozzle_diameter",
            lambda known: known.section("printer", Printer).max_velocity * float(known["nozzle_diameter"]),
        ),
    )


@section(
    "tmc2209 SECTION", refers="stepper", rules=[exclude("uart_address", "select_pins"), needs("sense", "run")]
)
class Tmc(Declared):
    """A driver."""

    uart_pin: Pin = option(pin(PinUse.UART), "The UART.", formerly=["serial_pin"])
    uart_address: int | None = option(integer(minimum=0, maximum=3), "The address.", default=None)
    select_pins: tuple[Pin, ...] = option(list_of(pin(PinUse.OUTPUT)), "The selection.", default=())
    run: float | None = option(number(above=0, below=3), "The current.", unit="A", default=None)
    sense: float | None = option(number(above=0), "The resistor.", unit="ohm", default=None)
    interpolate: bool = option(boolean(), "Whether it interpolates.", default=True)
    fields: Mapping[str, int] = prefixed("driver_", integer(), "A field.", known=["TBL", "IHOLDDELAY"])


class Order(Enum):
    """How values are kept."""

    FIRST = "first"
    LAST = "last"


@section("gcode_macro NAME")
class Macro(Declared):
    """A macro."""

    gcode: Template = option(template(), "What it does.")
    variables: Mapping[str, str] = prefixed("variable_", text(), "A variable.")
    order: Order = option(choice(Order), "The order.", default=Order.FIRST)


@section("bed")
class Bed(Declared):
    """The bed's points."""

    points: tuple[tuple[float, float], ...] = option(lines_of(point(), minimum=2), "The points.", unit="mm")
    rows: tuple[tuple[float, ...], ...] = option(lines_of(list_of(number())), "A matrix.", default=())


@section("fan NAME")
class Fan(Declared):
    """A fan."""

    heater: Reference = option(reference("heater"), "The heater that it cools.")


SCHEMA = Schema(
    [Printer, CartesianRail, FurtherZ, Tower, UserThermistor, Heater, Extruder, Tmc, Macro, Bed, Fan],
    removed={"bed_tilt": "write [z_tilt]"},
)

NONE = "[printer]\nkinematics: none\nmax_velocity: 300\n"
RAIL = "step_pin: PA1\nmicrosteps: 16\nendstop_pin: ^PA2\n"
DELTA = f"[printer]\nkinematics: delta\nmax_velocity: 300\ndelta_radius: 100\n[stepper_a]\n{RAIL}"


def load(text: str) -> Loaded:
    return SCHEMA.load(parse_config(text, "p.cfg"))


def problems(text: str) -> list[str]:
    return [str(error) for error in SCHEMA.check(parse_config(text, "p.cfg"))]
