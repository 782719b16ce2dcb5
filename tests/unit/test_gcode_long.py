"""The C test of mutated G-code once more, with ten million lines."""

import subprocess
from pathlib import Path

import pytest

from tests.reference import TOP
from tests.unit.test_wire_long import SANITIZE, STRICT

FOLDERS = "gcode", "machine", "motion"


@pytest.mark.long
def test_ten_million_mutated_lines_do_no_harm(tmp_path: Path) -> None:
    program = tmp_path / "test_gcode_fuzz"
    sources = [path for folder in FOLDERS for path in sorted((TOP / "klipkit" / folder).glob("*.c"))]
    test = TOP / "tests" / "c" / "test_gcode_fuzz.c"
    subprocess.run(["gcc", *STRICT, *SANITIZE, "-o", program, test, *sources, "-lm"], check=True)
    done = subprocess.run([program, "10000000"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 10_000_000
