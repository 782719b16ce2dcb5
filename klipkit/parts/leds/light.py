"""What all lights have: their colors, SET_LED, and their status."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.gcode.commands import gcode
from klipkit.parts.leds.config import COLORS, ColorOptions
from klipkit.parts.part import Part
from klipkit.parts.schedule import Schedule

Color = tuple[float, ...]  # red, green, blue, white, 0 to 1


@dataclass(frozen=True, slots=True)
class LedStatus:
    """Of a light or a chain of lights."""

    color_data: Annotated[tuple[Color, ...], "For each light red, green, blue and white, 0 to 1."]


class Light(Part):
    """`count` lights. `colors` are what was asked for last; those not transmitted yet too."""

    def __init__(self, config: ColorOptions, schedule: Schedule, count: int) -> None:
        self.name = config.source.short
        self.colors: list[Color] = [config.initial] * count
        self._schedule = schedule

    @abstractmethod
    def show(self, time: float) -> None:
        """Have the lights show their colors, at a print time where they can wait for it."""

    def status(self) -> LedStatus:
        """What is seen of it."""
        return LedStatus(tuple(self.colors))

    @gcode("SET_LED", select="LED")
    async def set_led(
        self,
        *,
        red: Annotated[float, "red, 0 to 1"] = 0.0,
        green: Annotated[float, "green, 0 to 1"] = 0.0,
        blue: Annotated[float, "blue, 0 to 1"] = 0.0,
        white: Annotated[float, "white, 0 to 1"] = 0.0,
        index: Annotated[int | None, "which light of a chain, from 1; without it all"] = None,
        transmit: Annotated[int, "0: show it with the next SET_LED only"] = 1,
        sync: Annotated[int, "0: at once, not in step with the moves"] = 1,
    ) -> None:
        """Set the color of a light."""
        color = (red, green, blue, white)
        for name, value in zip(COLORS, color, strict=True):
            if not 0 <= value <= 1:
                raise GcodeError(f"SET_LED: {name}={value:g} of '{self.name}' must be between 0 and 1")
        if index is not None and not 1 <= index <= len(self.colors):
            raise GcodeError(
                f"SET_LED: INDEX={index} of '{self.name}' must be between 1 and {len(self.colors)}"
            )
        chosen = range(len(self.colors)) if index is None else (index - 1,)
        for at in chosen:
            self.colors[at] = color
        if not transmit:
            return
        if sync:
            self._schedule.after_moves(self.show)
        else:
            self.show(self._schedule.now())
