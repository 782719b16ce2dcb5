"""The toolhead of a printer: makes the planner's moves happen, as steps of its motors on their MCUs.

    planner --> generate: steps of each stepper up to `made` --> flush: to the MCUs

    print time --+--------------+----------------------+-----------------+--------
                now        now + DUE               committed         waiting in the look-ahead

Steps are made and sent DUE ahead of the MCU's time, moves are committed up to AHEAD seconds before go_on() waits: a
host that stalls for less than DUE is not noticed. A task makes the steps go on, and brings what waits to standstill
when nothing more comes in time. Homing drips its moves instead (drip).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError
from klipkit.base.tasks import carried_through
from klipkit.gcode.waits import Waits
from klipkit.machine.alone import Alone
from klipkit.machine.kinematics import Place
from klipkit.machine.planner import Planner
from klipkit.mcu.clocksync import ClockMapping, first_mapping, next_mapping
from klipkit.mcu.digital_out import DigitalOut, WiredOut
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.scheduled import SPACING as SHORTEST
from klipkit.mcu.stepper import Stepper, StepQueue
from klipkit.parts.schedule import Schedule

AHEAD = 2.0  # s of moves that are committed at most
BUDGET = 0.5  # s of moves that a turn of a file commits at most, and a little
DUE = 0.7  # s of steps that are sent ahead
LOW = 0.5  # s of committed moves left at which those that wait are brought to standstill
PIECE = 0.1  # s of motion for which steps are made at a time
FOLLOW = 1.0  # s of motion after which other MCUs' clocks are followed anew
SHORT = DUE / 2  # s: a dwell shorter than this is part of the motion, whose last steps are not waited for
LEAD = 0.25  # s from standstill to the first step
WAKE = 0.02  # s for which a motor is on before its first step
SPACING = (
    SHORTEST + WAKE + 0.01
)  # s from a change of an enable pin to the next step: it may have to change once more
LEAST_WAIT = 0.0001  # s: less than the clock's resolution would not let time pass
DRIP_PIECE = 0.02  # s between looks at a dripped move
KEPT = 1.0  # s of motion that are past and still known
MARKS = 64  # that are taken at a time

Action = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Drive:
    """A stepper, by its motor's name in the planner, and what switches it on: a pin, or its driver by wire."""

    stepper: Stepper
    enable: DigitalOut | WiredOut | None = None
    microsteps: int = 1  # of a full step


class Stop(Protocol):
    """What may stop a dripped move: endstops. `ahead`: s by which steps may be sent ahead at most."""

    ahead: float

    async def begin(self, print_time: float) -> None:
        """The move begins then."""

    def ends(self, print_time: float) -> None:
        """The move ends then, if nothing stops it."""

    def is_over(self) -> bool:
        """Whether the move need not go on."""

    async def wait(self, seconds: float) -> None:
        """Wait until is_over() may have changed, so many seconds at most."""


