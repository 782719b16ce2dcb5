"""The daemon: one machine after the other, from the same configuration file, for as long as the program runs.

startup --> ready --> shutdown          shutdown, error: nothing moves or heats, and most commands are refused
   |                     |               until RESTART (the host anew) or FIRMWARE_RESTART (the MCUs, too)
   `--> error            |
          `--------------+--> RESTART, FIRMWARE_RESTART --> startup
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, TypeVar

from klipkit import __version__
from klipkit.base.configedit import Changes
from klipkit.base.errors import KlipkitError, PrinterError, causes
from klipkit.base.faults import EmergencyStop, GcodeError, GivenUp, LinkError
from klipkit.base.schema import Loaded
from klipkit.base.text import sanitise
from klipkit.daemon.configfile import ConfigfileConfig, ConfigfileObject
from klipkit.daemon.host import Host
from klipkit.daemon.objects import Objects
from klipkit.daemon.reload import ReloadCommands, Report, reload
from klipkit.daemon.webhooks import Webhooks
from klipkit.gcode.commands import Commands, gcode
from klipkit.gcode.remote import RemoteMethods
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line, parse_line
from klipkit.mcu.inquest import inquest
from klipkit.mcu.lateness import Computed
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.restart import Reach
from klipkit.parts.part import Part

T = TypeVar("T")

STARTING = "Printer is not ready: it is starting"
ENDING = "Printer is not ready: it is being restarted"
STOPPING = "Printer is not ready: the daemon is ending"
READY = "Printer is ready"
RESTART_HINT = 'when it is mended, "RESTART" reads the configuration again'
FIRMWARE_HINT = 'when it is mended, "FIRMWARE_RESTART" starts the microcontrollers and the host again'
CANCEL = "CANCEL_PRINT"
STOP_ALL = "M112"
FROM_THE_SIDE = frozenset((STOP_ALL, "M108", "RESTART", "FIRMWARE_RESTART"))  # wait for no turn


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

    `save` writes options into the configuration's files and names those that changed; without it SAVE_CONFIG is
    refused. `responses` outlive restarts. `changed` is called after each change of state.
    `computed`: this process's processor time, where time is real.
    """

    def __init__(
        self,
        load: Callable[[], Loaded],
        reach: Callable[[Loaded], Mapping[str, Reach]],
        log: Callable[[str], None] = lambda line: None,
        save: Callable[[Changes], Sequence[str]] | None = None,
        computed: Computed | None = None,
    ) -> None:
        self.state = State.STARTUP
        self.message = STARTING
        self.responses = Responses()
        self.host: Host | None = None
        self.changed: list[Callable[[], None]] = []
        self.log = log
        self.remote = RemoteMethods(log)
        self.has_objects = False  # the machine's parts have been ready, and have a status since
        self._load, self._reach, self._save = load, reach, save
        self._computed = computed
        self._reaches: Mapping[str, Reach] = {}
        self._request: asyncio.Future[Request] = asyncio.get_running_loop().create_future()
        self._stops = False
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._webhooks = Webhooks(lambda: (self.state.value, self.message))
        self._always = Commands([DaemonCommands(self)])
        self._meanwhile = Commands([MeanwhileCommands(self)])

    async def run(self) -> None:
        """Until it is asked to stop."""
        while not self._stops:
            await self._live()

    def ask(self, request: Request) -> None:
        """Have the machine end, and perhaps begin anew."""
        self._stops = self._stops or request is Request.STOP  # it may come while another one is carried out
        if not self._request.done():
            self._request.set_result(request)

    def emergency_stop(self, what: str) -> None:
        """Stop everything at once."""
        if self.host is not None:
            self.host.shut_down(EmergencyStop(what, hint="FIRMWARE_RESTART starts the printer again"))

    @property
    def objects(self) -> Objects:
        """What can be seen now."""
        parts: Mapping[str, Part] = {}
        if self.host is not None:
            early = {"configfile": ConfigfileObject(ConfigfileConfig(), self.host.loaded, self.host.unsaved)}
            parts = self.host.parts if self.has_objects else early
        return Objects({"webhooks": self._webhooks, **parts})

    def commands(self) -> Commands:
        """The commands that are known now."""
        return self._always if self.host is None else self.host.commands

    def ready(self) -> Host:
        """The machine. Raises PrinterError when it is not ready."""
        if self.state is not State.READY or self.host is None:
            raise PrinterError(self.message)
        return self.host

    async def execute(self, text: str, name: str) -> None:
        """Carry out lines of G-code, from the source `name`. Raises the first error.

        Emergency stop, cancel and restarts do not wait for what is being done. A restart ends the others.
        """
        try:
            for number, written in enumerate(text.splitlines(), 1):
                line = parse_line(written, f"{name}:{number}")
                if line is not None:
                    await self._carry_out(line)
        except GivenUp as error:
            self.responses.note(f"{error.what} ({error.where})" if error.where else error.what)

    async def in_turn(self, work: Callable[[Host], Coroutine[Any, Any, T]]) -> T:
        """Do `work` on the machine, when all who came before have done theirs. Raises PrinterError when it is not
        ready, and what ends it."""
        host = self.ready()
        self._working += 1
        self._idle.clear()
        try:
            return await host.guarded(_in_turn(host, work))
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    async def _carry_out(self, line: Line) -> None:
        host = self.host
        if line.command in self._always.by_name:
            await self._always.run(line)
        elif self.state is not State.READY or host is None:
            if line.command not in self._meanwhile.by_name:
                raise PrinterError(self.message)
            await self._meanwhile.run(line)
        elif line.command == STOP_ALL:  # at once, whatever a macro of that name would do
            self.emergency_stop(f"Shutdown due to {STOP_ALL} command")
        elif line.command in FROM_THE_SIDE and line.command not in host.commands.changed:
            await host.commands.run(line)
        else:
            if line.command == CANCEL:
                host.give_up()
            await self.in_turn(lambda host: host.scripts.carry_out(line))

    async def reload(self) -> Report:
        """Take on what has changed in the configuration, as far as that can be done while the printer runs."""
        return await self.in_turn(lambda host: reload(host, self._load))

    def save(self, host: Host) -> Sequence[str]:
        """Write what calibrations found out into the configuration; gives the files. Raises KlipkitError."""
        if self._save is None:
            raise GcodeError("SAVE_CONFIG: a rehearsal changes no configuration")
        files = self._save(host.unsaved.values) if host.unsaved.values else ()
        host.unsaved.clear()
        return files

    async def _live(self) -> None:
        """One machine, from its configuration to the request that ends it."""
        self._request = asyncio.get_running_loop().create_future()
        self._become(State.STARTUP, STARTING)
        try:
            await self._until_request(self._start())
            if self.host is not None and not self._request.done():
                self.has_objects = True
                self.host.templates.objects = lambda: self.objects
                self._become(State.READY, READY)
                fault = await self._until_request(_result(self.host.fault))
                if fault is not None:
                    self._note_fault(self.host, fault)
                    await self._until_request(self._look_into(self.host, fault))
        except KlipkitError as error:
            self._note_error(error)
        try:
            request = await self._request
            await self._end_scripts()
            if not self._stops:
                self._become(State.STARTUP, ENDING)
        finally:
            await self._let_go()
        if request is Request.FIRMWARE_RESTART:
            await self._restart_boards()

    async def _start(self) -> None:
        loaded = self._load()
        for notice in loaded.notices:
            self.log(notice)
        self._reaches = self._reach(loaded)
        self.host = Host(loaded, self._reaches, self.responses, self.remote, self._computed)
        self.host.commands.add(DaemonCommands(self))
        self.host.commands.add(SaveCommands(self, self.host))
        self.host.commands.add(ReloadCommands(self.host, self._load))
        await self.host.start()
        for mcu in self.host.mcus.values():
            self.log(f"MCU '{mcu.name}': {sanitise(mcu.dictionary.version)}, {mcu.frequency:.0f} Hz")

    async def _until_request(self, work: Any) -> Any:
        """Do `work`; a request ends it, and None comes of it."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task, self._request}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _end_scripts(self) -> None:
        """What is being carried out on the machine ends before the machine does."""
        host = self.host
        if host is None:
            return
        if not host.fault.done():
            host.fault.set_result(PrinterError(STOPPING if self._stops else ENDING))
        await self._idle.wait()
        await asyncio.sleep(0)  # who asked for it is told before the machine ends

    async def _let_go(self) -> None:
        self.has_objects = False
        host, self.host = self.host, None
        if host is not None:
            await host.stop()

    async def _restart_boards(self) -> None:
        for reach in self._reaches.values():
            try:
                await reach.restart()
            except KlipkitError as error:  # what is wrong with it shows when it is connected
                self.log(f"FIRMWARE_RESTART: {error}")

    def _note_fault(self, host: Host, fault: KlipkitError) -> None:
        for line in host.cause.lines() if host.cause is not None else [str(fault)]:
            self.log(line)
        self._become(State.SHUTDOWN, _told(fault, FIRMWARE_HINT))

    async def _look_into(self, host: Host, fault: KlipkitError) -> None:
        """Why a link was lost: known only when the board is asked once more."""
        lost = next((mcu for mcu in host.mcus.values() if _is(mcu, fault)), None)
        if lost is not None and isinstance(fault, LinkError):
            told = await inquest(self._reaches[lost.name].way, lost)
            first, _, rest = self.message.partition("\n")
            self.message = f"{first}\n{told}\n{rest}".rstrip()
            self.log(told)
            self.responses.note(told)
            self._tell()

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
        if state in (State.READY, State.SHUTDOWN):  # in the words that programs look for
            self.responses.note(f"Klipper state: {state.value.capitalize()}")
        self._tell()

    def _tell(self) -> None:
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


class SaveCommands:
    """What a machine that is ready has besides its parts' commands."""

    def __init__(self, daemon: Daemon, host: Host) -> None:
        self._daemon, self._host = daemon, host

    @gcode("SAVE_CONFIG")
    async def save_config(self, *, restart: Annotated[int, "0: do not restart"] = 1) -> None:
        """Write what calibrations found out into the configuration, each option where it stands, and restart."""
        if restart and self._host.is_printing:
            raise GcodeError("SAVE_CONFIG: a file is being printed, and the restart would end it")
        files = self._daemon.save(self._host)
        if not files:
            self._daemon.responses.note("SAVE_CONFIG: there is nothing to save")
            return
        self._daemon.responses.note(f"SAVE_CONFIG: written into {', '.join(map(sanitise, files))}")
        if restart:
            self._daemon.ask(Request.RESTART)


class MeanwhileCommands:
    """What clients ask for all the time, and is answered when the machine is not ready, too."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._responses = daemon.responses

    @gcode("M112")
    async def emergency_stop(self) -> None:
        """Stop everything at once, if it has not stopped yet."""
        self._daemon.emergency_stop(f"Shutdown due to {STOP_ALL} command")

    @gcode("STATUS")
    async def report_status(self) -> None:
        """Report the state of the printer, and why."""
        self._responses.note(
            f"Klipper state: {self._daemon.state.value.capitalize()}\n{self._daemon.message}"
        )

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


def _is(mcu: Mcu, fault: KlipkitError) -> bool:
    return mcu.fault.done() and mcu.fault.result() is fault


async def _in_turn(host: Host, work: Callable[[Host], Coroutine[Any, Any, T]]) -> T:
    async with host.scripts.turn:
        return await work(host)


async def _result(future: asyncio.Future[KlipkitError]) -> KlipkitError:
    return await asyncio.shield(future)


def _told(error: KlipkitError, hint: str) -> str:
    """The error with its causes, and what to do next."""
    lines = [str(each) for each in (error, *causes(error))]
    return "\n".join([*dict.fromkeys(lines), hint])
