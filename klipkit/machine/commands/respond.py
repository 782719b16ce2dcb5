"""Text back to whoever listens: M118 RESPOND."""

from collections.abc import Set
from typing import Annotated

from klipkit.base.declare import Declared, option, section
from klipkit.base.faults import GcodeError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.base.values import mapped, text
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.parts.part import Apply, Part

PREFIXES = {"echo": "echo: ", "command": "// ", "error": "!! "}
TYPES = {**PREFIXES, "echo_no_space": "echo:"}


@section("respond")
class RespondConfig(Declared):
    """Commands that answer with a text of one's own."""

    default_type: str = option(
        mapped(PREFIXES),
        "What stands before the text: echo, command or error.",
        default="echo: ",
        said="echo",
    )
    default_prefix: str | None = option(
        text("prefix"), "What stands before the text, instead of default_type.", default=None
    )


class Respond(Part):
    """Answers with texts."""

    live = frozenset(("default_type", "default_prefix"))
    comes_and_goes = True

    def __init__(self, config: RespondConfig, responses: Responses) -> None:
        self._responses = responses
        self._take_on(config)

    def reload(self, config: RespondConfig, changed: Set[str]) -> Apply:
        """The next text has it."""
        return lambda: self._take_on(config)

    def _take_on(self, config: RespondConfig) -> None:
        own = config.default_prefix
        self._prefix = config.default_type if own is None else f"{own} "

    @gcode("M118")
    async def echo(self, *, raw: str) -> None:
        """Answer with the rest of the line."""
        self._responses.say(f"{self._prefix}{raw}")

    @gcode("RESPOND")
    async def respond(
        self,
        *,
        line: Line,
        msg: Annotated[str, "the text"] = "",
        type: Annotated[str | None, "what stands before it: echo, echo_no_space, command or error"] = None,
        prefix: Annotated[str | None, "what stands before it, instead of TYPE"] = None,
    ) -> None:
        """Answer with a text."""
        if prefix is not None:
            before = f"{prefix} "
        elif type is None:
            before = self._prefix
        elif type.lower() in TYPES:
            before = TYPES[type.lower()]
        else:
            hint = did_you_mean(type, TYPES) or f"one of {', '.join(TYPES)}"
            what = f"RESPOND TYPE '{sanitise(type, 40)}' is invalid"
            raise GcodeError(what, where=line.where, hint=hint)
        self._responses.say(f"{before}{msg}")
