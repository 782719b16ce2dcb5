"""The template language of the dialect: Jinja2 in a sandbox, with bounds on what one expansion may do.

Delimiters { } and {% %}, the extension `do`. A template is from a configuration file, but it is still a program, and
one with a slip in it must not hold up the host: loop turns, calls, and the size of what they make are counted
(Work), and an expansion that needs too much of them ends with an error.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import wraps
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

WORK_MOST = 500_000  # units of one expansion, about a microsecond each
TURN = 10  # units of a loop's turn or of a call: 50,000 turns
CHARACTERS = 16  # of a text that are one unit
BITS_MOST = 1 << 16  # of a whole number
WIDTH_MOST = 100_000  # to which a text or a list is filled up
DIGITS_MOST = 100  # of a number's rounding

_WIDE = re.compile(r"\d{6,}")  # in a format: a width above WIDTH_MOST
_FILLING = frozenset(("center", "ljust", "rjust", "zfill", "expandtabs", "to_bytes"))
_FILLING_FILTERS = {
    **dict.fromkeys(("batch", "center", "indent", "slice", "truncate", "wordwrap"), WIDTH_MOST),
    "round": DIGITS_MOST,
}


class TooMuch(Exception):
    """An expansion needs more than it may."""


class Work:
    """What an expansion has done so far."""

    def __init__(self) -> None:
        self._done = 0

    def add(self, units: int) -> None:
        """So many units more. Raises TooMuch."""
        self._done += units
        if self._done > WORK_MOST:
            raise TooMuch(
                f"the template does too much: more than {WORK_MOST // TURN} turns of its loops and calls, "
                "or texts and lists too large"
            )

    def weigh(self, value: object) -> None:
        """A value was made or is looked through: its size counts, and that of what is in it."""
        if isinstance(value, (str, bytes)):
            self.add(1 + len(value) // CHARACTERS)
        elif isinstance(value, int):
            self.add(1 + value.bit_length() // CHARACTERS)
        elif isinstance(value, Mapping):
            self.add(1 + len(value))
            for key, each in value.items():
                self.weigh(key)
                self.weigh(each)
        elif isinstance(value, range):
            self.add(1 + len(value) // CHARACTERS)
        elif isinstance(value, (list, tuple, set, frozenset)):
            self.add(1 + len(value))
            for each in value:
                self.weigh(each)

    def turns(self, values: Iterable[Any]) -> Iterator[Any]:
        """The values, each of which is a turn."""
        for value in values:
            self.add(TURN)
            yield value


class Sandbox(SandboxedEnvironment):
    """Compiles and runs templates; `work` is that of the expansion that runs."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__("{%", "%}", "{", "}", extensions=["jinja2.ext.do"], finalize=self._put_out)
        self.work = Work()
        self.globals.pop("lipsum")
        self.filters = {name: self._watched(name, each) for name, each in self.filters.items()}
        self.filters["turns of a loop"] = pass_context(lambda context, values: self._turns(values))
        self.filters["what is looked at"] = pass_context(lambda context, value: self._weighed(value))

    def watch(self, root: nodes.Template) -> None:
        """Have the loops, comparisons, slices and joined texts of a template counted."""
        for loop in list(root.find_all(nodes.For)):
            loop.iter = _through("turns of a loop", loop.iter)
        for compare in list(root.find_all(nodes.Compare)):
            compare.expr = _through("what is looked at", compare.expr)
            for operand in compare.ops:
                operand.expr = _through("what is looked at", operand.expr)
        for joined in list(root.find_all(nodes.Concat)):
            joined.nodes = [_through("what is looked at", each) for each in joined.nodes]
        for item in list(root.find_all(nodes.Getitem)):
            if isinstance(item.arg, nodes.Slice):
                item.node = _through("what is looked at", item.node)
        root.set_environment(self)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that can make something large."""
        if operator == "*":
            self._check_repeated(left, right)
            self._check_repeated(right, left)
            _check_product(left, right)
        elif operator == "**":
            _check_power(left, right)
        elif operator == "%" and isinstance(left, str):
            _check_format(left, right)
        return self._weighed(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """A call of whatever a template can reach."""
        __self.work.add(TURN)
        __self._check_method(__obj, args, kwargs)
        result = __self._weighed(super().call(__context, __obj, *args, **kwargs))
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, list):  # it may have grown
            __self.work.add(len(owner) // CHARACTERS)
        return result

    def _put_out(self, value: Any) -> Any:
        return self._weighed(value)

    def _weighed(self, value: Any) -> Any:
        self.work.weigh(value)
        return value

    def _turns(self, values: Any) -> Any:
        return self.work.turns(values) if isinstance(values, Iterable) else values

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter that counts; `takes` is where its value stands among its arguments."""
        takes = 1 if hasattr(function, "jinja_pass_arg") else 0
        most = _FILLING_FILTERS.get(name)

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.work.add(TURN)
            value, rest = args[takes], args[takes + 1 :]
            self.work.weigh(value)
            if most is not None:
                _check_width((*rest, *kwargs.values()), most)
            elif name == "format":
                _check_format(str(value), rest or kwargs)
            elif name in ("replace", "join"):
                self._check_text(name, value, (*rest, *kwargs.values()))
            return self._weighed(function(*args, **kwargs))

        return watched

    def _check_method(self, method: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        name = getattr(method, "__name__", "")
        method = getattr(method, "__wrapped__", method)  # the sandbox wraps str.format
        owner = getattr(method, "__self__", None)
        if not isinstance(owner, (str, bytes, int)):
            return
        if name in _FILLING:
            _check_width((*args, *kwargs.values()), WIDTH_MOST)
        elif name in ("format", "format_map"):
            _check_format(str(owner), (*args, *kwargs.values()))
        elif name == "replace":
            self._check_text(name, owner, args)
        elif name == "join" and args:
            self._check_text(name, args[0], (owner,))
        elif name == "translate":
            raise TooMuch("translate is not allowed in a template; use replace")

    def _check_repeated(self, value: Any, times: Any) -> None:
        if isinstance(value, (str, bytes, list, tuple)) and isinstance(times, int) and times > 1:
            self.work.add(len(value) * times // (CHARACTERS if isinstance(value, (str, bytes)) else 1))

    def _check_text(self, name: str, value: Any, rest: tuple[Any, ...]) -> None:
        """What `replace` and `join` make, before they do."""
        lengths = [len(each) for each in rest if isinstance(each, (str, bytes))]
        times = len(value) if isinstance(value, Sized) else 0
        if name == "replace" and rest and isinstance(value, str) and isinstance(rest[0], str):
            times = value.count(rest[0])
        self.work.add(times * max(lengths, default=0) // CHARACTERS)


def _through(name: str, value: Any) -> nodes.Filter:
    return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)


def _check_product(left: Any, right: Any) -> None:
    numbers = isinstance(left, int) and isinstance(right, int)
    if numbers and left.bit_length() + right.bit_length() > BITS_MOST:
        raise TooMuch("a product too large")


def _check_power(base: Any, exponent: Any) -> None:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > BITS_MOST:
        raise TooMuch("a power too large")


def _check_width(values: Iterable[Any], most: int) -> None:
    if any(isinstance(each, int) and abs(each) > most for each in values):
        raise TooMuch(f"a width or a number of digits above {most}")


def _check_format(text: str, values: Any) -> None:
    """A width in a format, or one that comes from its values."""
    has_inner = "*" in text or re.search(r"\{[^{}]*\{", text) is not None
    given = values.values() if isinstance(values, Mapping) else values if isinstance(values, tuple) else ()
    if _WIDE.search(text) or (
        has_inner and any(isinstance(each, int) and each > WIDTH_MOST for each in given)
    ):
        raise TooMuch(f"a format with a width above {WIDTH_MOST}")
