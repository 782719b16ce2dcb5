"""The chips' data files: consistent in themselves, and equal to the dictionaries of stock firmware."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from klipkit.base.errors import UnknownChip
from klipkit.boards.chips import BusPins, Chip, chip, chip_names
from tests.reference import reference_path

SPECIAL = re.compile(
    r"ADC_TEMPERATURE|analog\d+|pwmchip\d+/pwm\d+"
)  # names that are an input or output and no pin
BUILDS = ("stm32f103-serial", "hc32f460-serial-PA3PA2", "hc32f460-serial-PA7PA8")
ALL = (*chip_names(), *BUILDS)
# Chips of the reference that klipkit has no file for, by the name of the build.
NOT_HERE = {"ar100", "hostsimulator", "stm32f031", "stm32f765", "stm32l412"}
WITHOUT_MODULES = {"atmega328", "lgt8f328p"}  # stock builds that left out ADC, PWM and buses to save flash


class Build(NamedTuple):
    """What constants.txt says of one build of the stock firmware."""

    name: str
    constants: dict[str, str]
    reserved: dict[str, tuple[str, ...]]
    lines: dict[str, str]  # the lines of a long section by their first word
    buses: dict[str, tuple[str, ...]]


def split_values(text: str) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """NAME=value pairs, constants and reserved pins apart."""
    pairs = dict(re.findall(r"(\w+)=(\S+)", text))
    reserved = {
        k.removeprefix("RESERVE_PINS_"): tuple(v.split(",")) for k, v in pairs.items() if k.startswith("RES")
    }
    return {k: v for k, v in pairs.items() if not k.startswith("RES")}, reserved


def long_sections(text: str) -> Iterator[Build]:
    """The builds with a section of their own: "## NAME (...)"."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        part = part.split("\n=====")[0]
        lines = dict(re.findall(r"^(\w[\w ]*): (.*)$", part, flags=re.M))
        buses = dict(re.findall(r"^  BUS_PINS_(\S+?)=(\S+)$", part, flags=re.M))
        constants, _ = split_values(lines["constants"])
        _, reserved = split_values(lines["reserved pins"])
        pins = {name: tuple(value.split(",")) for name, value in buses.items()}
        yield Build(part.split()[0], constants, reserved, lines, pins)


def short_lines(text: str) -> Iterator[Build]:
    """The builds with one line each: "NAME: A=1  B=2"."""
    part = text.split("CONSTANTS OF THE OTHER BUILDS")[1].split("ENUMERATIONS COMMON")[0]
    for name, rest in re.findall(r"^([\w-]+): (.*)$", part, flags=re.M):
        constants, reserved = split_values(rest)
        yield Build(name, constants, reserved, {}, {})


def builds() -> list[Build]:
    """All builds of the reference of which klipkit has the chip."""
    text = (reference_path("wire") / "constants.txt").read_text("utf-8")
    return [each for each in (*long_sections(text), *short_lines(text)) if each.name not in NOT_HERE]


def chip_of(build: Build) -> Chip:
    """The chip of a build: by the build's name, except that lpc176x is a build for the lpc1768."""
    return chip(build.constants["MCU"] if build.name == "lpc176x" else build.name)


def spelled_out(line: str) -> dict[str, int]:
    """An enumeration line "PA0..PA7=0..7  X=9" as name to number."""
    values: dict[str, int] = {}
    for first, last, low in re.findall(r"(\S+?)(?:\.\.([a-zA-Z]\S*))?=(\d+)(?:\.\.\d+)?(?=\s|$)", line):
        stem = first.rstrip("0123456789") if last else first
        start = int(first[len(stem) :] or 0)
        stop = int(last[len(stem) :]) if last else start
        for number in range(start, stop + 1):
            values[f"{stem}{number}" if last else first] = int(low) + number - start
    return values


@pytest.mark.parametrize("name", ALL)
def test_a_chip_names_each_pin_once(name: str) -> None:
    pins = chip(name).pins
    assert len(pins) == len(set(pins)) > 0


