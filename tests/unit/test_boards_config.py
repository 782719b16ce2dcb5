"""[board_pins]: the pin that an alias stands for, by the chip's own name."""

from klipkit.base.config import parse_config
from klipkit.base.pin import Pin
from klipkit.base.schema import Schema
from klipkit.boards.config import BoardPinsConfig, PinAliases
from klipkit.mcu.config import McuConfig

TEXT = """
[mcu]
serial: /dev/ttyUSB0
[mcu z]
serial: /dev/ttyUSB1
[board_pins]
aliases: STEP=PA1, EXP1_1=STEP, LOOP=POOL, POOL=LOOP
[board_pins second]
mcu: z
aliases: STEP=PB2
"""


def resolved(pin: Pin) -> Pin:
    loaded = Schema([McuConfig, BoardPinsConfig]).load(parse_config(TEXT, "printer.cfg"))
    return PinAliases(loaded).resolved(pin)


def test_an_alias_becomes_the_chips_own_pin_with_its_modifiers() -> None:
    assert resolved(Pin("mcu", "STEP", invert=True, pull=1)) == Pin("mcu", "PA1", invert=True, pull=1)
    assert resolved(Pin("z", "STEP")) == Pin("z", "PB2")
    assert resolved(Pin("mcu", "PC3")) == Pin("mcu", "PC3")


def test_an_alias_of_an_alias_is_followed_and_a_circle_ends() -> None:
    assert resolved(Pin("mcu", "EXP1_1")).name == "PA1"
    assert resolved(Pin("mcu", "LOOP")).name in ("LOOP", "POOL")
