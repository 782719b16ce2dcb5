"""Each step of a whole print, an edge on a simulated pin, against the time at which the planner asks for it."""

import asyncio
import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from klipkit import _core
from klipkit.base.config import read_config
from klipkit.base.pin import MAIN_MCU
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.host import Host
from klipkit.mcu.stepper import steps_on_both_edges
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.motion_truth import ALONE, Advanced, Array, Delta, Linear, Motion, Trapezoids
from tests.reference import TOP, reference_path

PERIOD = 10.0  # s of virtual time from which edges are taken at once
EXAMPLES = TOP / "config-examples"
BOUND, INSTANT = 25e-6, 1e-7  # s
LATE = 1e-6  # s that a microcontroller needs when steps of several motors are due in the same moment
SLACK = 1e-6  # mm by which the least and the greatest of a motion in an instant are found too tightly, and rounding
CENTRE = "SET_GCODE_OFFSET X=-100 Y=-100\n"
WEIGHTS = {
    "cartesian": {"stepper_x": (1, 0, 0), "stepper_y": (0, 1, 0), "stepper_z": (0, 0, 1)},
    "corexy": {"stepper_x": (1, 1, 0), "stepper_y": (1, -1, 0), "stepper_z": (0, 0, 1)},
}
TOWERS = {"stepper_a": 210, "stepper_b": 330, "stepper_c": 90}  # degrees


