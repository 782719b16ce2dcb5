"""The daemon over the lives of its machines, on a simulated printer: ready, shut down, in error, and started anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.configedit import Changes
from klipkit.base.errors import KlipkitError, PrinterError
from klipkit.base.schema import Loaded
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.daemon.host import Host
from klipkit.daemon.saveconfig import save
from klipkit.parts.heaters.heater import Heater
from klipkit.parts.heaters.pid import Pid
from klipkit.sim.printer import SimulatedPrinter
from tests.daemon_bench import living, until
from tests.machine_bench import CARTESIAN, HOTEND, loaded_of

HOT = CARTESIAN + HOTEND
Act = Callable[[Daemon, list[str]], Awaitable[None]]


def live(
    act: Act,
    texts: list[str],
    *,
    save: Callable[[Changes], Sequence[str]] | None = None,
    faults: Sequence[str] = (),
    log: list[str] | None = None,
) -> list[str]:
    """Run `act` on a daemon whose configuration is the next of `texts` at each start; gives what was said."""
    said: list[str] = []

    def load() -> Loaded:
        return loaded_of(texts.pop(0) if len(texts) > 1 else texts[0])

    async def whole(daemon: Daemon, printer: SimulatedPrinter) -> None:
        daemon.responses.listen(said.append)
        await act(daemon, said)

    written = [] if log is None else log
    return living(load, whole, loaded_of(texts[-1]), log=written.append, save=save, faults=faults)


def test_after_an_emergency_stop_nothing_moves_until_a_firmware_restart() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        await daemon.execute("G28 X", "a")
        await daemon.execute("M112", "a")
        await until(daemon, State.SHUTDOWN)
        with pytest.raises(PrinterError, match="M112"):
            await daemon.execute("G28 X", "a")
        await daemon.execute("M105\nFIRMWARE_RESTART", "a")
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        await daemon.execute("G28 X", "a")

    said = live(act, [CARTESIAN])
    assert any(line.startswith("!! ") and "M112" in line for line in said)


def test_an_error_of_the_configuration_is_told_and_restart_reads_it_again() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.ERROR)
        assert "microsteps" in daemon.message and "printer.cfg:" in daemon.message
        with pytest.raises(PrinterError, match="microsteps"):
            await daemon.execute("G28", "a")
        await daemon.execute("RESTART", "a")
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        await daemon.execute("G28 X", "a")

    live(act, [CARTESIAN.replace("microsteps: 16", "microsteps: sixteen", 1), CARTESIAN])


def test_an_emergency_stop_does_not_wait_for_what_is_being_done() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        moving = asyncio.ensure_future(daemon.execute("G28", "a"))
        await asyncio.sleep(1)
        await daemon.execute("M112", "b")
        await until(daemon, State.SHUTDOWN)
        with pytest.raises(PrinterError):
            await moving

    live(act, [CARTESIAN])


def machine(daemon: Daemon) -> Host:
    assert daemon.host is not None
    return daemon.host


def hotend(daemon: Daemon) -> Heater:
    found = machine(daemon).parts["extruder"]
    assert isinstance(found, Heater)
    return found


def test_m108_cuts_a_wait_short_and_what_comes_next_goes_on() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        heating = asyncio.ensure_future(daemon.execute("M109 S200\nM117 next", "a"))
        await asyncio.sleep(5)
        assert not heating.done()
        await daemon.execute("M108", "b")
        await heating
        assert hotend(daemon).target == 200 and hotend(daemon).temperature < 150
        before = machine(daemon).toolhead.now()
        resting = asyncio.ensure_future(daemon.execute("G28 X\nG4 S1000\nG1 X20 F6000\nM400", "a"))
        await asyncio.sleep(60)
        await daemon.execute("M108", "b")
        await resting
        assert machine(daemon).toolhead.now() - before < 70
        await daemon.execute("M108", "b")  # nothing is waited for
        assert daemon.state is State.READY

    assert "// the wait for a temperature was cut short" in live(act, [HOT])


def test_a_calibration_that_is_cut_short_leaves_the_heater_off() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        calibrating = asyncio.ensure_future(daemon.execute("PID_CALIBRATE HEATER=extruder TARGET=200", "a"))
        await asyncio.sleep(5)
        await daemon.execute("M108", "b")
        with pytest.raises(KlipkitError, match="cut short"):
            await calibrating
        assert hotend(daemon).target == 0
        assert not machine(daemon).unsaved.values

    live(act, [HOT])


def test_cancel_print_ends_a_print_that_waits_for_its_heater(tmp_path: Path) -> None:
    (tmp_path / "part.gcode").write_text("M109 S200\nG28\n")
    card = f"[virtual_sdcard]\npath: {tmp_path}\n[pause_resume]\n"

    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        await daemon.execute("SDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        await asyncio.sleep(5)
        assert machine(daemon).is_printing
        async with asyncio.timeout(2):
            await daemon.execute("CANCEL_PRINT", "b")
        assert not machine(daemon).is_printing
        status = machine(daemon).parts["print_stats"].status()
        assert status.state == "cancelled"
        assert not machine(daemon).toolhead.is_on  # the file's next line was not begun
        assert daemon.state is State.READY

    live(act, [HOT + card])


def test_a_restart_ends_what_is_being_done() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        resting = asyncio.ensure_future(daemon.execute("G4 S1000\nM117 no more", "a"))
        waiting = asyncio.ensure_future(daemon.execute("G28 X", "b"))
        await asyncio.sleep(1)
        await daemon.execute("RESTART", "c")
        async with asyncio.timeout(5):
            await asyncio.gather(resting, waiting, return_exceptions=True)
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        assert not machine(daemon).toolhead.is_on

    live(act, [CARTESIAN])


def test_save_config_writes_what_a_calibration_found_and_the_next_machine_has_it(tmp_path: Path) -> None:
    path = tmp_path / "printer.cfg"
    path.write_text(HOT)
    when = datetime(2026, 11, 24, 16, 0, 0)

    def write(changes: Changes) -> Sequence[str]:
        files = save(str(path), changes, when)
        texts[:] = [path.read_text()]
        return files

    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        await daemon.execute("SAVE_CONFIG", "a")
        machine(daemon).unsaved.set("extruder", "control", "pid")
        for name, value in (("pid_Kp", "21.5"), ("pid_Ki", "1.1"), ("pid_Kd", "100.0")):
            machine(daemon).unsaved.set("extruder", name, value)
        await daemon.execute("SAVE_CONFIG", "a")
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        options = read_config(path).sections["extruder"].options
        assert (options["control"].value, options["pid_kp"].value) == ("pid", "21.5")
        control = hotend(daemon).control
        assert isinstance(control, Pid)
        assert not machine(daemon).unsaved.values

    texts = [HOT]
    said = live(act, texts, save=write)
    assert "// SAVE_CONFIG: there is nothing to save" in said
    assert f"// SAVE_CONFIG: written into {path}" in said
    assert (tmp_path / "printer-20261124_160000.cfg").read_text() == HOT


def test_a_rehearsal_saves_nothing() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        machine(daemon).unsaved.set("extruder", "control", "pid")
        with pytest.raises(KlipkitError, match="a rehearsal changes no configuration"):
            await daemon.execute("SAVE_CONFIG", "a")

    live(act, [HOT])


def test_what_a_firmware_lacks_is_told_by_section() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        users = set(machine(daemon).main.configuration.users.values())
        assert {"[stepper_x]", "[stepper_z]", "[extruder]"} <= users

    live(act, [HOT])


def test_a_lost_link_is_looked_into_and_the_way_out_is_told() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        await until(daemon, State.SHUTDOWN)
        await asyncio.sleep(10)
        assert "the link broke" in daemon.message.splitlines()[0]
        assert "FIRMWARE_RESTART" in daemon.message.splitlines()[-1]
        assert len(daemon.message.splitlines()) == 3, daemon.message

    log: list[str] = []
    live(act, [CARTESIAN], faults=["unplug:mcu@3"], log=log)
    assert any(line.startswith("MCU 'mcu': ") and line.endswith("16000000 Hz") for line in log), log


def test_a_stop_that_comes_during_a_restart_counts() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        daemon.ask(Request.RESTART)
        await until(daemon, State.STARTUP)
        daemon.ask(Request.STOP)  # its machine has not yet ended

    live(act, [CARTESIAN])


def test_who_waits_for_a_turn_behind_a_file_is_told_of_a_restart_at_once(tmp_path: Path) -> None:
    (tmp_path / "slow.gcode").write_text("G4 P600000\n")

    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        await daemon.execute("SDCARD_PRINT_FILE FILENAME=slow.gcode", "a")
        await asyncio.sleep(1)
        waiting = asyncio.ensure_future(daemon.execute("G28", "b"))
        await asyncio.sleep(1)
        daemon.ask(Request.RESTART)
        with pytest.raises(PrinterError, match="restarted"):
            await waiting
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)

    live(act, [CARTESIAN + f"\n[virtual_sdcard]\npath: {tmp_path}\n"])
