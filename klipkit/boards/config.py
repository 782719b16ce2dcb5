"""The config sections about pin names: [board_pins], [board_pins NAME] and [duplicate_pin_override]."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from klipkit.base.declare import Declared, Problem, option, prefixed, section
from klipkit.base.pin import MAIN_MCU, Pin, PinMaker, PinUse, pin
from klipkit.base.schema import Loaded
from klipkit.base.values import Reference, list_of, pair, reference, text

Aliases = tuple[tuple[str, str], ...]  # (alias, pin), the pin as "<reason>" when it is reserved

ALIASES_DEEP = 8  # aliases of aliases that are followed
_ALIASES = list_of(pair(text("ALIAS"), text("PIN"), "="))


def _consistent(pins: "BoardPinsConfig") -> Iterable[Problem]:
    """An alias that two lists define must mean the same pin in both."""
    seen: dict[str, str] = {}
    for written, aliases in pins.lists():
        for alias, name in aliases:
            if seen.setdefault(alias, name) != name:
                what = f"defines {alias} as {name}, but it is {seen[alias]} already"
                yield Problem(written, what, "take out one of the two")


@section("board_pins", "board_pins NAME", checks=[_consistent])
class BoardPinsConfig(Declared):
    """Names for the pins of a board, such as those of its connectors."""

    mcu: tuple[Reference, ...] = option(
        list_of(reference("mcu")),
        "The microcontrollers that have these pins.",
        default=(Reference(MAIN_MCU),),
    )
    aliases: Aliases = option(
        _ALIASES,
        "Aliases such as EXP1_1=PE6; with <GND> in place of the pin the name is reserved.",
        default=(),
    )
    more_aliases: Mapping[str, Aliases] = prefixed(
        "aliases_", _ALIASES, "Further aliases, for example one list for each connector."
    )

    def lists(self) -> list[tuple[str, Aliases]]:
        """Each list of aliases with the name of its option."""
        more = [(f"aliases_{name}", aliases) for name, aliases in self.more_aliases.items()]
        return [("aliases", self.aliases), *more]


@section("duplicate_pin_override")
class DuplicatePinConfig(Declared):
    """Pins that several sections may use without being refused for it."""

    pins: tuple[Pin, ...] = option(list_of(pin(PinUse.PLAIN)), "The pins.")


class PinAliases:
    """The pins of a configuration by the chips' own names: what the MCU and its configuration's CRC go by."""

    def __init__(self, loaded: Loaded) -> None:
        self._pins = {
            (mcu.section.partition(" ")[2] or mcu.section, alias): name
            for section in loaded.all(BoardPinsConfig)
            for mcu in section.mcu
            for _, aliases in section.lists()
            for alias, name in aliases
        }
        makers = [section for section in loaded.sections.values() if isinstance(section, PinMaker)]
        self._makers = {maker.pin_maker: maker.source.name for maker in makers}
        self._made = {
            (maker.pin_maker, name): pin for maker in makers for name, pin in maker.made_pins().items()
        }

    def maker(self, pin: Pin) -> str:
        """The section that would make this pin, if it made it; empty: there is none."""
        return self._makers.get(pin.chip, "")

    def real(self, pin: Pin) -> Pin:
        """The pin that a section has made up another name for; any other as it is."""
        found = self._made.get((pin.chip, pin.name))
        return pin if found is None else replace(found, invert=found.invert != pin.invert)

    def resolved(self, pin: Pin) -> Pin:
        """The pin with the chip's own name, however it was written; an alias may stand for another one."""
        name = pin.name
        for _ in range(ALIASES_DEEP):
            name = self._pins.get((pin.chip, name), name)
        return Pin(pin.chip, name, pin.invert, pin.pull, pin.use)
