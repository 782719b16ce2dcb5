"""A command as a person types it: "reset_step_clock oid=0 clock={clock + freq * 0.1}", to words, to bytes.

    text --split--> words --fill--> words without {...} --Dictionary.encode_words--> bytes

Blanks in {...} and in "..." do not end a word. An expression has numbers, clock, freq, + - * / and parentheses; its
value is rounded. With clock in it the value is taken modulo 2^32, as all clocks on the wire are.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping

from klipkit.base.errors import CommandText, DeviceError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.wire.dictionary import Dictionary
from klipkit.wire.message import MessageFormat

EXPRESSION_MOST = 200  # characters: bounds the depth of parentheses and the size of numbers
CLOCKS = 1 << 32
CLOCK = "clock"

Number = int | float

_PART = re.compile(r'\{[^{}"]*\}|"[^"]*"|[^\s{}"]+')
_BRACES = re.compile(r"\{([^{}]*)\}")
_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def split(text: str) -> list[str]:
    """The words of a command; quotes are taken off. Raises CommandText for a brace or quote without its partner."""
    words: list[str] = []
    at, is_open = 0, False
    while at < len(text):
        if text[at].isspace():
            at, is_open = at + 1, False
            continue
        part = _PART.match(text, at)
        if part is None:
            kind = "quote" if text[at] == '"' else "brace"
            raise CommandText(f"a {kind} has no partner: {sanitise(text[at:], 60)}")
        piece = part[0][1:-1] if part[0].startswith('"') else part[0]
        if is_open:
            words[-1] += piece
        else:
            words.append(piece)
        at, is_open = part.end(), True
    return words


def evaluate(expression: str, values: Mapping[str, Number]) -> int:
    """The value of an expression, a whole number. Raises CommandText for one that is none."""
    shown = sanitise(expression, 60)
    if len(expression) > EXPRESSION_MOST:
        raise CommandText(f"the expression '{shown}' is longer than {EXPRESSION_MOST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own remarks about a text that is no Python
            tree = ast.parse(expression.strip(), mode="eval")
        value = _value(tree.body, values)
        whole = round(value) if math.isfinite(value) else None
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        whole = None
    except ZeroDivisionError:
        raise CommandText(f"the expression '{shown}' divides by zero") from None
    except OverflowError:
        whole = None
    if whole is None:
        hint = f"it may have numbers, {', '.join(values)}, + - * / and parentheses"
        raise CommandText(f"'{shown}' is not an expression", hint=hint)
    return whole % CLOCKS if CLOCK in values and re.search(rf"\b{CLOCK}\b", expression) else whole


def _value(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            if name not in values:
                hint = did_you_mean(name[:60], values) or f"there are {' and '.join(values)}"
                raise CommandText(f"an expression has no '{sanitise(name, 60)}'", hint=hint)
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, values), _value(right, values))
    raise ValueError


def fill(words: list[str], values: Mapping[str, Number]) -> list[str]:
    """The words with their expressions worked out. Raises CommandText."""
    return [_BRACES.sub(lambda found: str(evaluate(found[1], values)), word) for word in words]


def uses_clock(words: list[str]) -> bool:
    """Whether an expression among the words needs the MCU's clock."""
    return any(re.search(rf"\b{CLOCK}\b", found[1]) for word in words for found in _BRACES.finditer(word))


def encode(dictionary: Dictionary, words: list[str]) -> tuple[MessageFormat, bytes]:
    """The command's format and its bytes. Raises CommandText for what the firmware does not have or take."""
    name = words[0] if words else ""
    try:
        form = dictionary.command(name)
        return form, dictionary.encode_words(words)
    except DeviceError as error:
        hint = error.hint
        if name in dictionary.responses and name not in dictionary.commands:
            hint = f"that is a response; {hint or '`list commands` shows the commands'}"
        raise CommandText(error.what, hint=hint) from None
