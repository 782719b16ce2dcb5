"""Losses of steps judged by their noise: no wrong verdict, whatever the noise is, and no more homings than needed."""

import random
from collections.abc import Callable

import pytest

from klipkit.cli.lost_steps_moves import leg, reach_of, tour
from klipkit.machine.losses import LEAST, MOST, Verdict, loss, student_tail, suffices

CYCLE = 64  # microsteps


def played(draw: Callable[[], float], cycles: int, cycle: int = CYCLE) -> tuple[Verdict, int, int]:
    """Verdict, cycles and homings of a check, as the tool makes it: stopped at the first verdict."""
    before = [float(round(draw()))]
    while not suffices(before, cycle):
        if 2 * len(before) >= MOST:
            return Verdict.UNSURE, 0, len(before)
        before.append(round(draw()))
    after: list[float] = []
    while len(before) + len(after) < MOST:
        after.append(round(draw() + cycles * cycle))
        found = loss(before, after, cycle)
        if found.verdict is not Verdict.UNSURE:
            return found.verdict, found.cycles, len(before) + len(after)
    return Verdict.UNSURE, 0, MOST


@pytest.mark.parametrize("noise", [0.0, 0.7, 3.0, 6.4, 10.0, 16.0, 40.0, 64.0])
def test_no_verdict_is_wrong_at_any_size_of_noise(noise: float) -> None:
    rng = random.Random(f"{noise}")
    for _ in range(600):
        lost = rng.choice((0, 0, 1, -1, 3, -5))
        verdict, cycles, homings = played(lambda: rng.gauss(7.3, noise), lost)
        assert homings <= MOST
        if verdict is not Verdict.UNSURE:
            assert (verdict, cycles) == (Verdict.LOST if lost else Verdict.KEPT, lost)


@pytest.mark.long
@pytest.mark.parametrize("noise", [3.0, 6.4, 8.0, 10.0, 13.0, 16.0, 24.0, 32.0, 48.0, 64.0])
def test_not_one_verdict_of_a_hundred_thousand_is_wrong(noise: float) -> None:
    rng = random.Random(f"long {noise}")
    for _ in range(100_000):
        verdict, cycles, _ = played(lambda: rng.gauss(0, noise), 0)
        assert (verdict, cycles) in ((Verdict.KEPT, 0), (Verdict.UNSURE, 0))


@pytest.mark.parametrize(("noise", "least", "most"), [(0.0, 6, 6), (2.0, 6, 10), (6.4, 9, 16)])
def test_it_homes_as_often_as_the_noise_needs(noise: float, least: int, most: int) -> None:
    rng = random.Random(1)
    counts = [played(lambda: rng.gauss(0, noise), 1)[2] for _ in range(300)]
    assert least <= sum(counts) / len(counts) <= most


def test_noise_of_half_a_cycle_cannot_tell() -> None:
    rng = random.Random(2)
    verdicts = [played(lambda: rng.gauss(0, 32), 0)[0] for _ in range(300)]
    assert set(verdicts) == {Verdict.UNSURE}


def test_an_even_noise_is_judged_as_well() -> None:
    rng = random.Random(3)
    for _ in range(500):
        lost = rng.choice((0, 1, -2))
        verdict, cycles, _ = played(lambda: rng.uniform(-12, 12), lost)
        assert verdict is Verdict.UNSURE or cycles == lost


def test_full_steps_without_microsteps_are_told_apart_as_well() -> None:
    rng = random.Random(4)
    for _ in range(300):
        lost = rng.choice((0, 1, -1))
        verdict, cycles, _ = played(lambda: 10.0 + rng.choice((0, 0, 0, 0.6)), lost, cycle=4)
        assert verdict is Verdict.UNSURE or cycles == lost


@pytest.mark.parametrize("moved", [20, 23, 31.5, 32, 41, -23, 64 + 20])
def test_what_is_no_whole_cycle_has_moved(moved: float) -> None:
    places = [100.0, 101, 100, 100, 101, 100]
    few, found = (loss(places[:n], [place + moved for place in places[:n]], CYCLE) for n in (3, 6))
    assert (few.verdict, found.verdict) == (Verdict.UNSURE, Verdict.MOVED)


