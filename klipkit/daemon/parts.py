"""The table of parts: a line each. Its section of printer.cfg is the first parameter of a part's constructor."""

from klipkit.parts.part import Part

PARTS: tuple[type[Part], ...] = ()
