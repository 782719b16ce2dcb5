"""Single motors by G-code: on and off, buzzing, moving without homing; what is seen of them."""

import asyncio

import pytest

from klipkit.base.faults import GcodeError, MoveError
from klipkit.daemon.host import Host
from klipkit.machine.alone import Alone
from klipkit.machine.commands.motors import StepperEnable
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import AT_ZERO, CARTESIAN, DELTA, HOTEND, live, lost, said_by

MM = 80  # steps of X


def enabled(host: Host) -> dict[str, bool]:
    part = host.parts["stepper_enable"]
    assert isinstance(part, StepperEnable)
    return dict(part.status().steppers)


def test_motors_are_on_after_a_move_and_off_after_m84_and_their_position_is_forgotten() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        assert not any(enabled(host).values())
        await host.run([AT_ZERO, "G1 X1 F6000"], "a")
        assert enabled(host) == {"stepper_x": True, "stepper_y": False, "stepper_z": False}
        await host.run(["G1 Y1 Z1"], "a")
        assert all(enabled(host).values())
        await host.run(["m84 ; off"], "b")
        assert not any(enabled(host).values())
        with pytest.raises(MoveError, match="Must home axis first: X"):
            await host.run(["G1 X2"], "c")

    live(CARTESIAN, act)


def test_a_motor_is_on_before_each_of_its_steps_and_stays_off_as_long_as_it_has_none() -> None:
    lines = [
        AT_ZERO,
        "G1 X1 F6000",
        "M84",
        AT_ZERO,
        "G1 X2",
        "SET_STEPPER_ENABLE STEPPER=stepper_x ENABLE=0",
        "G1 X1 Y1",
    ]

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        names = printer.watch_steppers(host.loaded)
        enables = {}
        for motor in host.planner.motors:
            assert motor.config.enable_pin is not None
            enables[printer.place(motor.config.enable_pin, "")] = motor.name
        for place in enables:
            printer.cosim.watch(*place)
        await host.run(lines, "a")
        on = dict.fromkeys(enables.values(), False)
        last: dict[str, int] = {}
        changes = 0
        for edge in printer.cosim.edges():
            place = (edge.mcu, edge.pin)
            if place in enables:
                on[enables[place]] = not edge.level  # the enable pins are inverted
                last[enables[place]] = edge.clock
                changes += 1
            elif names[place].endswith(" step"):
                name = names[place].removesuffix(" step")
                assert on[name] and edge.clock - last[name] > 0.005 * host.main.frequency
        assert changes == 6  # X on, off, on, off, on; Y on
        assert lost(host, printer) == dict.fromkeys(host.steppers, 0)

    live(CARTESIAN, act)


def test_one_motor_is_switched_and_its_position_stays_known() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "SET_STEPPER_ENABLE STEPPER=stepper_y ENABLE=1"], "a")
        assert enabled(host) == {"stepper_x": False, "stepper_y": True, "stepper_z": False}
        await host.run(["SET_STEPPER_ENABLE STEPPER=stepper_y ENABLE=0"], "b")
        assert not any(enabled(host).values())
        assert host.planner.known == {0, 1, 2}

    live(CARTESIAN, act)


def test_a_buzzing_motor_comes_back_to_where_it_was_and_no_other_moves() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "G1 X7 F6000"], "a")
        begin = host.toolhead.now()
        buzz = asyncio.ensure_future(host.run(["STEPPER_BUZZ STEPPER=stepper_y"], "b"))
        places = set()
        while not buzz.done():
            places.add(printer.carriages["stepper_y"].position)
            assert printer.carriages["stepper_x"].position == 7 * MM
            await asyncio.sleep(0.01)
        await buzz
        assert (min(places), max(places), printer.carriages["stepper_y"].position) == (0, MM, 0)
        assert 10 < host.toolhead.now() - begin < 12
        assert set(lost(host, printer).values()) == {0}

    live(CARTESIAN, act)


