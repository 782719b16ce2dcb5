"""Commands of one's own: [gcode_macro NAME], SET_GCODE_VARIABLE; the object `gcode_macro NAME` has its variables.

    NAME A=1 --> its template, with params.A and its variables --> lines, carried out one after the other

With rename_existing the command of that name, which may be one of the machine's own, goes on under another name.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Annotated, Any

from klipkit.base.declare import Declared, Problem, option, prefixed, section
from klipkit.base.errors import ConfigError
from klipkit.base.faults import GcodeError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.base.values import Template, template, text
from klipkit.gcode.commands import Command, Commands, Entry, gcode
from klipkit.gcode.literals import NoLiteral, literal, literal_value
from klipkit.gcode.templates import Gcode, Origin, Templates
from klipkit.gcode.words import Line, is_command, is_traditional
from klipkit.parts.part import Apply, Part

DESCRIPTION = "G-Code macro"


def _check_names(config: "GcodeMacroConfig") -> Iterable[Problem]:
    name, other = config.command, (config.rename_existing or "").upper()
    if not is_command(name):
        hint = "a letter with a number, or at least two letters or _ with digits behind them"
        yield Problem("gcode", "is of a name that no command can have", hint)
    elif other and not is_command(other):
        yield Problem("rename_existing", "is no name of a command", f"for example BASE_{name}")
    elif other and is_traditional(other) != is_traditional(name):
        what = f"renames to a name of a different type than {sanitise(name, 40)} has"
        example = f"{name}.1" if is_traditional(name) else f"BASE_{name}"
        yield Problem("rename_existing", what, f"write for example {example}")


@section("gcode_macro NAME", checks=(_check_names,))
class GcodeMacroConfig(Declared):
    """A command of one's own.

    NAME is the command, in capital or small letters. Its G-code is a template: all of it is worked out when the command
    is given, then its lines are carried out. It sees `params` (texts; names in capital letters), `rawparams`, its own
    variables by their names, `printer`, and the actions.
    """

    gcode: Template = option(template(), "What it does.")
    variable: Mapping[str, object] = prefixed(
        "variable_", literal_value(), "A variable of the macro, and its value at the start."
    )
    rename_existing: str | None = option(
        text("name of a command"),
        "The name by which the command that the macro takes the place of can be given from then on.",
        default=None,
    )
    description: str = option(text(), "What HELP says of it.", default=DESCRIPTION)

    @property
    def command(self) -> str:
        """The command's name."""
        return self.source.short.upper()


class GcodeMacro(Part):
    """A command that expands its template and carries it out."""

    live = frozenset(("gcode", "description", "variable_*"))
    comes_and_goes = True

    def __init__(self, config: GcodeMacroConfig, templates: Templates, commands: Commands) -> None:
        self._templates = templates
        self._commands = commands
        self._taken: Entry | None = None  # the command in whose place it stands
        self._is_entered = False
        self._is_running = False
        self._variables: dict[str, object] = dict(config.variable)
        self._take_on(config, self._compiled(config))

    @property
    def text(self) -> str:
        """What HELP says of it."""
        return self._config.description

    async def begin(self) -> None:
        """All commands are known."""
        self.enter()

    async def end(self) -> None:
        """The command is known no more."""
        self.leave()

    def status(self) -> Mapping[str, Any]:
        """Its variables."""
        return self._variables

    def reload(self, config: GcodeMacroConfig, changed: Set[str]) -> Apply:
        """Variables whose value at the start is the same keep the one that they have."""
        compiled = self._compiled(config)
        kept = {name: value for name, value in self._variables.items() if f"variable_{name}" not in changed}
        variables = {name: kept.get(name, value) for name, value in config.variable.items()}

        def apply() -> None:
            self._take_on(config, compiled)
            self._variables = variables

        return apply

    async def call(self, line: Line) -> None:
        """Carry the macro out. Raises the first error of its lines."""
        if self._is_running:
            where = line.where
            raise GcodeError(f"Macro {self._config.command} called recursively", where=where)
        self._is_running = True
        try:
            given = {"params": dict(line.parameters), "rawparams": line.raw}
            await self._gcode.carry_out({**self._variables, **given}, line.where)
        finally:
            self._is_running = False

    def enter(self) -> None:
        """The command is there from now on. Raises ConfigError when its name is taken, or there is none to rename."""
        commands, name, other = self._commands, self._config.command, self._other
        if other:
            self._check_renamed(name, other)
            self._taken = commands.take(name)
            commands.by_name[other] = self._taken
        elif (known := commands.by_name.get(name)) is not None:
            if not (isinstance(known, Command) and known.yields):
                raise self._taken_already(name)
            self._taken = commands.take(name)
        commands.by_name[name] = self
        self._is_entered = True

    def leave(self) -> None:
        """The command is there no more; one that was renamed has its name again."""
        if not self._is_entered:
            return
        commands = self._commands
        commands.by_name.pop(self._config.command, None)
        if self._taken is not None:
            commands.by_name.pop(self._other, None)
            commands.give_back(self._config.command, self._taken)
        self._taken, self._is_entered = None, False

    @gcode("SET_GCODE_VARIABLE", select="MACRO")
    async def set_variable(
        self,
        *,
        line: Line,
        variable: Annotated[str, "name of the variable"],
        value: Annotated[str, "a Python literal: 1.5, 'a text', [1, 2]"],
    ) -> None:
        """Change the value of a macro's variable."""
        if variable not in self._variables:
            what = f"Unknown gcode_macro variable '{sanitise(variable, 60)}'"
            hint = did_you_mean(variable, self._variables) or f"add variable_{sanitise(variable.lower(), 60)}"
            raise GcodeError(what, where=line.where, hint=hint)
        try:
            found = literal(value)
        except NoLiteral as error:
            what = f"Unable to parse '{sanitise(value, 60)}' as a literal: {error}"
            raise GcodeError(what, where=line.where) from None
        self._variables = {**self._variables, variable: found}

    def _compiled(self, config: GcodeMacroConfig) -> Gcode:
        origin = Origin(config.source.name, "gcode", f"macro {config.command}")
        return self._templates.of(config.gcode, origin)

    def _take_on(self, config: GcodeMacroConfig, compiled: Gcode) -> None:
        self._config, self._gcode = config, compiled
        self._other = (config.rename_existing or "").upper()

    def _taken_already(self, name: str) -> ConfigError:
        other = f"{name}.1" if is_traditional(name) else f"BASE_{name}"
        return ConfigError(
            f"gcode command {name} already registered",
            where=self._config.source.where(),
            hint=f"take another name, or write rename_existing: {other}",
        )

    def _check_renamed(self, name: str, other: str) -> None:
        known, where = self._commands.by_name, self._config.source.where("rename_existing")
        if name not in known:
            hint = did_you_mean(name, known) or "take rename_existing out: the name is free"
            raise ConfigError(
                f"Existing command '{name}' not found in gcode_macro rename", where=where, hint=hint
            )
        if other in known:
            what = f"gcode command {other} already registered"
            raise ConfigError(what, where=where, hint="rename to a name that is free")
