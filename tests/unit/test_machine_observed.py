"""What is said and seen of the machine: positions, states, firmware, the toolhead's motion, endstops."""

import asyncio
from typing import Any

import pytest

from klipkit.base.faults import EmergencyStop, GcodeError
from klipkit.daemon.host import Host
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import AT_ZERO, CARTESIAN, DELTA, HOTEND, live, said_by


def status(host: Host, section: str) -> Any:
    return host.parts[section].status()


def test_positions_are_told_in_all_coordinates() -> None:
    said = said_by(
        CARTESIAN, AT_ZERO, "SET_GCODE_OFFSET Z=0.5", "G1 X10 Y20 Z3 F6000", "G92 Y5", "GET_POSITION", "M114"
    )
    assert said == [
        "// mcu: stepper_x:800 stepper_y:1600 stepper_z:1400",
        "// stepper: stepper_x:10.000000 stepper_y:20.000000 stepper_z:3.500000",
        "// kinematic: X:10.000000 Y:20.000000 Z:3.500000",
        "// toolhead: X:10.000000 Y:20.000000 Z:3.500000 E:0.000000",
        "// gcode: X:10.000000 Y:5.000000 Z:3.000000 E:0.000000",
        "// gcode base: X:0.000000 Y:15.000000 Z:0.500000 E:0.000000",
        "// gcode homing: X:0.000000 Y:0.000000 Z:0.500000",
        "X:10.000 Y:5.000 Z:3.000 E:0.000",
    ]


def test_a_delta_tells_its_carriages_heights() -> None:
    said = said_by(DELTA, "G28", "G1 Z100 F6000", "GET_POSITION")
    stepper = dict(word.split(":") for word in said[1].removeprefix("// stepper: ").split())
    assert len(set(stepper.values())) == 1
    assert float(stepper["stepper_a"]) > 200
    assert said[2].startswith("// kinematic: X:0.0")


def test_a_kept_state_gives_back_modes_origin_factors_and_place() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "G1 X10 Y10 E2 F600", "M220 S50", "SAVE_GCODE_STATE NAME=here"], "a")
        changed = ["M220 S100", "G91", "M83", "G1 X20 Y5 E1 F6000", "SET_GCODE_OFFSET X=1", "M221 S90"]
        await host.run(changed, "b")
        await host.run(["RESTORE_GCODE_STATE NAME=here MOVE=1 MOVE_SPEED=50", "M114"], "c")
        moves = host.planner.moves
        assert host.toolhead.position == pytest.approx((10, 10, 0))
        assert (moves.is_relative, moves.is_relative_e, moves.feed) == (0, 0, 600)
        assert (moves.speed_factor, moves.extrude_factor, moves.offset[0]) == (0.5, 1, 0)

    assert live(CARTESIAN + HOTEND, act)[-1] == "X:10.000 Y:10.000 Z:0.000 E:2.000"


def test_a_state_is_restored_without_a_move_unless_one_is_asked_for() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "SAVE_GCODE_STATE", "G1 X20 F6000", "RESTORE_GCODE_STATE"], "a")
        assert host.toolhead.position[0] == 20

    live(CARTESIAN, act)


def test_a_state_that_was_never_kept_is_told() -> None:
    with pytest.raises(GcodeError, match="Unknown g-code state: hare; did you mean 'here'"):
        said_by(CARTESIAN, "SAVE_GCODE_STATE NAME=here", "RESTORE_GCODE_STATE NAME=hare")


def test_gcode_move_shows_modes_factors_and_positions() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "G1 X10 E2 F1200", "G92 X1", "M220 S200", "M221 S50", "G91"], "a")
        seen = status(host, "gcode_move")
        assert seen.position == (10, 0, 0, 2)
        assert (seen.gcode_position.x, seen.gcode_position.e) == (1, 2)
        assert (seen.speed, seen.speed_factor, seen.extrude_factor) == (1200, 2, 0.5)
        assert (seen.absolute_coordinates, seen.absolute_extrude) == (False, True)

    live(CARTESIAN + HOTEND, act)


def test_the_toolhead_shows_homed_axes_reach_and_limits() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["G28 X Y", "SET_VELOCITY_LIMIT ACCEL=1000"], "a")
        seen = status(host, "toolhead")
        assert (seen.homed_axes, seen.max_velocity, seen.max_accel, seen.extruder) == ("xy", 300, 1000, "")
        assert (seen.axis_minimum[:3], seen.axis_maximum[:3]) == ((0, 0, 0), (200, 200, 200))
        assert seen.cone_start_z is None

    live(CARTESIAN, act)


