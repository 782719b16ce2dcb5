"""What calibrations found out and SAVE_CONFIG is to write."""

from collections.abc import Mapping


class Unsaved:
    """Values by section and option."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, str]] = {}

    @property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """Section, option, value."""
        return self._values

    def set(self, section: str, option: str, value: str) -> None:
        """The option of [section] is to have that value."""
        self._values.setdefault(section, {})[option] = value

    def clear(self) -> None:
        """All is saved."""
        self._values.clear()
