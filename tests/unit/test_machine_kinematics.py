"""Each kinematics: from its motors back to the toolhead; where moves may go, and how fast; its config."""

import math
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from klipkit._core import ffi, lib
from klipkit.base.config import Config, parse_config
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import MoveError
from klipkit.base.schema import Loaded
from klipkit.cli.sections import SCHEMA
from klipkit.machine.kinematics import EXTRUDER, forward, homing_plans, motors
from klipkit.machine.offline import Offline
from klipkit.machine.planner import Planner
from tests.reference import TOP

FINE, OUTSIDE, UNKNOWN = lib.BOUNDS_FINE, lib.BOUNDS_OUTSIDE, lib.BOUNDS_UNKNOWN
EXAMPLES = sorted(path.stem for path in (TOP / "config-examples").glob("*.cfg"))
Place = tuple[float, float, float]
SAMPLES = 40  # of a move's way


def text_of(example: str) -> str:
    return (TOP / "config-examples" / f"{example}.cfg").read_text()


def read(example: str, *changes: tuple[str, str]) -> Config:
    """An example's config, with other words in it."""
    text = text_of(example)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_config(text, "printer.cfg")


@cache
def loaded(example: str) -> Loaded:
    return SCHEMA.load(read(example))


@cache
def planner(example: str) -> Planner:
    """Of an example, all axes known; kept for all tests."""
    made = Planner(loaded(example), motors(loaded(example)))
    made.know((0, 1, 2))
    return made


def coordinates(example: str, place: Place) -> dict[str, float]:
    """Of the motors when the toolhead is there."""
    steppers = planner(example).steppers
    return {
        name: float(lib.stepper_coordinate(stepper, place))
        for name, stepper in steppers.items()
        if name != EXTRUDER
    }


def check(bounds: Any, start: Place, end: Place, limit: float = 300.0) -> tuple[int, float, float]:
    """What bounds_check says, and the limits left."""
    velocity, accel = ffi.new("double *", limit), ffi.new("double *", 3000.0)
    found = lib.bounds_check(bounds, start, end, velocity, accel)
    return found, velocity[0], accel[0]


def between(start: Place, end: Place, part: float) -> Place:
    x, y, z = (a + (b - a) * part for a, b in zip(start, end, strict=True))
    return (x, y, z)


def lengths(low: int, high: int) -> st.SearchStrategy[float]:
    """In whole micrometres."""
    return st.integers(low * 1000, high * 1000).map(lambda micrometres: micrometres / 1000)


PLACES = st.tuples(lengths(-170, 230), lengths(-170, 230), lengths(-2, 240))


@pytest.mark.parametrize("example", EXAMPLES)
@given(place=PLACES)
def test_the_motors_coordinates_lead_back_to_the_place(example: str, place: Place) -> None:
    assume(check(planner(example).bounds, place, (place[0] + 1e-9, *place[1:]))[0] == FINE)
    assume(planner(example).can_stand_at(place))
    back = forward(loaded(example), coordinates(example, place))
    assert back == pytest.approx(place, abs=1e-7)


@pytest.mark.parametrize("example", ["ramps-delta", "ramps-deltesian", "ramps-winch"])
def test_motors_that_do_not_meet_are_told(example: str) -> None:
    places = coordinates(example, (0, 20, 10))
    first = next(iter(places))
    far = {name: place + 1500 * (name == first) for name, place in places.items()}
    if example == "ramps-winch":
        far = dict.fromkeys(places, 1.0)
    with pytest.raises(MoveError, match="do not meet"):
        forward(loaded(example), far)


def test_a_winch_takes_the_place_nearest_to_all_cables() -> None:
    places = coordinates("ramps-winch", (100, -50, 30))
    back = forward(loaded("ramps-winch"), places | {"stepper_d": places["stepper_d"] + 0.1})
    assert back != pytest.approx((100, -50, 30), abs=1e-4)
    assert back == pytest.approx((100, -50, 30), abs=1)


