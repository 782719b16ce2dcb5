"""A simulated printer wired from its printer.cfg: rails by kinematics, endstops at their place, sensors at ambient."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from klipkit._core import lib
from klipkit.base.config import read_config
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.machine.config import ExtruderConfig
from klipkit.machine.kinematics import Place as Position
from klipkit.parts.sensors.config import AnalogOptions
from klipkit.sim.models import FanLaw, HeatLaw, Stuck
from klipkit.sim.printer import SimulatedPrinter
from klipkit.sim.rails import SwitchQuality, somewhere
from tests.reference import TOP
from tests.unit.test_sim_firmware import firmware

EXAMPLES = TOP / "config-examples"
BENT = ("ramps-deltesian", "ramps-polar")  # whose reach is not looked at
BEGIN = (60.0, 110.0, 20.0)


def loaded_from(name: str, tmp_path: Path | None = None, more: str = "") -> Loaded:
    path = EXAMPLES / f"{name}.cfg"
    if tmp_path is not None:
        path = tmp_path / "printer.cfg"
        path.write_text((EXAMPLES / f"{name}.cfg").read_text() + more)
    return SCHEMA.load(read_config(str(path)))


@contextmanager
def printer(loaded: Loaded, begin: Position | None = BEGIN, **more: object) -> Iterator[SimulatedPrinter]:
    serial = str(loaded.config.sections["mcu"].options["serial"].value)
    chips = chips_of(loaded.config, ["atmega2560"] if "1a86" in serial else [])
    made = SimulatedPrinter(loaded, chips, firmware(), begin=begin, **more)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def level(made: SimulatedPrinter, loaded: Loaded, section: str) -> int:
    """What the pin of an endstop is driven to."""
    config = loaded.sections[section]
    place = made.place(config.endstop_pin, "")  # type: ignore[attr-defined]
    return int(lib.cosim_pin_level(made.cosim.handle, *place))


@pytest.mark.parametrize("name", ["ramps-cartesian", "ramps-corexy", "two-boards"])
def test_an_axis_moves_as_its_kinematics_says_and_closes_its_endstop_at_its_place(name: str) -> None:
    loaded = loaded_from(name)
    with printer(loaded) as made:
        assert made.rails.toolhead() == pytest.approx(BEGIN)
        steps = round(BEGIN[0] / 0.0125)
        movers = ["stepper_x", "stepper_y"] if name == "ramps-corexy" else ["stepper_x"]
        for mover in movers:
            made.carriages[mover].slip(-(steps - 1))
        assert made.rails.toolhead() == pytest.approx((0.0125, BEGIN[1], BEGIN[2]))
        assert made.rails.rails["stepper_x"].position == pytest.approx(0.0125)
        open_level = level(made, loaded, "stepper_x")
        for mover in movers:
            made.carriages[mover].slip(-1)
        assert level(made, loaded, "stepper_x") != open_level
        assert made.rails.switches["stepper_x"].closings == 1
        assert made.rails.switches["stepper_y"].closings == 0


def test_a_tower_closes_its_endstop_where_the_nozzle_is_at_its_height_in_the_middle() -> None:
    loaded = loaded_from("ramps-delta")
    with printer(loaded, (0.0, 0.0, 290.0)) as made:
        for stepper in ("stepper_a", "stepper_b", "stepper_c"):
            made.carriages[stepper].slip(round(10 / 0.0125) - 1)
            assert made.rails.switches[stepper].closings == 0
            made.carriages[stepper].slip(1)
            assert made.rails.switches[stepper].closings == 1
        assert made.rails.toolhead() == pytest.approx((0.0, 0.0, 300.0), abs=1e-6)
    with printer(loaded, (30.0, -20.0, 100.0)) as made:
        assert made.rails.toolhead() == pytest.approx((30.0, -20.0, 100.0), abs=1e-9)


def test_an_inverted_pin_is_low_when_its_endstop_is_closed(tmp_path: Path) -> None:
    text = (EXAMPLES / "ramps-cartesian.cfg").read_text().replace("endstop_pin: ^PE5", "endstop_pin: ^!PE5")
    (tmp_path / "printer.cfg").write_text(text)
    for loaded, closed in (
        (SCHEMA.load(read_config(str(tmp_path / "printer.cfg"))), 0),
        (loaded_from("ramps-cartesian"), 1),
    ):
        for place, wanted in ((-1.0, closed), (50.0, 1 - closed)):
            with printer(loaded, (place, 50.0, 50.0)) as made:
                assert level(made, loaded, "stepper_x") == wanted


def test_the_place_where_it_begins_is_within_reach_and_goes_by_the_seed() -> None:
    loaded = loaded_from("ramps-cartesian")
    places = {somewhere(loaded, seed) for seed in range(20)}
    assert len(places) == 20 and places == {somewhere(loaded, seed) for seed in range(20)}
    assert all(30 < x < 170 and 30 < y < 170 and 30 < z < 170 for x, y, z in places)
    with printer(loaded, None, seed=3) as made:
        assert made.rails.toolhead() == pytest.approx(somewhere(loaded, 3))
    x, y, z = somewhere(loaded_from("ramps-delta"), 1)
    assert math.hypot(x, y) < 20 and 50 < z < 250


def test_a_stuck_endstop_and_one_with_noise() -> None:
    loaded = loaded_from("ramps-cartesian")
    with printer(loaded) as made:
        open_level = level(made, loaded, "stepper_x")
        made.rails.switches["stepper_x"].stick(Stuck.CLOSED)
        assert level(made, loaded, "stepper_x") == 1 - open_level
    closed_at = set()
    for seed in range(10):
        with printer(loaded, switches=SwitchQuality(noise=0.05, seed=seed)) as made:
            while not made.rails.switches["stepper_x"].closings:
                made.carriages["stepper_x"].slip(-1)
            closed_at.add(round(made.rails.rails["stepper_x"].position / 0.0125))
    assert len(closed_at) > 2 and all(-5 <= steps <= 4 for steps in closed_at)


def test_every_sensor_begins_at_ambient_temperature() -> None:
    loaded = loaded_from("ramps-corexy")
    for ambient in (25.0, 4.0):
        with printer(loaded, ambient=ambient) as made:
            assert made.heats.bodies["extruder"].now == (ambient, ambient, 0.0)
            sensor = loaded.named("extruder", ExtruderConfig).sensor
            assert isinstance(sensor, AnalogOptions)
            place, share = made.place(sensor.sensor_pin, ""), sensor.curve().adc_of(ambient)
            assert lib.cosim_analog(made.cosim.handle, *place) == round(1023 * share)


def test_a_law_of_ones_own() -> None:
    with printer(
        loaded_from("ramps-corexy"), laws={"extruder": HeatLaw(1.0, 0.1, 1.0, ambient=30.0)}
    ) as made:
        assert made.heats.bodies["extruder"].now.body == 30.0


FANS = """
[fan]
pin: !PH6
tachometer_pin: ^PH1
tachometer_ppr: 3

