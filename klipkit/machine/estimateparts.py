"""The parts of a sliced file by its comments: layers and kinds of lines, each from its first line on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from klipkit.base.errors import UsageError
from klipkit.base.text import sanitise

# Cura, and others: ;LAYER:3 ;TYPE:SKIN. PrusaSlicer and OrcaSlicer: ;LAYER_CHANGE ;Z:0.4 ;TYPE:Perimeter, or
# "; CHANGE_LAYER", "; FEATURE: Outer wall". Simplify3D: "; layer 3, Z = 0.6", "; feature outer perimeter".
COMMENT = re.compile(
    rb"^[ \t]*;[ \t]*(?:(?P<layer>LAYER:|layer |LAYER_CHANGE|CHANGE_LAYER)(?P<number>[^\r\n]*)"
    rb"|(?:TYPE:|FEATURE:|feature )[ \t]*(?P<feature>[^\r\n]*))",
    re.MULTILINE,
)
COUNT = re.compile(rb"\s*(-?\d+)")
LAYER_LEAST = 0.04  # mm: printing so much higher or lower is another layer
SHOWN = 40  # characters of a name


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of the file belongs to: `layer` None before the first one; `feature` "" where none is said."""

    line: int
    layer: int | None
    feature: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts in order, the first one from the first line on. `by_height`: no comment tells of layers."""

    all: list[Part] = field(default_factory=list)
    by_height: bool = False

    @property
    def bounds(self) -> list[int]:
        """The lines at which parts begin but the first."""
        return [part.line for part in self.all[1:]]


def parts_of(path: str) -> Parts:
    """The parts of a file. Raises UsageError when it cannot be read."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=path) from None
    found = [Part(1, None, ""), *_found(data)]
    return Parts(found, all(part.layer is None for part in found))


def _found(data: bytes) -> Iterator[Part]:
    line, at, layer, feature = 1, 0, None, ""
    for match in COMMENT.finditer(data):
        line += data.count(b"\n", at, match.start())
        at = match.start()
        if match["layer"] is None:
            new = sanitise(match["feature"].decode(errors="replace").strip(), SHOWN)
            if new == feature:
                continue
            feature = new
        else:
            layer = _number(match["layer"], match["number"], layer)
        yield Part(line, layer, feature)


def _number(word: bytes, rest: bytes, before: int | None) -> int:
    """Of a layer: as it is said, or the next one."""
    said = COUNT.match(rest) if word in (b"LAYER:", b"layer ") else None
    if said is not None:
        return int(said[1])
    return 0 if before is None else before + 1
