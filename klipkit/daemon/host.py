"""The host: from a typed configuration and a way to each MCU to a machine that carries out G-code.

Loaded (base/schema) + pipes --> start(): connect, make parts, configure, begin --> ready --> stop()
                                                                                      |
                                                                   fault: the first cause of a shutdown
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from klipkit.base.errors import KlipkitError, UnknownMcu
from klipkit.base.pin import MAIN_MCU
from klipkit.base.schema import Loaded
from klipkit.base.tasks import all_done
from klipkit.boards.config import PinAliases
from klipkit.daemon.objects import Objects
from klipkit.daemon.parts import PARTS
from klipkit.daemon.unsaved import Unsaved
from klipkit.daemon.wiring import Wiring
from klipkit.gcode.commands import Commands
from klipkit.gcode.remote import RemoteMethods
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.templates import Templates, problems
from klipkit.gcode.waits import Waits
from klipkit.machine.commands.arcs import GcodeArcsConfig, arc_commands
from klipkit.machine.commands.extruders import enter_extruders
from klipkit.machine.commands.homing import HomingCommands
from klipkit.machine.commands.moves import MoveCommands
from klipkit.machine.commands.pause_resume import PauseResume
from klipkit.machine.config import ForceMoveConfig
from klipkit.machine.homing import Homing
from klipkit.machine.job import Job
from klipkit.machine.kinematics import motors
from klipkit.machine.planner import Planner
from klipkit.machine.printing import FilePrint
from klipkit.machine.rails import drives_of, switches_of
from klipkit.machine.toolhead import Drive, Toolhead
from klipkit.mcu.cause import Cause, first_cause
from klipkit.mcu.clocksync import first_mapping, main_mapping
from klipkit.mcu.lateness import Computed, Lateness
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.pins import Pins
from klipkit.mcu.restart import Reach
from klipkit.mcu.stepper import Stepper, StepQueue
from klipkit.parts.alarm import Alarm
from klipkit.parts.autosave import Autosave
from klipkit.parts.drivers.config import DriverOptions
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.motors import Motors
from klipkit.parts.part import Part
from klipkit.parts.schedule import Schedule
from klipkit.parts.sensors.sensor import Sensors

T = TypeVar("T")
ToolheadMaker = Callable[[Planner, Mcu, Sequence[Drive], Callable[[KlipkitError], None], Waits], Toolhead]


class Host:
    """A machine as long as it lives. `reaches`: the way to each MCU by name; `responses`: to whom it speaks;
    `computed`: this process's processor time, where time is real.

    `fault` is set once, with the first cause of a shutdown; `cause` is all that is known of it, where an MCU told.
    """

    planner: Planner
    toolhead: Toolhead
    homing: Homing
    wiring: Wiring

    def __init__(
        self,
        loaded: Loaded,
        reaches: Mapping[str, Reach],
        responses: Responses | None = None,
        remote: RemoteMethods | None = None,
        computed: Computed | None = None,
        make_toolhead: ToolheadMaker = Toolhead,
    ) -> None:
        self.loaded = loaded
        self.reaches = reaches
        self.mcus: dict[str, Mcu] = {}
        self.responses = responses or Responses()
        self.remote = remote or RemoteMethods()
        self.commands = Commands()
        self.scripts = Scripts(self.commands, self.responses)
        self.waits = Waits()
        self.templates = Templates(self.scripts, self.responses, self.remote, self.shut_down)
        self.parts: Mapping[str, Part] = {}
        self.unsaved = Unsaved()
        self.queues: list[StepQueue] = []
        self.fault: asyncio.Future[KlipkitError] = asyncio.get_running_loop().create_future()
        self.is_ready = False
        self._make = make_toolhead
        self._has_toolhead = False
        self._lateness = Lateness(computed, lambda: self._has_toolhead and self.toolhead.is_moving)
        self._watches: list[asyncio.Task[None]] = []

    @property
    def main(self) -> Mcu:
        """The MCU whose clock is print time."""
        return self.mcus[MAIN_MCU]

    @property
    def steppers(self) -> dict[str, Stepper]:
        """Each motor's stepper, by its name."""
        return {drive.stepper.name: drive.stepper for drive in self.toolhead.drives}

    async def start(self) -> None:
        """Connect, configure, and be ready for G-code. Raises KlipkitError."""
        for problem in problems(self.loaded.sections):
            raise problem
        await self._connect()
        pins = Pins(self.mcus, PinAliases(self.loaded))
        self._make_toolhead(pins)
        self.wiring = self._wiring(pins)
        self.parts = self.wiring.make_all()
        self.templates.objects = lambda: Objects(self.parts)
        await self.guarded(self._configure())
        users = {drive.stepper.mcu.name for drive in self.toolhead.drives}
        self.queues = [StepQueue(mcu) for name, mcu in self.mcus.items() if name in users]
        await self.toolhead.attach(self.queues)
        for mcu in self.mcus.values():
            if mcu is not self.main:
                mcu.follow(self.main, unless=lambda: self.toolhead.is_moving)
        for part in self.parts.values():
            await self.guarded(part.begin())
        self.is_ready = True

    async def run(self, lines: Iterable[str], name: str) -> None:
        """Carry out lines of G-code and wait for the last move. Raises the first error; an MCU's goes before others."""
        async with self.scripts.turn:
            await self.guarded(self.scripts.carry_out_all(lines, name))
            await self.guarded(self.toolhead.drain())

    def job(self, path: str) -> Job:
        """A print of a file, not begun. Raises UsageError when it cannot be read."""
        return Job(path, self.planner, self.toolhead, self.scripts)

    async def print_file(self, path: str) -> None:
        """Print a file and wait for its last move. Raises the first error; an MCU's goes before others."""
        await self.guarded(self.job(path).run())
        await self.guarded(self.toolhead.drain())

    async def guarded(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, as long as nothing shuts the machine down. Raises `fault` when that happens."""
        task = asyncio.ensure_future(work)
        waits: set[asyncio.Future[Any]] = {task, self.fault}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        if self.fault.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise self.fault.result()
        return await task

    @property
    def is_printing(self) -> bool:
        """Whether a file is being printed."""
        return any(isinstance(part, FilePrint) and part.is_active for part in self.parts.values())

    def give_up(self) -> None:
        """CANCEL_PRINT has come: what the print waits for does not hold it up."""
        for part in self.parts.values():
            if isinstance(part, PauseResume):
                part.give_up()

    @property
    def cause(self) -> Cause | None:
        """All that is known of the first fault of an MCU."""
        return first_cause(mcu.cause for mcu in self.mcus.values())

    def shut_down(self, error: KlipkitError) -> None:
        """Stop all MCUs at once. The first cause stays."""
        if self.fault.done():
            return
        self.fault.set_result(error)
        self.is_ready = False
        for mcu in self.mcus.values():
            mcu.emergency_stop(error)
        for part in self.parts.values():
            part.halt()

    async def stop(self) -> None:
        """Let go of the machine."""
        self.is_ready = False
        for part in self.parts.values():
            await part.end()
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self._has_toolhead:
            await self.toolhead.close()
        for queue in self.queues:
            queue.close()
        if self._has_toolhead:
            self.planner.close()
        await asyncio.gather(*(mcu.close() for mcu in self.mcus.values()))

    async def _connect(self) -> None:
        if MAIN_MCU not in self.reaches:
            raise UnknownMcu("there is no section [mcu]", where=self.loaded.config.files[0])
        await all_done(self._connect_one(name, reach) for name, reach in self.reaches.items())
        self.mcus = {name: self.mcus[name] for name in self.reaches}
        self._map()
        self._watches = [asyncio.ensure_future(self._watch(mcu)) for mcu in self.mcus.values()]
        self._watches.append(asyncio.ensure_future(self._lateness.watch()))

    async def _connect_one(self, name: str, reach: Reach) -> None:
        self.mcus[name] = await reach.connect()
        self.mcus[name].accounts.append(self._lateness.account)

    def _map(self) -> None:
        for mcu in self.mcus.values():
            is_main = mcu is self.main
            now = mcu.pipe.now()
            mcu.mapping = main_mapping(mcu.sync) if is_main else first_mapping(self.main.sync, mcu.sync, now)

    async def _configure(self) -> None:
        if any(await asyncio.gather(*(mcu.clear() for mcu in self.mcus.values()))):
            self._map()
        for mcu in self.mcus.values():
            await mcu.configure()

    async def _watch(self, mcu: Mcu) -> None:
        """What befalls an MCU befalls the machine."""
        self.shut_down(await asyncio.shield(mcu.fault))

    def _make_toolhead(self, pins: Pins) -> None:
        found = motors(self.loaded)
        wired = {config.stepper for config in self.loaded.all(DriverOptions)}
        drives = drives_of(found, pins, wired)
        switches = switches_of(self.loaded, drives, pins)
        self.planner = Planner(self.loaded, found)
        self.toolhead = self._make(self.planner, self.main, drives, self.shut_down, self.waits)
        self.homing = Homing(self.loaded, self.toolhead, switches)
        self._has_toolhead = True
        force_move = self.loaded.one(ForceMoveConfig)
        enabled = force_move is not None and force_move.enable_force_move
        self.commands.add(MoveCommands(self.toolhead, force_move=enabled))
        for commands in arc_commands(self.loaded.one(GcodeArcsConfig), self.toolhead):
            self.commands.add(commands)
        self.commands.add(HomingCommands(self.homing))
        enter_extruders(self.commands, self.loaded, self.toolhead, self.responses)

    def _wiring(self, pins: Pins) -> Wiring:
        wiring = Wiring(self.loaded, PARTS, self.commands.add, pins.needed_by)
        wiring.provide(Loaded, self.loaded)
        wiring.provide(Pins, pins)
        wiring.provide(Planner, self.planner)
        wiring.provide(Toolhead, self.toolhead)
        wiring.provide(Schedule, self.toolhead.schedule)
        wiring.provide(Homing, self.homing)
        wiring.provide(Responses, self.responses)
        wiring.provide(RemoteMethods, self.remote)
        wiring.provide(Commands, self.commands)
        wiring.provide(Scripts, self.scripts)
        wiring.provide(Waits, self.waits)
        wiring.provide(Templates, self.templates)
        wiring.provide(Motors, self.toolhead)
        wiring.provide(Alarm, self)
        wiring.provide(Autosave, self.unsaved)
        wiring.provide(Unsaved, self.unsaved)
        around = Surroundings(pins, self.toolhead, self.toolhead.schedule, self, self.responses, self.homing)
        wiring.provide(Surroundings, around)
        wiring.provide(Sensors, Sensors(pins, self.toolhead.schedule, self))
        return wiring
