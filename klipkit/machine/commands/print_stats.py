"""What is counted of a print: its state, times, filament and layers; SET_PRINT_STATS_INFO; the object `print_stats`.

standby --start--> printing --pause--> paused --start--> printing --complete, cancel, fail--> complete, cancelled, error
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from klipkit.base.declare import Declared, section
from klipkit.gcode.commands import gcode
from klipkit.machine.planner import Planner
from klipkit.parts.part import Part

E = 3
LEAST = 1e-7  # mm of filament that are any


class PrintState(Enum):
    """How far a print is."""

    STANDBY = "standby"
    PRINTING = "printing"
    PAUSED = "paused"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    ERROR = "error"


@section("print_stats", always=True)
class PrintStatsConfig(Declared):
    """What is counted of a print. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class Layers:
    """As the slicer tells them; None: it did not."""

    total_layer: int | None = None
    current_layer: int | None = None


@dataclass(frozen=True, slots=True)
class PrintStatsStatus:
    """Of the object `print_stats`."""

    filename: Annotated[str, "The file that is printed, or was last."]
    total_duration: Annotated[float, "Since the print was begun, s."]
    print_duration: Annotated[
        float, "The same without pauses, and without the time before the first filament, s."
    ]
    filament_used: Annotated[float, "Filament pushed forward, less what was pulled back, mm."]
    state: Annotated[str, "standby, printing, paused, complete, cancelled or error."]
    message: Annotated[str, "What went wrong."]
    info: Annotated[Layers, "Layers in all, and the layer now, as the slicer tells them."]


class PrintStats(Part):
    """Counts a print. Times are those of the event loop; who prints says what becomes of the print."""

    def __init__(self, config: PrintStatsConfig, planner: Planner) -> None:
        self._planner = planner
        self.reset()

    def reset(self, filename: str = "") -> None:
        """Nothing is counted; that file is to be printed."""
        self.state, self._filename, self._message = PrintState.STANDBY, filename, ""
        self._begun: float | None = None  # loop time
        self._ended: float | None = None  # of a pause, or for good
        self._paused = 0.0  # s
        self._idle = 0.0  # s of printing before filament came
        self._filament, self._filament_at = 0.0, 0.0
        self._layers = Layers()

    def start(self) -> None:
        """It is printed, from the beginning or after a pause."""
        now = self._now()
        if self._begun is None:
            self._begun = now
        elif self._ended is not None:
            self._paused += now - self._ended
        self._ended = None
        self._filament_at = self._position()
        self.state, self._message = PrintState.PRINTING, ""

    def pause(self, message: str = "") -> None:
        """It rests, and may go on. `message`: why, when something went wrong."""
        if self.state is PrintState.PRINTING:
            self._end(PrintState.PAUSED, message)
        elif self.state is PrintState.PAUSED:
            self._message = message

    def complete(self) -> None:
        """The file is at its end."""
        self._end(PrintState.COMPLETE)

    def cancel(self) -> None:
        """It was given up."""
        self._end(PrintState.CANCELLED)

    def fail(self, message: str) -> None:
        """It ended because something went wrong."""
        self._end(PrintState.ERROR, message)

    def status(self) -> PrintStatsStatus:
        """What is counted up to now."""
        self._count()
        total, printed = self._durations()
        return PrintStatsStatus(
            self._filename, total, printed, self._filament, self.state.value, self._message, self._layers
        )

    @gcode("SET_PRINT_STATS_INFO")
    async def set_info(
        self,
        *,
        total_layer: Annotated[int | None, "layers in all; 0: not known"] = None,
        current_layer: Annotated[int | None, "the layer now"] = None,
    ) -> None:
        """Tell the layers of the print, as the slicer knows them."""
        layers = self._layers
        if total_layer is not None and total_layer != layers.total_layer:
            layers = Layers(total_layer, 0) if total_layer > 0 else Layers()
        if current_layer is not None and layers.total_layer is not None:
            layers = Layers(layers.total_layer, min(current_layer, layers.total_layer))
        self._layers = layers

    def _end(self, state: PrintState, message: str = "") -> None:
        self._count()
        if self._ended is None and self._begun is not None:
            self._ended = self._now()
        elif self.state is PrintState.PAUSED and self._ended is not None:
            now = self._now()
            self._paused += now - self._ended
            self._ended = now
        self.state, self._message = state, message

    def _count(self) -> None:
        """The filament up to now; as long as none came, all time was before it."""
        if self.state is not PrintState.PRINTING:
            return
        position = self._position()
        self._filament += (position - self._filament_at) / self._planner.moves.extrude_factor
        self._filament_at = position
        if self._filament < LEAST and self._begun is not None:
            self._idle = self._now() - self._begun - self._paused

    def _durations(self) -> tuple[float, float]:
        if self._begun is None:
            return 0.0, 0.0
        rests = self._ended if self._ended is not None else self._now()
        total = (self._now() if self.state is PrintState.PAUSED else rests) - self._begun
        return total, max(0.0, rests - self._begun - self._paused - self._idle)

    def _position(self) -> float:
        return float(self._planner.moves.position[E])

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
