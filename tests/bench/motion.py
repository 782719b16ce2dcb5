"""What motion takes: from a G-code file's text to encoded frames in memory, on one core, for each machine.

python -m tests.bench.motion [FILE [MACHINE [plain|shaped [MICROSTEPS [HZ]]]]]
"""

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.machines import MACHINES, config
from tests.reference import reference_path

ROUNDS = 3
SLOTS = 500  # of an MCU's move queue, as an atmega2560 has with stock firmware
HISTORY = 30  # s
CHUNK = 1000  # lines


def calibration() -> float:
    """CPU seconds of a fixed piece of Python: how fast this computer is now."""
    start = time.process_time()
    total = 0
    for number in range(2_000_000):
        total += number & 7
    return time.process_time() - start


class Encoder:
    """An offline machine whose steps go through the wire's session into frames that are only counted."""

    def __init__(self, text: str, frequency: float) -> None:
        from klipkit._core import ffi, lib
        from klipkit.base.config import parse_config
        from klipkit.cli.sections import SCHEMA
        from klipkit.cli.steps import moving
        from klipkit.machine.offline import Offline

        self._lib = lib
        self.session = lib.session_new()
        lib.session_set_clock(self.session, frequency, 0.0, 0)
        queue = lib.session_add_queue(self.session)
        ids = ffi.new("struct steps_ids *", (8, 9, 10))
        self.steps = lib.steps_new(self.session, queue, ids, SLOTS, round(HISTORY * frequency))
        self.record = ffi.new("struct record *", {"descriptor": -1})
        loaded = SCHEMA.load(moving(parse_config(text, "bench.cfg")))
        self.offline = Offline(loaded, frequency=frequency, steps=self.steps, sent=self.take)
        delta = "kinematics: delta" in text
        self.offline.stand_at((0.0, 0.0, 0.0))
        if delta:  # the files are sliced for a bed from 0 to 200
            self.offline.planner.moves.origin[0] = self.offline.planner.moves.origin[1] = -100.0

    def take(self, print_time: float) -> None:
        """What may be sent by a print time becomes frames."""
        assert self._lib.record_take(self.record, self.session, print_time) == 0


def measure(file: str, machine: str, shaped: bool, microsteps: int, frequency: float) -> dict[str, Any]:
    """One run in this process."""
    encoder = Encoder(config(machine, shaped=shaped, microsteps=microsteps), frequency)
    start = time.process_time()
    encoder.offline.run(file)
    encoder.take(encoder.offline.seconds + 10)
    seconds = time.process_time() - start
    sums = encoder.offline.sums()
    return {
        "cpu": seconds,
        "lines": encoder.offline.line,
        "steps": sum(each["steps"] for each in sums),
        "queue_steps": sum(each["queue_steps"] for each in sums),
        "messages": encoder.offline.messages,
        "bytes": encoder.record.bytes,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def best(*arguments: str) -> dict[str, Any]:
    """The quickest of some runs, each in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.motion", *arguments]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(ROUNDS)
    ]
    found: dict[str, Any] = min(runs, key=lambda run: float(run["cpu"]))
    return found


def unpacked(name: str, folder: str) -> str:
    """A reference print as a plain file."""
    path = Path(folder, f"{name}.gcode")
    path.write_bytes(gzip.decompress(reference_path(f"gcode/{name}.gcode.gz").read_bytes()))
    return str(path)


def table(folder: str) -> None:
    """All files and machines."""
    print(f"{'':24}{'CPU s':>8}{'k lines/s':>11}{'M steps/s':>11}{'queue_step':>12}{'ns each':>9}{'MB':>6}")
    for name in ("box", "sphere"):
        path = unpacked(name, folder)
        for machine in MACHINES:
            for kind in ("plain", "shaped"):
                run = best(path, machine, kind)
                row = (run["cpu"], run["lines"] / run["cpu"] / 1e3, run["steps"] / run["cpu"] / 1e6)
                each = run["cpu"] / run["queue_steps"] * 1e9
                print(
                    f"{name + ' ' + machine + ' ' + kind:24}{row[0]:8.3f}{row[1]:11.1f}{row[2]:11.1f}"
                    f"{run['queue_steps']:12}{each:9.0f}{run['memory']:6.0f}"
                )
    box = str(Path(folder, "box.gcode"))
    for hertz in ("16e6", "180e6"):
        one, fine = (
            best(box, "cartesian", "plain", "16", hertz),
            best(box, "cartesian", "plain", "256", hertz),
        )
        cost = fine["cpu"] / one["cpu"]
        message = cost * one["queue_steps"] / fine["queue_steps"]
        print(
            f"256 microsteps for 16 at {float(hertz) / 1e6:g} MHz: {cost:.2f} x CPU, {message:.2f} x a message"
        )
    print(f"calibration {calibration():.3f} s")


def main() -> None:
    """As told on the command line."""
    words = sys.argv[1:]
    if words:
        file, machine, kind, microsteps, hertz = [
            *words,
            *["cartesian", "plain", "16", "16e6"][len(words) - 1 :],
        ]
        print(json.dumps(measure(file, machine, kind == "shaped", int(microsteps), float(hertz))))
        return
    with tempfile.TemporaryDirectory() as folder:
        table(folder)


if __name__ == "__main__":
    main()
