"""What G-code waits for, so that it can be told not to: a temperature, a dwell, a calibration.

    if await waits.sleep(1.0): ...       M108 cuts it short: go on with the next line
    waits.give_up()                      CANCEL_PRINT: GivenUp ends the script that waits, with all that called it

Both take effect at waits only: a move, homing, a probe are carried through. Nothing shuts down.
"""

import asyncio
from dataclasses import dataclass

from klipkit.base.faults import GivenUp


@dataclass(eq=False, slots=True)
class _Wait:
    """One script that waits. What it is told counts until it goes on, also when its time is just over."""

    over: asyncio.Future[None]
    is_cut: bool = False
    is_given_up: bool = False

    def end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


class Waits:
    """All that is waited for at present."""

    def __init__(self) -> None:
        self._waiting: set[_Wait] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def sleep(self, seconds: float) -> bool:
        """Wait so long; True when it was cut short. Raises GivenUp."""
        loop = asyncio.get_running_loop()
        wait = _Wait(loop.create_future())
        self._waiting.add(wait)
        timer = loop.call_later(max(0.0, seconds), wait.end)
        try:
            await wait.over
        finally:
            timer.cancel()
            self._waiting.discard(wait)
        if wait.is_given_up:
            raise GivenUp("cancelled while it waited")
        return wait.is_cut

    def cut_short(self) -> None:
        """Nobody waits any longer."""
        for wait in self._waiting:
            wait.is_cut = True
            wait.end()

    def give_up(self) -> None:
        """The scripts that wait end there."""
        for wait in self._waiting:
            wait.is_given_up = True
            wait.end()
