"""What calibrations have found, until SAVE_CONFIG writes it into the configuration."""

from collections.abc import Mapping


class Pending:
    """Options that SAVE_CONFIG will write, by section."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, str]] = {}

    def set(self, section: str, option: str, value: str) -> None:
        """The option of [section] is to have that value."""
        self._items.setdefault(section, {})[option] = value

    @property
    def items(self) -> Mapping[str, Mapping[str, str]]:
        """All of them."""
        return self._items
