"""The values of one output over time: sent in order, two at a time on the MCU, never too close to one another.

set(t1) set(t2) set(t3)     the MCU holds two values at most: the third is sent when the first has been taken, so that
  |       |       |         it has SPACING and more for its way. A link that delays frames by less does no harm.
--+-------+-------+---->
"""

import asyncio

from klipkit.mcu.mcu import Mcu

LEAD = 0.25  # s by which a change that is wanted at once is sent ahead
SPACING = 0.1  # s between two changes of an output
FAR = 1 << 30  # ticks by which a change is sent ahead at most: the MCU compares clocks in 32 bits
HELD = 2  # values that wait on the MCU, at most


class Scheduled:
    """`update` is the command with places for a clock and a value, as "queue_pwm_out oid=3 clock={} value={}"."""

    def __init__(self, mcu: Mcu, update: str) -> None:
        self.mcu = mcu
        self.last = 0  # clock of the newest change
        self._before = 0  # clock of the change before it
        self._update = update
        self._spacing = round(SPACING * mcu.frequency)
        self._queue = 0
        mcu.reserved_slots += HELD

    def attach(self) -> None:
        """The MCU is configured: changes may be sent."""
        self._queue = self.mcu.talk.add_queue()

    def soon(self) -> int:
        """The clock at which a change that is sent now can be carried out; by the MCU's own clock, since print time may
        rest for hours."""
        return round(self.mcu.sync.line.clock(self.mcu.pipe.now() + LEAD))

    def set(self, print_time: float, value: int) -> float:
        """A value from a print time on, or from as soon after the change before it as can be; gives the time."""
        self.set_clock(round(self.mcu.mapping.clock(print_time)), value)
        return self.mcu.mapping.print_time(self.last)

    def set_clock(self, clock: int, value: int) -> None:
        """The same by the MCU's clock, 64-bit ticks."""
        clock = max(clock, self.last + self._spacing) if self.last else clock
        command = self._update.format(clock % 2**32, value)
        earliest = max(self._before, clock - FAR)
        self.mcu.talk.send(
            command, queue=self._queue, min_clock=earliest
        )  # at once: a host may be late later
        self._before, self.last = self.last, clock

    def send_between(self, command: str, clock: int) -> None:
        """Send a command that must be there at a clock, and not before the newest change was taken."""
        self.mcu.talk.send(command, queue=self._queue, min_clock=self.last, required=clock)

    async def finish(self) -> None:
        """Wait until the MCU's clock is at the newest change."""
        left = (self.last - self.mcu.sync.line.clock(self.mcu.pipe.now())) / self.mcu.frequency
        await asyncio.sleep(max(0.0, left))
