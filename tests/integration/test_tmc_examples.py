"""The examples with drivers that have registers, rehearsed: homing by stall, a print, what the drivers say."""

import json
from pathlib import Path

import pytest

from tests.command import shell
from tests.reference import reference_path

GCODE = """\
G28
G1 X20 Y30 Z5 F6000
M83
SET_TMC_CURRENT STEPPER=stepper_x CURRENT=0.5
G1 X50 Y60 F9000
G1 X12 Y44 F9000
DUMP_TMC STEPPER=extruder REGISTER=CHOPCONF
G1 X100 Y100 Z10 F9000
"""
FULL_STEP = 0.2  # mm


@pytest.mark.parametrize(("example", "chopconf"), [("tmc2209", "34030053"), ("tmc5160", "34410153")])
def test_an_example_homes_by_stall_and_prints(tmp_path: Path, example: str, chopconf: str) -> None:
    file = tmp_path / "part.gcode"
    file.write_text(GCODE)
    done = shell(f"klipkit simulate {file} -c config-examples/{example}.cfg --json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert all(row["lost"] == row["violations"] == 0 for row in result["steppers"])
    said = " ".join(result["said"])
    assert f"CHOPCONF:   {chopconf}" in said and "Run Current: 0." in said
    found, meant = result["report"]["true_position"], result["report"]["position"]
    assert all(abs(a - b) < 2 * FULL_STEP for a, b in zip(found, meant, strict=True))


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("driver-hot:stepper_y@8", 4, "TMC 'stepper_y' reports error: DRV_STATUS: "),
        ("driver-reset:stepper_x@8", 4, "reset=1(Reset)"),
        ("driver-unpowered:stepper_x@8", 3, "Unable to read tmc uart 'stepper_x' register"),
    ],
)
def test_a_fault_of_a_driver_in_a_print_is_the_error_of_the_simulation(
    tmp_path: Path, fault: str, status: int, words: str
) -> None:
    file = tmp_path / "part.gcode"
    file.write_text("G28\n" + "G1 X20 Y30 F3000\nG1 X80 Y90\n" * 40)
    done = shell(f"klipkit simulate {file} -c config-examples/tmc2209.cfg --fault {fault} --json")
    assert done.returncode == status, done.stderr
    assert words in done.stdout + done.stderr


def test_the_dialects_own_test_runs_with_drivers_of_all_kinds_on_one_board(tmp_path: Path) -> None:
    """klippy-tests/tmc: seven drivers, of which two share a DIAG pin, and motors without enable pins."""
    folder = reference_path("klippy-tests")
    script = (folder / "tmc.test").read_text().splitlines()
    file = tmp_path / "tmc.gcode"
    file.write_text("\n".join(line for line in script if not line.startswith(("CONFIG", "DICTIONARY", "#"))))
    done = shell(f"klipkit simulate {file} -c {folder / 'tmc.cfg'} --mcu atmega2560 --json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert all(row["lost"] == row["violations"] == 0 for row in result["steppers"])
    assert sum("Queried registers" in line for line in result["said"]) == 7
