"""A digital output on an MCU, such as a motor's enable pin; it falls to its safe level when the host is gone."""

import asyncio

from klipkit.base.pin import Pin
from klipkit.mcu.mcu import Mcu

LEAD = 0.1  # s by which a change is sent ahead of its time
REFRESH = 1.0  # s between refreshes of an output that is away from its safe level
MAX_DURATION = 5.0  # s without a refresh after which the MCU shuts down


class DigitalOut:
    """An output that is off at first and in shutdown. While it is on it is refreshed: no host, no output."""

    def __init__(self, mcu: Mcu, pin: Pin) -> None:
        self.mcu = mcu
        self.is_on = False
        self._on, self._off = int(not pin.invert), int(pin.invert)
        self._last = 0  # clock of the newest change; the next one is not sent before it
        self._refreshing: asyncio.Task[None] | None = None
        self._oid = mcu.allocate_oid()
        mcu.reserved_slots += 1
        self._limit = round(MAX_DURATION * mcu.frequency)
        mcu.configuration.add(
            f"config_digital_out oid={self._oid} pin={pin.name} value={self._off} default_value={self._off} "
            f"max_duration={self._limit}"
        )
        mcu.configuration.restart.append(f"update_digital_out oid={self._oid} value={self._off}")

    def attach(self) -> None:
        """The MCU is configured: changes may be sent."""
        self._queue = self.mcu.talk.add_queue()

    def set(self, print_time: float, on: bool) -> None:
        """On or off from a print time on, which is not before that of the change before it."""
        self.is_on = on
        self._send(round(self.mcu.mapping.clock(print_time)))
        if self._refreshing is not None:
            self._refreshing.cancel()
            self._refreshing = None
        if on:
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    def close(self) -> None:
        """Refresh it no more."""
        if self._refreshing is not None:
            self._refreshing.cancel()

    def _send(self, clock: int) -> None:
        clock = max(clock, self._last + 1)
        level = self._on if self.is_on else self._off
        command = f"queue_digital_out oid={self._oid} clock={clock % 2**32} on_ticks={level}"
        self.mcu.talk.send(command, queue=self._queue, min_clock=self._last, required=clock)
        self._last = clock

    async def _refresh(self) -> None:
        """Say again, from time to time, that it is on: by the MCU's own clock, since print time may rest for hours."""
        while True:
            await asyncio.sleep(REFRESH)
            self._send(round(self.mcu.sync.line.clock(self.mcu.pipe.now() + LEAD)))
