"""A daemon of a simulated printer under test: in virtual time without sockets, or paced with real ones."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from klipkit.base.configedit import Changes
from klipkit.base.schema import Loaded
from klipkit.daemon.api import Api
from klipkit.daemon.apisocket import ApiSocket
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.daemon.session import LocalSession, SocketSession
from klipkit.sim.faults import FaultPlan
from klipkit.sim.loop import run_virtual
from klipkit.sim.paced import run_paced
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import CARTESIAN, RAMPS, loaded_of, printer_of

LONGEST = 30.0  # s of virtual time for a change of state

Act = Callable[[Daemon], Awaitable[None]]


async def until(daemon: Daemon, state: State) -> None:
    """Wait for a state."""
    async with asyncio.timeout(LONGEST):
        while daemon.state is not state:
            await asyncio.sleep(0.01)


def living(
    load: Callable[[], Loaded],
    act: Callable[[Daemon, SimulatedPrinter], Awaitable[None]],
    loaded: Loaded,
    *,
    paced: bool = False,
    log: Callable[[str], None] = print,
    save: Callable[[Changes], Sequence[str]] | None = None,
    faults: Sequence[str] = (),
    chips: Sequence[str] = RAMPS,
    **more: Any,
) -> list[str]:
    """Run `act` on a daemon and the printer of the configuration `loaded`; gives what was said.

    The daemon's own configuration comes from `load`, at each start anew. Time is virtual unless it is paced, which
    sockets need. `more` is for SimulatedPrinter.
    """
    said: list[str] = []

    async def whole(printer: SimulatedPrinter) -> None:
        daemon = Daemon(load, lambda _: printer.reaches(), log, save)
        daemon.responses.listen(said.append)
        running = asyncio.ensure_future(daemon.run())
        try:
            await act(daemon, printer)
        finally:
            daemon.ask(Request.STOP)
            await running

    with printer_of(loaded, chips, **more) as printer:
        FaultPlan(faults).begin(printer)
        (run_paced if paced else run_virtual)(whole(printer), printer.cosim)
    return said


def live(
    act: Act,
    config: str = CARTESIAN,
    *,
    paced: bool = False,
    log: Callable[[str], None] = print,
    faults: Sequence[str] = (),
    see: Callable[[SimulatedPrinter], None] = lambda printer: None,
) -> None:
    """Run `act` on a daemon. `see` is shown its printer first."""

    async def whole(daemon: Daemon, printer: SimulatedPrinter) -> None:
        see(printer)
        await act(daemon)

    living(lambda: loaded_of(config), whole, loaded_of(config), paced=paced, log=log, faults=faults)


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