def nearest_to_middle(start: Place, end: Place) -> float:
    dx, dy = end[0] - start[0], end[1] - start[1]
    part = -(start[0] * dx + start[1] * dy) / (dx * dx + dy * dy) if dx or dy else 0
    x, y, _ = between(start, end, min(1, max(0, part)))
    return math.hypot(x, y)


@given(PLACES, PLACES, st.floats(1, 400))
def test_a_polar_bed_turns_no_faster_than_told_and_the_arm_stays_in_its_reach(
    start: Place, end: Place, limit: float
) -> None:
    bounds = planner("ramps-polar").bounds
    found, velocity, accel = check(bounds, start, end, limit)
    nearest = nearest_to_middle(start, end)
    assume(start[:2] != end[:2] and abs(nearest - bounds.inner) > 1e-9)
    if found == FINE:
        assert nearest > bounds.inner and math.hypot(*end[:2]) <= 160
        assert -2 <= end[2] <= 180 or start[2] == end[2]
        speed = (
            velocity / math.dist(start, end) * (end[0] - start[0]),
            velocity / math.dist(start, end) * (end[1] - start[1]),
        )
        for part in range(SAMPLES + 1):
            x, y, _ = between(start, end, part / SAMPLES)
            assert abs(x * speed[1] - y * speed[0]) / (x * x + y * y) <= 4 * (1 + 1e-9)
        assert accel <= 3000 and (velocity < limit or abs(end[2] - start[2]) > 0 or accel == 3000)
    else:
        assert nearest < bounds.inner or math.hypot(*end[:2]) > 160 or not -2 <= end[2] <= 180


def test_a_polar_move_that_needs_no_slowing_is_not_slowed() -> None:
    bounds = planner("ramps-polar").bounds
    assert check(bounds, (10, 0, 5), (150, 0, 5)) == (FINE, 300, 3000), "straight out"
    assert check(bounds, (100, -20, 5), (100, 20, 5)) == (FINE, 300, 3000), "300 / 100 is less than 4"
    found, velocity, accel = check(bounds, (30, -20, 5), (30, 20, 5))
    assert found == FINE
    assert (velocity, accel) == pytest.approx((4 * 30, 3000 * 0.4))


def test_a_polar_machine_is_homed_in_x_and_y_before_it_moves_there() -> None:
    made = Planner(loaded("ramps-polar"), [])
    made.know((0, 2))
    assert check(made.bounds, (50, 0, 5), (50, 1, 5))[0] == UNKNOWN
    assert check(made.bounds, (50, 0, 5), (50, 0, 6))[0] == FINE
    made.know((0, 1))
    assert check(made.bounds, (50, 0, 5), (50, 1, 5))[0] == FINE
    assert check(made.bounds, (50, 0, 5), (50, 0, 6))[0] == UNKNOWN
    made.close()


ARM, ASIDE, TOP_Z = 280.0, 155.0, 240.0  # of config-examples/ramps-deltesian.cfg


@given(PLACES, PLACES)
def test_a_deltesian_keeps_its_carriages_below_their_endstops(start: Place, end: Place) -> None:
    bounds = planner("ramps-deltesian").bounds
    assume(check(bounds, start, (start[0] + 1e-9, *start[1:]))[0] == FINE and start != end)
    if check(bounds, start, end)[0] != FINE:
        return
    assert (-110 <= end[0] <= 110 and -2 <= end[2] <= TOP_Z) or start[1] != end[1]
    assert 0 <= end[1] <= 220 or start[1] == end[1]
    top = TOP_Z + math.sqrt(ARM**2 - ASIDE**2)
    for part in range(SAMPLES + 1):
        x, _, z = between(start, end, part / SAMPLES)
        for tower in (-ASIDE, ASIDE):
            assert z + math.sqrt(ARM**2 - (x - tower) ** 2) <= top + 1e-6