class Watched:
    """A printer with the edges of its stepper pins, and all moves of the file that it printed."""

    def __init__(self, machine: str, file: Path, *, slow: float = 1.0) -> None:
        self.machine = machine
        self.loaded = SCHEMA.load(read_config(EXAMPLES / f"{machine}.cfg"))
        chips = chips_of(self.loaded.config, () if machine != "cartesian" else ("mcu=atmega2560",))
        self.printer = SimulatedPrinter(self.loaded, chips, build(OBJECT))
        self.worst: dict[str, tuple[int, float]] = {}  # steps of each motor, and by how much one misses, mm
        self._taken: list[Array] = []
        self.slow = slow  # by which the planner's time is taken to go slower, to see that this finds it
        try:
            run_virtual(self._live(file), self.printer.cosim)
        finally:
            self.printer.close()

    async def _live(self, file: Path) -> None:
        host = Host(self.loaded, self.printer.reaches())
        try:
            await host.start()
            await host.run(["G28", "G1 Z5 F600", CENTRE if self.machine == "delta" else "M400"], "start")
            names = self.printer.watch_steppers(self.loaded)
            host.planner.expire = lambda print_time: None  # type: ignore[method-assign]
            self._begun = {name: stepper.commanded() for name, stepper in host.steppers.items()}
            self._levels = {name: self.printer.cosim.share(*place) or 0 for place, name in names.items()}
            collecting = asyncio.ensure_future(self._collect())
            await host.print_file(str(file))
            collecting.cancel()
            self._take()
            self._judge(host, names, np.concatenate(self._taken))
        finally:
            await host.stop()

    async def _collect(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            self._take()

    def _take(self) -> None:
        self._taken.append(np.array(self.printer.cosim.edges(), dtype=np.int64).reshape(-1, 4))

    def _judge(self, host: Host, names: dict[tuple[int, int], str], table: Array) -> None:
        number = self.printer.numbers[MAIN_MCU]
        pins = {name: pin for (mcu, pin), name in names.items() if mcu == number}
        moves = Trapezoids(_core, host.planner.trapq)
        for name in host.steppers:
            of = table[(table[:, 2] == pins[f"{name} step"]) | (table[:, 2] == pins[f"{name} dir"])]
            self.worst[name] = (
                (0, 0.0)
                if not len(of)
                else self._misses(host, name, of, pins, self._motion(host, name, moves))
            )

    def _motion(self, host: Host, name: str, moves: Trapezoids) -> Motion:
        if name == "extruder":
            filament = Trapezoids(_core, host.planner.filament_trapq)
            if host.planner.advance:
                return Advanced(filament, host.planner.smooth_time)
            return Linear(filament, (1, 0, 0), [ALONE] * 3)
        if self.machine != "delta":
            return Linear(moves, WEIGHTS[self.machine][name], [ALONE] * 3)
        printer: Any = self.loaded.sections["printer"]
        arm: Any = self.loaded.sections["stepper_a"]
        angle, radius = math.radians(TOWERS[name]), printer.kinematics.delta_radius
        return Delta(moves, (radius * math.cos(angle), radius * math.sin(angle), arm.arm_length), [ALONE] * 3)

    def _misses(
        self, host: Host, name: str, edges: Array, pins: dict[str, int], motion: Motion
    ) -> tuple[int, float]:
        """The steps of a motor, and the most by which the motion is not at a step's middle within the step's bound."""
        stepper, config = host.steppers[name], next(m.config for m in host.planner.motors if m.name == name)
        both = steps_on_both_edges(host.main.dictionary.constants, config.step_pulse_duration)
        is_dir = edges[:, 2] == pins[f"{name} dir"]
        newest = np.maximum.accumulate(np.where(is_dir, np.arange(len(edges)), -1))
        level = np.where(newest < 0, self._levels[f"{name} dir"], edges[newest, 3])
        is_step = ~is_dir & (both | (edges[:, 3] != int(config.step_pin.invert)))
        sign = np.where((level[is_step] != 0) != stepper.dir_inverted, 1, -1)
        after = self._begun[name] + np.cumsum(sign)
        assert after[-1] == stepper.commanded()
        clocks = edges[is_step, 0].astype(float)
        middle = stepper.place_of(0) + (after - sign / 2) * stepper.step_distance
        times = host.main.mapping.print_time(0.0) + clocks / host.main.frequency
        gaps = np.diff(crossings(motion, times, middle), prepend=-np.inf, append=np.inf)
        bound = np.minimum(BOUND, np.minimum(gaps[:-1], gaps[1:]) / 2) + 1 / host.main.frequency
        return len(times), miss(motion, times * self.slow, bound, bound + LATE, middle)


def miss(motion: Motion, times: Array, before: Array, after: Array, levels: Array) -> float:
    """By how much, mm, the motion at most is not at a level from so long before its time to so long after."""
    low, high = times - after, times + before  # a step comes late when the motion was at its level earlier
    around = [motion.coordinate(low + (high - low) * part) for part in np.linspace(0, 1, 5)]
    return float(np.maximum(np.min(around, axis=0) - levels, levels - np.max(around, axis=0)).max())


def crossings(motion: Motion, times: Array, levels: Array) -> Array:
    """When the motion is at the levels, near these times; where it hardly moves then, the times themselves."""
    found = times
    for _ in range(4):
        speed = (motion.coordinate(found + INSTANT) - motion.coordinate(found - INSTANT)) / (2 * INSTANT)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = found - (motion.coordinate(found) - levels) / speed
        found = np.where(np.abs(found - times) < 2 * BOUND, found, times)
    return found


@pytest.mark.parametrize("count", [5000, pytest.param(None, id="all", marks=pytest.mark.long)])
@pytest.mark.parametrize("machine", ["cartesian", "corexy", "delta"])
def test_every_step_of_a_print_is_within_the_bound_of_the_planners_time(
    machine: str, count: int | None, tmp_path: Path
) -> None:
    file = tmp_path / "sphere.gcode"
    with gzip.open(reference_path("gcode/sphere.gcode.gz"), "rt") as sliced:
        file.write_text("\n".join(sliced.read().split("\n")[:count]) + "\n")
    watched = Watched(machine, file)
    assert sum(steps for steps, _ in watched.worst.values()) > 50 * (count or 150_000)
    assert max(miss for _, miss in watched.worst.values()) < SLACK, watched.worst


def test_a_clock_that_is_wrong_by_a_millionth_is_found(tmp_path: Path) -> None:
    file = tmp_path / "line.gcode"
    file.write_text("G1 X60 Y50 F6000\nG1 X140 Y150\nM400\n")
    assert Watched("cartesian", file).worst["stepper_x"][1] < SLACK
    assert Watched("cartesian", file, slow=1 - 1e-6).worst["stepper_x"][1] > 10 * SLACK
