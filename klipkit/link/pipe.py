"""The Pipe: the one contract between the MCU floor and a way to an MCU, the same for a real port and a simulated one.

    MCU floor --session_send--> session <--feed, emit--> driver <--bytes--> MCU
              --wake()--------------------------------->   |
              <-- ready is set, take() <-- session <-------'

A pipe owns one wire session (`session`, a cffi pointer for the functions of wire/session.h) from its making to close():
whoever uses `session` after close() uses freed memory, so the MCU floor drops it first. All times are seconds of now():
CLOCK_MONOTONIC on a real port, virtual time in the simulator; they are the times that the session sees, so those of
received messages compare with it.

Threads: all methods belong to the thread of the event loop. The functions of the session may be called from any
thread. On a real port a C thread of the pipe drives the session; in the simulator the loop's selector does. Neither
calls Python: `ready` is set from within the loop.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the MCU, or (`payload` empty) the news that a session_query was executed.

    `received` is when its last byte came, `sent` when the newest frame that it acknowledges was out whole (0:
    repeated, or none), s; `answers` is the ticket that wire/session.h describes.
    """

    received: float
    sent: float
    answers: int
    payload: bytes


class Pipe(ABC):
    """A session with its driver. Kinds: link/pty.py (a file descriptor), sim/pipe.py (the co-simulator).

    `ready` is set while messages may wait, and once the pipe has failed or is closed; take() clears it.
    `error` is what ended the pipe, None while it works. A failed pipe stays failed: make a new one.
    """

    def __init__(self) -> None:
        session = lib.session_new()
        if session == ffi.NULL:
            raise MemoryError("no memory for a session")
        self.session: Any = session
        self.ready = asyncio.Event()
        self.error: KlipkitError | None = None
        self.closed = False
        self.speed = ""  # words for errors, such as "at 250000 baud"; "" where the port has no speed
        self._message = ffi.new("struct session_message *")

    @abstractmethod
    def wake(self) -> None:
        """Commands were queued in the session: let them go out now."""

    @abstractmethod
    def now(self) -> float:
        """The time of this pipe's clock, s."""

    @abstractmethod
    def _stop(self) -> None:
        """Stop to drive the session; nothing of the driver uses it afterwards."""

    def heard(self) -> bytes:
        """The first bytes that came, whatever they were: they tell what a stranger is. None in the simulator."""
        return b""

    def close(self) -> None:
        """Stop, and give back session and port. Once is enough, more does no harm."""
        if self.closed:
            return
        self.closed = True
        self._stop()
        lib.session_free(self.session)
        self.session = ffi.NULL
        self.ready.set()

    def fail(self, error: KlipkitError) -> None:
        """The driver has ended for this reason; the first one stays."""
        self.error = self.error or error
        self.ready.set()

    def take(self) -> list[Message]:
        """All messages that wait, oldest first; never waits."""
        messages: list[Message] = []
        if self.error is None and not self.closed:
            self.ready.clear()
        message = self._message
        while not self.closed and lib.session_receive(self.session, message):
            payload = bytes(ffi.buffer(message.bytes, message.count))
            messages.append(Message(message.received, message.sent, message.answers, payload))
        return messages

    async def messages(self) -> AsyncIterator[Message]:
        """Each message as it comes, until the pipe is closed. Raises `error` after the last one when it failed."""
        while not self.closed:
            for message in self.take():
                yield message
            if self.error is not None:
                raise self.error
            await self.ready.wait()
