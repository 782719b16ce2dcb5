"""Ten million steps of machines with other kinematics, each against formulas apart from the core."""

import pytest

from tests.motion_bent_cases import MACHINES, BentCase, prove
from tests.motion_paths import Worst
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
CASES = [
    BentCase(machine, pair, microsteps)
    for machine in MACHINES
    for pair in (("none", "none"), ("mzv", "ei"))
    for microsteps in (16, 64)
]
STEPS = 10_000_000 // len(CASES) + 1
STEPS_LONG = 20 * STEPS
EXCUSED_MOST = 2e-5
MILLIMETRES = 12_000  # of path at one time, over microsteps


def prove_steps(core: Core, case: BentCase, seed: int, steps: int, length: float) -> Worst:
    """Paths with one seed after another, until so many steps have been compared."""
    worst = Worst()
    while worst.steps < steps:
        worst.add(prove(core, case, seed, length))
        seed += 1
    assert worst.excused <= 3 + EXCUSED_MOST * worst.steps
    print(f"{case}: {worst}")
    return worst


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_step_is_within_its_bound_of_the_true_crossing(core: Core, case: BentCase) -> None:
    prove_steps(core, case, 1 + CASES.index(case), STEPS, MILLIMETRES / case.microsteps / 4)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=str)
def test_twenty_times_as_many_steps_are_within_their_bounds(core: Core, case: BentCase) -> None:
    prove_steps(core, case, 1000 * (1 + CASES.index(case)), STEPS_LONG, 2 * MILLIMETRES / case.microsteps)
