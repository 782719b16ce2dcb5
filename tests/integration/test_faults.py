"""What goes wrong during a print, one fault after the other: the state in which it ends, and the cause that is told."""

import asyncio
from pathlib import Path

import pytest

from klipkit.base.schema import Loaded
from klipkit.daemon.daemon import Daemon, State
from klipkit.machine.commands.print_stats import PrintStats
from klipkit.sim.printer import SimulatedPrinter
from tests.daemon_bench import live, until
from tests.reference import TOP

CONFIG = (TOP / "config-examples" / "cartesian.cfg").read_text()
PART = "M140 S60\nM109 S45\nG28\nG1 X10 Y10 Z2 F6000\n" + "G1 X150 F3000\nG1 X10\n" * 8
LONGEST = 300.0  # s
SILENT = 7.0  # s after which all is off, whatever happened

SHUTDOWN, READY = State.SHUTDOWN, State.READY
ENDS = {  # fault: state of the daemon, state of the print, the cause
    "thermistor-open:extruder@30": (
        SHUTDOWN,
        "printing",
        "ADC out of range: the sensor of 'extruder' reads -99.6 C (ADC 1.0000), allowed are 0 to 250 C: the circuit is "
        "open",
    ),
    "thermistor-short:heater_bed@30": (
        SHUTDOWN,
        "printing",
        "ADC out of range: the sensor of 'heater_bed' reads 2226.8 C (ADC 0.0000), allowed are 0 to 130 C: the circuit "
        "is shorted",
    ),
    "heater-stuck-on:extruder@2": (
        SHUTDOWN,
        "printing",
        "ADC out of range: the sensor of 'extruder' reads 25",
    ),
    "heater-broken:extruder@5": (
        SHUTDOWN,
        "printing",
        "Heater extruder not heating at expected rate: it has",
    ),
    "heater-broken:heater_bed@3": (
        SHUTDOWN,
        "printing",
        "Heater heater_bed not heating at expected rate: it has 25",
    ),
    "endstop-stuck:stepper_y:open": (READY, "error", "No trigger on y after full movement"),
    "endstop-stuck:stepper_x:closed": (READY, "error", "Endstop x still triggered after retract"),
    "byte-errors:mcu:1%@3": (READY, "complete", ""),
    "drop:mcu:1%@3": (READY, "complete", ""),
    "host-stall:0.05@35": (READY, "complete", ""),
    **{f"host-stall:0.5@{second}": (READY, "complete", "") for second in (20, 32, 35, 36)},
    "host-stall:3@35": (
        SHUTDOWN,
        "printing",
        "Missed scheduling of next digital out event: the host was late by 29",
    ),
    "mcu-reset:mcu@35": (SHUTDOWN, "printing", "MCU 'mcu' spontaneous restart; look at its power supply"),
    "unplug:mcu@35": (SHUTDOWN, "printing", "the link broke: unplugged"),
}


@pytest.mark.parametrize("fault", ENDS)
def test_a_fault_during_a_print_ends_in_its_state_with_its_cause(fault: str, tmp_path: Path) -> None:
    (tmp_path / "part.gcode").write_text(PART)
    config = f"{CONFIG}\n[virtual_sdcard]\npath: {tmp_path}\n"
    state, printed, cause = ENDS[fault]
    printers: list[SimulatedPrinter] = []
    said: list[str] = []

    async def act(daemon: Daemon) -> None:
        daemon.responses.listen(said.append)
        await until(daemon, State.READY)
        assert daemon.host is not None
        stats = daemon.host.parts["print_stats"]
        assert isinstance(stats, PrintStats)
        await daemon.execute("SDCARD_PRINT_FILE FILENAME=part.gcode", "a")
        async with asyncio.timeout(LONGEST):
            while daemon.state is State.READY and daemon.host.is_printing:
                await asyncio.sleep(0.5)
        await asyncio.sleep(SILENT)
        assert (daemon.state, stats.status().state) == (state, printed), said[-3:]
        if state is State.SHUTDOWN:
            assert_all_off(daemon.host.loaded, printers[0])
            assert cause in daemon.message.splitlines()[0]
            assert "FIRMWARE_RESTART" in daemon.message
        elif printed == "complete":
            for name, stepper in daemon.host.steppers.items():
                carriage = printers[0].carriages[name]
                assert await stepper.counted() == stepper.commanded() == carriage.position
        else:
            await daemon.execute("M105", "a")  # all else goes on

    live(act, config, faults=(fault,), see=printers.append)
    wrong = [line for line in said if line.startswith("!! ")]
    assert len(wrong) == bool(cause), wrong  # a consequence does not hide its cause
    assert not cause or cause in wrong[0]


def assert_all_off(loaded: Loaded, printer: SimulatedPrinter) -> None:
    """By the pins themselves: no heater, no motor."""
    for name, config in loaded.sections.items():
        for option in ("heater_pin", "enable_pin"):
            pin = getattr(config, option, None)
            if pin is not None:
                place = printer.place(pin, name)
                assert printer.cosim.share(*place) in (int(pin.invert), None), (name, option)