@pytest.mark.parametrize("accel", [0, 500])
def test_a_forced_move_goes_just_so_far_and_moves_after_it_begin_where_g_code_thought(accel: int) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        lines = [
            AT_ZERO,
            "G1 X10 F6000",
            f"FORCE_MOVE STEPPER=stepper_x DISTANCE=-3 VELOCITY=20 ACCEL={accel}",
        ]
        await host.run(lines, "a")
        assert printer.carriages["stepper_x"].position == 7 * MM
        assert host.toolhead.position[0] == 10
        await host.run(["G1 X12"], "b")
        assert printer.carriages["stepper_x"].position == 9 * MM
        assert set(lost(host, printer).values()) == {0}

    live(CARTESIAN, act)


def test_a_forced_move_needs_no_homing_and_leaves_a_tower_of_a_delta_where_it_sends_it() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = {name: carriage.position for name, carriage in printer.carriages.items()}
        await host.run(["FORCE_MOVE STEPPER=stepper_b DISTANCE=2.5 VELOCITY=10 ACCEL=100"], "a")
        moved = {name: carriage.position - before[name] for name, carriage in printer.carriages.items()}
        distance = host.steppers["stepper_b"].step_distance
        assert {name for name, steps in moved.items() if steps} == {"stepper_b"}
        assert moved["stepper_b"] == round(2.5 / distance)
        assert {name for name, on in enabled(host).items() if on} == {"stepper_b"}

    live(DELTA, act)


def test_filament_is_moved_by_force_too() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["FORCE_MOVE STEPPER=extruder DISTANCE=3.35 VELOCITY=5"], "a")
        assert printer.carriages["extruder"].position == 320

    live(CARTESIAN + HOTEND, act)


def test_a_forced_move_that_is_cancelled_ends_with_its_steps_counted() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO], "a")
        move = asyncio.ensure_future(host.run(["FORCE_MOVE STEPPER=stepper_x DISTANCE=100 VELOCITY=10"], "b"))
        await asyncio.sleep(2)
        move.cancel()
        with pytest.raises(asyncio.CancelledError):
            await move
        place = printer.carriages["stepper_x"].position
        await asyncio.sleep(2)
        assert printer.carriages["stepper_x"].position == place
        assert 0 < place < 40 * MM
        assert set(lost(host, printer).values()) == {0}
        await host.run(["G1 X1 F6000"], "c")
        assert printer.carriages["stepper_x"].position == place + MM

    live(CARTESIAN, act)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("STEPPER_BUZZ STEPPER=stepper_q", "The value 'stepper_q' is not valid for STEPPER; did you mean"),
        ("SET_STEPPER_ENABLE ENABLE=1", "STEPPER must be given"),
        ("FORCE_MOVE STEPPER=stepper_x DISTANCE=1 VELOCITY=0", "out of its range; VELOCITY is above 0"),
    ],
)
def test_a_wrong_motor_or_number_is_told(line: str, what: str) -> None:
    with pytest.raises(GcodeError, match=what):
        said_by(CARTESIAN, line)


def test_a_forced_move_is_refused_unless_it_is_allowed() -> None:
    config = CARTESIAN.replace("enable_force_move: True", "")
    with pytest.raises(GcodeError, match=r'Unknown command: "FORCE_MOVE"; write enable_force_move: True'):
        said_by(config, "FORCE_MOVE STEPPER=stepper_x DISTANCE=1 VELOCITY=1")


@pytest.mark.parametrize(
    ("way", "accel", "seconds"), [(10, 0, 1), (-10, 10, 2), (10, 20, 1.5), (0.1, 40, 0.1)]
)
def test_a_leg_takes_its_time_by_velocity_and_acceleration(way: float, accel: float, seconds: float) -> None:
    motion = Alone(0.01)
    motion.add(way, 10, accel, rest=0.5)
    assert motion.lay(3.0) == pytest.approx(3.51 + seconds)
    motion.close()
