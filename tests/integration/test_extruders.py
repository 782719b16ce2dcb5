"""Several extruders and motors that move filament, on the simulated printer: the steps that each motor makes."""

from pathlib import Path
from typing import Any

import pytest

from klipkit.base.config import read_config
from klipkit.base.faults import GcodeError
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimation import Estimation
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.machine.check import Findings
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

HEATER = """\
sensor_type: EPCOS 100K B57560G104F
control: watermark
min_temp: 0
max_temp: 250
min_extrude_temp: 0
nozzle_diameter: 0.4
filament_diameter: 1.75
max_extrude_only_distance: 500
max_extrude_cross_section: 50
"""
MORE = f"""
[force_move]
enable_force_move: True

[extruder]
min_extrude_temp: 0
max_extrude_only_distance: 500
max_extrude_cross_section: 50
rotation_distance: 32
pressure_advance: 0.05

[extruder1]
step_pin: PC1
dir_pin: PC3
enable_pin: !PC7
microsteps: 16
rotation_distance: 16
heater_pin: PB5
sensor_pin: PK7
{HEATER}
[extruder_stepper second]
extruder: extruder
step_pin: PJ0
dir_pin: PJ2
enable_pin: !PJ3
microsteps: 16
rotation_distance: 32
"""
PER_MM, PER_MM_1 = 100, 200  # steps
BEGIN = "SET_KINEMATIC_POSITION X=100 Y=100 Z=50\nM83\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "printer.cfg"
    path.write_text((TOP / "config-examples" / "cartesian.cfg").read_text() + MORE)
    return path


def simulated(config: Path, text: str) -> tuple[Simulation, dict[str, Any]]:
    """The run, and the steps by motor; none is lost."""
    loaded = SCHEMA.load(read_config(config))
    printer = SimulatedPrinter(loaded, chips_of(loaded.config, ("atmega2560",)), build(OBJECT))
    try:
        simulation = Simulation(loaded, printer)
        simulation.run(BEGIN + text, "lines")
    finally:
        printer.close()
    for row in simulation.rows:
        assert (row["lost"], row["violations"], row["counted"]) == (0, 0, row["steps"]), row
    return simulation, {row["stepper"]: row["steps"] for row in simulation.rows}


def filament(steps: dict[str, Any]) -> tuple[int, int, int]:
    return steps["extruder"], steps["extruder_stepper second"], steps["extruder1"]


def test_e_is_of_the_active_extruder(config: Path) -> None:
    text = "G1 X110 E10 F600\nT1\nG1 X120 E5\nG1 E-1\nACTIVATE_EXTRUDER EXTRUDER=extruder\nG1 X100 E2\n"
    _, steps = simulated(config, text)
    assert filament(steps) == (12 * PER_MM, 12 * PER_MM, 4 * PER_MM_1)
    assert steps["stepper_x"] == 0


def test_an_absolute_e_begins_at_0_with_each_choice(config: Path) -> None:
    text = "M82\nG92 E0\nG1 X110 E10 F600\nT1\nG1 X120 E3\nT0\nG1 X110 E1\nT0\nG1 X100 E2\n"
    _, steps = simulated(config, text)
    assert filament(steps) == (12 * PER_MM, 12 * PER_MM, 3 * PER_MM_1)


def test_the_filament_ends_where_it_should_after_many_changes(config: Path) -> None:
    text = "".join(
        f"T{n % 2}\nG1 X{100 + n % 7} E{0.11 + n * 0.013:.3f} F3000\nG1 X{101 + n % 5} E-0.07\n"
        for n in range(60)
    )
    _, steps = simulated(config, text)
    even = sum(0.11 + n * 0.013 - 0.07 for n in range(0, 60, 2))
    odd = sum(0.11 + n * 0.013 - 0.07 for n in range(1, 60, 2))
    assert steps["extruder"] == pytest.approx(even * PER_MM, abs=1)
    assert steps["extruder1"] == pytest.approx(odd * PER_MM_1, abs=1)


