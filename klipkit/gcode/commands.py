"""How a G-code command is declared: a method with typed, documented parameters, from which parsing and help come.

    class Moves:
        @gcode("G1", "G0", also=...)
        async def move(self, *, x: Annotated[float | None, "position to go to, mm"] = None) -> None:
            '''Move the toolhead along a straight line.'''

        @gcode("M117")
        async def message(self, *, raw: str) -> None:
            '''Show a message.'''          # `raw` is what follows the command, as written

    class Fan:
        name = "chamber"
        @gcode("SET_FAN_SPEED", select="FAN")
        async def set_speed(self, *, speed: float) -> None:
            '''Set its speed.'''         # SET_FAN_SPEED FAN=chamber SPEED=0.5 goes to the owner of that name

A parameter's name in G-code is its Python name in upper case. Its type is float, int or str, with None when it may be
missing. Commands(…) collects the declared methods of the objects that it is given: a table, not a search by name.
"""

import inspect
import math
import types
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from klipkit.base.faults import GcodeError, UnknownCommand
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.words import Line

F = TypeVar("F", bound=Callable[..., Awaitable[None]])


class Entry(Protocol):
    """What stands behind a command's name; `text` is its description, the first line of it for HELP."""

    @property
    def text(self) -> str:
        """What it does."""
        ...

    async def call(self, line: Line) -> None:
        """Carry the line out."""
        ...


_MARK = "gcode_names"
_SELECT = "gcode_select"
_YIELDS = "gcode_yields"
RAW = "raw"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter: its name in G-code, type, whether it must be given, and one phrase of what it is."""

    name: str
    kind: type
    required: bool
    text: str

    def read(self, line: Line) -> Any:
        """The value on the line; None when it is missing and may be. Raises GcodeError."""
        written = line.parameters.get(self.name)
        if written is None or (written == "" and self.kind is not str):
            if self.required or written == "":
                raise GcodeError(
                    f"{line.command}: {self.name} must be given", where=line.where, hint=self.text
                )
            return None
        return written if self.kind is str else self._number(line, written)

    def _number(self, line: Line, written: str) -> float | int:
        try:
            value = self.kind(written)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in written:
            shown = sanitise(written, 40)
            raise GcodeError(
                f"{line.command}: {self.name}={shown} is not a number", where=line.where, hint=self.text
            )
        return value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Command:
    """A declared command: its names, what it does, its parameters, and the method that does it."""

    names: tuple[str, ...]
    text: str
    parameters: tuple[Parameter, ...]
    takes_raw: bool
    takes_line: bool
    run: Callable[..., Awaitable[None]]
    yields: bool = False  # a macro of its name takes its place: other hosts of the dialect do not have it

    async def call(self, line: Line) -> None:
        """Carry the line out."""
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            value = parameter.read(line)
            if value is not None:
                values[parameter.name.lower()] = value
        if self.takes_raw:
            values[RAW] = line.raw
        if self.takes_line:
            values["line"] = line
        await self.run(**values)


@runtime_checkable
class Named(Protocol):
    """An owner of commands that says its name."""

    name: str


@dataclass(slots=True)
class Selected:
    """A command that several owners have: the parameter `option` names whose it is."""

    option: str
    owners: dict[str, Command] = field(default_factory=dict)

    @property
    def first(self) -> Command:
        """Of one of the owners."""
        return next(iter(self.owners.values()))

    @property
    def text(self) -> str:
        """What it does."""
        return self.first.text

    async def call(self, line: Line) -> None:
        """Carry the line out by whom it names; without a name by the owner that is called "", if there is one."""
        name = line.parameters.get(self.option, "")
        command = self.owners.get(name) or self._in_other_letters(name)
        if command is not None:
            await command.call(line)
            return
        known = sorted(owner for owner in self.owners if owner)
        if not name:
            what = f"{line.command}: {self.option} must be given"
            raise GcodeError(what, where=line.where, hint=f"one of {', '.join(known)}")
        hint = did_you_mean(name, known) or f"one of {', '.join(known)}"
        shown = sanitise(name, 40)
        raise GcodeError(
            f"{line.command}: The value '{shown}' is not valid for {self.option}", where=line.where, hint=hint
        )

    def _in_other_letters(self, name: str) -> Command | None:
        """The only owner whose name differs in its capital letters alone."""
        found = [owner for owner in self.owners if owner.lower() == name.lower()] if name else []
        return self.owners[found[0]] if len(found) == 1 else None


def gcode(*names: str, select: str = "", yields: bool = False) -> Callable[[F], F]:
    """Declares a method as the G-code command of these names.

    `select`: several objects may have it, and this parameter of the line names one; its owner has a `name`.
    `yields`: the dialect does not know it, and a configuration may have a macro of that name.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, names)
        setattr(function, _SELECT, select)
        setattr(function, _YIELDS, yields)
        return function

    return mark


