"""Templates of the configuration: options that hold G-code with expressions, expanded to lines and carried out.

    [gcode_macro WIPE]                   expanded      carried out, one after the other
    gcode:                           -->           --> G1 X0   printer.cfg:4 (macro WIPE) from console:1
      {% for x in range(2) %} ...                      G1 X1   printer.cfg:4 (macro WIPE) from console:1

All of it is expanded before its first line is carried out. Each line's place tells the whole way to it. What has no
expressions needs no template language, which is loaded when the first one has (gcode/expansion.py).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

from klipkit.base.declare import Declared
from klipkit.base.errors import ConfigError, KlipkitError, TemplateSyntax
from klipkit.base.faults import EmergencyStop, GcodeError, RaisedByMacro, TemplateError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.base.values import Template
from klipkit.gcode.remote import RemoteMethods
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.words import parse_line

if TYPE_CHECKING:
    from klipkit.gcode.expansion import Expansion

OPENS = "{"
DEEP_MOST = 40  # templates inside one another
SHOWN = 300  # characters of what went wrong


class Objects(Protocol):
    """What templates see of the machine (daemon/objects.py)."""

    def names(self) -> list[str]:
        """The objects that there are."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is an object of that name."""
        ...

    def seen(self, name: str) -> Mapping[str, Any]:
        """The fields of one now. KeyError when there is none of that name."""
        ...


class Nothing:
    """A machine of which nothing is to be seen yet."""

    def names(self) -> list[str]:
        """None."""
        return []

    def has(self, name: str) -> bool:
        """There is none."""
        return False

    def seen(self, name: str) -> Mapping[str, Any]:
        """There is none."""
        raise KeyError(name)