class Toolhead:
    """Drives a planner (borrowed). `main` is the MCU whose clock is print time; `failed` is told what ends the task."""

    def __init__(
        self,
        planner: Planner,
        main: Mcu,
        drives: Sequence[Drive],
        failed: Callable[[KlipkitError], None],
        waits: Waits,
    ) -> None:
        self.planner = planner
        self.main = main
        self.drives = tuple(drives)
        self.stalls = 0  # times that moves were brought to standstill because no more had come
        self.least_lead = (
            DUE  # s: the least time by which steps of a move that goes on were made before they were due
        )
        self._failed = failed
        self._waits = waits
        self._queues: Sequence[StepQueue] = ()
        self._made = 0.0  # print time up to which steps were made
        self._until = 0.0  # print time up to which steps may have been made already
        self._mapped = 0.0  # print time at which the MCUs' clocks were last compared
        self._rests = 0.0  # print time up to which a dwell lasts
        self._drips = False
        self._actions: deque[Action] = deque()  # that wait for the end of moves, one for each mark
        self._times = ffi.new(f"double[{MARKS}]")
        self._task: asyncio.Task[None] | None = None
        self._stirs = asyncio.Event()  # set when a move may come; an idle printer takes no processor time

    async def attach(self, queues: Sequence[StepQueue]) -> None:
        """The MCUs are configured: steps may be sent. The motors are at the whole steps that their MCUs say."""
        self._queues = queues
        for enable in {id(drive.enable): drive.enable for drive in self.drives}.values():
            if enable is not None:
                enable.attach()
        for drive in self.drives:
            stepper = drive.stepper
            stepper.attach(self._queue_of(stepper), self.planner.steppers[stepper.name])
            stepper.stands_at(await stepper.counted())
        self._task = asyncio.get_running_loop().create_task(self._tend())

    @property
    def position(self) -> Place:
        """Where the last move ends, mm."""
        return self.planner.position

    @property
    def is_moving(self) -> bool:
        """Whether moves are to be made."""
        return self.planner.waiting or self.planner.committed > self.now()

    @property
    def is_on(self) -> bool:
        """Whether a motor is enabled."""
        return self.are_on(())

    def are_on(self, names: Sequence[str]) -> bool:
        """Whether one of these motors is enabled; of all motors when none is named."""
        drives = [drive for drive in self.drives if not names or drive.stepper.name in names]
        return any(drive.enable is not None and drive.enable.is_on for drive in drives)

    def now(self) -> float:
        """The print time now."""
        return self.main.print_time()

    @property
    def schedule(self) -> Schedule:
        """What parts know of its time."""
        return self

    def drive(self, name: str) -> Drive:
        """The drive of a motor."""
        return next(drive for drive in self.drives if drive.stepper.name == name)

    async def set_position(self, position: Place) -> None:
        """The toolhead is at `position` without moving; waits for standstill."""
        await self.drain()
        self.planner.set_position(self._made, position)
        filament = [motor.name for motor in self.planner.motors if motor.moves_filament]
        for drive in self.drives:
            if drive.stepper.name not in filament:  # whose place goes on
                drive.stepper.stands()

    async def begin(self) -> None:
        """A move may come: from standstill it begins a little ahead of now."""
        if self.planner.waiting or self.planner.committed > self._made:
            return
        for enable in {id(drive.enable): drive.enable for drive in self.drives}.values():
            if enable is not None and not enable.is_on:
                await enable.prepare()
        self._made = max(self._made, self._rests, self.now() + LEAD)
        self._stirs.set()
        self.planner.set_start(self._made)
        now = self.main.pipe.now()
        self._map(self._made, lambda mcu: first_mapping(self.main.sync, mcu.sync, now))

    async def go_on(self) -> None:
        """A move may have come; waits while enough is queued."""
        self.push()
        await self.room()

    def push(self) -> None:
        """Moves may have come."""
        self._advance()

    def horizon(self) -> float:
        """The print time up to which a file may commit moves in its turn now."""
        return self.now() + AHEAD + BUDGET

    async def room(self) -> None:
        """Wait while enough moves are queued."""
        while (more := self.planner.committed - self.now() - AHEAD) > 0:
            await asyncio.sleep(max(LEAST_WAIT, more))

    async def dwell(self, seconds: float) -> None:
        """The next move begins so much later than the last one ends; a long dwell may be cut short. Raises GivenUp."""
        if seconds < SHORT:
            self.planner.flush()
            self._rest_until(max(self._rests, self.planner.committed) + seconds)
            await self.go_on()
            return
        await self._finish()
        end = max(self._rests, self.planner.committed) + seconds
        if not await self._waits.sleep(end - self.now() - LEAD):
            self._rest_until(end)

    def _rest_until(self, print_time: float) -> None:
        self._rests = print_time
        self.planner.set_start(print_time)

    async def drain(self) -> None:
        """Wait until all moves are done."""
        await self._finish()
        end = max(self._made, self._rests)
        await asyncio.sleep(max(0.0, end - self.now()))

    def after_moves(self, action: Action) -> None:
        """Call `action` with the print time at which the moves given so far end, once that is known."""
        marked = int(lib.lookahead_mark(self.planner.lookahead))
        if marked < 0:
            raise MemoryError("no memory for a mark")
        if marked:
            self._actions.append(action)
            return
        self._act()
        action(max(self.planner.committed, self._rests, self.now() + LEAD))

    async def motors_off(self) -> None:
        """Wait for standstill and let go of all motors; no position is known then."""
        await self.drain()
        when = max(self._made, self.now() + LEAD)
        for drive in self.drives:
            if drive.enable is not None and drive.enable.is_on:
                drive.enable.set(when, False)
        self._made = when + SPACING
        self.planner.know(())

    async def enable(self, name: str, on: bool) -> None:
        """Switch one motor on or off, at standstill. Nothing happens when it has no enable pin."""
        await self.drain()
        enable = self.drive(name).enable
        if enable is not None and enable.is_on != on:
            if on:
                await enable.prepare()
            when = max(self._made, self.now() + LEAD)
            enable.set(when, on)
            self._made = when + SPACING

    async def drip(self, end: Place, velocity: float, accel: float, stop: Stop) -> None:
        """Move straight to `end`, whatever the bounds, from standstill, until that is reached or `stop` is over.

        Steps are sent no further ahead than `stop` allows. Whatever comes of it, the caller says so by `halted`: until
        then no more steps are made.
        """
        await self.drain()
        self._drips = True
        await self.begin()
        start = self._made
        self.planner.append(end, velocity, accel)
        await stop.begin(start)
        self.planner.flush()
        stop.ends(self.planner.committed)
        await self._drip_until(self.planner.settled, stop)

    def halted(self, steps: Mapping[str, int], places: Mapping[str, float], position: Place) -> None:
        """A dripped move was stopped: what it was still to do is forgotten, and the toolhead is at `position`.

        The motors stand at these whole steps, which are these coordinates, mm; those that are not named go on from
        where they stand.
        """
        when = max(self._made, self.now()) + PIECE
        self.planner.discard(when)
        self._made = self._until = when
        for drive in self.drives:
            stepper = drive.stepper
            at = steps.get(stepper.name, stepper.commanded())
            stepper.halted(when, at, places.get(stepper.name, stepper.place_of(at)))
        self.planner.stand(when, position)
        self._drips = False

    async def move_alone(self, name: str, motion: Alone) -> None:
        """One motor makes a motion of its own, from standstill; the toolhead is taken to be where it was before."""
        await self.drain()
        await self.begin()
        stepper = self.drive(name).stepper
        place = stepper.position()
        stepper.follow(motion.stepper, self._made, stepper.commanded(), 0.0)
        end = motion.lay(self._made)
        try:
            while self._made < end:
                self._advance(end)
                await asyncio.sleep(PIECE / 2)
        finally:
            await carried_through(self._return(stepper, place))

    async def move_track(self, name: str, to: float, velocity: float, accel: float, *, waits: bool) -> None:
        """A motor of no axis moves to a position of its own, from standstill of all; other moves wait for its end."""
        await self.drain()
        await self.begin()
        self.planner.tracks[name].lay(self._made, to, velocity, accel)
        if waits:
            await self.drain()

    async def drip_track(self, name: str, to: float, velocity: float, accel: float, stop: Stop) -> None:
        """The same until it is there or `stop` is over; as of `drip`, the caller says by `halted` what came of it."""
        await self.drain()
        self._drips = True
        await self.begin()
        start = self._made
        end = self.planner.tracks[name].lay(start, to, velocity, accel)
        await stop.begin(start)
        stop.ends(end)
        await self._drip_until(self.planner.settled, stop)

    async def place_track(self, name: str, position: float) -> None:
        """A motor of no axis is at a position without moving; waits for standstill."""
        await self.drain()
        self.planner.tracks[name].stand(self._made, position)
        self.drive(name).stepper.stands_at_place(position)

    async def reshape(self, geometries: Mapping[str, Place], position: Place) -> None:
        """Motors that are linear follow other sums of the axes, and the toolhead is at `position`; from standstill."""
        await self.drain()
        self.planner.reshape(geometries)
        await self.set_position(position)

    async def change(self, name: str, filament: str, distance: float, direction: int) -> None:
        """A motor follows an extruder's filament ("": nothing) from now on, by so many mm a step; from standstill."""
        await self.drain()
        await self.begin()
        stepper, old = self.drive(name).stepper, self.planner.steppers[name]
        motion, place = self.planner.change(name, filament, distance, direction)
        stepper.step_distance = distance
        stepper.follow(motion, self._made, stepper.commanded(), place)
        lib.stepper_free(old)

    async def _return(self, stepper: Stepper, place: float) -> None:
        """A motor that moved alone is the planner's again; where it has come to is the coordinate `place` now."""
        await asyncio.sleep(max(0.0, self._until - self.now()))  # a run that was sent may go on so long
        steps = await stepper.counted()
        self._made = self._until = max(self._made, self.now()) + PIECE
        self._rests = max(self._rests, self._made)
        stepper.follow(self.planner.steppers[stepper.name], self._made, steps, place)

    async def close(self) -> None:
        """Let go of the task and the enable pins."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for drive in self.drives:
            if drive.enable is not None:
                drive.enable.close()

    async def _tend(self) -> None:
        """Make steps as their time comes, and bring moves to standstill when nothing follows them in time."""
        try:
            while True:
                await self._stirs.wait()
                await asyncio.sleep(PIECE)
                if not self._drips:
                    self._keep_going()
                    if not self.planner.waiting and self.planner.settled <= self._made:
                        self._stirs.clear()
        except KlipkitError as error:
            self._failed(error)

    def _keep_going(self) -> None:
        left = self.planner.committed - self.now()
        if left < LOW and self.planner.waiting:
            self.stalls += 1
            self.planner.flush()
        if left < LOW and not self.planner.waiting:
            self._advance(self.planner.settled)
        else:
            self._advance()

    async def _finish(self) -> None:
        """Make and send all steps, to standstill."""
        self.planner.flush()
        settled = self.planner.settled
        self._advance(settled)
        while self._made < settled:
            await asyncio.sleep(PIECE / 2)
            self._advance(settled)

    async def _drip_until(self, end: float, stop: Stop) -> None:
        while self._made < end and not stop.is_over():
            made = min(end, max(self._made, self.now() + stop.ahead))
            self._generate(made, min(end, made + DRIP_PIECE))
            await stop.wait(DRIP_PIECE)
        while not stop.is_over() and self.now() < end:
            await stop.wait(max(LEAST_WAIT, end - self.now()))

    def _advance(self, end: float | None = None) -> None:
        """Make and send the steps that are due, in pieces; `end` is where standstill is known to last to."""
        self._act()
        known = self.planner.committed - self.planner.delay if end is None else end
        now = self.now()
        if self.planner.committed > self._made:
            self.least_lead = min(self.least_lead, self._made - now)
        due = min(known, now + DUE)
        while self._made + PIECE <= due or (end is not None and self._made < due):
            made = min(self._made + PIECE, due) if end is not None else self._made + PIECE
            latest = self.planner.committed if end is None else end
            self._generate(made, max(self._until, min(latest, made + FOLLOW + self.planner.delay)))
            if self._made - self._mapped >= FOLLOW:
                self._follow()
        self.planner.expire(min(self._made, now) - KEPT)

    def _generate(self, made: float, until: float) -> None:
        """Make and send the steps up to `made`, and those of the motion until `until` that is final.

        A motor that is off is switched on before its first step.
        """
        begun, self._made = self._made, made
        off = [(drive, drive.stepper.given()) for drive in self.drives if _is_off(drive)]
        for queue in self._queues:
            queue.generate(until, made)
        self._until = until
        for drive, given in off:
            if drive.stepper.given() != given and drive.enable is not None:
                drive.enable.set(begun - WAKE, True)
        for queue in self._queues:
            queue.flush(self._made)

    def _act(self) -> None:
        """What waits for the end of moves that are committed now gets its time."""
        while self._actions and (
            count := int(lib.lookahead_take_marks(self.planner.lookahead, self._times, MARKS))
        ):
            for number in range(count):
                self._actions.popleft()(self._times[number])

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


def _is_off(drive: Drive) -> bool:
    return drive.enable is not None and not drive.enable.is_on