@given(st.floats(-124, 124), st.floats(-124, 124))
def test_a_deltesian_is_slowed_where_its_carriages_are_fast(x0: float, x1: float) -> None:
    made = Planner(SCHEMA.load(read("ramps-deltesian", ("print_width: 220\n", "slow_ratio: 1.1\n"))), [])
    made.know((0, 1, 2))
    found, velocity, accel = check(made.bounds, (x0, 20, 5), (x1, 20, 5))
    made.close()
    assume(found == FINE and x0 != x1)
    ratio = max(
        abs(x - tower) / math.sqrt(ARM**2 - (x - tower) ** 2) for x in (x0, x1) for tower in (-ASIDE, ASIDE)
    )
    assume(abs(ratio - 1.1) > 1e-6 and abs(ratio - 2.2) > 1e-6)
    share = 0.25 if ratio > 2.2 else 0.5 if ratio > 1.1 else 1
    assert (velocity, accel) == (300 * share, 3000 * share)


def test_a_deltesian_that_is_homed_in_y_moves_only_there() -> None:
    made = Planner(loaded("ramps-deltesian"), [])
    made.know((1,))
    assert check(made.bounds, (0, 0, 0), (0, 5, 0))[0] == FINE
    assert check(made.bounds, (0, 0, 0), (1, 0, 0))[0] == UNKNOWN
    assert check(made.bounds, (0, 0, 0), (0, 0, 1))[0] == UNKNOWN
    made.close()


@given(PLACES, PLACES)
def test_a_rotary_delta_is_never_out_of_reach_nor_above_an_endstop(start: Place, end: Place) -> None:
    bounds = planner("ramps-rotary-delta").bounds
    assume(check(bounds, start, (start[0] + 1e-9, *start[1:]))[0] == FINE)
    if check(bounds, start, end)[0] != FINE:
        return
    stop = coordinates("ramps-rotary-delta", (0, 0, 230))["stepper_a"]
    for part in range(SAMPLES + 1):
        place = between(start, end, part / SAMPLES)
        for name, angle in coordinates("ramps-rotary-delta", place).items():
            assert angle <= stop + 1e-9, name
            near = coordinates("ramps-rotary-delta", (place[0] + 1e-4, *place[1:]))[name]
            assert abs(near - angle) / 1e-4 * 160 < 13, "an elbow is so many times faster"


def test_z_limits_hold_for_the_whole_move_of_a_rotary_delta() -> None:
    bounds = planner("ramps-rotary-delta").bounds
    assert check(bounds, (0, 0, 50), (30, 0, 51)) == (FINE, 60, 3000)
    assert check(bounds, (0, 0, 50), (30, 0, 50)) == (FINE, 300, 3000)


def test_a_rotary_delta_can_use_a_good_part_of_its_bed() -> None:
    bounds = planner("ramps-rotary-delta").bounds
    assert bounds.radius > 100 and bounds.taper > 100


def test_a_winch_may_go_anywhere_without_homing() -> None:
    made = Planner(loaded("ramps-winch"), [])
    assert check(made.bounds, (0, 0, 0), (1000, -1000, 2000)) == (FINE, 300, 3000)
    made.close()


