"""The host: from a typed configuration and a way to each MCU to a machine that carries out G-code.

Loaded (base/schema) + pipes --> start(): connect, make parts, configure --> run(lines) --> stop()
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from klipkit.base.errors import UnknownMcu
from klipkit.base.pin import MAIN_MCU, Pin
from klipkit.base.schema import Loaded
from klipkit.boards.config import PinAliases
from klipkit.gcode.commands import Commands
from klipkit.gcode.words import Line, parse_line
from klipkit.link.pipe import Pipe
from klipkit.machine.commands.moves import MoveCommands
from klipkit.machine.config import ForceMoveConfig
from klipkit.machine.kinematics import Motor, motors
from klipkit.machine.planner import Planner
from klipkit.machine.toolhead import Drive, Toolhead
from klipkit.mcu.clocksync import first_mapping, main_mapping
from klipkit.mcu.digital_out import DigitalOut
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.stepper import Stepper, StepQueue


class Host:
    """A machine as long as it lives. `pipes`: a way to each MCU by name; the host closes them."""

    def __init__(self, loaded: Loaded, pipes: Mapping[str, Pipe]) -> None:
        self.loaded = loaded
        self.mcus = {name: Mcu(name, pipe) for name, pipe in pipes.items()}
        self.steppers: dict[str, Stepper] = {}
        self.queues: list[StepQueue] = []
        self.planner: Planner | None = None
        self.toolhead: Toolhead | None = None
        self.commands = Commands()
        self._aliases = PinAliases(loaded)

    @property
    def main(self) -> Mcu:
        """The MCU whose clock is print time."""
        return self.mcus[MAIN_MCU]

    async def start(self) -> None:
        """Connect, configure, and be ready for G-code. Raises KlipkitError."""
        await asyncio.gather(*(mcu.connect() for mcu in self.mcus.values()))
        for mcu in self.mcus.values():
            is_main = mcu is self.main
            mcu.mapping = (
                main_mapping(mcu.sync) if is_main else first_mapping(self.main.sync, mcu.sync, mcu.pipe.now())
            )
        found = motors(self.loaded)
        drives = [self._drive(motor) for motor in found]
        for mcu in self.mcus.values():
            await mcu.configure()
        users = {drive.stepper.mcu.name for drive in drives}
        self.queues = [StepQueue(mcu) for name, mcu in self.mcus.items() if name in users]
        self.planner = Planner(self.loaded, found)
        self.toolhead = Toolhead(self.planner, self.main, self.queues, drives)
        force_move = self.loaded.one(ForceMoveConfig)
        enabled = force_move is not None and force_move.enable_force_move
        self.commands.add(MoveCommands(self.toolhead, force_move=enabled))

    async def run(self, lines: Iterable[str], name: str) -> None:
        """Carry out lines of G-code and wait for the last move. Raises the first error; an MCU's goes before others."""
        for number, text in enumerate(lines, 1):
            line = parse_line(text, f"{name}:{number}")
            if line is not None:
                await self._guarded(line)
        finish = parse_line("M400", name)
        if finish is not None:
            await self._guarded(finish)

    async def stop(self) -> None:
        """Let go of the machine."""
        if self.toolhead is not None:
            self.toolhead.close()
        for queue in self.queues:
            queue.close()
        if self.planner is not None:
            self.planner.close()
        await asyncio.gather(*(mcu.close() for mcu in self.mcus.values()))

    async def _guarded(self, line: Line) -> None:
        work = asyncio.ensure_future(self.commands.run(line))
        faults = [mcu.fault for mcu in self.mcus.values()]
        waits: list[asyncio.Future[Any]] = [work, *faults]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for fault in faults:
            if fault.done():
                work.cancel()
                raise fault.result()
        await work

    def _drive(self, motor: Motor) -> Drive:
        config = motor.config
        step, direction = self._aliases.resolved(config.step_pin), self._aliases.resolved(config.dir_pin)
        mcu = self._mcu(step, config.source.where("step_pin"))
        stepper = Stepper(mcu, motor.name, step, direction, config.step_pulse_duration, config.step_distance)
        self.steppers[motor.name] = stepper
        enable = None
        if config.enable_pin is not None:
            pin = self._aliases.resolved(config.enable_pin)
            enable = DigitalOut(self._mcu(pin, config.source.where("enable_pin")), pin)
        return Drive(stepper, enable)

    def _mcu(self, pin: Pin, where: str) -> Mcu:
        if pin.chip not in self.mcus:
            raise UnknownMcu(f"there is no [mcu {pin.chip}] for the pin {pin}", where=where)
        return self.mcus[pin.chip]
