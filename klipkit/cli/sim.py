"""`klipkit sim`: the microcontrollers of a printer, simulated, each behind a pseudo terminal for any host."""

import asyncio
import signal
from pathlib import Path

import click

from klipkit.base.config import read_config
from klipkit.base.output import Column, Output
from klipkit.base.text import sanitise
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.tool import tool
from klipkit.sim.avr.emulation import emulations_of
from klipkit.sim.faults import FaultPlan, fault_help
from klipkit.sim.firmware import build
from klipkit.sim.foreign import ForeignPort
from klipkit.sim.paced import run_paced
from klipkit.sim.printer import SimulatedPrinter

FOLDER = "/tmp/klipkit-sim"
OBJECT = "klipkit-sim.so"
CATCH_UP = 5.0  # s that the MCUs may lag behind the wall and still catch up: a foreign host goes by it
COLUMNS = (Column("mcu", "MCU"), Column("link", "Link"), Column("chip", "Chip"))


@tool(
    "sim",
    examples=(
        ("klipkit sim printer.cfg", "each microcontroller behind /tmp/klipkit-sim/NAME, until ^C"),
        ("klipkit sim printer.cfg --mcu atmega2560 --folder ~/desk", "the links in a folder of your own"),
        ("klipkit sim printer.cfg --fault heater-stuck-on:extruder@60", "and a fault after a minute"),
    ),
)
@click.argument("config_file", metavar="CONFIG", type=click.Path())
@click.option(
    "--mcu", "told", multiple=True, metavar="[NAME=]CHIP", help="The chip of a microcontroller; repeatable."
)
@click.option(
    "--emulate",
    "emulated",
    multiple=True,
    metavar="NAME[=FILE]",
    help="Run this microcontroller's own firmware, or FILE, in an emulator (AVR chips only); repeatable.",
)
@click.option("--folder", default=FOLDER, show_default=True, help="Where the links to the terminals go.")
@click.option("--fault", "faults", multiple=True, metavar="FAULT", help="A fault, see below; repeatable.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Where the toolhead is.")
def sim(
    out: Output,
    config_file: str,
    told: tuple[str, ...],
    emulated: tuple[str, ...],
    folder: str,
    faults: tuple[str, ...],
    seed: int,
) -> int:
    """The microcontrollers run the real firmware in real time, with the motors, endstops, heaters and fans of CONFIG on
    their pins. Any host can connect to their terminals, klipkit's or Klipper's: give it the links as `serial`.

    Printed are the names, links and chips of the microcontrollers, once they are there. Sections that klipkit does not
    know are told and left out. It ends by ^C, and takes the links away.
    """
    plan = FaultPlan(faults)
    loaded = SCHEMA.examine(read_config(config_file))
    for problem in loaded.problems:
        out.note(f"left out: {problem}")
    chips = chips_of(loaded.config, told)
    printer = SimulatedPrinter(
        loaded, chips, build(OBJECT), emulations=emulations_of(chips, emulated), seed=seed
    )
    try:
        plan.begin(printer)
        run_paced(_serve(out, printer, Path(folder).expanduser()), printer.cosim, CATCH_UP)
    finally:
        printer.close()
    return 0


async def _serve(out: Output, printer: SimulatedPrinter, folder: Path) -> None:
    """Until a signal comes."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    ports: dict[str, ForeignPort] = {}
    try:
        for name, mcu in printer.numbers.items():
            link = folder / sanitise(name).replace("/", "_")
            ports[name] = ForeignPort(printer.cosim, mcu, printer.personas[name].byte_time, link)
            printer.plug(name, ports[name])
        rows = [_row(name, port, printer) for name, port in ports.items()]
        out.records(COLUMNS, rows, mcus=rows)
        out.stdout.flush()
        await ended.wait()
    finally:
        for port in ports.values():
            port.close()


def _row(name: str, port: ForeignPort, printer: SimulatedPrinter) -> dict[str, str]:
    chip = printer.personas[name].name
    return {"mcu": name, "link": str(port.link), "chip": chip, "terminal": port.terminal}


COMMAND = sim
COMMAND.help = f"{COMMAND.help}\n\n\b\nFaults: {fault_help()}"
