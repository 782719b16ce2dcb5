"""Virtual time paced to the wall: never ahead of it, stalls are shared, files are served. The wall here is a number."""

import asyncio
import os
import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from klipkit._core import lib
from klipkit.sim.cosim import Cosim
from klipkit.sim.paced import SLACK, PacedLoop, run_paced
from klipkit.sim.pipe import SimPipe
from tests.unit.sim_bench import TOGGLE, fake_firmware, fake_persona


class Wall(selectors.SelectSelector):
    """A wall clock that goes on while the loop waits for files, as slowly as asked; files are ready only at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.waits = 0
        self.late = 0.0  # s by which each wait takes longer

    def select(self, timeout: float | None = None) -> Any:
        """Time passes; real files are looked at without waiting."""
        assert timeout is not None
        if timeout > 0:
            self.waits += 1
            self.now += timeout + self.late
        return super().select(0)


@pytest.fixture
def cosim() -> Iterator[Cosim]:
    made = Cosim(start=10.0)
    yield made
    made.close()


def run(cosim: Cosim, main: Any, wall: Wall, slack: float = SLACK) -> PacedLoop:
    loops: list[PacedLoop] = []

    def factory() -> PacedLoop:
        loops.append(PacedLoop(cosim, slack, lambda: wall.now, wall))
        return loops[0]

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
    return loops[0]


def test_virtual_time_goes_with_the_wall_and_never_ahead_of_it(cosim: Cosim) -> None:
    wall = Wall()
    cosim.add_mcu(fake_firmware(), fake_persona(period=1600))  # a timer every 0.1 ms

    async def main() -> None:
        for _ in range(50):
            await asyncio.sleep(0.05)
            assert -1e-9 <= (wall.now - 1000.0) - (cosim.now() - 10.0) < 0.002

    loop = run(cosim, main(), wall)
    assert cosim.now() == pytest.approx(12.5, abs=0.002)
    assert loop.pace.forgotten == 0.0
    assert wall.waits < 2.5 / 0.0005 * 1.5  # a quantum each, not a wait for each timer


def test_nothing_is_missed_of_what_the_mcus_do(cosim: Cosim) -> None:
    wall = Wall()
    cosim.add_mcu(fake_firmware(), fake_persona(period=1600))
    cosim.watch(0, TOGGLE)
    run(cosim, asyncio.sleep(1.0), wall)
    clocks = [edge.clock for edge in cosim.edges()]
    assert clocks == list(range(1600, clocks[-1] + 1, 1600)) and len(clocks) >= 9999


def test_a_computer_that_is_too_slow_makes_host_and_mcus_stall_together(cosim: Cosim) -> None:
    wall = Wall()

    async def main() -> None:
        await asyncio.sleep(0.1)
        wall.now += 7.0  # the computer stood still
        begun = cosim.now()
        await asyncio.sleep(1.0)
        assert cosim.now() - begun == pytest.approx(1.0, abs=0.01)

    loop = run(cosim, main(), wall)
    assert loop.pace.forgotten == pytest.approx(7.0 - SLACK, abs=0.01)
    assert wall.now - 1000.0 == pytest.approx(7.0 + 1.1 - SLACK, abs=0.02)


def test_with_a_great_slack_the_mcus_catch_up(cosim: Cosim) -> None:
    wall = Wall()

    async def main() -> None:
        await asyncio.sleep(0.1)
        wall.now += 2.0
        await asyncio.sleep(3.0)

    loop = run(cosim, main(), wall, slack=5.0)
    assert loop.pace.forgotten == 0.0
    assert wall.now - 1000.0 == pytest.approx(3.1, abs=0.01)


def test_waits_that_take_too_long_slow_all_down_alike(cosim: Cosim) -> None:
    wall = Wall()
    wall.late = 0.5
    loop = run(cosim, asyncio.sleep(1.0), wall)
    assert cosim.now() - 10.0 == pytest.approx(1.0, abs=0.01)
    assert (wall.now - 1000.0) == pytest.approx(1.0 + loop.pace.forgotten, abs=0.06)
    assert loop.pace.forgotten > 0.5


def test_an_mcu_answers_and_a_socket_and_a_thread_are_served(cosim: Cosim) -> None:
    cosim.add_mcu(fake_firmware(), fake_persona())
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)

    async def main() -> tuple[bytes, int, bytes]:
        loop = asyncio.get_running_loop()
        pipe = SimPipe(cosim, 0, 40e-6)
        queue = lib.session_add_queue(pipe.session)
        lib.session_query(pipe.session, queue, b"hello", 5, 0, 0)
        async for message in pipe.messages():
            if message.payload:
                answer = message.payload
                break
        reader = asyncio.create_task(loop.sock_recv(one, 10))
        loop.call_later(0.02, other.send, b"there")
        came = await reader
        pid = await loop.run_in_executor(None, os.getpid)
        pipe.close()
        return answer, pid, came

    assert run_paced(main(), cosim) == (b"hello", os.getpid(), b"there")
    one.close()
    other.close()
