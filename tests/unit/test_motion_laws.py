"""Laws of the look-ahead: limits, corners, times, and the plan of a look-ahead of the tests' own."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.motion_paths import Bench
from tests.motion_planner import Leg, Limits, Point, angle_between, plan
from tests.motion_truth import Array, Trapezoids
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
FILAMENT_CORNER = 1.0
Asked = tuple[Point, float, float, float, Limits]  # end, filament a mm, velocity, acceleration, limits

place = st.integers(-2000, 2000).map(lambda n: n / 100)
close = st.integers(-50, 50).map(lambda n: n / 1000)
ends = st.tuples(place, place, st.sampled_from([0.0, 0.0, 0.2])) | st.tuples(close, close, st.just(0.0))
limits = st.builds(
    Limits, st.floats(20, 400), st.floats(300, 20000), st.floats(0, 15), st.sampled_from([0.0, 0.3, 0.5, 0.9])
)
asked = st.tuples(
    ends,
    st.sampled_from([0.0, 0.0, 0.033, 0.05, 0.5, -0.1]),
    st.floats(1, 500),
    st.sampled_from([1e9, 1e9, 500.0]),
    st.just(Limits()) | limits,
)
paths = st.lists(asked, min_size=1, max_size=25)


def legs_of(path: list[Asked]) -> list[Leg]:
    """The moves that have a length, from 0, 0, 0."""
    at: Point = (0.0, 0.0, 0.0)
    legs = []
    for end, rate, velocity, accel, limit in path:
        if math.dist(at, end) > 1e-9:
            legs.append(Leg(at, end, rate * math.dist(at, end), velocity, accel, limit))
            at = end
    return legs


def run(core: Core, legs: list[Leg], commits: int = 0) -> Bench:
    """The moves through the core's look-ahead; every so many moves it is told to commit what it can."""
    bench = Bench(core, corner=FILAMENT_CORNER)
    for number, leg in enumerate(legs):
        limit = leg.limits
        bench.limit(limit.velocity, limit.accel, limit.corner, limit.ratio)
        bench.go(*leg.end, leg.filament, leg.velocity, leg.accel)
        if commits and number % commits == 0:
            assert core.lib.lookahead_commit(bench.lookahead) >= 0
    bench.rest()
    return bench


def duration(core: Core, legs: list[Leg]) -> float:
    return run(core, legs).print_time - 0.25 if legs else 0.0


def table(core: Core, bench: Bench) -> Array:
    return Trapezoids(core, bench.trapq).table


def end_speeds(moves: Array) -> Array:
    """By what the trapezoids do, not by what was planned."""
    accel_t, _, decel_t, start_v, _, accel = moves[:, 1:7].T
    return np.asarray(start_v + accel * (accel_t - decel_t))


@settings(max_examples=150)
@given(path=paths, commits=st.sampled_from([0, 1, 3]))
def test_plan_is_that_of_the_rules_however_early_it_is_committed(
    core: Core, path: list[Asked], commits: int
) -> None:
    assert_planned(core, legs_of(path), commits)


def curvy(seed: int) -> list[Leg]:
    """Many short moves, most of them nearly straight on, of which some look-ahead hangs on what comes much later."""
    chance = np.random.default_rng(seed)
    at, heading, limit, legs = (0.0, 0.0, 0.0), 0.0, Limits(), []
    size = 10 ** chance.uniform(-1.5, 1.5)
    for _ in range(int(chance.integers(3, 40))):
        if chance.random() < 0.3:
            ratio = float(chance.choice([0, 0.3, 0.5, 0.9, 0.99]))
            limit = Limits(
                chance.uniform(20, 400), 10 ** chance.uniform(2.5, 4.5), chance.uniform(0, 15), ratio
            )
        heading += chance.normal(0, 0.2) if chance.random() < 0.7 else chance.uniform(-3, 3)
        length = size * chance.random() ** 3 + 1e-3
        end = (at[0] + length * math.cos(heading), at[1] + length * math.sin(heading), 0.0)
        rate, accel = float(chance.choice([0, 0, 0.05])), float(chance.choice([1e9, 500, 100]))
        legs.append(Leg(at, end, rate * length, chance.uniform(5, 500), accel, limit))
        at = end
    return legs


def test_plan_of_curves_is_that_of_the_rules(core: Core) -> None:
    for seed in range(300):
        assert_planned(core, curvy(seed), (0, 1, 3)[seed % 3])


def assert_planned(core: Core, legs: list[Leg], commits: int) -> None:
    plan(legs, FILAMENT_CORNER)
    moves = table(core, run(core, legs, commits)) if legs else np.zeros((0, 13))
    assert len(moves) == len(legs)
    for leg, move in zip(legs, moves, strict=True):
        assert move[4] ** 2 == pytest.approx(leg.start_v2, rel=1e-7, abs=1e-7)
        assert move[5] ** 2 == pytest.approx(leg.cruise_v2, rel=1e-7, abs=1e-7)
        assert move[6] == leg.accel
        assert sum(move[1:4]) == pytest.approx(leg.time, rel=1e-7, abs=1e-8)


