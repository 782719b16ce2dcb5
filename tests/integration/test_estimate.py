"""What `klipkit estimate` says of a file is what `klipkit simulate` takes of it: time, place, layers; and how fast."""

import gzip
import time
from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.schema import Loaded
from klipkit.boards.chips import Chip
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimation import Estimation
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP, reference_path

EXAMPLES = TOP / "config-examples"
MACHINES = ("cartesian", "corexy", "delta")
CARTESIAN = EXAMPLES / "cartesian.cfg"
CENTRE = "SET_GCODE_OFFSET X=-100 Y=-100\n"  # a delta's origin is the middle of its bed
SHARE, LEAST = 0.001, 1.0  # of the time, and s: how far an estimate may be off, both
SHORT = 0.1  # s: of files that take no time
FAST = 200_000  # lines in a second of CPU time
START = "M140 S60\nM104 S150\nG28\nG1 Z5 F600\nM190 S60\nM109 S200\nG92 E0\nG1 E5 F300\nM117 go\n"
END = "G91\nG1 Z2 F600\nG90\nM104 S0\nM140 S0\nG28 X Y\nM84\n"


def printer_of(config: Path) -> tuple[Loaded, dict[str, Chip], SimulatedPrinter]:
    loaded = SCHEMA.load(read_config(config))
    chips = chips_of(loaded.config, ("mcu=atmega2560",) if "arduino" in config.read_text().lower() else ())
    return loaded, chips, SimulatedPrinter(loaded, chips, build(OBJECT))


def simulated(config: Path, file: Path) -> Simulation:
    loaded, _, printer = printer_of(config)
    try:
        simulation = Simulation(loaded, printer)
        simulation.print_file(str(file))
    finally:
        printer.close()
    return simulation


def estimated(config: Path, file: Path) -> Estimation:
    loaded, chips, printer = printer_of(config)
    try:
        estimation = Estimation(loaded, chips, printer, str(file))
        estimation.run()
    finally:
        printer.close()
    return estimation


def assert_right(config: Path, file: Path) -> None:
    """The time is the simulation's, and the parts add up to it."""
    result = estimated(config, file).result
    truth = simulated(config, file).report["print_seconds"]
    off = abs(result.seconds - truth)
    assert off <= max(SHARE * truth, SHORT) and off <= LEAST, (result.seconds, truth)
    assert sum(layer.time for layer in result.layers.values()) == pytest.approx(result.seconds, abs=0.01)
    assert sum(kind.time for kind in result.features.values()) == pytest.approx(result.seconds, abs=0.01)
    assert sum(layer.filament for layer in result.layers.values()) == pytest.approx(result.total.filament)


def printed(machine: str, name: str, count: int | None, file: Path) -> Path:
    """A sliced part, heated and homed before and after."""
    with gzip.open(reference_path(f"gcode/{name}.gcode.gz"), "rt") as sliced:
        lines = sliced.read().split("\n")[:count]
    if machine == "delta":
        end = END.replace(" X Y", "")
        file.write_text(START + CENTRE + "\n".join(lines) + "\nSET_GCODE_OFFSET X=0 Y=0\n" + end)
    else:
        file.write_text(START + "\n".join(lines) + "\n" + END)
    return file


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "count"),
    [
        pytest.param("box", 700, id="box-begin"),
        pytest.param("sphere", 3000, id="sphere-begin"),
        pytest.param("box", None, id="box", marks=pytest.mark.long),
        pytest.param("sphere", None, id="sphere", marks=pytest.mark.long),
    ],
)
def test_the_estimated_time_is_that_of_the_simulation(
    machine: str, name: str, count: int | None, tmp_path: Path
) -> None:
    assert_right(EXAMPLES / f"{machine}.cfg", printed(machine, name, count, tmp_path / f"{name}.gcode"))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("G28\n", id="homing"),
        pytest.param("G28\nG1 X50 Y50 Z10 F3000\nG28 Z\nG1 X10 Z5\nG4 P500\nG28", id="homing-after-moves"),
        pytest.param("M104 S100\nG28\nM109 S100\nM104 S0\nG4 P100000\nM109 S120", id="heated-twice"),
        pytest.param("G28\nG1 X50 F3000\nG4 P100\nG1 X60\nG4 S3\nG1 X10\nM400\nG1 X0", id="dwells"),
        pytest.param("G28\nM140 S40\nG1 X100 F60\nG1 X90\nM190 S40", id="heats-while-it-moves"),
        pytest.param("G28\nG1 X50 F3000\nM84\nG28 X\nG1 X10", id="motors-off"),
        pytest.param("M104 S0", id="nothing"),
    ],
)
def test_what_is_no_plain_move_takes_as_long_as_in_the_simulation(lines: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.gcode"
    file.write_text(lines)
    assert_right(CARTESIAN, file)


MACROS = """
[gcode_macro START_PRINT]
variable_purge: 10
gcode:
  {% set bed = params.BED|default(60)|float %}
  M140 S{bed}
  G28
  G1 Z5 F600
  M190 S{bed}
  M109 S{params.EXTRUDER|default(200)|float}
  G92 E0
  G1 X100 E{purge} F600
  {% for n in range(3) %}
  G1 X{100 + 10 * n} F6000
  {% endfor %}
  G92 E0

[gcode_macro END_PRINT]
gcode:
  {% if printer.toolhead.position.z < 100 %}
  G91
  G1 Z5 F600
  G90
  {% endif %}
  TURN_OFF_HEATERS
  M84
"""


def test_macros_take_their_time(tmp_path: Path) -> None:
    config = tmp_path / "printer.cfg"
    config.write_text(CARTESIAN.read_text() + MACROS)
    file = tmp_path / "part.gcode"
    file.write_text("START_PRINT BED=50 EXTRUDER=190\nG1 X150 Y100 E5 F3000\nG1 X100 Y150 E10\nEND_PRINT\n")
    assert_right(config, file)


def test_200_000_lines_of_a_sphere_take_less_than_a_second_of_the_computer(tmp_path: Path) -> None:
    file = printed("cartesian", "sphere", None, tmp_path / "sphere.gcode")
    begun = time.process_time()
    result = estimated(CARTESIAN, file).result
    assert result.lines > 150_000
    assert result.lines / (time.process_time() - begun) > FAST
