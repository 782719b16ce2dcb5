"""A toolhead that takes no time: moves are planned and timed as on a printer, but few steps are made of them.

    a file's moves      planned; no steps. While the machine rests (heaters are at their targets) their time is skipped:

        print time of the planner = print time of the main MCU + skipped

    homing, probing     real steps. Before, print times are joined again, and motors are carried to where the moves went

Whatever waits (a heater, an endstop) waits for the real thing on its MCU. What a part gives an output during moves
comes earlier, by the MCU's clock, than the move that it belongs to.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.gcode.waits import Waits
from klipkit.machine.alone import Alone
from klipkit.machine.checkload import StepWatch
from klipkit.machine.kinematics import Place
from klipkit.machine.planner import Planner
from klipkit.machine.toolhead import (
    AHEAD,
    BUDGET,
    DUE,
    KEPT,
    LEAD,
    LEAST_WAIT,
    SHORT,
    Action,
    Drive,
    Stop,
    Toolhead,
)
from klipkit.mcu.mcu import Mcu
from klipkit.parts.schedule import Schedule

STRIDE = 20.0  # s of moves that a turn of a file commits while their time is passed over
WAIT = 0.5  # s that pass until it is looked again whether the machine rests


class Tally:
    """What a print is made of (machine/tally.h), as it is planned. Owned until close()."""

    def __init__(self, planner: Planner, bounds: Sequence[int], by_height: float, period: float) -> None:
        self._planner = planner
        lines = ffi.new("uint64_t[]", list(bounds) or [0])
        self.pointer: Any = lib.tally_new(lines, len(bounds), by_height, period)
        if self.pointer == ffi.NULL:
            raise MemoryError("no memory for a tally")
        self.skip()

    def take(self) -> None:
        """Take in the moves that were committed since; no others may be when another extruder becomes active."""
        planner = self._planner
        if planner.active != self._active:
            lib.tally_change(self.pointer, self._ends[planner.active])
        _check(lib.tally_take(self.pointer, planner.trapq, planner.filament_trapq))
        self._see()

    def skip(self) -> None:
        """Moves that were committed since are not counted."""
        lib.tally_skip(self.pointer, self._planner.trapq, self._planner.filament_trapq)
        self._see()

    def _see(self) -> None:
        filaments = self._planner.filaments
        self._active = self._planner.active
        self._ends = {name: int(lib.trapq_end(one.trapq)) for name, one in filaments.items()}

    def rest(self, line: int, until: float) -> None:
        """Nothing of this line moved until then."""
        _check(lib.tally_rest(self.pointer, line, until))

    def shift(self, by: float) -> None:
        """Print time goes on so many s later."""
        lib.tally_shift(self.pointer, by)

    def close(self) -> None:
        """Give the memory back."""
        lib.tally_free(self.pointer)
        self.pointer = ffi.NULL


def _check(result: int) -> None:
    if result < 0:
        raise AssertionError(f"the tally refused ({-result})")


class McuSchedule:
    """Print time as the main MCU has it, for parts that give outputs their values."""

    def __init__(self, toolhead: "QuickToolhead") -> None:
        self._toolhead = toolhead

    def now(self) -> float:
        """The print time now."""
        return self._toolhead.main.print_time()

    def after_moves(self, action: Action) -> None:
        """Call `action` when the moves so far end, at a time that the MCU has not passed."""
        toolhead = self._toolhead
        toolhead.after_moves(lambda time: action(max(time - toolhead.skipped, self.now() + LEAD)))

    async def drain(self) -> None:
        """Wait until all moves are done."""
        await self._toolhead.drain()


class QuickToolhead(Toolhead):
    """`rests` says whether the machine would stay as it is while time passes; `carried` is told that a motor's body is
    to be moved by so many steps that were not made. `saved`: s that were passed over, in all."""

    def __init__(
        self,
        planner: Planner,
        main: Mcu,
        drives: Sequence[Drive],
        failed: Callable[[KlipkitError], None],
        waits: Waits,
    ) -> None:
        super().__init__(planner, main, drives, failed, waits)
        self.skipped = self.saved = 0.0
        self.rests: Callable[[], bool] = bool
        self.carried: Callable[[str, int], None] = lambda name, steps: None
        self.tally: Tally | None = None
        self.watch: StepWatch | None = None
        self.line: Callable[[], int] = int  # of the file, that is being carried out
        self._is_real = False  # steps are made
        self._busy = 0.0  # print time of the MCU up to which steps were made
        self._is_apart = False  # moves have come of which no steps were made

    @property
    def schedule(self) -> Schedule:
        """What parts know of its time: the MCU's."""
        return McuSchedule(self)

    def now(self) -> float:
        """The print time now, by the planner."""
        return super().now() + self.skipped

    def horizon(self) -> float:
        """Further ahead while time is passed over."""
        return self.now() + (STRIDE if self._may_skip() else AHEAD + BUDGET)

    def push(self) -> None:
        """Moves may have come; what comes next finds no more of them ahead than on a printer."""
        super().push()
        more = self.planner.committed - self.now() - AHEAD - BUDGET
        if more > 0 and self._may_skip():
            self._skip(more)
            self._advance()

    async def room(self) -> None:
        """Wait while enough moves are queued."""
        while (more := self.planner.committed - self.now() - AHEAD) > 0:
            await self._pass(more)

    async def dwell(self, seconds: float) -> None:
        """The next move begins that much later than the last one ends."""
        if seconds < SHORT:
            await super().dwell(seconds)
            return
        await self._finish()
        end = max(self._rests, self.planner.committed) + seconds
        while (left := end - self.now() - LEAD) > 0:
            await self._pass(left)
        self._rest_until(end)

    async def drain(self) -> None:
        """Wait until all moves are done."""
        await self._finish()
        end = max(self._made, self._rests)
        while (left := end - self.now()) > 0:
            await self._pass(left)

    async def set_position(self, position: Place) -> None:
        """The toolhead is at `position` without moving; waits for standstill."""
        await self._join()
        await super().set_position(position)
        self._watch_anew()

    async def motors_off(self) -> None:
        """Wait for standstill and let go of all motors."""
        await self._join()
        await super().motors_off()

    async def enable(self, name: str, on: bool) -> None:
        """Switch one motor on or off, at standstill."""
        await self._join()
        await super().enable(name, on)

    async def drip(self, end: Place, velocity: float, accel: float, stop: Stop) -> None:
        """Move straight to `end` in real steps, until that is reached or `stop` is over."""
        await self._join()
        self._take()
        await super().drip(end, velocity, accel, stop)

    def halted(self, steps: Mapping[str, int], places: Mapping[str, float], position: Place) -> None:
        """A dripped move was stopped; the time that it took is that of its line."""
        super().halted(steps, places, position)
        self._busy = self._made
        self._watch_anew()
        if self.tally is not None:
            self.tally.skip()
            self.tally.rest(self.line(), self.now())

    async def move_alone(self, name: str, motion: Alone) -> None:
        """One motor makes a motion of its own, in real steps."""
        await self._join()
        self._is_real = True
        try:
            await super().move_alone(name, motion)
        finally:
            self._is_real = False
            self._busy = self._made
            self._watch_anew()

    async def drip_track(self, name: str, to: float, velocity: float, accel: float, stop: Stop) -> None:
        """A motor of no axis moves in real steps."""
        await self._join()
        await super().drip_track(name, to, velocity, accel, stop)

    async def place_track(self, name: str, position: float) -> None:
        """A motor of no axis is at a position without moving."""
        await self._join()
        await super().place_track(name, position)
        self._watch_anew()

    async def reshape(self, geometries: Mapping[str, Place], position: Place) -> None:
        """Motors that are linear follow other sums of the axes."""
        await self._join()
        await super().reshape(geometries, position)

    async def change(self, name: str, filament: str, distance: float, direction: int) -> None:
        """A motor follows an extruder's filament from now on."""
        await self._join()
        await super().change(name, filament, distance, direction)
        self._watch_anew()

    def rest(self, line: int) -> None:
        """A line is done: the time up to now is its, if nothing moves any more."""
        self._take()
        if self.tally is not None and not self.is_moving:
            self.tally.rest(line, self.now())

    def _may_skip(self) -> bool:
        """Whether time may be passed over: nothing depends on it, and the MCUs have made the steps that they have."""
        return not self._is_real and self.main.print_time() >= self._busy and self.rests()

    def _skip(self, seconds: float) -> None:
        self.skipped += seconds
        self.saved += seconds

    async def _pass(self, seconds: float) -> None:
        """Let so much time pass, or less."""
        if self._may_skip():
            self._skip(seconds)
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(max(LEAST_WAIT, min(seconds, WAIT)))

    async def _finish(self) -> None:
        """All moves are committed, to standstill, and there is nothing left to be made of them."""
        self.planner.flush()
        settled = self.planner.settled
        self._advance(settled)
        while self._made < settled:
            await self._pass(max(settled - DUE - self.now(), LEAST_WAIT))
            self._advance(settled)

    def _advance(self, end: float | None = None) -> None:
        """What is due is taken as made."""
        if self._is_real:
            super()._advance(end)
            return
        self._act()
        known = self.planner.committed - self.planner.delay if end is None else end
        due = min(known, self.now() + DUE)
        self._is_apart = self._is_apart or due > self._made
        self._made = self._until = max(self._made, due)
        self._take()
        self.planner.expire(min(self._made, self.now()) - KEPT)

    def _take(self) -> None:
        """What was planned up to now is added up, and its steps are looked at."""
        if self.tally is not None:
            self.tally.take()
        if self.watch is not None and not self._drips:
            try:
                self.watch.take(self._made)
            except ValueError as error:
                self._watch_anew()
                self._cannot_follow(str(error))

    def _watch_anew(self) -> None:
        if self.watch is not None:
            self.watch.begin(self._made)

    def _cannot_follow(self, motor: str) -> None:
        hint = "this line or one not long before it; look at pressure advance, limits and kinematics"
        raise GcodeError(f"{motor} cannot follow: its position jumps, or is out of its reach", hint=hint)

    async def _join(self) -> None:
        """At standstill print time becomes the MCU's again, and the motors are carried to where they should be."""
        await self.drain()
        if not self._is_apart and not self.skipped:
            return
        self._take()
        planner, position = self.planner, self.planner.position
        if self.tally is not None:
            self.tally.rest(self.line(), self.now())
            self.tally.shift(-self.skipped)
        self._rests = max(0.0, self._rests - self.skipped)
        self.skipped = 0.0
        when = self.now()
        planner.discard(
            when - (planner.settled - planner.committed)
        )  # as after a drain: all is settled by now
        self._made = self._until = self._mapped = when
        places = planner.coordinates(position)
        for motor, drive in zip(planner.motors, self.drives, strict=True):
            filament = planner.place_of_filament(motor.filament) if motor.moves_filament else 0.0
            turn = planner.turned(motor.name)[1]
            self._carry(drive, turn * filament if motor.moves_filament else places[motor.name], when)
        planner.stand(when, position)
        if self.tally is not None:
            self.tally.skip()
        self._is_apart = False
        self._watch_anew()

    def _carry(self, drive: Drive, place: float, when: float) -> None:
        """A motor stands at a coordinate, though it has not made the steps."""
        stepper = drive.stepper
        steps = stepper.commanded()
        self.carried(stepper.name, round((place - stepper.place_of(steps)) / stepper.step_distance))
        stepper.set_clock(when, stepper.mcu.mapping)
        stepper.halted(when, steps, place)
