"""Rails with several steppers: they move as one, and are homed by one endstop or by one each."""

import pytest

from klipkit.base.faults import HomingError
from klipkit.daemon.host import Host
from klipkit.sim.models import Stuck
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import CARTESIAN, live, lost, said_by

SECOND = "[stepper_z1]\nstep_pin: PC1\ndir_pin: PC3\nenable_pin: !PC7\nmicrosteps: 16\nrotation_distance: 8\n"
COARSE = SECOND.replace("microsteps: 16", "microsteps: 8")
OWN = SECOND + "endstop_pin: ^PD2\n"
STEPS = 400  # a mm


def test_a_second_stepper_moves_as_the_first_by_its_own_steps() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = {name: carriage.position for name, carriage in printer.carriages.items()}
        await host.run(["SET_KINEMATIC_POSITION X=0 Y=0 Z=10", "G1 Z12.5 F300"], "a")
        moved = {name: carriage.position - before[name] for name, carriage in printer.carriages.items()}
        assert (moved["stepper_z"], moved["stepper_z1"]) == (2.5 * STEPS, 2.5 * STEPS / 2)

    live(CARTESIAN + COARSE, act)


@pytest.mark.parametrize("second", [SECOND, SECOND + "endstop_pin: ^PD3\n"])
def test_one_endstop_stops_both_steppers(second: str) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28", "G1 Z20 F600"], "a")
        assert printer.rails.toolhead()[2] == pytest.approx(20, abs=0.02)
        assert printer.carriages["stepper_z"].position == printer.carriages["stepper_z1"].position
        assert set(lost(host, printer).values()) == {0}

    live(CARTESIAN + second, act)


@pytest.mark.parametrize("skew", [3, -3, 0])
def test_steppers_with_an_endstop_each_come_level(skew: int) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        rails = printer.rails.rails
        await host.run([f"FORCE_MOVE STEPPER=stepper_z1 DISTANCE={skew} VELOCITY=5"], "a")
        assert rails["stepper_z1"].position - rails["stepper_z"].position == pytest.approx(skew, abs=0.01)
        await host.run(["G28", "G1 Z20 F600"], "b")
        assert rails["stepper_z"].position == pytest.approx(20, abs=0.02)
        assert rails["stepper_z1"].position == pytest.approx(20, abs=0.02)
        assert set(lost(host, printer).values()) == {0}
        await host.run(["QUERY_ENDSTOPS"], "c")

    assert live(CARTESIAN + OWN, act) == ["x:TRIGGERED y:TRIGGERED z:open z1:open"]


def test_after_a_homing_that_one_endstop_failed_the_axes_that_are_known_still_move() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28 X Y", "FORCE_MOVE STEPPER=stepper_z1 DISTANCE=6 VELOCITY=5"], "a")
        printer.rails.switches["stepper_z1"].stick(Stuck.OPEN)
        with pytest.raises(HomingError, match="No trigger on z1 after full movement"):
            await host.run(["G28 Z"], "b")
        taken = host.planner.coordinates(host.toolhead.position)
        assert {name: host.steppers[name].position() for name in taken} == pytest.approx(taken)
        await host.run(["G1 X50 F6000"], "c")
        assert host.toolhead.position[0] == 50
        assert {name for name, steps in lost(host, printer).items() if steps} == {"stepper_z1"}  # at its end
        assert host.planner.known == {0, 1}

    live(CARTESIAN + OWN, act)


def test_all_motors_and_endstops_are_told() -> None:
    said = said_by(CARTESIAN + OWN, "SET_KINEMATIC_POSITION X=1 Y=2 Z=3", "GET_POSITION")
    assert said[1].split()[1:] == [
        "stepper:",
        "stepper_x:1.000000",
        "stepper_y:2.000000",
        "stepper_z:3.000000",
        "stepper_z1:3.000000",
    ]