@pytest.mark.parametrize("moved", [0.0, 1.0, -1.0, 64.0, 65.0, 127.0])
def test_a_step_beside_a_whole_cycle_is_the_whole_cycle(moved: float) -> None:
    found = loss([100.0] * 3, [100.0 + moved] * 3, CYCLE)
    assert found.verdict is (Verdict.LOST if abs(moved) > 1 else Verdict.KEPT)
    assert found.cycles == round(moved / CYCLE)


def test_too_few_homings_are_no_verdict() -> None:
    assert loss([1.0] * (LEAST - 1), [1.0] * 9, CYCLE).verdict is Verdict.UNSURE
    assert loss([1.0] * 9, [1.0] * (LEAST - 1), CYCLE).verdict is Verdict.UNSURE
    assert not suffices([1.0] * (LEAST - 1), CYCLE)


# Student's t, two-sided, from the tables of Abramowitz and Stegun, 26.10
@pytest.mark.parametrize(
    ("t", "freedom", "tail"),
    [
        (12.706, 1, 0.05),
        (4.303, 2, 0.05),
        (3.182, 3, 0.05),
        (2.776, 4, 0.05),
        (2.571, 5, 0.05),
        (2.228, 10, 0.05),
        (5.841, 3, 0.01),
        (2.845, 20, 0.01),
        (3.850, 20, 0.001),
    ],
)
def test_students_tail_is_that_of_the_tables(t: float, freedom: int, tail: float) -> None:
    assert student_tail(t, freedom) == pytest.approx(tail, rel=2e-3)


# --- the moves that try a motor ---

TOOLHEAD = {
    "axis_minimum": [0.0, -10.0, 0.0, 0.0],
    "axis_maximum": [200.0, 190.0, 180.0, 0.0],
    "cone_start_z": None,
}


def ends(position: list[float], axis: int) -> tuple[float, float]:
    """Where the fast move along an axis begins and ends, when the toolhead is at `position` homed."""
    lines = leg(reach_of({**TOOLHEAD, "position": position}), axis, 100.0, 2000.0, (20.0, 500.0))
    slow, fast = [line for line in lines if line.startswith(f"G1 {'XYZ'[axis]}")][-2:]
    assert slow.endswith("F1200.00")
    assert fast.endswith("F6000.00")
    begin, end = (float(line.split()[1][1:]) for line in (slow, fast))
    return begin, end


def test_the_fast_move_goes_towards_the_endstop_so_that_what_falls_behind_is_away_from_the_end() -> None:
    assert ends([0.0, 190.0, 0.5], 0) == (180, 20)
    assert ends([0.0, 190.0, 0.5], 1) == (10, 170)
    assert ends([0.0, 190.0, 0.5], 2) == (162, 18)
    assert ends([0.0, 190.0, 180.0], 2) == (18, 162)


def test_a_tour_stays_within_reach_and_goes_back_slowly() -> None:
    reach = reach_of({**TOOLHEAD, "position": [0.0, 190.0, 0.5]})
    lines = tour(reach, 300.0, 8000.0, 1)
    words = [word for line in lines if line.startswith("G1") for word in line.split()[1:]]
    assert all(20 <= float(word[1:]) <= 180 for word in words if word[0] == "X")
    assert all(10 <= float(word[1:]) <= 170 for word in words if word[0] == "Y")
    assert all(0 <= float(word[1:]) <= 20 for word in words if word[0] == "Z")
    back = [line for line in lines if line.startswith("G1 X180.0000 Y10.0000")]
    assert {line.split()[-1] for line in back[-6:-1]} == {"F4500.00"}


def test_a_round_bed_is_toured_in_a_square_below_the_cone() -> None:
    delta = {
        "axis_minimum": [-100.0, -100.0, -2.0],
        "axis_maximum": [100.0, 100.0, 300.0],
        "cone_start_z": 200.0,
    }
    reach = reach_of({**delta, "position": [0.0, 0.0, 300.0]})
    (left, right), (front, back) = reach.way(0), reach.way(1)
    assert max(abs(x) for x in (left, right)) ** 2 + max(abs(y) for y in (front, back)) ** 2 <= 100**2
    assert reach.height == 100
