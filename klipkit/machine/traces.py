"""The steps of an offline machine: summed up for each motor and, if wanted, written to an .npz file."""

from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import UsageError
from klipkit.base.npz import ITEM, NpzWriter
from klipkit.machine.offline import Offline

TRACE_FREQUENCY = 16e6  # ticks/s of a trace's times
RUN_NUMBERS = 5  # in a row of NAME.runs: see motion/trace.h
BLOCK = 1 << 17  # numbers


class Traces:
    """Takes the runs of an Offline; `path`: the file to write."""

    def __init__(self, offline: Offline, path: str | None) -> None:
        self._offline = offline
        self._names = [motor.name for motor in offline.planner.motors]
        self._sums: Any = ffi.new("struct trace_sum[]", max(1, len(self._names)))
        self._lines = [0] * len(self._names)
        self._path, self._file = path, None
        if path is not None:
            rows = dict.fromkeys(self._names, 1) | {f"{name}.runs": RUN_NUMBERS for name in self._names}
            self._file = NpzWriter(path, rows)
        offline.take = self._take

    def close(self) -> None:
        """Give up what was not finished."""
        if self._file is not None:
            self._file.close()

    def finish(self) -> list[dict[str, Any]]:
        """A record for each motor; the file is written. Raises UsageError."""
        if self._file is not None:
            try:
                self._write(self._file)
            except OSError as error:
                raise UsageError(f"cannot be written: {error.strerror}", where=self._path or "") from None
        return [self._record(number) for number in range(len(self._names))]

    def _take(self, number: int, runs: Any, count: int) -> None:
        total = self._sums + number
        fastest = total.interval_clock
        before = total.steps
        lib.trace_add(total, runs, count)
        if total.interval_clock != fastest:
            self._lines[number] = self._line(number, total.interval_clock)
        if self._file is not None and count:
            room = ffi.new("int64_t[]", total.steps - before)
            lib.trace_steps(runs, count, room)
            self._file.append(self._names[number], ffi.buffer(room))
            rows = ffi.new("int64_t[]", count * RUN_NUMBERS)
            lib.trace_rows(runs, count, rows)
            self._file.append(f"{self._names[number]}.runs", ffi.buffer(rows))

    def _line(self, number: int, clock: int) -> int:
        planner = self._offline.planner
        motor = planner.motors[number]
        trapq = planner.tracks[motor.filament].trapq if motor.moves_filament else planner.trapq
        return int(lib.trapq_line(trapq, clock / self._offline.frequency))

    def _record(self, number: int) -> dict[str, Any]:
        total = self._sums[number]
        frequency = self._offline.frequency
        return {
            "stepper": self._names[number],
            "steps": total.steps,
            "net": total.position,
            "queue_steps": total.runs,
            "messages": total.runs + total.turns,
            "rate": round(frequency / total.interval) if total.interval else 0,
            "line": self._lines[number] or None,
        }

    def _write(self, file: NpzWriter) -> None:
        """The traces count from the first step of all steppers."""
        first = min((total.first for total in self._totals() if total.steps), default=0)
        scale = TRACE_FREQUENCY / self._offline.frequency
        for name in self._names:
            part = file.part(name)
            part.seek(0)
            while block := part.read(BLOCK * ITEM):
                steps = ffi.new("int64_t[]", len(block) // ITEM)
                ffi.memmove(steps, block, len(block))
                lib.trace_shift(steps, len(block) // ITEM, first, scale)
                part.seek(-len(block), 1)
                part.write(ffi.buffer(steps))
        file.finish()

    def _totals(self) -> list[Any]:
        return [self._sums[number] for number in range(len(self._names))]