WRONG = [
    ("ramps-polar", ("gear_ratio: 80:16\n", ""), "[stepper_bed]", "gear_ratio"),
    (
        "ramps-polar",
        ("gear_ratio: 80:16\n", "gear_ratio: 80:16\nrotation_distance: 4\n"),
        "rotation_distance: 4\n",
        "write gear_ratio alone",
    ),
    (
        "ramps-polar",
        ("position_max: 160\n", "position_max: 160\nposition_min: -1\n"),
        "position_min",
        "position_min",
    ),
    (
        "ramps-polar",
        ("max_angular_velocity: 4", "max_angular_velocity: -4"),
        "max_angular_velocity",
        "max_angular_velocity",
    ),
    ("ramps-polar", ("[stepper_arm]", "[stepper_x]"), "kinematics: polar", "stepper_arm"),
    ("ramps-deltesian", ("arm_x_length: 155", "arm_x_length: 281"), "arm_x_length: ", "arm_x_length"),
    ("ramps-deltesian", ("print_width: 220", "print_width: 300"), "print_width", "print_width"),
    ("ramps-deltesian", ("print_width: 220", "print_with: 220"), "print_with", "print_with"),
    (
        "ramps-rotary-delta",
        ("position_endstop: 230", "position_endstop: -230"),
        "position_endstop",
        "position_endstop",
    ),
    (
        "ramps-rotary-delta",
        ("minimum_z_position: -2", "minimum_z_position: -200"),
        "minimum_z_position",
        "minimum_z_position",
    ),
    ("ramps-winch", ("[stepper_c]", "[stepper_e]"), "kinematics: winch", "stepper_c"),
    ("ramps-winch", ("anchor_z: 2200\n", ""), "[stepper_d]", "anchor_z"),
    ("ramps-generic-cartesian", ("x+0.5*y", "x+0.5*w"), "carriages: x+0.5*w", "'w'"),
    ("ramps-generic-cartesian", ("x+0.5*y", "x 0.5*y"), "carriages: x 0.5*y", "sum of carriages"),
    ("ramps-generic-cartesian", ("x+0.5*y", "x-x"), "carriages: x-x", "moves nothing"),
    ("ramps-generic-cartesian", ("x+0.5*y", "-x+0.5*y"), "kinematics: generic", "by itself"),
    (
        "ramps-generic-cartesian",
        ("[carriage z]\n", "[carriage z]\naxis: y\n"),
        "axis: y",
        "along Y",
    ),
    ("ramps-generic-cartesian", ("[carriage z]", "[carriage xy]"), "[carriage xy]", "axis"),
    (
        "ramps-generic-cartesian",
        ("primary_carriage: z\n", "primary_carriage: z1\n"),
        "primary_carriage: z1",
        "no",
    ),
    ("ramps-extruder-stepper", ("extruder: extruder\n", "extruder: tool\n"), "extruder: tool", "'tool'"),
    ("ramps-corexz", ("position_max: 180", "position_max: 0"), "position_max: 0", "position_max"),
]


@pytest.mark.parametrize("example, change, at, word", WRONG, ids=lambda value: str(value)[:40])
def test_what_is_wrong_in_a_config_is_told_with_its_place(
    example: str, change: tuple[str, str], at: str, word: str
) -> None:
    with pytest.raises(KlipkitError) as told:
        made = SCHEMA.load(read(example, change))
        Planner(made, motors(made)).close()
    before, found, _ = text_of(example).replace(*change).partition(at)
    assert found == at
    assert told.value.where == f"printer.cfg:{before.count(chr(10)) + 1}", told.value
    assert word in f"{told.value} {told.value.hint}"


REFUSED = [
    ("ramps-polar", "G1 X-50", "Move out of range", "the bed has no angle"),
    ("ramps-polar", "G1 X170", "Move out of range", "from the middle"),
    ("ramps-polar", "G1 Z190", "Move out of range", "Z goes from -2 to 180"),
    ("ramps-deltesian", "G1 X111", "Move out of range", "X goes from -110 to 110"),
    ("ramps-deltesian", "G1 X100 Z239", "Move out of range", "a carriage would rise above its endstop"),
    ("ramps-rotary-delta", "G1 X300", "Move out of range", "the radius is at most"),
]


@pytest.mark.parametrize("example, line, said, hint", REFUSED)
def test_a_move_out_of_reach_is_refused_with_its_line_and_the_reach(
    tmp_path: Any, example: str, line: str, said: str, hint: str
) -> None:
    file = tmp_path / "part.gcode"
    file.write_text(f"SET_KINEMATIC_POSITION X=50 Y=0 Z=50\nG1 X60 F3000\n{line}\n")
    machine = Offline(loaded(example))
    with pytest.raises(MoveError, match=said) as told:
        machine.run(str(file))
    machine.close()
    assert told.value.where == f"{file}:3"
    assert hint in told.value.hint


def test_homing_without_a_printer_takes_axes_that_belong_together_along(tmp_path: Any) -> None:
    file = tmp_path / "home.gcode"
    for example, line, known in (
        ("ramps-polar", "G28 X", {0, 1}),
        ("ramps-polar", "G28 Z", {2}),
        ("ramps-deltesian", "G28 Z", {0, 2}),
        ("ramps-rotary-delta", "G28 X", {0, 1, 2}),
        ("ramps-corexz", "G28 X", {0}),
        ("ramps-corexz", "G28", {0, 1, 2}),
    ):
        file.write_text(line)
        machine = Offline(loaded(example))
        machine.run(str(file))
        assert machine.planner.known == known, (example, line)
        machine.close()


