"""One line of G-code to one pin: the host, the wire and the firmware together, in virtual time."""

import json
import math
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from klipkit.base.config import read_config
from klipkit.base.faults import SlowLink, TimerTooClose
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.sim.cosim import Faults
from klipkit.sim.faults import FaultPlan
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.command import shell
from tests.reference import TOP

RAMPS = TOP / "config-examples" / "ramps-cartesian.cfg"
TWO_BOARDS = TOP / "config-examples" / "two-boards.cfg"
LINE = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 F6000\n"
DIAGONAL = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 Y20 F6000\nG1 X15 Y5 Z1 F9000\nG1 X0 Y0 Z0\n"
LONG = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\n" + "G1 X100 F6000\nG1 X0\n" * 3
BEGIN = (0.0, 0.0, 0.0)  # mm: where the toolhead really is
BOUND = 25e-6  # s: how far a step may be from its exact time
FREQUENCY = {"mcu": 16e6, "zboard": 180e6}


def crossings(length: float, velocity: float, accel: float, step: float) -> np.ndarray:
    """Seconds from the start of a move from standstill to standstill at which it crosses each (n - 1/2) steps."""
    ramp = velocity**2 / (2 * accel)
    assert length > 2 * ramp
    at = (np.arange(1, round(length / step) + 1) - 0.5) * step
    total = 2 * velocity / accel + (length - 2 * ramp) / velocity
    up = np.sqrt(2 * np.minimum(at, ramp) / accel)
    cruise = velocity / accel + (at - ramp) / velocity
    down = total - np.sqrt(2 * np.maximum(length - at, 0) / accel)
    return np.where(at < ramp, up, np.where(at > length - ramp, down, cruise))


@lru_cache
def firmware() -> Path:
    return build(OBJECT)


@lru_cache
def configured(config: Path) -> Loaded:
    return SCHEMA.load(read_config(config))


def run(
    text: str,
    config: Path = RAMPS,
    faults: Faults | None = None,
    drifts: dict[str, float] | None = None,
    *,
    plan: FaultPlan | None = None,
) -> Simulation:
    """The simulation of a text, its edges kept."""
    loaded = configured(config)
    printer = SimulatedPrinter(
        loaded, chips_of(loaded.config, ["atmega2560"]), firmware(), drifts, begin=BEGIN
    )
    try:
        simulation = Simulation(loaded, printer, faults, plan=plan, keep=True)
        simulation.run(text, "line.gcode")
    finally:
        printer.close()
    return simulation


def steps(simulation: Simulation, stepper: str, *, both_edges: bool = False) -> list[tuple[int, int]]:
    """(clock, level of the direction pin) of each step of a stepper."""
    level, found = 0, []
    for line in simulation.lines:
        clock, _, pin, value = line.split("\t")
        if pin == f"{stepper} dir":
            level = int(value)
        elif pin == f"{stepper} step" and (both_edges or value == "1"):
            found.append((int(clock), level))
    return found


def assert_on_time(clocks: np.ndarray, times: np.ndarray, frequency: float, late: float = 0.0) -> None:
    """There is a start of the move for which each step is within its bound, half its interval or 25 us, and `late`."""
    gaps = np.diff(times)
    nearest = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
    bound = np.minimum(BOUND, nearest / 2) + 1 / frequency
    starts = clocks / frequency - times
    assert (starts - bound).max() <= (starts + bound).min() + late


def assert_line_is_exact(simulation: Simulation, late: float = 0.0) -> None:
    """LINE made 800 steps of X, each in time, and none else."""
    made = steps(simulation, "stepper_x")
    assert len(made) == 800
    assert {level for _, level in made} == {1}
    clocks = np.array([clock for clock, _ in made], dtype=float)
    assert (np.diff(clocks) > 0).all()
    assert_on_time(clocks, crossings(10, 100, 3000, 0.0125), FREQUENCY["mcu"], late)
    assert steps(simulation, "stepper_y") == steps(simulation, "stepper_z") == []
    assert [(row["steps"], row["position"], row["lost"], row["counted"]) for row in simulation.rows] == [
        (800, 10.0, 0, 800),
        (0, 0.0, 0, 0),
        (0, 0.0, 0, 0),
    ]
    assert all(row["violations"] == 0 for row in simulation.rows)


def test_each_edge_of_a_line_is_an_exact_step() -> None:
    assert_line_is_exact(run(LINE))


def test_the_way_back_has_the_other_direction_and_ends_where_it_began() -> None:
    simulation = run(LINE + "G1 X2.5\nG1 X0\n")
    made = steps(simulation, "stepper_x")
    assert [level for _, level in made] == [1] * 800 + [0] * 800
    assert simulation.rows[0]["position"] == 0.0
    inverted = run("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 Y10 F6000\n")
    assert {level for _, level in steps(inverted, "stepper_y")} == {0}  # dir_pin: !PF7
    assert inverted.rows[1]["position"] == 10.0


