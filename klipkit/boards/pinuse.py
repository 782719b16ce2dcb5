"""What the options of printer.cfg use a pin for, read from the rule table data/pinuse.toml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from klipkit.base.config import Config, Option, Section
from klipkit.base.text import sanitise
from klipkit.boards import datafile

SHOWN = 60  # characters of a name in an error
TRUE = ("1", "yes", "true", "on")


class Kind(StrEnum):
    """The kinds of use in the rule table, which says what each is."""

    OUTPUT = "output"
    PWM = "pwm"
    ENABLE = "enable"
    INPUT = "input"
    ENDSTOP = "endstop"
    DIAG = "diag"
    BUTTON = "button"
    ADC = "adc"
    SENSOR = "sensor"
    SELECT = "select"
    SPI = "spi"
    I2C = "i2c"
    UART = "uart"
    MUX = "mux"
    BUS = "bus"
    HARDWARE_PWM = "hardware_pwm"  # not in the table: follows from the section's other options
    ANALOG_BUTTON = "analog_button"  # likewise


DRIVEN = frozenset((Kind.OUTPUT, Kind.PWM, Kind.HARDWARE_PWM, Kind.ENABLE, Kind.SELECT, Kind.MUX))
ANALOG = frozenset((Kind.ADC, Kind.ANALOG_BUTTON))
SHARED = frozenset(
    (
        Kind.ENABLE,
        Kind.ENDSTOP,
        Kind.SELECT,
        Kind.SPI,
        Kind.I2C,
        Kind.UART,
        Kind.MUX,
        Kind.BUS,
        Kind.ANALOG_BUTTON,
    )
)


class Use(NamedTuple):
    """One pin in a config: what it is used for, as it is written, and where."""

    kind: Kind
    text: str
    section: Section
    option: Option
    at: int  # the index of its line in the option's value

    @property
    def what(self) -> str:
        """The section and option, safe to show."""
        return named(self.section, self.option)


def named(section: Section, option: Option) -> str:
    """A section and its option as they are told to people."""
    return f"[{sanitise(section.name, SHOWN)}] {sanitise(option.name, SHOWN)}"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule table. `options` are, for each option, (section pattern, kind) in the table's order."""

    options: Mapping[str, tuple[tuple[str, Kind], ...]]
    spi_sensors: frozenset[str]
    pinless_sensors: frozenset[str]
    named: tuple[str, ...]
    joined: tuple[str, ...]
    plain: tuple[str, ...]
    probes: frozenset[str]
    dialect: frozenset[str]


@lru_cache(maxsize=1)
def rules() -> Rules:
    """The rule table. Raises DataError when its file is damaged."""
    fields = datafile.read(".", "pinuse")
    sensors, virtual = fields.table("sensors"), fields.table("virtual")
    found = Rules(
        options=_options(fields.table("use")),
        spi_sensors=frozenset(sensors.words("spi")),
        pinless_sensors=frozenset(sensors.words("pinless")),
        named=virtual.words("named"),
        joined=virtual.words("joined"),
        plain=virtual.words("plain"),
        probes=frozenset(virtual.words("probe")),
        dialect=frozenset(virtual.words("dialect")),
    )
    for table in (sensors, virtual, fields):
        table.end()
    return found


def _options(fields: datafile.Fields) -> Mapping[str, tuple[tuple[str, Kind], ...]]:
    found: dict[str, list[tuple[str, Kind]]] = {}
    for key in fields.remaining():
        if key not in set(Kind):
            raise fields.error(f"unknown use {key!r}")
        for patterns, options in fields.lines(key):
            for option in options.split():
                found.setdefault(option, []).extend((pattern, Kind(key)) for pattern in patterns.split())
    return {option: tuple(kinds) for option, kinds in found.items()}


@lru_cache(maxsize=1024)
def is_addon(first: str) -> bool:
    """Whether a section with that first word is none of the dialect's own."""
    return not any(fnmatchcase(first, known) for known in rules().dialect)


def uses(config: Config) -> Iterator[Use]:
    """Each use of a pin in the config, in the order of its sections; an empty value is a use of the pin ""."""
    for section in config.sections.values():
        for option in section.options.values():
            kind = _kind(section, option)
            if kind is not None:
                for text, index in items(option):
                    yield Use(kind, text, section, option, index)


def word(section: Section) -> str:
    """The first word of a section's name, which says what it is."""
    return section.name.split(" ", 1)[0]


def items(option: Option) -> Iterator[tuple[str, int]]:
    """The pins of an option with their line's index: one, or for an option named in the plural a list."""
    if option.name.endswith("pins"):
        yield from listed(option)
    else:
        yield option.value.strip(), 0


def listed(option: Option) -> Iterator[tuple[str, int]]:
    """The parts of a value between commas with their line's index, empty ones left out."""
    for index, text in enumerate(option.value.split("\n")):
        for part in text.split(","):
            if part.strip():
                yield part.strip(), index


def is_true(section: Section, name: str) -> bool:
    """Whether the section has that option and it is true."""
    option = section.options.get(name)
    return option is not None and option.value.strip().lower() in TRUE


def _kind(section: Section, option: Option) -> Kind | None:
    first = word(section)
    for pattern, kind in rules().options.get(option.name, ()):
        if fnmatchcase(first, pattern):
            return _refined(kind, section, option)
    return None


def _refined(kind: Kind, section: Section, option: Option) -> Kind | None:
    """The kind that the section's other options make of it; None when the pin is not used at all."""
    if kind is Kind.SENSOR:
        return _sensor(section)
    if kind is Kind.PWM and is_true(section, "hardware_pwm"):
        plain = word(section) == "output_pin" and not is_true(section, "pwm")
        return kind if plain else Kind.HARDWARE_PWM
    if kind is Kind.BUTTON:
        ranged = "analog_range" if word(section) == "gcode_button" else f"analog_range_{option.name}"
        return Kind.ANALOG_BUTTON if ranged in section.options else Kind.INPUT
    return kind


def _sensor(section: Section) -> Kind | None:
    option = section.options.get("sensor_type")
    name = option.value.strip() if option else ""
    if name in rules().spi_sensors:
        return Kind.SELECT
    return None if name in rules().pinless_sensors else Kind.ADC
