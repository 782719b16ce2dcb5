"""The daemon: one machine after the other, from the same configuration file, for as long as the program runs.

startup --> ready --> shutdown          shutdown, error: nothing moves or heats, and most commands are refused
   |                     |               until RESTART (the host anew) or FIRMWARE_RESTART (the MCUs, too)
   `--> error            |
          `--------------+--> RESTART, FIRMWARE_RESTART --> startup
"""

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from klipkit import __version__
from klipkit.base.errors import KlipkitError, PrinterError, causes
from klipkit.base.schema import Loaded
from klipkit.daemon.host import Host
from klipkit.gcode.commands import Commands, gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line, parse_line
from klipkit.mcu.lateness import Computed
from klipkit.mcu.restart import Reach

STARTING = "Printer is not ready: it is starting"
READY = "Printer is ready"
RESTART_HINT = 'when it is mended, "RESTART" reads the configuration again'
FIRMWARE_HINT = 'when it is mended, "FIRMWARE_RESTART" starts the microcontrollers and the host again'
FROM_THE_SIDE = frozenset(("M112", "M108", "RESTART", "FIRMWARE_RESTART"))  # wait for no turn


class State(Enum):
    """What the machine can do."""

    STARTUP = "startup"
    READY = "ready"
    SHUTDOWN = "shutdown"
    ERROR = "error"


class Request(Enum):
    """What ends a machine."""

    RESTART = "restart"
    FIRMWARE_RESTART = "firmware_restart"
    STOP = "stop"


class Daemon:
    """`load` reads the configuration, `reach` gives the ways to its MCUs, `log` takes lines for the log.

    `responses` outlive restarts. `changed` is called after each change of state. `computed`: this process's processor
    time, where time is real.
    """

    def __init__(
        self,
        load: Callable[[], Loaded],
        reach: Callable[[Loaded], Mapping[str, Reach]],
        log: Callable[[str], None] = lambda line: None,
        computed: Computed | None = None,
    ) -> None:
        self.state = State.STARTUP
        self.message = STARTING
        self.responses = Responses()
        self.host: Host | None = None
        self.changed: list[Callable[[], None]] = []
        self.log = log
        self._load, self._reach, self._computed = load, reach, computed
        self._reaches: Mapping[str, Reach] = {}
        self._request: asyncio.Future[Request] = asyncio.get_running_loop().create_future()
        self._always = Commands([DaemonCommands(self)])
        self._meanwhile = Commands([MeanwhileCommands(self.responses)])

    async def run(self) -> None:
        """Until it is asked to stop."""
        while await self._live() is not Request.STOP:
            pass

    def ask(self, request: Request) -> None:
        """Have the machine end, and perhaps begin anew."""
        if not self._request.done():
            self._request.set_result(request)

    async def execute(self, text: str, name: str) -> None:
        """Carry out lines of G-code, from the source `name`. Raises the first error.

        Emergency stop, cancel and restarts do not wait for what is being done.
        """
        for number, written in enumerate(text.splitlines(), 1):
            line = parse_line(written, f"{name}:{number}")
            if line is not None:
                await self._carry_out(line)

    async def _carry_out(self, line: Line) -> None:
        host = self.host
        if line.command in self._always.by_name:
            await self._always.run(line)
        elif self.state is not State.READY or host is None:
            if line.command not in self._meanwhile.by_name:
                raise PrinterError(self.message)
            await self._meanwhile.run(line)
        elif line.command in FROM_THE_SIDE:
            await host.commands.run(line)
        else:
            async with host.scripts.turn:
                await host.guarded(host.scripts.carry_out(line))

    async def _live(self) -> Request:
        """One machine, from its configuration to the request that ends it."""
        self._request = asyncio.get_running_loop().create_future()
        self._become(State.STARTUP, STARTING)
        try:
            await self._until_request(self._start())
            if self.host is not None and not self._request.done():
                self._become(State.READY, READY)
                fault = await self._until_request(_result(self.host.fault))
                if fault is not None:
                    self._note_fault(self.host, fault)
        except KlipkitError as error:
            self._note_error(error)
        try:
            request = await self._request
        finally:
            await self._let_go()
        if request is Request.FIRMWARE_RESTART:
            await self._restart_boards()
        return request

    async def _start(self) -> None:
        loaded = self._load()
        for notice in loaded.notices:
            self.log(notice)
        self._reaches = self._reach(loaded)
        self.host = Host(loaded, self._reaches, self.responses, self._computed)
        await self.host.start()

    async def _until_request(self, work: Any) -> Any:
        """Do `work`; a request ends it, and None comes of it."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._request}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _let_go(self) -> None:
        host, self.host = self.host, None
        if host is not None:
            await host.stop()

    async def _restart_boards(self) -> None:
        self._become(State.STARTUP, STARTING)
        for reach in self._reaches.values():
            try:
                await reach.restart()
            except KlipkitError as error:  # what is wrong with it shows when it is connected
                self.log(f"FIRMWARE_RESTART: {error}")

    def _note_fault(self, host: Host, fault: KlipkitError) -> None:
        for line in host.cause.lines() if host.cause is not None else [str(fault)]:
            self.log(line)
        self._become(State.SHUTDOWN, _told(fault, FIRMWARE_HINT))

    def _note_error(self, error: KlipkitError) -> None:
        stopped = self.host is not None and self.host.fault.done()
        self._become(
            State.SHUTDOWN if stopped else State.ERROR,
            _told(error, FIRMWARE_HINT if stopped else RESTART_HINT),
        )

    def _become(self, state: State, message: str) -> None:
        self.state, self.message = state, message
        self.log(f"{state.value}: {message}")
        if state in (State.SHUTDOWN, State.ERROR):
            self.responses.error(message)
        for listener in tuple(self.changed):
            listener()


class DaemonCommands:
    """What can be asked for in any state."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    @gcode("RESTART")
    async def restart(self) -> None:
        """Read the configuration again and start anew; the microcontrollers go on."""
        self._daemon.ask(Request.RESTART)

    @gcode("FIRMWARE_RESTART")
    async def firmware_restart(self) -> None:
        """Start the microcontrollers and the host anew."""
        self._daemon.ask(Request.FIRMWARE_RESTART)


class MeanwhileCommands:
    """What clients ask for all the time, and is answered when the machine is not ready, too."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses

    @gcode("M105")
    async def report_temperatures(self) -> None:
        """No temperature is known."""
        self._responses.answer("T:0")

    @gcode("M110")
    async def set_line_number(self) -> None:
        """Line numbers are not counted."""

    @gcode("M115")
    async def report_firmware(self) -> None:
        """Name and version."""
        self._responses.answer(f"FIRMWARE_NAME:Klipper FIRMWARE_VERSION:klipkit-{__version__}")


async def _result(future: asyncio.Future[KlipkitError]) -> KlipkitError:
    return await asyncio.shield(future)


def _told(error: KlipkitError, hint: str) -> str:
    """The error with its causes, and what to do next."""
    lines = [str(each) for each in (error, *causes(error))]
    return "\n".join([*dict.fromkeys(lines), hint])
