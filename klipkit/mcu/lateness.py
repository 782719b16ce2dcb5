"""How late the host was: its event loop is woken at regular times, and what came later than asked is remembered.

An MCU that stops because a command came too late only knows that; this says by how much the host was late just before,
and whether it computed itself meanwhile or was not let run.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from klipkit.base.faults import TimerTooClose

PERIOD = 0.05  # s between looks: a stall may have begun as much earlier
IDLE_PERIOD = 0.2  # while nothing moves
LEAST = 0.02  # s: less is the usual jitter
WHILE = 5.0  # s for which it counts: longer than commands are sent ahead
KEPT = 32
OWN = 0.5  # share of the time in which it computed from which on that is the reason

Computed = Callable[[], float]  # s of processor time that this process took so far


class Late(NamedTuple):
    """The loop came late: when, by how much, and how long it computed meanwhile (None: nobody knows), s."""

    at: float
    late: float
    computed: float | None

    def told(self) -> str:
        """For people."""
        what = f"the host was late by {self.late * 1e3:.0f} ms because "
        if self.computed is None:
            return f"{what}its computer stood still"
        if self.computed >= OWN * self.late:
            return f"{what}it computed for {self.computed * 1e3:.0f} ms itself"
        reason = "other programs, swapping, power saving or a slow SD card"
        return (
            f"{what}the computer did not let it run: {reason} (it computed for {self.computed * 1e3:.0f} ms)"
        )


class Lateness:
    """Watches the running event loop. `computed`: processor time, where it is real time that passes."""

    def __init__(self, computed: Computed | None = None, is_busy: Callable[[], bool] = lambda: True) -> None:
        self._computed, self._is_busy = computed, is_busy
        self._seen: deque[Late] = deque(maxlen=KEPT)
        self._begin()

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._begin())
            late = self._now()
            if late.late > LEAST:
                self._seen.append(late)

    def worst(self) -> Late | None:
        """The longest of the last while, which may last on."""
        now = self._now()
        found = [late for late in (*self._seen, now) if late.late > LEAST and now.at - late.at < WHILE]
        return max(found, key=lambda late: late.late, default=None)

    def account(self, reason: str) -> str:
        """What it knows of an MCU's reason to shut down."""
        worst = self.worst()
        return worst.told() if worst is not None and reason.startswith(TimerTooClose.classic) else ""

    def _begin(self) -> float:
        """The next look is due in that many seconds."""
        period = PERIOD if self._is_busy() else IDLE_PERIOD
        self._due = asyncio.get_running_loop().time() + period
        self._computed_before = self._computed() if self._computed is not None else 0.0
        return period

    def _now(self) -> Late:
        at = asyncio.get_running_loop().time()
        computed = self._computed() - self._computed_before if self._computed is not None else None
        return Late(at, at - self._due, computed)
