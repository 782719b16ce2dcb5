"""The table of objects: what people, macros and clients see of the machine, by the name of its section.

printer.extruder.temperature       a macro asks Objects.status("extruder")["temperature"]
{"objects": {"extruder": null}}    a client's objects/query asks the same
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from klipkit.parts.part import Part


class Plain(dict[str, Any]):
    """A dict of values that JSON has, which does not change any more: it is handed on as it is."""


class Objects:
    """All objects that have a status. Statuses are typed (dataclasses); here they become plain values."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts

    def names(self) -> list[str]:
        """The objects' names, in the order in which their parts were made."""
        return [name for name, part in self._parts.items() if part.status() is not None]

    def has(self, name: str) -> bool:
        """Whether there is an object of that name."""
        part = self._parts.get(name)
        return part is not None and part.status() is not None

    def status(self, name: str) -> dict[str, Any]:
        """Its fields now, as values that JSON has. KeyError when there is no such object."""
        found = self._parts[name].status()
        if found is None:
            raise KeyError(name)
        plain = as_plain(found)
        assert isinstance(plain, dict)
        return plain


def as_plain(value: Any) -> Any:
    """A status as values that JSON has: dataclasses and mappings as dicts, tuples as lists."""
    if isinstance(value, (str, float, Plain)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_plain(each) for each in value]
    return value
