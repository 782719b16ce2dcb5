"""What [printer] says about each kinematics: a class of options and a line in the table, by the dialect's name."""

from klipkit.base.declare import Computed, Declared, Variants, computed, option, options
from klipkit.base.values import number


def same_as(option: str) -> Computed[float]:
    """The default is another option's value."""
    return computed(option, lambda known: float(known[option]))


LOWEST = "The lowest Z that may be gone to."


@options()
class ZVelocity(Declared):
    """The limit of the z part of a move."""

    max_z_velocity: float = option(
        number(above=0), "The highest speed along Z.", unit="mm/s", compute=same_as("max_velocity")
    )


@options()
class ZLimits(ZVelocity):
    """Limits of the z part of a move."""

    max_z_accel: float = option(
        number(above=0), "The highest acceleration along Z.", unit="mm/s^2", compute=same_as("max_accel")
    )


@options()
class CartesianOptions(ZLimits):
    """X, Y and Z have a rail each."""


@options()
class CoreXYOptions(ZLimits):
    """Two belts share X and Y."""


@options()
class DeltaOptions(ZLimits):
    """Three carriages on towers hold the toolhead by arms."""

    delta_radius: float = option(
        number(above=0),
        "The radius of the circle through the towers, less what carriages and effector take.",
        unit="mm",
    )
    print_radius: float = option(
        number(above=0), "How far from the middle may be gone.", unit="mm", compute=same_as("delta_radius")
    )
    minimum_z_position: float = option(number(), LOWEST, unit="mm", default=0.0)


@options()
class CoreXZOptions(ZLimits):
    """Two belts share X and Z."""


@options()
class HybridCoreXYOptions(ZLimits):
    """X's belt runs over the Y axis."""


@options()
class HybridCoreXZOptions(ZLimits):
    """X's belt runs over the Z axis."""


@options()
class DeltesianOptions(ZLimits):
    """Two carriages on towers hold the toolhead by arms, in one plane; Y has a rail."""

    minimum_z_position: float = option(number(), LOWEST, unit="mm", default=0.0)
    min_angle: float = option(
        number(minimum=0, maximum=90),
        "How near the arms may come to lying flat.",
        unit="degrees",
        default=5.0,
    )
    print_width: float | None = option(
        number(above=0),
        "How wide the range of X is, about the middle.",
        unit="mm",
        default=None,
        said="as the arms and towers allow",
    )
    slow_ratio: float = option(
        number(minimum=0),
        "Where a carriage is so many times faster than the toolhead, velocity and acceleration are halved; "
        "where it is twice as many times faster, quartered.",
        default=3.0,
    )


@options()
class RotaryDeltaOptions(ZVelocity):
    """Three arms that turn about their shoulders hold the toolhead by lower arms."""

    minimum_z_position: float = option(number(), LOWEST, unit="mm", default=0.0)
    shoulder_radius: float = option(
        number(above=0),
        "The radius of the circle through the shoulder joints, less that of the effector's joints.",
        unit="mm",
    )
    shoulder_height: float = option(
        number(above=0),
        "How high the shoulder joints are over the bed, less the effector's height.",
        unit="mm",
    )


@options()
class PolarOptions(ZLimits):
    """The bed turns, an arm reaches out over it."""

    max_angular_velocity: float = option(
        number(minimum=0),
        "The highest speed of the bed: near the middle moves are slower. 0: no limit.",
        unit="rad/s",
        default=0.0,
    )


@options()
class WinchOptions(Declared):
    """Cables from winches hold the toolhead."""


@options()
class GenericCartesianOptions(ZLimits):
    """Carriages on the axes, and steppers that move sums of them, as the config says."""


@options()
class NoKinematicsOptions(Declared):
    """Nothing moves the toolhead."""


Kinematics = (
    CartesianOptions
    | CoreXYOptions
    | CoreXZOptions
    | HybridCoreXYOptions
    | HybridCoreXZOptions
    | DeltaOptions
    | DeltesianOptions
    | RotaryDeltaOptions
    | PolarOptions
    | WinchOptions
    | GenericCartesianOptions
    | NoKinematicsOptions
)
KINEMATICS = Variants[Kinematics](
    "kinematics",
    {
        "cartesian": CartesianOptions,
        "corexy": CoreXYOptions,
        "corexz": CoreXZOptions,
        "hybrid_corexy": HybridCoreXYOptions,
        "hybrid_corexz": HybridCoreXZOptions,
        "delta": DeltaOptions,
        "deltesian": DeltesianOptions,
        "rotary_delta": RotaryDeltaOptions,
        "polar": PolarOptions,
        "winch": WinchOptions,
        "generic_cartesian": GenericCartesianOptions,
        "none": NoKinematicsOptions,
    },
)
RAILS = ("cartesian", "corexy", "corexz", "hybrid_corexy", "hybrid_corexz")  # those with a rail for each axis
