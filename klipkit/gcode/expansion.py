"""A template compiled, and expanded to lines of which each knows the template's line that it came from.

    {% for x in range(2) %}        line 0
      G1 X{x}                      line 1        --> (1, "G1 X0")  (1, "G1 X1")
    {% endfor %}                   line 2

Marks, a NUL, a line's number and a NUL, are put into what the template puts out, and taken out of the text again. What
is caught in a variable or in a macro of the template's own has none: it is compared and counted there as it is.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any

from jinja2 import nodes
from jinja2.environment import Template as Compiled
from jinja2.exceptions import TemplateSyntaxError, UndefinedError

from klipkit.gcode.sandbox import Sandbox, TooMuch, Work

OUTPUT_MOST = 1 << 20  # characters of one expansion
_MARK = re.compile("\0([0-9]+)\0")
_CAUGHT = (nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.AssignBlock)


class Wrong(Exception):
    """A template that cannot be compiled or expanded, and why. `line` of the template, from 0."""

    def __init__(self, line: int, what: str, cause: BaseException | None = None) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.cause = cause


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    """The environment of all templates."""
    return Sandbox()


@lru_cache(maxsize=1024)
def expansion(text: str) -> "Expansion":
    """The compiled template of a text, which is compiled once. Raises Wrong."""
    return Expansion(text)


class Expansion:
    """A compiled template. Raises Wrong."""

    def __init__(self, text: str) -> None:
        self._environment = sandbox()
        self._environment.work = Work()
        try:
            root = self._environment.parse(text)
            _mark(root)
            self._environment.watch(root)
            code = self._environment.compile(root)
        except TemplateSyntaxError as error:
            raise Wrong(error.lineno - 1, error.message or "it is malformed") from None
        except RecursionError:
            raise Wrong(0, "it is nested too deeply") from None
        except (
            Exception
        ) as error:  # what Python says of the program made of it: too many loops in one another, ...
            raise Wrong(0, f"it cannot be compiled: {error}") from None
        self._compiled = Compiled.from_code(self._environment, code, self._environment.globals)

    def expand(self, variables: Mapping[str, Any]) -> list[tuple[int, str]]:
        """The lines, each with the template's line. Raises Wrong."""
        self._environment.work = Work()
        pieces: list[str] = []
        length = 0
        try:
            for piece in self._compiled.root_render_func(self._compiled.new_context(dict(variables))):
                pieces.append(piece)
                length += len(piece)
                if length > OUTPUT_MOST:
                    raise TooMuch(f"the template expands to more than {OUTPUT_MOST} characters")
        except Exception as error:
            raise Wrong(self._line_of(error.__traceback__), _said(error), error) from None
        return list(_lines("".join(pieces)))

    def _line_of(self, trace: TracebackType | None) -> int:
        """The template's line in which it went wrong."""
        line = 1
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._compiled:
                line = self._compiled.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line - 1


def _said(error: Exception) -> str:
    if isinstance(error, (TooMuch, UndefinedError)):
        return str(error)
    if isinstance(error, RecursionError):
        return "it calls itself too often"
    if isinstance(error, MemoryError):
        return "no memory for what it makes"
    return f"{type(error).__name__}: {error}"


def _mark(node: nodes.Node) -> None:
    """Put marks into what `node` puts out."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Output):
            child.nodes = [part for each in child.nodes for part in _marked(each)]
        elif not isinstance(child, _CAUGHT) and not (isinstance(child, nodes.For) and child.recursive):
            _mark(child)


def _marked(node: nodes.Expr) -> Iterator[nodes.Expr]:
    if not isinstance(node, nodes.TemplateData):
        yield nodes.TemplateData(f"\0{node.lineno}\0", lineno=node.lineno)
        yield node
        return
    lines = node.data.split("\n")
    text = "\n".join(f"\0{node.lineno + number}\0{line}" for number, line in enumerate(lines))
    yield nodes.TemplateData(text, lineno=node.lineno)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not empty. A line is of the mark before its first character, or else of the last one."""
    number = 1
    for written in text.split("\n"):
        first = re.match("(?:\0[0-9]+\0|\\s)*", written)
        marks = _MARK.findall(first[0]) if first else []
        number = int(marks[-1]) if marks else number
        line = _MARK.sub("", written)
        if line.strip():
            yield number - 1, line
        later = _MARK.findall(written)
        number = int(later[-1]) if later else number
