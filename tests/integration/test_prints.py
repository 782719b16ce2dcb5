"""Whole prints on simulated printers: every example machine, through host, wire and firmware, exact to the step."""

import contextlib
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.command import shell
from tests.reference import TOP, reference_path

EXAMPLES = TOP / "config-examples"
TOKEN = EXAMPLES / "token.gcode"
MACHINES = ("cartesian", "corexy", "delta", "corexy-toolboard")
CENTRE = "SET_GCODE_OFFSET X=-100 Y=-100\n"  # a delta's origin is the middle of its bed
STEP = 0.02  # mm: a step or two of these machines, and where their switches trigger
FASTER = 10  # times real time, of CPU seconds


def printed(machine: str, file: Path, drift: float = 0.0) -> Simulation:
    """What came of printing a file."""
    loaded = SCHEMA.load(read_config(EXAMPLES / f"{machine}.cfg"))
    chips = chips_of(loaded.config, () if machine != "cartesian" else ("mcu=atmega2560",))
    printer = SimulatedPrinter(loaded, chips, build(OBJECT), {name: drift for name in chips if name != "mcu"})
    try:
        simulation = Simulation(loaded, printer)
        simulation.print_file(str(file))
    finally:
        printer.close()
    return simulation


def assert_exact(simulation: Simulation) -> None:
    """No step is lost or hidden from the host, each direction was kept; the toolhead is where it is thought to be."""
    for row in simulation.rows:
        assert (row["lost"], row["violations"], row["counted"]) == (0, 0, row["steps"]), row
    report = simulation.report
    assert report["true_position"] == pytest.approx(report["position"], abs=STEP)
    assert report["least_lead"] > 0.1


def test_filament_goes_on_after_homing_where_it_was(tmp_path: Path) -> None:
    heat = "G28 X\nM83\nM109 S180\n"
    file = tmp_path / "twice.gcode"
    file.write_text(heat + "G1 X20 E0.5 F3000\nG28 X\nG1 X20 E0.5\nG28 X\nG1 X20 E0.5\n")
    simulation = printed("cartesian", file)
    assert all(row["lost"] == 0 and row["counted"] == row["steps"] for row in simulation.rows)
    extruded = next(row for row in simulation.rows if row["stepper"] == "extruder")
    assert extruded["steps"] == round(1.5 / extruded["step_distance"])


@pytest.mark.parametrize("machine", MACHINES)
def test_each_example_machine_prints_a_part(machine: str, tmp_path: Path) -> None:
    file = tmp_path / "token.gcode"
    text = TOKEN.read_text()
    file.write_text(text.replace("G90\n", f"G90\n{CENTRE}", 1) if machine == "delta" else text)
    simulation = printed(machine, file, drift=1e-4)
    assert_exact(simulation)
    assert simulation.report["temperatures"]["extruder"] > 150
    assert simulation.report["steps"] > 500_000


@pytest.mark.parametrize(
    "count", [pytest.param(5000, id="first"), pytest.param(None, id="all", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("machine", ["cartesian", "corexy", "delta"])
def test_a_sliced_sphere_is_exact_and_faster_than_time(
    machine: str, count: int | None, tmp_path: Path
) -> None:
    with gzip.open(reference_path("gcode/sphere.gcode.gz"), "rt") as sliced:
        lines = sliced.read().split("\n")[:count]
    file = tmp_path / "sphere.gcode"
    file.write_text("G28\nG1 Z5 F600\n" + (CENTRE if machine == "delta" else "") + "\n".join(lines) + "\n")
    begun = time.process_time()
    simulation = printed(machine, file)
    cpu = time.process_time() - begun
    assert_exact(simulation)
    assert simulation.seconds > FASTER * cpu


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """All cores have something else to do."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_the_same_print_gives_the_same_bytes_whatever_the_hash_seed_and_beside_busy_loops(
    tmp_path: Path,
) -> None:
    file = tmp_path / "part.gcode"
    file.write_text("\n".join(TOKEN.read_text().split("\n")[:400]) + "\n")
    line = f"klipkit simulate {file} -c config-examples/corexy-toolboard.cfg --json -q --damage 1 --seed 5"
    answers = [shell(line, {"PYTHONHASHSEED": seed}) for seed in ("0", "77")]
    with busy():
        answers.append(shell(line))
    assert [answer.returncode for answer in answers] == [0, 0, 0], answers[0].stderr
    first, *others = [json.loads(answer.stdout) for answer in answers]
    assert len(first["wires"]) == 2 and all(first["wires"].values())
    assert others == [first, first]


SHORT = """\
G28
G90
M104 S45
G1 Z2 F600
G1 X100 Y100 F9000
TEMPERATURE_WAIT SENSOR=extruder MINIMUM=40
M106 S128
G1 X110 Y100 F3000
G1 X110 Y110
G1 X100 Y100
M107
M104 S0
M84
"""


def test_the_atmega2560s_own_firmware_homes_heats_and_moves_exactly(tmp_path: Path) -> None:
    file = tmp_path / "short.gcode"
    file.write_text(SHORT)
    line = (
        f"klipkit simulate {file} -c config-examples/cartesian.cfg --mcu atmega2560 --emulate mcu --json -q"
    )
    result = shell(line)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert [row["lost"] for row in document["steppers"]] == [0, 0, 0, 0]
    assert document["report"]["true_position"] == pytest.approx([100, 100, 2], abs=STEP)
    assert document["report"]["temperatures"]["extruder"] > 35
