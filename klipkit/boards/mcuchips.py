"""Which chip each microcontroller of a printer.cfg is."""

from collections.abc import Sequence

from klipkit.base.config import Config
from klipkit.base.errors import UnknownChip, UnknownMcu, UsageError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.chips import Chip, chip
from klipkit.boards.pincheck import chip_in_serial, mcus_in_use
from klipkit.boards.pinnames import MAIN, mcu_names


def chips_of(config: Config, told: Sequence[str]) -> dict[str, Chip]:
    """The chip of each microcontroller, as --mcu or its serial port's name say.

    Raises UsageError for one that nothing tells, UnknownChip, UnknownMcu.
    """
    chips, untold = known_chips(config, told)
    if untold:
        raise _untold(untold[0])
    return chips


def known_chips(config: Config, told: Sequence[str]) -> tuple[dict[str, Chip], list[str]]:
    """The same, and the microcontrollers of which nothing tells. Raises UnknownChip, UnknownMcu."""
    declared = mcu_names(config)
    chips: dict[str, Chip] = {}
    for each in told:
        name, equals, kind = each.rpartition("=")
        name = name if equals else MAIN
        if declared and name not in (MAIN, *declared):
            raise UnknownMcu(f"there is no [mcu {sanitise(name)}]", hint=did_you_mean(name, declared))
        chips[name] = chip(kind)
    untold = []
    for name in mcus_in_use(config):
        if name not in chips:
            try:
                chips[name] = chip(chip_in_serial(config, name))
            except UnknownChip:
                untold.append(name)
    return chips, untold


def _untold(name: str) -> UsageError:
    shown = sanitise(name)
    option = "--mcu CHIP" if name == "mcu" else f"--mcu {shown}=CHIP"
    return UsageError(
        f"the chip of the microcontroller {shown!r} is not known", hint=f"give {option}, such as atmega2560"
    )
