"""Objects that are left out of a print, on the simulated printer: of the others all is moved and pushed as before."""

from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.faults import GcodeError
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

MORE = """
[force_move]
enable_force_move: True

[exclude_object]

[extruder]
min_extrude_temp: 0
rotation_distance: 32
max_extrude_cross_section: 50
"""
PER_MM, X_PER_MM = 100, 80  # steps
BEGIN = "SET_KINEMATIC_POSITION X=100 Y=100 Z=50\n"
DEFINE = (
    "EXCLUDE_OBJECT_DEFINE NAME=a CENTER=110,100 POLYGON=[[105,95],[115,95],[110,105]]\n"
    "EXCLUDE_OBJECT_DEFINE NAME=b\n"
)
A = "EXCLUDE_OBJECT_START NAME=a\nG1 X105 F3000\nG1 X115 E{a}\nEXCLUDE_OBJECT_END NAME=a\n"
B = "EXCLUDE_OBJECT_START NAME=b\nG1 X125\nG1 X135 E{b}\nEXCLUDE_OBJECT_END NAME=b\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "printer.cfg"
    path.write_text((TOP / "config-examples" / "cartesian.cfg").read_text() + MORE)
    return path


def simulated(config: Path, text: str) -> tuple[Simulation, dict[str, dict[str, int]]]:
    """The run, and what is known of each motor; no step is lost."""
    loaded = SCHEMA.load(read_config(config))
    printer = SimulatedPrinter(loaded, chips_of(loaded.config, ("atmega2560",)), build(OBJECT))
    try:
        simulation = Simulation(loaded, printer)
        simulation.run(BEGIN + DEFINE + text, "lines")
    finally:
        printer.close()
    rows = {row["stepper"]: row for row in simulation.rows}
    for row in rows.values():
        assert (row["lost"], row["violations"], row["counted"]) == (0, 0, row["steps"]), row
    return simulation, rows


@pytest.mark.parametrize(("mode", "e"), [("M83", (2, 3, 2, 3)), ("M82\nG92 E0", (2, 5, 7, 10))])
def test_an_object_that_is_excluded_moves_and_pushes_nothing(
    config: Path, mode: str, e: tuple[float, float, float, float]
) -> None:
    layers = (
        A.format(a=e[0]) + B.format(b=e[1]) + "EXCLUDE_OBJECT NAME=A\n" + A.format(a=e[2]) + B.format(b=e[3])
    )
    simulation, rows = simulated(config, f"{mode}\n{layers}M114\n")
    assert rows["extruder"]["steps"] == (2 + 3 + 3) * PER_MM
    assert rows["stepper_x"]["steps"] == 35 * X_PER_MM
    assert rows["stepper_x"]["pulses"] == (35 + 10 + 10) * X_PER_MM
    assert simulation.said[-1].startswith("X:135.000 Y:100.000 Z:50.000 E:")
    assert float(simulation.said[-1].rpartition(":")[2]) == pytest.approx(10)


def test_the_current_object_can_be_excluded_in_the_middle(config: Path) -> None:
    text = "M83\nEXCLUDE_OBJECT_START NAME=a\nG1 X110 E1 F3000\nEXCLUDE_OBJECT CURRENT=1\nG1 X190 E5\nG1 Y190 E5\n"
    _, rows = simulated(config, text + "EXCLUDE_OBJECT_END NAME=a\nG1 X112 Y100 E1\n")
    assert rows["extruder"]["steps"] == 2 * PER_MM
    assert rows["stepper_x"]["pulses"] == 12 * X_PER_MM
    assert rows["stepper_y"]["pulses"] == 0


def test_excluded_moves_may_lead_anywhere_but_the_others_keep_their_bounds(config: Path) -> None:
    text = "EXCLUDE_OBJECT NAME=a\nEXCLUDE_OBJECT_START NAME=a\nG1 X900\nEXCLUDE_OBJECT_END\n"
    simulated(config, text + "G1 X110\n")
    with pytest.raises(GcodeError, match="Move out of range"):
        simulated(config, text + "G1 Y110\n")


def test_a_reset_prints_it_again(config: Path) -> None:
    text = "M83\nEXCLUDE_OBJECT NAME=a\nEXCLUDE_OBJECT NAME=b\nEXCLUDE_OBJECT RESET=1 NAME=a\n"
    _, rows = simulated(config, text + A.format(a=2) + B.format(b=3))
    assert rows["extruder"]["steps"] == 2 * PER_MM


def test_what_there_is_is_told(config: Path) -> None:
    text = "EXCLUDE_OBJECT_DEFINE\nEXCLUDE_OBJECT NAME=b\nEXCLUDE_OBJECT\nEXCLUDE_OBJECT_DEFINE JSON=1\n"
    simulation, _ = simulated(config, text)
    assert simulation.said[-4:] == [
        "// Known objects: A B",
        "// Excluding object B",
        "// Excluded objects: B",
        '// Known objects: [{"name": "A", "center": [110, 100], "polygon": [[105, 95], [115, 95], [110, 105]]}, '
        '{"name": "B"}]',
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("EXCLUDE_OBJECT NAME=c", "there is no object 'C'"),
        ("EXCLUDE_OBJECT CURRENT=1", "no current object"),
        ("EXCLUDE_OBJECT_DEFINE NAME=c CENTER=here", "CENTER"),
    ],
)
def test_what_there_is_not_is_refused(config: Path, line: str, words: str) -> None:
    with pytest.raises(GcodeError, match=words):
        simulated(config, line)
