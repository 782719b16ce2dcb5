"""Values as the dialect writes them: Python's literals, of the kinds that JSON has. Of macros and saved variables."""

import ast
import math
from collections.abc import Mapping

from klipkit.base.values import Kind, Scope, Text, expected

LITERAL_MOST = 1 << 20  # characters
SIMPLE = (str, int, float, bool, type(None))
DEEP_MOST = 50  # lists and dictionaries in one another


class NoLiteral(Exception):
    """A text that is no such value, and why."""


def literal(text: str) -> object:
    """The value: a number, a text in quotes, True, False, None, lists, tuples and dictionaries of them.

    Raises NoLiteral.
    """
    if len(text) > LITERAL_MOST:
        raise NoLiteral(f"a value of {len(text)} characters")
    try:
        value: object = ast.literal_eval(text.strip())
    except (RecursionError, MemoryError):
        raise NoLiteral("lists too deep in one another") from None
    except (ValueError, SyntaxError, TypeError):
        hint = "; a text stands in quotes" if text.strip().replace("_", "").isalnum() else ""
        raise NoLiteral(f"it is no number, text in quotes, list or dictionary{hint}") from None
    _check(value, 0)
    return value


def _check(value: object, deep: int) -> None:
    if deep > DEEP_MOST:
        raise NoLiteral("lists too deep in one another")
    if isinstance(value, float) and not math.isfinite(value):
        raise NoLiteral("it is not finite")
    if isinstance(value, Mapping):
        if not all(isinstance(key, SIMPLE) for key in value):
            raise NoLiteral("the keys of a dictionary are texts or numbers")
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for each in value:
            _check(each, deep + 1)
    elif not isinstance(value, SIMPLE):
        raise NoLiteral(f"clients cannot be told a value of type {type(value).__name__}")


class _Literal(Kind[object]):
    words = "literal"

    def read(self, text: Text, scope: Scope) -> object:
        try:
            return literal(text.text)
        except NoLiteral as error:
            raise expected("a Python literal", text, hint=str(error)) from None


def literal_value() -> Kind[object]:
    """A number, a text in quotes, True, False, None, or lists and dictionaries of them."""
    return _Literal()
