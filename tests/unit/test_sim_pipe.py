"""Conversations with simulated MCUs through the Pipe contract, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from klipkit._core import lib
from klipkit.base.errors import DeviceError
from klipkit.base.faults import LinkError
from klipkit.link.pipe import Message
from klipkit.sim.cosim import Cosim, Edge, Faults
from klipkit.sim.loop import run_virtual
from klipkit.sim.pipe import SimPipe
from tests.unit.sim_bench import BYTES, COPY, DIR, INPUT, STEP, TOGGLE, fake_firmware, fake_persona

BYTE_TIME = 40e-6


class Talk:
    """A pipe and one queue: asks the fake firmware, whose answers repeat the question."""

    def __init__(self, pipe: SimPipe) -> None:
        self.pipe = pipe
        self.queue = lib.session_add_queue(pipe.session)

    async def ask(self, payload: bytes) -> list[Message]:
        ticket = lib.session_query(self.pipe.session, self.queue, payload, len(payload), 0, 0)
        self.pipe.wake()
        answers: list[Message] = []
        async for message in self.pipe.messages():
            if not message.payload and message.answers == ticket:
                break
            answers.append(message)
        return answers


@asynccontextmanager
async def talk(
    cosim: Cosim, mcu: int, byte_time: float = BYTE_TIME, faults: Faults | None = None
) -> AsyncIterator[Talk]:
    pipe = SimPipe(cosim, mcu, byte_time, faults)
    try:
        yield Talk(pipe)
    finally:
        pipe.close()


def virtually(main: Callable[[Cosim], Awaitable[Any]], *periods: int) -> Any:
    """Run a coroutine with one fake MCU per period of its timer."""
    cosim = Cosim()
    for period in periods:
        cosim.add_mcu(fake_firmware(), fake_persona(period=period))

    async def run() -> Any:
        return await main(cosim)

    try:
        return run_virtual(run(), cosim)
    finally:
        cosim.close()


def test_an_answer_wakes_the_coroutine_that_awaits_it() -> None:
    async def main(cosim: Cosim) -> tuple[list[Message], float, float]:
        async with talk(cosim, 0) as fake:
            await fake.ask(b"first")
            before = cosim.now()
            answers = await fake.ask(b"hello")
            return answers, before, cosim.now()

    answers, before, after = virtually(main, 0)
    assert [message.payload for message in answers] == [b"hello"]
    assert answers[0].received - before == pytest.approx(20 * BYTE_TIME, abs=1e-9)  # 10 bytes each way
    assert after - before == pytest.approx(25 * BYTE_TIME, abs=1e-9)  # and the ack


def test_two_conversations_go_on_at_once() -> None:
    async def main(cosim: Cosim) -> tuple[float, float]:
        async def converse(mcu: int) -> float:
            async with talk(cosim, mcu) as fake:
                for _ in range(20):
                    assert [message.payload for message in await fake.ask(b"hello")] == [b"hello"]
                return cosim.now()

        return await asyncio.gather(converse(0), converse(1))

    first, second = virtually(main, 0, 0)
    assert first == second


def record(seed: int) -> tuple[list[Edge], list[Message], list[Message]]:
    async def main(cosim: Cosim) -> tuple[list[Edge], list[Message], list[Message]]:
        async def converse(mcu: int) -> list[Message]:
            messages: list[Message] = []
            async with talk(cosim, mcu, BYTE_TIME, Faults(seed, 0.1, 0.1)) as fake:
                for number in range(40):
                    try:
                        async with asyncio.timeout(7.0):
                            messages += await fake.ask(b"m%d" % number)
                    except TimeoutError:
                        continue  # the ack after an answer was lost: nothing repeats it
            return messages

        for mcu in (0, 1):
            cosim.watch(mcu, BYTES)
            cosim.watch(mcu, TOGGLE)
        first, second = await asyncio.gather(converse(0), converse(1))
        return cosim.edges(), first, second

    recorded: tuple[list[Edge], list[Message], list[Message]] = virtually(main, 123456, 123457)
    return recorded


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    first, again, other = record(5), record(5), record(6)
    assert first == again
    assert first != other
    assert len(first[0]) > 1000


def test_an_unplugged_pipe_raises_at_once_and_stays_broken() -> None:
    async def main(cosim: Cosim) -> float:
        async with talk(cosim, 0) as fake:
            await fake.ask(b"first")
            asyncio.get_running_loop().call_later(0.5, fake.pipe.unplug)
            begun = cosim.now()
            with pytest.raises(LinkError, match="simulated MCU 0: the link broke: unplugged"):
                async for _ in fake.pipe.messages():
                    pass
            with pytest.raises(LinkError):
                await fake.ask(b"again")
            return cosim.now() - begun

    assert virtually(main, 0) == pytest.approx(0.5, abs=1e-8)


def test_a_closed_pipe_ends_the_messages() -> None:
    async def main(cosim: Cosim) -> list[Message]:
        async with talk(cosim, 0) as fake:
            asyncio.get_running_loop().call_later(1.0, fake.pipe.close)
            return [message async for message in fake.pipe.messages()]

    assert virtually(main, 0) == []


def test_a_reset_mcu_answers_again_after_its_boot_and_counts_anew() -> None:
    async def main(cosim: Cosim) -> None:
        async with talk(cosim, 0) as fake:
            await fake.ask(b"first")
            lib.session_send(fake.pipe.session, fake.queue, b"R", 1, 0, 0)
            await asyncio.sleep(0.01)
            assert cosim.resets(0) == 1
        await asyncio.sleep(0.1)
        assert 0 < cosim.clock(0) < 0.05 * 16e6
        async with talk(cosim, 0) as fake:
            assert [message.payload for message in await fake.ask(b"C?")][-1] == b"C\x01"

    virtually(main, 0)


def test_pins_edges_and_carriages_are_seen() -> None:
    async def main(cosim: Cosim) -> None:
        carriage = cosim.add_carriage(0, STEP, DIR)
        carriage.add_switch(7, 0, INPUT, level=0)
        cosim.watch(0, COPY)
        async with talk(cosim, 0) as fake:
            await fake.ask(b"first")
            await fake.ask(bytes([ord("S"), 1, 9]))
            await asyncio.sleep(0.01)
            assert [edge.level for edge in cosim.edges()] == [1, 0]
            await fake.ask(bytes([ord("S"), 0, 12]))
            await asyncio.sleep(0.01)
            assert [edge.level for edge in cosim.edges()] == [1]
        assert (carriage.position, carriage.violations) == (-3, 0)
        cosim.drive(0, INPUT, 0)
        await asyncio.sleep(0.01)
        cosim.drive(0, INPUT, None)
        await asyncio.sleep(0.01)
        assert [edge.level for edge in cosim.edges()] == [0, 1]

    virtually(main, 1600)


def test_what_does_not_exist_is_an_error() -> None:
    cosim = Cosim()
    with pytest.raises(DeviceError, match="No such file or directory"):
        cosim.add_mcu(fake_firmware().parent / "missing.so", fake_persona())
    with pytest.raises(DeviceError, match="cannot run"):
        cosim.add_mcu(fake_firmware(), fake_persona(frequency=0))
    with pytest.raises(DeviceError, match="MCU 0 has no pin 1"):
        cosim.watch(0, 1)
    with pytest.raises(DeviceError, match="MCU 3 has no pins"):
        cosim.add_carriage(3, 0, 1)
    cosim.close()
    cosim.close()