def test_two_microcontrollers_step_together_each_by_its_own_clock() -> None:
    simulation = run("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 Y10 F6000\n", TWO_BOARDS)
    x, y = steps(simulation, "stepper_x"), steps(simulation, "stepper_y", both_edges=True)
    assert len(x) == len(y) == 800
    along = crossings(math.hypot(10, 10), 100, 3000, 0.0125 * math.sqrt(2))
    assert_on_time(np.array([clock for clock, _ in x], dtype=float), along, FREQUENCY["mcu"])
    assert_on_time(np.array([clock for clock, _ in y], dtype=float), along, FREQUENCY["zboard"])
    assert [(row["position"], row["lost"]) for row in simulation.rows] == [(10.0, 0), (10.0, 0), (0.0, 0)]


def test_two_microcontrollers_stay_together_although_their_crystals_differ() -> None:
    """Over 40 s of motion and a rest, with 150 ppm between the clocks (6 ms in 40 s if nothing were done about it)."""
    drifts = {"mcu": 70e-6, "zboard": -80e-6}
    text = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X150 Y150 F600\nG4 P30000\nG1 X0 Y0 F1200\n"
    simulation = run(text, TWO_BOARDS, drifts=drifts)
    x, y = steps(simulation, "stepper_x"), steps(simulation, "stepper_y", both_edges=True)
    assert len(x) == len(y) == 2 * 12000
    times = [
        np.array([clock for clock, _ in made]) / (FREQUENCY[name] * (1 + drifts[name]))
        for made, name in ((x, "mcu"), (y, "zboard"))
    ]
    assert times[0][-1] - times[0][0] > 60
    assert np.abs(times[0] - times[1]).max() < 2 * BOUND + 100e-6
    assert [(row["position"], row["lost"]) for row in simulation.rows] == [(0.0, 0)] * 3


def test_two_microcontrollers_with_different_crystals_go_on_after_an_hour_of_rest() -> None:
    drifts = {"mcu": 70e-6, "zboard": -80e-6}  # half a second apart after an hour
    text = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 Y10 F6000\nG4 P3600000\nG1 X0 Y0\n"
    simulation = run(text, TWO_BOARDS, drifts=drifts)
    assert [(row["position"], row["lost"]) for row in simulation.rows] == [(0.0, 0)] * 3
    assert simulation.seconds > 3600


@pytest.mark.parametrize("config", [RAMPS, TWO_BOARDS], ids=["one", "two"])
def test_twice_the_same_input_gives_the_same_bytes(config: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gcode").write_text(DIAGONAL)
    answers = []
    for number, seed in ((1, "0"), (2, "77")):
        line = f"klipkit simulate a.gcode -c {config} --mcu atmega2560 --json -q --edges edges{number}"
        result = shell(f"cd {tmp_path} && {line}", {"PYTHONHASHSEED": seed})
        assert (result.returncode, result.stderr) == (0, "")
        answers.append(json.loads(result.stdout))
    assert answers[0] == answers[1]
    assert len(answers[0]["wires"]) == len(answers[0]["wires"].keys() | {"mcu"})
    assert (tmp_path / "edges1").read_bytes() == (tmp_path / "edges2").read_bytes()


def test_damaged_and_lost_frames_change_no_step() -> None:
    """Of the frames each way 1 % have a byte changed, and 1 % lose one."""
    whole = run(LINE)
    want = [clock for clock, _ in steps(whole, "stepper_x")]
    naks = set()
    for seed in range(1, 1001):
        simulation = run(LINE, faults=Faults(seed, 0.01, 0.01))
        got = [clock for clock, _ in steps(simulation, "stepper_x")]
        assert len(got) == 800, seed
        assert simulation.rows[0]["lost"] == 0 and simulation.rows[0]["counted"] == 800, seed
        intervals = np.diff(got) - np.diff(want)
        assert np.abs(intervals).max() <= 2 * BOUND * FREQUENCY["mcu"], seed
        naks.add(simulation.wires["mcu"])
    assert len(naks) > 500  # the damage was there: the bytes on the wire differ


@pytest.mark.parametrize("seconds", [0.05, 0.5])
def test_a_host_that_stalls_for_less_than_it_sends_ahead_moves_no_step(seconds: float) -> None:
    """Steps may be made in other pieces: each stays within its bound of the same exact time."""
    quiet = steps(run(LONG), "stepper_x")
    for at in (2.0, 3.03):
        stalled = run(LONG, plan=FaultPlan([f"host-stall:{seconds}@{at}"]))
        made = steps(stalled, "stepper_x")
        assert [level for _, level in made] == [level for _, level in quiet], at
        off = [clock - want for (clock, _), (want, _) in zip(made, quiet, strict=True)]
        assert max(map(abs, off)) <= 2 * BOUND * FREQUENCY["mcu"], at
        assert (stalled.rows[0]["lost"], stalled.rows[0]["violations"]) == (0, 0)


def test_a_host_that_stalls_for_longer_is_named_as_the_cause() -> None:
    with pytest.raises(TimerTooClose) as raised:
        run(LONG, plan=FaultPlan(["host-stall:1.2@3"]))
    said = re.fullmatch(
        r"MCU 'mcu' shutdown: Timer too close: the host was late by (\d+) ms because its computer stood still",
        raised.value.what,
    )
    assert said is not None, raised.value.what
    assert 1200 - 50 <= int(said[1]) <= 1200


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2])
def test_a_link_on_which_frames_come_late_changes_no_step(delay: float) -> None:
    want = [clock for clock, _ in steps(run(LINE), "stepper_x")]
    for seed in range(1, 11):
        simulation = run(LINE, faults=Faults(seed, delay=delay))
        got = [clock for clock, _ in steps(simulation, "stepper_x")]
        assert len(got) == 800, seed
        assert np.abs(np.diff(got) - np.diff(want)).max() <= 2 * BOUND * FREQUENCY["mcu"], seed
        assert simulation.rows[0]["violations"] == 0, seed


