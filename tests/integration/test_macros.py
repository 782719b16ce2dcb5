"""Macros around prints on a simulated printer, in virtual time."""

import asyncio
from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.gcode.templates import problems
from klipkit.machine.commands.print_stats import PrintStats, PrintStatsStatus
from klipkit.machine.sdcard import VirtualSdcard
from klipkit.sim.printer import SimulatedPrinter
from tests import machine_bench
from tests.machine_bench import CARTESIAN, HOTEND, CardAct, live_with_card
from tests.reference import reference_path

CONFIG = CARTESIAN + HOTEND


def live(folder: Path, config: str, text: str, act: CardAct) -> list[str]:
    """Run `act` on a printer whose card has part.gcode; gives what it said. No step is lost."""
    return live_with_card(folder, f"{CONFIG}\n[respond]\n{config}", text, act)


def stats(host: Host) -> PrintStatsStatus:
    part = host.parts["print_stats"]
    assert isinstance(part, PrintStats)
    return part.status()


async def until_done(card: VirtualSdcard) -> None:
    while card.is_active:
        await asyncio.sleep(0.1)


async def printed(host: Host, card: VirtualSdcard) -> None:
    await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "console")
    await until_done(card)


PLACE = "SET_KINEMATIC_POSITION X=10 Y=10 Z=10\n"


@pytest.mark.parametrize("name", ["G1", "M204", "G0", "G92"])
def test_the_quick_way_leaves_a_command_to_the_macro_in_its_place(tmp_path: Path, name: str) -> None:
    lines = {"G1": "G1 X20 F3000", "M204": "M204 S500", "G0": "G0 X20 F3000", "G92": "G92 X10"}
    text = PLACE + f"{lines[name]}\n" * 3 + "G90\nG1 X22 F3000\nM400\n"
    config = (
        f"[gcode_macro {name}]\nvariable_calls: 0\nrename_existing: {name}.1\ngcode:\n"
        f"  SET_GCODE_VARIABLE MACRO={name} VARIABLE=calls VALUE={{calls + 1}}\n  {name}.1 {{rawparams}}\n"
    )

    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        assert stats(host).state == "complete"
        calls = host.parts[f"gcode_macro {name}"].status()["calls"]
        assert calls == (4 if name == "G1" else 3)
        assert host.toolhead.position[0] == pytest.approx(22)

    live(tmp_path, config, text, act)


MOVES = PLACE + "G1 X20 F600\nG1 X21\nG1 X4000\nG1 X30\nG1 X40\nM400\n"


