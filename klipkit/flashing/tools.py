"""Running a flash tool: its progress, its time limits, and what its words mean when it fails."""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from klipkit.base.errors import KlipkitError
from klipkit.base.flashfaults import (
    FlashError,
    FlashTimedOut,
    FlashToolMissing,
    NoBootloader,
    PortVanished,
    ReadBackDiffers,
    WrongChip,
)
from klipkit.base.text import sanitise

PACKAGES = {  # Debian packages of the programs
    "avrdude": "avrdude",
    "bossac": "bossa-cli",
    "dfu-util": "dfu-util",
    "stm32flash": "stm32flash",
    "teensy_loader_cli": "teensy-loader-cli",
    "dfu-programmer": "dfu-programmer",
    "systemctl": "systemd",
}
KEPT_MOST = 20_000  # characters of output
SHOWN = 300  # of them in an error
ENDING = 2.0  # s that a tool is given to end itself
SLICE = 0.2  # s between looks at the clock
GONE = 2.0  # s after which a port that went away counts as gone: some boot loaders take it away when they are done

Progress = Callable[[float], None]
_PERCENT = re.compile(r"(\d{1,3})(?:\.\d+)?%")
_HASHES = re.compile(r"\| (#+)[^|]*$")

# What a tool says, and what that is; the first that fits counts.
_FAULTS: tuple[tuple[re.Pattern[str], type[KlipkitError], str, str], ...] = (
    (
        re.compile(
            r"expected signature for|device signature .*(?:not|unknown)|chip id is 0x.*unsupported", re.I
        ),
        WrongChip,
        "the board has another chip than the firmware is for",
        "see which board it is, and give its --board",
    ),
    (
        re.compile(r"verif\w* (?:error|mismatch)|verify failed|verification mismatch|failed to verify", re.I),
        ReadBackDiffers,
        "what was read back is not what was written",
        "give the command again; when it fails again, look at power and cable",
    ),
    (
        re.compile(r"input/output error|no such device or address|lost device|device has disappeared", re.I),
        PortVanished,
        "the port went away",
        "look at cable and power, and give the command again",
    ),
    (
        re.compile(
            r"not in sync|not responding|no (?:dfu capable )?(?:usb )?device|failed to init device|"
            r"no device found|cannot open port|can't open device|receivemessage|butterfly|SAM-BA operation failed",
            re.I,
        ),
        NoBootloader,
        "no boot loader answers",
        "is it the right port, and is the board in its boot loader? `klipkit flash list BOARD` shows its methods",
    ),
)


class Limits(NamedTuple):
    """How long a tool may take, s: in all, and without a sign of life."""

    total: float
    silence: float = 20.0


def limits(size: int, bytes_per_second: float) -> Limits:
    """Generous limits for writing and reading back `size` bytes at a speed."""
    return Limits(60 + 8 * size / bytes_per_second)


def need(program: str) -> str:
    """The program's path. Raises FlashToolMissing with its package."""
    path = shutil.which(program)
    if path is None:
        package = PACKAGES.get(program)
        hint = f"apt install {package}" if package else "it is not in Debian: install it by hand"
        raise FlashToolMissing(f"'{program}' is needed to flash this board", hint=hint)
    return path


def run_tool(
    command: Sequence[str],
    allowed: Limits,
    progress: Progress,
    *,
    port: str = "",
    done: re.Pattern[str] | None = None,
) -> str:
    """Run it to its end; gives what it said. Raises FlashError of the kind that its words tell.

    It gets no input, and is ended when it takes too long or we are interrupted. `port` is the file that it works on;
    when it has said `done` its exit status does not matter.
    """
    need(command[0])
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"LC_ALL": "C"},
        start_new_session=True,  # Ctrl-C comes to us, and then to it
    )
    said = ""
    try:
        said = _listen(process, allowed, progress, command[0], port)
    except BaseException:
        _end(process)
        raise
    status = process.wait()
    if status and not (done and done.search(said)):
        raise failed(command[0], said, status, port)
    return said


def failed(tool: str, said: str, status: int, port: str) -> FlashError:
    """The error of a tool that failed."""
    words = _last_words(said)
    if _is_gone(port):
        return _vanished(tool, port)
    for pattern, kind, what, hint in _FAULTS:
        found = pattern.search(said)
        if found and issubclass(kind, FlashError):
            line = said[said.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0]
            return kind(f"{what}: {tool} said '{_shown(line)}'", hint=hint)
    how = f"was killed by signal {-status}" if status < 0 else f"failed with status {status}"
    return FlashError(f"{tool} {how}: {words}", hint="give the command again; -v shows all that it says")


def _is_gone(port: str) -> bool:
    return bool(port) and not os.path.exists(port)  # noqa: PTH110 (text all along)


def _vanished(tool: str, port: str) -> PortVanished:
    return PortVanished(
        f"{sanitise(port, 200)} went away while {tool} used it", hint="look at cable and power"
    )


def _listen(
    process: "subprocess.Popen[bytes]", allowed: Limits, progress: Progress, tool: str, port: str
) -> str:
    """What it says to its end. Raises FlashTimedOut, PortVanished."""
    assert process.stdout is not None
    begun = heard = there = time.monotonic()
    said = ""
    while True:
        now = time.monotonic()
        there = there if _is_gone(port) else now
        if now - there > GONE:
            raise _vanished(tool, port)
        _check_time(now - begun, now - heard, allowed, tool, said)
        if not select.select([process.stdout], [], [], SLICE)[0]:
            continue
        data = os.read(process.stdout.fileno(), 4096)
        if not data:
            return said
        heard = now
        said = (said + data.decode("utf-8", "replace").replace("\r", "\n"))[-KEPT_MOST:]
        _tell(said, progress)


def _check_time(total: float, silence: float, allowed: Limits, tool: str, said: str) -> None:
    if total > allowed.total:
        raise FlashTimedOut(f"{tool} did not end within {allowed.total:.0f} s", hint=_STILL)
    if silence > allowed.silence:
        what = f"{tool} stood still for {allowed.silence:.0f} s: {_last_words(said)}"
        raise FlashTimedOut(what, hint=_STILL)


_STILL = "it was ended; give the command again, or another --method or --bootloader-baud"


def _tell(said: str, progress: Progress) -> None:
    """The share that is done, as the last line says."""
    line = said.rstrip().rpartition("\n")[2]
    percents = _PERCENT.findall(line)
    hashes = _HASHES.search(line)
    if percents:
        progress(min(100, int(percents[-1])) / 100)
    elif hashes:
        progress(min(50, len(hashes[1])) / 50)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it, by force when it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if "ioctl" not in line]  # modem lines that a port lacks: harmless
    telling = [line for line in lines if re.search(r"error|fail|cannot|can't", line, re.I)]
    return _shown((telling or lines or ["it said nothing"])[-1])


def _shown(line: str) -> str:
    return sanitise(line.strip(), SHOWN)
