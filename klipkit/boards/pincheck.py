"""What a microcontroller would refuse about the pins of a printer.cfg, found offline."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from klipkit.base.config import Config, Option, Section
from klipkit.base.errors import (
    NotAnAdcPin,
    NotAPwmPin,
    PinError,
    PinReserved,
    PinUsedTwice,
    UnknownBus,
    UnknownMcu,
)
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards.chips import BusPins, Chip
from klipkit.boards.pinnames import MAIN, Names, Place, mcu_names
from klipkit.boards.pins import Description, describe
from klipkit.boards.pinuse import ANALOG, DRIVEN, SHARED, SHOWN, Kind, Use, listed, named, uses

LISTED = 12  # buses that an error names
_CHIP_IN_SERIAL = ("usb-Klipper_", "usb-klipkit_")
_HOST_SERIAL = "/tmp/klipper_host_mcu"  # where the firmware's Linux process listens by default
_NOT_USB = ("/ttyAMA", "/ttyS", "/ttyUSB", "usb-1a86_", "CP210", "FTDI", "Prolific")
# The option of a section that says which microcontroller its SPI device hangs on.
_SELECTS = ("cs_pin", "enable_pin", "sensor_pin")
_MCU_OPTIONS = ("i2c_mcu", "sensor_mcu")


def chip_in_serial(config: Config, mcu: str) -> str:
    """The chip's name in the by-id name of the serial port, as Klipper's and klipkit's firmware put it there, or ""."""
    serial = _serial(config, mcu)
    for mark in _CHIP_IN_SERIAL:
        if mark in serial:
            return serial.partition(mark)[2].split("_")[0]
    return "linux" if serial == _HOST_SERIAL else ""


def _serial(config: Config, mcu: str) -> str:
    section = config.sections.get(MAIN if mcu == MAIN else f"{MAIN} {mcu}")
    option = section.options.get("serial") if section else None
    return option.value.strip() if option else ""


def mcus_in_use(config: Config) -> tuple[str, ...]:
    """The microcontrollers whose pins or buses the config uses, among those declared and the main one, sorted."""
    found = {_owner(use.text) for use in uses(config) if use.text}
    for section in config.sections.values():
        found |= {mcu for _, _, mcu in _buses(section)}
    return tuple(sorted(found & {MAIN, *mcu_names(config)}))


def _owner(text: str) -> str:
    before, colon, _ = text.partition(":")
    return before.strip("^~! \t") if colon else MAIN


def _buses(section: Section) -> Iterator[tuple[Option, str, str]]:
    """The buses that a section names: the option, "spi" or "i2c", and the microcontroller."""
    spi, i2c = section.options.get("spi_bus"), section.options.get("i2c_bus")
    if spi is not None:
        selects = [section.options[name].value for name in _SELECTS if name in section.options]
        yield spi, "spi", _owner(selects[0]) if selects else MAIN
    if i2c is not None:
        owner = section.options.get("i2c_mcu")
        yield i2c, "i2c", owner.value.strip() if owner else MAIN


def check(config: Config, chips: Mapping[str, Chip]) -> list[PinError]:
    """All problems, sorted by file and line; `chips` are the chips by microcontroller, "mcu" the main one.

    Pins of a microcontroller that is not among `chips` are not looked at.
    """
    return _Check(config, chips).run()


class _Problem(NamedTuple):
    rank: int  # of the file, in the order of reading
    line: int
    error: PinError


class _Taken(NamedTuple):
    share: str  # uses with the same one may share a pin; "" shares with none
    what: str
    where: str


