"""`klipkit steps` on the reference prints: the recorded steps, the summary and the file that belong together."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command import HANG, KLIPKIT
from tests.reference import reference_path
from tests.unit.test_motion_kinematics import Array
from tests.unit.test_motion_reference import FAR, differences

PRINTS = (
    "cartesian_torture",
    "cartesian_torture_pa",
    "corexy_sphere",
    "corexy_torture_mzv_pa",
    "delta_sphere",
    "delta_torture",
)
FREQUENCY = 16_000_000


@dataclass(frozen=True)
class Made:
    """What one call printed and wrote."""

    name: str
    file: Path
    document: dict[str, Any]
    arrays: dict[str, Array]

    @property
    def steppers(self) -> dict[str, dict[str, Any]]:
        """The records by stepper."""
        return {record["stepper"]: record for record in self.document["steppers"]}


def steps(gcode: Path, config: Path, *more: str) -> subprocess.CompletedProcess[bytes]:
    """Run `klipkit steps`, which succeeds."""
    call = [str(KLIPKIT), "steps", str(gcode), "-c", str(config), "--json", *more]
    done = subprocess.run(call, capture_output=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    return done


def make(name: str, file: Path, *more: str) -> Made:
    """Run `klipkit steps` on a reference print."""
    folder = reference_path(f"steps/{name}")
    done = steps(folder / "input.gcode", folder / "printer.cfg", "-o", str(file), *more)
    with np.load(file) as arrays:
        return Made(name, file, json.loads(done.stdout), {key: arrays[key] for key in arrays.files})


@pytest.fixture(scope="module", params=PRINTS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Each reference print in turn, once for all tests."""
    return make(request.param, tmp_path_factory.mktemp("steps") / f"{request.param}.npz")


def test_the_steps_are_the_recorded_ones(made: Made) -> None:
    with np.load(reference_path(f"steps/{made.name}") / "steps.npz") as recorded:
        assert recorded.files
        for name in recorded.files:
            found, wanted = made.arrays[name], recorded[name]
            late = differences(wanted, found)
            assert np.sign(found).sum() == np.sign(wanted).sum(), name
            assert np.count_nonzero(late > FAR) * 10_000 <= len(late), name
            assert np.percentile(late[late <= FAR], 99.9) <= 50, name


def test_the_file_has_times_that_rise_from_the_first_step_of_all(made: Made) -> None:
    traces = {name: array for name, array in made.arrays.items() if not name.endswith(".runs")}
    assert {array.dtype for array in made.arrays.values()} == {np.dtype("<i8")}
    assert min(int(np.abs(array)[0]) for array in traces.values()) == 1
    for name, array in traces.items():
        assert (np.diff(np.abs(array)) > 0).all(), name


def test_the_runs_expand_to_the_steps(made: Made) -> None:
    names = list(made.steppers)
    assert sorted(made.arrays) == sorted([*names, *(f"{name}.runs" for name in names)])
    origin = min(int(made.arrays[f"{name}.runs"][0, 0]) for name in names)
    for name in names:
        assert np.array_equal(expand(made.arrays[f"{name}.runs"], origin), made.arrays[name]), name


def expand(runs: Array, origin: int) -> Array:
    """Each step of rows of first, interval, count, add, direction, as a trace has it."""
    first, interval, count, add, direction = (np.repeat(column, runs[:, 2]) for column in runs.T)
    assert (runs[:, 2] > 0).all()
    place = np.arange(len(count)) - np.repeat(np.cumsum(runs[:, 2]) - runs[:, 2], runs[:, 2])
    clock = first - origin + interval * place + add * (place * (place + 1) // 2)
    trace: Array = (clock + 1) * direction
    return trace


def test_the_summary_is_that_of_the_file(made: Made) -> None:
    for name, record in made.steppers.items():
        found, runs = made.arrays[name], made.arrays[f"{name}.runs"]
        turns = 1 + np.count_nonzero(np.diff(runs[:, 4]))
        assert record["steps"] == len(found)
        assert record["net"] == np.sign(found).sum()
        assert record["queue_steps"] == len(runs)
        assert record["messages"] == len(runs) + turns
        assert record["rate"] == round(FREQUENCY / np.diff(np.abs(found)).min())
    text = (reference_path(f"steps/{made.name}") / "input.gcode").read_text().splitlines()
    assert made.document["lines"] == len(text)
    assert made.document["passed"] == []


def test_the_line_of_the_highest_rate_is_one_that_moves_the_motor(made: Made) -> None:
    text = (reference_path(f"steps/{made.name}") / "input.gcode").read_text().splitlines()
    for name, record in made.steppers.items():
        letters = {"stepper_z": "Z", "extruder": "E"}.get(name, "XYZ")
        line = text[record["line"] - 1].split()
        assert line[0] == "G1" and any(word[0] in letters for word in line[1:]), (name, line)


@pytest.mark.parametrize("name", ["corexy_sphere", "delta_sphere"])
def test_a_file_that_is_made_twice_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    one, two = make(name, tmp_path / "one.npz"), make(name, tmp_path / "two.npz")
    assert one.file.read_bytes() == two.file.read_bytes()
    assert one.document == two.document
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_another_clock_gives_the_same_steps_but_for_its_ticks(tmp_path: Path) -> None:
    slow = make("corexy_sphere", tmp_path / "slow.npz")
    fast = make("corexy_sphere", tmp_path / "fast.npz", "--frequency", "64e6")
    for name in slow.steppers:
        ours, theirs = slow.arrays[name], fast.arrays[name]
        assert np.array_equal(np.sign(ours), np.sign(theirs)), name
        assert np.abs(np.abs(ours) - np.abs(theirs)).max() <= 2 * 25 * 16, name  # each within 25 us


def test_the_line_of_the_highest_rate_is_where_the_fastest_move_stands(tmp_path: Path) -> None:
    file = tmp_path / "three.gcode"
    file.write_text("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\n;\n\nG1 X50 F3000\nG1 X10 F12000\n\nG1 X60 F3000\n")
    config = reference_path("steps/cartesian_torture") / "printer.cfg"
    record = json.loads(steps(file, config).stdout)["steppers"][0]
    assert (record["stepper"], record["line"]) == ("stepper_x", 5)
    assert record["rate"] == pytest.approx(200 / 40 * 200 * 16, rel=0.05)
    assert record["net"] == 60 / 40 * 200 * 16
