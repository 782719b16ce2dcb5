"""G-code for single motors, and for all: M84 M18 SET_STEPPER_ENABLE STEPPER_BUZZ FORCE_MOVE; `stepper_enable`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.declare import Declared, section
from klipkit.base.faults import GcodeError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.machine.alone import Alone
from klipkit.machine.config import ForceMoveConfig, TurningStepperOptions
from klipkit.machine.toolhead import Drive, Toolhead
from klipkit.parts.part import Part

BUZZES = 10
BUZZ_WAY, BUZZ_TURN = 1.0, math.radians(1.0)  # mm; of a motor that turns an arm or a bed
BUZZ_TIME = 0.25  # s each way
BUZZ_RESTS = (0.05, 0.45)  # s there, and back

StepperName = Annotated[str, "section of the stepper"]


@section("stepper_enable", always=True)
class StepperEnableConfig(Declared):
    """The commands that switch motors. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class StepperEnableStatus:
    """Of the object `stepper_enable`."""

    steppers: Annotated[
        Mapping[str, bool],
        "Whether each motor is enabled, by its section; without an enable pin it always is.",
    ]


class StepperEnable(Part):
    """Switches motors on and off."""

    def __init__(self, config: StepperEnableConfig, toolhead: Toolhead) -> None:
        self._toolhead = toolhead

    def status(self) -> StepperEnableStatus:
        """Which motors are on."""
        return StepperEnableStatus({drive.stepper.name: _is_on(drive) for drive in self._toolhead.drives})

    @gcode("M84", "M18")
    async def turn_off(self) -> None:
        """Turn off all motors; the axes must be homed again."""
        await self._toolhead.motors_off()

    @gcode("SET_STEPPER_ENABLE")
    async def set_enable(
        self, *, line: Line, stepper: StepperName, enable: Annotated[int, "1: on, 0: off"] = 1
    ) -> None:
        """Turn one motor on or off; what is known of its position stays."""
        await self._toolhead.enable(_drive(self._toolhead, stepper, line).stepper.name, bool(enable))


class ForceMove(Part):
    """Moves single motors, without homing and bounds."""

    def __init__(self, config: ForceMoveConfig, toolhead: Toolhead) -> None:
        self._toolhead = toolhead
        self._enabled = config.enable_force_move

    @gcode("STEPPER_BUZZ")
    async def buzz(self, *, line: Line, stepper: StepperName) -> None:
        """Move one motor 1 mm there and back, ten times, to see that it is the one that is meant."""
        name = _drive(self._toolhead, stepper, line).stepper.name
        config = next(motor.config for motor in self._toolhead.planner.motors if motor.name == name)
        way = BUZZ_TURN if isinstance(config, TurningStepperOptions) else BUZZ_WAY
        legs = [(way * sign, rest) for sign, rest in zip((1, -1), BUZZ_RESTS, strict=True)] * BUZZES
        motion = Alone(config.step_distance)
        for distance, rest in legs:
            motion.add(distance, way / BUZZ_TIME, rest=rest)
        await self._move(name, motion)

    @gcode("FORCE_MOVE")
    async def force_move(
        self,
        *,
        line: Line,
        stepper: StepperName,
        distance: Annotated[float, "how far, mm"],
        velocity: Annotated[float, "how fast, mm/s"],
        accel: Annotated[float, "acceleration, mm/s^2; 0: at full speed at once"] = 0.0,
    ) -> None:
        """Move one motor alone, whatever the bounds; nothing is known of it, so home afterwards."""
        if not self._enabled:
            hint = "write enable_force_move: True into a section [force_move]"
            raise GcodeError(f'Unknown command: "{line.command}"', where=line.where, hint=hint)
        drive = _drive(self._toolhead, stepper, line)
        if velocity <= 0 or accel < 0:
            raise GcodeError(
                f"{line.command}: a number is out of its range",
                where=line.where,
                hint="VELOCITY is above 0, ACCEL is not below 0",
            )
        motion = Alone(drive.stepper.step_distance)
        motion.add(distance, velocity, accel)
        await self._move(drive.stepper.name, motion)

    async def _move(self, name: str, motion: Alone) -> None:
        try:
            await self._toolhead.move_alone(name, motion)
        finally:
            motion.close()


def _is_on(drive: Drive) -> bool:
    return drive.enable is None or drive.enable.is_on


def _drive(toolhead: Toolhead, name: str, line: Line) -> Drive:
    found = next((drive for drive in toolhead.drives if drive.stepper.name == name), None)
    if found is None:
        names = [drive.stepper.name for drive in toolhead.drives]
        hint = did_you_mean(name, names) or f"one of {', '.join(names)}"
        what = f"{line.command}: The value '{sanitise(name, 40)}' is not valid for STEPPER"
        raise GcodeError(what, where=line.where, hint=hint)
    return found
