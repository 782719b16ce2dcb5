"""The config sections of the machine itself: [printer], the steppers of its rails, and [force_move]."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable
from enum import Enum

from klipkit.base.declare import (
    Declared,
    Known,
    Problem,
    computed,
    group,
    option,
    options,
    section,
    variant,
    when,
)
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.values import boolean, choice, integer, list_of, number, pair, text
from klipkit.machine.options import KINEMATICS, RAILS, Kinematics, same_as
from klipkit.parts.drivers.config import WORDS
from klipkit.parts.heaters.config import HeaterOptions

STEP_PULSE = (
    2e-6  # s: what ordinary drivers ask (A4988: 1 us, DRV8825: 1.9 us, data sheets' timing requirements)
)


TMC_PULSE = 100e-9  # s: TMC2209 data sheet, section 13.1, STEP/DIR timing


@section("printer", required=True, removed={"max_accel_to_decel": "write minimum_cruise_ratio"})
class PrinterConfig(Declared):
    """The machine as a whole."""

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
    kinematics: Kinematics = variant(KINEMATICS, "How the steppers move the toolhead.")


def _pulse(known: Known) -> float:
    """Drivers that are set up by wire are known, and are quick."""
    stepper = known.source.name
    return TMC_PULSE if any(known.has(f"{word} {stepper}") for word in WORDS) else STEP_PULSE


@options()
class StepperOptions(Declared):
    """A stepper motor with its driver; what turns it into a way is said by those who inherit this."""

    step_pin: Pin = option(pin(PinUse.OUTPUT), "The step pin of the driver.")
    dir_pin: Pin = option(pin(PinUse.OUTPUT), "The direction pin; high is the positive direction.")
    enable_pin: Pin | None = option(
        pin(PinUse.OUTPUT), "The enable pin of the driver; high enables.", default=None
    )
    microsteps: int = option(integer(minimum=1), "Microsteps of the driver for a full step.")
    full_steps_per_rotation: int = option(
        integer(minimum=1), "Full steps of the motor for one rotation.", default=200
    )
    step_pulse_duration: float = option(
        number(minimum=0, maximum=0.001),
        "The shortest step pulse.",
        unit="s",
        compute=computed("0.0000001 of a driver with a tmc section, else 0.000002", _pulse),
    )

    @property
    @abstractmethod
    def step_distance(self) -> float:
        """The way of the axis for one microstep, mm; of a motor that turns an arm or a bed: radians."""

    def _steps(self, gears: Iterable[tuple[float, float]]) -> float:
        """Microsteps for one rotation of the last gear."""
        steps = float(self.full_steps_per_rotation * self.microsteps)
        for driving, driven in gears:
            steps *= driving / driven
        return steps


@options()
class LinearStepperOptions(StepperOptions):
    """A stepper motor that moves something along a line."""

    rotation_distance: float = option(
        number(above=0), "The way of the axis for one rotation of the motor (or the last gear).", unit="mm"
    )
    gear_ratio: tuple[tuple[float, float], ...] = option(
        list_of(pair(number(above=0), number(above=0), ":")), "The gears between motor and axis.", default=()
    )

    @property
    def step_distance(self) -> float:
        return self.rotation_distance / self._steps(self.gear_ratio)


@options(removed={"rotation_distance": "write gear_ratio alone: the motor turns an arm or a bed"})
class TurningStepperOptions(StepperOptions):
    """A stepper motor that turns something."""

    gear_ratio: tuple[tuple[float, float], ...] = option(
        list_of(pair(number(above=0), number(above=0), ":"), minimum=1),
        "The gears between motor and what it turns.",
    )

    @property
    def step_distance(self) -> float:
        return 2 * math.pi / self._steps(self.gear_ratio)


def _endstop_default(known: Known) -> bool:
    """Home towards the end that the endstop is at: up when it stands in the upper quarter of the way."""
    low, high, stop = (float(known[name]) for name in ("position_min", "position_max", "position_endstop"))
    return stop > low + (high - low) * 0.75


def _within(rail: "TravelOptions") -> Iterable[Problem]:
    low, stop, high = rail.position_min, rail.position_endstop, rail.position_max
    if high <= low:
        yield Problem("position_max", f"is {high:g}, but must be above position_min ({low:g})")
    elif not low <= stop <= high:
        what = f"is {stop:g}, but must be between position_min ({low:g}) and position_max ({high:g})"
        yield Problem("position_endstop", what)


@options()
class EndstopOptions(Declared):
    """An endstop, and how it is approached."""

    endstop_pin: Pin = option(pin(PinUse.INPUT), "The endstop switch.")
    homing_speed: float = option(
        number(above=0), "The speed of the first approach.", unit="mm/s", default=5.0
    )
    homing_retract_dist: float = option(
        number(minimum=0), "The way back before the second approach; 0 for none.", unit="mm", default=5.0
    )
    homing_retract_speed: float = option(
        number(above=0), "The speed of the way back.", unit="mm/s", compute=same_as("homing_speed")
    )
    second_homing_speed: float = option(
        number(above=0),
        "The speed of the second approach.",
        unit="mm/s",
        compute=computed("homing_speed / 2", lambda known: float(known["homing_speed"]) / 2),
    )


@options()
class HomingOptions(EndstopOptions, LinearStepperOptions):
    """A stepper with an endstop."""


@options(checks=[_within])
class TravelOptions(Declared):
    """How far something goes along an axis, and where its endstop is."""

    position_endstop: float = option(number(), "The position at which the endstop triggers.", unit="mm")
    position_min: float = option(number(), "The lowest position that may be gone to.", unit="mm", default=0.0)
    position_max: float = option(number(), "The highest position that may be gone to.", unit="mm")
    homing_positive_dir: bool = option(
        boolean(),
        "Whether homing goes to higher positions.",
        compute=computed("yes when position_endstop is near position_max", _endstop_default),
    )


@section(
    "stepper_x",
    "stepper_y",
    "stepper_z",
    required=True,
    roles=["stepper"],
    when=when("printer", "kinematics", *RAILS),
)
class RailConfig(TravelOptions, HomingOptions):
    """A rail: its stepper, its endstop and its reach."""


@section(
    "stepper_xN", "stepper_yN", "stepper_zN", roles=["stepper"], when=when("printer", "kinematics", *RAILS)
)
class FollowerConfig(LinearStepperOptions):
    """A further stepper of a rail: stepper_z1 moves as stepper_z does."""

    endstop_pin: Pin | None = option(
        pin(PinUse.INPUT),
        "An endstop for this stepper alone; without it stepper_z's stops both.",
        default=None,
    )

    @property
    def leader(self) -> str:
        """The section of the rail."""
        return self.source.name.rstrip("0123456789")


class DualAxis(Enum):
    """Along which a second carriage may go."""

    X = "x"
    Y = "y"


def _dual_axis(dual: "DualCarriageConfig") -> Iterable[Problem]:
    if dual.safe_distance is not None and dual.safe_distance < 0:
        yield Problem("safe_distance", "must not be below 0")


@section(
    "dual_carriage",
    roles=["stepper"],
    when=when("printer", "kinematics", "cartesian", "hybrid_corexy", "hybrid_corexz"),
    checks=[_dual_axis],
)
class DualCarriageConfig(TravelOptions, HomingOptions):
    """A second carriage on the axis of the first one, with a stepper and an endstop of its own."""

    axis: DualAxis = option(choice(DualAxis), "The axis along which it goes; of a hybrid machine: x.")
    safe_distance: float | None = option(
        number(),
        "How near the carriages may come to each other; 0: they are not watched.",
        unit="mm",
        default=None,
        said="what the reaches of both differ by, the lesser of both ends",
    )

    @property
    def along(self) -> int:
        """The number of its axis."""
        return "xyz".index(self.axis.value)


ANGLES = {"stepper_a": 210.0, "stepper_b": 330.0, "stepper_c": 90.0}  # degrees


@section(
    "stepper_a",
    "stepper_b",
    "stepper_c",
    required=True,
    roles=["stepper"],
    when=when("printer", "kinematics", "delta"),
)
class TowerConfig(HomingOptions):
    """A tower of a delta: its stepper, its endstop and its arm."""

    position_endstop: float = option(
        number(),
        "The height of the nozzle over the middle of the bed when the endstop triggers.",
        unit="mm",
        fallback="stepper_a",
    )
    arm_length: float = option(number(above=0), "The length of the arm.", unit="mm", fallback="stepper_a")
    angle: float = option(
        number(),
        "Where the tower stands.",
        unit="degrees",
        compute=computed("210, 330 and 90", lambda known: ANGLES[known.source.name]),
    )


@options()
class ExtruderStepper(LinearStepperOptions):
    """The stepper that pushes the filament."""


def _most_of(limit: str) -> Callable[[Known], float]:
    """The limit of filament alone that equals the printer's with a cross section of 4 nozzle diameters squared."""

    def most(known: Known) -> float:
        printer = known.section("printer", PrinterConfig)
        area = math.pi * (float(known["filament_diameter"]) / 2) ** 2
        return float(getattr(printer, limit)) * 4 * float(known["nozzle_diameter"]) ** 2 / area

    return most


