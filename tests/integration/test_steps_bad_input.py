"""`klipkit steps` on input that is wrong or odd: one line that says where, a stable exit status, never a traceback."""

import subprocess
from pathlib import Path

import pytest

from tests.command import HANG, KLIPKIT
from tests.reference import reference_path

HOME = b"G28\n"


def call(config: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """`klipkit steps ARGUMENTS` with a config, run in `folder`."""
    command = [str(KLIPKIT), "steps", "-c", str(config), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=HANG, check=False)


def config_of(name: str) -> Path:
    """The config of a reference print."""
    return reference_path(f"steps/{name}") / "printer.cfg"


def refused(folder: Path, data: bytes, *arguments: str, name: str = "cartesian_torture") -> tuple[int, str]:
    """Exit status and the one line that is printed for a file of these bytes."""
    (folder / "a.gcode").write_bytes(data)
    done = call(config_of(name), "a.gcode", *arguments, folder=folder)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == b""
    return done.returncode, lines[0].removeprefix("klipkit steps: error: ")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF\0\1\2\n", "a.gcode:1: a NUL byte in the line; is this a G-code file? [gcode]"),
        (
            HOME + b"G1 X1 ; wall \0\nG1 X2\n",
            "a.gcode:2: a NUL byte in the line; is this a G-code file? [gcode]",
        ),
        (HOME + b"; \0\n", "a.gcode:2: a NUL byte in the line; is this a G-code file? [gcode]"),
        (
            b"\xff\xd8\xff\xe0 JFIF\n",
            "a.gcode:1: bytes that are no UTF-8 text; is this a G-code file? [gcode]",
        ),
        (b"PK\3\4\x14\n", "a.gcode:1: malformed command 'PK\\x03\\x04\\x14' [gcode]"),
        (HOME + b"M117 gr\xfcn\n", "a.gcode:2: bytes that are no UTF-8 text; is this a G-code file? [gcode]"),
        (HOME + b"G1 Xnan\n", "a.gcode:2: G1: X must be given; position along the axis, mm [gcode]"),
        (HOME + b"G1 X-99e308\n", "a.gcode:2: Move exceeds maximum extrusion"),
        (HOME + b"G1 X-99E99\n", "a.gcode:2: Move exceeds maximum extrusion"),
        (HOME + b"G1 X" + b"9" * 400 + b"\n", "a.gcode:2: G1: X=9999"),
        (HOME + b"G1 X1\rG1 X2\n", "a.gcode:2: malformed parameters of G1: "),
        (HOME + b"\nG1 X", "a.gcode:3: G1: X must be given; position along the axis, mm [gcode]"),
        (HOME + b"G1 F0\n", "a.gcode:2: a speed or acceleration is not above 0; F is in mm/min [gcode]"),
        (HOME + b"G1 X1 F-5\n", "a.gcode:2: a speed or acceleration is not above 0; F is in mm/min [gcode]"),
        (HOME + b"M204 S0\n", "a.gcode:2: a speed or acceleration is not above 0; F is in mm/min [gcode]"),
        (HOME + b"M204\n", "a.gcode:2: M204: S must be given; or both P and T [gcode]"),
        (HOME + b"M220 S0\n", "a.gcode:2: M220: S=0 is not above 0 [gcode]"),
        (HOME + b"G20\n", "a.gcode:2: G20: inches are not supported; slice in millimetres [gcode]"),
        (
            HOME + b"SET_VELOCITY_LIMIT ACCEL=0\n",
            "a.gcode:2: SET_VELOCITY_LIMIT: a limit is out of its range [gcode]",
        ),
        (
            HOME + b"SET_INPUT_SHAPER SHAPER_TYPE=mvz SHAPER_FREQ_X=40\n",
            "a.gcode:2: SET_INPUT_SHAPER: there is no shaper 'mvz'; ",
        ),
        (
            HOME + b"SET_PRESSURE_ADVANCE ADVANCE=-1\n",
            "a.gcode:2: SET_PRESSURE_ADVANCE: a number is out of its range; ",
        ),
        (
            HOME + b"SET_PRESSURE_ADVANCE EXTRUDER=tool ADVANCE=1\n",
            "a.gcode:2: SET_PRESSURE_ADVANCE: there is no extruder 'tool' [gcode]",
        ),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path, data: bytes, said: str) -> None:
    status, line = refused(tmp_path, data)
    assert status == 1
    assert line.startswith(said) and line.endswith("[gcode]"), line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            HOME + b"G1 X0\n\nG1 X100.001\nG1 X1\n",
            "a.gcode:4: Move out of range: 100.001 -100.000 -5.000 [0.000]; X goes from -100 to 100 mm [move]",
        ),
        (
            HOME + b"G91\nG1 Z-.01\n",
            "a.gcode:3: Move out of range: -100.000 -100.000 -5.010 [0.000]; Z goes from",
        ),
        (b";\nG1 Y1\n", "a.gcode:2: Must home axis first: Y; home it with G28, or tell the position with "),
        (b"G28 X\nG1 X1\nG1 X2 Z1\n", "a.gcode:3: Must home axis first: Z; "),
        (
            b"SET_KINEMATIC_POSITION X=1e300\n",
            "a.gcode:1: SET_KINEMATIC_POSITION: the motors cannot be in that place",
        ),
    ],
)
def test_a_move_that_cannot_be_made_is_refused_with_its_place(tmp_path: Path, data: bytes, said: str) -> None:
    status, line = refused(tmp_path, data)
    assert status == 1
    assert line.startswith(said) and line.endswith("[move]"), line


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"G1 E500 F300\nG1 E1000.5 F300\n",
            "a.gcode:2: Extrude only move too long (500.500mm vs 500.000mm); see the option "
            "max_extrude_only_distance of [extruder] [gcode]",
        ),
        (
            HOME + b"G1 X-99 E50\n",
            "a.gcode:2: Move exceeds maximum extrusion (120.264mm^2 vs 50.000mm^2); see the option "
            "max_extrude_cross_section of [extruder] [gcode]",
        ),
    ],
)
def test_too_much_filament_is_refused_with_its_place(tmp_path: Path, data: bytes, said: str) -> None:
    assert refused(tmp_path, data) == (1, said)


