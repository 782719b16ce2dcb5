"""What [printer] says about each kinematics: a class of options and a line in the table, by the dialect's name."""

from klipkit.base.declare import Computed, Declared, Variants, computed, option, options
from klipkit.base.values import number


def same_as(option: str) -> Computed[float]:
    """The default is another option's value."""
    return computed(option, lambda known: float(known[option]))


@options()
class ZLimits(Declared):
    """Limits of the z part of a move."""

    max_z_velocity: float = option(
        number(above=0), "The highest speed along Z.", unit="mm/s", compute=same_as("max_velocity")
    )
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
    minimum_z_position: float = option(number(), "The lowest Z that may be gone to.", unit="mm", default=0.0)


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
class NoKinematicsOptions(Declared):
    """Nothing moves the toolhead."""


Kinematics = (
    CartesianOptions
    | CoreXYOptions
    | CoreXZOptions
    | HybridCoreXYOptions
    | HybridCoreXZOptions
    | DeltaOptions
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
        "none": NoKinematicsOptions,
    },
)
RAILS = ("cartesian", "corexy", "corexz", "hybrid_corexy", "hybrid_corexz")  # those with a rail for each axis
