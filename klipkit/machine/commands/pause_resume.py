"""A print rests, and goes on where it was: PAUSE RESUME CLEAR_PAUSE CANCEL_PRINT; the object `pause_resume`.

A print from a file is stopped here; one that comes line by line from a client, by words that the client knows
("// action:paused"). What PAUSE keeps is the state "PAUSE_STATE" of RESTORE_GCODE_STATE.
"""

from collections.abc import Set
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.declare import Declared, option, section
from klipkit.base.faults import GcodeError
from klipkit.base.values import number
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.waits import Waits
from klipkit.gcode.words import Line
from klipkit.machine.commands.position import GcodeMove
from klipkit.machine.printing import FilePrint
from klipkit.parts.part import Apply, Part

STATE = "PAUSE_STATE"


@section("pause_resume")
class PauseResumeConfig(Declared):
    """Pausing and cancelling a print."""

    recover_velocity: float = option(
        number(above=0),
        "The speed at which the toolhead goes back when a print goes on.",
        unit="mm/s",
        default=50.0,
    )


@dataclass(frozen=True, slots=True)
class PauseResumeStatus:
    """Of the object `pause_resume`."""

    is_paused: Annotated[bool, "Whether PAUSE was given, and no RESUME yet."]


class PauseResume(Part):
    """Pauses, resumes and cancels."""

    live = frozenset(("recover_velocity",))

    def __init__(
        self,
        config: PauseResumeConfig,
        moves: GcodeMove,
        responses: Responses,
        file: FilePrint | None,
        waits: Waits,
    ) -> None:
        self._velocity = config.recover_velocity
        self._moves = moves
        self._responses = responses
        self._file = file
        self._waits = waits
        self._is_paused = False
        self._is_stopped = False  # the print was told
        self._was_file = False  # it is a file's

    def status(self) -> PauseResumeStatus:
        """Whether it rests."""
        return PauseResumeStatus(self._is_paused)

    def reload(self, config: PauseResumeConfig, changed: Set[str]) -> Apply:
        """The next RESUME has it."""

        def apply() -> None:
            self._velocity = config.recover_velocity

        return apply

    async def stop(self) -> None:
        """Tell the print to rest; the state is not kept yet. Clients ask for it before a macro runs."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._was_file = self._file is not None and self._file.is_active
        if self._was_file and self._file is not None:
            await self._file.pause()
        else:
            self._responses.note("action:paused")

    def give_up(self) -> None:
        """CANCEL_PRINT has come and waits for its turn: what is waited for in the print does not hold it up."""
        if self._waits:
            self._was_file = self._was_file or (self._file is not None and self._file.is_active)
            self._waits.give_up()

    @gcode("PAUSE")
    async def pause(self) -> None:
        """Let the print rest, and keep where the toolhead is."""
        if self._is_paused:
            self._responses.note("Print already paused")
            return
        await self.stop()
        self._moves.save(STATE)
        self._is_paused = True

    @gcode("RESUME")
    async def resume(
        self, *, line: Line, velocity: Annotated[float | None, "speed of the way back, mm/s"] = None
    ) -> None:
        """Go back to where the toolhead was, and print on."""
        if not self._is_paused:
            self._responses.note("Print is not paused, resume aborted")
            return
        speed = self._velocity if velocity is None else velocity
        if speed <= 0:
            raise GcodeError(f"RESUME: VELOCITY={speed:g} is not above 0", where=line.where)
        await self._moves.go_back(STATE, speed, line.where)
        self._is_paused = self._is_stopped = False
        if self._was_file and self._file is not None:
            self._was_file = False
            await self._file.resume()
        else:
            self._responses.note("action:resumed")

    @gcode("CLEAR_PAUSE")
    async def clear(self) -> None:
        """Forget that the print rests; it does not go on."""
        self._is_paused = self._is_stopped = False

    @gcode("CANCEL_PRINT")
    async def cancel(self) -> None:
        """Give the print up."""
        is_file = self._file is not None and (self._was_file or self._file.is_active)
        if is_file and self._file is not None:
            await self._file.cancel()
        else:
            self._responses.note("action:cancel")
        self._was_file = False
        await self.clear()
