"""G-code of several extruders: ACTIVATE_EXTRUDER T0 T1 ..., SYNC_EXTRUDER_MOTION, SET_EXTRUDER_ROTATION_DISTANCE.

extruder  --> filament of extruder  --> its motor, and those that are synchronised with it
extruder1 --> filament of extruder1 --> ...            E is of the filament of the active one
"""

from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import Command, Commands, gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line
from klipkit.machine.commands.gcode_macro import GcodeMacroConfig
from klipkit.machine.commands.moves import Driven
from klipkit.machine.config import LinearStepperOptions
from klipkit.machine.kinematics import extruders
from klipkit.machine.toolhead import Toolhead

MotorName = Annotated[str, "section of the extruder, or name of the extruder_stepper"]
EXTRA = "extruder_stepper"


class ToolCommands:
    """Which extruder is used."""

    def __init__(self, driven: Driven, responses: Responses | None = None) -> None:
        self._driven = driven
        self._responses = responses

    @gcode("ACTIVATE_EXTRUDER")
    async def activate(self, *, line: Line, extruder: Annotated[str, "section of the extruder"]) -> None:
        """Use an extruder from now on: E is of its filament, and is 0; M104 and M109 are for its heater."""
        await self.use(_known(extruder, list(self._driven.planner.filaments), line, "EXTRUDER"))

    async def use(self, name: str) -> None:
        """E is of that extruder's filament from now on."""
        planner = self._driven.planner
        if planner.active == name:
            self._say(f"Extruder {name} already active")
            return
        self._say(f"Activating extruder {name}")
        planner.flush()
        await self._driven.go_on()
        planner.activate(name)

    def _say(self, text: str) -> None:
        if self._responses is not None:
            self._responses.note(text)


class ExtruderCommands:
    """Which filament a motor moves, and how far with each step."""

    def __init__(self, toolhead: Toolhead, responses: Responses) -> None:
        self._toolhead = toolhead
        self._responses = responses

    @gcode("SYNC_EXTRUDER_MOTION")
    async def synchronise(
        self,
        *,
        line: Line,
        extruder: MotorName,
        motion_queue: Annotated[
            str, "section of the extruder whose filament it is to move; empty: it stands still"
        ],
    ) -> None:
        """Let a motor move an extruder's filament, or none."""
        planner = self._toolhead.planner
        name = self._motor(extruder, line)
        queue = motion_queue.strip()
        if queue:
            queue = _known(queue, list(planner.filaments), line, "MOTION_QUEUE")
        await self._toolhead.change(name, queue, *planner.turned(name))
        said = f"syncing with '{queue}'" if queue else "is not synchronised with any extruder"
        self._responses.note(
            f"Extruder '{extruder}' {said}" if not queue else f"Extruder '{extruder}' now {said}"
        )

    @gcode("SET_EXTRUDER_ROTATION_DISTANCE")
    async def set_rotation_distance(
        self,
        *,
        line: Line,
        extruder: MotorName,
        distance: Annotated[
            float | None, "mm of filament a turn; less than 0: it turns the other way"
        ] = None,
    ) -> None:
        """Change how much filament a turn of the motor moves; without DISTANCE it is told."""
        planner = self._toolhead.planner
        name = self._motor(extruder, line)
        motor = next(motor for motor in planner.motors if motor.name == name)
        assert isinstance(motor.config, LinearStepperOptions)
        steps = motor.config.rotation_distance / motor.config.step_distance
        if distance is None:
            step, direction = planner.turned(name)
            self._responses.note(f"Extruder '{extruder}' rotation distance is {direction * step * steps:.6f}")
            return
        if distance == 0:
            raise GcodeError(f"{line.command}: Rotation distance can not be zero", where=line.where)
        direction = 1 if distance > 0 else -1
        await self._toolhead.change(name, motor.filament, abs(distance) / steps, direction)
        self._responses.note(f"Extruder '{extruder}' rotation distance set to {distance:.6f}")

    def _motor(self, told: str, line: Line) -> str:
        """The section of a motor of the filament."""
        planner = self._toolhead.planner
        names = {
            motor.name.removeprefix(f"{EXTRA} "): motor.name
            for motor in planner.motors
            if motor.name in planner.filaments or motor.name.startswith(EXTRA)
        }
        wanted = told.strip().removeprefix(f"{EXTRA} ")
        return names[_known(wanted, list(names), line, "EXTRUDER")]


def enter_tools(
    commands: Commands, loaded: Loaded, driven: Driven, responses: Responses | None = None
) -> None:
    """ACTIVATE_EXTRUDER; and T0, T1 ... of those that no macro has the name of."""
    found = extruders(loaded)
    if not found:
        return
    tools = ToolCommands(driven, responses)
    commands.add(tools)
    taken = {macro.command for macro in loaded.all(GcodeMacroConfig)}
    for extruder in found:
        name = f"T{extruder.tool}"
        if name not in taken:
            commands.by_name[name] = _chosen(tools, name, extruder.source.name)


def _chosen(tools: ToolCommands, name: str, extruder: str) -> Command:
    async def use() -> None:
        await tools.use(extruder)

    return Command((name,), f"Use [{extruder}].", (), False, False, use)


def enter_extruders(commands: Commands, loaded: Loaded, toolhead: Toolhead, responses: Responses) -> None:
    """All commands of extruders, where there is one."""
    enter_tools(commands, loaded, toolhead, responses)
    if extruders(loaded):
        commands.add(ExtruderCommands(toolhead, responses))


def _known(name: str, names: list[str], line: Line, parameter: str) -> str:
    wanted = name.strip()
    if wanted not in names:
        hint = did_you_mean(wanted, names) or f"one of {', '.join(names)}"
        shown = sanitise(wanted, 40)
        raise GcodeError(
            f"{line.command}: The value '{shown}' is not valid for {parameter}", where=line.where, hint=hint
        )
    return wanted
