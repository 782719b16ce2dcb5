"""Laws of the steps: flushes, clocks, mirrors and units change nothing; no quick steps there and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.motion_cases import FREQUENCIES, Case, prove, zero_of
from tests.motion_crossings import GRAZE, Solver
from tests.motion_paths import EACH_TICK, WINDOW_LEAST, Bench, Wanderer, Watched, agreed, compare
from tests.motion_truth import Array, Trapezoids
from tests.unit.test_motion_steps import Core, core

__all__ = ["core"]
FREQUENCY = 16e6
MAX_ERROR = 25e-6
Place = tuple[float, float]
CASES = [
    Case("cartesian"),
    Case("cartesian", ("ei", "zvd")),
    Case("corexy"),
    Case("corexy", ("mzv", "2hump_ei")),
    Case("delta"),
    Case("delta", ("zv", "3hump_ei")),
    Case("extruder"),
    Case("extruder", smooth_time=0.04, advance=0.05),
]


def bench_of(core: Core, case: Case) -> Bench:
    bench = Bench(core)
    assert core.lib.lookahead_set_pressure_advance(bench.lookahead, case.advance) == 0
    return bench


def wander(bench: Bench, seed: int, length: float) -> None:
    Wanderer(bench, seed, 20, 60).wander(length)


@settings(max_examples=60)
@given(
    case=st.sampled_from(CASES),
    seed=st.integers(0, 1000),
    cadence=st.lists(st.floats(0.0003, 0.5), min_size=1, max_size=6),
    lags=st.lists(st.sampled_from([0.0, 0.003, 0.2, 5.0]), min_size=1, max_size=3),
)
def test_steps_are_the_same_however_they_are_asked_for(
    core: Core, case: Case, seed: int, cadence: list[float], lags: list[float]
) -> None:
    bench = bench_of(core, case)
    stepper = case.steppers[seed % len(case.steppers)]
    errors = (EACH_TICK, EACH_TICK, MAX_ERROR)
    whole, exact, packed = (case.watch(bench, stepper, FREQUENCY, error) for error in errors)
    wander(bench, seed, 30)
    end, until, call = bench.print_time + 0.5, 0.0, 0
    whole.generate(end, end)
    while until < end:
        for watched in (exact, packed):
            watched.generate(until, until - lags[call % len(lags)])
        until += cadence[call % len(cadence)] * (1 if call % 40 else 50)
        call += 1
    for watched in (exact, packed):
        watched.generate(end + 1, end + 1)
    clocks, directions = whole.steps()
    for watched, apart in ((exact, 2 * WINDOW_LEAST), (packed, MAX_ERROR * FREQUENCY + 2 * WINDOW_LEAST)):
        assert np.array_equal(watched.steps()[1], directions)
        assert np.max(np.abs(watched.steps()[0] - clocks), initial=0) <= apart


def read_until(watched: Watched, times: Array, clocks: list[tuple[float, int, float]]) -> None:
    """Generates up to each of the times, and there goes over to a clock of another frequency, without a jump."""
    print_time, clock, frequency = clocks[0]
    for number, until in enumerate(times.tolist()):
        watched.generate(until, until)
        clock += round((until - print_time) * frequency)
        print_time, frequency = until, clocks[number + 1][2]
        clocks[number + 1] = (print_time, clock, frequency)
        assert watched.lib.stepper_set_clock(watched.stepper, print_time, clock, frequency) == 0


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("error", [EACH_TICK, MAX_ERROR])
def test_times_stay_true_when_the_clock_changes_its_pace(core: Core, case: Case, error: float) -> None:
    """With shifted or averaged motions the paces differ less: their shifts are kept in ticks while something moves."""
    blended = case.smooth_time > 0 or case.shapers != ("none", "none")
    drift, extra = (1e-6, 16.0) if blended else (1e-3, 0.02)
    bench = bench_of(core, case)
    name, tower = case.steppers[0]
    watched = case.watch(bench, (name, tower), FREQUENCY, error)
    wander(bench, 5, 100)
    end = bench.print_time + 0.5
    chance = np.random.default_rng(1)
    times = np.sort(chance.uniform(0.2, end, 60))
    paces = FREQUENCY * (1 + drift * chance.uniform(-1, 1, 61))
    paces[0] = FREQUENCY
    clocks = [(0.0, 0, float(pace)) for pace in paces]
    read_until(watched, times, clocks)
    watched.generate(end + 1, end + 1)
    steps, directions = watched.steps()
    solver = Solver(case.motion(bench, name, tower), zero_of(tower), case.distance(name))
    truth = agreed(solver, directions)
    assert np.array_equal(directions, truth.direction) and len(steps) > 300
    since, base, pace = np.array(clocks).T
    at = np.searchsorted(since, truth.time, side="right") - 1
    ticks = base[at] + (truth.time - since[at]) * pace[at]
    interval = np.diff(ticks, prepend=-np.inf, append=np.inf)
    bound = np.minimum(error * FREQUENCY, np.minimum(interval[1:], interval[:-1]) / 2)
    assert np.max(np.abs(steps - ticks) - np.maximum(bound * (1 + drift), WINDOW_LEAST)) <= extra


@pytest.mark.parametrize("case", CASES, ids=str)
def test_clocks_of_another_zero_only_shift_the_steps(core: Core, case: Case) -> None:
    bench = bench_of(core, case)
    ours, late = (case.watch(bench, case.steppers[0], FREQUENCY, EACH_TICK) for _ in range(2))
    late.first = 1 << 45
    assert core.lib.stepper_set_clock(late.stepper, 0.0, late.first, FREQUENCY) == 0
    core.lib.stepper_set_last_clock(late.stepper, late.first)
    wander(bench, 6, 60)
    for watched in (ours, late):
        for until in np.arange(0, bench.print_time + 1, 0.3):
            watched.generate(float(until), float(until))
    assert np.array_equal(ours.steps()[1], late.steps()[1]) and len(ours.steps()[0]) > 300
    assert np.abs(ours.steps()[0] - late.steps()[0]).max() <= 1


def scaled_steps(core: Core, case: Case, scale: float, path: list[Any]) -> list[tuple[Array, Array]]:
    """The steps of all steppers of a machine and a path `scale` times as large."""
    bench = Bench(core, corner=abs(scale))
    unit = abs(scale)
    assert core.lib.lookahead_set_pressure_advance(bench.lookahead, case.advance) == 0
    bench.limit(200 * unit, 3000 * unit, 5 * unit)
    motors = []
    for name, tower in case.steppers:
        larger = (tower[0] * scale, tower[1] * scale, tower[2] * unit) if tower else None
        motors.append(case.watch(bench, (name, larger), FREQUENCY, MAX_ERROR, case.distance(name) * unit))
    for x, y, z, filament, velocity in path:
        at = (x * scale, y * scale, z * scale)
        bench.go(*at, filament=filament * scale, velocity=velocity * unit, accel=2000 * unit)
    bench.rest()
    for motor in motors:
        for until in np.arange(0, bench.print_time + 1, 0.1):
            motor.generate(float(until), float(until))
    return [motor.steps() for motor in motors]


coordinate = st.floats(-30, 30) | st.floats(-0.1, 0.1) | st.integers(-30, 30).map(float)
lines = st.lists(
    st.tuples(coordinate, coordinate, st.sampled_from([0.0, 0.2]), st.floats(-0.5, 1), st.floats(3, 300)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(case=st.sampled_from(CASES), path=lines)
def test_a_larger_machine_makes_the_same_steps(core: Core, case: Case, path: list[Any]) -> None:
    """Doubles scale by 2 without rounding: to the tick."""
    for small, large in zip(
        scaled_steps(core, case, 1, path), scaled_steps(core, case, 2, path), strict=True
    ):
        assert np.array_equal(small[0], large[0]) and np.array_equal(small[1], large[1])


@settings(max_examples=40)
@given(
    case=st.sampled_from([case for case in CASES if case.kinematics in ("cartesian", "corexy")]), path=lines
)
def test_a_mirrored_path_makes_the_steps_of_the_other_direction(
    core: Core, case: Case, path: list[Any]
) -> None:
    path = [(x, y, z, 0.0, velocity) for x, y, z, _, velocity in path]
    for one, other in zip(scaled_steps(core, case, 1, path), scaled_steps(core, case, -1, path), strict=True):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], -other[1])


def quick_pairs(core: Core, bench: Bench, watched: Watched) -> list[float]:
    """For each two steps there and back within 750 us: how far beyond the full step the axis went in between, steps."""
    clocks, directions = watched.steps()
    moves = Trapezoids(core, bench.trapq)
    after = np.cumsum(directions)
    beyond = []
    for i in np.flatnonzero((np.diff(directions) != 0) & (np.diff(clocks) < GRAZE * FREQUENCY - 2)).tolist():
        begin, end = clocks[i] / FREQUENCY, clocks[i + 1] / FREQUENCY
        inside = moves.borders[(moves.borders > begin) & (moves.borders < end)]
        way = moves.place(np.concatenate([np.linspace(begin, end, 100), inside]), 0) / watched.distance
        beyond.append(float(np.max((way - after[i]) * directions[i])))
    return beyond


@settings(max_examples=60)
@given(
    path=st.lists(
        st.tuples(st.floats(-1.5, 1.5) | st.integers(-3, 3).map(float), st.floats(1, 200)),
        min_size=2,
        max_size=40,
    ),
    accel=st.sampled_from([3000.0, 50000.0]),
    cadence=st.floats(0.0005, 0.1),
)
def test_no_quick_steps_there_and_back_but_over_a_full_step(
    core: Core, path: list[tuple[float, float]], accel: float, cadence: float
) -> None:
    bench = Bench(core)
    bench.limit(200, accel)
    watched = Watched(bench, "cartesian_x", 0.0125, FREQUENCY, EACH_TICK)
    for steps, velocity in path:
        bench.go(steps * 0.0125, 0, 0, velocity=velocity)
    bench.rest()
    for until in np.arange(0, bench.print_time + 0.1, cadence):
        watched.generate(float(until), float(until))
    watched.generate(bench.print_time + 1, bench.print_time + 1)
    assert all(way > -1e-6 for way in quick_pairs(core, bench, watched))


def test_quick_steps_over_a_full_step_are_made(core: Core) -> None:
    bench = Bench(core)
    bench.limit(200, 200_000, 5, 0)
    watched = Watched(bench, "cartesian_x", 0.0125, FREQUENCY, EACH_TICK)
    for k in range(20):
        bench.go(0.0126 * (k % 2), 0, 0, velocity=200)
    bench.rest()
    watched.generate(bench.print_time + 1, bench.print_time + 1)
    assert len(quick_pairs(core, bench, watched)) == 18 and len(watched.steps()[0]) == 19


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize(
    "reach, steps", [(0.49, 0), (0.7, 0), (0.995, 0), (0.999999, 0), (1.0, 2), (1.005, 2)]
)
def test_a_quick_turn_counts_from_the_full_step_on(core: Core, way: int, reach: float, steps: int) -> None:
    bench = Bench(core)
    bench.limit(200, 200_000, 5, 0)
    watched = Watched(bench, "cartesian_x", 0.0125, FREQUENCY, EACH_TICK)
    for turn in (reach * way, 0):
        bench.go(turn * 0.0125, 0, 0, velocity=200)
    bench.rest()
    watched.generate(bench.print_time + 1, bench.print_time + 1)
    assert watched.steps()[1].tolist() == [way, -way][:steps]


def test_a_slow_turn_is_slow_however_far_clocks_have_run(core: Core) -> None:
    """There, and back 9.9 s later: more than 2^32 ticks of 520 MHz, while the first step is kept back."""
    bench = Bench(core)
    watched = Watched(bench, "cartesian_x", 0.0125, 520e6, EACH_TICK)
    bench.go(0.7 * 0.0125, 0, 0, velocity=10)
    bench.rest(9.9)
    bench.go(0, 0, 0, velocity=10)
    bench.rest()
    for until in (10.0, 10.05):
        watched.generate(until, 0.0)
    watched.generate(bench.print_time + 1, bench.print_time + 1)
    assert watched.steps()[1].tolist() == [1, -1]


@pytest.mark.parametrize("interval, longest", [(1.5, 9), (1.6, 1)])
def test_steps_as_far_apart_as_an_idle_gap_are_runs_of_their_own(
    core: Core, interval: float, longest: int
) -> None:
    """3 x 2^28 ticks of 520 MHz are 1.549 s."""
    bench = Bench(core)
    watched = Watched(bench, "cartesian_x", 0.01, 520e6, MAX_ERROR)
    bench.go(0.1, 0, 0, velocity=0.01 / interval)
    bench.rest()
    watched.generate(bench.print_time + 1, bench.print_time + 1)
    assert len(watched.steps()[0]) == 10
    assert np.concatenate(watched.runs)["count"].max() == longest


def push(bench: Bench, begin: Place, speed: float, accel: float, cruise_t: float) -> Place:
    """A move of the filament from 0 to 0, mm/s: print time and place, before it and after it."""
    print_time, place = begin
    ramp, core = speed / accel, bench.core
    shape = (print_time, ramp, cruise_t, ramp, 0, speed, accel)
    move = core.ffi.new("struct trapq_move *", (*shape, (place, 0, 0), (1, 0, 0), 0))
    assert core.lib.trapq_append(bench.filament, move) == 0
    return float(core.lib.trapq_move_end(move)), place + speed * (cruise_t + ramp)


@pytest.mark.parametrize("shaper", ["zv", "mzv", "2hump_ei"])
def test_a_jolt_leaves_no_wrong_speed_behind(core: Core, shaper: str) -> None:
    """Filament that is pushed a little within some nanoseconds creeps on for seconds, in many moves."""
    case, bench, at = Case("extruder", (shaper, "none")), Bench(core), (0.25, 0.0)
    motor = [case.watch(bench, case.steppers[0], frequency, EACH_TICK) for frequency in FREQUENCIES]
    for turn in range(60):
        at = push(bench, at, 3.8, 1e9, 0.01) if turn % 20 == 5 else at
        at = push(bench, at, 0.2, 2.0, 0.1 + 0.001 * turn)
    for watched in motor:
        watched.generate(at[0] + 1, at[0] + 1)
    solver = Solver(case.motion(bench, "extruder", None), 0, case.distance("extruder"))
    truth = agreed(solver, motor[0].steps()[1])
    assert min(compare(solver, truth, watched).steps for watched in motor) > 100


@pytest.mark.parametrize("beyond", [1e-11, 1e-10, 5e-10, -5e-10])
def test_a_step_just_before_a_border_is_at_its_own_time(core: Core, beyond: float) -> None:
    """Slow moves, each ending that far beyond a half-way point, mm; the next one goes on at the same speed."""
    case, bench, speed = Case("extruder"), Bench(core), 0.05
    watched = case.watch(bench, case.steppers[0], 520e6, EACH_TICK)
    print_time, place = 0.25, 0.0
    for turn in range(20):
        seconds = ((turn + 0.5) * case.distance("extruder") + beyond - place) / speed
        move = (print_time, 0, seconds, 0, speed, speed, 0, (place, 0, 0), (1, 0, 0), 0)
        assert core.lib.trapq_append(bench.filament, core.ffi.new("struct trapq_move *", move)) == 0
        print_time, place = print_time + seconds, place + speed * seconds
    watched.generate(print_time + 1, print_time + 1)
    solver = Solver(case.motion(bench, "extruder", None), 0, case.distance("extruder"))
    assert compare(solver, agreed(solver, watched.steps()[1]), watched).steps in (19, 20)


@pytest.mark.parametrize(("advance", "seed"), [(0.0, 58159), (0.05, 60061)])
def test_a_smoothed_extruder_steps_within_the_tick(core: Core, advance: float, seed: int) -> None:
    """Stretches that are nearly quadratics, in paths where a hundredth of a tick decided."""
    case = Case("extruder", smooth_time=0.04, advance=advance, microsteps=256)
    assert prove(core, case, seed, 93.75).steps > 50_000


@pytest.mark.parametrize(
    "case", [Case("delta", ("mzv", "zv")), Case("delta"), Case("corexy", ("zv", "ei"))], ids=str
)
def test_steppers_that_read_together_step_as_each_alone(core: Core, case: Case) -> None:
    """Each at its own frequency; one is discarded half-way, and the others go on."""
    bench, lib = bench_of(core, case), core.lib
    paces = list(zip(case.steppers, (FREQUENCY, 520e6, 72e6), strict=False))
    alone, together = ([case.watch(bench, one, pace, MAX_ERROR) for one, pace in paces] for _ in range(2))
    belts = [number for number, ((name, _), _) in enumerate(paces) if not name.endswith("z")]
    for number in belts[1:]:
        assert lib.stepper_share(together[number].stepper, together[0].stepper) == 1
    wander(bench, 9, 80)
    end = bench.print_time + 0.5
    for turn, until in enumerate(np.arange(0, end, 0.05)):
        if turn == 10:
            assert lib.stepper_share(together[1].stepper, alone[1].stepper) == 0, "they move"
        for one in (*alone, *together):
            one.generate(float(until), float(until) - 0.02)
    for one in (*alone, *together):
        one.generate(end + 1, end + 1)
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one.steps(), other.steps(), strict=True))
        assert len(one.steps()[0]) > 300


def test_a_stepper_that_is_discarded_leaves_the_others_their_moves(core: Core) -> None:
    case = Case("delta", ("mzv", "zv"))
    bench, lib = bench_of(core, case), core.lib
    alone, one, other = (case.watch(bench, case.steppers[0], FREQUENCY, MAX_ERROR) for _ in range(3))
    assert lib.stepper_share(one.stepper, other.stepper) == 1
    wander(bench, 9, 80)
    for until in np.arange(0, bench.print_time + 1, 0.05):
        if 1 < until < 1.05:
            lib.stepper_discard(one.stepper, int(until * FREQUENCY))
            lib.stepper_set_position(one.stepper, 0.0, 0)
        for each in (alone, other, one):
            if each is not one or until < 1:
                each.generate(float(until), float(until))
    assert np.array_equal(other.steps()[0], alone.steps()[0]) and len(alone.steps()[0]) > 300
