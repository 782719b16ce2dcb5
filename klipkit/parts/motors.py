"""What parts know of the motors. The machine's toolhead is one."""

from collections.abc import Sequence
from typing import Protocol


class Motors(Protocol):
    """Whether they are switched on."""

    def are_on(self, names: Sequence[str]) -> bool:
        """Whether one of these motors, by section, is enabled; of all motors when none is named."""