@pytest.mark.parametrize("data", [b"SET_KINEMATIC_POSITION X=1000\n", b"SET_KINEMATIC_POSITION X=1e17 Z=5\n"])
def test_no_delta_stands_where_its_arms_do_not_reach(tmp_path: Path, data: bytes) -> None:
    status, line = refused(tmp_path, data, name="delta_torture")
    assert (status, line) == (
        1,
        "a.gcode:1: SET_KINEMATIC_POSITION: the motors cannot be in that place [move]",
    )


@pytest.mark.parametrize("data", [HOME + b"G4 P999999999999999\nG1 X1\n", HOME + b"G1 X1 F0.000000001\n"])
def test_motion_of_centuries_is_refused(tmp_path: Path, data: bytes) -> None:
    status, line = refused(tmp_path, data)
    assert status == 1
    assert line.startswith("a.gcode:") and "motion up to here takes" in line, line


def test_filament_that_jumps_is_refused(tmp_path: Path) -> None:
    data = HOME + b"SET_PRESSURE_ADVANCE ADVANCE=0.1 SMOOTH_TIME=1e-12\nG1 X10 E1\n"
    status, line = refused(tmp_path, data)
    assert (status, line.split(";")[0]) == (
        1,
        "a.gcode:3: extruder cannot follow: its position jumps, or is out of its reach",
    )