@section("extruder", "extruderN", roles=["heater", "sensor", "stepper"])
class ExtruderConfig(HeaterOptions):
    """A hotend with the stepper that feeds it: the first one, or a further one (extruder1 is T1)."""

    stepper: ExtruderStepper | None = group(ExtruderStepper, present="step_pin")
    nozzle_diameter: float = option(number(above=0), "The diameter of the nozzle.", unit="mm")
    filament_diameter: float = option(number(above=0), "The diameter of the filament.", unit="mm")
    max_extrude_cross_section: float = option(
        number(above=0),
        "The greatest cross section of an extrusion.",
        unit="mm^2",
        compute=computed("4 nozzle_diameter^2", lambda known: 4 * float(known["nozzle_diameter"]) ** 2),
    )
    instantaneous_corner_velocity: float = option(
        number(above=0), "By how much the filament's speed may jump.", unit="mm/s", default=1.0
    )
    max_extrude_only_distance: float = option(
        number(minimum=0), "The longest move of filament alone.", unit="mm", default=50.0
    )
    max_extrude_only_velocity: float = option(
        number(above=0),
        "The highest speed of filament alone.",
        unit="mm/s",
        compute=computed("as for a cross section of 4 nozzle_diameter^2", _most_of("max_velocity")),
    )
    max_extrude_only_accel: float = option(
        number(above=0),
        "The highest acceleration of filament alone.",
        unit="mm/s^2",
        compute=computed("as for a cross section of 4 nozzle_diameter^2", _most_of("max_accel")),
    )
    pressure_advance: float = option(
        number(minimum=0), "Filament pushed ahead, for each mm/s of its speed.", unit="s", default=0.0
    )
    pressure_advance_smooth_time: float = option(
        number(above=0, maximum=0.2), "The time over which that is smoothed.", unit="s", default=0.04
    )
    min_extrude_temp: float = option(
        number(), "The lowest temperature at which filament may be moved.", unit="degrees C", default=170.0
    )

    @property
    def tool(self) -> int:
        """Its number: 0 of extruder, 1 of extruder1."""
        return int(self.source.name.removeprefix("extruder") or 0)


