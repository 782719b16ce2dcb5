"""Which motors a machine has, what coordinate each follows, where its toolhead may go: the table of kinematics.

A kinematics is a file of this folder that gives a Kind, its options in machine/options.py, and a line in each table.
"""

from collections.abc import Mapping
from typing import Any

from klipkit.base.declare import Declared
from klipkit.base.errors import MissingSection
from klipkit.base.schema import Loaded
from klipkit.base.text import sanitise
from klipkit.machine.config import ExtruderConfig, ExtruderStepperConfig, ManualStepperConfig
from klipkit.machine.kinematics.delta import DELTA
from klipkit.machine.kinematics.deltesian import DELTESIAN_KIND, DeltesianYConfig, SideConfig
from klipkit.machine.kinematics.generic_cartesian import (
    GENERIC_CARTESIAN,
    CarriageConfig,
    ExtraCarriageConfig,
    SumStepperConfig,
)
from klipkit.machine.kinematics.kind import Endstops, HomingPlan, Kind, Motor, Place, printer_of
from klipkit.machine.kinematics.none import NONE
from klipkit.machine.kinematics.polar import POLAR_KIND, ArmConfig, BedConfig, PolarZConfig
from klipkit.machine.kinematics.rails import (
    CARTESIAN,
    COREXY,
    COREXZ,
    DUAL,
    HYBRID_COREXY,
    HYBRID_COREXZ,
    linear_forward,
    resting,
)
from klipkit.machine.kinematics.rotary_delta import ROTARY_DELTA, ShoulderConfig, angle_at_endstop
from klipkit.machine.kinematics.winch import WINCH_KIND, MoreWinchConfig, WinchConfig
from klipkit.machine.options import (
    CartesianOptions,
    CoreXYOptions,
    CoreXZOptions,
    DeltaOptions,
    DeltesianOptions,
    GenericCartesianOptions,
    HybridCoreXYOptions,
    HybridCoreXZOptions,
    NoKinematicsOptions,
    PolarOptions,
    RotaryDeltaOptions,
    WinchOptions,
)

__all__ = [
    "DUAL",
    "EXTRUDER",
    "KINEMATIC_SECTIONS",
    "CarriageConfig",
    "Endstops",
    "ExtraCarriageConfig",
    "HomingPlan",
    "Motor",
    "Place",
    "ShoulderConfig",
    "SideConfig",
    "angle_at_endstop",
    "endstops",
    "extruders",
    "fill_bounds",
    "forward",
    "homing_plans",
    "linear_forward",
    "motors",
    "printer_of",
    "resting",
]
EXTRUDER = "extruder"
KINDS: Mapping[type[object], Kind] = {
    CartesianOptions: CARTESIAN,
    CoreXYOptions: COREXY,
    CoreXZOptions: COREXZ,
    HybridCoreXYOptions: HYBRID_COREXY,
    HybridCoreXZOptions: HYBRID_COREXZ,
    DeltaOptions: DELTA,
    DeltesianOptions: DELTESIAN_KIND,
    RotaryDeltaOptions: ROTARY_DELTA,
    PolarOptions: POLAR_KIND,
    WinchOptions: WINCH_KIND,
    GenericCartesianOptions: GENERIC_CARTESIAN,
    NoKinematicsOptions: NONE,
}
KINEMATIC_SECTIONS: tuple[type[Declared], ...] = (
    SideConfig,
    DeltesianYConfig,
    ShoulderConfig,
    BedConfig,
    ArmConfig,
    PolarZConfig,
    WinchConfig,
    MoreWinchConfig,
    CarriageConfig,
    ExtraCarriageConfig,
    SumStepperConfig,
)


def motors(loaded: Loaded) -> list[Motor]:
    """All motors, those of the filament last."""
    found = _kind(loaded).motors(loaded)
    for extruder in extruders(loaded):
        if extruder.stepper is not None:
            name = extruder.source.name
            found.append(Motor(name, extruder.stepper, EXTRUDER, filament=name))
    found += [_extruder_stepper(one, loaded) for one in loaded.all(ExtruderStepperConfig)]
    manual = loaded.all(ManualStepperConfig)
    return found + [Motor(one.source.name, one, EXTRUDER, filament=one.source.name) for one in manual]


def extruders(loaded: Loaded) -> list[ExtruderConfig]:
    """All extruders in the order of their tools' numbers."""
    return sorted(loaded.all(ExtruderConfig), key=lambda extruder: extruder.tool)


def _extruder_stepper(stepper: ExtruderStepperConfig, loaded: Loaded) -> Motor:
    """Follows the filament of an extruder, or nothing. Raises MissingSection."""
    if not stepper.extruder:
        return Motor(stepper.source.name, stepper, "linear", (0.0, 0.0, 0.0))
    names = [extruder.source.name for extruder in extruders(loaded)]
    if stepper.extruder not in names:
        raise MissingSection(
            f"names the extruder '{sanitise(stepper.extruder)}', for which there is no section",
            where=stepper.source.where("extruder"),
            hint=f"the first extruder is [{EXTRUDER}]; empty: it stands still",
        )
    return Motor(stepper.source.name, stepper, EXTRUDER, filament=stepper.extruder)


def forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    """Where the toolhead is, mm, when the motors of these names have come to these coordinates (`Motor.coordinate`).

    Of motors for one axis that do not agree, the mean. Raises MoveError when there is no such place.
    """
    return _kind(loaded).forward(loaded, places)


def homing_plans(loaded: Loaded) -> list[HomingPlan]:
    """How the axes are homed, in order."""
    return _kind(loaded).homing(loaded)


def endstops(loaded: Loaded) -> Endstops:
    """Of all axes."""
    return _kind(loaded).endstops(loaded)


def fill_bounds(bounds: Any, loaded: Loaded) -> None:
    """Fill a `struct bounds` of machine/bounds.h; no axis is known yet."""
    _kind(loaded).bound(bounds, loaded, printer_of(loaded))


def _kind(loaded: Loaded) -> Kind:
    return KINDS[type(printer_of(loaded).kinematics)]
