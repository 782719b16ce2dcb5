"""The watchdog restarts a microcontroller whose main loop hangs: the AVR, and the simulated MCU in virtual time."""

import asyncio
import functools
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import Shutdown
from klipkit.boards.chips import chip
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.sim.avr.runner import Chip, build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.bench.avr_session import BAUD, BUILD, Session, Target, firmware, symbols
from tests.reference import TOP
from tests.unit.firmware_surround import frame

SECOND = 16_000_000
MEGA = Target()
BOOT = 0.065  # s: from a reset to the first instruction

# --- of an AVR ---

BITES = SECOND // 2  # ticks
DDRA, DDRB = 0x21, 0x24
SECTION = re.compile(r"\.text\s+PROGBITS\s+([0-9a-f]+)\s+([0-9a-f]+)")
HANGS = {"with-interrupts": "ffcf", "without-interrupts": "f894ffcf"}  # rjmp to itself; cli before it


def hanging(folder: Path, code: str) -> Path:
    """The firmware with other instructions where debug_ping begins."""
    elf = firmware(MEGA)
    table = subprocess.run(["readelf", "-SW", str(elf)], capture_output=True, text=True, check=True).stdout
    found = SECTION.search(table)
    assert found
    place = symbols(elf)["command_debug_ping"] - int(found[1], 16) + int(found[2], 16)
    data = bytearray(elf.read_bytes())
    data[place : place + len(code) // 2] = bytes.fromhex(code)
    path = folder / "hanging.elf"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("code", HANGS.values(), ids=HANGS)
def test_the_watchdog_restarts_an_avr_whose_main_loop_hangs(tmp_path: Path, code: str) -> None:
    """Outputs become inputs, what ran is gone, and the MCU says that it has started."""
    avr = Chip(build(BUILD), MEGA.chip, hanging(tmp_path, code), MEGA.frequency, BAUD)
    session = Session(avr, MEGA.frequency)
    with avr:
        session.identify()
        session.send("allocate_oids count=2")
        session.send("config_digital_out oid=0 pin=PB4 value=1 default_value=0 max_duration=0")
        session.send("config_stepper oid=1 step_pin=PA0 dir_pin=PA1 invert_step=0 step_pulse_ticks=2")
        session.send("finalize_config crc=1")
        begin = session.clock() + SECOND // 100
        session.send(
            f"reset_step_clock oid=1 clock={begin}", "queue_step oid=1 interval=3000 count=65535 add=0"
        )
        session.run(2 * BITES)
        assert not session.resets, "a main loop that goes on is left alone"
        avr.watch(["PA0"], edges=True)
        hung = avr.cycle
        avr.receive(frame(session.number, session.encode("debug_ping data=")))
        session.run(2 * BITES)
        assert len(session.resets) == 1
        assert 0.9 * BITES < session.resets[0] - hung < 1.2 * BITES
        assert max(cycle for cycle, _, _ in session.edges) <= session.resets[0] + 100
        assert (avr.peek(DDRB, 1)[0] | avr.peek(DDRA, 1)[0]) == 0
        session.number, session.unread = 0, b""
        assert "starting" in session.messages
        assert session.ask("get_config", "config")["is_config"] == 0


# --- of a simulated MCU, in virtual time ---

WAYS = {"waiting-for-a-flag": 0, "without-interrupts": 1, "waiting-for-a-pin": 2, "waiting-for-a-clock": 3}
HUNG = "debug_hang how={} pin=PH6"  # nothing drives PH6
BEFORE = 0.4  # s of printing before the firmware hangs


@functools.cache
def hanging_object() -> Path:
    """The simulator's firmware with the command of tests/c/firmware/hang.c."""
    folder = TOP / "firmware" / "build" / "sim-hang"
    options = ["PORT=sim", f"BUILD={folder.relative_to(TOP / 'firmware')}", "MORE=../tests/c/firmware/hang.c"]
    subprocess.run(["make", "-s", "-C", str(TOP / "firmware"), *options], check=True, capture_output=True)
    return folder / "klipkit-sim.so"


class Bitten(NamedTuple):
    error: Exception | None
    printer: SimulatedPrinter
    hung: float  # s


def print_and_hang(way: int | None) -> Bitten:
    """A print runs on a simulated board; then its main loop hangs, if a way to hang is given."""
    text = (TOP / "config-examples" / "ramps-cartesian.cfg").read_text()
    loaded = SCHEMA.load(parse_config(text, "printer.cfg"))
    printer = SimulatedPrinter(loaded, {"mcu": chip("atmega2560")}, hanging_object())
    pins = printer.personas["mcu"].pins
    for name in ("PF0", "PF1"):  # step and direction of x
        printer.cosim.watch(0, pins[name])
    found: list[float] = []

    async def live() -> None:
        host = Host(loaded, printer.reaches())
        try:
            await host.start()
            moves = asyncio.ensure_future(
                host.run(["SET_KINEMATIC_POSITION X=0 Y=0 Z=0", "G1 X60 F1200"], "")
            )
            await asyncio.sleep(BEFORE)
            found.append(printer.cosim.now())
            if way is not None:
                host.main.talk.send(HUNG.format(way).replace("PH6", str(pins["PH6"])))
            await moves
        finally:
            await host.stop()

    try:
        run_virtual(live(), printer.cosim)
    except KlipkitError as error:
        return Bitten(error, printer, found[0])
    return Bitten(None, printer, found[0])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_watchdog_restarts_a_simulated_mcu_whose_main_loop_hangs(way: int) -> None:
    """As on a chip: outputs become inputs, what ran is gone, its clock begins anew, and the host is told so."""
    error, printer, hung = print_and_hang(way)
    cosim, pins = printer.cosim, printer.personas["mcu"].pins
    try:
        assert isinstance(error, Shutdown) and "spontaneous restart" in str(error)
        assert cosim.resets(0) == 1
        bitten = cosim.now() - cosim.clock(0) / SECOND - BOOT
        assert 0.4 < bitten - hung < 0.6
        edges = cosim.edges()
        steps = [edge for edge in edges if edge.pin == pins["PF0"]]
        assert len(steps) > 100 and max(edge.clock for edge in steps) <= (bitten + 1e-3) * SECOND
        runs_on = [edge for edge in steps if edge.clock > (hung + 0.1) * SECOND]
        assert bool(runs_on) == (way != WAYS["without-interrupts"]), (
            "interrupts come while enabled, and only then"
        )
        directions = [edge for edge in edges if edge.pin == pins["PF1"]]
        assert [edge.level for edge in directions] == [1, 0], "set once, and let go of by the reset"
        assert abs(directions[1].clock / SECOND - bitten) < 1e-3
    finally:
        printer.close()


def test_a_simulated_mcu_whose_main_loop_goes_on_is_left_alone() -> None:
    error, printer, _ = print_and_hang(None)
    try:
        assert error is None
        assert printer.cosim.resets(0) == 0
        assert printer.carriages["stepper_x"].position == 60 * 80
    finally:
        printer.close()


def test_two_runs_that_hang_are_the_same() -> None:
    digests = []
    for _ in range(2):
        _, printer, _ = print_and_hang(WAYS["waiting-for-a-flag"])
        digests.append((printer.cosim.wire_digest(0), printer.cosim.edges()))
        printer.close()
    assert digests[0] == digests[1]
