"""Switching the power of USB ports off and on again, which resets boards that live on it.

A port is switched by its hub (USB 2.0 specification 11.24.2.2: ClearPortFeature PORT_POWER). Few hubs can; those of a
Raspberry Pi can, but only all their ports together, with quirks of each model that the program uhubctl knows: it is
what does it here. What else hangs on these ports loses its power as well, so a disk in use there forbids it.
"""

import asyncio
import shutil
from pathlib import Path

from klipkit.base.faults import LinkError
from klipkit.base.text import sanitise
from klipkit.link.sysfs import attribute, followed, names

PROGRAM = "uhubctl"
OFF = 2  # s without power: what is charged on a board is empty
BACK = 30.0  # s until the program must have ended
NEEDS = (
    f"restart_method: rpi_usb needs USB ports that can be switched, as those of a Raspberry Pi, and {PROGRAM}"
)


async def cycle_power(path: str, root: str = "") -> None:
    """Switch the hub nearest to the computer, on which the port at `path` hangs. Raises LinkError."""
    hub = hub_of(path, root)
    busy = mounted_below(hub, root)
    if busy:
        raise LinkError(
            f"its USB port is not switched off, for {busy[0]} hangs there and is in use",
            where=sanitise(path, 200),
            hint="take another restart_method, or another port for the disk",
        )
    program = shutil.which(PROGRAM)
    if program is None:
        raise LinkError(
            f"its USB port cannot be switched off: {PROGRAM} is not installed",
            where=sanitise(path, 200),
            hint=NEEDS,
        )
    arguments = ("--location", hub.name.removeprefix("usb"), "--action", "cycle", "--delay", str(OFF))
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(BACK):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise LinkError(f"{PROGRAM} does not end", where=sanitise(path, 200)) from None
    if process.returncode:
        last = (said.decode(errors="replace").strip().splitlines() or ["it says nothing"])[-1]
        raise LinkError(
            f"its USB port cannot be switched off: {sanitise(last, 200)}",
            where=sanitise(path, 200),
            hint=NEEDS,
        )


def hub_of(path: str, root: str = "") -> Path:
    """The folder in sys of the hub nearest to the computer on which the tty at `path` hangs. Raises LinkError."""
    device = followed(root, path).rpartition("/")[2]
    folder = Path(f"{root}/sys/class/tty/{device}/device").resolve()
    hubs = [parent for parent in folder.parents if (parent / "maxchild").is_file()]
    outer = [hub for hub in hubs if not hub.name.startswith("usb")]  # usb1: a root hub
    if not hubs:
        raise LinkError(
            "is not on USB, and has no USB power to switch", where=sanitise(path, 200), hint=NEEDS
        )
    return outer[-1] if outer else hubs[-1]


def mounted_below(hub: Path, root: str = "") -> list[str]:
    """Which disks below a hub are in use: mounted, swapped to, or part of another device."""
    mounts = {line.split(" ")[2] for line in _lines(f"{root}/proc/self/mountinfo") if line.count(" ") > 2}
    swaps = {line.split()[0] for line in _lines(f"{root}/proc/swaps") if line}
    used: list[str] = []
    for name in names(f"{root}/sys/class/block"):
        folder = f"{root}/sys/class/block/{name}"
        if not Path(folder).resolve().is_relative_to(hub):
            continue
        if attribute(folder, "dev") in mounts or f"/dev/{name}" in swaps or names(f"{folder}/holders"):
            used.append(f"/dev/{name}")
    return used


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
