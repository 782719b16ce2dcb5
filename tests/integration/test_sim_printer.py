"""The simulated printer under the real host and firmware: it homes, heats and prints, the same way each time."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.sim.loop import run_virtual
from klipkit.sim.path import APART, PathPoint
from klipkit.sim.path import Path as PrintedPath
from klipkit.sim.printer import SimulatedPrinter
from klipkit.sim.rails import SwitchQuality
from tests.reference import TOP
from tests.unit.test_sim_firmware import firmware

EXAMPLES = TOP / "config-examples"
STEP = 0.0125  # mm, of the motors in question

HEATERS = """
[heater_bed]
heater_pin: PH5
sensor_type: EPCOS 100K B57560G104F
sensor_pin: PK6
control: watermark
min_temp: 0
max_temp: 130

[fan]
pin: PH6
tachometer_pin: ^PH1

[heater_fan hotend]
pin: PB5
"""


def loaded_from(name: str, tmp_path: Path | None = None, more: str = "") -> Loaded:
    path = EXAMPLES / f"{name}.cfg"
    if tmp_path is not None:
        path = tmp_path / "printer.cfg"
        path.write_text((EXAMPLES / f"{name}.cfg").read_text() + more)
    return SCHEMA.load(read_config(str(path)))


class Desk:
    """A simulated printer and a host that prints on it."""

    def __init__(self, loaded: Loaded, **options: object) -> None:
        self.loaded = loaded
        chips = chips_of(loaded.config, ["atmega2560"])
        self.printer = SimulatedPrinter(loaded, chips, firmware(), **options)  # type: ignore[arg-type]
        self.path: list[PathPoint] = []
        self.position: tuple[float, ...] = ()
        self.digests: dict[str, str] = {}

    def print(self, *scripts: Sequence[str]) -> None:
        """Carry out lines of G-code; the path of the last script is kept."""

        async def main() -> None:
            host = Host(self.loaded, self.printer.reaches())
            record = PrintedPath(self.printer, self.loaded)
            try:
                await host.start()
                for script in scripts:
                    self.path = list(record.points())
                    await host.run(script, "test")
                self.path = list(record.points())
                self.position = tuple(host.planner.position)
            finally:
                await host.stop()

        try:
            run_virtual(main(), self.printer.cosim)
            numbers = self.printer.numbers.items()
            self.digests = {name: self.printer.cosim.wire_digest(number) for name, number in numbers}
            self.toolhead = self.printer.rails.toolhead()
            self.truth = self.printer.truth()
        finally:
            self.printer.close()


SQUARE = [(30.0, 30.0), (10.0, 30.0), (10.0, 10.0), (30.0, 10.0), (30.0, 30.0)]


def off(point: PathPoint, corners: Sequence[tuple[float, float]]) -> float:
    """How far a point is from the lines through the corners, mm."""
    distances = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        dx, dy = x1 - x0, y1 - y0
        along = ((point.x - x0) * dx + (point.y - y0) * dy) / (dx * dx + dy * dy)
        along = min(1.0, max(0.0, along))
        distances.append(math.hypot(point.x - x0 - along * dx, point.y - y0 - along * dy))
    return min(distances)


@pytest.mark.parametrize("name", ["ramps-cartesian", "ramps-corexy", "ramps-delta", "two-boards"])
def test_a_homed_printer_is_where_the_host_thinks_and_its_path_is_the_one_that_was_asked_for(
    tmp_path: Path, name: str
) -> None:
    text = (EXAMPLES / f"{name}.cfg").read_text()
    (tmp_path / "a.cfg").write_text(text[: text.find("[input_shaper]")] if "[input_shaper]" in text else text)
    desk = Desk(SCHEMA.load(read_config(str(tmp_path / "a.cfg"))), seed=4)
    begin = desk.printer.rails.toolhead()
    desk.print(["G28", "G1 X30 Y30 Z50 F6000"], [f"G1 X{x} Y{y}" for x, y in SQUARE[1:]])
    assert math.dist(begin, desk.toolhead) > 20
    assert math.dist(desk.position, (30.0, 30.0, 50.0)) < 1e-9
    # an endstop triggers at the first step beyond its place: at most a step off on each axis
    assert math.dist(desk.toolhead, desk.position) < 2 * STEP
    assert all(switch["closings"] == 2 for switch in desk.truth["endstops"].values())
    assert all(stepper["slipped"] == 0 for stepper in desk.truth["steppers"].values())
    assert len(desk.path) > 4 * 20 / (2 * APART)
    assert max(off(point, SQUARE) for point in desk.path) < APART + 2 * STEP
    for corner in SQUARE:
        assert min(math.dist((point.x, point.y), corner) for point in desk.path) < 2 * APART


def test_twice_the_same_is_the_same_to_the_last_byte_and_other_seeds_are_not() -> None:
    def once(seed: int) -> tuple[dict[str, str], object]:
        desk = Desk(loaded_from("ramps-cartesian"), seed=seed, switches=SwitchQuality(noise=0.03, seed=seed))
        desk.print(["G28", "G1 X30 Y30 Z50 F6000"])
        return desk.digests, (desk.truth, desk.path)

    first = once(1)
    assert once(1) == first
    assert once(2)[0] != first[0]


def test_a_rail_that_is_driven_into_its_end_loses_the_steps_that_the_host_counts() -> None:
    desk = Desk(loaded_from("ramps-cartesian"), begin=(100.0, 100.0, 10.0))
    desk.print(["SET_KINEMATIC_POSITION X=0 Y=100 Z=10", "G1 X150 F6000"])
    truth = desk.truth["steppers"]["stepper_x"]
    assert truth["commanded"] == 12000
    assert truth["position"] == round(105 / STEP)  # 5 mm beyond position_max
    assert truth["stalled"] == 12000 - truth["position"] == -truth["slipped"]


def test_heaters_warm_as_documented_and_hold_their_temperature(tmp_path: Path) -> None:
    loaded = loaded_from("ramps-corexy", tmp_path, HEATERS)
    times: dict[str, float] = {}
    desk = Desk(loaded)
    heats = desk.printer.heats.bodies

    def watch() -> None:
        for name, wanted in (("extruder", 195.0), ("heater_bed", 60.0)):
            if heats[name].now.body >= wanted:
                times.setdefault(name, desk.printer.cosim.now())
        desk.printer.cosim.at(desk.printer.cosim.now() + 0.5, watch)

    watch()
    desk.print(["M140 S60", "M109 S200", "M190 S60", "M106 S255"])
    assert 55 < times["extruder"] < 110 and 55 < times["heater_bed"] < 130
    assert abs(desk.truth["heaters"]["extruder"]["body"] - 200) < 6
    assert abs(desk.truth["heaters"]["heater_bed"]["body"] - 60) < 5
    assert desk.truth["fans"]["heater_fan hotend"]["speed"] > 79
    assert 60 < desk.truth["heaters"]["extruder"]["heating"] < 150  # s at full power