@settings(max_examples=100)
@given(path=paths)
def test_no_move_passes_a_limit(core: Core, path: list[Asked]) -> None:
    legs = legs_of(path)
    if not legs:
        return
    bench = run(core, legs)
    moves, trapezoids = table(core, bench), Trapezoids(core, bench.trapq)
    for leg, move in zip(legs, moves, strict=True):
        length = float(sum(move[1:4]))
        t = move[0] + np.linspace(0, length, 65)[1:-1]
        h = length / 64
        p = np.array([trapezoids.place(np.concatenate([t - h, t, t + h]), axis) for axis in range(3)])
        p = p.reshape(3, 3, -1)
        rounding = 1e-13 + leg.velocity * np.spacing(move[0])
        speed = np.linalg.norm(p[:, 2] - p[:, 1], axis=0) / h
        change = np.linalg.norm(p[:, 2] - 2 * p[:, 1] + p[:, 0], axis=0) / h**2
        assert np.max(speed) <= min(leg.velocity, leg.limits.velocity) * (1 + 1e-9) + 4 * rounding / h
        assert np.max(change) <= min(leg.accel, leg.limits.accel) * (1 + 1e-9) + 8 * rounding / h**2
    assert_corners_keep_their_limits(legs, moves)


def arc_v2(before: Leg, after: Leg) -> float:
    """v2 = a r on an arc that touches both lines, is off the corner by the deviation and begins within half a move."""
    half = angle_between(before, after) / 2
    if half > math.pi / 2 - 1e-7:
        return math.inf
    radius = (
        min(leg.deviation * leg.accel for leg in (before, after)) / (1 / math.sin(half) - 1) if half else 0
    )
    room = min(leg.length * leg.accel for leg in (before, after)) / 2
    return min(radius, room * math.tan(half))


def assert_corners_keep_their_limits(legs: list[Leg], moves: Array) -> None:
    ends = end_speeds(moves)
    assert moves[0, 4] == 0 and abs(ends[-1]) < 1e-5
    for number, (before, after) in enumerate(pairwise(legs)):
        speed = moves[number + 1, 4]
        assert abs(ends[number] - speed) < 1e-5, "speed jumps"
        assert speed**2 <= arc_v2(before, after) * (1 + 1e-6) + 1e-5
        assert speed * abs(after.rate - before.rate) <= FILAMENT_CORNER * (1 + 1e-9)
        stops = np.array(before.start) + np.array(before.unit) * before.length
        assert np.abs(stops - moves[number + 1, 7:10]).max() < 1e-9, "place jumps"


@settings(max_examples=50)
@given(path=paths)
def test_filament_goes_with_its_moves(core: Core, path: list[Asked]) -> None:
    legs = legs_of(path)
    if not legs:
        return
    bench = run(core, legs)
    moves = table(core, bench)
    pushed = [number for number, leg in enumerate(legs) if leg.filament]
    if not pushed:
        return
    filament = Trapezoids(core, bench.filament)
    assert np.array_equal(filament.table[:, :4], moves[pushed, :4])
    rates = np.abs([legs[number].rate for number in pushed])
    assert np.allclose(filament.table[:, 4:7], moves[pushed, 4:7] * rates[:, None], rtol=1e-12)
    end = filament.place(np.array([bench.print_time + 1]), 0)[0]
    assert end == pytest.approx(sum(leg.filament for leg in legs), abs=1e-9)
    assert core.lib.lookahead_filament(bench.lookahead) == pytest.approx(end, abs=1e-9)


def rest_to_rest(length: float, velocity: float, accel: float, ratio: float) -> float:
    """The time of one line; of the way at most the part 1 - ratio is taken with changing speed."""
    peak = min(velocity, math.sqrt(length * accel * (1 - ratio)))
    return length / peak + peak / accel


@given(
    length=st.floats(0.001, 400),
    velocity=st.floats(1, 500),
    accel=st.floats(100, 30000),
    ratio=st.floats(0, 0.99),
)
def test_one_line_takes_the_time_of_the_closed_form(
    core: Core, length: float, velocity: float, accel: float, ratio: float
) -> None:
    leg = Leg((0, 0, 0), (length, 0, 0), 0, velocity, accel, Limits(1000, 1e6, 5, ratio))
    # the ratio is of max_accel, which here is more than the move's
    smooth = min(1.0, 1e6 * (1 - ratio) / accel)
    assert duration(core, [leg]) == pytest.approx(rest_to_rest(length, velocity, accel, 1 - smooth), rel=1e-9)
    leg = Leg((0, 0, 0), (length, 0, 0), 0, velocity, 1e9, Limits(1000, accel, 5, ratio))
    assert duration(core, [leg]) == pytest.approx(rest_to_rest(length, velocity, accel, ratio), rel=1e-9)


