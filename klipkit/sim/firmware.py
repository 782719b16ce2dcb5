"""The firmware of simulated MCUs: where its sources are, and building it for this computer."""

import os
import shutil
import subprocess
from pathlib import Path

from klipkit.base.errors import DataError, DeviceError
from klipkit.base.text import sanitise

PACKAGE = Path(__file__).resolve().parent.parent
PORT = "sim"
TOOLS = {"make": "make", "gcc": "gcc"}  # program: the Debian package that brings it
HANG = 600  # s: a guard, far above what the build takes


def sources() -> Path:
    """The firmware's sources: those of the checkout, or those that were installed with the package."""
    for folder in (PACKAGE.parent / "firmware", PACKAGE / "firmware"):
        if (folder / "Makefile").is_file():
            return folder
    raise DataError("the firmware's sources are missing", where=str(PACKAGE), hint="install klipkit again")


def build(name: str) -> Path:
    """A file that the build of the sim port makes ("klipkit-sim.so", "klipkit-sim"), up to date.

    A checkout builds in its own firmware/build; an installed package in the user's cache folder. Raises DeviceError
    with what the compiler says, or with the package that is missing.
    """
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise DeviceError(
                f"'{tool}' is needed to build the simulated firmware", hint=f"apt install {package}"
            )
    folder = sources()
    in_place = folder.parent != PACKAGE and os.access(folder, os.W_OK)
    target = folder if in_place else _copy(folder)
    command = ["make", "--silent", "-C", str(target), f"PORT={PORT}"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=HANG, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = sanitise(done.stderr.strip()[-600:], 600)
        raise DeviceError(f"the simulated firmware was not built: {said}", where=str(target))
    return target / "build" / PORT / name


def _copy(folder: Path) -> Path:
    """A copy of the sources in the cache, where they can be built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "klipkit" / "firmware"
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return target
