"""The C tests of lossy lines and hostile bytes once more, with many more seeds."""

import subprocess
from pathlib import Path

import pytest

from tests.reference import TOP

STRICT = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{TOP}"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def built(name: str, folder: Path) -> Path:
    """A C test with the wire's own C, under the sanitizers."""
    program = folder / name
    sources = [TOP / "tests" / "c" / f"{name}.c", *sorted((TOP / "klipkit" / "wire").glob("*.c"))]
    subprocess.run(["gcc", *STRICT, *SANITIZE, "-o", program, *sources, "-lm"], check=True)
    return program


@pytest.mark.long
def test_a_million_commands_arrive_once_and_in_order_over_a_bad_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [built("test_wire_lossy", tmp_path), "-v", "20"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1 seeds, 1000000 commands each, 50000 lost, 10000 frames and 0 bytes damaged ppm" in done.stdout
    assert "200 seeds, 800 commands each, 0 lost, 0 frames and 10000 bytes damaged ppm" in done.stdout


@pytest.mark.long
def test_ten_million_hostile_strings_do_no_harm(tmp_path: Path) -> None:
    program = built("test_wire_fuzz", tmp_path)
    for seed in range(1, 101):
        done = subprocess.run([program, str(seed)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"seed {seed}: {done.stderr}"
