"""What the Makefiles say of ports and modules, as Kconfig text: CAN_x where a module can be built, WANTS_x where it is.

firmware/Kconfig sources it, so that modules.mk and ports/*/port.mk stay the one place that says so.
"""

from collections.abc import Callable
from pathlib import Path

from klipkit.toolchain.sources import Facts, facts, modules, ports


def port_kconfig(folder: Path) -> str:
    """The text, for the sources in `folder`."""
    lines = []
    for module in modules(folder):
        for name, holds in ((f"CAN_{module}", _can), (f"WANTS_{module}", _wants)):
            lines += [f"config {name}", "\tbool", f"\tdefault y if {_where(folder, module, holds)}", ""]
    return "\n".join(lines)


def _can(told: Facts, module: str) -> bool:
    return module in told.needs and not told.lacks(module)


def _wants(told: Facts, module: str) -> bool:
    return module in told.modules


def _where(folder: Path, module: str, holds: Callable[[Facts, str], bool]) -> str:
    """The ports and chips of which something holds for a module, as an expression of Kconfig."""
    terms = []
    for port, chips in ports(folder).items():
        found = [chip for chip in chips or ("",) if holds(facts(folder, port, chip), module)]
        if len(found) == len(chips or ("",)):
            terms.append(f"PORT_{port}")
        else:
            terms += [f"CHIP_{chip}" for chip in found]
    return " || ".join(terms) or "n"
