"""What a stepper's pins must do, from the wire's definition of a run of steps; random runs; their commands as bytes.

Nothing here is taken from the firmware: a run is `count` steps, step n (1 .. count) at

    t(n) = T0 + interval n + add n (n - 1) / 2          T0: the clock of the step before the run

(klipkit/motion/run.h). The output changes level at a step; unless it is a both-edge stepper, back again a pulse later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Clocks = NDArray[np.int64]
Bytes = NDArray[np.uint8]

INTERVAL_MOST = 2**32 - 1
GAP = 2**28  # ticks
FRAME_COMMANDS = 3  # queue_step and, before it, set_next_step_dir: 16 bytes at most, and a payload holds 59


@dataclass(frozen=True)
class Stepper:
    """How a stepper is configured."""

    step_pin: int
    dir_pin: int
    invert: int  # 0 pulses up, 1 down, -1 a step on each edge
    pulse: int  # ticks
    least: int  # ticks: the shortest interval that it is given

    def config(self, oid: int) -> str:
        pins = f"step_pin={self.step_pin} dir_pin={self.dir_pin}"
        invert = self.invert % 256
        return f"config_stepper oid={oid} {pins} invert_step={invert} step_pulse_ticks={self.pulse}"


@dataclass(frozen=True)
class Runs:
    """Runs of one stepper, in order."""

    interval: Clocks
    count: Clocks
    add: Clocks
    direction: Clocks

    def __len__(self) -> int:
        return len(self.count)

    def starts(self, begin: int) -> Clocks:
        """T0 of each run; the first one's is `begin`."""
        lasts: Clocks = self.interval * self.count + self.add * (self.count * (self.count - 1) // 2)
        starts: Clocks = begin + np.cumsum(lasts) - lasts
        return starts

    def steps(self, begin: int) -> Clocks:
        """The clock of each step."""
        number = np.arange(self.count.sum()) - np.repeat(np.cumsum(self.count) - self.count, self.count) + 1
        each = [np.repeat(column, self.count) for column in (self.starts(begin), self.interval, self.add)]
        steps: Clocks = each[0] + each[1] * number + each[2] * (number * (number - 1) // 2)
        return steps

    def directions(self) -> Clocks:
        """The level of the direction pin at each step."""
        return np.repeat(self.direction, self.count)


# Shares of runs, and the most steps of each such run.
SHORT = ((1, 3), (0.25, 12), (0.05, 60), (0.001, 1500))
MIXED = ((1, 3), (0.5, 60), (0.02, 400))


def random_runs(
    source: np.random.Generator,
    number: int,
    least: int,
    typical: int,
    counts: Sequence[tuple[float, int]] = SHORT,
) -> Runs:
    """Runs whose intervals stay above `least` ticks, mostly about `typical`, some after a pause."""
    count = np.ones(number, np.int64)
    for share, most in counts:
        count = np.where(source.random(number) < share, source.integers(1, most + 1, number), count)
    spread = source.exponential(source.choice([typical / 8, typical, 4 * typical], number))
    interval = least + spread.astype(np.int64)
    pause = source.random(number) < 0.001
    interval = np.where(pause, source.integers(2**18, 2**22, number), interval)
    lowest = np.maximum(-((interval - least) // np.maximum(count - 1, 1)), -32768)
    highest = np.minimum(8 * typical // count, 32767)
    add = source.integers(lowest, highest + 1)
    add = np.where(source.random(number) < 0.3, 0, np.where(source.random(number) < 0.3, add // 64, add))
    direction = np.cumsum(source.random(number) < 0.3) % 2
    return Runs(interval, count, add, direction)


def with_long_gaps(source: np.random.Generator, runs: Runs, number: int) -> Runs:
    """The same with `number` steps on their own, each after a gap of up to 2^32 - 1 ticks."""
    interval, count, add = runs.interval.copy(), runs.count.copy(), runs.add.copy()
    places = source.choice(len(runs), number, replace=False)
    interval[places] = source.integers(3 * 2**28, INTERVAL_MOST + 1, number)
    interval[places[0]] = INTERVAL_MOST
    count[places], add[places] = 1, 0
    return Runs(interval, count, add, runs.direction)


# --- what is asked of the pins ---


def check_direction(stepper: Stepper, steps: Clocks, runs: Runs, turns: Clocks, levels: Clocks) -> None:
    """The direction has each run's level at its steps, and is kept for a pulse before and after each step.

    `steps` are the clocks at which the steps were made, `turns` and `levels` the edges of the direction pin.
    """
    at = np.concatenate([[0], levels])[np.searchsorted(turns, steps)]
    assert np.array_equal(at, runs.directions()[: len(steps)])
    assert len(turns) == np.count_nonzero(np.diff(at, prepend=0)), "turns that no step needs"
    behind = np.searchsorted(steps, turns)
    before = np.concatenate([[-(2**62)], steps])[behind]
    after = np.concatenate([steps, [2**62]])[behind]
    assert (turns - before).min(initial=2**62) >= stepper.pulse
    assert (after - turns).min(initial=2**62) >= stepper.pulse


# --- commands as bytes ---


def vlq(values: Clocks) -> tuple[Bytes, NDArray[np.bool_]]:
    """Each number as five bytes, and which of them are sent: the shortest encoding."""
    shifts = np.array([28, 21, 14, 7, 0])
    low = -(np.int64(1) << np.maximum(shifts - 2, 0))
    needed = (values[:, None] < low) | (values[:, None] >= -3 * low)
    used = np.concatenate([needed[:, :4], np.ones((len(values), 1), bool)], axis=1)
    used = np.logical_or.accumulate(used, axis=1)
    groups = (values[:, None] >> shifts & 0x7F).astype(np.uint8)
    groups[:, :4] |= 0x80
    return groups, used


@dataclass(frozen=True)
class Commands:
    """The commands of several steppers in the order in which they are sent, two for each run that turns."""

    bytes: Bytes
    lengths: Clocks
    due: Clocks  # of each: the clock of the run's first step

    def frames(self, lead: int) -> tuple[Clocks, Clocks]:
        """Clock and length of payloads of a few commands each, sent `lead` ticks before the first one's first step.

        A gap ends a payload: what is behind it may be too far ahead for a clock of 32 bits.
        """
        index = np.arange(len(self.lengths))
        first = np.diff(self.due, prepend=self.due[0] - 2 * GAP) > GAP
        in_piece = index - np.maximum.accumulate(np.where(first, index, 0))
        places = np.flatnonzero(in_piece % FRAME_COMMANDS == 0)
        return self.due[places] - lead, np.add.reduceat(self.lengths, places)


def commands(ids: dict[str, int], runs: Sequence[Runs], begin: int) -> Commands:
    """Set-next-dir and queue-step commands, by the clocks of the runs' first steps; `ids` are below 96."""
    rows, masks, dues = [], [], []
    for oid, one in enumerate(runs):
        number = len(one)
        turns = np.diff(one.direction, prepend=0) != 0
        fixed = np.empty((number, 5), np.uint8)
        fixed[:, :] = (ids["set_next_step_dir"], oid, 0, ids["queue_step"], oid)
        fixed[:, 2] = one.direction
        used = np.ones((number, 5), bool)
        used[:, :3] = turns[:, None]
        numbers = [vlq(column) for column in (one.interval, one.count, one.add)]
        rows.append(np.concatenate([fixed, *(groups for groups, _ in numbers)], axis=1))
        masks.append(np.concatenate([used, *(sent for _, sent in numbers)], axis=1))
        dues.append(np.maximum.accumulate(one.starts(begin) + one.interval))
    due = np.concatenate(dues)
    order = np.argsort(due, kind="stable")
    mask = np.concatenate(masks)[order]
    return Commands(np.concatenate(rows)[order][mask], mask.sum(axis=1), due[order])
