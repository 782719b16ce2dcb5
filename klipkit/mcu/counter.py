"""Edges of an input counted by an MCU, as of a fan's tachometer: their rate over each sample."""

from klipkit.base.pin import Pin
from klipkit.mcu.conversation import Heard
from klipkit.mcu.mcu import Mcu

SAMPLE = 1.0  # s between reports
FIRST = 0.5  # s after the MCU was configured
WRAP = 1 << 32  # of the count


class Counter:
    """`rate`: edges a second, both ways, None before the second report. `poll`: s between looks at the pin."""

    def __init__(self, mcu: Mcu, pin: Pin, poll: float) -> None:
        self.mcu = mcu
        self.rate: float | None = None
        self._poll = poll
        self._oid = mcu.allocate_oid()
        self._last: tuple[int, int] | None = None  # clock of the newest edge, and edges until then
        mcu.configuration.add(f"config_counter oid={self._oid} pin={pin.name} pull_up={pin.pull}")

    def attach(self) -> None:
        """The MCU is configured: counting begins."""
        mcu = self.mcu
        mcu.talk.listen("counter_state", self._hear)
        clock = round(mcu.sync.line.clock(mcu.pipe.now() + FIRST))
        mcu.talk.send(
            f"query_counter oid={self._oid} clock={clock % 2**32} poll_ticks={round(self._poll * mcu.frequency)} "
            f"sample_ticks={round(SAMPLE * mcu.frequency)}"
        )

    def _hear(self, heard: Heard) -> None:
        message = heard.message
        if message.number("oid") != self._oid:
            return
        clock, count = self.mcu.sync.extend(message.number("count_clock")), message.number("count")
        if self._last is not None:
            ticks, edges = clock - self._last[0], (count - self._last[1]) % WRAP
            self.rate = edges / ticks * self.mcu.frequency if edges and ticks > 0 else 0.0
        self._last = clock, count
