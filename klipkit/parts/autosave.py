"""How a calibration has its results kept until SAVE_CONFIG writes them. The host is one."""

from typing import Protocol


class Autosave(Protocol):
    """What SAVE_CONFIG will write."""

    def set(self, section: str, option: str, value: str) -> None:
        """The option of [section] is to have that value."""
