"""Pins as options write them: `^!board:PA1`, and what each is used for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from klipkit.base.errors import PinError
from klipkit.base.values import Kind, Scope, Text, Wrong

MAIN_MCU = "mcu"
_PULLS = {"^": 1, "~": -1}
_REFUSED = frozenset("^~!:,;=<>")  # in the name of a pin


class PinUse(Enum):
    """What a pin is used for, which decides the modifiers that it takes."""

    INPUT = "digital input"
    OUTPUT = "digital output"
    PWM = "PWM output"
    ADC = "analog input"
    UART = "UART line"
    PLAIN = "pin"  # a bus line or just a name

    @property
    def can_invert(self) -> bool:
        """Whether ! may be written before it."""
        return self in (PinUse.INPUT, PinUse.OUTPUT, PinUse.PWM)

    @property
    def can_pull(self) -> bool:
        """Whether ^ or ~ may be written before it."""
        return self in (PinUse.INPUT, PinUse.UART)


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin of the microcontroller (or section that creates pins) `chip`; names are as written, aliases included."""

    chip: str
    name: str
    invert: bool = False
    pull: int = 0  # 1 pull-up, -1 pull-down
    use: PinUse = PinUse.PLAIN

    def __str__(self) -> str:
        pull = {1: "^", -1: "~"}.get(self.pull, "")
        chip = "" if self.chip == MAIN_MCU else f"{self.chip}:"
        return f"{pull}{'!' if self.invert else ''}{chip}{self.name}"


class PinMaker(ABC):
    """A section that makes up pins: tmc2209_stepper_x:virtual_endstop is another name for one that it knows."""

    @property
    @abstractmethod
    def pin_maker(self) -> str:
        """What stands before the colon."""

    @abstractmethod
    def made_pins(self) -> Mapping[str, Pin]:
        """The real pins, by what stands behind the colon."""


class _Pin(Kind[Pin]):
    def __init__(self, use: PinUse) -> None:
        self.use = use
        self.words = "pin" if use is PinUse.PLAIN else f"pin ({use.value})"

    def read(self, text: Text, scope: Scope) -> Pin:
        rest = text.text
        pull = _PULLS.get(rest[:1], 0)
        if pull:
            self._allow(self.use.can_pull, rest[0], text)
            rest = rest[1:].strip()
        invert = rest.startswith("!")
        if invert:
            self._allow(self.use.can_invert, "!", text)
            rest = rest[1:].strip()
        chip, colon, name = rest.partition(":")
        chip, name = (chip.strip(), name.strip()) if colon else (MAIN_MCU, rest)
        if not chip or not _is_name(name):
            raise Wrong(f"has {text.shown}, which is not a pin", text, hint=self._form(), error=PinError)
        return Pin(chip, name, invert, pull, self.use)

    def _allow(self, allowed: bool, modifier: str, text: Text) -> None:
        if not allowed:
            what = f"has {text.shown}, but this {self.words} takes no '{modifier}'"
            raise Wrong(what, text, hint=self._form(), error=PinError)

    def _form(self) -> str:
        pull = "^ (pull-up) or ~ (pull-down), then " if self.use.can_pull else ""
        invert = "! (inverted), then " if self.use.can_invert else ""
        return f"write {pull}{invert}the pin's name, as PA1 or NAME:PA1 for a pin of [mcu NAME]"


def _is_name(name: str) -> bool:
    return bool(name) and not any(char in _REFUSED or char.isspace() for char in name)


def pin(use: PinUse) -> Kind[Pin]:
    """A pin of that use."""
    return _Pin(use)
