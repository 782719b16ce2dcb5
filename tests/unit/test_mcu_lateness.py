"""How late the event loop was is told with the reason for which an MCU stopped."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from klipkit.mcu.lateness import PERIOD, WHILE, Lateness
from klipkit.sim.cosim import Cosim
from klipkit.sim.loop import run_virtual

REASON = "Timer too close"


def told(work: Coroutine[Any, Any, str], *stalls: tuple[float, float]) -> str:
    """What `work` gives, while the host stalls at these times for so long, s."""
    cosim = Cosim()
    for at, seconds in stalls:
        cosim.at(at, lambda seconds=seconds: cosim.stall(seconds))  # type: ignore[misc]
    return run_virtual(work, cosim)


async def account_at(when: float, reason: str = REASON, busy: float | None = None) -> str:
    """What is known at a time; `busy`: share of the time for which this process computed, None where nobody knows."""
    loop = asyncio.get_running_loop()
    lateness = Lateness(None if busy is None else lambda: loop.time() * busy)
    watch = asyncio.ensure_future(lateness.watch())
    await asyncio.sleep(when)
    watch.cancel()
    return lateness.account(reason)


def test_a_stall_is_told_with_its_length() -> None:
    said = told(account_at(3), (1.0 + PERIOD, 0.5))
    assert said == "the host was late by 500 ms because its computer stood still"


def test_a_stall_is_told_before_the_watch_has_seen_its_end() -> None:
    assert told(account_at(1.0 + PERIOD), (1.0 + PERIOD / 2, 0.7)).startswith("the host was late by 675 ms")


@pytest.mark.parametrize(
    ("busy", "reason"),
    [(0.9, "it computed for 945 ms itself"), (0.01, "the computer did not let it run: other programs, ")],
)
def test_who_was_busy_is_told(busy: float, reason: str) -> None:
    assert reason in told(account_at(3, busy=busy), (1.0, 1.0))


def test_the_longest_of_the_last_while_counts() -> None:
    stalls = [(1.0, 2.0), (3.5, 0.2), (4.5, 0.4), (5.5, 0.1)]
    assert told(account_at(6), *stalls).startswith("the host was late by 2000 ms")
    assert told(account_at(3 + WHILE), *stalls).startswith("the host was late by 400 ms")


@pytest.mark.parametrize("reason", ["ADC out of range", "Command request"])
def test_what_has_nothing_to_do_with_it_is_not_explained_by_it(reason: str) -> None:
    assert told(account_at(3, reason), (1.0, 1.0)) == ""


def test_a_host_that_was_in_time_is_not_accused() -> None:
    assert told(account_at(3)) == ""
