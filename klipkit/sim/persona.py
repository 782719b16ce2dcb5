"""Personas: which chip a simulated MCU plays, from the chip data of boards/."""

import json
import re
from collections.abc import Mapping
from typing import Any

from klipkit._core import ffi, lib
from klipkit.boards.chips import Chip

# Constants of a chip that have a field in the persona, and those that the firmware itself declares: neither goes into
# the persona's further constants.
FIELDS = {
    "CLOCK_FREQ": "clock_frequency",
    "RECEIVE_WINDOW": "receive_window",
    "SERIAL_BAUD": "serial_baud",
    "ADC_MAX": "adc_max",
    "PWM_MAX": "pwm_max",
}
BUILT_IN: Mapping[str, int] = {"STATS_SUMSQ_BASE": 256, "STEPPER_STEP_BOTH_EDGE": 1}
FIRMWARE_DECLARES = frozenset({"MCU", *BUILT_IN})

# The share of the RAM that the move queue gets, percent: 612 moves of 11 bytes on an ATmega2560 (8 KB) with four
# steppers (behaviour of the stock firmware). A process (ram 0) has enough for the most moves that there can be, 1024.
MOVE_SHARE = 82
MOVE_MEMORY_MOST = 65536  # bytes


class Persona:
    """Owns the C persona (`pointer`, struct sim_persona) for as long as it lives; `pins` gives each pin its number."""

    def __init__(
        self,
        name: str,
        numbers: Mapping[str, int],
        pins: tuple[str, ...],
        constants: str = "",
        enumerations: str = "",
    ) -> None:
        """`numbers` by the names of struct persona_numbers; the rest is JSON text as in firmware/ports/sim/abi.h."""
        given = ffi.new("struct persona_numbers *", dict(numbers))
        pointer = lib.persona_new(name.encode(), given, constants.encode(), enumerations.encode())
        if pointer == ffi.NULL:
            raise MemoryError("no memory for a persona")
        self.name = name
        self.pointer: Any = ffi.gc(pointer, lib.persona_free)
        self.pins = {pin: number for number, pin in enumerate(pins)}
        self.clock_frequency = numbers["clock_frequency"]
        self.constants: dict[str, int | str] = {}  # of the chip, as its dictionary will have them
        self.spi_buses: Mapping[str, int] = {}  # numbers, by name
        self.byte_time = 10 / numbers["serial_baud"] if numbers.get("serial_baud") else 0.0
        for pin in pins:
            if lib.persona_add_pin(pointer, pin.encode()):
                raise MemoryError("no memory for a persona")


def persona_of(chip: Chip) -> Persona:
    """The persona of a chip. Pins that are only analog or PWM channels (ADC_TEMPERATURE) come after the others."""
    known = set(chip.pins)
    special = sorted((chip.adc | chip.pwm) - known, key=_natural)
    numbers = {field: int(chip.constants.get(name, 0)) for name, field in FIELDS.items()}
    numbers["clock_frequency"] = chip.clock
    numbers["move_memory"] = chip.ram * MOVE_SHARE // 100 if chip.ram else MOVE_MEMORY_MOST
    persona = Persona(
        str(chip.constants.get("MCU", chip.name)),
        numbers,
        chip.pins + tuple(special),
        _members(_constants(chip)),
        _members(_enumerations(chip)),
    )
    persona.constants = {**chip.constants, **BUILT_IN}
    persona.spi_buses = {name: bus.number for name, bus in chip.spi.items()}
    return persona


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts analog2 before analog10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _members(values: Mapping[str, object]) -> str:
    """The members of a JSON object without its braces."""
    return json.dumps(values, separators=(",", ":"))[1:-1]


def _constants(chip: Chip) -> dict[str, int | str]:
    """Constants as in the stock data dictionaries (reference data wire/constants.txt), without the fields."""
    constants: dict[str, int | str] = {
        name: value
        for name, value in chip.constants.items()
        if name not in FIELDS and name not in FIRMWARE_DECLARES
    }
    for user, pins in chip.reserved.items():
        constants[f"RESERVE_PINS_{user}"] = ",".join(pins)
    for name, bus in (*chip.spi.items(), *chip.i2c.items()):
        if bus.pins:
            constants[f"BUS_PINS_{name}"] = ",".join(bus.pins)
    return constants


def _enumerations(chip: Chip) -> dict[str, dict[str, int]]:
    return {
        name: {bus: pins.number for bus, pins in buses.items()}
        for name, buses in (("spi_bus", chip.spi), ("i2c_bus", chip.i2c))
        if buses
    }
