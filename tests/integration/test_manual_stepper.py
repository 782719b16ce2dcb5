"""Motors that belong to no axis, on the simulated printer: where they go, and that their endstop stops them."""

from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.faults import GcodeError, HomingError
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimation import Estimation
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

MORE = """
[force_move]
enable_force_move: True

[manual_stepper feeder]
step_pin: PC1
dir_pin: PC3
enable_pin: !PC7
microsteps: 16
rotation_distance: 32
velocity: 10
accel: 500

[manual_stepper gate]
step_pin: PJ0
dir_pin: PJ2
enable_pin: !PJ3
microsteps: 16
rotation_distance: 32
endstop_pin: PJ5
"""
PER_MM = 100  # steps
GATE = 20.0  # mm that the simulated gate begins from its endstop
BEGIN = "SET_KINEMATIC_POSITION X=100 Y=100 Z=50\n"
FEED, DOOR = "MANUAL_STEPPER STEPPER=feeder", "MANUAL_STEPPER STEPPER=gate"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "printer.cfg"
    path.write_text((TOP / "config-examples" / "cartesian.cfg").read_text() + MORE)
    return path


def simulated(config: Path, text: str) -> tuple[Simulation, dict[str, float], dict[str, int]]:
    """The run; positions and steps by motor. No step is lost."""
    loaded = SCHEMA.load(read_config(config))
    printer = SimulatedPrinter(loaded, chips_of(loaded.config, ("atmega2560",)), build(OBJECT))
    try:
        simulation = Simulation(loaded, printer)
        simulation.run(BEGIN + text, "lines")
    finally:
        printer.close()
    rows = {row["stepper"].removeprefix("manual_stepper "): row for row in simulation.rows}
    for row in rows.values():
        assert (row["lost"], row["violations"], row["counted"]) == (0, 0, row["steps"]), row
    positions = {name: row["position"] for name, row in rows.items()}
    return simulation, positions, {name: row["steps"] for name, row in rows.items()}


def test_a_move_goes_to_a_position(config: Path) -> None:
    text = (
        f"{FEED} MOVE=10\n{FEED} SET_POSITION=3\n{FEED} MOVE=5 SPEED=20 ACCEL=0\n{FEED} ENABLE=0 MOVE=1.5\n"
    )
    _, positions, steps = simulated(config, text)
    assert positions["feeder"] == pytest.approx(1.5)
    assert steps["feeder"] == round((10 + 2 - 3.5) * PER_MM)
    assert steps["gate"] == steps["stepper_x"] == 0


def test_other_moves_wait_for_its_end_unless_they_need_not(config: Path) -> None:
    move = "G1 X110 F600\nG1 X100\n"
    alone = simulated(config, move)[0].report["print_seconds"]
    waits = simulated(config, f"{FEED} MOVE=40\n{move}")[0].report["print_seconds"]
    beside, positions, steps = simulated(config, f"{FEED} MOVE=40 SYNC=0\n{move}")
    assert waits - alone > 4.0
    assert beside.report["print_seconds"] == pytest.approx(4.0, abs=1.0)
    assert positions["feeder"] == pytest.approx(40)
    assert (steps["feeder"], steps["stepper_x"]) == (40 * PER_MM, 0)


@pytest.mark.parametrize(("speed", "stop"), [(5, 1), (40, 1), (40, 2)])
def test_the_endstop_stops_it_and_no_step_is_lost(config: Path, speed: float, stop: int) -> None:
    text = f"{DOOR} MOVE=-50 SPEED={speed} ACCEL=1000 STOP_ON_ENDSTOP={stop}\n{DOOR} SET_POSITION=0\n{DOOR} MOVE=7\n"
    _, positions, steps = simulated(config, text)
    assert positions["gate"] == pytest.approx(7)
    overrun = -(steps["gate"] / PER_MM - 7) - GATE
    assert 0 <= overrun < 0.05 * speed


def test_the_place_of_the_trigger_is_the_position_told(config: Path) -> None:
    _, positions, steps = simulated(config, f"{DOOR} MOVE=-50 SPEED=20 ACCEL=500 STOP_ON_ENDSTOP=1\n")
    overrun = -steps["gate"] / PER_MM - GATE
    assert positions["gate"] == pytest.approx(-50 - overrun, abs=0.02)


def test_it_can_leave_its_endstop(config: Path) -> None:
    text = f"{DOOR} MOVE=-50 SPEED=20 STOP_ON_ENDSTOP=1\n{DOOR} SET_POSITION=0\n{DOOR} MOVE=50 STOP_ON_ENDSTOP=-1\n"
    _, _, steps = simulated(config, text)
    assert -GATE < steps["gate"] / PER_MM < -GATE + 1


def test_without_a_trigger_it_is_an_error_unless_that_may_be(config: Path) -> None:
    _, positions, _ = simulated(config, f"{DOOR} MOVE=5 SPEED=20 STOP_ON_ENDSTOP=2\n{DOOR} MOVE=6\n")
    assert positions["gate"] == pytest.approx(6)
    with pytest.raises(HomingError, match="No trigger on manual_stepper gate after full movement"):
        simulated(config, f"{DOOR} MOVE=5 SPEED=20 STOP_ON_ENDSTOP=1\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{FEED} MOVE=1 STOP_ON_ENDSTOP=1", "No endstop on manual stepper feeder"),
        (f"{DOOR} MOVE=1 STOP_ON_ENDSTOP=3", "STOP_ON_ENDSTOP=3 has no meaning"),
        (f"{FEED} MOVE=1 SPEED=0", "out of its range"),
        ("MANUAL_STEPPER STEPPER=other MOVE=1", "The value 'other' is not valid for STEPPER"),
    ],
)
def test_what_cannot_be_is_refused(config: Path, line: str, words: str) -> None:
    with pytest.raises(GcodeError, match=words):
        simulated(config, line)


def test_an_estimate_has_its_moves(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "part.gcode"
    text = (
        f"{FEED} MOVE=40\nG1 X110 F600\n{DOOR} MOVE=-50 SPEED=5 STOP_ON_ENDSTOP=1\n{FEED} MOVE=0\nG1 X100\n"
    )
    file.write_text(BEGIN + text)
    loaded = SCHEMA.load(read_config(config))
    chips = chips_of(loaded.config, ("atmega2560",))
    seconds = []
    for estimates in (False, True):
        printer = SimulatedPrinter(loaded, chips, build(OBJECT))
        try:
            if estimates:
                seconds.append(Estimation(loaded, chips, printer, str(file)).run().seconds)
            else:
                simulation = Simulation(loaded, printer)
                simulation.print_file(str(file))
                seconds.append(simulation.report["print_seconds"])
        finally:
            printer.close()
    assert seconds[1] == pytest.approx(seconds[0], abs=0.1)