@pytest.mark.parametrize(
    ("words", "homed"),
    [
        ("", "xyz"),
        ("SET_HOMED=x", "x"),
        ("CLEAR_HOMED=Z", "xy"),
        ("SET_HOMED= CLEAR_HOMED=XY", ""),
        ("SET_HOMED=", ""),
    ],
)
def test_axes_are_told_to_be_homed_or_not(words: str, homed: str) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([f"SET_KINEMATIC_POSITION X=5 {words}"], "a")
        seen = status(host, "toolhead")
        assert (seen.homed_axes, seen.position.x) == (homed, 5)

    live(CARTESIAN, act)


def test_a_delta_shows_its_radius_and_where_it_narrows() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        seen = status(host, "toolhead")
        assert seen.axis_maximum.x == -seen.axis_minimum.x == host.planner.bounds.radius
        assert 0 < seen.cone_start_z < seen.axis_maximum.z

    live(DELTA, act)


def test_the_live_position_follows_the_motion() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO], "a")
        move = asyncio.ensure_future(host.run(["G1 X100 E-20 F1200", "G1 X0 E0"], "b"))
        seen = []
        while not move.done():
            report, at = status(host, "motion_report"), printer.carriages["stepper_x"].position / 80
            assert report.live_position.x == pytest.approx(at, abs=0.1)
            seen.append(report)
            await asyncio.sleep(0.05)
        await move
        assert max(one.live_velocity for one in seen) == pytest.approx(20)
        assert min(one.live_extruder_velocity for one in seen) == pytest.approx(-4)
        assert max(one.live_extruder_velocity for one in seen) == pytest.approx(4)
        end = status(host, "motion_report")
        assert (end.live_position, end.live_velocity) == (pytest.approx((0, 0, 0, 0), abs=1e-6), 0)

    live(CARTESIAN + HOTEND, act)


def test_endstops_show_what_was_last_asked() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        assert status(host, "query_endstops").last_query == {}
        await host.run(["G28 X", "G1 X0 F6000", "QUERY_ENDSTOPS"], "a")
        assert status(host, "query_endstops").last_query == {"x": True, "y": False, "z": False}

    live(CARTESIAN, act)


def test_the_microcontroller_and_the_computer_are_seen() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        seen = status(host, "mcu")
        assert seen.mcu_constants["CLOCK_FREQ"] == 16_000_000
        assert seen.last_stats.bytes_read > 0
        assert status(host, "system_stats").memavail > 0

    live(CARTESIAN, act)


def test_firmware_help_and_state_are_told() -> None:
    said = said_by(CARTESIAN, "M115", "N1 M110 N0*125", "STATUS", "HELP")
    assert said[0].startswith("FIRMWARE_NAME:Klipper FIRMWARE_VERSION:klipkit-")
    assert said[1:3] == ["// Klipper state: Ready", "// Available extended commands:"]
    names = [line.split()[1].rstrip(":") for line in said[3:]]
    assert {"FORCE_MOVE", "QUERY_ENDSTOPS", "SET_VELOCITY_LIMIT"} <= set(names)
    assert "G1" not in names


def test_the_commands_are_seen_with_their_help() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        assert status(host, "gcode").commands["M114"] == {
            "help": "Report the position in G-code's coordinates."
        }

    live(CARTESIAN, act)


def test_an_emergency_stop_from_the_side_ends_a_move_and_shuts_the_firmware_down() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO], "a")
        move = asyncio.ensure_future(host.run(["G1 X100 F600"], "b"))
        await asyncio.sleep(3)
        await host.commands.run(line_of("M112"))
        with pytest.raises(EmergencyStop, match="Shutdown due to M112 command; FIRMWARE_RESTART"):
            await move
        await asyncio.sleep(0.1)
        place = printer.carriages["stepper_x"].position
        await asyncio.sleep(2)
        assert printer.carriages["stepper_x"].position == place
        assert 0 < place < 40 * 80

    live(CARTESIAN, act)


def line_of(text: str) -> Any:
    from klipkit.gcode.words import parse_line

    return parse_line(text, "console:1")
