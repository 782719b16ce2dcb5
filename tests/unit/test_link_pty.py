"""The pipe over a pty: a conversation with a toy MCU, unplugging, closing."""

import asyncio
import os
import pty
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from klipkit._core import ffi, lib
from klipkit.base.faults import LinkError
from klipkit.link.pipe import Message, Pipe
from klipkit.link.pty import DescriptorPipe, open_pty
from tests.unit.link_toy import ToyMcu

PATIENCE = 20.0  # s until a test gives up


@pytest.fixture
def master_and_path() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    with suppress(OSError):
        os.close(master)


async def ask(pipe: Pipe, queue: int, payload: bytes) -> list[Message]:
    ticket = lib.session_query(pipe.session, queue, payload, len(payload), 0, 0)
    pipe.wake()
    answers = []
    async with asyncio.timeout(PATIENCE):
        async for message in pipe.messages():
            if not message.payload and message.answers == ticket:
                break
            answers.append(message)
    return answers


def test_a_toy_mcu_executes_each_command_once_and_in_order(master_and_path: tuple[int, str]) -> None:
    master, path = master_and_path
    toy = ToyMcu(master)

    async def main() -> list[Message]:
        pipe = open_pty(path)
        queue = lib.session_add_queue(pipe.session)
        before = pipe.now()
        answers = []
        for number in range(200):
            answers += await ask(pipe, queue, b"command %d" % number)
        assert all(before <= answer.received <= pipe.now() for answer in answers)
        pipe.close()
        return answers

    answers = asyncio.run(main())
    sent = [b"command %d" % number for number in range(200)]
    assert toy.executed == sent
    assert [answer.payload for answer in answers] == [payload[::-1] for payload in sent]


def test_unplugging_is_an_error_that_names_the_port(master_and_path: tuple[int, str]) -> None:
    master, path = master_and_path

    async def main() -> LinkError:
        pipe = open_pty(path)
        os.close(master)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(LinkError) as caught:
                async for _ in pipe.messages():
                    pass
        assert pipe.error is caught.value
        pipe.wake()
        with pytest.raises(LinkError):
            async for _ in pipe.messages():
                pass
        pipe.close()
        return caught.value

    assert (
        str(asyncio.run(main()))
        == f"{path}: the link broke: Input/output error; look at cable and power of the board"
    )


def test_closing_ends_whoever_waits_and_is_no_error(master_and_path: tuple[int, str]) -> None:
    _, path = master_and_path

    async def main() -> None:
        pipe = open_pty(path)
        waiting = asyncio.create_task(anext(pipe.messages(), None))
        await asyncio.sleep(0)
        pipe.close()
        pipe.close()
        pipe.wake()
        assert await asyncio.wait_for(waiting, PATIENCE) is None
        assert pipe.take() == []
        assert pipe.session == ffi.NULL

    asyncio.run(main())


def test_closing_gives_back_all_descriptors(master_and_path: tuple[int, str]) -> None:
    _, path = master_and_path

    async def main() -> tuple[int, int]:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            open_pty(path).close()
        return before, len(list(Path("/proc/self/fd").iterdir()))

    before, after = asyncio.run(main())
    assert after == before


def test_a_resting_pipe_lets_its_thread_sleep(master_and_path: tuple[int, str]) -> None:
    master, path = master_and_path
    ToyMcu(master)

    async def main() -> int:
        pipe = open_pty(path)
        await ask(pipe, lib.session_add_queue(pipe.session), b"hello")
        before = pipe.wakeups
        await asyncio.sleep(0.1)
        woken = pipe.wakeups - before
        pipe.close()
        return woken

    assert asyncio.run(main()) <= 3


def test_what_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    async def main() -> None:
        open_pty(tmp_path / "none")

    with pytest.raises(LinkError, match=r"none: cannot open: No such file or directory; is the program"):
        asyncio.run(main())


def test_a_pipe_needs_an_event_loop(master_and_path: tuple[int, str]) -> None:
    _, path = master_and_path
    with pytest.raises(RuntimeError, match="no running event loop"):
        open_pty(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
    with pytest.raises(RuntimeError, match="no running event loop"):
        DescriptorPipe(descriptor, path)
    os.close(descriptor)
