"""G-code about the host itself: M108 M112 M115 M110 HELP STATUS ECHO; the object `gcode`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from klipkit import __version__
from klipkit.base.declare import Declared, section
from klipkit.base.faults import EmergencyStop
from klipkit.gcode.commands import Commands, gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.waits import Waits
from klipkit.parts.alarm import Alarm
from klipkit.parts.part import Part

WIDTH = 12  # characters of a command's name in HELP, at least


@section("gcode", always=True)
class GcodeConfig(Declared):
    """The commands that are known. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class GcodeStatus:
    """Of the object `gcode`."""

    commands: Annotated[
        Mapping[str, Mapping[str, str]], "Each command, with `help`: one sentence of what it does."
    ]


class Reports(Part):
    """The commands of the host itself."""

    def __init__(
        self, config: GcodeConfig, commands: Commands, responses: Responses, alarm: Alarm, waits: Waits
    ) -> None:
        self._commands = commands
        self._responses = responses
        self._alarm = alarm
        self._waits = waits
        self._state = "startup"

    async def begin(self) -> None:
        """All parts are there."""
        self._state = "ready"

    def halt(self) -> None:
        """The printer has shut down."""
        self._state = "shutdown"

    def status(self) -> GcodeStatus:
        """The commands that are known."""
        return GcodeStatus({name: {"help": text} for name, text in sorted(self._texts().items())})

    @gcode("M112")
    async def emergency_stop(self) -> None:
        """Stop everything at once: motors, heaters and fans go to their safe state."""
        self._alarm.shut_down(
            EmergencyStop("Shutdown due to M112 command", hint="FIRMWARE_RESTART starts the printer again")
        )

    @gcode("M108", yields=True)
    async def wait_no_longer(self) -> None:
        """Cut short what is waited for: a temperature, a dwell; what comes next goes on."""
        self._waits.cut_short()

    @gcode("M115")
    async def report_firmware(self) -> None:
        """Report name and version."""
        self._responses.answer(f"FIRMWARE_NAME:Klipper FIRMWARE_VERSION:klipkit-{__version__}")

    @gcode("M110")
    async def set_line_number(self) -> None:
        """Line numbers are not counted; nothing happens."""

    @gcode("ECHO")
    async def echo(self, *, raw: str) -> None:
        """Repeat the line."""
        self._responses.note(f"ECHO {raw}".strip())

    @gcode("HELP")
    async def help(self) -> None:
        """List the commands with names of words."""
        texts = {name: text for name, text in self._texts().items() if not _is_traditional(name)}
        rows = [f"{name:<{WIDTH}}: {text}" for name, text in sorted(texts.items())]
        self._responses.note("\n".join(["Available extended commands:", *rows]))

    @gcode("STATUS")
    async def report_status(self) -> None:
        """Report the state of the printer."""
        self._responses.note(f"Klipper state: {self._state.capitalize()}")

    def _texts(self) -> dict[str, str]:
        """The first sentence of each command's description."""
        known = self._commands.by_name.items()
        return {name: command.text.partition("\n")[0] for name, command in known}


def _is_traditional(name: str) -> bool:
    return len(name) > 1 and name[0].isalpha() and name[1].isdigit()
