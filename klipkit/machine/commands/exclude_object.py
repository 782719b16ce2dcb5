"""Objects of a print that can be left out: EXCLUDE_OBJECT and what slicers write around them; `exclude_object`.

EXCLUDE_OBJECT_DEFINE NAME=cube CENTER=50,50 POLYGON=[[40,40],[60,40],...]     what there is
EXCLUDE_OBJECT_START NAME=cube  ... moves ...  EXCLUDE_OBJECT_END              whose the moves are
EXCLUDE_OBJECT NAME=cube                                                       its moves are left out from now on

Left out moves change positions only (machine/moves.h); the next move that is none goes from where the toolhead is.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from klipkit.base.declare import Declared, section
from klipkit.base.faults import GcodeError
from klipkit.base.text import sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.machine.planner import Planner
from klipkit.parts.part import Part

SHOWN = 80  # characters of a name
MOST = 1000  # objects: more are a broken file


@section("exclude_object")
class ExcludeObjectConfig(Declared):
    """Objects of a print can be left out while it goes on. The section has no options."""


@dataclass(frozen=True, slots=True)
class ExcludeObjectStatus:
    """Of the object `exclude_object`."""

    objects: Annotated[
        tuple[dict[str, Any], ...], "The objects of the file: name, center and polygon, where told."
    ]
    excluded_objects: Annotated[tuple[str, ...], "The names of those that are left out."]
    current_object: Annotated[str | None, "The object that is being printed; None: none."]


class ExcludeObject(Part):
    """Knows the objects, and leaves some of them out."""

    def __init__(self, config: ExcludeObjectConfig, planner: Planner, responses: Responses) -> None:
        self._moves = planner.moves
        self._responses = responses
        self._objects: dict[str, dict[str, Any]] = {}
        self._excluded: set[str] = set()
        self._current: str | None = None

    def status(self) -> ExcludeObjectStatus:
        """What there is."""
        objects = tuple(self._objects[name] for name in sorted(self._objects))
        return ExcludeObjectStatus(objects, tuple(sorted(self._excluded)), self._current)

    @gcode("EXCLUDE_OBJECT_DEFINE")
    async def define(
        self,
        *,
        line: Line,
        name: Annotated[str | None, "its name; without it all are listed"] = None,
        center: Annotated[str | None, "X,Y"] = None,
        polygon: Annotated[str | None, "its outline, as [[X,Y],...]"] = None,
        reset: Annotated[int, "1: forget all objects"] = 0,
        json: Annotated[int, "1: list them as JSON"] = 0,
    ) -> None:
        """Tell of an object of the file."""
        if reset:
            self._objects, self._excluded = {}, set()
            self._enter(None)
        if name:
            self._define(line, name.upper(), center, polygon)
        elif not reset:
            self._responses.note(
                f"Known objects: {self._listed() if json else ' '.join(sorted(self._objects))}"
            )

    @gcode("EXCLUDE_OBJECT_START")
    async def start(self, *, line: Line, name: Annotated[str, "its name"]) -> None:
        """The moves from here on are of this object."""
        called = name.upper()
        if called not in self._objects:
            self._define(line, called, None, None)
        self._enter(called)

    @gcode("EXCLUDE_OBJECT_END")
    async def leave(self, *, name: Annotated[str | None, "its name"] = None) -> None:
        """The moves from here on are of no object."""
        if self._current is None:
            self._responses.note("EXCLUDE_OBJECT_END called, but no object is currently active")
        elif name is not None and name.upper() != self._current:
            told, known = sanitise(name.upper(), SHOWN), sanitise(self._current, SHOWN)
            self._responses.note(
                f"EXCLUDE_OBJECT_END NAME={told} does not match the current object NAME={known}"
            )
        self._enter(None)

    @gcode("EXCLUDE_OBJECT")
    async def exclude(
        self,
        *,
        line: Line,
        name: Annotated[str | None, "its name; without any word those that are left out are listed"] = None,
        current: Annotated[int, "1: the object that is being printed"] = 0,
        reset: Annotated[int, "1: print it again, or without NAME all"] = 0,
    ) -> None:
        """Leave an object out from now on."""
        if reset:
            self._excluded -= {name.upper()} if name else set(self._excluded)
        elif name:
            self._exclude(line, name.upper())
        elif current:
            if self._current is None:
                raise GcodeError("There is no current object to cancel", where=line.where)
            self._exclude(line, self._current)
        else:
            self._responses.note(f"Excluded objects: {' '.join(sorted(self._excluded))}")
        self._enter(self._current)

    def _listed(self) -> str:
        return json.dumps(self.status().objects)

    def _exclude(self, line: Line, name: str) -> None:
        if name not in self._objects:
            what = f"there is no object '{sanitise(name, SHOWN)}'"
            hint = "EXCLUDE_OBJECT_DEFINE without a name lists them"
            raise GcodeError(what, where=line.where, hint=hint)
        self._excluded.add(name)
        self._responses.note(f"Excluding object {sanitise(name, SHOWN)}")

    def _define(self, line: Line, name: str, center: str | None, polygon: str | None) -> None:
        if len(self._objects) >= MOST and name not in self._objects:
            raise GcodeError(f"more than {MOST} objects", where=line.where)
        found: dict[str, Any] = {"name": name}
        if center is not None:
            found["center"] = _numbers(f"[{center}]", line, "CENTER")
        if polygon is not None:
            found["polygon"] = _numbers(polygon, line, "POLYGON")
        self._objects[name] = found

    def _enter(self, name: str | None) -> None:
        """The moves from here on are of this object."""
        self._current = name
        self._moves.is_left_out = int(name in self._excluded)


def _numbers(text: str, line: Line, parameter: str) -> Sequence[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        what = f"{line.command}: {parameter}={sanitise(text, SHOWN)} is no list of numbers"
        raise GcodeError(what, where=line.where)
    return found