def test_an_error_gives_the_print_up_and_carries_out_its_g_code(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        assert stats(host).state == "error"
        assert "part.gcode:4: Move out of range" in stats(host).message

    config = "[virtual_sdcard]\non_error_gcode:\n  M118 off {printer.print_stats.state}\n"
    assert "echo: off error" in live(tmp_path, config, MOVES, act)


def test_an_error_pauses_a_print_that_goes_on_behind_the_line(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        state = stats(host)
        assert state.state == "paused"
        assert "part.gcode:4: Move out of range" in state.message
        assert host.toolhead.position[0] == pytest.approx(21)
        assert host.toolhead.position[2] == pytest.approx(15)
        assert host.parts["pause_resume"].status().is_paused
        await host.scripts.run("RESUME", "console")
        await until_done(card)
        assert (stats(host).state, stats(host).message) == ("complete", "")
        assert host.toolhead.position[:3] == pytest.approx((40, 10, 10))
        assert card.job is not None and card.job.line == MOVES.count("\n")

    config = (
        "[virtual_sdcard]\non_error: pause\n[gcode_macro PAUSE]\nrename_existing: BASE_PAUSE\n"
        "gcode:\n  BASE_PAUSE\n  G1 Z15 F600\n"
    )
    said = live(tmp_path, config, MOVES, act)
    assert [line for line in said if line.startswith("!!")] == [
        f"!! {tmp_path}/part.gcode:4: Move out of range: 4000.000 10.000 10.000 [0.000]; X goes from 0 to 200 mm"
    ]


def test_an_error_in_a_macro_of_the_file_pauses_with_the_way_to_it(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        assert stats(host).state == "paused"
        await host.scripts.run("RESUME", "console")
        await until_done(card)
        assert stats(host).state == "complete"

    config = "[virtual_sdcard]\non_error: pause\n[gcode_macro LAYER]\ngcode:\n  G1 X{params.X|float * 1e6}\n"
    said = live(tmp_path, config, PLACE + "G1 X20 F6000\nLAYER X=1\nG1 X30\n", act)
    (error,) = [line for line in said if line.startswith("!!")]
    assert f"(macro LAYER) from {tmp_path}/part.gcode:3: Move out of range" in error


def test_a_pause_that_fails_itself_gives_the_print_up(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        assert stats(host).state == "error"
        assert "part.gcode:4" in stats(host).message

    config = (
        "[virtual_sdcard]\non_error: pause\n[gcode_macro PAUSE]\nrename_existing: BASE_PAUSE\n"
        "gcode:\n  G1 Z1500 F600\n"
    )
    said = live(tmp_path, config, MOVES, act)
    assert len([line for line in said if line.startswith("!!")]) == 2


@pytest.mark.parametrize("moves", [1, 40, 4000])
def test_a_refused_move_is_passed_over_by_m24_and_no_line_before_it_is_done_again(
    tmp_path: Path, moves: int
) -> None:
    text = PLACE + "G91\n" + "G1 X0.01 F6000\n" * moves + "G1 X4000\n" + "G1 X0.01\n" * moves

    async def act(host: Host, card: VirtualSdcard) -> None:
        await printed(host, card)
        assert stats(host).state == "error"
        await host.scripts.run("M24", "console")
        await until_done(card)
        assert stats(host).state == "complete"
        assert host.toolhead.position[0] == pytest.approx(10 + 0.02 * moves)

    live(tmp_path, "", text, act)


MAINSAIL = """
[gcode_macro PAUSE]
rename_existing: PAUSE_BASE
gcode:
  {% set z = params.Z|default(10)|int %}
  {% if printer.toolhead.position.z + z > printer.toolhead.axis_maximum.z %}
    {% set z = 0 %}
  {% endif %}
  SET_GCODE_VARIABLE MACRO=RESUME VARIABLE=e VALUE={printer.extruder.target}
  PAUSE_BASE
  G91
  G1 Z{z} F900
  G90
  G1 X5 Y5 F6000
[gcode_macro RESUME]
variable_e: 0
rename_existing: RESUME_BASE
gcode:
  {% if printer.idle_timeout.state|upper == "IDLE" %}
    {action_respond_info("the printer was idle")}
  {% endif %}
  {% if e > 0 %} M104 S{e} {% endif %}
  RESUME_BASE {rawparams}
[gcode_macro CANCEL_PRINT]
rename_existing: CANCEL_PRINT_BASE
gcode:
  {% if printer.pause_resume.is_paused %} M118 was paused {% endif %}
  TURN_OFF_HEATERS
  CANCEL_PRINT_BASE
[gcode_macro PRINT_START]
gcode:
  {% set hotend = params.EXTRUDER|default(190)|float %}
  SET_KINEMATIC_POSITION X=10 Y=10 Z=10
  M104 S{hotend}
  M109 S{hotend}
  M118 at {printer.extruder.target} for {params.EXTRUDER}
  SET_DISPLAY_TEXT MSG="Printing {printer.print_stats.filename}"
"""
LONG = "PRINT_START EXTRUDER=60\nG1 X20 F120\nG1 X30\nG1 X40\nG1 X50\nM400\n"  # 5 s a move


def test_a_start_macro_heats_before_the_first_move(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "console")
        extruder = host.parts["extruder"]
        while extruder.status().temperature < 58:
            assert host.toolhead.position[0] <= 10
            await asyncio.sleep(0.5)
        await until_done(card)
        assert stats(host).state == "complete"
        assert host.parts["display_status"].status().message == "Printing part.gcode"
        assert host.toolhead.position[0] == pytest.approx(50)

    said = live(tmp_path, MAINSAIL, LONG, act)
    assert "echo: at 0.0 for 60" in said  # worked out before the first line of the macro was carried out


def test_mainsails_macros_pause_park_resume_and_cancel(tmp_path: Path) -> None:
    async def act(host: Host, card: VirtualSdcard) -> None:
        await host.scripts.run("SDCARD_PRINT_FILE FILENAME=part.gcode", "console")
        while host.toolhead.position[0] < 20:
            await asyncio.sleep(0.5)
        await host.scripts.run("PAUSE Z=4", "console")
        assert stats(host).state == "paused"
        place = host.toolhead.position
        assert place[:2] == pytest.approx((5, 5)) and place[2] == pytest.approx(14)
        assert host.parts["gcode_macro RESUME"].status() == {"e": 60.0}
        await asyncio.sleep(30)
        await host.scripts.run("RESUME VELOCITY=80", "console")
        assert stats(host).state == "printing"
        assert host.toolhead.position[2] == pytest.approx(10)
        await asyncio.sleep(1)
        await host.scripts.run("CANCEL_PRINT", "console")
        assert (stats(host).state, card.is_active) == ("cancelled", False)
        assert host.parts["extruder"].status().target == 0

    said = live(tmp_path, MAINSAIL, LONG, act)
    assert "echo: was paused" not in said


def test_the_macros_of_the_dialects_own_regression_test_find_nothing_wrong() -> None:
    """They ask for an emergency stop when something is not as they have it."""
    config = reference_path("klippy-tests/macros.cfg").read_text()

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["TESTIT"], "macros.test")
        assert not host.fault.done()
        assert host.planner.known == {0, 1, 2}

    said = machine_bench.live(config, act)
    assert [line for line in said if "TEST_" in line] == [
        "// TEST_expression",
        "// TEST_variable",
        "// TEST_variable_part2",
        "// TEST_param",
    ]


def test_each_macro_of_the_reference_configurations_can_be_read() -> None:
    count = 0
    for path in sorted(reference_path("configs").glob("*.cfg")):
        sections = SCHEMA.examine(read_config(path)).sections
        assert list(problems(sections)) == []
        count += sum(name.startswith("gcode_macro ") for name in sections)
    assert count > 80
