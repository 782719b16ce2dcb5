"""Talking with one MCU: commands go out, questions get their answers, and what it says of itself finds its listener.

The protocol does not repeat responses: a lost one is asked for again. A query is sent so that its execution is reported
after the responses that it caused (wire/session.h); when the report comes first, the answer was lost on its way.

    query --> session --> MCU --> answer --> done
                |           `--> (lost)
                `--> executed, and no answer: wait 10, 20, 40 ... ms, ask again
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError, KlipkitError
from klipkit.base.faults import LinkError, NoAnswer, ProtocolError
from klipkit.link import pipe as link
from klipkit.link.stranger import account
from klipkit.wire.dictionary import Dictionary
from klipkit.wire.identify import Identify
from klipkit.wire.message import Message

TRIES = 6
FIRST_PAUSE = 0.01  # s before a question is asked again; doubles
PATIENCE = 5.0  # s for one try, when the link itself is silent: the longest retransmission time-out
ASK_AGAIN = 0.2  # s until a piece of the dictionary is asked for again
NUDGE = "debug_nop"  # a command that does nothing
NUDGE_PAUSE = 0.05  # s without news until it is sent; doubles
LEAVING = 0.001  # s between looks whether commands have left
IDENTIFY_PATIENCE = 5.0  # s without a piece of the dictionary

Listener = Callable[["Heard"], None]
Accept = Callable[[Message], bool] | None


class Heard(NamedTuple):
    """A message from the MCU with its times, s (sent is 0 when the question was repeated)."""

    message: Message
    sent: float
    received: float


class _Waiting(NamedTuple):
    """For an answer: to a command with this ticket or a later one, and one that `accept` takes."""

    answer: "asyncio.Future[Heard]"
    ticket: int
    accept: Accept


class Conversation:
    """The conversation over one pipe at a time. Raises LinkError from what is awaited once the link is gone."""

    def __init__(self, name: str, pipe: link.Pipe) -> None:
        self.name = name
        self.pipe = pipe
        self.dictionary: Dictionary | None = None
        self.fault: KlipkitError | None = None  # the MCU's first cause, raised in place of its consequences
        self.queue = self.add_queue()  # for commands without a time
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners: dict[str, list[Listener]] = {}
        self._answers: dict[str, list[_Waiting]] = {}
        self._executed: dict[int, asyncio.Future[None]] = {}
        self._raw: Callable[[bytes], None] | None = None
        self._overhears: list[Listener] = []
        self.unknown = 0  # messages that the dictionary lacks
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def use(self, pipe: link.Pipe) -> None:
        """Go on over a new pipe, unidentified; listeners stay, queues and questions do not."""
        await self.close()
        self.pipe, self.dictionary, self.fault = pipe, None, None
        self._lost = asyncio.get_running_loop().create_future()
        self._executed.clear()
        self.queue = self.add_queue()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    def fail(self, fault: KlipkitError) -> None:
        """The MCU has failed: what is asked raises this. When it is the link that is lost, at once."""
        self.fault = fault
        if isinstance(fault, LinkError) and not self._lost.done():
            self._lost.set_result(None)

    def add_queue(self) -> int:
        """A new command queue of the session."""
        number = lib.session_add_queue(self.pipe.session)
        if number < 0:
            raise MemoryError("no memory for a command queue")
        return int(number)

    def listen(self, response: str, listener: Listener) -> None:
        """Call `listener` with each response of that name that comes from now on."""
        self._listeners.setdefault(response, []).append(listener)

    def overhear(self, listener: Listener) -> None:
        """Call `listener` with each response of any name that comes from now on."""
        self._overhears.append(listener)

    def send(self, command: str, *, queue: int | None = None, min_clock: int = 0, required: int = 0) -> int:
        """Queue a command given as text; clocks in 64-bit ticks, 0 for at once. Gives its ticket."""
        return self._put(lib.session_send, self._encoded(command), queue, min_clock, required)

    async def query(
        self,
        command: str,
        response: str,
        oid: int | None = None,
        accept: Accept = None,
    ) -> Heard:
        """Ask, and give the response of that name, and of that object when one is named. Raises NoAnswer, LinkError.

        `accept`: which of them is an answer, where the MCU sends such responses by itself as well.
        """
        return await self._ask(self._encoded(command), response, _key(response, oid), accept)

    async def carried_out(self, commands: Sequence[str], queue: int) -> None:
        """Send commands in their order, and wait until the MCU has executed them all. Raises LinkError."""
        *first, last = [self._encoded(command) for command in commands]
        for payload in first:
            self._put(lib.session_send, payload, queue)
        await self._settled(self._ask_once(last, queue)[0])

    async def executed(self, payload: bytes) -> None:
        """Send a command, and wait until the MCU has executed it; its responses are heard before. Raises LinkError."""
        await self._settled(self._ask_once(payload)[0])

    def stats(self) -> Any:
        """The session's statistics (struct session_stats). Raises LinkError once the pipe is closed."""
        self._raise_if_closed()
        stats = ffi.new("struct session_stats *")
        lib.session_get_stats(self.pipe.session, stats)
        return stats

    def send_bytes(self, payload: bytes) -> int:
        """Queue an encoded command without a time. Gives its ticket."""
        return self._put(lib.session_send, payload)

    async def left(self, seconds: float = 0.5) -> None:
        """Wait until all that is to leave at once has left, `seconds` at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self._reader.done():
            await asyncio.sleep(LEAVING)
            if not self.stats().ready_bytes:
                return

    async def gone(self, seconds: float) -> bool:
        """Wait until the link is gone, `seconds` at most; whether it is."""
        await asyncio.wait({self._reader}, timeout=seconds)
        return self._reader.done()

    async def identify(self, patience: float = IDENTIFY_PATIENCE) -> Dictionary:
        """Read the data dictionary, whose pieces come at most `patience` s apart; then commands can be sent as text.

        Raises NoAnswer when nothing comes, ProtocolError when something else comes, LinkError, DeviceError.
        """
        reading = Identify(f"MCU '{self.name}'")
        came = asyncio.Event()

        def take(payload: bytes) -> None:
            if reading.receive(payload):
                came.set()

        self._raw = take
        try:
            async with asyncio.timeout(patience) as limit:
                while not reading.done:
                    if came.is_set():
                        limit.reschedule(asyncio.get_running_loop().time() + patience)
                    came.clear()
                    await self._executed_or(came, reading.request)
        except TimeoutError:
            raise self._stranger(reading, patience) from None
        finally:
            self._raw = None
        self.dictionary = reading.dictionary()
        return self.dictionary

    async def close(self) -> None:
        """End the conversation; the pipe stays its owner's."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    def _encoded(self, command: str) -> bytes:
        if self.dictionary is None:
            raise DeviceError(f"'{command}' cannot be sent before the MCU was identified", where=self.name)
        return self.dictionary.encode(command)

    def _put(
        self,
        send: Callable[..., int],
        payload: bytes,
        queue: int | None = None,
        min_clock: int = 0,
        required: int = 0,
    ) -> int:
        if self.pipe.error is not None:
            raise self.pipe.error
        self._raise_if_closed()
        number = self.queue if queue is None else queue
        ticket = send(self.pipe.session, number, payload, len(payload), min_clock, required)
        if ticket < 0:
            raise LinkError(f"a command cannot be queued ({-ticket})", where=f"MCU '{self.name}'")
        self.pipe.wake()
        return int(ticket)

    def _ask_once(self, payload: bytes, queue: int | None = None) -> tuple[asyncio.Future[None], int]:
        """Send a query: gives what is done once it is executed, and its ticket."""
        executed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ticket = self._put(lib.session_query, payload, queue)
        self._executed[ticket] = executed
        return executed, ticket

    async def _settled(self, executed: asyncio.Future[None]) -> None:
        await self._first_of({executed, self._reader}, math.inf)
        if not executed.done():
            self._raise_if_gone()

    async def _executed_or(self, came: asyncio.Event, payload: bytes) -> None:
        """Ask once, and wait until `came` is set or the question is known to be executed without, ASK_AGAIN s at most.

        Both the answer and the news that it was executed may be lost (_first_of)."""
        executed, _ = self._ask_once(payload)
        waiting = asyncio.ensure_future(came.wait())
        try:
            waits: set[asyncio.Future[Any]] = {executed, waiting, self._reader}
            await asyncio.wait(waits, timeout=ASK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        self._raise_if_gone()

    async def _ask(self, payload: bytes, response: str, key: str, accept: Accept) -> Heard:
        answer: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        answers = self._answers.setdefault(key, [])
        executed, ticket = self._ask_once(payload)
        waiting = _Waiting(answer, ticket, accept)
        answers.append(waiting)
        try:
            for attempt in range(TRIES):
                if attempt:
                    executed, _ = self._ask_once(payload)
                await self._first_of({answer, executed, self._reader}, PATIENCE)
                if not answer.done():
                    self._raise_if_gone()
                    await asyncio.wait({answer}, timeout=FIRST_PAUSE * 2**attempt)
                if answer.done():
                    return answer.result()
        finally:
            answers.remove(waiting)
        raise self.fault or self._silent(response)

    async def _first_of(self, waits: set[asyncio.Future[Any]], patience: float) -> None:
        """Wait until one of them is done, `patience` s at most.

        When an ack is lost after a response with the same number has come, nothing is repeated, and the query would be
        reported with the next command only: so one is sent that does nothing.
        """
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + patience, NUDGE_PAUSE
        waits = waits | {self._lost}
        while not any(each.done() for each in waits) and (left := end - loop.time()) > 0:
            await asyncio.wait(waits, timeout=min(pause, left), return_when=asyncio.FIRST_COMPLETED)
            pause *= 2
            if not any(each.done() for each in waits) and self._is_acknowledged():
                self.send_bytes(self._encoded(NUDGE))

    def _is_acknowledged(self) -> bool:
        """Whether nothing is on its way, and the nudge can be sent."""
        if self.dictionary is None or NUDGE not in self.dictionary.commands:
            return False
        stats = self.stats()
        return bool(stats.send_seq == stats.receive_seq and not stats.ready_bytes)

    def _raise_if_closed(self) -> None:
        if self.pipe.closed:
            raise LinkError("the link was closed", where=f"MCU '{self.name}'")

    def _raise_if_gone(self) -> None:
        if self.fault is not None:
            raise self.fault
        if self._reader.done():
            error = self._reader.exception()
            raise error or LinkError("the link was closed", where=f"MCU '{self.name}'")

    def _stranger(self, reading: Identify, patience: float) -> LinkError:
        """What was tried in vain to identify it, and what came."""
        stats = self.stats()
        times = stats.frames_sent + stats.timeouts + stats.naks
        speed = f" {self.pipe.speed}" if self.pipe.speed else ""
        what = f"Unable to obtain 'identify' response: asked {times} times in {patience:g} s{speed}"
        if reading.data:
            came = f"{len(reading.data)} bytes of its data dictionary came, not all of it"
            return NoAnswer(
                f"{what}; {came}", where=f"MCU '{self.name}'", hint="look at the cable, or wait longer"
            )
        came, hint = account(self.pipe.heard(), stats.bytes_received, stats.frames_received, reading.request)
        kind = ProtocolError if stats.bytes_received else NoAnswer
        return kind(f"{what}; {came}", where=f"MCU '{self.name}'", hint=hint)

    def _silent(self, response: str) -> NoAnswer:
        hint = "is it powered, and is its firmware Klipper's or klipkit's?"
        return NoAnswer(f"Unable to obtain '{response}' response", where=f"MCU '{self.name}'", hint=hint)

    async def _read(self) -> None:
        """Take each message as it comes; ends with the link."""
        async for message in self.pipe.messages():
            if not message.payload:
                executed = self._executed.pop(message.answers, None)
                if executed is not None and not executed.done():
                    executed.set_result(None)
            elif self._raw is not None:
                self._raw(message.payload)
            elif self.dictionary is not None:
                self._hear(message, self.dictionary)

    def _hear(self, came: link.Message, dictionary: Dictionary) -> None:
        try:
            message = dictionary.decode_response(came.payload)
        except DeviceError:
            self.unknown += 1
            return  # left over from an earlier session; a damaged frame has no valid checksum
        heard = Heard(message, came.sent, came.received)
        for waiting in self._answers.get(_key(message.name, message.values.get("oid")), ()):
            is_late = came.answers < waiting.ticket  # to an earlier question, that was asked twice
            if not (is_late or waiting.answer.done()) and (waiting.accept is None or waiting.accept(message)):
                waiting.answer.set_result(heard)
        for listener in (*self._listeners.get(message.name, ()), *self._overhears):
            listener(heard)


def _key(response: str, oid: object) -> str:
    return response if oid is None else f"{response} {oid}"
