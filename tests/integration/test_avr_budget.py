"""The AVR firmware keeps its budget: step rates, cycles of commands, accuracy of edges."""

import json

import pytest

from tests.bench.avr_cycles import command_cycles, jitter
from tests.bench.avr_session import Target
from tests.bench.avr_steps import succeeds
from tests.reference import TOP

MEGA = Target()
BUDGET = json.loads((TOP / "tests" / "budget.json").read_text())["avr"]
STEPS = 20_000  # fewer than the benchmark's: what is short of time falls behind 1 ms within a few thousand
TICKS = {int(count): ticks for count, ticks in BUDGET["ticks"].items()}  # by number of steppers


@pytest.mark.parametrize("phase", [0, 1009])
@pytest.mark.parametrize("count", TICKS)
def test_steppers_keep_up_at_the_budgeted_interval(count: int, phase: int) -> None:
    assert succeeds(MEGA, count, TICKS[count], phase, STEPS)


@pytest.mark.parametrize("interval", range(150, 700, 37))
def test_a_single_stepper_has_no_interval_at_which_it_fails(interval: int) -> None:
    assert succeeds(MEGA, 1, interval, 0, 3000)


def test_too_short_an_interval_does_not_pass_the_benchmark() -> None:
    assert not succeeds(MEGA, 1, 70, 0, STEPS)


@pytest.mark.parametrize("command", BUDGET["cycles"])
def test_a_command_takes_no_more_than_its_budget(command: str) -> None:
    assert command_cycles(MEGA, command) <= BUDGET["cycles"][command]


def test_edges_of_drifting_steppers_are_near_their_clocks() -> None:
    assert jitter(MEGA, 0.3)[2] <= BUDGET["jitter_cycles"]
