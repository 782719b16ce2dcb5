"""What parts know of the motors. The machine's toolhead is one."""

from collections.abc import Sequence
from typing import Protocol

from klipkit.mcu.digital_out import DigitalOut, WiredOut
from klipkit.mcu.stepper import Stepper


class Motor(Protocol):
    """A motor: its stepper, what switches it on (a pin, or its driver by wire; None: it always is), its microsteps."""

    @property
    def stepper(self) -> Stepper: ...
    @property
    def enable(self) -> DigitalOut | WiredOut | None: ...
    @property
    def microsteps(self) -> int: ...


class Motors(Protocol):
    """Whether they are switched on."""

    def are_on(self, names: Sequence[str]) -> bool:
        """Whether one of these motors, by section, is enabled; of all motors when none is named."""

    def drive(self, name: str) -> Motor:
        """The motor of a section."""
