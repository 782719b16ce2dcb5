"""A configuration that is edited while the printer runs: what is taken on, what is told, what is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from klipkit.base.errors import ConfigError, KlipkitError
from klipkit.daemon.daemon import Daemon, State
from klipkit.daemon.host import Host
from klipkit.daemon.reload import Report, reload
from klipkit.parts.heaters.heater import Heater
from klipkit.parts.heaters.pid import Pid
from klipkit.sim.printer import SimulatedPrinter
from tests.daemon_bench import living, local, until
from tests.machine_bench import AT_ZERO, CARTESIAN, HOTEND, live, loaded_of

PID = HOTEND.replace("control: watermark", "control: pid\npid_kp: 22\npid_ki: 1.1\npid_kd: 110")
BASE = CARTESIAN + PID + "[respond]\n"
MACRO = "[gcode_macro SAY]\nvariable_n: 1\nvariable_m: 2\ngcode:\n  M118 {n} {m}\n"


class Edited:
    """A host with its configuration, which is edited."""

    def __init__(self, host: Host) -> None:
        self.host = host

    async def reload(self, text: str) -> Report:
        async with self.host.scripts.turn:
            return await reload(self.host, lambda: loaded_of(text))

    async def run(self, *lines: str) -> None:
        await self.host.run(lines, "console")


def edited(config: str, act: Callable[[Edited], Awaitable[None]]) -> list[str]:
    """Run `act` on a machine of that configuration; gives what it said."""

    async def whole(host: Host, printer: SimulatedPrinter) -> None:
        await act(Edited(host))

    return live(config, whole)


def told(report: Report) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(change.section, change.action, change.options) for change in report.changes]


def test_a_macro_that_was_edited_is_the_new_one_and_the_axes_stay_homed() -> None:
    async def act(edit: Edited) -> None:
        await edit.run(AT_ZERO, "G1 X10 F6000", "SAY", "SET_GCODE_VARIABLE MACRO=SAY VARIABLE=n VALUE=5")
        new = MACRO.replace("M118", "M118 new").replace("_m: 2", "_m: 3") + "variable_k: 9\n"
        report = await edit.reload(BASE + "\n\n" + new + "description: says\n")
        options = ("gcode", "variable_m", "variable_k", "description")
        assert [(name, action, set(names)) for name, action, names in told(report)] == [
            ("gcode_macro SAY", "changed", set(options))
        ]
        assert not report.needs_restart
        await edit.run("SAY", "G1 X20")
        assert edit.host.parts["gcode_macro SAY"].status() == {"n": 5, "m": 3, "k": 9}
        assert edit.host.commands.by_name["SAY"].text == "says"
        assert edit.host.parts["configfile"].status().settings["gcode_macro say"]["variable_m"] == 3

    assert edited(BASE + MACRO, act) == ["echo: 1 2", "echo: new 5 3"]


def test_what_has_not_changed_is_not_told_and_its_errors_have_their_new_lines() -> None:
    async def act(edit: Edited) -> None:
        report = await edit.reload("# one\n# two\n" + BASE + MACRO + "  M118 {1 / 0}\n")
        assert told(report) == []
        assert report.lines() == ["nothing has changed"]
        line = (BASE + MACRO).count("\n") + 3
        with pytest.raises(KlipkitError, match=f"^printer.cfg:{line} "):
            await edit.run("SAY")

    edited(BASE + MACRO + "  M118 {1 / 0}\n", act)


def test_macros_come_and_go_and_give_back_what_they_renamed() -> None:
    async def act(edit: Edited) -> None:
        pause = "[pause_resume]\n"
        macro = "[gcode_macro PAUSE]\nrename_existing: BASE_PAUSE\ngcode: M118 mine\n"
        later = "[delayed_gcode later]\ninitial_duration: 3\ngcode: M118 later\n"
        report = await edit.reload(BASE + pause + macro + later + MACRO)
        assert told(report) == [
            ("gcode_macro PAUSE", "added", ()),
            ("delayed_gcode later", "added", ()),
            ("gcode_macro SAY", "added", ()),
        ]
        await edit.run("PAUSE", "SAY")
        await asyncio.sleep(4)
        other = macro.replace("BASE_PAUSE", "OLD_PAUSE").replace("mine", "other")
        report = await edit.reload(BASE + pause + other)
        assert told(report) == [
            ("gcode_macro PAUSE", "changed", ("gcode", "rename_existing")),
            ("delayed_gcode later", "removed", ()),
            ("gcode_macro SAY", "removed", ()),
        ]
        await edit.run("PAUSE", "SAY", "OLD_PAUSE", "BASE_PAUSE", "CLEAR_PAUSE")
        await edit.reload(BASE + pause)
        await edit.run("PAUSE", "PAUSE")
        assert (
            set(edit.host.commands.by_name) & {"OLD_PAUSE", "BASE_PAUSE", "SAY", "UPDATE_DELAYED_GCODE"}
            == set()
        )
        assert edit.host.commands.changed == set()

    said = edited(BASE + "[pause_resume]\n", act)
    assert [line.partition(" (")[0] for line in said if "action:" not in line] == [
        "echo: mine",
        "echo: 1 2",
        "echo: later",
        "echo: other",
        '// Unknown command:"SAY"',
        '// Unknown command:"BASE_PAUSE"',
        "// Print already paused",
    ]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ("[gcode_macro AB]\ngcode:\n  M118 {x\n", "Error loading template 'gcode_macro AB:gcode'"),
        ("[gcode_macro M118]\ngcode: G28\n", "gcode command M118 already registered"),
        ("[gcode_macro AB]\nrename_existing: CD\ngcode: G28\n", "Existing command 'AB' not found"),
        ("[save_variables]\nfilename: /nowhere/v\n", "the file of variables /nowhere/v cannot be used"),
        ("[gcode_macro AB]\ngcode: G28\ngcod: x\n", "option 'gcod' is not valid"),
        ("[idle_timeout]\ntimeout: -1\n", "must be above 0"),
    ],
)
def test_an_error_in_the_new_configuration_changes_nothing(wrong: str, what: str) -> None:
    async def act(edit: Edited) -> None:
        await edit.run(
            "SET_GCODE_VARIABLE MACRO=SAY VARIABLE=n VALUE=5", "UPDATE_DELAYED_GCODE ID=d DURATION=9"
        )
        before = {**edit.host.commands.by_name}, dict(edit.host.parts), dict(edit.host.loaded.sections)
        other = (
            "[gcode_macro GOES]\nrename_existing: OTHER\ngcode: M118 x\n[gcode_macro COMES]\ngcode: M118 y\n"
        )
        new = BASE + MACRO.replace("M118", "M118 new") + other
        with pytest.raises(ConfigError, match=what):
            await edit.reload(new.replace("GOES", "RESPOND") + wrong)
        after = {**edit.host.commands.by_name}, dict(edit.host.parts), dict(edit.host.loaded.sections)
        assert after[2] == before[2]
        assert after[1] == before[1]
        assert after[0].keys() == before[0].keys()
        await edit.run("SAY", "RESPOND MSG=a", "OTHER")
        await asyncio.sleep(10)

    old = "[gcode_macro RESPOND]\nrename_existing: RESPOND_BASE\ngcode: RESPOND_BASE MSG=b\n"
    delayed = "[delayed_gcode d]\ngcode: M118 due\n"
    said = edited(BASE + MACRO + old + delayed, act)
    assert [line.partition(" (")[0] for line in said] == [
        "echo: 5 2",
        "echo: b",
        '// Unknown command:"OTHER"',
        "echo: due",
    ]


def test_options_of_other_parts_are_taken_on(tmp_path: Path) -> None:
    old = (
        f"[virtual_sdcard]\npath: {tmp_path}\n[pause_resume]\n[idle_timeout]\ntimeout: 100\n"
        f"[save_variables]\nfilename: {tmp_path}/a\n[gcode_button b]\npin: PL1\npress_gcode: M118 a\n"
        "[fan]\npin: PH6\n[heater_fan h]\npin: PH5\n[homing_override]\ngcode: M118 home\n"
        "[controller_fan c]\npin: PH4\n"
    )
    new = (
        old.replace("timeout: 100", "timeout: 5\ngcode: M118 idle {printer.idle_timeout.idle_timeout}")
        .replace("/a\n", "/b\n").replace("M118 a", "M118 b").replace("pin: PH6", "pin: PH6\noff_below: 0.3")
        .replace("pin: PH5", "pin: PH5\nheater_temp: 10\nfan_speed: 0.5").replace("M118 home", "M118 new home")
        .replace("[pause_resume]", "[pause_resume]\nrecover_velocity: 5")
        .replace("pin: PH4", "pin: PH4\nidle_speed: 0.3") + "on_error_gcode: M118 bad\n[virtual_sdcard]\n"
    ).replace("[virtual_sdcard]\npath", "[virtual_sdcard]\non_error: pause\npath")  # fmt: skip
    new = new.replace("on_error_gcode: M118 bad\n", "")

    async def act(edit: Edited) -> None:
        report = await edit.reload(BASE.replace("[respond]", "[respond]\ndefault_type: command") + new)
        assert sorted(told(report)) == [
            ("controller_fan c", "changed", ("idle_speed",)),
            ("fan", "changed", ("off_below",)),
            ("gcode_button b", "changed", ("press_gcode",)),
            ("heater_fan h", "changed", ("heater_temp", "fan_speed")),
            ("homing_override", "changed", ("gcode",)),
            ("idle_timeout", "changed", ("gcode", "timeout")),
            ("pause_resume", "changed", ("recover_velocity",)),
            ("respond", "changed", ("default_type",)),
            ("save_variables", "changed", ("filename",)),
            ("virtual_sdcard", "changed", ("on_error",)),
        ]
        await edit.run("G28", "SAVE_VARIABLE VARIABLE=x VALUE=1", "M106 S60")
        assert (tmp_path / "b").read_text() == "[Variables]\nx = 1\n"
        await asyncio.sleep(3)
        assert edit.host.parts["fan"].status().speed == 0
        assert edit.host.parts["heater_fan h"].status().speed == 0.5
        await asyncio.sleep(6)
        report = await edit.reload(BASE)
        assert ("idle_timeout", "changed", ("gcode", "timeout")) in told(report)
        assert edit.host.parts["idle_timeout"].status().idle_timeout == 600

    assert edited(BASE + old, act) == ["// new home", "// idle 5.0"]


def test_pid_parameters_are_taken_on_and_the_heat_goes_on() -> None:
    async def act(edit: Edited) -> None:
        heater = edit.host.parts["extruder"]
        assert isinstance(heater, Heater)
        await edit.run("M109 S60")
        await asyncio.sleep(120)
        control = heater.control
        report = await edit.reload(BASE.replace("pid_ki: 1.1", "pid_ki: 2.2").replace("kd: 110", "kd: 90"))
        assert told(report) == [("extruder", "changed", ("pid_ki", "pid_kd"))]
        assert heater.control is control and isinstance(control, Pid)
        assert control._i == pytest.approx(2.2 / 255)
        await asyncio.sleep(60)
        assert heater.temperature == pytest.approx(60, abs=1)

    edited(BASE, act)


def test_limits_of_the_printer_are_taken_on_and_those_set_by_g_code_stay() -> None:
    async def act(edit: Edited) -> None:
        await edit.run("SET_VELOCITY_LIMIT VELOCITY=77")
        new = BASE.replace("[respond]", "[printer]\nsquare_corner_velocity: 7\n[respond]")
        new = new.replace("min_extrude_temp: 0", "min_extrude_temp: 150")
        assert told(await edit.reload(new)) == [
            ("printer", "changed", ("square_corner_velocity",)),
            ("extruder", "changed", ("min_extrude_temp",)),
        ]
        velocity, _, corner, _ = edit.host.planner.limits
        assert (velocity, corner) == (77, 7)
        await asyncio.sleep(1)
        assert not edit.host.parts["extruder"].status().can_extrude

    edited(BASE, act)


def test_what_needs_a_restart_is_told_with_its_place_and_stays() -> None:
    async def act(edit: Edited) -> None:
        new = BASE.replace("nozzle_diameter: 0.4", "nozzle_diameter: 0.6").replace("pid_kp: 22", "pid_kp: 30")
        new += "[fan]\npin: PH6\n" + MACRO
        for _ in range(2):  # told until it is done
            report = await edit.reload(new)
            assert ("extruder", "restart", ("nozzle_diameter",)) in told(report)
            assert ("fan", "restart", ()) in told(report)
            assert report.needs_restart
        (change,) = [change for change in report.changes if change.section == "extruder"]
        line = new.split("\n").index("nozzle_diameter: 0.6") + 1
        assert str(change) == f"[extruder] needs a restart: nozzle_diameter (printer.cfg:{line})"
        assert edit.host.parts["configfile"].status().settings["extruder"]["nozzle_diameter"] == 0.4
        heater = edit.host.parts["extruder"]
        assert isinstance(heater, Heater) and isinstance(heater.control, Pid)
        assert heater.control._p == pytest.approx(22 / 255)
        await edit.run("SAY")

    assert edited(BASE, act) == ["echo: 1 2"]


def test_a_command_that_was_renamed_does_not_go_away_below_its_macro() -> None:
    macro = "[gcode_macro M118]\nrename_existing: M118.1\ngcode: M118.1 x{rawparams}\n"

    async def act(edit: Edited) -> None:
        report = await edit.reload(CARTESIAN + PID + macro)
        assert told(report) == [("respond", "restart", ())]
        await edit.run("M118 a")

    assert edited(BASE + macro, act) == ["echo: xa"]


def daemon_with(text: str, new: str, act: Callable[[Daemon], Awaitable[Any]]) -> list[str]:
    """Run `act` on a daemon whose configuration is edited as soon as it is ready."""
    texts = [text]

    async def whole(daemon: Daemon, printer: SimulatedPrinter) -> None:
        await until(daemon, State.READY)
        texts[0] = new
        await act(daemon)

    said = living(lambda: loaded_of(texts[0]), whole, loaded_of(text))
    assert said.pop(0) == "// Klipper state: Ready"
    return said


def test_reload_is_a_command_of_the_console_of_macros_and_of_the_api() -> None:
    async def act(daemon: Daemon) -> None:
        async with local(daemon) as session:
            await session.gcode("AGAIN")
            await session.gcode("SAY")
            answer = await session.request("reload")
            assert answer == {"changes": [], "needs_restart": False}
            assert "RELOAD" in daemon.commands().by_name

    again = "[gcode_macro AGAIN]\ngcode:\n  M118 before\n  RELOAD\n  M118 after\n"
    new = BASE + MACRO + again.replace("before", "never")
    assert daemon_with(BASE + again, new, act) == [
        "echo: before",
        f"// RELOAD: [gcode_macro AGAIN] changed: gcode (printer.cfg:{new.count(chr(10)) - 3})",
        f"// RELOAD: [gcode_macro SAY] added (printer.cfg:{BASE.count(chr(10)) + 1})",
        "echo: after",
        "echo: 1 2",
    ]


def test_an_emergency_stop_waits_for_no_macro_of_its_name_and_other_macros_take_their_turn() -> None:
    async def act(daemon: Daemon) -> None:
        work = asyncio.ensure_future(daemon.execute("G4 P5000\nM118 rested", "console"))
        await asyncio.sleep(0.1)
        begin = asyncio.get_running_loop().time()
        await daemon.execute("M108", "console")
        assert asyncio.get_running_loop().time() - begin > 3  # the dwell, less what is sent ahead
        await work
        work = asyncio.ensure_future(daemon.execute("G4 P60000", "console"))
        await asyncio.sleep(0.1)
        await daemon.execute("M112", "console")
        assert daemon.host is not None and "M112" in str(daemon.host.fault.result())
        with pytest.raises(KlipkitError):
            await work

    config = (
        BASE
        + "[gcode_macro M112]\nrename_existing: M112.1\ngcode: M118 no\n[gcode_macro M108]\ngcode: M118 mine\n"
    )
    said = daemon_with(config, config, act)
    assert said[:2] == ["echo: mine", "echo: rested"] and "echo: no" not in said


def test_a_wrong_configuration_is_told_to_who_asks_and_the_printer_goes_on() -> None:
    async def act(daemon: Daemon) -> None:
        async with local(daemon) as session:
            with pytest.raises(ConfigError, match="is not a valid config section") as caught:
                await session.request("reload")
            assert caught.value.where.startswith("printer.cfg:")
            await session.gcode("M118 on")
        assert daemon.state is State.READY

    assert daemon_with(BASE, BASE + "[gcode_marco A]\n", act) == ["echo: on"]
