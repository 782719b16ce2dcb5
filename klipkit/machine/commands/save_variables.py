"""Variables that outlive the host: [save_variables], SAVE_VARIABLE; the object `save_variables`.

[Variables]                   the file, as other hosts of the dialect write it
currentextruder = 'extruder1'
offsets = [0.1, 0.2]
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from klipkit.base.declare import Declared, option, section
from klipkit.base.errors import ConfigError, FileError
from klipkit.base.faults import GcodeError
from klipkit.base.files import read_text
from klipkit.base.text import sanitise
from klipkit.base.values import text
from klipkit.gcode.commands import gcode
from klipkit.gcode.literals import NoLiteral, literal
from klipkit.gcode.words import Line
from klipkit.parts.part import Apply, Part

HEADER = "[Variables]"
NAME = re.compile(r"[a-z0-9_.-]+")
_LINE = re.compile(r"([^=:]+?)\s*[=:]\s*(.*)")


@section("save_variables")
class SaveVariablesConfig(Declared):
    """Keeps variables in a file."""

    filename: str = option(
        text("file name"), "The file; ~ is the home folder. It is made when it is missing."
    )


@dataclass(frozen=True, slots=True)
class SaveVariablesStatus:
    """Of the object `save_variables`."""

    variables: Annotated[Mapping[str, object], "The variables by their names."]


class SaveVariables(Part):
    """The variables of a file."""

    live = frozenset(("filename",))
    comes_and_goes = True

    def __init__(self, config: SaveVariablesConfig) -> None:
        self._path, self._variables = _opened(config)

    def status(self) -> SaveVariablesStatus:
        """The variables."""
        return SaveVariablesStatus(self._variables)

    def reload(self, config: SaveVariablesConfig, changed: Set[str]) -> Apply:
        """The file is read again, whether it is another one or the same."""
        opened = _opened(config)

        def apply() -> None:
            self._path, self._variables = opened

        return apply

    @gcode("SAVE_VARIABLE")
    async def save(
        self,
        *,
        line: Line,
        variable: Annotated[str, "name, in small letters"],
        value: Annotated[str, "a Python literal: 1.5, 'a text', [1, 2]"],
    ) -> None:
        """Keep the value of a variable in the file."""
        if NAME.fullmatch(variable) is None:
            what = f"SAVE_VARIABLE: '{sanitise(variable, 60)}' is no name of a variable"
            raise GcodeError(what, where=line.where, hint="small letters, digits and _")
        try:
            found = literal(value)
        except NoLiteral as error:
            what = f"Unable to parse '{sanitise(value, 60)}' as a literal: {error}"
            raise GcodeError(what, where=line.where) from None
        variables = {**self._variables, variable: found}
        try:
            write(self._path, variables)
        except OSError as error:
            what = f"Unable to save variable: {error.strerror}"
            raise GcodeError(what, where=line.where, hint=f"look at {sanitise(str(self._path))}") from None
        self._variables = variables


def _opened(config: SaveVariablesConfig) -> tuple[Path, dict[str, object]]:
    """The file and what is in it. Raises ConfigError."""
    path = Path(config.filename).expanduser()
    try:
        if not path.exists():
            write(path, {})
        return path, read(path)
    except (OSError, FileError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.what
        what = f"the file of variables {sanitise(str(path))} cannot be used: {reason}"
        raise ConfigError(what, where=config.source.where("filename")) from None


def read(path: Path) -> dict[str, object]:
    """The variables of a file. Raises FileError, ConfigError with the line."""
    variables: dict[str, object] = {}
    for number, written in enumerate(read_text(path).split("\n"), 1):
        if not written.strip() or written.lstrip()[0] in "#;[":
            continue
        found = _LINE.match(written.strip())
        try:
            if found is None:
                raise NoLiteral("not a name, =, and a value")
            variables[found[1].lower()] = literal(found[2])
        except NoLiteral as error:
            raise ConfigError(
                f"Unable to parse existing variable file: {error}",
                where=f"{sanitise(str(path))}:{number}",
                hint="mend the line, or take it out",
            ) from None
    return variables


def write(path: Path, variables: Mapping[str, object]) -> None:
    """Replace the file: it is the old one or the new one, whole, whatever happens meanwhile. Raises OSError.

    The disk is not waited for, which could take longer than the motors have steps for.
    """
    lines = [HEADER, *(f"{name} = {value!r}" for name, value in sorted(variables.items())), ""]
    real = path.resolve()  # a link stays one
    other = real.with_name(f".{real.name}.new")
    other.write_text("\n".join(lines), "utf-8")
    if real.exists():
        other.chmod(real.stat().st_mode & 0o777)
    other.replace(real)
