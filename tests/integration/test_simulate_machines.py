"""Machines of all kinematics with extruders, from G-code through host, wire and firmware to the pins of motors."""

import json
from pathlib import Path

import pytest

from tests.command import shell

GCODE = """\
SET_KINEMATIC_POSITION X={x} Y={y} Z=10
M83
M109 S200
G1 X{x} Y{y} Z11 F600
G1 X{near} Y12 F9000
G1 X20 Y{near} E2 F6000
G1 X5 Y{low} Z10.5 E1.5
G1 E-1 F2100
G4 P300
G1 E1
SET_PRESSURE_ADVANCE ADVANCE=0
G1 X{x} Y{y} E3 F12000
"""


RAILS = ["stepper_x", "stepper_y", "stepper_z"]
TOWERS = ["stepper_a", "stepper_b", "stepper_c"]
SIDE = {"x": 50, "y": 60, "near": 41, "low": 13}


@pytest.mark.parametrize(
    "machine, place, motors",
    [
        ("ramps-corexy", SIDE, RAILS),
        ("ramps-corexz", SIDE, RAILS),
        ("ramps-extruder-stepper", SIDE, RAILS),
        ("ramps-two-z", SIDE, [*RAILS, "stepper_z1"]),
        ("ramps-hybrid-corexy", SIDE, RAILS),
        ("ramps-hybrid-corexz", SIDE, RAILS),
        ("ramps-delta", {"x": -20, "y": 30, "near": 1, "low": -3}, TOWERS),
        ("ramps-rotary-delta", {"x": -20, "y": 30, "near": 1, "low": -3}, TOWERS),
        ("ramps-deltesian", SIDE, ["stepper_left", "stepper_right", "stepper_y"]),
        ("ramps-polar", SIDE, ["stepper_bed", "stepper_arm", "stepper_z"]),
        ("ramps-generic-cartesian", SIDE, ["stepper belt_a", "stepper belt_b", "stepper z", "stepper z1"]),
        ("ramps-winch", {"x": -20, "y": 30, "near": 1, "low": -3}, [*TOWERS, "stepper_d"]),
    ],
)
def test_every_planned_step_comes_out_of_the_firmware(
    tmp_path: Path, machine: str, place: dict[str, int], motors: list[str]
) -> None:
    file, config = tmp_path / "part.gcode", f"config-examples/{machine}.cfg"
    file.write_text(GCODE.format(**place))
    begin = f"{place['x']},{place['y']},10"
    simulated = shell(f"klipkit simulate {file} -c {config} --mcu atmega2560 --begin {begin} --json")
    assert simulated.returncode == 0, simulated.stderr
    rows = json.loads(simulated.stdout)["steppers"]
    planned = json.loads(shell(f"klipkit steps {file} -c {config} --json").stdout)["steppers"]
    found = [row["stepper"] for row in rows if not row["stepper"].startswith("extruder_stepper ")]
    assert found == [*motors, "extruder"]
    for row, plan in zip(rows, planned, strict=True):
        assert (row["steps"], row["lost"], row["violations"]) == (plan["net"], 0, 0), row
        assert row["counted"] == row["steps"]
        assert plan["steps"] > 0


def test_after_a_long_dwell_both_boards_go_on(tmp_path: Path) -> None:
    file = tmp_path / "dwell.gcode"
    file.write_text("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X5 Y5 F6000\nG4 P6000\nG1 X10 Y10\n")
    chips = "--mcu atmega2560 --mcu zboard=stm32f446"
    simulated = shell(f"klipkit simulate {file} -c config-examples/two-boards.cfg {chips} --json")
    assert simulated.returncode == 0, simulated.stderr
    assert [row["position"] for row in json.loads(simulated.stdout)["steppers"]][:2] == [10.0, 10.0]