@pytest.mark.parametrize("lead", [b"", b"G28\n"])
@pytest.mark.parametrize("letter", ["a", ";", "G1 X1 ;\u20ac", ";\U0001f5a8"])
def test_a_line_of_ten_megabytes_is_refused(tmp_path: Path, letter: str, lead: bytes) -> None:
    data = lead + (letter * (10_000_000 // len(letter.encode()))).encode()
    status, line = refused(tmp_path, data + b"\nG20\n")
    assert status == 1
    assert line.startswith(f"a.gcode:{1 + bool(lead)}: ") and len(line) < 200, line


@pytest.mark.parametrize("letter", ["\u20ac", "\U0001f5a8"])
def test_after_a_long_comment_of_long_letters_the_file_goes_on(tmp_path: Path, letter: str) -> None:
    comment = ";;" + letter * (65_000)
    status, line = refused(tmp_path, comment.encode() + b"\nG20\n")
    assert (status, line.split(";")[0]) == (1, "a.gcode:2: G20: inches are not supported")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.gcode"], "missing.gcode: cannot be read: No such file or directory [usage]"),
        (["."], ".: cannot be read: Is a directory [usage]"),
        (["a.gcode", "-o", "none/x.npz"], "none/x.npz: cannot be written: No such file or directory [usage]"),
        (["a.gcode", "-o", "a.gcode/x.npz"], "a.gcode/x.npz: cannot be written: Not a directory [usage]"),
        (["a.gcode", "-o", "."], ".: cannot be written: Is a directory [usage]"),
        (["a.gcode", "-o", "/"], "/: cannot be written: Is a directory [usage]"),
        (["a.gcode", "-o", "folder"], "folder: cannot be written: Is a directory [usage]"),
        (["a.gcode", "--at", "nonsense"], "--at nonsense is no position; write --at X,Y,Z in mm [usage]"),
        (["a.gcode", "--at", "1,2"], "--at 1,2 is no position; write --at X,Y,Z in mm [usage]"),
        (["a.gcode", "--at", "1,nan,2"], "--at 1,nan,2 is no position; write --at X,Y,Z in mm [usage]"),
        (["a.gcode", "--at", "1e300,0,0"], "--at 1e300,0,0: the motors cannot be in that place [usage]"),
    ],
)
def test_wrong_usage_has_status_2_and_leaves_nothing(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.gcode").write_bytes(b"G28\nG1 X1\n")
    done = call(config_of("cartesian_torture"), *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"klipkit steps: error: {said}\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.gcode", "folder"]


def test_a_refused_file_leaves_the_file_of_before(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"before")
    assert refused(tmp_path, b"G20\n", "-o", "x.npz")[0] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gcode", "x.npz"]
    assert (tmp_path / "x.npz").read_bytes() == b"before"


@pytest.mark.parametrize(
    "data",
    [
        b"G28\r\nG1 X10 F6000\r\nG1 Y10 E1 ; wall\r\n",
        b"\xef\xbb\xbfG28\nG1 X10 F6000\nG1 Y10 E1\n",
        b"G28 ; gr\xc3\xbcn\nG1 X10 F6000\nG1 Y10 E1 ; gr\xfcn\n",
        b"G28\nG1 X10 F6000\nG1 Y10 E1",
        b"g28\n\n  g1x10f6000\nG1Y10E1\n\n",
        b"N1 G28*18\nN2 G1 X10 F6000*1\nN3 G1 Y10 E1*2\n",
    ],
)
def test_odd_ways_to_write_a_file_give_the_same_motion(tmp_path: Path, data: bytes) -> None:
    assert motion(tmp_path, data) == motion(tmp_path, b"G28\nG1 X10 F6000\nG1 Y10 E1\n")


def motion(folder: Path, data: bytes) -> list[list[str]]:
    """The table printed for a file, but for its last column, the lines."""
    (folder / "a.gcode").write_bytes(data)
    done = call(config_of("cartesian_torture"), "a.gcode", folder=folder)
    assert done.returncode == 0, done.stderr
    rows = [row.split("\t") for row in done.stdout.decode().splitlines()]
    assert [row[0] for row in rows] == ["stepper_x", "stepper_y", "stepper_z", "extruder"]
    assert rows[0][1] == str(110 * 80)
    return [row[:-1] for row in rows]


@pytest.mark.parametrize("data", [b"", b"\n", b"; only a note", b"%\n"])
def test_an_empty_file_moves_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.gcode").write_bytes(data)
    done = call(config_of("cartesian_torture"), "a.gcode", "-o", "x.npz", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {row.split("\t")[1] for row in done.stdout.decode().splitlines()} == {"0"}
    assert (tmp_path / "x.npz").exists()


@pytest.mark.parametrize("cut", range(1, 400, 37))
def test_a_truncated_file_is_carried_out_or_refused_in_its_last_line(tmp_path: Path, cut: int) -> None:
    data = (reference_path("steps/delta_sphere") / "input.gcode").read_bytes()[: 3000 + cut]
    (tmp_path / "a.gcode").write_bytes(data)
    done = call(config_of("delta_sphere"), "a.gcode", folder=tmp_path)
    last = f"klipkit steps: error: a.gcode:{len(data.splitlines())}: "
    assert done.returncode == 0 or (done.returncode == 1 and done.stderr.decode().startswith(last)), (
        done.stderr
    )
