"""A stepper motor on an MCU: its steps from motion's runs into the MCU's queue."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError
from klipkit.base.pin import Pin
from klipkit.mcu.clocksync import ClockMapping
from klipkit.mcu.mcu import Mcu

BOTH_EDGES_PULSE = 500e-9  # s: a driver that takes pulses this short is a TMC, and steps on both edges
SENT_MOST = 5000  # runs that are read from the history at a time
HISTORY = 30.0  # s of steps that are remembered


@dataclass(frozen=True, slots=True)
class SentRun:
    """A run of steps as it was sent to the MCU; `count` is less than 0 for steps backward."""

    first: int  # clock of its first step
    last: int  # of its last
    interval: int  # ticks
    count: int
    add: int  # ticks a step
    before: int  # the whole step before its first one


class StepQueue:
    """The step side of an MCU (mcu/steps.h); made once the MCU is configured and its ids are known."""

    def __init__(self, mcu: Mcu) -> None:
        self.mcu = mcu
        self.names: list[str] = []  # of the steppers, by their number
        names = ("queue_step", "set_next_step_dir", "reset_step_clock")
        ids = ffi.new("struct steps_ids *", {name: mcu.dictionary.command(name).id for name in names})
        slots = max(0, mcu.move_slots - mcu.reserved_slots)
        history = round(HISTORY * mcu.frequency)
        self.pointer: Any = lib.steps_new(mcu.pipe.session, mcu.talk.add_queue(), ids, slots, history)
        if self.pointer == ffi.NULL:
            raise DeviceError(
                f"its move queue of {mcu.move_slots} has no room for steps", where=f"MCU '{mcu.name}'"
            )

    def generate(self, until: float, due: float) -> None:
        """Make all steps due up to a print time, and what of those until `until` is final."""
        failed = ffi.new("int *")
        result = int(lib.steps_generate(self.pointer, until, due, failed))
        _check(result, self.names[failed[0]] if result < 0 else "", "its steps cannot be computed")

    def flush(self, print_time: float) -> int:
        """Send what is due before a print time; gives the number of messages."""
        clock = max(0, round(self.mcu.mapping.clock(print_time)))
        sent = int(lib.steps_flush(self.pointer, clock))
        _check(sent, self.mcu.name, "steps cannot be queued")
        self.mcu.pipe.wake()
        return sent

    def close(self) -> None:
        """Give the memory back."""
        lib.steps_free(self.pointer)
        self.pointer = ffi.NULL


class Stepper:
    """One motor. Made while the MCU is being configured; `attach` connects it to its MCU's step queue afterwards."""

    def __init__(
        self, mcu: Mcu, name: str, step_pin: Pin, dir_pin: Pin, pulse: float, step_distance: float
    ) -> None:
        self.mcu = mcu
        self.name = name
        self.step_distance = step_distance
        self.oid = mcu.allocate_oid()
        self.dir_inverted = dir_pin.invert
        both = steps_on_both_edges(mcu.dictionary.constants, pulse)
        self.both_edges = both
        invert = -1 if both else int(step_pin.invert)
        ticks = max(1, round(pulse * mcu.frequency))
        mcu.configuration.add(
            f"config_stepper oid={self.oid} step_pin={step_pin.name} dir_pin={dir_pin.name} "
            f"invert_step={invert} step_pulse_ticks={ticks}"
        )
        mcu.configuration.restart.append(f"reset_step_clock oid={self.oid} clock=0")
        self._motion: Any = ffi.NULL
        self._queue: StepQueue | None = None
        self._number = 0  # in the queue
        self._millimetres, self._steps = 0.0, 0  # a place and the steps given when it was there

    def attach(self, queue: StepQueue, motion: Any) -> None:
        """Follow a stepper of motion (motion/stepper.h; borrowed) from now on. Raises DeviceError."""
        self._motion = motion
        number = int(lib.steps_add_stepper(queue.pointer, self.oid, self.dir_inverted))
        _check(number, self.name, "no memory")
        queue.names.append(self.name)
        self._queue, self._number = queue, number
        lib.steps_set_motion(queue.pointer, number, motion)
        self.set_clock(0.0, self.mcu.mapping)

    def set_clock(self, print_time: float, mapping: ClockMapping) -> None:
        """The MCU's clock from a flush boundary on."""
        clock = round(mapping.clock(print_time))
        if clock < 0:
            print_time, clock = mapping.print_time(0.0), 0
        _check(lib.stepper_set_clock(self._motion, print_time, clock, mapping.frequency), self.name, "clock")

    def stands_at(self, steps: int) -> None:
        """Its MCU has it at the whole step `steps`, whatever the coordinate."""
        assert self._queue is not None
        place = float(lib.stepper_place(self._motion))
        _check(lib.stepper_set_position(self._motion, place, steps), self.name, "position")
        lib.steps_discard(self._queue.pointer, self._number, steps)
        self._millimetres, self._steps = place, steps

    def stands_at_place(self, place: float) -> None:
        """It stands still at a coordinate, mm."""
        _check(lib.stepper_set_position(self._motion, place, self.commanded()), self.name, "position")
        self.stands()

    def stands(self) -> None:
        """It stands still, and where was set anew in its motion."""
        self._millimetres, self._steps = float(lib.stepper_place(self._motion)), self.commanded()

    def halted(self, print_time: float, steps: int, place: float) -> None:
        """Its MCU has stopped it at the whole step `steps`, which is the coordinate `place`, mm.

        What it was still to do is forgotten; the next step comes after `print_time`.
        """
        assert self._queue is not None
        clock = max(0, round(self.mcu.mapping.clock(print_time)))
        queue = self._queue.pointer
        lib.stepper_discard(self._motion, clock)
        lib.steps_discard(queue, self._number, steps)
        _check(lib.stepper_set_position(self._motion, place, steps), self.name, "position")
        lib.stepper_set_last_clock(self._motion, clock)
        _check(lib.steps_reset_clock(queue, self._number, clock), self.name, "clock")
        self._millimetres, self._steps = place, steps

    def follow(self, motion: Any, print_time: float, steps: int, place: float) -> None:
        """Its steps come from another stepper of motion (borrowed) from a print time on.

        It rests at the whole step `steps`, which is the coordinate `place` there, mm.
        """
        assert self._queue is not None
        self._motion = motion
        lib.steps_set_motion(self._queue.pointer, self._number, motion)
        self.set_clock(print_time, self.mcu.mapping)
        self.halted(print_time, steps, place)

    def steps_at(self, print_time: float) -> int:
        """The whole step at which it was then, by what was sent. Raises DeviceError when that is too long ago."""
        assert self._queue is not None
        position = ffi.new("int64_t *")
        clock = max(0, round(self.mcu.mapping.clock(print_time)))
        result = int(lib.steps_position_at(self._queue.pointer, self._number, clock, position))
        _check(result, self.name, "its position then is not known any more")
        return int(position[0])

    def sent(self, clock: int) -> list["SentRun"]:
        """The runs of steps that were sent, of those still known, and that end after a clock; the oldest first."""
        assert self._queue is not None
        runs, before = ffi.new("struct step_run[]", SENT_MOST), ffi.new("int64_t[]", SENT_MOST)
        count = int(lib.steps_history(self._queue.pointer, self._number, clock, runs, before, SENT_MOST))
        return [_sent(runs[number], before[number]) for number in range(count)]

    def place_of(self, steps: float) -> float:
        """The coordinate of a step, mm."""
        return self._millimetres + (steps - self._steps) * self.step_distance

    def commanded(self) -> int:
        """Steps given so far, in the direction of the position."""
        return int(lib.stepper_position(self._motion))

    def given(self) -> int:
        """Steps that its MCU is to make or has made, whatever their direction, since it was attached."""
        assert self._queue is not None
        sum_of = ffi.new("struct steps_sum *")
        lib.steps_sum(self._queue.pointer, self._number, sum_of)
        return int(sum_of.steps)

    def position(self) -> float:
        """Where the steps given so far lead to, mm: the whole step at which the stepper stands."""
        return self.place_of(self.commanded())

    async def counted(self) -> int:
        """Steps that the MCU has made, in the direction of the position."""
        heard = await self.mcu.talk.query(
            f"stepper_get_position oid={self.oid}", "stepper_position", self.oid
        )
        made = heard.message.number("pos")
        return -made if self.dir_inverted else made


def _sent(run: Any, before: int) -> SentRun:
    last = int(lib.step_run_last(ffi.addressof(run)))
    return SentRun(run.first, last, run.interval, run.count * run.direction, run.add, before)


def steps_on_both_edges(constants: Mapping[str, int | str], pulse: float) -> bool:
    """Whether a firmware with these constants is to step on each edge of the step pin, for a pulse of so many s.

    Firmware that has a fast way to end a pulse (STEPPER_OPTIMIZED_UNSTEP, on AVR) is slower with both edges.
    """
    able = constants.get("STEPPER_STEP_BOTH_EDGE") == 1 and "STEPPER_OPTIMIZED_UNSTEP" not in constants
    return able and pulse <= BOTH_EDGES_PULSE


def _check(result: int, where: str, what: str) -> None:
    if result < 0:
        raise DeviceError(f"{what}: {os.strerror(-result)}", where=where)
