"""Which programs hold a device open, and which troublesome ones run, read from <root>/proc in one pass.

Facts: proc(5). A device is known by its path, or by its number where a container shows it under another path.
"""

import itertools
import os
import stat
from collections.abc import Iterable
from typing import NamedTuple

from klipkit.base.text import sanitise
from klipkit.link.ports import Port
from klipkit.link.sysfs import attribute, content, names

FRIENDLY = {
    "klippy": "klippy",
    "klippy.py": "klippy",
    "klipkit": "klipkit",
    "moonraker": "moonraker",
    "moonraker.py": "moonraker",
    "octoprint": "octoprint",
}
COMMAND_LINE_LIMIT = 4096  # bytes; the script stands near the beginning
BORING = ("/dev/null", "/dev/pts/", "/dev/ptmx", "/dev/urandom", "/dev/random", "/dev/zero", "/dev/shm/")


class Holder(NamedTuple):
    """A process that has a device open."""

    pid: int
    program: str

    def __str__(self) -> str:
        return f"{self.program} (pid {self.pid})"


class Processes(NamedTuple):
    """What a pass over the processes found."""

    holders: dict[str, tuple[Holder, ...]]  # by Port.device
    commands: frozenset[str]  # the command names (at most 15 bytes) of all processes
    unreadable: int  # processes whose open files only their owner and root may see


def survey(root: str, ports: Iterable[Port]) -> Processes:
    """Look at each process once. Processes that end meanwhile are left out."""
    paths, numbers = _wanted(ports)
    holders: dict[str, list[Holder]] = {}
    commands, unreadable = set(), 0
    for pid in names(f"{root}/proc"):
        if not (pid.isascii() and pid.isdigit()):
            continue
        folder = f"{root}/proc/{pid}"
        commands.add(attribute(folder, "comm"))
        try:
            held = _held(folder, paths, numbers)
        except PermissionError:
            unreadable += 1
            continue
        for device in sorted(held):
            holders.setdefault(device, []).append(Holder(int(pid), _program(folder)))
    ordered = {device: tuple(sorted(found, key=lambda h: h.pid)) for device, found in holders.items()}
    return Processes(ordered, frozenset(commands), unreadable)


def holder_of(path: str, root: str = "") -> Holder | None:
    """A process that holds a device file: the owner of its flock, this one too, else another one that has it open.

    None when there is none, or when that may not be seen.
    """
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    locker = _locker(root, status)
    if locker is not None and locker != os.getpid():
        return Holder(locker, _program(f"{root}/proc/{locker}"))
    device = os.path.realpath(path)
    number = os.major(status.st_rdev), os.minor(status.st_rdev)
    port = Port(device, "unknown", "", rdev=number if stat.S_ISCHR(status.st_mode) else None)
    others = [holder for holder in survey(root, [port]).holders.get(device, ()) if holder.pid != os.getpid()]
    if others:
        return others[0]
    return None if locker is None else Holder(locker, _program(f"{root}/proc/{locker}"))


def _locker(root: str, status: os.stat_result) -> int | None:
    """The owner of the flock on a file, by /proc/locks: "1: FLOCK ADVISORY WRITE 1234 00:18:5 0 EOF"."""
    device, number = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}", status.st_ino
    try:
        with open(f"{root}/proc/locks", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            text = file.read()
    except OSError:
        return None
    for words in map(str.split, text.split("\n")):
        is_held = len(words) > 5 and words[1] == "FLOCK" and words[5] == f"{device}:{number}"
        if is_held and words[4].isdecimal() and int(words[4]):
            return int(words[4])
    return None


def _wanted(ports: Iterable[Port]) -> tuple[dict[str, str], dict[int, str]]:
    """How an open file shows that it is a port: its path, or its device number; both with Port.device."""
    paths, numbers = {}, {}
    for port in ports:
        if port.tty:
            paths[port.device] = port.device
        elif port.usb and port.usb.node and port.kind != "can":
            paths[port.usb.node] = port.device
        if port.rdev is not None:
            numbers[os.makedev(*port.rdev)] = port.device
    return paths, numbers


def _held(folder: str, paths: dict[str, str], numbers: dict[int, str]) -> set[str]:
    """The ports that one process has open. Raises PermissionError when that may not be seen."""
    held = set()
    try:
        with os.scandir(f"{folder}/fd") as files:
            for file in files:
                device = _device_of(file.path, paths, numbers)
                if device is not None:
                    held.add(device)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return held
    return held


def _device_of(file: str, paths: dict[str, str], numbers: dict[int, str]) -> str | None:
    try:
        target = os.readlink(file)  # noqa: PTH115 (a hot loop)
        if not target.startswith("/dev/") or target.startswith(BORING):
            return None
        return paths.get(target) or numbers.get(os.stat(file).st_rdev)  # noqa: PTH116
    except PermissionError:
        raise
    except OSError:
        return None


def _program(folder: str) -> str:
    """The program's usual name when it is one of the field, a Python program's file, else the command name."""
    line = content(f"{folder}/cmdline", COMMAND_LINE_LIMIT)
    words = [word.decode("utf-8", "replace") for word in line.split(b"\0") if word]
    script = words[0].rpartition("/")[2] if words else ""
    if script.startswith("python") and "-c" not in words:
        rest = [
            word
            for before, word in itertools.pairwise(words)
            if not word.startswith("-") and before not in ("-X", "-W")
        ]
        script = rest[0].rpartition("/")[2] if rest else script
        return FRIENDLY.get(script) or sanitise(script, 40)
    return FRIENDLY.get(script) or sanitise(attribute(folder, "comm") or script or "?", 40)