def names_declared(kind: type) -> set[str]:
    """The names of the commands that objects of a class have."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name for _, function in found for name in getattr(function, _MARK, ())}


class Commands:
    """The table of commands: name to command. `changed`: names that do something else now than the machine's own."""

    def __init__(self, owners: Iterable[object] = ()) -> None:
        self.by_name: dict[str, Entry] = {}
        self.changed: set[str] = set()
        for owner in owners:
            self.add(owner)

    def add(self, owner: object) -> None:
        """Enter all declared methods of an object. A name that is taken already is a fault of the program."""
        for attribute, function in inspect.getmembers(type(owner), inspect.isfunction):
            names = getattr(function, _MARK, ())
            if names:
                method = getattr(owner, attribute)
                select = getattr(function, _SELECT)
                command = _declared(names, method, getattr(function, _YIELDS))
                for name in names:
                    self._enter(name, command, select, owner)

    def take(self, name: str) -> Entry:
        """The command of that name leaves the table: who takes it carries it out for another one of that name."""
        self.changed.add(name)
        return self.by_name.pop(name)

    def give_back(self, name: str, entry: Entry) -> None:
        """What was taken is in the table again."""
        self.by_name[name] = entry
        self.changed.discard(name)

    def remove(self, owner: object) -> None:
        """What add() has entered for an object leaves the table."""
        for name in names_declared(type(owner)):
            entry = self.by_name[name]
            if isinstance(entry, Selected) and isinstance(owner, Named):
                del entry.owners[owner.name]
            if not isinstance(entry, Selected) or not entry.owners:
                del self.by_name[name]

    def _enter(self, name: str, command: Command, select: str, owner: object) -> None:
        if not select:
            if name in self.by_name:
                raise AssertionError(f"two commands are called {name}")
            self.by_name[name] = command
            return
        shared = self.by_name.setdefault(name, Selected(select))
        if not isinstance(owner, Named) or not isinstance(shared, Selected) or shared.option != select:
            raise AssertionError(f"{name} cannot be told by {select}")
        if owner.name in shared.owners:
            raise AssertionError(f"two commands are called {name} {select}={owner.name}")
        shared.owners[owner.name] = command

    async def run(self, line: Line) -> None:
        """Carry out one line; GcodeError with its place when nothing of that name is known, or it is refused."""
        command = self.by_name.get(line.command)
        if command is None and _asks_for_nothing(line):
            return
        if command is None:
            hint = did_you_mean(line.command, self.by_name)
            what = f'Unknown command:"{sanitise(line.command, 60)}"'
            raise UnknownCommand(what, where=line.where, hint=hint)
        try:
            await command.call(line)
        except GcodeError as error:
            error.where = error.where or line.where
            raise


def _asks_for_nothing(line: Line) -> bool:
    """What files and clients say to any printer, and is done where there is nothing: no fan to turn off, no card."""
    speed = line.parameters.get("S", "0")
    is_fan_off = line.command == "M107" or (line.command == "M106" and not speed.strip("0."))
    return is_fan_off or line.command == "M21"


def carried_out(work: Awaitable[None]) -> None:
    """Carry out a command that waits for nothing, without an event loop."""
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration:
        return
    raise AssertionError("the command waits")


def _declared(names: tuple[str, ...], method: Callable[..., Awaitable[None]], yields: bool) -> Command:
    hints = get_type_hints(method, include_extras=True)
    signature = inspect.signature(method)
    parameters = tuple(
        _parameter(name, hints[name], each.default is inspect.Parameter.empty)
        for name, each in signature.parameters.items()
        if name not in (RAW, "line")
    )
    text = inspect.cleandoc(method.__doc__ or "")
    return Command(
        names, text, parameters, RAW in signature.parameters, "line" in signature.parameters, method, yields
    )


def _parameter(name: str, hint: Any, required: bool) -> Parameter:
    text = ""
    if get_origin(hint) is Annotated:
        hint, text = get_args(hint)[0], get_args(hint)[1]
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    return Parameter(name.upper(), hint, required, text)
