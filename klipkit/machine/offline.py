"""A machine without a printer: G-code files through the planner as fast as the computer goes, steps as the outcome.

file, in chunks --> quick way (machine/fast.h) --> planner --> runs of each motor --> whoever takes them
              \\--> other lines: gcode/words.py --> commands
"""

from collections.abc import Callable, Sequence
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.faults import GcodeError
from klipkit.base.schema import Loaded
from klipkit.gcode.chunks import chunks, line_at
from klipkit.gcode.commands import Commands, carried_out
from klipkit.gcode.words import Line
from klipkit.machine.commands.arcs import GcodeArcsConfig, arc_commands
from klipkit.machine.commands.extruders import enter_tools
from klipkit.machine.commands.moves import MoveCommands
from klipkit.machine.kinematics import Place, endstops, motors
from klipkit.machine.planner import Planner
from klipkit.machine.refusals import refusal

AHEAD = 4.0  # s of moves that are committed before steps are made of them
PIECE = 2.0  # s of motion for which steps are made at a time
LONGEST = 1e7  # s of motion, 115 days: more is a wrong number in the file
HOME = "G28"
LEAD = 0.25  # s before the first move, as a printer's
FREQUENCY = 16e6  # ticks/s unless told: that of most AVR boards

Taken = Callable[[int, Any, int], None]  # of motor n: its `struct step_run *`, and how many


