"""The daemon over the lives of its machines, on a simulated printer: ready, shut down, in error, and started anew."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import PrinterError
from klipkit.base.schema import Loaded
from klipkit.boards.chips import chip
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

CONFIG = (TOP / "config-examples" / "ramps-cartesian.cfg").read_text()
Act = Callable[[Daemon, list[str]], Awaitable[None]]
LONGEST = 30.0  # s of virtual time for a change of state


async def until(daemon: Daemon, state: State) -> None:
    async with asyncio.timeout(LONGEST):
        while daemon.state is not state:
            await asyncio.sleep(0.1)


def live(act: Act, texts: list[str]) -> list[str]:
    """Run `act` on a daemon whose configuration is the next of `texts` at each start; gives what was said."""
    first = SCHEMA.load(parse_config(CONFIG, "printer.cfg"))
    printer = SimulatedPrinter(first, {"mcu": chip("atmega2560")}, build(OBJECT))
    said: list[str] = []

    def load() -> Loaded:
        return SCHEMA.load(parse_config(texts.pop(0) if len(texts) > 1 else texts[0], "printer.cfg"))

    async def whole() -> None:
        daemon = Daemon(load, lambda loaded: printer.reaches())
        daemon.responses.listen(said.append)
        running = asyncio.ensure_future(daemon.run())
        await act(daemon, said)
        daemon.ask(Request.STOP)
        await running

    try:
        run_virtual(whole(), printer.cosim)
    finally:
        printer.close()
    return said


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

    said = live(act, [CONFIG])
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

    live(act, [CONFIG.replace("microsteps: 16", "microsteps: sixteen", 1), CONFIG])


def test_an_emergency_stop_does_not_wait_for_what_is_being_done() -> None:
    async def act(daemon: Daemon, said: list[str]) -> None:
        await until(daemon, State.READY)
        moving = asyncio.ensure_future(daemon.execute("G28", "a"))
        await asyncio.sleep(1)
        await daemon.execute("M112", "b")
        await until(daemon, State.SHUTDOWN)
        with pytest.raises(PrinterError):
            await moving

    live(act, [CONFIG])
