"""A daemon of a simulated printer under test: in virtual time without sockets, or paced with real ones."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from klipkit.base.config import parse_config
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.api import Api
from klipkit.daemon.apisocket import ApiSocket
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.daemon.session import LocalSession, SocketSession
from klipkit.sim.faults import FaultPlan
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.paced import run_paced
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

CONFIG = (TOP / "config-examples" / "ramps-cartesian.cfg").read_text()
CARD = "\n[virtual_sdcard]\npath: {folder}\n[pause_resume]\n[display_status]\n"
LONGEST = 30.0  # s of virtual time for a change of state

Act = Callable[[Daemon], Awaitable[None]]


async def until(daemon: Daemon, state: State) -> None:
    """Wait for a state."""
    async with asyncio.timeout(LONGEST):
        while daemon.state is not state:
            await asyncio.sleep(0.01)


def live(
    act: Act,
    config: str = CONFIG,
    *,
    paced: bool = False,
    log: Callable[[str], None] = print,
    faults: Sequence[str] = (),
    see: Callable[[SimulatedPrinter], None] = lambda printer: None,
) -> None:
    """Run `act` on a daemon; virtual time unless it is paced, which sockets need. `see` is shown its printer first."""
    loaded = SCHEMA.load(parse_config(config, "printer.cfg"))
    printer = SimulatedPrinter(loaded, chips_of(loaded.config, ("mcu=atmega2560",)), build(OBJECT))
    FaultPlan(faults).begin(printer)
    see(printer)

    async def whole() -> None:
        daemon = Daemon(
            lambda: SCHEMA.load(parse_config(config, "printer.cfg")), lambda _: printer.reaches(), log
        )
        running = asyncio.ensure_future(daemon.run())
        try:
            await act(daemon)
        finally:
            daemon.ask(Request.STOP)
            await running

    try:
        (run_paced if paced else run_virtual)(whole(), printer.cosim)
    finally:
        printer.close()


@asynccontextmanager
async def local(daemon: Daemon) -> AsyncIterator[LocalSession]:
    """A session in this process."""
    session = LocalSession(daemon)
    try:
        yield session
    finally:
        await session.close()


@asynccontextmanager
async def served(daemon: Daemon, log: Callable[[str], None] = print) -> AsyncIterator[str]:
    """The path of a socket of the daemon's."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "api")
        socket = await ApiSocket.open(path, Api(daemon), log)
        try:
            yield path
        finally:
            await socket.close()


@asynccontextmanager
async def by_socket(daemon: Daemon) -> AsyncIterator[SocketSession]:
    """A session over a socket."""
    async with served(daemon) as path:
        session = await SocketSession.open(path)
        try:
            yield session
        finally:
            await session.close()