@pytest.mark.parametrize("name", ALL)
def test_inputs_and_outputs_are_pins_of_the_chip_or_special_names(name: str) -> None:
    found = chip(name)
    strangers = (found.adc | found.pwm) - set(found.pins)
    assert all(SPECIAL.fullmatch(pin) for pin in strangers), strangers
    assert not found.unusable & (set(found.pins) | found.adc | found.pwm)


@pytest.mark.parametrize("name", ALL)
def test_buses_and_reservations_use_pins_of_the_chip(name: str) -> None:
    found = chip(name)
    known = set(found.pins) | found.unusable
    for bus, pins in (*found.spi.items(), *found.i2c.items()):
        assert set(pins.pins) <= known, bus
        assert len(set(pins.pins)) == len(pins.pins), bus
    for user, reserved in found.reserved.items():
        assert set(reserved) <= set(found.pins), user


@pytest.mark.parametrize("name", ALL)
def test_names_in_a_bus_name_are_its_pins(name: str) -> None:
    found = chip(name)
    for bus, pins in (*found.spi.items(), *found.i2c.items()):
        told = re.findall(r"_(P[A-K]\d+|gpio\d+)", bus)
        assert not told or tuple(told) == pins.pins, bus


@pytest.mark.parametrize("name", ALL)
def test_a_chip_tells_what_it_is(name: str) -> None:
    found = chip(name)
    assert found.title
    assert found.source
    assert found.architecture
    assert found.clock == found.constants["CLOCK_FREQ"]
    assert found.constants["STATS_SUMSQ_BASE"] == 256
    assert ("ADC_MAX" in found.constants) == bool(found.adc)
    assert ("PWM_MAX" in found.constants) == bool(found.pwm)
    assert (found.flash > 0) == (found.ram > 0) == (found.architecture != "linux")


def test_no_alternative_name_is_given_to_two_chips() -> None:
    spoken = [other.lower() for name in chip_names() for other in (name, *chip(name).names)]
    assert sorted(set(spoken)) == sorted(spoken)


def test_each_build_of_the_reference_is_a_chip_or_known_to_be_missing() -> None:
    assert len(builds()) >= 34
    text = (reference_path("wire") / "constants.txt").read_text("utf-8")
    assert {each.name for each in (*long_sections(text), *short_lines(text))} >= NOT_HERE


@pytest.mark.parametrize("build", builds(), ids=lambda build: build.name)
def test_constants_are_those_of_the_stock_dictionary(build: Build) -> None:
    found = {key: str(value) for key, value in chip_of(build).constants.items()}
    stock = dict(build.constants)
    if build.name == "atmega328":
        stock["MCU"] = "atmega328p"  # the same chip under its full name
    if build.name in WITHOUT_MODULES:
        stock |= {"ADC_MAX": "1023", "PWM_MAX": "255"}
    assert found == stock


@pytest.mark.parametrize("build", builds(), ids=lambda build: build.name)
def test_reserved_pins_are_those_of_the_stock_dictionary(build: Build) -> None:
    assert chip_of(build).reserved == build.reserved


@pytest.mark.parametrize("build", [b for b in builds() if b.lines], ids=lambda build: build.name)
def test_pins_are_those_of_the_stock_dictionary(build: Build) -> None:
    found = chip_of(build)
    special = {pin for pin in found.adc | found.pwm if SPECIAL.fullmatch(pin)}
    assert set(found.pins) | special == set(spelled_out(build.lines["pin"]))


@pytest.mark.parametrize("build", [b for b in builds() if b.buses], ids=lambda build: build.name)
def test_bus_pins_are_those_of_the_stock_dictionary(build: Build) -> None:
    found = chip_of(build)
    pins = {name: bus.pins for name, bus in (*found.spi.items(), *found.i2c.items())}
    stock = {name: value for name, value in build.buses.items() if not name.startswith("sdio")}
    assert pins == stock


