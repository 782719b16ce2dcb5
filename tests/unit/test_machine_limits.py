"""Where moves may go and how fast, by the planner's formulas; commands in mid-file that keep counts exact."""

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from klipkit._core import ffi, lib
from klipkit.base.config import parse_config
from klipkit.cli.sections import SCHEMA
from klipkit.machine.planner import Planner
from tests.unit.test_machine_fast import LOADED, Ran

FINE, OUTSIDE, UNKNOWN = lib.BOUNDS_FINE, lib.BOUNDS_OUTSIDE, lib.BOUNDS_UNKNOWN
VELOCITY, ACCEL = 300.0, 3000.0
STEP = 40 / 3200
Place = tuple[float, float, float]
PINS = (
    "step_pin: PF0\ndir_pin: PF1\nenable_pin: PD7\nendstop_pin: PE5\nmicrosteps: 16\nrotation_distance: 40\n"
)


def delta(arm: float, radius: float, stop: float) -> Planner:
    """A planner of a delta; close it."""
    tower = f"{PINS}position_endstop: {stop}\narm_length: {arm}\n"
    towers = "".join(f"[stepper_{letter}]\n{tower}" for letter in "abc")
    printer = (
        f"[printer]\nkinematics: delta\nmax_velocity: {VELOCITY}\nmax_accel: {ACCEL}\nmax_z_velocity: 150\n"
        f"max_z_accel: 900\ndelta_radius: {radius}\nminimum_z_position: -5\n"
    )
    loaded = SCHEMA.load(parse_config(f"[mcu]\nserial: /dev/null\n{printer}{towers}", "printer.cfg"))
    return Planner(loaded, [])


def check(bounds: Any, start: Place, end: Place) -> tuple[int, float, float]:
    """What bounds_check says, and the limits left."""
    velocity, accel = ffi.new("double *", VELOCITY), ffi.new("double *", ACCEL)
    found = lib.bounds_check(bounds, start, end, velocity, accel)
    return found, velocity[0], accel[0]


def slowed_from(arm: float, radius: float, ratio: float) -> float:
    """The toolhead's radius from which a tower may be `ratio` times faster."""
    half = STEP / 2
    return ratio * math.sqrt(arm**2 / (ratio**2 + 1) - half**2) + half - radius


@st.composite
def deltas(draw: st.DrawFn) -> tuple[float, float, float]:
    """Arm, radius, endstop."""
    arm = draw(st.floats(100, 600))
    return arm, arm * draw(st.floats(0.3, 0.69)), draw(st.floats(50, 800))


def place(reach: float, top: float) -> st.SearchStrategy[Place]:
    """Points in and around a cylinder."""
    flat = st.floats(-1.1 * reach, 1.1 * reach)
    return st.tuples(flat, flat, st.floats(-6, 1.05 * top))


@given(st.data(), deltas())
def test_a_delta_never_goes_where_an_arm_or_a_tower_ends(
    data: st.DataObject, shape: tuple[float, float, float]
) -> None:
    arm, radius, stop = shape
    planner = delta(arm, radius, stop)
    planner.know((0, 1, 2))
    where = place(arm - radius, stop)
    start, end = data.draw(where), data.draw(where)
    found, *_ = check(planner.bounds, start, end)
    planner.close()
    if found != FINE or start == end:
        return
    assert -5 <= end[2] <= stop
    for angle in (210, 330, 90):
        x, y = radius * math.cos(math.radians(angle)), radius * math.sin(math.radians(angle))
        left = arm**2 - (x - end[0]) ** 2 - (y - end[1]) ** 2
        assert left > (arm / 13) ** 2, "the arm lies flat"
        assert end[2] + math.sqrt(left) <= stop + math.sqrt(arm**2 - radius**2) + 1e-6, "above the endstop"


@given(st.data(), deltas())
def test_a_delta_is_slowed_where_its_towers_are_fast(
    data: st.DataObject, shape: tuple[float, float, float]
) -> None:
    arm, radius, stop = shape
    planner = delta(arm, radius, stop)
    planner.know((0, 1, 2))
    half, quarter, most = (slowed_from(arm, radius, ratio) for ratio in (3, 6, 12))
    most = min(most, radius)  # of the print, when the config does not say
    angle, height = data.draw(st.floats(0, 2 * math.pi)), 0.0
    near, far = data.draw(st.floats(0, most * 1.02)), data.draw(st.floats(0, most * 1.02))
    edges = (half, quarter, most)
    assume(near != far and all(abs(at - edge) > 1e-6 for at in (near, far) for edge in edges))
    assume(planner.bounds.taper > height)
    points = [(at * math.cos(angle), at * math.sin(angle), height) for at in (near, far)]
    found, velocity, accel = check(planner.bounds, points[0], points[1])
    planner.close()
    assert found == (OUTSIDE if far > most else FINE)
    if found == FINE:
        share = 0.25 if max(near, far) > quarter else 0.5 if max(near, far) > half else 1
        assert (velocity, accel) == (VELOCITY * share, ACCEL * share)


def test_a_delta_that_is_not_homed_moves_filament_only() -> None:
    planner = delta(333, 174.75, 297)
    assert check(planner.bounds, (0, 0, 0), (0, 0, 0))[0] == FINE
    assert check(planner.bounds, (0, 0, 0), (1, 0, 0))[0] == UNKNOWN
    planner.close()


