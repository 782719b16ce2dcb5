"""The names of pins in one printer.cfg: microcontrollers, [board_pins] aliases and the pins that sections make up."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from klipkit.base.config import Config, Section
from klipkit.base.errors import KlipkitError, PinReserved, UnknownMcu, UnknownPin
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.chips import Chip
from klipkit.boards.config import ALIASES_DEEP
from klipkit.boards.pins import Description, Translation, describe
from klipkit.boards.pinuse import SHOWN, is_addon, listed, rules, word
from klipkit.boards.tables import tables

MAIN = "mcu"  # the name of the main microcontroller
HINTS = 50  # unknown pins of one config that get a "did you mean", which takes milliseconds


class Place(NamedTuple):
    """A pin of a microcontroller."""

    mcu: str
    pin: str


class Alias(NamedTuple):
    """What a [board_pins] alias stands for; `reserved` ones ("<GND>") cannot be used."""

    target: str
    reserved: bool


def mcu_names(config: Config) -> tuple[str, ...]:
    """The microcontrollers that the config declares, the main one as "mcu"."""
    sections = [section for section in config.sections.values() if word(section) == MAIN]
    return tuple(section.name.removeprefix("mcu ") for section in sections)


class Names:
    """Finds the pin that a description in this config means; `chips` are the chips by microcontroller."""

    def __init__(self, config: Config, chips: Mapping[str, Chip]) -> None:
        self.config = config
        self.chips = chips
        self.mcus = {MAIN, *mcu_names(config), *chips}
        self.pins = {mcu: frozenset((*chip.pins, *chip.adc, *chip.pwm)) for mcu, chip in chips.items()}
        self._aliases = _aliases(config)
        self._makers = _makers(config)
        self._has_addon = any(is_addon(word(section)) for section in config.sections.values())
        self._hints = HINTS

    def place(self, description: Description) -> Place | None:
        """The pin meant, or None when a section makes it up or nothing is known about its chip.

        Raises UnknownPin, UnknownMcu, PinReserved.
        """
        mcu = description.mcu or MAIN
        if mcu not in self.mcus:
            return self._made_up(description)
        if mcu not in self.chips:
            return None
        return Place(mcu, self._pin(mcu, description.name))

    def _pin(self, mcu: str, name: str) -> str:
        found = name
        for _ in range(ALIASES_DEEP):
            alias = self._aliases.get((mcu, found))
            if alias is None:
                break
            if alias.reserved:
                raise PinReserved(
                    f"pin {sanitise(name, SHOWN)!r} is reserved for {sanitise(alias.target, SHOWN)} by [board_pins]",
                    hint="use another pin",
                )
            found = alias.target
        # The Linux kernel's first chip may be named or not.
        found = found.removeprefix("gpiochip0/")
        if found not in self.pins[mcu]:
            raise self._unknown(mcu, name, found)
        return found

    def _unknown(self, mcu: str, name: str, found: str) -> UnknownPin:
        chip = self.chips[mcu]
        alias = f", which the alias {sanitise(name, SHOWN)!r} stands for" if found != name else ""
        self._hints -= 1
        return UnknownPin(
            f"unknown pin {sanitise(found, SHOWN)!r}{alias} on {sanitise(mcu, SHOWN)} ({chip.name})",
            hint=self._hint(mcu, found) if self._hints >= 0 else "",
        )

    def _hint(self, mcu: str, name: str) -> str:
        chip = self.chips[mcu]
        for table in tables():
            if chip.name in table.chips:
                try:
                    pin = Translation(table).pin(name)
                except KlipkitError:
                    continue
                return f"write {pin}, or declare the alias in a [board_pins] section"
        aliases = [alias for owner, alias in self._aliases if owner == mcu]
        near = did_you_mean(name[:SHOWN], [*sorted(self.pins[mcu]), *aliases])
        return near or f"`klipkit pins list --board {chip.name}` shows its pins"

    def _made_up(self, description: Description) -> Place | None:
        maker = description.mcu
        section = self._makers.get(maker)
        if section is not None:
            return self._scaled(section, description.name)
        if maker == "probe" and self._has_addon:
            return None
        hint = did_you_mean(maker[:SHOWN], sorted({*self.mcus, *self._makers}))
        raise UnknownMcu(
            f"there is no [mcu {sanitise(maker, SHOWN)}] for the pin {sanitise(description.name, SHOWN)!r}",
            hint=hint or "correct the name before the colon, or add the section",
        )

    def _scaled(self, section: Section, name: str) -> Place | None:
        """The pin behind one of [adc_scaled]; other sections have pins of their own."""
        option = section.options.get("vref_pin")
        if word(section) != "adc_scaled" or option is None:
            return None
        return self.place(Description("", describe(option.value).mcu, name))


def _aliases(config: Config) -> dict[tuple[str, str], Alias]:
    found: dict[tuple[str, str], Alias] = {}
    for section in config.sections.values():
        if word(section) != "board_pins":
            continue
        owners = section.options.get("mcu")
        mcus = [name for name, _ in listed(owners)] if owners else [MAIN]
        for option in section.options.values():
            if option.name == "aliases" or option.name.startswith("aliases_"):
                pairs = [item.partition("=")[::2] for item, _ in listed(option)]
                found |= {(mcu, name.strip()): _alias(value.strip()) for mcu in mcus for name, value in pairs}
    return found


def _alias(value: str) -> Alias:
    reserved = value.startswith("<") and value.endswith(">")
    return Alias(value.strip("<>") if reserved else value, reserved)


def _makers(config: Config) -> dict[str, Section]:
    """The sections that make pins up, by what stands before the colon of such a pin."""
    return {name: section for section in config.sections.values() for name in _made_by(section)}


def _made_by(section: Section) -> Iterator[str]:
    first, _, rest = section.name.partition(" ")
    table = rules()
    addon = is_addon(first)
    if addon or first in table.named:
        yield rest or first
    if addon or any(fnmatchcase(first, pattern) for pattern in table.joined):
        yield section.name.replace(" ", "_")
    if addon or first in table.plain:
        yield first
    if first in table.probes:
        yield "probe"
