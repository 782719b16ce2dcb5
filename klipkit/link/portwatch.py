"""Waiting for ports to appear and following their changes, by looking at sysfs again and again.

A new device is first seen without its serial device, then without its links: kernel and udev make these some 10 ms
later. It is told of when they are there and stay the same for one PERIOD, or after SETTLE when they do not come.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from klipkit.base.errors import TimedOut
from klipkit.link.ports import Port, Scan

PERIOD = 0.25  # s between two looks
SETTLE = 2.0  # s that udev is given; its own work takes some 10 ms, more on a Raspberry Pi that boots

Look = Callable[[], Scan]
Identity = tuple[object, ...]


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Seconds since any moment."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The computer's own time."""

    def now(self) -> float:
        """Seconds since the computer's start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class Change(NamedTuple):
    """What happened to a port."""

    event: str  # added, removed, changed
    port: Port
    scan: Scan  # the look that showed it


def appeared(look: Look, clock: Clock, timeout: float | None) -> tuple[Scan, list[Port]]:
    """Wait for ports that were not there at the start, or came back as something else (a bootloader).

    `timeout` in seconds, None for ever. Raises TimedOut.
    """
    end = None if timeout is None else clock.now() + timeout
    before = {_identity(port) for port in look().ports}
    first_seen: float | None = None
    last: list[Port] = []
    while True:
        found = look()
        now = clock.now()
        before &= {_identity(port) for port in found.ports}
        new = [port for port in found.ports if _identity(port) not in before]
        first_seen = (first_seen if first_seen is not None else now) if new else None
        if first_seen is not None and (
            (new == last and all(map(_settled, new))) or now - first_seen >= SETTLE
        ):
            return found, new
        last = new
        if end is not None and now >= end and not new:
            raise TimedOut(f"no port appeared within {timeout:g} s", hint="try another cable or USB socket")
        clock.sleep(PERIOD)


def changes(look: Look, clock: Clock) -> Iterator[Change]:
    """What changes from now on, without end: removed ports first, then added and changed ones."""
    known = {_identity(port): port for port in look().ports}
    waiting: dict[Identity, tuple[Port, float]] = {}  # not told of yet: as last seen, and when first seen
    while True:
        clock.sleep(PERIOD)
        found = look()
        current = {_identity(port): port for port in found.ports}
        for identity in [identity for identity in known if identity not in current]:
            yield Change("removed", known.pop(identity), found)
        waiting = {identity: seen for identity, seen in waiting.items() if identity in current}
        for identity, port in current.items():
            if identity in known:
                if port != known[identity]:
                    yield Change("changed", port, found)
                known[identity] = port
                continue
            last, since = waiting.get(identity, (None, clock.now()))
            waiting[identity] = (port, since)
            if (port == last and _settled(port)) or clock.now() - since >= SETTLE:
                known[identity] = port
                del waiting[identity]
                yield Change("added", port, found)


def _identity(port: Port) -> Identity:
    """What makes a port the one that was seen before."""
    if port.usb is None:
        return (port.device,)
    return (port.device, port.usb.address, port.usb.ids, port.usb.serial, port.usb.node)


def _settled(port: Port) -> bool:
    """The kernel and udev have done their work: what has a driver also has its serial device, and that its links."""
    if port.tty:
        return not port.usb or (port.has_node and bool(port.by_id or port.by_path))
    return port.kind in ("bootloader", "can")
