"""Fans that are set by hand: [fan] by M106, [fan_generic NAME] by SET_FAN_SPEED."""

from collections.abc import Set
from typing import Annotated, ClassVar

from klipkit.base.faults import GcodeError
from klipkit.gcode.commands import gcode
from klipkit.mcu.pins import Pins
from klipkit.parts.fans.blower import Blower, FanStatus
from klipkit.parts.fans.config import FanConfig, FanGenericConfig, FanOptions
from klipkit.parts.part import Apply, Part
from klipkit.parts.schedule import Schedule

LIVE = frozenset(("max_power", "kick_start_time", "off_below"))  # options that a running fan takes on
FULL = 255.0  # M106's S of full speed


class Blowing(Part):
    """A part that is a fan."""

    live: ClassVar[Set[str]] = LIVE

    def __init__(self, config: FanOptions, pins: Pins, schedule: Schedule) -> None:
        self.name = config.source.short
        self.blower = Blower(config, pins, schedule)

    def reload(self, config: FanOptions, changed: Set[str]) -> Apply:
        """The fan has other limits."""
        return lambda: self.blower.take_on(config) if changed else None

    async def begin(self) -> None:
        """The MCUs are configured."""
        self.blower.begin()

    def halt(self) -> None:
        """The printer has shut down: the MCU gives it shutdown_speed."""
        self.blower.end()

    async def end(self) -> None:
        """It goes on as it is."""
        self.blower.end()

    def status(self) -> FanStatus:
        """What is seen of it."""
        return self.blower.status()


class Fan(Blowing):
    """The fan of the print."""

    def __init__(self, config: FanConfig, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, pins, schedule)

    @gcode("M106")
    async def turn_on(self, *, s: Annotated[float, "speed, 0 to 255"] = FULL) -> None:
        """Set the speed of the fan, in step with the moves."""
        if s < 0:
            raise GcodeError(f"M106: S={s:g} is below 0")
        self.blower.after_moves(s / FULL)

    @gcode("M107")
    async def turn_off(self) -> None:
        """Turn the fan off, in step with the moves."""
        self.blower.after_moves(0.0)


class FanGeneric(Blowing):
    """A fan of a name."""

    def __init__(self, config: FanGenericConfig, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, pins, schedule)

    @gcode("SET_FAN_SPEED", select="FAN")
    async def set_speed(self, *, speed: Annotated[float, "speed, 0 to 1"]) -> None:
        """Set the speed of a fan, in step with the moves."""
        if not 0 <= speed <= 1:
            raise GcodeError(f"SET_FAN_SPEED: SPEED={speed:g} must be between 0 and 1")
        self.blower.after_moves(speed)
