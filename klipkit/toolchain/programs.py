"""The programs that build firmware: which are needed, running make, and the first error of a log."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from klipkit.base.buildfaults import BuildFailed, DoesNotFit, ToolMissing
from klipkit.base.text import sanitise

PROGRAMS = {"avr": ("avr-gcc", "avr-objcopy"), "sim": ("gcc",)}  # of each port, besides make
PACKAGES = {  # Debian packages; those of a C library, which is no program, stand beside its compiler's
    "make": ("make",),
    "gcc": ("gcc", "libc6-dev"),
    "avr-gcc": ("gcc-avr", "avr-libc"),
    "avr-objcopy": ("binutils-avr",),
}
HEADERS = {"avr/io.h": "avr-libc", "stdio.h": "libc6-dev"}  # what is missing when the C library is
HANG = 1800  # s: a guard, far above what a build takes on a slow computer
SHOWN = 300  # characters of an error line

# Lines of a log, the most telling kind first.
_TOO_LARGE = re.compile(
    r"^.*(?:\boverflowed by\b|will not fit in region|: address .* out of range).*$", re.MULTILINE
)
_ERRORS = (
    re.compile(r"^(?!collect2).*\b(?:fatal )?error: .*$|^.*undefined reference to .*$", re.MULTILINE),
    _TOO_LARGE,
    re.compile(r"^(?!make).+$(?=\nmake.*\*\*\* )", re.MULTILINE),  # the last words of what failed
    re.compile(r"^make.*\*\*\* .*$", re.MULTILINE),
)
_NO_HEADER = re.compile(r"fatal error: ([\w./]+): No such file")


def need(port: str) -> None:
    """Raises ToolMissing, with the Debian packages, when a program that the port needs is not there."""
    missing = [name for name in ("make", *PROGRAMS.get(port, ())) if shutil.which(name) is None]
    if missing:
        packages = dict.fromkeys(package for name in missing for package in PACKAGES[name])
        names = ", ".join(f"'{name}'" for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        raise ToolMissing(
            f"{names} {verb} needed to build the firmware", hint=f"apt install {' '.join(packages)}"
        )


def ask_make(folder: Path, *settings: str) -> str:
    """What choice.mk prints of a port's facts."""
    need("")
    command = ["make", "-s", "-C", str(folder), "-f", "choice.mk", *settings, "facts"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=_environment(), stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise BuildFailed(f"make cannot read the port: {first_error(done.stderr)}", where=str(folder))
    return done.stdout


def make(folder: Path, settings: Sequence[str], log: Path) -> bool:
    """Run make on the sources in `folder`, with as many jobs as there are processors; whether it went well.

    All that it and the compiler print goes into `log`.
    """
    jobs = len(os.sched_getaffinity(0))
    command = ["make", "--no-print-directory", "--output-sync", f"-j{jobs}", "-C", str(folder), *settings]
    with log.open("wb") as file:
        done = subprocess.run(
            [*command, f"PYTHON={sys.executable}"],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
            env=_environment(),
            timeout=HANG,
        )
    return done.returncode == 0


def failure(log: Path) -> BuildFailed | ToolMissing:
    """Why a build failed, from its log."""
    text = log.read_text(encoding="utf-8", errors="replace")
    header = _NO_HEADER.search(text)
    if header and (package := HEADERS.get(header[1])):
        return ToolMissing(
            f"the C library of the compiler is missing ({header[1]})", hint=f"apt install {package}"
        )
    kind = DoesNotFit if _TOO_LARGE.search(text) else BuildFailed
    return kind(
        f"the firmware was not built: {first_error(text)}", hint=f"the whole log is {sanitise(str(log))}"
    )


def first_error(text: str) -> str:
    """The first line of a log that says what is wrong, safe to show."""
    for kind in _ERRORS:
        if match := kind.search(text):
            return sanitise(match[0].strip(), SHOWN)
    return sanitise(text.strip().rpartition("\n")[2] or "make said nothing", SHOWN)


def _environment() -> dict[str, str]:
    """The environment without what would change the build: a make around this one, settings, the language of errors."""
    kept = ("PATH", "HOME", "TMPDIR", "USER", "LOGNAME", "SYSTEMROOT")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}