def test_a_link_that_is_too_slow_is_refused_with_what_was_measured() -> None:
    with pytest.raises(
        SlowLink, match=r"MCU 'mcu': a question is answered after \d{3} ms \+- \d+ ms, too late"
    ):
        run(LINE, faults=Faults(1, delay=0.4))


def test_a_link_that_becomes_too_slow_is_named_as_the_cause() -> None:
    with pytest.raises(TimerTooClose, match=r"Timer too close: its link is slow, this news took \d{2,4} ms"):
        run(LONG, plan=FaultPlan(["delay:mcu:1.5@2"]))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("G1 X10\n", "line.gcode:1: Must home axis first: X"),
        (
            "SET_KINEMATIC_POSITION X=0\nG1 X500\n",
            "line.gcode:2: Move out of range: 500.000 0.000 0.000 [0.000]",
        ),
        ("?\n", "line.gcode:1: not a G-code command: '?'"),
        ("G1 Xfoo\n", "line.gcode:1: G1: X must be given"),
        ("SET_KINEMATIC_POSITION X=nan\n", "line.gcode:1: SET_KINEMATIC_POSITION: X=nan is not a number"),
    ],
)
def test_a_wrong_line_is_one_clear_error_with_its_place(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "line.gcode").write_text(text)
    result = shell(f"cd {tmp_path} && klipkit simulate line.gcode -c {RAMPS} --mcu atmega2560")
    assert result.returncode == 1
    assert result.stderr.startswith(f"klipkit simulate: error: {what}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"klipkit simulate /nowhere.gcode -c {RAMPS} --mcu atmega2560", 2),
        ("klipkit simulate a.gcode -c /nowhere.cfg", 2),
        (f"klipkit simulate a.gcode -c {RAMPS}", 2),
        (f"klipkit simulate a.gcode -c {RAMPS} --mcu atmega9999", 2),
        (f"klipkit simulate a.gcode -c {RAMPS} --mcu stm32f103", 1),
        (f"klipkit simulate . -c {RAMPS} --mcu atmega2560", 2),
        (f"klipkit simulate a.gcode -c {RAMPS} --mcu atmega2560 --edges /nowhere/edges", 2),
    ],
)
def test_bad_input_is_one_line_and_the_right_status(tmp_path: Path, line: str, status: int) -> None:
    (tmp_path / "a.gcode").write_text(LINE)
    result = shell(f"cd {tmp_path} && {line}")
    assert (result.returncode, result.stderr.count("\n")) == (status, 1), result.stderr
    assert "Traceback" not in result.stderr


def test_a_command_that_no_one_knows_is_told_and_passed_over(tmp_path: Path) -> None:
    (tmp_path / "line.gcode").write_text(f"{LINE}G29\nG1 X20\n")
    result = shell(
        f"cd {tmp_path} && klipkit simulate line.gcode -c {RAMPS} --mcu atmega2560 --begin 0,0,0 --json"
    )
    assert result.returncode == 0, result.stderr
    assert '// Unknown command:"G29" (line.gcode:3)' in result.stderr
    assert json.loads(result.stdout)["steppers"][0]["steps"] == 1600