class Offline:
    """Drives a planner of its own until close(). Runs go to `take`; with `steps` (mcu/steps.h) into a session.

    `sent` is told the print time up to which all is in that session.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        frequency: float = FREQUENCY,
        take: Taken | None = None,
        steps: Any = None,
        sent: Callable[[float], None] | None = None,
    ) -> None:
        self.planner = Planner(loaded, motors(loaded))
        arcs = arc_commands(loaded.one(GcodeArcsConfig), self)
        self.commands = Commands([MoveCommands(self, force_move=True), *arcs])
        enter_tools(self.commands, loaded, self)
        self.passed: set[str] = set()  # commands that were passed over: they move nothing that is known here
        self.take = take
        self.line = 0  # of the file, the last one read
        self.messages = 0  # that `steps` has sent
        self.frequency = frequency
        self._loaded, self._steps, self._sent = loaded, steps, sent
        self._made = self._until = self._rests = 0.0
        self._path = ""
        self._fast: Any = ffi.new("struct fast *")
        self._failed: Any = ffi.new("int *")
        self._steppers = list(self.planner.steppers.values())
        for number, stepper in enumerate(self._steppers):
            assert lib.stepper_set_clock(stepper, 0.0, 0, frequency) == 0
            if steps is not None:
                lib.steps_set_motion(steps, lib.steps_add_stepper(steps, number, 0), stepper)
        self.planner.set_start(LEAD)

    def stand_at(self, position: Place, axes: Sequence[int] = (0, 1, 2)) -> None:
        """The toolhead is at `position`, and these axes are homed."""
        carried_out(self.set_position(position))
        self.planner.know(sorted({*axes, *self.planner.known}))

    @property
    def where(self) -> str:
        """File and line of the last line read."""
        return f"{self._path}:{self.line}" if self._path else ""

    def run(self, path: str, progress: Callable[[int], None] | None = None) -> None:
        """Carry out a file. Raises GcodeError with the line, UsageError when it cannot be read.

        `progress` is told the bytes done.
        """
        self._path, self.line = path, 0
        done = 0
        for chunk in chunks(path):
            self._run_chunk(path, chunk)
            done += len(chunk)
            if progress is not None:
                progress(done)
        self.finish()

    def sums(self) -> list[dict[str, int]]:
        """What went through `steps`, for each motor."""
        found = ffi.new("struct steps_sum *")
        rows = []
        for number in range(len(self._steppers)):
            lib.steps_sum(self._steps, number, found)
            rows.append({"steps": int(found.steps), "queue_steps": int(found.runs)})
        return rows

    def finish(self) -> None:
        """Make the steps of all moves, to standstill."""
        self.planner.flush()
        self._advance(self.planner.settled)

    def close(self) -> None:
        """Give the memory back."""
        self.planner.close()

    @property
    def seconds(self) -> float:
        """Print time from the first move's beginning to the last one's end."""
        return max(0.0, self.planner.committed - LEAD)

    async def begin(self) -> None:
        """A move comes."""

    async def go_on(self) -> None:
        """A move came."""
        self._advance(None)

    async def drain(self) -> None:
        """All moves are done."""
        self.finish()
        self.planner.set_start(max(self._made, self._rests))

    async def dwell(self, seconds: float) -> None:
        """The next move begins that much later."""
        self.planner.flush()
        self._rests = max(self._rests, self.planner.committed) + seconds
        self.planner.set_start(max(self._rests, self._made))

    async def set_position(self, position: Place) -> None:
        """The toolhead is at `position` without moving."""
        self.finish()
        self.planner.set_position(self._made, position)
        self.planner.set_start(max(self._made, self._rests))

    def _run_chunk(self, path: str, chunk: bytes) -> None:
        text, at = ffi.from_buffer(chunk), 0
        base, fast = ffi.cast("const char *", text), self._fast
        while at < len(chunk):
            fast.lines = self.line
            at += lib.fast_run(fast, self.planner.moves, base + at, len(chunk) - at, self._made + AHEAD)
            self.line = fast.lines
            if fast.why == lib.FAST_REFUSED:
                raise refusal(self.planner, fast.refused, f"{path}:{self.line + 1}")
            if fast.why == lib.FAST_OTHER:
                at = self._run_line(path, chunk, at)
            self._advance(None)

    def _run_line(self, path: str, chunk: bytes, at: int) -> int:
        """A line that is not of the quick way; gives where the next one begins."""
        self.line += 1
        lib.lookahead_set_line(self.planner.lookahead, self.line)
        line, end = line_at(chunk, at, f"{path}:{self.line}")
        if line is not None:
            self._carry_out(line)
        return end

    def _carry_out(self, line: Line) -> None:
        if line.command == HOME:
            self._home(line)
        elif line.command in self.commands.by_name:
            carried_out(self.commands.run(line))
        else:
            self.passed.add(line.command)

    def _home(self, line: Line) -> None:
        """The toolhead is taken to stand at the endstops; nothing moves."""
        told = [axis for axis, letter in enumerate("XYZ") if letter in line.parameters]
        stops = endstops(self._loaded)
        axes = stops.with_axes(told or [0, 1, 2])
        now = self.planner.position
        place = [stops.position[axis] if axis in axes else now[axis] for axis in range(3)]
        self.stand_at((place[0], place[1], place[2]), axes)

    def _advance(self, end: float | None) -> None:
        """Make the steps of what is committed, in pieces; `end`: until then standstill is known to last."""
        committed = self.planner.committed
        if committed > LONGEST:
            raise GcodeError(
                f"motion up to here takes {committed:.3g} s",
                where=self.where,
                hint="look at F, and at G4's time",
            )
        known = committed - self.planner.delay if end is None else end
        while self._made + PIECE <= known or (end is not None and self._made < known):
            self._made = min(self._made + PIECE, known)
            self._until = max(self._until, min(known if end is not None else committed, self._made + AHEAD))
            self._generate()
            self.planner.expire(self._made - PIECE)

    def _generate(self) -> None:
        if self._steps is not None:
            assert lib.steps_generate(self._steps, self._until, self._made, self._failed) == 0
            sent = lib.steps_flush(self._steps, round(self._made * self.frequency))
            assert sent >= 0
            self.messages += sent
            if self._sent is not None:
                self._sent(self._made)
            return
        for number, stepper in enumerate(self._steppers):
            count = lib.stepper_generate(stepper, self._until, self._made)
            if count < 0:
                raise self._impossible(number)
            if self.take is not None:
                self.take(number, lib.stepper_runs(stepper), count)

    def _impossible(self, number: int) -> GcodeError:
        return GcodeError(
            f"{self.planner.motors[number].name} cannot follow: its position jumps, or is out of its reach",
            where=self.where,
            hint="this line or one not long before it; look at pressure advance, limits and kinematics",
        )
