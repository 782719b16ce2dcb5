"""Homing through host, wire and firmware, on the rails of a simulated printer: switches are found to the step."""

import asyncio

import pytest

from klipkit.base.config import read_config
from klipkit.base.faults import MoveError
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import RAMPS, Act, live_on, lost
from tests.reference import TOP

EXAMPLES = TOP / "config-examples"
CHIPS = {"two-boards": ("mcu=atmega2560", "zboard=stm32f446")}
MACHINES = (
    "ramps-cartesian",
    "ramps-corexy",
    "ramps-delta",
    "ramps-deltesian",
    "ramps-generic-cartesian",
    "ramps-polar",
    "ramps-rotary-delta",
    "two-boards",
)
HALF_STEPS = 0.03  # mm: a step or two of these machines


def live(name: str, act: Act, drift: float = 0.0, seed: int = 0) -> list[str]:
    """Run `act` on a machine; gives what it said."""
    loaded = SCHEMA.load(read_config(EXAMPLES / f"{name}.cfg"))
    drifts = {"zboard" if name in CHIPS else "mcu": drift}
    return live_on(loaded, act, CHIPS.get(name, RAMPS), drifts=drifts, seed=seed)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", MACHINES)
def test_the_toolhead_is_where_the_switches_say_after_homing(name: str, seed: int) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28"], "a.gcode")
        assert host.planner.known == {0, 1, 2}
        assert host.toolhead.position == pytest.approx(printer.rails.toolhead(), abs=HALF_STEPS)
        await host.run(["G90", "G1 Z20 F600", "G1 X11 Y13 F6000"], "b.gcode")
        assert printer.rails.toolhead() == pytest.approx((11, 13, 20), abs=HALF_STEPS)
        assert set(lost(host, printer).values()) == {0}

    live(name, act, seed=seed)


@pytest.mark.parametrize("drift", [-1e-4, 1e-4])
def test_two_boards_whose_clocks_drift_home_and_move_exactly(drift: float) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        for _ in range(3):
            await host.run(["G28", "G1 Z20 F600", "G1 X50 Y60 F6000", "G1 X10 Y10 Z30"], "a.gcode")
            assert set(lost(host, printer).values()) == {0}
            assert printer.rails.toolhead() == pytest.approx((10, 10, 30), abs=HALF_STEPS)

    live("two-boards", act, drift)


@pytest.mark.parametrize(
    "count",
    [pytest.param(100, id="hundred"), pytest.param(10_000, id="ten-thousand", marks=pytest.mark.long)],
)
def test_any_number_of_homings_loses_no_step_and_finds_the_same_place(count: int) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        places: dict[str, set[int]] = {"x": set(), "y": set()}
        for number in range(count):
            axis, way = "xy"[number % 2], 5 + number * 0.77 % 150
            await host.run([f"G28 {axis.upper()}"], "a.gcode")
            places[axis].add(printer.carriages[f"stepper_{axis}"].position)
            await host.run([f"G1 {axis.upper()}{way:.3f} F6000"], "b.gcode")
        assert set(lost(host, printer).values()) == {0}
        assert [len(found) for found in places.values()] == [1, 1]

    live("ramps-cartesian", act)


def test_an_axis_that_rested_at_its_switch_for_long_is_homed_again() -> None:
    """Its trigger comes before its first step, and the steps before that are forgotten."""

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28 X", "G4 P40000", "G28 X", "G1 X10 F6000"], "a.gcode")
        assert set(lost(host, printer).values()) == {0}

    live("ramps-cartesian", act)


def test_only_the_named_axes_are_homed() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28 X0 Y"], "a.gcode")
        assert host.planner.known == {0, 1}
        with pytest.raises(MoveError, match="Must home axis first: Z"):
            await host.run(["G1 Z5"], "b.gcode")

    live("ramps-cartesian", act)


def test_endstops_are_told_open_and_triggered() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["QUERY_ENDSTOPS", "G28 X", "G1 X0", "M119"], "a.gcode")

    assert live("ramps-cartesian", act) == ["x:open y:open z:open", "x:TRIGGERED y:open z:open"]


def test_a_coordinate_that_g92_had_moved_is_a_position_again() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28 X", "G92 X100", "G28 X", "G1 X30 F6000"], "a.gcode")
        assert host.toolhead.position[0] == pytest.approx(30)

    live("ramps-cartesian", act)


def test_homing_that_is_cancelled_ends_with_the_motors_at_rest_and_counted() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        homing = asyncio.ensure_future(host.run(["G28 X"], "a.gcode"))
        await asyncio.sleep(0.9)
        homing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await homing
        place = printer.carriages["stepper_x"].position
        await asyncio.sleep(5)
        assert printer.carriages["stepper_x"].position == place != 0
        assert set(lost(host, printer).values()) == {0}
        assert host.planner.known == set()
        await host.run(["G28 X", "G1 X10 F6000"], "b.gcode")
        assert set(lost(host, printer).values()) == {0}

    live("ramps-cartesian", act)