class Printer:
    """The variable `printer` of one expansion: objects by name; what was looked at once stays as it was then."""

    def __init__(self, objects: Objects) -> None:
        self.__objects = objects
        self.__seen: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        found = self.__seen.get(name)
        if found is None:
            found = self.__seen[name] = self.__objects.seen(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.__objects.has(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__objects.names())


@dataclass(frozen=True, slots=True)
class Origin:
    """What a template is of: "gcode_macro WIPE" and its option for errors, "macro WIPE" for the places of lines."""

    section: str
    option: str
    words: str


class Gcode:
    """A template that can be carried out. `where` is the place of its first line."""

    def __init__(self, templates: "Templates", template: Template, origin: Origin) -> None:
        self.template = template
        self._templates = templates
        self._origin = origin
        self._plain = list(enumerate(template.text.split("\n")))
        self._expansion = None if OPENS not in template.text else compiled(template, origin)

    async def carry_out(self, variables: Mapping[str, Any] | None = None, caller: str = "") -> None:
        """Expand it and carry out its lines, within a turn of the caller's. `caller`: the place of the line it is for.

        Raises the first error, with its place.
        """
        await self._templates.carry_out(self, variables or {}, caller)

    def lines(self, variables: Mapping[str, Any], caller: str = "") -> list[tuple[str, str]]:
        """Each line's place and its text. Raises TemplateError, or what the template itself raises."""
        found = self._plain if self._expansion is None else self._expanded(self._expansion, variables, caller)
        return [(self.where(line, caller), text) for line, text in found if text.strip()]

    def where(self, line: int, caller: str = "") -> str:
        """The place of a line of the template, and the way there."""
        place = f"{place_of(self.template, line)} ({self._origin.words})".strip()
        return f"{place} from {caller}" if caller else place

    def _expanded(
        self, expansion: "Expansion", variables: Mapping[str, Any], caller: str
    ) -> list[tuple[int, str]]:
        from klipkit.gcode.expansion import Wrong

        try:
            return expansion.expand({"params": {}, "rawparams": "", **variables, **self._templates.context()})
        except Wrong as wrong:
            where = self.where(wrong.line, caller)
            if isinstance(wrong.cause, KlipkitError):
                wrong.cause.where = wrong.cause.where or where
                raise wrong.cause from None
            of = f"'{self._origin.section}:{self._origin.option}'"
            what, hint = self._templates.worded(wrong.what)
            raise TemplateError(f"Error evaluating {of}: {what}", where=where, hint=hint) from None


class Templates:
    """Makes and carries out templates of one machine. `stop` shuts it down; `objects` gives what there is."""

    def __init__(
        self,
        scripts: Scripts,
        responses: Responses,
        remote: RemoteMethods,
        stop: Callable[[KlipkitError], None],
    ) -> None:
        self.objects: Callable[[], Objects] = Nothing
        self._remote = remote
        self._scripts = scripts
        self._responses = responses
        self._stop = stop
        self._deep = 0

    def of(self, template: Template, origin: Origin) -> Gcode:
        """The template of an option. Raises TemplateSyntax."""
        return Gcode(self, template, origin)

    def of_option(self, template: Template, config: Declared, option: str = "gcode") -> Gcode:
        """The template of an option of that section. Raises TemplateSyntax."""
        name = config.source.name or config.declaration.names[0]
        return self.of(template, Origin(name, option, name if option == "gcode" else f"{option} of {name}"))

    async def carry_out(self, gcode: Gcode, variables: Mapping[str, Any], caller: str) -> None:
        """Carry out a template, within a turn of the caller's."""
        if self._deep >= DEEP_MOST:
            what = f"{DEEP_MOST} macros call one another"
            raise GcodeError(what, where=caller, hint="the last one of them is not carried out")
        self._deep += 1
        try:
            for where, text in gcode.lines(variables, caller):
                line = parse_line(text, where)
                if line is not None:
                    await self._scripts.carry_out(line)
        finally:
            self._deep -= 1

    def context(self) -> dict[str, Any]:
        """What each template has."""
        return {
            "printer": Printer(self.objects()),
            "action_respond_info": self._respond_info,
            "action_raise_error": self._raise_error,
            "action_emergency_stop": self._emergency_stop,
            "action_call_remote_method": self._call_remote_method,
        }

    def worded(self, what: str) -> tuple[str, str]:
        """What an expansion says of its end, and what was perhaps meant."""
        mine = f"'{Printer.__module__}.{Printer.__name__} object' has no attribute '"
        if not what.startswith(mine):
            return sanitise(what, SHOWN), ""
        name = what.removeprefix(mine).rstrip("'")
        return f"there is no printer object '{sanitise(name, 60)}'", did_you_mean(
            name, self.objects().names()
        )

    def _respond_info(self, msg: object) -> str:
        self._responses.note(str(msg))
        return ""

    def _raise_error(self, msg: object) -> str:
        raise RaisedByMacro(str(msg))

    def _emergency_stop(self, msg: object = "action_emergency_stop") -> str:
        hint = "FIRMWARE_RESTART starts the printer again"
        self._stop(EmergencyStop(f"Shutdown due to {sanitise(str(msg), SHOWN)}", hint=hint))
        return ""

    def _call_remote_method(self, method: object, **parameters: Any) -> str:
        self._remote.call(sanitise(str(method), 60), parameters)
        return ""


def problems(sections: Mapping[str, Declared]) -> Iterator[ConfigError]:
    """What is wrong with the expressions in a configuration's templates."""
    for name, section in sections.items():
        for option, template in _templates(section):
            try:
                if OPENS in template.text:
                    compiled(template, Origin(name, option, ""))
            except TemplateSyntax as error:
                yield error


def _templates(section: Declared) -> Iterator[tuple[str, Template]]:
    """The templates of a section, those of its variants and groups, too."""
    for each in fields(section):
        value = getattr(section, each.name)
        if isinstance(value, Template):
            yield each.name, value
        elif isinstance(value, Declared):
            yield from _templates(value)


def compiled(template: Template, origin: Origin) -> "Expansion":
    """Raises TemplateSyntax with the line of the file."""
    from klipkit.gcode.expansion import Wrong, expansion

    try:
        return expansion(template.text)
    except Wrong as wrong:
        of = f"'{sanitise(origin.section, 60)}:{origin.option}'"
        what = f"Error loading template {of}: {sanitise(wrong.what, SHOWN)}"
        raise TemplateSyntax(what, where=place_of(template, wrong.line)) from None


def place_of(template: Template, line: int) -> str:
    """The place of a line of the template in its file; "" when it stands in none."""
    if not template.lines:
        return ""
    number = template.lines[max(0, min(line, len(template.lines) - 1))]
    return f"{sanitise(template.file)}:{number}"
