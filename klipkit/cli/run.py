"""`klipkit run`: the host daemon of a printer, real or simulated."""

import asyncio
import contextlib
import logging
import logging.handlers
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click

from klipkit.base.config import read_config
from klipkit.base.errors import UsageError
from klipkit.base.output import Output
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.talk import socket_of
from klipkit.cli.tool import tool
from klipkit.daemon.api import Api
from klipkit.daemon.apiinfo import Places
from klipkit.daemon.apisocket import CLIENTS_MOST, ApiSocket
from klipkit.daemon.console import Console
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.daemon.saveconfig import save
from klipkit.daemon.session import SOCKET
from klipkit.mcu.config import McuConfig
from klipkit.mcu.lateness import Computed
from klipkit.mcu.restart import Reach, reach_of
from klipkit.sim.avr.emulation import emulations_of
from klipkit.sim.faults import FaultPlan
from klipkit.sim.firmware import build
from klipkit.sim.paced import run_paced
from klipkit.sim.printer import SimulatedPrinter

OBJECT = "klipkit-sim.so"
PORT = "/tmp/printer"  # where OctoPrint looks for the virtual serial port
LOG_BYTES, LOGS = 10_000_000, 5  # of a log, and how many old ones are kept
STATISTICS = 10.0  # s between lines of statistics in the log

Ways = Callable[[Loaded], Mapping[str, Reach]]


@tool(
    "run",
    examples=(
        ("klipkit run printer.cfg", "drives the printer; G-code is taken at /tmp/printer"),
        ("klipkit run printer.cfg -l ~/printer.log", "and keeps a log"),
        ("klipkit run printer.cfg --sim", "a simulated printer on the desk, in real time"),
        ("klipkit run left.cfg --name left", "one of several printers: its port is /tmp/printer-left"),
    ),
)
@click.argument("config_file", metavar="CONFIG", type=click.Path())
@click.option(
    "-l", "--log", "log_file", metavar="FILE", help="Write a log; it is kept under 10 MB, with 5 old ones."
)
@click.option(
    "-I", "--input-tty", "port", metavar="PATH", help=f"The virtual serial port.  [default: {PORT}]"
)
@click.option(
    "-a",
    "--api-server",
    "api",
    metavar="PATH",
    help=f"The socket of the API.  [default: {SOCKET}; with -I: beside the port, PATH-api]",
)
@click.option("--name", metavar="NAME", default="", help="The name of this printer, where there are several.")
@click.option("--sim", "simulated", is_flag=True, help="Simulate the microcontrollers and the printer.")
@click.option(
    "--mcu",
    "told",
    multiple=True,
    metavar="[NAME=]CHIP",
    help="With --sim: the chip of a microcontroller; repeatable.",
)
@click.option(
    "--emulate",
    "emulated",
    multiple=True,
    metavar="NAME[=FILE]",
    help="With --sim: run this microcontroller's firmware, or FILE, in an emulator (AVR only); repeatable.",
)
@click.option(
    "--fault", "faults", multiple=True, metavar="FAULT", help="With --sim: a fault, as of `klipkit simulate`."
)
@click.option("--seed", type=int, default=0, metavar="N", help="With --sim: where the toolhead begins.")
def run(
    out: Output,
    config_file: str,
    log_file: str | None,
    port: str | None,
    api: str | None,
    name: str,
    simulated: bool,
    told: tuple[str, ...],
    emulated: tuple[str, ...],
    faults: tuple[str, ...],
    seed: int,
) -> int:
    """Connect to the microcontrollers of CONFIG, and carry out G-code until ^C. What goes wrong is told, and the
    program stays: RESTART reads CONFIG again, FIRMWARE_RESTART starts the microcontrollers anew, too.
    """
    if not simulated and (told or emulated or faults):
        raise UsageError("--mcu, --emulate and --fault are of a simulated printer", hint="add --sim")
    _allow_files()
    ends = _ends(port, api, name)
    places = Places(
        str(Path(config_file).absolute()), log_file and str(Path(log_file).expanduser().absolute())
    )
    log = _logger(log_file)
    if not simulated:
        served = _serve(out, config_file, _real_ways(log), ends, places, log, time.process_time)
        asyncio.run(served)
        return 0
    loaded = SCHEMA.load(read_config(config_file))
    chips = chips_of(loaded.config, told)
    plan = FaultPlan(faults)
    printer = SimulatedPrinter(
        loaded, chips, build(OBJECT), emulations=emulations_of(chips, emulated), seed=seed
    )
    try:
        plan.begin(printer)
        served = _serve(out, config_file, lambda loaded: printer.reaches(), ends, places, log)
        run_paced(served, printer.cosim)
    finally:
        printer.close()
    return 0


def _allow_files() -> None:
    """As many open files as clients of the API may be, and some, where that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CLIENTS_MOST
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Ends(NamedTuple):
    """Where clients find the daemon: its virtual serial port and its socket."""

    port: str
    api: str


def _ends(port: str | None, api: str | None, name: str) -> Ends:
    """As they are told, or by the printer's name; a socket that is not told goes with the port."""
    link = port or (f"{PORT}-{name}" if name else PORT)
    return Ends(link, api or (f"{port}-api" if port else socket_of(name)))


def _real_ways(log: logging.Logger) -> Ways:
    def ways(loaded: Loaded) -> Mapping[str, Reach]:
        mcus = loaded.all(McuConfig)
        return {config.source.short: reach_of(config.source.short, config, log.info) for config in mcus}

    return ways


async def _serve(
    out: Output,
    path: str,
    ways: Ways,
    ends: Ends,
    places: Places,
    log: logging.Logger,
    computed: Computed | None = None,
) -> None:
    daemon = Daemon(
        lambda: SCHEMA.load(read_config(path)),
        ways,
        log.info,
        lambda changes: save(path, changes, datetime.now().astimezone()),
        computed,
    )
    daemon.changed.append(lambda: _tell(out, daemon))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, daemon.ask, Request.STOP)
    async with _console(daemon, ends.port), _api(daemon, ends.api, places, log):
        out.note(f"G-code is taken at {ends.port}, the API is at {ends.api}")
        watch = loop.create_task(_watch(daemon, log))
        try:
            await daemon.run()
        finally:
            watch.cancel()


@contextlib.asynccontextmanager
async def _console(daemon: Daemon, link: str) -> AsyncIterator[Console]:
    console = Console(daemon, link)
    try:
        yield console
    finally:
        await console.close()


@contextlib.asynccontextmanager
async def _api(daemon: Daemon, path: str, places: Places, log: logging.Logger) -> AsyncIterator[ApiSocket]:
    served = await ApiSocket.open(path, Api(daemon, places), log.info)
    try:
        yield served
    finally:
        await served.close()


async def _watch(daemon: Daemon, log: logging.Logger) -> None:
    """A line of statistics from time to time."""
    while True:
        await asyncio.sleep(STATISTICS)
        if daemon.state is State.READY and daemon.host is not None:
            mcus = daemon.host.mcus.values()
            log.info("Stats: %s", " ".join(mcu.statistics().line(mcu.name) for mcu in mcus))


def _tell(out: Output, daemon: Daemon) -> None:
    for line in daemon.message.splitlines():
        out.note(line)


def _logger(path: str | None) -> logging.Logger:
    log = logging.getLogger("klipkit")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers.clear()
    if path is None:
        log.addHandler(logging.NullHandler())
        return log
    try:
        file = Path(path).expanduser()
        handler = logging.handlers.RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=LOGS)
    except OSError as error:
        raise UsageError(f"the log cannot be written: {error.strerror}", where=path) from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    return log


COMMAND = run