def test_motors_move_the_filament_that_they_are_synchronised_with(config: Path) -> None:
    text = (
        "SYNC_EXTRUDER_MOTION EXTRUDER=extruder1 MOTION_QUEUE=extruder\nG1 X110 E4 F600\n"
        "SYNC_EXTRUDER_MOTION EXTRUDER=second MOTION_QUEUE=\nG1 X120 E3\n"
        "SYNC_EXTRUDER_MOTION EXTRUDER=extruder1 MOTION_QUEUE=extruder1\n"
        "SYNC_EXTRUDER_MOTION EXTRUDER=second MOTION_QUEUE=extruder1\nG1 X110 E2\nT1\nG1 X100 E1\n"
    )
    _, steps = simulated(config, text)
    assert filament(steps) == (9 * PER_MM, (4 + 1) * PER_MM, (4 + 3 + 1) * PER_MM_1)


def test_the_rotation_distance_changes_how_far_a_turn_goes_and_where_to(config: Path) -> None:
    change = "SET_EXTRUDER_ROTATION_DISTANCE EXTRUDER=extruder DISTANCE={}\n"
    text = (
        f"G1 X110 E2 F600\n{change.format(16)}G1 X100 E2\n{change.format(-32)}G1 X110 E1\n"
        "SET_EXTRUDER_ROTATION_DISTANCE EXTRUDER=extruder\n"
    )
    simulation, steps = simulated(config, text)
    assert steps["extruder"] == 2 * PER_MM + 2 * 2 * PER_MM - PER_MM
    assert "// Extruder 'extruder' rotation distance is -32.000000" in simulation.said


def test_temperatures_without_a_tool_are_for_the_active_extruder(config: Path) -> None:
    simulation, _ = simulated(config, "M104 S40\nM104 T1 S50\nT1\nM109 S45\nM105\n")
    assert "T0:" in simulation.said[-1] and "/40.0" in simulation.said[-1] and "/45.0" in simulation.said[-1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ACTIVATE_EXTRUDER EXTRUDER=extruder2", "The value 'extruder2' is not valid for EXTRUDER"),
        (
            "SYNC_EXTRUDER_MOTION EXTRUDER=third MOTION_QUEUE=extruder",
            "The value 'third' is not valid for EXTRUDER",
        ),
        (
            "SYNC_EXTRUDER_MOTION EXTRUDER=second MOTION_QUEUE=third",
            "The value 'third' is not valid for MOTION_QUEUE",
        ),
        ("SET_EXTRUDER_ROTATION_DISTANCE EXTRUDER=second DISTANCE=0", "can not be zero"),
    ],
)
def test_what_there_is_not_is_refused(config: Path, line: str, words: str) -> None:
    with pytest.raises(GcodeError, match=words):
        simulated(config, line)


def test_an_estimate_and_a_check_follow_the_extruders(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "part.gcode"
    text = (
        "G1 X110 E4 F600\nT1\nG1 X120 E3\nSYNC_EXTRUDER_MOTION EXTRUDER=extruder1 MOTION_QUEUE=extruder\n"
        "T0\nG1 X100 E4\nG28\nT1\nG1 X10 E1\n"
    )
    file.write_text(BEGIN + text)
    loaded = SCHEMA.load(read_config(config))
    chips = chips_of(loaded.config, ("atmega2560",))
    printer = SimulatedPrinter(loaded, chips, build(OBJECT))
    try:
        simulation = Simulation(loaded, printer)
        simulation.print_file(str(file))
    finally:
        printer.close()
    printer = SimulatedPrinter(loaded, chips, build(OBJECT))
    findings = Findings()
    try:
        result = Estimation(loaded, chips, printer, str(file), findings=findings).run()
    finally:
        printer.close()
    assert not list(findings)
    assert result.seconds == pytest.approx(simulation.report["print_seconds"], abs=0.1)
    assert result.total.filament == pytest.approx(12)