@pytest.mark.parametrize("kind", ["spi", "i2c"])
@pytest.mark.parametrize(
    "build", [b for b in builds() if b.lines and b.name not in WITHOUT_MODULES], ids=lambda build: build.name
)
def test_bus_names_that_mean_one_bus_in_stock_firmware_share_a_number(build: Build, kind: str) -> None:
    line = build.lines.get(f"{kind}_bus") or build.lines.get("bus", "")
    found: dict[str, BusPins] = dict(getattr(chip_of(build), kind))
    stock = spelled_out(line)
    order = {number: place for place, number in enumerate(sorted(set(stock.values())))}
    assert {name: bus.number for name, bus in found.items()} == {name: order[n] for name, n in stock.items()}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("lpc176x", "NXP LPC1769"),
        ("stm32f103xe", "ST STM32F103"),
        ("STM32F446xx", "ST STM32F446"),
        ("atmega328", "Microchip ATmega328P"),
        ("HC32F460", "HDSC HC32F460"),
        ("linuxprocess", "Linux computer (GPIO of the host)"),
    ],
)
def test_alternative_names_find_the_chip(name: str, title: str) -> None:
    assert chip(name).title == title


def test_mcu_names_of_the_example_configs_are_known() -> None:
    rows = (reference_path("configs") / "mcu.tsv").read_text("utf-8").splitlines()[1:]
    words = {word.rpartition("=")[2] for row in rows for word in row.split("\t")[1].split()}
    assert len(words) > 20
    for word in words - {"-", "mcu"}:
        assert chip(word).pins


def test_pins_of_the_example_configs_are_free_pins_of_their_chips() -> None:
    configs = reference_path("configs")
    seen = 0
    for row in (configs / "mcu.tsv").read_text("utf-8").splitlines()[1:]:
        name, mcu = row.split("\t")
        if mcu in ("-", "mcu"):
            continue
        found = chip(mcu.split()[0])
        free = set(found.pins).difference(*found.reserved.values())
        values = re.findall(r"^\w*pins?\s*[:=]([^#\n]*)", (configs / name).read_text("utf-8"), flags=re.M)
        used = set(re.findall(r"(?<![\w:])(?:P[A-K]\d+|P\d\.\d+)\b", " ".join(values)))
        assert used <= free, (name, used - free)
        seen += len(used)
    assert seen > 2000


def test_a_serial_build_does_not_reserve_the_pins_of_usb() -> None:
    assert chip("stm32f103").reserved == {"USB": ("PA11", "PA12")}
    assert chip("stm32f103-serial").reserved == {"serial": ("PA10", "PA9")}
    assert chip("stm32f103-serial").name == "stm32f103"


@pytest.mark.parametrize(
    ("name", "pin"), [("atmega2560", "PB5"), ("atmega2560", "PB6"), ("atmega1284p", "PD5")]
)
def test_outputs_of_the_scheduling_timer_are_no_hardware_pwm(name: str, pin: str) -> None:
    assert pin in chip(name).pins
    assert pin not in chip(name).pwm


def test_pins_with_hardware_pwm_in_the_examples_have_it() -> None:
    assert {"PL3", "PL4", "PL5", "PH6"} <= chip("atmega2560").pwm
    assert {"PB17", "PB18", "PB19", "PA2"} <= chip("sam3x8c").pwm


def test_an_unknown_chip_is_refused_with_near_names() -> None:
    with pytest.raises(UnknownChip, match=r"stm32f44x.*did you mean 'stm32f446'"):
        chip("stm32f44x")


@pytest.mark.parametrize("name", ["", " ", "stm", "\x1b[31mred", "../families/due", "source"])
def test_text_that_is_no_chip_is_refused_and_shown_harmless(name: str) -> None:
    with pytest.raises(UnknownChip) as caught:
        chip(name)
    assert str(caught.value).isprintable()
