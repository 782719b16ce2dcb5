"""Digital outputs of an MCU: motors' enable pins and the like, which fall to a safe level when the host is gone."""

import asyncio
from collections.abc import Awaitable, Callable

from klipkit.base.pin import Pin
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.scheduled import Scheduled

REFRESH = 1.0  # s between refreshes of an output that is away from its safe level
MAX_DURATION = 5.0  # s without a refresh after which the MCU shuts down

Listener = Callable[[float, bool], None]  # of a print time from which on it is on or off
Preparation = Callable[[], Awaitable[None]]


def static_output(mcu: Mcu, pin: Pin) -> None:
    """A pin that is high (inverted: low) for as long as the MCU is configured, in shutdown too."""
    mcu.configuration.add(f"set_digital_out pin={pin.name} value={int(not pin.invert)}")


class Switched:
    """What can be switched on and off. `listeners` are called when it is; `preparations` are waited for before it is
    switched on, as by a motor's driver that must be set up first."""

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on
        self.listeners: list[Listener] = []
        self.preparations: list[Preparation] = []

    async def prepare(self) -> None:
        """It is to be switched on. Raises KlipkitError."""
        for preparation in self.preparations:
            await preparation()

    def tell(self, print_time: float, on: bool) -> None:
        """It was switched."""
        self.is_on = on
        for listener in self.listeners:
            listener(print_time, on)


class DigitalOut(Switched):
    """An output that is `start` at first and `shutdown` in shutdown.

    `max_duration`: s for which the MCU lets it be away from `shutdown` without a refresh, which is sent all the while:
    no host, no output. 0: for ever.
    """

    def __init__(
        self,
        mcu: Mcu,
        pin: Pin,
        *,
        start: bool = False,
        shutdown: bool = False,
        max_duration: float = MAX_DURATION,
    ) -> None:
        super().__init__(start)
        self.mcu = mcu
        self._invert = pin.invert
        self._shutdown = shutdown
        self._limited = max_duration > 0
        self._refreshing: asyncio.Task[None] | None = None
        oid = mcu.allocate_oid()
        self._changes = Scheduled(mcu, f"queue_digital_out oid={oid} clock={{}} on_ticks={{}}")
        limit = round(max_duration * mcu.frequency)
        mcu.configuration.add(
            f"config_digital_out oid={oid} pin={pin.name} value={self._level(start)} "
            f"default_value={self._level(shutdown)} max_duration={limit}"
        )
        mcu.configuration.restart.append(f"update_digital_out oid={oid} value={self._level(start)}")

    def attach(self) -> None:
        """The MCU is configured: changes may be sent."""
        self._changes.attach()
        self._keep()

    def set(self, print_time: float, on: bool) -> None:
        """On or off from a print time on, which is not before that of the change before it."""
        self._changes.set(print_time, self._level(on))
        self.tell(print_time, on)
        self._keep()

    def close(self) -> None:
        """Refresh it no more."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            self._refreshing = None

    def _level(self, on: bool) -> int:
        return int(on != self._invert)

    def _keep(self) -> None:
        self.close()
        if self._limited and self.is_on != self._shutdown:
            self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    async def _refresh(self) -> None:
        """Say again, from time to time, what it is."""
        while True:
            await asyncio.sleep(REFRESH)
            self._changes.set_clock(self._changes.soon(), self._level(self.is_on))


class WiredOut(Switched):
    """An output without a pin: its listeners switch something by wire, as a motor by its driver's registers."""

    def __init__(self) -> None:
        super().__init__(False)

    def attach(self) -> None:
        """The MCU is configured."""

    def set(self, print_time: float, on: bool) -> None:
        """On or off from a print time on."""
        self.tell(print_time, on)

    def close(self) -> None:
        """It stays as it is."""
