"""Which steppers' phases tell where an endstop triggered, and why the others' do not.

cartesian   stepper_z alone moves z: its phase at the endstop is always the same        valid
corexy      x = (a + b) / 2: with y the phases of both are others at the same x         refused
delta       each tower has a stepper, a carriage and an endstop                         valid
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.machine.config import EndstopOptions, FollowerConfig
from klipkit.machine.endstop_phase.config import FULL_STEPS
from klipkit.machine.kinematics import ExtraCarriageConfig, HomingPlan, Motor, homing_plans, motors

AXES = "xyz"
PROBE = "probe"  # the section by which a probe is an endstop
NO_ENDSTOP = "no endstop stops it"
AT_A_PROBE = (
    "its endstop is a probe, which has no fixed place on the rail: the phase is not the same at each trigger"
)


@dataclass(frozen=True, slots=True)
class PhaseRail:
    """A stepper with what of it the phase depends on. `refused`: why its phase tells nothing; empty when it does.

    `step` is a microstep in mm (of an arm: radians), and the phase turns in `phases` of them. `rail` is the section of
    its endstop, `together` are the motors that move as it does and stop with it, `axes` are homed at once, at `speed`.
    """

    stepper: str
    step: float
    phases: int
    rail: str = ""
    together: tuple[str, ...] = ()
    axes: tuple[int, ...] = ()
    speed: float = 0.0
    refused: str = NO_ENDSTOP
    is_tower: bool = False

    @property
    def full_step(self) -> int:
        """Microsteps."""
        return self.phases // FULL_STEPS


def phase_rails(loaded: Loaded) -> Mapping[str, PhaseRail]:
    """Of all motors but the filament's, by their sections. A motor that several endstops stop has its own rail's."""
    found = {motor.name: motor for motor in motors(loaded) if not motor.moves_filament}
    rails: dict[str, PhaseRail] = {}
    for made in _stopped(loaded, found):
        known = rails.get(made.stepper)
        if known is None or (known.refused and not made.refused) or made.rail == made.stepper:
            rails[made.stepper] = made
    for name, motor in found.items():
        if name not in rails:
            rails[name] = _unstopped(motor)
    return rails


def _stopped(loaded: Loaded, found: Mapping[str, Motor]) -> Iterator[PhaseRail]:
    for plan in homing_plans(loaded):
        for rail, stops in plan.rails.items():
            for name in stops:
                motor = found[name]
                together = tuple(other for other in stops if _moves_as(found[other], motor))
                yield replace(
                    _unstopped(motor),
                    rail=rail,
                    together=together,
                    axes=plan.axes,
                    speed=plan.config.homing_speed,
                    refused=_refusal(loaded, plan, rail, motor),
                    is_tower=plan.heights is not None,
                )


def _unstopped(motor: Motor) -> PhaseRail:
    config = motor.config
    return PhaseRail(motor.name, config.step_distance, FULL_STEPS * config.microsteps)


def _moves_as(one: Motor, other: Motor) -> bool:
    return (one.coordinate, one.geometry) == (other.coordinate, other.geometry)


def _refusal(loaded: Loaded, plan: HomingPlan, rail: str, motor: Motor) -> str:
    switch = loaded.sections[rail]
    assert isinstance(switch, EndstopOptions | FollowerConfig | ExtraCarriageConfig)
    if _is_probe(switch.endstop_pin):
        return AT_A_PROBE
    if plan.heights is not None or _follows(motor, plan.axes):
        return ""
    axes = ", ".join(AXES[axis] for axis in plan.axes)
    return f"its phase is not the same at each trigger: more than the position along {axes} turns it"


def _is_probe(pin: Pin | None) -> bool:
    return pin is not None and pin.chip == PROBE


def _follows(motor: Motor, axes: tuple[int, ...]) -> bool:
    """Whether its coordinate is that of the axis, and nothing else."""
    turning = tuple(axis for axis, share in enumerate(motor.geometry) if share)
    return motor.coordinate == "linear" and turning == axes