@section("extruder_stepper NAME", roles=["stepper"])
class ExtruderStepperConfig(LinearStepperOptions):
    """One more stepper that moves an extruder's filament."""

    extruder: str = option(
        text("name of the extruder", may_be_empty=True),
        "The section of the extruder whose filament it moves; empty: it stands still.",
    )


@section("manual_stepper NAME", roles=["stepper"])
class ManualStepperConfig(LinearStepperOptions):
    """A motor that belongs to no axis and moves by MANUAL_STEPPER."""

    velocity: float = option(number(above=0), "Its speed where none is told.", unit="mm/s", default=5.0)
    accel: float = option(
        number(minimum=0), "Its acceleration where none is told; 0: none.", unit="mm/s^2", default=0.0
    )
    endstop_pin: Pin | None = option(
        pin(PinUse.INPUT), "The endstop switch at which it can stop.", default=None
    )


class ShaperName(Enum):
    """The input shapers."""

    ZV = "zv"
    MZV = "mzv"
    ZVD = "zvd"
    EI = "ei"
    TWO_HUMPS = "2hump_ei"
    THREE_HUMPS = "3hump_ei"


def _kind(known: Known) -> ShaperName:
    return ShaperName(known["shaper_type"])


@section("input_shaper")
class InputShaperConfig(Declared):
    """The resonances that moves are shaped not to excite."""

    shaper_freq_x: float = option(
        number(minimum=0), "The resonance of X; 0: it is not shaped.", unit="Hz", default=0.0
    )
    shaper_freq_y: float = option(
        number(minimum=0), "The resonance of Y; 0: it is not shaped.", unit="Hz", default=0.0
    )
    shaper_type: ShaperName = option(
        choice(ShaperName), "The shaper of both axes.", default=ShaperName.MZV, said="mzv"
    )
    shaper_type_x: ShaperName = option(
        choice(ShaperName), "The shaper of X.", compute=computed("shaper_type", _kind)
    )
    shaper_type_y: ShaperName = option(
        choice(ShaperName), "The shaper of Y.", compute=computed("shaper_type", _kind)
    )
    damping_ratio_x: float = option(number(minimum=0, below=1), "How X's vibration is damped.", default=0.1)
    damping_ratio_y: float = option(number(minimum=0, below=1), "How Y's vibration is damped.", default=0.1)


@section("force_move", always=True)
class ForceMoveConfig(Declared):
    """Commands that move without homing."""

    enable_force_move: bool = option(boolean(), "Allow FORCE_MOVE and SET_KINEMATIC_POSITION.", default=False)


MACHINE_SECTIONS: tuple[type[Declared], ...] = (
    PrinterConfig,
    RailConfig,
    FollowerConfig,
    TowerConfig,
    DualCarriageConfig,
    ExtruderConfig,
    ExtruderStepperConfig,
    ManualStepperConfig,
    InputShaperConfig,
    ForceMoveConfig,
)
