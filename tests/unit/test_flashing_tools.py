"""Running a flash tool: its time limits, its progress, and the error that its words become."""

import sys
import threading
import time
from pathlib import Path

import pytest

from klipkit.base.flashfaults import (
    FlashError,
    FlashTimedOut,
    FlashToolMissing,
    NoBootloader,
    PortVanished,
    ReadBackDiffers,
    WrongChip,
)
from klipkit.flashing.tools import Limits, failed, limits, run_tool

LONG = Limits(60, 60)
GUARD = 20  # s


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def run(text: str, allowed: Limits = LONG, port: str = "") -> tuple[str, list[float]]:
    """What a program says, and the progress that was told."""
    shares: list[float] = []
    return run_tool(python(text), allowed, shares.append, port=port), shares


def test_it_gives_what_was_said_on_both_outputs() -> None:
    said, _ = run("import sys; print('out', flush=True); print('err', file=sys.stderr)")
    assert said == "out\nerr\n"


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("Wrote address 0x08000100 (42.50%)", 0.42),
        ("Download [====     ]  17%  2048 bytes", 0.17),
        ("[===   ] 100% (40/40 pages)", 1.0),
        ("Writing | ##########", 0.2),
    ],
)
def test_progress_is_read_from_percents_and_rows_of_marks(line: str, share: float) -> None:
    assert set(run(f"print({line!r})")[1]) == {share}


def test_a_tool_that_stands_still_is_ended() -> None:
    with pytest.raises(FlashTimedOut, match="stood still for 0 s: waiting for something"):
        run("print('waiting for something', flush=True); import time; time.sleep(600)", Limits(60, 0.3))


def test_a_tool_that_never_ends_is_ended_though_it_goes_on_talking() -> None:
    with pytest.raises(FlashTimedOut, match="did not end within"):
        run("import time\nwhile True: print('.', flush=True); time.sleep(0.05)", Limits(0.5, 60))


def test_one_that_does_not_want_to_end_is_killed() -> None:
    text = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(600)"
    begun = time.monotonic()
    with pytest.raises(FlashTimedOut):
        run(text, Limits(60, 0.5))
    assert time.monotonic() - begun < GUARD


def test_a_port_that_goes_away_ends_the_tool(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.touch()
    threading.Timer(0.3, port.unlink).start()
    with pytest.raises(PortVanished, match="went away while"):
        run("import time; time.sleep(600)", port=str(port))


def test_a_program_that_is_not_there_is_named_with_its_package() -> None:
    with pytest.raises(FlashToolMissing, match=r"'hid-flash' is needed.*not in Debian"):
        run_tool(["hid-flash", "x"], LONG, lambda share: None)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("avrdude error: expected signature for ATmega2560 is 1E 98 01", WrongChip),
        ("avrdude: verification error, first mismatch at byte 0x0000", ReadBackDiffers),
        ("Verify failed", ReadBackDiffers),
        ("Failed to verify at address 0x08000100, expected 0xa5 and found 0xff", ReadBackDiffers),
        ("avrdude: stk500_getsync() attempt 10 of 10: not in sync: resp=0x00", NoBootloader),
        ("Failed to init device.", NoBootloader),
        ("No device found on /dev/ttyACM0", NoBootloader),
        ("No DFU capable USB device available", NoBootloader),
        ("SAM-BA operation failed", NoBootloader),
        ("ser_send(): write error: Input/output error", PortVanished),
        ("something else", FlashError),
    ],
)
def test_the_words_of_a_tool_become_an_error_of_that_kind(line: str, kind: type[FlashError]) -> None:
    error = failed("tool", f"first line\n{line}\nlast line\n", 1, "")
    assert type(error) is kind
    assert error.hint


def test_a_tool_that_was_killed_says_by_what() -> None:
    with pytest.raises(FlashError, match="killed by signal 9"):
        run("import os; print('x', flush=True); os.kill(os.getpid(), 9)")


def test_limits_grow_with_the_size_and_are_generous() -> None:
    assert limits(256_000, 4000).total > 8 * 256_000 / 4000
    assert limits(1000, 4000).total >= 60