[heater_fan hotend]
pin: PB5
"""


def test_fans_are_wired_with_their_tachometers_and_rest_while_their_pins_float(tmp_path: Path) -> None:
    loaded = loaded_from("ramps-corexy", tmp_path, FANS)
    with printer(loaded, fan_laws={"heater_fan hotend": FanLaw(full=50.0)}) as made:
        assert set(made.fans.fans) == {"fan", "heater_fan hotend"}
        made.cosim.run(1.0)
        assert made.fans.fans["fan"].speed == 0.0  # its inverted pin floats: off, not on
        tachometer = loaded.sections["fan"].tachometer_pin  # type: ignore[attr-defined]
        assert lib.cosim_pin_level(made.cosim.handle, *made.place(tachometer, "")) == 1


def test_the_other_belt_of_a_hybrid_machine_moves_its_rail_too() -> None:
    with printer(loaded_from("ramps-hybrid-corexy")) as made:
        made.carriages["stepper_y"].slip(800)
        at = made.rails.toolhead()
        assert at != pytest.approx(BEGIN, abs=1)
        for axis, name in enumerate(("stepper_x", "stepper_y", "stepper_z")):
            assert made.rails.rails[name].position == pytest.approx(at[axis], abs=1e-9)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.cfg")), ids=lambda path: path.stem)
def test_every_example_has_a_simulated_printer_whose_toolhead_is_where_it_was_put(path: Path) -> None:
    loaded = loaded_from(path.stem)
    place = somewhere(loaded, 5)
    with printer(loaded, place) as made:
        assert made.rails.toolhead() == pytest.approx(place, abs=1e-9)
        assert not any(switch.closings for switch in made.rails.switches.values()) or path.stem in BENT
