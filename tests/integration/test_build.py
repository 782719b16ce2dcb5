"""`klipkit build` as a person uses it: the firmware of a board is made, runs in its chip, and is made once only."""

import json
import os
import pty
import select
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from klipkit.base.buildfaults import BuildFailed, DoesNotFit
from klipkit.sim.avr import runner
from klipkit.toolchain.firmware import build_firmware
from klipkit.toolchain.settings import Settings
from klipkit.toolchain.sources import sources
from tests.bench import avr_session
from tests.bench.avr_session import Session
from tests.command import HANG, KLIPKIT

BOARDS = {
    "ramps": "atmega2560",
    "melzi": "atmega1284p",
    "sanguinololu-644p": "atmega644p",
    "uno": "atmega328p",
}
MOVES_MOST = 1024
MOVE_LEAST = 2  # bytes of a move while there is no stepper
QUIET = 0.2  # s: a menu that shows nothing new for so long waits for a key
DOWN_TO_BAUD = [b"j", b"j", b"j", b"\n", *[b"\x7f"] * 6]  # and its value erased
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder, empty at first."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def klipkit(cache: Path) -> Run:
    """Runs `klipkit build ARGUMENTS...`."""

    def call(*arguments: str, folder: Path = cache) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [KLIPKIT, "build", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG,
            env=os.environ | {"XDG_CACHE_HOME": str(folder), "BOARD": "nonsense", "CHIP": "z80"},
        )

    return call


