"""What is installed: the wheel has all that the tools need, and each way of installing gives a working command."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import klipkit
from klipkit.sim.firmware import PORT
from tests.reference import TOP

HANG = 600


def copy_of_the_sources(target: Path) -> Path:
    """What git knows of this checkout, as a clone would have it (with changes not yet committed)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (TOP / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, target / name)
    return target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = copy_of_the_sources(folder / "sources")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(sources),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("klipkit-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A virtual environment in which the wheel is installed; its dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=HANG)
    (site,) = folder.glob("lib/python3*/site-packages")
    own = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    for name in (
        "click",
        "rich",
        "cffi",
        "jinja2",
        "markupsafe",
        "serial",
        "pygments",
        "markdown_it",
        "mdurl",
        "kconfiglib.py",
    ):
        if (own / name).exists():
            (site / name).symlink_to(own / name)
    for binary in own.glob("_cffi_backend*"):
        (site / binary.name).symlink_to(binary)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*command, "install", "--no-deps", "--quiet", str(wheel)], check=True, timeout=HANG)
    yield folder


def test_the_wheel_holds_data_core_and_firmware(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "klipkit/boards/data/chips/atmega2560.toml",
        "klipkit/boards/data/tables/mega.toml",
        "klipkit/boards/data/usb.toml",
        "klipkit/firmware/ports/sim/abi.h",
        "klipkit/firmware/Kconfig",
        "klipkit/firmware/ports/avr/Kconfig",
        "klipkit/firmware/board.py",
        "klipkit/firmware/choice.mk",
        "klipkit/firmware/VERSION",
        "klipkit/wire/session.h",
    ):
        assert needed in names
    assert [name for name in names if name.startswith("klipkit/_core.") and name.endswith(".so")]
    assert not [
        name for name in names if "/tests/" in name or name.startswith("tests/") or "__pycache__" in name
    ]


def test_the_wheel_holds_every_source_and_data_file_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "ls-files", "klipkit"], cwd=TOP, capture_output=True, text=True, check=True
    )
    tracked = {name for name in listed.stdout.split() if (TOP / name).is_file()}
    assert tracked - names == set()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--version"], "klipkit "),
        (["pins", "convert", "D23", "--board", "mega"], "PA1\n"),
        (["explain", "usage"], "usage (exit status 2)"),
    ],
)
def test_the_installed_command_works_away_from_the_checkout(
    installed: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    command = [str(installed / "bin" / "klipkit"), *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=HANG)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(expected)


@pytest.mark.parametrize(
    ("options", "built"),
    [
        ((), (f"firmware/build/{PORT}/klipkit-sim.so",)),
        (("--emulate", "mcu"), ("firmware/build/avr-atmega2560/klipkit.elf", "avr/klipkit-avr.so")),
    ],
    ids=["compiled", "emulated"],
)
def test_the_installed_simulator_builds_its_firmware_in_the_users_cache(
    installed: Path, tmp_path: Path, options: tuple[str, ...], built: tuple[str, ...]
) -> None:
    (tmp_path / "a.gcode").write_text("SET_KINEMATIC_POSITION X=0\nG1 X1 F6000\n")
    config = TOP / "config-examples" / "ramps-cartesian.cfg"
    command = [
        str(installed / "bin" / "klipkit"),
        "simulate",
        "a.gcode",
        "-c",
        str(config),
        "--mcu",
        "atmega2560",
        *options,
    ]
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=HANG
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("stepper_x\t80\t1.0\t80\t0\t0\n")
    for name in built:
        assert (tmp_path / "cache" / "klipkit" / name).is_file()


def test_the_installed_tool_builds_firmware_out_of_its_own_tree(installed: Path, tmp_path: Path) -> None:
    (sources,) = installed.glob("lib/python3*/site-packages/klipkit/firmware")
    command = [str(installed / "bin" / "klipkit"), "build", "--board", "uno", "-o", "out", "--json"]
    environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def build() -> dict[str, str]:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=HANG
        )
        assert done.returncode == 0, done.stderr
        (told,) = json.loads(done.stdout)["built"]
        return dict(told)

    told = build()
    assert told["version"] == (sources / "VERSION").read_text().strip() == klipkit.__version__
    assert told["hex"] == "out/klipkit.hex" and (tmp_path / "out" / "klipkit.hex").is_file()
    assert not (sources / "build").exists()
    assert build()["result"] == "unchanged"

    changed = sources / "core" / "basic.c"  # another release: the files differ, and are older
    changed.write_text(changed.read_text() + '\nCONSTANT(ANOTHER, "release");\n')
    os.utime(changed, (0, 0))
    assert build()["result"] == "built"
    assert "ANOTHER" in (tmp_path / "out" / "klipkit.dict").read_text()


def test_the_installed_core_can_be_imported(installed: Path, tmp_path: Path) -> None:
    program = "from klipkit._core import lib, ffi; print(lib.crc16(b'\\x05\\x10', 2))"
    command = [str(installed / "bin" / "python"), "-c", program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=HANG)
    assert (result.stdout, result.stderr) == ("40577\n", "")  # 0x9e81, as recorded


def test_the_editable_install_is_the_checkout_itself() -> None:
    assert Path(klipkit.__file__).parent == TOP / "klipkit"
