"""asyncio in virtual time: hours pass in no time, in the order of real asyncio, and nothing hangs."""

import asyncio
import select
import selectors
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from klipkit.base.clock import RealClock
from klipkit.base.errors import TimedOut
from klipkit.sim import loop as virtual
from klipkit.sim.cosim import Cosim
from klipkit.sim.loop import run_virtual, virtual_clock
from klipkit.sim.pipe import SimPipe
from tests.unit.sim_bench import fake_firmware, fake_persona


@pytest.fixture
def cosim() -> Iterator[Cosim]:
    made = Cosim(start=10.0)
    yield made
    made.close()


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever sleeps, waits for files or starts a thread fails."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the wall clock was waited for")

    monkeypatch.setattr(time, "sleep", refuse)
    monkeypatch.setattr(select, "select", refuse)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for kind in ("SelectSelector", "PollSelector", "EpollSelector"):
        monkeypatch.setattr(getattr(selectors, kind), "select", refuse)


@pytest.mark.usefixtures("no_sleep")
def test_an_hour_of_sleep_takes_an_hour_of_virtual_time_and_no_other(cosim: Cosim) -> None:
    async def sleep() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtual(sleep(), cosim) == pytest.approx(3610.0, abs=1e-8)


def test_a_sleep_of_days_is_no_deadlock(cosim: Cosim) -> None:
    run_virtual(asyncio.sleep(5 * 86400.0), cosim)
    assert cosim.now() == pytest.approx(10.0 + 5 * 86400.0)


def test_timers_run_in_the_order_of_their_time_then_of_setting(cosim: Cosim) -> None:
    seen: list[str] = []

    async def note(name: str, delay: float) -> str:
        await asyncio.sleep(delay)
        seen.append(name)
        return name

    async def main() -> list[str]:
        return list(await asyncio.gather(note("c", 3), note("a", 1), note("b", 2), note("a2", 1)))

    assert run_virtual(main(), cosim) == ["c", "a", "b", "a2"]
    assert seen == ["a", "a2", "b", "c"]


def test_call_soon_keeps_its_order_and_time_stands_still(cosim: Cosim) -> None:
    seen: list[int] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        for number in range(5):
            loop.call_soon(seen.append, number)
        await asyncio.sleep(0)
        return loop.time()

    assert run_virtual(main(), cosim) == 10.0
    assert seen == [0, 1, 2, 3, 4]


def test_a_time_out_comes_at_its_time(cosim: Cosim) -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.125):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(main(), cosim) == pytest.approx(10.125, abs=1e-8)


def test_a_cancelled_task_ends_where_it_waits(cosim: Cosim) -> None:
    ended: list[float] = []

    async def worker() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(asyncio.get_running_loop().time())

    async def main() -> None:
        task = asyncio.create_task(worker())
        await asyncio.sleep(1.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main(), cosim)
    assert ended == [pytest.approx(11.5, abs=1e-8)]


def test_a_deadlock_is_an_error_that_says_so(cosim: Cosim) -> None:
    async def main() -> None:
        await asyncio.sleep(2)
        await asyncio.Event().wait()

    with pytest.raises(TimedOut, match=r"virtual time 12\.0+ s: every task waits, and nothing is left"):
        run_virtual(main(), cosim)


def test_mcus_that_run_but_never_speak_are_a_deadlock_too(cosim: Cosim) -> None:
    cosim.add_mcu(fake_firmware(), fake_persona(period=16_000_000))

    async def main() -> None:
        await SimPipe(cosim, 0).ready.wait()

    with pytest.raises(TimedOut, match="no message came for 3600 s"):
        run_virtual(main(), cosim)
    assert cosim.clock(0) == 3600 * 16_000_000


def test_a_task_that_polls_without_waiting_is_found(cosim: Cosim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual, "STANDSTILL", 1000)

    async def main() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(TimedOut, match="time stands still"):
        run_virtual(main(), cosim)


def test_threads_and_sockets_are_refused(cosim: Cosim) -> None:
    async def threads() -> None:
        await asyncio.to_thread(time.monotonic)

    async def sockets() -> None:
        asyncio.get_running_loop().add_reader(0, print)

    for coroutine, reason in ((threads(), "no threads"), (sockets(), "no files, sockets")):
        with pytest.raises(RuntimeError, match=reason):
            run_virtual(coroutine, cosim)


def test_an_error_of_the_coroutine_comes_out(cosim: Cosim) -> None:
    async def main() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_virtual(main(), cosim)


def test_the_virtual_clock_waits_for_a_time(cosim: Cosim) -> None:
    clock = virtual_clock(cosim)

    async def main() -> float:
        await clock.sleep_until(12.75)
        await clock.sleep_until(11.0)
        return clock.now()

    assert 12.75 <= run_virtual(main(), cosim) < 12.75 + 1e-6


def test_the_real_clock_waits_no_shorter_than_asked() -> None:
    clock = RealClock()

    async def main() -> float:
        until = clock.now() + 0.01
        await clock.sleep_until(until)
        return clock.now() - until

    assert asyncio.run(main()) >= 0