def test_a_delta_tapers_below_its_endstops() -> None:
    planner = delta(333, 174.75, 297)
    planner.know((0, 1, 2))
    taper = 297 + math.sqrt(333**2 - 174.75**2) - 333
    assert planner.bounds.taper == pytest.approx(taper)
    assert check(planner.bounds, (0, 0, 290), (6.9, 0, 290))[0] == FINE
    assert check(planner.bounds, (0, 0, 290), (7.1, 0, 290))[0] == OUTSIDE
    assert check(planner.bounds, (0, 0, 290), (0, 0, 297))[0] == FINE
    planner.close()


@given(
    *(st.tuples(*(st.floats(-25, 105) for _ in "xyz")) for _ in range(2)), st.sets(st.sampled_from([0, 1, 2]))
)
def test_a_box_is_left_on_no_axis_and_moved_on_homed_ones_only(
    start: Place, end: Place, known: set[int]
) -> None:
    planner = Planner(LOADED, [])
    planner.know(sorted(known))
    found, velocity, accel = check(planner.bounds, start, end)
    planner.close()
    moved = [axis for axis in range(3) if start[axis] != end[axis]]
    outside = [axis for axis in moved if not -20 <= end[axis] <= 100]
    if set(moved) <= known:
        assert found == (OUTSIDE if outside else FINE)
    else:
        assert found in ((UNKNOWN, OUTSIDE) if outside else (UNKNOWN,))
    rise = abs(end[2] - start[2])
    if found == FINE and rise > 1e-6:
        part = rise / math.dist(start, end)
        assert velocity * part <= 20 * (1 + 1e-12) and accel * part <= 200 * (1 + 1e-12)
        assert velocity == pytest.approx(min(VELOCITY, 20 / part)) and accel == pytest.approx(
            min(ACCEL, 200 / part)
        )


def speeds(text: str) -> list[tuple[float, float]]:
    """Highest speed and acceleration of the filament in each move."""
    ran = Ran(text, 0)
    assert not ran.said
    return [
        (cruise * abs(along[0]), accel * abs(along[0]))
        for times, (_, cruise, accel), _, along in ran.filament
        if times[-1]
    ]


def test_filament_alone_keeps_to_the_extruders_limits() -> None:
    share = 4 * 0.4**2 / (math.pi * (1.75 / 2) ** 2)  # of the machine's limits, by the cross-sections
    [(fast, accel)] = speeds("G1 E40 F600000\n")
    assert fast == pytest.approx(VELOCITY * share)
    assert accel == pytest.approx(ACCEL * share)
    [(slow, _)] = speeds("G1 E-40 F120\n")
    assert slow == pytest.approx(2)
    [(pulled, _)] = speeds("G1 X40 E-20 F18000\n")  # on the way too, when it is pulled
    assert pulled == pytest.approx(VELOCITY * share)
    [(pushed, _)] = speeds("G1 X60 E120 F18000\n")  # pushed on the way it has none of its own
    assert pushed > VELOCITY * share


@pytest.mark.parametrize(
    ("word", "seconds"), [("P500", 0.5), ("S2", 2), ("P500 S2", 2.5), ("P0", 0), ("P-70", 0)]
)
def test_a_dwell_adds_its_time(word: str, seconds: float) -> None:
    moves = [times for times, *_ in Ran(f"G1 X10 F3000\nG4 {word}\nG1 X20\n", 0).moves if times[-1]]
    ends = moves[0][0] + sum(moves[0][1:4])
    assert moves[1][0] - ends == pytest.approx(seconds, abs=1e-9)


COMMANDS = (
    "SET_PRESSURE_ADVANCE ADVANCE=0.05",
    "SET_PRESSURE_ADVANCE ADVANCE=0.08",
    "SET_PRESSURE_ADVANCE ADVANCE=0.1 SMOOTH_TIME=0.02",
    "SET_PRESSURE_ADVANCE ADVANCE=0",
    "SET_INPUT_SHAPER SHAPER_FREQ_X=40 SHAPER_FREQ_Y=50 SHAPER_TYPE=mzv",
    "SET_INPUT_SHAPER SHAPER_FREQ_X=35 SHAPER_TYPE_X=3hump_ei DAMPING_RATIO_X=0.05",
    "SET_INPUT_SHAPER SHAPER_FREQ_X=0 SHAPER_FREQ_Y=0",
    "SET_VELOCITY_LIMIT ACCEL=1000",
    "G4 P20",
    "M400",
)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(COMMANDS) | st.tuples(st.integers(-10, 50), st.integers(-10, 50)), max_size=20)
)
def test_counts_stay_exact_when_pressure_advance_and_shapers_change(
    script: list[str | tuple[int, int]],
) -> None:
    lines, filament = ["M83", "G1 F6000"], 0
    for each in [*script, (7, 9)]:
        lines.append(each if isinstance(each, str) else f"G1 X{each[0]} Y{each[1]} E0.25")
        filament += not isinstance(each, str)
    ran = Ran("\n".join(lines), 0)
    assert ran.said == ""
    assert ran.counts == [7 * 80, 9 * 80, 0, round(filament * 0.25 / 33.5 * 3200)]


def test_pressure_advance_changes_while_moves_are_on_their_way() -> None:
    lap = "G1 X50 E1\nG1 X0 E1\n"
    ran = Ran(
        f"M83\nG1 F1000\nSET_PRESSURE_ADVANCE ADVANCE=0.05\n{lap * 4}SET_PRESSURE_ADVANCE ADVANCE=0.08\n{lap}",
        0,
    )
    assert ran.said == ""
    assert ran.counts == [0, 0, 0, round(10 / 33.5 * 3200)]
    moves = [along[1] for times, _, _, along in ran.filament if times[-1]]
    assert moves == [0.05] * 8 + [0.08] * 2
