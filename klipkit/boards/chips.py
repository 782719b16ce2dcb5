"""Chips: the pins, buses, clock and constants of each microcontroller, one data file per chip."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from klipkit.base.errors import UnknownChip
from klipkit.base.text import did_you_mean, sanitise
from klipkit.boards import datafile

SPI_SIGNALS = 3  # miso, mosi, sck
I2C_SIGNALS = 2  # scl, sda


@dataclass(frozen=True, slots=True)
class BusPins:
    """One bus. Names of a chip that share a `number` are the same bus.

    `pins` are miso, mosi, sck of an SPI bus and scl, sda of an I2C bus; none where the pins are
    the kernel's business (Linux) or chosen in the config (SERCOM).
    """

    number: int
    pins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """A microcontroller as firmware for it describes itself.

    `clock` is the rate of the firmware's timer in Hz, `flash` and `ram` are bytes (of the smallest part that the
    name covers; 0 for a process). `pins` are the general purpose pins by the names of the stock dictionary;
    `adc` and `pwm` may hold further names that are nothing else (ADC_TEMPERATURE, analog0, pwmchip0/pwm0).
    `unusable` are names that the dictionary's buses or an alias file mention, but that the chip does not have.
    `source` names data sheet and section of the pin functions; constants are those of the stock dictionary.
    """

    name: str
    title: str
    architecture: str
    clock: int
    flash: int
    ram: int
    pins: tuple[str, ...]
    adc: frozenset[str]
    pwm: frozenset[str]
    spi: Mapping[str, BusPins]
    i2c: Mapping[str, BusPins]
    reserved: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, int | str]
    source: str
    unusable: frozenset[str]
    names: tuple[str, ...]


@lru_cache(maxsize=1)
def chip_names() -> tuple[str, ...]:
    """The names of all chips, sorted, without the alternative ones."""
    return datafile.names("chips")


@lru_cache(maxsize=64)
def chip(name: str) -> Chip:
    """The chip of that name, case ignored; alternative names count ("stm32f103xe", "lpc176x").

    The name of a build, such as "stm32f103-serial", gives the chip with that build's reserved pins and constants.
    Raises UnknownChip with the nearest names.
    """
    wanted = name.strip().lower()
    if wanted in chip_names():
        return _load(wanted)[""]
    for stem in chip_names():
        if wanted and datafile.mentions("chips", stem, wanted):
            found = _match(_load(stem), wanted)
            if found is not None:
                return found
    raise UnknownChip(f"unknown chip {sanitise(name, 60)!r}", hint=_hint(wanted))


def _match(builds: Mapping[str, Chip], wanted: str) -> Chip | None:
    for build, found in builds.items():
        if build.lower() == wanted:
            return found
    plain = builds[""]
    return plain if wanted in (other.lower() for other in plain.names) else None


def _hint(wanted: str) -> str:
    return did_you_mean(wanted, chip_names()) or f"known are {', '.join(chip_names())}"


@lru_cache(maxsize=64)
def _load(name: str) -> Mapping[str, Chip]:
    """The chip of one data file under the key "", and each of its named builds."""
    fields = datafile.read("chips", name)
    reserved = _reserved(fields.table("reserved"))
    constants = _constants(fields.table("constants"))
    builds = fields.table("builds")
    plain = Chip(
        name=name,
        title=fields.text("title"),
        architecture=fields.text("architecture"),
        clock=fields.number("clock"),
        flash=fields.number("flash"),
        ram=fields.number("ram"),
        pins=fields.pins("pins"),
        adc=frozenset(fields.pins("adc")),
        pwm=frozenset(fields.pins("pwm")),
        spi=_buses(fields, "spi", SPI_SIGNALS),
        i2c=_buses(fields, "i2c", I2C_SIGNALS),
        reserved=reserved,
        constants=constants,
        source=fields.text("source"),
        unusable=frozenset(fields.pins("unusable", "")),
        names=fields.strings("names"),
    )
    fields.end()
    return {"": plain, **{key: _build(plain, builds.table(key)) for key in builds.remaining()}}


def _build(plain: Chip, fields: datafile.Fields) -> Chip:
    """The chip with a build's own reserved pins (all of them) and further constants."""
    from dataclasses import replace  # only for the few chips with builds

    reserved = _reserved(fields.table("reserved"))
    constants = {**plain.constants, **_constants(fields.table("constants"))}
    fields.end()
    return replace(plain, reserved=reserved, constants=constants)


def _reserved(fields: datafile.Fields) -> Mapping[str, tuple[str, ...]]:
    return {user: fields.pins(user) for user in fields.remaining()}


def _constants(fields: datafile.Fields) -> Mapping[str, int | str]:
    return {key: fields.constant(key) for key in fields.remaining()}


def _buses(fields: datafile.Fields, key: str, signals: int) -> Mapping[str, BusPins]:
    """Buses by name. A line "names: pins" is one bus; a line with a range of names is a bus each."""
    buses: dict[str, BusPins] = {}
    number = 0
    for left, right in fields.lines(key):
        pins = tuple(fields.expand(right))
        if len(pins) not in (0, signals):
            raise fields.error(f"{key!r}: bus {left!r} should have {signals} pins or none")
        names = tuple(fields.expand(left))
        each = "-" in left
        for offset, name in enumerate(names):
            buses[name] = BusPins(number + offset * each, pins)
        number += len(names) if each else 1
    return buses