@pytest.mark.parametrize("board", BOARDS)
def test_the_firmware_of_a_board_runs_in_its_chip(klipkit: Run, tmp_path: Path, board: str) -> None:
    done = klipkit("--board", board, "-o", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["built"]
    assert told["chip"] == BOARDS[board]
    assert 0 < told["flash_used"] < told["flash_total"]
    program = runner.build(avr_session.BUILD)
    with runner.Chip(program, told["chip"], Path(told["elf"]), told["frequency"], told["baud"]) as chip:
        session = Session(chip, told["frequency"])
        session.identify()
        raw = session.dictionary.raw
        assert raw == json.loads(Path(told["dictionary"]).read_text())
        assert (raw["config"]["MCU"], raw["version"]) == (BOARDS[board], told["version"])
        session.send("allocate_oids count=0", "finalize_config crc=1")
        moves = session.ask("get_config", "config")["move_count"]
    assert moves == MOVES_MOST or 0 <= told["queue"] - moves * MOVE_LEAST < 16
    assert Path(told["hex"]).read_text().startswith(":")
    assert told["left_out"] == [each._asdict() for each in Settings.saved(Path(told["config"])).left_out()]


def test_a_second_build_compiles_nothing_and_says_so(klipkit: Run, tmp_path: Path) -> None:
    first = klipkit("--board", "ramps", "-o", str(tmp_path))
    time_before = (tmp_path / "klipkit.elf").stat().st_mtime_ns
    again = klipkit("--board", "ramps", "-o", str(tmp_path))
    assert (first.returncode, again.returncode) == (0, 0)
    assert again.stderr == "nothing has changed since it was built\n"
    assert again.stdout == first.stdout.replace("\tbuilt\n", "\tunchanged\n")
    assert (tmp_path / "klipkit.elf").stat().st_mtime_ns == time_before
    (told,) = json.loads(klipkit("--board", "ramps", "--json").stdout)["built"]
    assert "avr-gcc" not in Path(told["log"]).read_text()


def test_the_sources_stay_untouched_and_the_folder_does_not_matter(klipkit: Run, tmp_path: Path) -> None:
    def state() -> list[tuple[str, int]]:
        paths = (path for path in sources().rglob("*") if "build" not in path.parts)
        return sorted((str(path), path.stat().st_mtime_ns) for path in paths)

    before = state()
    outs = [tmp_path / "a", tmp_path / "b"]
    for out in outs:
        done = klipkit("--board", "uno", "-o", str(out), folder=tmp_path / f"cache-{out.name}")
        assert done.returncode == 0, done.stderr
    assert state() == before
    assert (outs[0] / "klipkit.hex").read_bytes() == (outs[1] / "klipkit.hex").read_bytes()


WATCHED = """#!/bin/sh
case "$*" in *" facts") exec {make} "$@" ;; esac
echo begin >>{told}
{make} "$@"
status=$?
echo end >>{told}
exit $status
"""


def test_builds_at_the_same_time_do_not_spoil_each_other(tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "make").write_text(WATCHED.format(make=shutil.which("make"), told=told))
    (tmp_path / "bin" / "make").chmod(0o755)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": path}
    several = [
        subprocess.Popen(
            [KLIPKIT, "build", "--board", "uno", "-o", str(tmp_path / "out")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = [each.communicate(timeout=HANG) for each in several]
    assert [each.returncode for each in several] == [0, 0, 0], said
    assert sorted(out.split("\t")[-1] for out, _ in said) == ["built\n", "unchanged\n", "unchanged\n"]
    assert told.read_text().split() == ["begin", "end"] * 3
    assert not list((tmp_path / "out").glob(".*"))


def spoiled(folder: Path, name: str, text: str) -> Path:
    """A copy of the sources with a line appended to one of them."""
    target = folder / "firmware"
    shutil.copytree(sources(), target, ignore=shutil.ignore_patterns("build"))
    with (target / name).open("a") as file:
        file.write(text)
    return target


def test_an_error_of_the_compiler_is_told_with_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    of = Settings(spoiled(tmp_path, "core/basic.c", "int wrong(void) { return nothing; }\n"))
    with pytest.raises(BuildFailed, match=r"core/basic\.c:\d+:\d+: error: .*nothing") as caught:
        build_firmware(of, tmp_path / "out")
    log = Path(caught.value.hint.removeprefix("the whole log is "))
    assert "error:" in log.read_text()
    assert not (tmp_path / "out").exists()


def test_what_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    large = (
        "const FLASH char large[32000] = {1};\n"
        'COMMAND(large, "at=%hu") { (void)*(const volatile FLASH char *)&large[args[0]]; }\n'
    )
    of = Settings(spoiled(tmp_path, "core/basic.c", large))
    of.apply(["CHIP=atmega328p"])
    with pytest.raises(DoesNotFit):
        build_firmware(of, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_make_by_hand_builds_the_same(klipkit: Run, tmp_path: Path) -> None:
    assert klipkit("--board", "uno", "-o", str(tmp_path)).returncode == 0
    ways = {"board": ["BOARD=uno"], "config": [f"CONFIG={tmp_path}/klipkit.config"]}
    for name, way in ways.items():
        command = ["make", "-s", "-C", str(sources()), *way, f"BUILD={tmp_path}/{name}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name / "klipkit.hex").read_bytes() == (tmp_path / "klipkit.hex").read_bytes()
    wrong = ["make", "-s", "-C", str(sources()), "BOARD=rampz"]
    done = subprocess.run(wrong, capture_output=True, text=True, check=False, timeout=HANG)
    assert done.returncode == 2
    assert "unknown board 'rampz'; did you mean 'ramps'" in done.stderr


def in_the_menu(keys: Sequence[bytes], *arguments: str, folder: Path) -> tuple[int, str]:
    """`klipkit build --menu` on a terminal of its own: the keys are typed when the menu has come to rest.

    Gives the exit status and what was shown.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm", "XDG_CACHE_HOME": str(folder), "LINES": "40", "COLUMNS": "120"}
        os.execv(KLIPKIT, [str(KLIPKIT), "build", "--menu", *arguments])
    shown = read_until(terminal, b"Quit")
    for key in keys:
        os.write(terminal, key)
        shown += read_until(terminal, b"")
    shown += read_until(terminal, None)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")


def read_until(terminal: int, word: bytes | None) -> bytes:
    """What is shown until `word` was (None: the end) and nothing more comes for a moment."""
    shown = b""
    while select.select([terminal], [], [], HANG if word is None or word not in shown else QUIET)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # how the end of a terminal shows
            return shown
        shown += data
    return shown


def test_the_menu_changes_a_setting_that_is_built_then(cache: Path, tmp_path: Path) -> None:
    keys = [*DOWN_TO_BAUD, b"115200", b"\n", b"q", b"y"]
    status, shown = in_the_menu(keys, "--board", "uno", "-o", str(tmp_path), folder=cache)
    assert status == 0, shown
    assert "CONFIG_BAUD=115200\n" in (tmp_path / "klipkit.config").read_text()
    assert json.loads((tmp_path / "klipkit.dict").read_text())["config"]["SERIAL_BAUD"] == 115_200


def test_the_menu_left_without_saving_builds_what_was_before(cache: Path, tmp_path: Path) -> None:
    keys = [*DOWN_TO_BAUD, b"115200", b"\n", b"q", b"n"]
    saved = tmp_path / "my.config"
    assert in_the_menu(keys, "--config", str(saved), "-o", str(tmp_path), folder=cache)[0] == 0
    assert "CONFIG_BAUD=250000\n" in saved.read_text()


def test_every_board_is_built_or_says_why_not(klipkit: Run, tmp_path: Path) -> None:
    done = klipkit("--all", "-o", str(tmp_path), "--json")
    told = json.loads(done.stdout)
    failed = {row["board"] for row in told["built"] if row["result"] not in ("built", "unchanged")}
    assert {error["code"] for error in told["errors"]} <= {"does-not-fit"}
    assert failed <= {"nano-168"}  # too small for its boot loader and us, or nearly so
    assert done.returncode == bool(failed)
    assert len(told["built"]) - len(failed) == len(list(tmp_path.glob("*/klipkit.dict"))) > 25
    assert (tmp_path / "sim" / "klipkit-sim").exists()


def test_a_cache_that_cannot_be_written_is_one_clear_error(klipkit: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = klipkit("--board", "uno", folder=tmp_path / "file")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written: Not a directory" in done.stderr
