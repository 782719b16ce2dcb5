"""The toolhead of a printer: makes the planner's moves happen, as steps of its motors on their MCUs.

    planner --> generate: steps of each stepper up to `made` --> flush: to the MCUs

    print time --+--------------+----------------------+-----------------+--------
                now        now + DUE               committed         waiting in the look-ahead

Steps are made and sent DUE ahead of the MCU's time, moves are committed up to AHEAD seconds before go_on() waits: a
host that stalls for less than DUE is not noticed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from klipkit.machine.geometry import Position
from klipkit.machine.planner import Planner
from klipkit.mcu.clocksync import ClockMapping, first_mapping, next_mapping
from klipkit.mcu.digital_out import DigitalOut
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.stepper import Stepper, StepQueue

AHEAD = 2.0  # s of moves that are committed at most
DUE = 0.7  # s of steps that are sent ahead
PIECE = 0.1  # s of motion for which steps are made at a time
FOLLOW = 1.0  # s of motion after which other MCUs' clocks are followed anew
SHORT = DUE / 2  # s: a dwell shorter than this is part of the motion, whose last steps are not waited for
LEAD = 0.25  # s from standstill to the first step


@dataclass(frozen=True, slots=True)
class Drive:
    """A stepper, by its motor's name in the planner, and its enable pin."""

    stepper: Stepper
    enable: DigitalOut | None = None


class Toolhead:
    """Drives a planner (borrowed). `main` is the MCU whose clock is print time."""

    def __init__(
        self, planner: Planner, main: Mcu, queues: Sequence[StepQueue], drives: Sequence[Drive]
    ) -> None:
        self.planner = planner
        self.main = main
        self.drives = drives
        self._queues = queues
        self._made = 0.0  # print time up to which steps were made
        self._until = 0.0  # print time up to which steps may have been made already
        self._mapped = 0.0  # print time at which the MCUs' clocks were last compared
        self._rests = 0.0  # print time up to which a dwell lasts
        for drive in drives:
            drive.stepper.attach(self._queue_of(drive.stepper), planner.steppers[drive.stepper.name])
            if drive.enable is not None:
                drive.enable.attach()

    @property
    def position(self) -> Position:
        """Where the last move ends, mm."""
        return self.planner.position

    async def set_position(self, position: Position) -> None:
        """The toolhead is at `position` without moving; waits for standstill."""
        await self.drain()
        self.planner.set_position(self._made, position)
        for drive in self.drives:
            drive.stepper.stands()

    async def begin(self) -> None:
        """A move comes: from standstill it begins a little ahead of now, with the motors on."""
        if self.planner.waiting or self.planner.committed > self._made:
            return
        start = max(self._made, self._rests, self.main.print_time() + LEAD)
        for drive in self.drives:
            if drive.enable is not None and not drive.enable.is_on:
                drive.enable.set(start - LEAD / 2, True)
        self._made = max(self._made, start)
        self.planner.set_start(self._made)
        now = self.main.pipe.now()
        self._map(self._made, lambda mcu: first_mapping(self.main.sync, mcu.sync, now))

    async def go_on(self) -> None:
        """A move came; waits while enough is queued."""
        while self.planner.committed - self.main.print_time() > AHEAD:
            self._advance()
            await asyncio.sleep(PIECE)
        self._advance()

    async def dwell(self, seconds: float) -> None:
        """The next move begins that much later than the last one ends."""
        if seconds < SHORT:
            self.planner.flush()
        else:
            await self._finish()
        self._rests = max(self._rests, self.planner.committed) + seconds
        self.planner.set_start(self._rests)
        if seconds < SHORT:
            await self.go_on()
        else:
            await asyncio.sleep(max(0.0, self._rests - self.main.print_time() - LEAD))

    async def drain(self) -> None:
        """Wait until all moves are done."""
        await self._finish()
        end = max(self._made, self._rests)
        await asyncio.sleep(max(0.0, end - self.main.print_time()))

    async def _finish(self) -> None:
        """Make and send all steps, to standstill."""
        self.planner.flush()
        settled = self.planner.settled
        self._advance(settled)
        while self._made < settled:
            await asyncio.sleep(PIECE / 2)
            self._advance(settled)

    def close(self) -> None:
        """Let go of the enable pins."""
        for drive in self.drives:
            if drive.enable is not None:
                drive.enable.close()

    def _advance(self, end: float | None = None) -> None:
        """Make and send the steps that are due, in pieces; `end` is where standstill is known to last to."""
        known = self.planner.committed - self.planner.delay if end is None else end
        due = min(known, self.main.print_time() + DUE)
        while self._made + PIECE <= due or (end is not None and self._made < due):
            self._made = min(self._made + PIECE, due) if end is not None else self._made + PIECE
            latest = self.planner.committed if end is None else end
            until = max(self._until, min(latest, self._made + FOLLOW + self.planner.delay))
            for queue in self._queues:
                queue.generate(until, self._made)
            self._until = until
            for queue in self._queues:
                queue.flush(self._made)
            if self._made - self._mapped >= FOLLOW:
                self._follow()
        self.planner.expire(self._made - PIECE)

    def _follow(self) -> None:
        boundary = self._until
        self._map(boundary, lambda mcu: next_mapping(self.main.sync, mcu.sync, mcu.mapping, boundary))

    def _map(self, boundary: float, mapping: Callable[[Mcu], ClockMapping]) -> None:
        """From the print time `boundary` on, up to which steps were made, other MCUs follow the main one anew."""
        self._mapped = self._made
        for mcu in {queue.mcu for queue in self._queues} - {self.main}:
            mcu.mapping = mapping(mcu)
            for drive in self.drives:
                if drive.stepper.mcu is mcu:
                    drive.stepper.set_clock(boundary, mcu.mapping)

    def _queue_of(self, stepper: Stepper) -> StepQueue:
        return next(queue for queue in self._queues if queue.mcu is stepper.mcu)
