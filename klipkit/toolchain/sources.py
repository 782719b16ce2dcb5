"""Where the firmware's sources are, which chips they serve, and what a port offers a chip."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from klipkit.base.errors import DataError
from klipkit.base.text import sanitise
from klipkit.toolchain.programs import ask_make

PACKAGE = Path(__file__).resolve().parent.parent
_CHOICE = re.compile(r"^config (PORT|CHIP)_(\w+)$", re.MULTILINE)
_MODULE = re.compile(r"^MODULE_(\w+)", re.MULTILINE)


class Facts(NamedTuple):
    """What a port offers a chip: what it provides, and the modules that are built when nothing else is said.

    `needs` is what each module needs of a port; `stack` the bytes of RAM kept for the stack; `targets` the files made.
    """

    provides: tuple[str, ...]
    modules: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]
    stack: int
    targets: tuple[str, ...]

    def lacks(self, module: str) -> tuple[str, ...]:
        """What the port would have to provide for the module, and does not."""
        return tuple(need for need in self.needs.get(module, ()) if need not in self.provides)


def sources() -> Path:
    """The firmware's sources: those of the checkout, or those that were installed with the package."""
    for folder in (PACKAGE.parent / "firmware", PACKAGE / "firmware"):
        if (folder / "Makefile").is_file():
            return folder
    raise DataError("the firmware's sources are missing", where=str(PACKAGE), hint="install klipkit again")


def installed(folder: Path) -> bool:
    """Whether these sources came with an installed package, where all files may be replaced by older ones."""
    return folder.parent == PACKAGE


@lru_cache(maxsize=4)
def ports(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """The ports that there are, each with the chips that it serves; none for the simulator, which plays any."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(folder.glob("ports/*/Kconfig")):
        names = _CHOICE.findall(path.read_text(encoding="utf-8"))
        chips = tuple(name for kind, name in names if kind == "CHIP")
        found |= {name: chips for kind, name in names if kind == "PORT"}
    return found


@lru_cache(maxsize=4)
def modules(folder: Path) -> tuple[str, ...]:
    """The names of all modules."""
    return tuple(_MODULE.findall((folder / "modules.mk").read_text(encoding="utf-8")))


@lru_cache(maxsize=64)
def facts(folder: Path, port: str, chip: str) -> Facts:
    """What a port offers a chip ("" for the simulator), as the Makefile says it."""
    told = {}
    for line in ask_make(folder, f"PORT={port}", *([f"CHIP={chip}"] if chip else [])).splitlines():
        key, _, value = line.partition(" ")
        told[key] = tuple(value.split())
    try:
        return Facts(
            provides=told["provides"],
            modules=told["modules"],
            needs={key.removeprefix("needs."): told[key] for key in told if key.startswith("needs.")},
            stack=int(told["stack"][0]) if told["stack"] else 0,
            targets=told["targets"],
        )
    except (KeyError, ValueError) as error:
        raise DataError(
            f"choice.mk does not say {sanitise(str(error))}", where=str(folder), hint="install klipkit again"
        ) from error
