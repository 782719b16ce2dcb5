"""Ten million steps of machines with other kinematics, each against formulas apart from the core."""

import pytest

from tests.motion_bent_cases import MACHINES, BentCase, prove
from tests.motion_paths import prove_steps
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
MILLIMETRES = 12_000  # of path at one time, over microsteps


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_step_is_within_its_bound_of_the_true_crossing(core: Core, case: BentCase) -> None:
    length = MILLIMETRES / case.microsteps / 4
    prove_steps(str(case), lambda seed: prove(core, case, seed, length), 1 + CASES.index(case), STEPS)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=str)
def test_twenty_times_as_many_steps_are_within_their_bounds(core: Core, case: BentCase) -> None:
    length, first = 2 * MILLIMETRES / case.microsteps, 1000 * (1 + CASES.index(case))
    prove_steps(str(case), lambda seed: prove(core, case, seed, length), first, STEPS_LONG)
