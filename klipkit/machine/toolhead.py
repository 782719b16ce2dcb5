"""The toolhead: moves go through the look-ahead into the trapezoid queue, and from there as steps to the MCUs.

    move() --> look-ahead --> trapezoid queue --> generate: steps of each stepper up to `made` --> flush: to the MCUs
                                                                                   |
    print time --+--------------+----------------------+-----------------+--------'
                now        now + DUE               committed         waiting in the look-ahead

Steps are made and sent DUE ahead of the MCU's time, moves are committed up to AHEAD seconds before move() waits: a host
that stalls for less than DUE is not noticed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError
from klipkit.machine.config import PrinterConfig
from klipkit.mcu.clocksync import ClockMapping, first_mapping, next_mapping
from klipkit.mcu.digital_out import DigitalOut
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.stepper import Stepper, StepQueue

AHEAD = 2.0  # s of moves that are committed at most
DUE = 0.7  # s of steps that are sent ahead
PIECE = 0.1  # s of motion for which steps are made at a time
FOLLOW = 1.0  # s of motion after which other MCUs' clocks are followed anew
LEAD = 0.25  # s from standstill to the first step
SETTLE = 0.05  # s after the last step until the steps at its end are final too
AXES = 3

Position = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Drive:
    """A stepper with the coordinate that it drives, its axis for limits, and its enable pin."""

    stepper: Stepper
    coordinate: str
    enable: DigitalOut | None = None


class Toolhead:
    """Owns look-ahead and trapezoid queue. `main` is the MCU whose clock is print time."""

    def __init__(
        self, config: PrinterConfig, main: Mcu, queues: Sequence[StepQueue], drives: Sequence[Drive]
    ) -> None:
        self.main = main
        self.drives = drives
        self._queues = queues
        self._trapq: Any = ffi.gc(_made(lib.trapq_new()), lib.trapq_free)
        self._moves: Any = ffi.gc(_made(lib.lookahead_new(self._trapq)), lib.lookahead_free)
        self._made = 0.0  # print time up to which steps were made
        self._until = 0.0  # print time up to which steps may have been made already
        self._mapped = 0.0  # print time at which the MCUs' clocks were last compared
        limits = ffi.new("struct lookahead_limits *")
        limits.velocity, limits.accel = config.max_velocity, config.max_accel
        limits.square_corner_velocity = config.square_corner_velocity
        limits.minimum_cruise_ratio = config.minimum_cruise_ratio
        _check(lib.lookahead_set_limits(self._moves, limits))
        for drive in drives:
            drive.stepper.attach(self._queue_of(drive.stepper), self._trapq, drive.coordinate)
            if drive.enable is not None:
                drive.enable.attach()

    @property
    def position(self) -> Position:
        """Where the last move ends, mm."""
        position = ffi.new("double[3]")
        lib.lookahead_position(self._moves, position)
        return (position[0], position[1], position[2])

    async def set_position(self, position: Position) -> None:
        """The toolhead is at `position` without moving; waits for standstill."""
        await self.drain()
        place = ffi.new("double[3]", position)
        _check(lib.trapq_set_position(self._trapq, self._made, place))
        _check(lib.lookahead_set_position(self._moves, place))
        for drive in self.drives:
            drive.stepper.set_position(place)

    async def move(self, end: Position, velocity: float, accel: float) -> None:
        """A straight move, mm, mm/s, mm/s^2; waits while enough is queued."""
        if lib.lookahead_waiting(self._moves) == 0 and self._committed() <= self._made:
            await self._begin()
        _check(lib.lookahead_append(self._moves, ffi.new("double[3]", end), velocity, accel))
        while self._committed() - self.main.print_time() > AHEAD:
            self._advance()
            await asyncio.sleep(PIECE)
        self._advance()

    async def drain(self) -> None:
        """Wait until all moves are done."""
        _check(lib.lookahead_flush(self._moves))
        end = self._committed()
        self._advance(end + SETTLE)
        while self._made < end:
            await asyncio.sleep(PIECE / 2)
            self._advance(end + SETTLE)
        await asyncio.sleep(max(0.0, self._made - self.main.print_time()))

    def close(self) -> None:
        """Give the memory back."""
        for drive in self.drives:
            drive.stepper.close()
            if drive.enable is not None:
                drive.enable.close()

    async def _begin(self) -> None:
        """From standstill: begin a little ahead of now, with the motors on."""
        start = max(self._made, self.main.print_time() + LEAD)
        for drive in self.drives:
            if drive.enable is not None and not drive.enable.is_on:
                drive.enable.set(start - LEAD / 2, True)
        self._made = max(self._made, start)
        lib.lookahead_set_start(self._moves, self._made)
        now = self.main.pipe.now()
        self._map(self._made, lambda mcu: first_mapping(self.main.sync, mcu.sync, now))

    def _committed(self) -> float:
        return float(lib.lookahead_print_time(self._moves))

    def _advance(self, end: float | None = None) -> None:
        """Make and send the steps that are due, in pieces; `end` is where standstill is known to last to."""
        known = self._committed() if end is None else end
        due = min(known, self.main.print_time() + DUE)
        while self._made + PIECE <= due or (end is not None and self._made < due):
            self._made = min(self._made + PIECE, due) if end is not None else self._made + PIECE
            until = max(self._until, min(known, self._made + FOLLOW))
            for drive in self.drives:
                drive.stepper.generate(until, self._made)
            self._until = until
            for queue in self._queues:
                queue.flush(self._made)
            if self._made - self._mapped >= FOLLOW:
                self._follow()
        lib.trapq_expire(self._trapq, self._made - PIECE)

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


def _made(pointer: Any) -> Any:
    if pointer == ffi.NULL:
        raise MemoryError("no memory for motion")
    return pointer


def _check(result: int) -> None:
    if result < 0:
        raise DeviceError(f"a move cannot be planned ({-result})", where="motion")