@pytest.mark.parametrize(
    "written, weights",
    [
        ("x", (1, 0, 0)),
        (" x + y ", (1, 1, 0)),
        ("-x-.5*z1", (-1, 0, -0.5)),
        ("2*x - 3.25 * y+z", (2, -3.25, 1)),
        ("carriage_q-y", (1, -1, 0)),
    ],
)
def test_a_steppers_carriages_are_a_sum(written: str, weights: Place) -> None:
    text = text_of("ramps-generic-cartesian").replace("x+0.5*y", written).replace("x-0.5*y", "x-7*y")
    if "carriage_q" in written:
        text = text.replace("[carriage x]", "[carriage carriage_q]\naxis: x").replace(
            "x-7*y", "carriage_q-7*y"
        )
    made = motors(SCHEMA.load(parse_config(text, "printer.cfg")))
    assert made[0].geometry == weights


@pytest.mark.parametrize(
    "more, stops",
    [
        ("", {"stepper_z": ("stepper_z", "stepper_z1")}),
        ("endstop_pin: ^PB6\n", {"stepper_z": ("stepper_z",), "stepper_z1": ("stepper_z1",)}),
    ],
)
def test_more_steppers_of_a_rail_go_with_it_and_stop_with_it_unless_they_have_an_endstop(
    more: str, stops: dict[str, tuple[str, ...]]
) -> None:
    two = SCHEMA.load(read("ramps-two-z", ("[stepper_z1]\n", f"[stepper_z1]\n{more}")))
    assert [motor.name for motor in motors(two)][2:4] == ["stepper_z", "stepper_z1"]
    assert motors(two)[2].geometry == motors(two)[3].geometry == (0, 0, 1)
    plans = homing_plans(two)
    assert [dict(plan.rails) for plan in plans] == [
        {"stepper_x": ("stepper_x",)},
        {"stepper_y": ("stepper_y",)},
        stops,
    ]
    places = {"stepper_x": 1.0, "stepper_y": 2.0, "stepper_z": 3.0, "stepper_z1": 3.5}
    assert forward(two, places) == pytest.approx((1, 2, 3.25))


@pytest.mark.parametrize("extruder, steps", [("extruder", -320), ("", 0)])
def test_an_extruder_stepper_moves_the_filament_of_its_extruder_or_stands_still(
    tmp_path: Any, extruder: str, steps: int
) -> None:
    file = tmp_path / "part.gcode"
    file.write_text("SET_KINEMATIC_POSITION X=10 Y=10 Z=5\nM83\nG1 X60 E2.24 F6000\nG1 E-4.48\nG1 X70\n")
    made = SCHEMA.load(
        read(
            "ramps-extruder-stepper",
            ("extruder: extruder\n", f"extruder: {extruder}\n"),
            ("max_temp: 250\n", "max_temp: 250\npressure_advance: 0.1\n"),
        )
    )
    machine = Offline(made)
    machine.run(str(file))
    found = lib.stepper_position(machine.planner.steppers["extruder_stepper spool"])
    machine.close()
    assert found == steps


def test_a_bed_goes_on_over_full_turns(tmp_path: Any) -> None:
    file = tmp_path / "round.gcode"
    turns = "\n".join(
        f"G1 X{100 * math.cos(n * math.pi / 8):.6f} Y{100 * math.sin(n * math.pi / 8):.6f} F6000"
        for n in range(33)
    )
    file.write_text(f"SET_KINEMATIC_POSITION X=100 Y=0 Z=5\n{turns}\n")
    machine = Offline(loaded("ramps-polar"))
    machine.run(str(file))
    steps = lib.stepper_position(machine.planner.steppers["stepper_bed"])
    machine.close()
    assert steps == 2 * 200 * 16 * 5
