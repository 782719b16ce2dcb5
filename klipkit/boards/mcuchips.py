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

    Raises UsageError for one that nothing tells, UnknownChip.
    """
    declared = mcu_names(config)
    chips: dict[str, Chip] = {}
    for each in told:
        name, equals, kind = each.rpartition("=")
        name = name if equals else MAIN
        if declared and name not in (MAIN, *declared):
            raise UnknownMcu(f"there is no [mcu {sanitise(name)}]", hint=did_you_mean(name, declared))
        chips[name] = chip(kind)
    for name in mcus_in_use(config):
        if name not in chips:
            try:
                chips[name] = chip(chip_in_serial(config, name))
            except UnknownChip:
                raise _untold(name) from None
    return chips


def _untold(name: str) -> UsageError:
    shown = sanitise(name)
    option = "--mcu CHIP" if name == "mcu" else f"--mcu {shown}=CHIP"
    return UsageError(
        f"the chip of the microcontroller {shown!r} is not known", hint=f"give {option}, such as atmega2560"
    )
