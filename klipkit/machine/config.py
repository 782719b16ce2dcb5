"""The config sections of the machine itself: [printer], the steppers of its rails, and [force_move]."""

from collections.abc import Iterable, Mapping
from enum import Enum

from klipkit.base.declare import Declared, Known, Problem, computed, option, options, section
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.values import boolean, choice, integer, list_of, number, pair

STEP_PULSE = (
    2e-6  # s: what ordinary drivers ask (A4988: 1 us, DRV8825: 1.9 us, data sheets' timing requirements)
)


class KinematicsName(Enum):
    """How the steppers move the toolhead."""

    CARTESIAN = "cartesian"


@section("printer", required=True)
class PrinterConfig(Declared):
    """The machine as a whole."""

    kinematics: KinematicsName = option(choice(KinematicsName), "How the steppers move the toolhead.")
    max_velocity: float = option(number(above=0), "The highest speed of the toolhead.", unit="mm/s")
    max_accel: float = option(number(above=0), "The highest acceleration of the toolhead.", unit="mm/s^2")
    minimum_cruise_ratio: float = option(
        number(minimum=0, below=1),
        "The share of a short move's length that is at least driven at constant speed.",
        default=0.5,
    )
    square_corner_velocity: float = option(
        number(minimum=0), "The speed at which a corner of 90 degrees is taken.", unit="mm/s", default=5.0
    )
    max_z_velocity: float = option(
        number(above=0),
        "The highest speed along Z.",
        unit="mm/s",
        compute=computed("max_velocity", lambda known: float(known["max_velocity"])),
    )
    max_z_accel: float = option(
        number(above=0),
        "The highest acceleration along Z.",
        unit="mm/s^2",
        compute=computed("max_accel", lambda known: float(known["max_accel"])),
    )


@options()
class StepperOptions(Declared):
    """A stepper motor with its driver."""

    step_pin: Pin = option(pin(PinUse.OUTPUT), "The step pin of the driver.")
    dir_pin: Pin = option(pin(PinUse.OUTPUT), "The direction pin; high is the positive direction.")
    enable_pin: Pin | None = option(
        pin(PinUse.OUTPUT), "The enable pin of the driver; high enables.", default=None
    )
    rotation_distance: float = option(
        number(above=0), "The way of the axis for one rotation of the motor (or the last gear).", unit="mm"
    )
    microsteps: int = option(integer(minimum=1), "Microsteps of the driver for a full step.")
    full_steps_per_rotation: int = option(
        integer(minimum=1), "Full steps of the motor for one rotation.", default=200
    )
    gear_ratio: tuple[tuple[float, float], ...] = option(
        list_of(pair(number(above=0), number(above=0), ":")), "The gears between motor and axis.", default=()
    )
    step_pulse_duration: float = option(
        number(minimum=0, maximum=0.001), "The shortest step pulse.", unit="s", default=STEP_PULSE
    )

    @property
    def step_distance(self) -> float:
        """The way of the axis for one microstep, mm."""
        ratio = 1.0
        for driving, driven in self.gear_ratio:
            ratio *= driving / driven
        return self.rotation_distance / (self.full_steps_per_rotation * self.microsteps * ratio)


def _endstop_default(known: Known) -> bool:
    """Home towards the end that the endstop is at: up when it stands in the upper quarter of the way."""
    low, high, stop = (float(known[name]) for name in ("position_min", "position_max", "position_endstop"))
    return stop > low + (high - low) * 0.75


def _within(rail: "RailConfig") -> Iterable[Problem]:
    if rail.position_max <= rail.position_min:
        yield Problem("position_max", "must be above position_min")
    elif not rail.position_min <= rail.position_endstop <= rail.position_max:
        yield Problem("position_endstop", "must be between position_min and position_max")


@section("stepper_x", "stepper_y", "stepper_z", required=True, checks=[_within])
class RailConfig(StepperOptions):
    """A rail of a cartesian machine: its stepper, its endstop and its reach."""

    endstop_pin: Pin = option(pin(PinUse.INPUT), "The endstop switch.")
    position_endstop: float = option(number(), "The position at which the endstop triggers.", unit="mm")
    position_min: float = option(number(), "The lowest position that may be gone to.", unit="mm", default=0.0)
    position_max: float = option(number(), "The highest position that may be gone to.", unit="mm")
    homing_speed: float = option(
        number(above=0), "The speed of the first approach.", unit="mm/s", default=5.0
    )
    homing_retract_dist: float = option(
        number(minimum=0), "The way back before the second approach; 0 for none.", unit="mm", default=5.0
    )
    homing_retract_speed: float = option(
        number(above=0),
        "The speed of the way back.",
        unit="mm/s",
        compute=computed("homing_speed", lambda known: float(known["homing_speed"])),
    )
    second_homing_speed: float = option(
        number(above=0),
        "The speed of the second approach.",
        unit="mm/s",
        compute=computed("homing_speed / 2", lambda known: float(known["homing_speed"]) / 2),
    )
    homing_positive_dir: bool = option(
        boolean(),
        "Whether homing goes to higher positions.",
        compute=computed("yes when position_endstop is near position_max", _endstop_default),
    )


@section("force_move")
class ForceMoveConfig(Declared):
    """Commands that move without homing."""

    enable_force_move: bool = option(boolean(), "Allow FORCE_MOVE and SET_KINEMATIC_POSITION.", default=False)


MACHINE_SECTIONS: tuple[type[Declared], ...] = (PrinterConfig, RailConfig, ForceMoveConfig)
AXES: Mapping[str, int] = {"stepper_x": 0, "stepper_y": 1, "stepper_z": 2}
