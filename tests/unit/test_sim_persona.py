"""Personas of the simulated MCU: what the chip data says is what its dictionary will say."""

import json
import re
from typing import Any

import pytest

from klipkit._core import ffi
from klipkit.boards.chips import chip, chip_names
from klipkit.sim.persona import FIELDS, FIRMWARE_DECLARES, _constants, _enumerations, _members, persona_of
from tests.reference import reference_path


def reference_chip(name: str) -> dict[str, str]:
    """The lines of one chip in the reference constants, by what stands before the colon or equals sign."""
    text = reference_path("wire/constants.txt").read_text()
    found = re.search(rf"^## {re.escape(name)}\b.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, name
    lines = (re.match(r"\s*([\w ]+?)[:=]\s*(.*)", line) for line in found[0].splitlines()[1:])
    return {line[1]: line[2] for line in lines if line}


def pairs(text: str) -> dict[str, str]:
    return dict(item.split("=", 1) for item in text.split())


def typed(value: str) -> int | str:
    return int(value) if value.isdigit() else value


@pytest.mark.parametrize("name", ["atmega2560", "stm32f103", "stm32f446", "at90usb1286"])
def test_constants_and_buses_are_those_of_the_stock_dictionary(name: str) -> None:
    stock = reference_chip(name)
    expected: dict[str, Any] = {
        key: typed(value)
        for key, value in pairs(stock["constants"]).items()
        if key not in FIELDS and key not in FIRMWARE_DECLARES
    }
    if stock["reserved pins"] != "none":
        expected |= pairs(stock["reserved pins"])
    expected |= {
        key: value for key, value in stock.items() if key.startswith("BUS_PINS_") and "sdio" not in key
    }
    assert _constants(chip(name)) == expected
    assert _enumerations(chip(name)) == {
        bus: {key: int(value) for key, value in pairs(stock[bus]).items()} for bus in ("spi_bus", "i2c_bus")
    }


@pytest.mark.parametrize("name", chip_names())
def test_each_chip_makes_a_persona_whose_text_is_json(name: str) -> None:
    of = chip(name)
    persona = persona_of(of)
    assert list(persona.pins)[: len(of.pins)] == list(of.pins)
    assert list(persona.pins.values()) == list(range(len(persona.pins)))
    assert set(persona.pins) >= of.adc | of.pwm
    for values in (_constants(of), _enumerations(of)):
        assert json.loads("{" + _members(values) + "}") == values


def test_an_atmega_has_its_wire_and_a_usb_chip_none() -> None:
    assert persona_of(chip("atmega2560")).byte_time == 40e-6
    assert persona_of(chip("stm32f446")).byte_time == 0.0
    assert persona_of(chip("atmega2560")).clock_frequency == 16_000_000


def test_the_memory_lives_as_long_as_the_persona() -> None:
    pointer = persona_of(chip("rp2040")).pointer
    assert ffi.typeof(pointer) is ffi.typeof("struct sim_persona *")
