"""Reaching firmware behind a pty in real time: a port that comes late, vanishes and comes back; a homing over it."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from klipkit.base.faults import LinkError
from klipkit.base.pin import Pin
from klipkit.link.way import FileWay
from klipkit.mcu.clocksync import main_mapping
from klipkit.mcu.config import RestartMethod
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.restart import Reach
from klipkit.mcu.trsync import Reason
from klipkit.sim.firmware import build

HANG = 60.0  # s: never waited for when all is well


class Board:
    """A firmware process with a pty; `plug` and `unplug` start and end it."""

    def __init__(self, folder: Path) -> None:
        self.port = folder / "port"
        self._program = str(build("klipkit-sim"))
        self._process: subprocess.Popen[bytes] | None = None

    def plug(self) -> None:
        self._process = subprocess.Popen([self._program, "--pty", str(self.port)])

    def unplug(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.port.unlink(missing_ok=True)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    made = Board(tmp_path)
    yield made
    made.unplug()


async def configured(reach: Reach) -> tuple[Mcu, Endstop]:
    mcu = await reach.connect(HANG)
    mcu.mapping = main_mapping(mcu.sync)
    endstop = Endstop(mcu, Pin("mcu", "gpio0", pull=1))
    endstop.use([])
    await mcu.configure()
    return mcu, endstop


def test_a_port_that_comes_late_vanishes_and_comes_back_is_used_again(board: Board) -> None:
    async def main() -> list[str]:
        said: list[str] = []
        reach = Reach("mcu", FileWay(str(board.port)), RestartMethod.COMMAND, say=said.append)
        asyncio.get_running_loop().call_later(0.3, board.plug)
        mcu, _ = await configured(reach)
        board.unplug()
        fault = await asyncio.wait_for(mcu.fault, HANG)
        assert isinstance(fault, LinkError)
        await mcu.close()
        asyncio.get_running_loop().call_later(0.3, board.plug)
        mcu, _ = await configured(reach)
        assert not mcu.was_configured
        await mcu.close()
        return said

    said = asyncio.run(main())
    assert len(said) >= 2 and all("No such file or directory" in line for line in said)


def test_a_homing_that_meets_nothing_ends_in_real_time(board: Board) -> None:
    """Reports are answered by the link's thread: the trsync would expire after 250 ms."""

    async def main() -> None:
        board.plug()
        mcu, endstop = await configured(Reach("mcu", FileWay(str(board.port)), RestartMethod.COMMAND))
        try:
            start = mcu.print_time() + 0.2
            trigger = await endstop.home(start, 0.001)
            trigger.set_end(start + 1.0)
            await asyncio.wait_for(trigger.wait(), HANG)
            outcome = await endstop.stop()
            assert outcome.reason is Reason.PAST_END
            assert mcu.print_time() >= start + 1.0
        finally:
            await mcu.close()

    asyncio.run(main())
