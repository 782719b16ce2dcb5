"""Two carriages on one axis, on the simulated printer: where each of them is in each mode, cartesian and hybrid."""

from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.faults import GcodeError
from klipkit.base.schema import Loaded
from klipkit.boards.chips import Chip
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimation import Estimation
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.machine.check import Findings
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

MACHINES = ("ramps-cartesian", "ramps-hybrid-corexy", "ramps-hybrid-corexz")
MORE = """
[dual_carriage]
axis: x
step_pin: PC1
dir_pin: PC3
enable_pin: !PC7
microsteps: 16
rotation_distance: 40
endstop_pin: ^PJ0
position_endstop: 250
position_min: 30
position_max: 250
homing_speed: 40
"""
STEP = 0.03  # mm: a step or two
Y, Z = 40.0, 20.0


def configured(machine: str, folder: Path) -> tuple[Loaded, dict[str, Chip]]:
    path = folder / "printer.cfg"
    path.write_text((TOP / "config-examples" / f"{machine}.cfg").read_text() + MORE)
    loaded = SCHEMA.load(read_config(path))
    return loaded, chips_of(loaded.config, ("atmega2560",))


def simulated(machine: str, folder: Path, text: str) -> tuple[Simulation, tuple[float, float], list[float]]:
    """The run; where both carriages are, and the toolhead by carriage 0: the truth. No step is lost."""
    loaded, chips = configured(machine, folder)
    printer = SimulatedPrinter(loaded, chips, build(OBJECT), seed=3)
    try:
        simulation = Simulation(loaded, printer)
        simulation.run(f"G28\nG1 Y{Y} Z{Z} F900\n" + text, "lines")
        places = (printer.rails.rails["stepper_x"].position, printer.rails.rails["dual_carriage"].position)
    finally:
        printer.close()
    for row in simulation.rows:
        assert (row["lost"], row["violations"], row["counted"]) == (0, 0, row["steps"]), row
    return simulation, places, simulation.report["position"]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("text", "wanted", "x"),
    [
        pytest.param("", (0, 250), 0, id="homed"),
        pytest.param("G1 X50 F6000\n", (50, 250), 50, id="the first is primary"),
        pytest.param(
            "G1 X50\nSET_DUAL_CARRIAGE CARRIAGE=1\nG1 X200 Y60 Z30\n", (50, 200), 200, id="the second"
        ),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1\nG1 X200\nSET_DUAL_CARRIAGE CARRIAGE=0\nG1 X30\n",
            (30, 200),
            30,
            id="back",
        ),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1\nG1 X150\nSET_DUAL_CARRIAGE CARRIAGE=0\nG1 X20\n"
            "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=COPY\nG1 X70 Y80\nG1 X60\n",
            (60, 190),
            60,
            id="copy",
        ),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=MIRROR\nG1 X70 Y80\nG1 X60 Y20\n", (60, 190), 60, id="mirror"
        ),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=MIRROR\nG1 X60\nSET_DUAL_CARRIAGE CARRIAGE=1\nG1 X200\n"
            "SET_DUAL_CARRIAGE CARRIAGE=0\nG1 X61 Y10\n",
            (61, 200),
            61,
            id="mirror and back",
        ),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=COPY\nSAVE_DUAL_CARRIAGE_STATE\nSET_DUAL_CARRIAGE CARRIAGE=0\n"
            "G1 X80\nSET_DUAL_CARRIAGE CARRIAGE=1\nG1 X180\nRESTORE_DUAL_CARRIAGE_STATE\n",
            (0, 250),
            0,
            id="restored",
        ),
        pytest.param(
            "SAVE_DUAL_CARRIAGE_STATE NAME=a\nG1 X80\nSET_DUAL_CARRIAGE CARRIAGE=1\nG1 X180\n"
            "RESTORE_DUAL_CARRIAGE_STATE NAME=a MOVE=0\nG1 X90\n",
            (90, 180),
            90,
            id="modes restored",
        ),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=MIRROR\nG1 X60\nG28 X\nG1 X10\n",
            (10, 250),
            10,
            id="homed again",
        ),
    ],
)
def test_the_carriages_are_where_their_modes_put_them(
    machine: str, text: str, wanted: tuple[float, float], x: float, tmp_path: Path
) -> None:
    _, places, position = simulated(machine, tmp_path, text)
    assert places == pytest.approx(wanted, abs=STEP)
    assert position[0] == pytest.approx(x, abs=1e-6)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_the_other_axes_do_leaves_a_resting_carriage_where_it_is(machine: str, tmp_path: Path) -> None:
    text = "".join(f"G1 X{20 + n} Y{10 + 3 * n} Z{5 + n} F3000\n" for n in range(30))
    simulation, places, _ = simulated(machine, tmp_path, text)
    assert places == pytest.approx((49, 250), abs=STEP)
    truth = simulation.report["true_position"]
    assert truth == pytest.approx(simulation.report["position"], abs=STEP)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("G1 X215\n", id="too near to the second"),
        pytest.param("SET_DUAL_CARRIAGE CARRIAGE=1\nG1 X25\n", id="below the reach of the second"),
        pytest.param("SET_DUAL_CARRIAGE CARRIAGE=1 MODE=COPY\nG1 X5\n", id="the copy leaves its reach"),
        pytest.param(
            "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=MIRROR\nG1 X112\n", id="the mirror image comes too near"
        ),
    ],
)
def test_moves_that_bring_a_carriage_out_of_its_reach_or_too_near_are_refused(
    text: str, tmp_path: Path
) -> None:
    before = "SET_DUAL_CARRIAGE CARRIAGE=1\nG1 X240\nSET_DUAL_CARRIAGE CARRIAGE=0\n" if "X215" in text else ""
    with pytest.raises(GcodeError, match="Move out of range"):
        simulated("ramps-cartesian", tmp_path, before + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SET_DUAL_CARRIAGE CARRIAGE=2", "neither 0 nor 1"),
        ("SET_DUAL_CARRIAGE CARRIAGE=0 MODE=COPY", "no mode of carriage 0"),
        ("RESTORE_DUAL_CARRIAGE_STATE NAME=b", "Unknown DUAL_CARRIAGE state: b"),
        ("M84\nSET_DUAL_CARRIAGE CARRIAGE=1", "Must home axis first: X"),
    ],
)
def test_what_cannot_be_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(GcodeError, match=words):
        simulated("ramps-cartesian", tmp_path, text)


@pytest.mark.parametrize("machine", MACHINES)
def test_an_estimate_and_a_check_follow_both_carriages(machine: str, tmp_path: Path) -> None:
    file = tmp_path / "part.gcode"
    file.write_text(
        "G28\nG1 X50 Z5 F6000\nSET_DUAL_CARRIAGE CARRIAGE=1\nG1 X200 Y50\nSET_DUAL_CARRIAGE CARRIAGE=0\n"
        "SET_DUAL_CARRIAGE CARRIAGE=1 MODE=MIRROR\nG1 X60\nG28 X\nG1 X20\n"
    )
    loaded, chips = configured(machine, tmp_path)
    seconds = []
    findings = Findings()
    for estimates in (False, True):
        printer = SimulatedPrinter(loaded, chips, build(OBJECT))
        try:
            if estimates:
                result = Estimation(loaded, chips, printer, str(file), findings=findings).run()
                seconds.append(result.seconds)
            else:
                simulation = Simulation(loaded, printer)
                simulation.print_file(str(file))
                seconds.append(simulation.report["print_seconds"])
        finally:
            printer.close()
    assert not list(findings)
    assert seconds[1] == pytest.approx(seconds[0], abs=0.1)