class _Check:
    """One run over one config."""

    def __init__(self, config: Config, chips: Mapping[str, Chip]) -> None:
        self.config = config
        self.chips = chips
        self.names = Names(config, chips)
        self.rank = {name: rank for rank, name in enumerate(config.files)}
        self.problems: list[_Problem] = []
        self.taken: dict[Place, _Taken] = {}
        self.overridden: set[Place] = set()

    def run(self) -> list[PinError]:
        self._overrides()
        for use in uses(self.config):
            try:
                self._use(use)
            except PinError as error:
                self._add(error, use.option, use.at)
        for section in self.config.sections.values():
            self._section(section)
        return [problem.error for problem in sorted(self.problems, key=lambda problem: problem[:2])]

    def _add(self, error: PinError, option: Option, index: int = 0) -> None:
        error.where = option.where_of(index)
        self.problems.append(_Problem(self.rank.get(option.file, 0), option.lines[index], error))

    def _overrides(self) -> None:
        section = self.config.sections.get("duplicate_pin_override")
        pins = section.options.get("pins") if section else None
        for text, index in listed(pins) if pins else ():
            assert pins is not None
            try:
                place = self.names.place(describe(text))
            except PinError as error:
                self._add(error, pins, index)
            else:
                self.overridden |= {place} if place else set()

    def _use(self, use: Use) -> None:
        if not use.text:
            raise PinError(f"{use.what} names no pin", hint="write the pin behind the colon")
        description = describe(use.text)
        _check_modifiers(use, description)
        try:
            place = self.names.place(description)
        except PinError as error:
            error.what += f", in {use.what}"
            raise
        if place is not None:
            self._check_ability(use, place)
            self._check_reserved(use.what, place)
            if use.kind is not Kind.DIAG:
                share = use.kind.value if use.kind in SHARED else ""
                self._take(place, _Taken(share, use.what, use.option.where_of(use.at)))

    def _check_ability(self, use: Use, place: Place) -> None:
        chip = self.chips[place.mcu]
        told = f"{place.pin} of {sanitise(place.mcu, SHOWN)} ({chip.name}), in {use.what}"
        if use.kind in ANALOG and place.pin not in chip.adc:
            raise NotAnAdcPin(f"Not a valid ADC pin: {told}", hint=_capable(chip, "adc"))
        if use.kind is Kind.HARDWARE_PWM and place.pin not in chip.pwm:
            raise NotAPwmPin(f"Not a valid PWM pin: {told}", hint=_capable(chip, "pwm"))

    def _check_reserved(self, what: str, place: Place) -> None:
        for user, pins in self.chips[place.mcu].reserved.items():
            if place.pin in pins and not (user == "USB" and self._is_not_usb(place.mcu)):
                raise PinReserved(
                    f"pin {place.pin} of {sanitise(place.mcu, SHOWN)} is reserved for {user}, in {what}",
                    hint=f"use another pin, or firmware that leaves {user} alone",
                )

    def _is_not_usb(self, mcu: str) -> bool:
        serial = _serial(self.config, mcu)
        return any(mark in serial for mark in _NOT_USB)

    def _take(self, place: Place, taker: _Taken) -> None:
        before = self.taken.setdefault(place, taker)
        shared = before.share == taker.share != ""
        if before is taker or shared or place in self.overridden:
            return
        raise PinUsedTwice(
            f"pin {place.pin} of {sanitise(place.mcu, SHOWN)} is used by {taker.what}, "
            f"and by {before.what} at {before.where}",
            hint="change one of them, or name the pin in [duplicate_pin_override] when it is meant so",
        )

    def _section(self, section: Section) -> None:
        for name in _MCU_OPTIONS:
            option = section.options.get(name)
            if option is not None and option.value.strip() not in self.names.mcus:
                told = (
                    f"there is no [mcu {sanitise(option.value.strip(), SHOWN)}], in {named(section, option)}"
                )
                hint = did_you_mean(option.value.strip()[:SHOWN], sorted(self.names.mcus))
                self._add(UnknownMcu(told, hint=hint), option)
        for option, kind, mcu in _buses(section):
            if mcu in self.chips:
                try:
                    self._bus(section, option, kind, mcu)
                except PinError as error:
                    self._add(error, option)

    def _bus(self, section: Section, option: Option, kind: str, mcu: str) -> None:
        chip = self.chips[mcu]
        buses: Mapping[str, BusPins] = chip.spi if kind == "spi" else chip.i2c
        name = option.value.strip()
        bus = buses.get(name)
        if bus is None:
            raise UnknownBus(
                f"Unknown {kind}_bus {sanitise(name, SHOWN)!r} on {sanitise(mcu, SHOWN)} ({chip.name}), "
                f"in {named(section, option)}",
                hint=did_you_mean(name[:SHOWN], buses) or _named_buses(buses),
            )
        for pin in bus.pins:
            taker = _Taken(f"{kind} bus {bus.number}", named(section, option), option.where)
            self._take(Place(mcu, pin), taker)


def _check_modifiers(use: Use, description: Description) -> None:
    pull = next((mark for mark in description.modifiers if mark in "^~"), "")
    if pull and use.kind in DRIVEN:
        which = "pull-up" if pull == "^" else "pull-down"
        raise PinError(
            f"{use.what} is an output, it may not have a {which}",
            hint=f"take away the {pull} of {use.text!r}",
        )
    if description.modifiers.strip() and use.kind is Kind.ADC:
        raise PinError(
            f"{use.what} is an analog input, it may not have a pull-up or be inverted",
            hint=f"write {description.renamed(description.name).lstrip('^~! ')}",
        )


def _capable(chip: Chip, ability: str) -> str:
    return f"`klipkit pins list --board {chip.name}` shows the pins with {ability}"


def _named_buses(buses: Mapping[str, BusPins]) -> str:
    names = list(buses)
    more = ", ..." if len(names) > LISTED else ""
    return f"known are {', '.join(names[:LISTED])}{more}" if names else "it has none"
