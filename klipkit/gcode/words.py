"""One line of G-code as words: a command and its parameters; the general path, for any line of the dialect.

    G1 X10 F6000 ; comment          -> G1    X=10 F=6000
    N12 G1X10*87                    -> G1    X=10           (line number and checksum are of the serial protocol)
    SET_PIN PIN=fan VALUE=.5        -> SET_PIN  PIN=fan VALUE=.5
    M117 Hello; world               -> M117  with the raw text
    M23 /prints/a part.gcode        -> M23   with the raw text

The dialect: Klipper's G-Codes.md and Command_Templates.md. Traditional commands are a letter and a number with
one-letter parameters, extended commands are a word with NAME=VALUE parameters, quoted as in a shell.
"""

import re
import shlex
import string
from dataclasses import dataclass, field

from klipkit.base.faults import GcodeError
from klipkit.base.text import sanitise

LINE_LIMIT = 65536  # characters; a longer line is no G-code
_TRADITIONAL = re.compile(r"([A-Z])\s*([-+]?[0-9]+(?:\.[0-9]+)?)")
_WORD = re.compile(r"([A-Z_*])\s*([^A-Z_*\s]*)")
_EXTENDED = re.compile(r"[A-Z_][A-Z_][A-Z0-9_]*")
_NUMBERED = re.compile(r"\s*[Nn]\s*[0-9]+")
_CHECKSUM = re.compile(r"\*\s*[0-9]+\s*$")
_NAME = re.compile(r"[A-Z][0-9]+(?:\.[0-9]+)?|" + _EXTENDED.pattern)
_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)  # keeps the length, as upper() may not
_RAW = frozenset(("M23", "M28", "M30", "M32", "M117", "M118"))  # a text or a file's name follows


@dataclass(frozen=True, slots=True)
class Line:
    """A command with its parameters; names are upper case, values as written. `where` is file:line."""

    command: str
    parameters: dict[str, str] = field(default_factory=dict)
    raw: str = ""  # what follows the command, unparsed
    where: str = ""


def is_command(name: str) -> bool:
    """Whether that can be the name of a command, in capital letters."""
    return _NAME.fullmatch(name) is not None


def is_traditional(name: str) -> bool:
    """Whether a command of that name has parameters of one letter: G1, M104; not PAUSE."""
    return is_command(name) and name[1].isdigit()


def parse_line(text: str, where: str = "") -> Line | None:
    """The words of one line, or None for an empty one or a mere comment. Raises GcodeError for a malformed line."""
    if len(text) > LINE_LIMIT:
        raise GcodeError(f"a line of {len(text)} characters", where=where, hint="is this a G-code file?")
    if "\0" in text:
        raise GcodeError("a NUL byte in the line", where=where, hint="is this a G-code file?")
    body = _without_number(text.strip("\ufeff\r\n\t "))
    if not body or body[0] in ";%(":
        return None
    upper = body.translate(_UPPER)
    extended = _EXTENDED.match(upper)
    if extended:
        return _extended(body, extended[0], where)
    found = _TRADITIONAL.match(upper)
    if not found:
        raise GcodeError(f"not a G-code command: '{sanitise(body, 60)}'", where=where)
    command = found[1] + found[2]
    rest = body[found.end() :]
    return Line(command, _letters(command, rest, where), rest.strip(), where)


def _without_number(body: str) -> str:
    """The line without the N... and *... of the serial protocol; the link, not the dialect, checks those."""
    number = _NUMBERED.match(body)
    if number is None:
        return body
    return _CHECKSUM.sub("", body[number.end() :]).strip()


def _letters(command: str, rest: str, where: str) -> dict[str, str]:
    """One-letter parameters, with or without spaces between them."""
    if command.partition(".")[0] in _RAW:  # M117.1 is what M117 may be called behind a macro of that name
        return {}
    text = rest.partition(";")[0].strip()
    upper = text.translate(_UPPER)
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _WORD.match(upper, at)
        if found is None:
            raise GcodeError(f"malformed parameters of {command}: '{sanitise(text[at:], 60)}'", where=where)
        if found[1] == "*":
            break
        parameters[found[1]] = text[found.start(2) : found.end(2)]
        at = found.end()
        while at < len(text) and text[at] in " \t":
            at += 1
    return parameters


def _extended(body: str, command: str, where: str) -> Line:
    rest = body[len(command) :]
    if rest and rest[0] not in " \t;":
        raise GcodeError(f"malformed command '{sanitise(body, 60)}'", where=where)
    try:
        lexer = shlex.shlex(rest, posix=True)
        lexer.whitespace_split = True
        lexer.commenters = "#;"
        words = list(lexer)
    except ValueError as error:
        raise GcodeError(
            f"{command}: {str(error).lower()}", where=where, hint="quotes come in pairs"
        ) from None
    parameters: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise GcodeError(
                f"{command}: malformed parameter '{sanitise(word, 60)}'", where=where, hint="write NAME=VALUE"
            )
        parameters[name.translate(_UPPER)] = value
    return Line(command, parameters, rest.strip(), where)
