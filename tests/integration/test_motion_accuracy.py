"""Ten million steps of random prints, in `make long` a thousand million, each against formulas apart from the core."""

import pytest

from tests.motion_cases import Case, prove
from tests.motion_paths import prove_steps
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
PAIRS = [
    ("none", "none"),
    ("zv", "mzv"),
    ("mzv", "zvd"),
    ("zvd", "ei"),
    ("ei", "2hump_ei"),
    ("2hump_ei", "3hump_ei"),
    ("3hump_ei", "none"),
]
ADVANCES = [(0.04, 0.0), (0.04, 0.05), (0.02, 0.2), (0.1, 0.6)]
CASES = [
    *(
        Case(kinematics, pair, microsteps=microsteps)
        for kinematics in ("cartesian", "corexy", "delta", "extruder")
        for pair in PAIRS
        for microsteps in (16, 256)
    ),
    *(
        Case("extruder", smooth_time=smooth_time, advance=advance, microsteps=microsteps)
        for smooth_time, advance in ADVANCES
        for microsteps in (16, 256)
    ),
]
STEPS = 10_000_000 // len(CASES) + 1
STEPS_LONG = 1_000_000_000 // len(CASES) + 1
MILLIMETRES = 12_000  # of path at one time, over microsteps


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_step_is_within_its_bound_of_the_true_crossing(core: Core, case: Case) -> None:
    length = MILLIMETRES / case.microsteps / 4
    prove_steps(str(case), lambda seed: prove(core, case, seed, length), 1 + CASES.index(case), STEPS)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_thousand_million_steps_are_within_their_bounds(core: Core, case: Case) -> None:
    length, first = 2 * MILLIMETRES / case.microsteps, 1000 * (1 + CASES.index(case))
    prove_steps(str(case), lambda seed: prove(core, case, seed, length), first, STEPS_LONG)