@given(path=paths)
def test_no_path_is_quicker_than_its_length_allows(core: Core, path: list[Asked]) -> None:
    legs = legs_of(path)
    whole = sum(leg.length for leg in legs)
    if legs:
        fastest, hardest = max(leg.velocity for leg in legs), max(leg.accel for leg in legs)
        assert duration(core, legs) >= rest_to_rest(whole, fastest, hardest, 0) * (1 - 1e-9)


@given(path=paths)
def test_backwards_takes_as_long(core: Core, path: list[Asked]) -> None:
    limit = Limits(ratio=0)
    legs = [Leg(a.start, a.end, a.filament, a.velocity, a.accel, limit) for a in legs_of(path)]
    back = [Leg(a.end, a.start, a.filament, a.velocity, a.accel, limit) for a in reversed(legs)]
    if legs:
        home = Leg((0, 0, 0), back[0].start, 0, 100, 1e9, limit)
        there, again = run(core, legs), Bench(core)
        assert core.lib.lookahead_set_position(again.lookahead, list(home.end)) == 0
        again.limit(limit.velocity, limit.accel, limit.corner, limit.ratio)
        for leg in back:
            again.go(*leg.end, leg.filament, leg.velocity, leg.accel)
        again.rest()
        assert again.print_time == pytest.approx(there.print_time, rel=1e-9)


def scaled(leg: Leg, length: float, time: float) -> Leg:
    """The move with other units of length and time."""
    speed, accel = length / time, length / time**2
    limit = leg.limits
    return Leg(
        (leg.start[0] * length, leg.start[1] * length, leg.start[2] * length),
        (leg.end[0] * length, leg.end[1] * length, leg.end[2] * length),
        leg.filament * length,
        leg.velocity * speed,
        leg.accel * accel,
        Limits(limit.velocity * speed, limit.accel * accel, limit.corner * speed, limit.ratio),
    )


@given(path=paths, length=st.sampled_from([0.5, 2.0, 4.0]), time=st.sampled_from([0.5, 1.0, 2.0]))
def test_other_units_of_length_and_time_change_nothing(
    core: Core, path: list[Asked], length: float, time: float
) -> None:
    path = [(end, 0.04, *rest) for end, _, *rest in path]  # type: ignore[misc]
    legs = legs_of(path)
    other = [scaled(leg, length, time) for leg in legs]
    # the look-ahead commits by the second, so that with all at once the plans are the same
    assert sum(leg.time for leg in plan(other)) == pytest.approx(time * sum(leg.time for leg in plan(legs)))
    assert duration(core, other) == pytest.approx(time * duration(core, legs), rel=1e-9)


@given(
    end=st.tuples(place, place, place).filter(lambda p: math.hypot(*p) > 0.1),
    cuts=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6),
    velocity=st.floats(5, 300),
    limit=limits,
)
def test_a_line_in_parts_is_travelled_as_in_one(
    core: Core, end: Point, cuts: list[float], velocity: float, limit: Limits
) -> None:
    # without any corner velocity the rounding of a direction is a corner, at which all stops
    limit = replace(limit, corner=limit.corner + 0.1)
    whole = [Leg((0, 0, 0), end, 0, velocity, 1e9, limit)]
    stops: list[Any] = [tuple(cut * at for at in end) for cut in (0.0, *sorted(set(cuts)), 1.0)]
    parts = [Leg(a, b, 0, velocity, 1e9, limit) for a, b in pairwise(stops)]
    one, many = run(core, whole), run(core, [leg for leg in parts if leg.length > 1e-9])
    assert many.print_time == pytest.approx(one.print_time, abs=1e-9)
    t = np.linspace(0.25, one.print_time, 200)
    for axis in range(3):
        a, b = (Trapezoids(core, bench.trapq).place(t, axis) for bench in (one, many))
        assert np.abs(a - b).max() < 1e-6


def test_advance_is_of_moves_that_push_and_go_along_x_or_y(core: Core) -> None:
    bench = Bench(core)
    assert core.lib.lookahead_set_pressure_advance(bench.lookahead, 0.05) == 0
    wanted = []
    for end, filament, advance in (
        ((10, 0, 0), 1.0, 0.05),
        ((10, 10, 0), -1.0, 0.0),
        ((10, 10, 2), 1.0, 0.0),
        ((10, 0, 0), 1.0, 0.05),
        ((10, 0, 0), 1.0, 0.0),
    ):
        bench.go(*end, filament=filament, velocity=50, accel=1000)
        wanted.append([np.sign(filament), advance])
    bench.rest()
    assert Trapezoids(core, bench.filament).direction[:2].T.tolist() == wanted
