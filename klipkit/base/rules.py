"""Rules over the written options of a section: which go together, and which exclude one another."""

from collections.abc import Iterable, Mapping

from klipkit.base.config import Option
from klipkit.base.declare import Problem, Rule
from klipkit.base.errors import MissingOption


def exclude(*names: str) -> Rule:
    """At most one of these options may be written."""

    def rule(written: Mapping[str, Option]) -> Iterable[Problem]:
        found = [name for name in names if name in written]
        for name in found[1:]:
            yield Problem(name, f"cannot stand beside '{found[0]}'", "take out one of the two")

    return rule


def one_of(*names: str) -> Rule:
    """Exactly one of these options must be written."""
    exclusive = exclude(*names)

    def rule(written: Mapping[str, Option]) -> Iterable[Problem]:
        if not any(name in written for name in names):
            others = " or ".join(f"'{name}'" for name in names[1:])
            yield Problem(names[0], f"(or {others}) must be specified", error=MissingOption)
        yield from exclusive(written)

    return rule


def needs(name: str, *others: str) -> Rule:
    """When the first option is written, the others must be."""

    def rule(written: Mapping[str, Option]) -> Iterable[Problem]:
        for other in others:
            if name in written and other not in written:
                yield Problem(name, f"needs the option '{other}' too", f"add {other} to the section")

    return rule
