"""The same line over a pty in real time: a firmware process, the C link thread, the host on the real clock."""

import asyncio
import math
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from klipkit.base.config import parse_config
from klipkit.base.faults import Shutdown
from klipkit.base.schema import Loaded
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.link.way import FileWay
from klipkit.mcu.restart import Reach
from klipkit.sim.firmware import build
from tests.integration.test_simulate import BOUND, crossings

CONFIG = """
[mcu]
serial: /dev/pts/0
[printer]
kinematics: cartesian
max_velocity: 300
max_accel: 3000
[force_move]
enable_force_move: True
"""
RAIL = """
[stepper_{axis}]
step_pin: gpio{step}
dir_pin: gpio{direction}
enable_pin: !gpio{enable}
microsteps: 16
rotation_distance: 40
endstop_pin: gpio{endstop}
position_endstop: 0
position_max: 200
"""
FREQUENCY = 50e6  # Hz, of klipkit-sim's own persona
LATE = 0.5e-3  # s: within a handler the process's clock goes on at real speed, up to 0.2 ms at each look
HANG = 60  # s
TRIES = 3  # a computer that stalls for longer than the host sends ahead (0.7 s) is no fault of ours


def loaded() -> Loaded:
    rails = [
        RAIL.format(axis=axis, step=4 * n, direction=4 * n + 1, enable=4 * n + 2, endstop=4 * n + 3)
        for n, axis in enumerate("xyz")
    ]
    return SCHEMA.load(parse_config(CONFIG + "".join(rails), "printer.cfg"))


@contextmanager
def firmware(folder: Path) -> Iterator[Path]:
    """A firmware process; gives its pty. When it has ended the edges of its pins are in folder/edges."""
    link = folder / "mcu"
    command = [str(build("klipkit-sim")), "--pty", str(link), "--edges", str(folder / "edges")]
    process = subprocess.Popen(command)
    try:
        end = time.monotonic() + HANG
        while not link.exists() and time.monotonic() < end:
            time.sleep(0.01)
        yield link
    finally:
        process.terminate()
        process.wait(HANG)


async def print_line(link: Path, text: str) -> dict[str, tuple[int, int]]:
    """Print, and give for each stepper the steps commanded and those that the firmware counted."""
    host = Host(loaded(), {"mcu": Reach("mcu", FileWay(str(link)))})
    try:
        async with asyncio.timeout(HANG):
            await host.start()
            await host.run(text.split("\n"), "line.gcode")
            return {name: (each.commanded(), await each.counted()) for name, each in host.steppers.items()}
    finally:
        await host.stop()


def printed(folder: Path, text: str) -> tuple[dict[str, tuple[int, int]], list[tuple[int, int, int]]]:
    """What print_line gives, and the edges (clock, pin, level)."""
    for attempt in range(TRIES):
        try:
            with firmware(folder) as link:
                counts = asyncio.run(print_line(link, text))
        except Shutdown:
            if attempt == TRIES - 1:
                raise
            continue
        lines = (folder / "edges").read_text().splitlines()
        return counts, [(int(a), int(b), int(c)) for a, b, c in (line.split("\t") for line in lines)]
    raise AssertionError("the loop returns or raises")


def test_the_line_is_the_same_steps_in_real_time(tmp_path: Path) -> None:
    counts, edges = printed(tmp_path, "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 Y10 F6000\nM400\nG1 X0\n")
    assert counts == {"stepper_x": (0, 0), "stepper_y": (800, 800), "stepper_z": (0, 0)}
    level, made = 0, []
    for clock, pin, value in edges:
        if pin == 1:
            level = value
        elif pin == 0 and value:
            made.append((clock, level))
    assert [level for _, level in made] == [1] * 800 + [0] * 800
    clocks = np.array([clock for clock, _ in made[:800]], dtype=float) / FREQUENCY
    assert (np.diff(clocks) > 0).all()
    times = crossings(math.hypot(10, 10), 100, 3000, 0.0125 * math.sqrt(2))
    too_late, too_early = (clocks - times - BOUND - LATE).max(), (clocks - times + BOUND).min()
    assert too_late <= too_early, too_late - too_early  # one start of the move fits all steps
