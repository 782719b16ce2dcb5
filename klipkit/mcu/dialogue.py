"""A person's or a script's dialogue with one MCU: commands as text, one at a time, and what comes of them.

    connect --> identify, uptime, clock, state
    ask ------> executed --> its answer came, or it has none: done
                   |--> refused (is_shutdown): Shutdown with the MCU's reason
                   `--> the answer was lost: ask again when that does no harm

It configures nothing by itself, and talks to an MCU that is shut down too.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import LinkError, NoAnswer, Shutdown, shutdown_reason
from klipkit.link.pipe import Pipe
from klipkit.mcu.clocksync import PERIOD, ClockSync
from klipkit.mcu.conversation import FIRST_PAUSE, TRIES, Conversation, Heard
from klipkit.wire.answers import ANSWERS, Answer
from klipkit.wire.commandtext import Number, encode, fill, split, uses_clock
from klipkit.wire.message import MessageFormat

BITS_A_BYTE = 10  # of an asynchronous serial line
CLOCK_ANSWER = 11  # bytes of the frame of a clock
FRESH = PERIOD  # s for which a sample of the clock is good
TRIAL_CLOCK = 1 << 31  # stands for the clock while a text is checked
RESETS = frozenset(("reset", "config_reset"))
RESET_LEAVES = (
    0.015  # s after a reset was sent until the link is closed: before it could be sent again (25 ms)
)
REOPEN_PAUSE = 0.2  # s between attempts to open a port again
REFUSED = "is_shutdown"
SHUTDOWN = "shutdown"

Opener = Callable[[], Awaitable[Pipe]]
Listener = Callable[[Heard], None]


class Command(NamedTuple):
    """A command that its firmware has, with its expressions still to be worked out."""

    words: list[str]
    form: MessageFormat

    def __str__(self) -> str:
        return " ".join(self.words)


class Asked(NamedTuple):
    """What came of a command: the text sent, the responses meanwhile, s from sending to its execution and answer."""

    text: str
    heard: list[Heard]
    seconds: float


class Flood(NamedTuple):
    """What came of many commands without a pause."""

    commands: int
    answers: int | None  # responses of the command's own kind, when it has one
    seconds: float
    bytes_sent: int
    bytes_received: int
    bytes_retransmitted: int


class Dialogue:
    """One MCU behind what `opener` opens. `listener` hears all responses that the dialogue itself did not ask for."""

    def __init__(self, name: str, opener: Opener, listener: Listener, timeout: float) -> None:
        self.name = name
        self.timeout = timeout  # s for an answer
        self.shutdown: Shutdown | None = None  # it is shut down, as far as is known
        self.load: Heard | None = None  # the newest `stats`
        self._opener = opener
        self._listener = listener
        self._lock = asyncio.Lock()
        self.on_send: Callable[[str], None] = lambda text: None  # hears the text of each command that is sent
        self._quiet = False
        self._restarted = False
        self._is_resetting = False
        self._heard: list[Heard] | None = None

    async def connect(self) -> None:
        """Open, identify, learn clock and state. Raises LinkError and what it stands for."""
        async with self._lock:
            await self._connect()

    async def reconnect(self) -> None:
        """Open the port again and identify what is there, for as long as the time-out. Raises LinkError."""
        async with self._lock:
            await self._reconnect()

    async def close(self) -> None:
        """End it."""
        await self.talk.close()
        self.pipe.close()

    def check(self, text: str) -> Command:
        """A command from its text. Raises CommandText for what this firmware does not have or take."""
        words = split(text)
        form, _ = encode(self.dictionary, fill(words, self._values(TRIAL_CLOCK)))
        return Command(words, form)

    async def ask(self, command: Command, *, quiet: bool = False) -> Asked:
        """Send it and wait for what it causes. Raises NoAnswer, LinkError, Shutdown when it was refused or caused one.

        `quiet`: the listener does not hear of it.
        """
        async with self._lock:
            words = await self._text(command)
            begun = self.pipe.now()
            self.on_send(" ".join(words))
            heard: list[Heard] = []
            if command.form.name in RESETS:
                await self._reset(words)
            else:
                heard = await self._asked(command.form, encode(self.dictionary, words)[1], quiet=quiet)
            seconds = self.pipe.now() - begun
        self._raise_if_refused(heard)
        return Asked(" ".join(words), heard, seconds)

    async def flood(self, command: Command, count: int) -> Flood:
        """Send it many times as fast as the link takes it. Raises NoAnswer when nothing moves for the time-out."""
        answer = ANSWERS.get(command.form.name)
        async with self._lock:
            payload = encode(self.dictionary, await self._text(command))[1]
            before, begun = self.stats(), self.pipe.now()
            with self._hearing(quiet=True) as heard:
                for _ in range(count - 1):
                    self.talk.send_bytes(payload)
                await self._while_it_moves(asyncio.ensure_future(self.talk.executed(payload)), count)
            seconds, after = self.pipe.now() - begun, self.stats()
        self._raise_if_refused(heard)
        answers = None if answer is None else sum(each.message.name == answer.response for each in heard)
        used = (after[key] - before[key] for key in ("bytes_sent", "bytes_received", "bytes_retransmitted"))
        return Flood(count, answers, seconds, *used)

    async def sample(self) -> None:
        """Take a sample of its clock. Raises NoAnswer, LinkError."""
        async with self._lock:
            await self._sample()

    async def state(self) -> None:
        """Ask whether it is shut down, and why: `shutdown` tells. Raises NoAnswer, LinkError."""
        async with self._lock:
            await self._state()

    async def broken(self) -> KlipkitError:
        """Wait for ever for the link to break, other than by a reset that was asked for; gives the reason."""
        while True:
            is_gone = await self.talk.gone(PERIOD)
            if is_gone and self.pipe.error is not None and not self._is_resetting:
                return self.pipe.error
            if is_gone:
                await asyncio.sleep(REOPEN_PAUSE)

    def restarted(self) -> bool:
        """Whether it started anew by itself: then it must be connected again."""
        return self._restarted

    def restart(self) -> Shutdown:
        """The error of an MCU that started anew by itself."""
        hint = "look at its power supply: the board started anew by itself"
        return Shutdown(f"MCU '{self.name}' spontaneous restart", hint=hint)

    def stats(self) -> dict[str, Any]:
        """The link's statistics; times in s. Raises LinkError."""
        stats = self.talk.stats()
        counts = {name: getattr(stats, name) for name, _ in ffi.typeof(stats).item.fields}
        return {**counts, "messages_unknown": self.talk.unknown}

    def clock(self) -> int:
        """Its clock now, as estimated, in 64 bits."""
        return round(self.sync.line.clock(self.pipe.now()))

    def _values(self, clock: int) -> dict[str, Number]:
        return {"clock": clock, "freq": self.dictionary.number("CLOCK_FREQ")}

    # --- from here on the caller has the lock ---

    async def _connect(self) -> None:
        self.pipe = await self._opener()
        self.talk = Conversation(self.name, self.pipe)
        try:
            self.dictionary = await self.talk.identify(self.timeout)
            baud = self.dictionary.number("SERIAL_BAUD", 0)
            byte_time = BITS_A_BYTE / baud if baud > 0 else 0.0
            window = max(0, self.dictionary.number("RECEIVE_WINDOW", 0))
            lib.session_set_wire(self.pipe.session, byte_time, window)
            frequency = max(1.0, float(self.dictionary.number("CLOCK_FREQ")))
            self.sync = ClockSync(frequency, CLOCK_ANSWER * byte_time)
            self.talk.overhear(self._hear)
            uptime = await self._private("get_uptime")
            self.sync.start(uptime.message.number("high"), uptime.message.number("clock"))
            await self._sample()
            await self._state()
        except BaseException:
            await self.close()
            raise
        self.began = self.pipe.now()

    async def _reconnect(self) -> None:
        await self.close()
        self._restarted, self.shutdown = False, None
        end = asyncio.get_running_loop().time() + self.timeout
        while True:
            try:
                return await self._connect()
            except LinkError:
                if asyncio.get_running_loop().time() >= end:
                    raise
                await asyncio.sleep(REOPEN_PAUSE)

    async def _sample(self) -> None:
        heard = await self._private("get_clock")
        self.sync.sample(heard.sent, heard.received, heard.message.number("clock"))
        self._sampled = self.pipe.now()

    async def _state(self) -> None:
        config = await self._private("get_config")
        if not config.message.number("is_shutdown"):
            self.shutdown = None
        elif self.shutdown is None:
            # It tells the reason to whoever stops it again, which changes nothing.
            self._note(await self._private("emergency_stop"))

    async def _text(self, command: Command) -> list[str]:
        """The command's words with its expressions worked out, by a clock that is known well."""
        if uses_clock(command.words) and self.pipe.now() - self._sampled > FRESH:
            await self._sample()
        return fill(command.words, self._values(self.clock()))

    async def _private(self, name: str) -> Heard:
        """Ask for the dialogue's own purposes; gives the answer."""
        form, payload = encode(self.dictionary, [name])
        heard = await self._asked(form, payload, quiet=True)
        for each in heard:
            if each.message.name == ANSWERS[name].response:
                return each
        raise self._silent(form, ANSWERS[name].response)

    async def _asked(self, form: MessageFormat, payload: bytes, *, quiet: bool) -> list[Heard]:
        """The responses from sending a command to its answer, which is among them if it has one and was not refused."""
        answer = ANSWERS.get(form.name)
        if answer is not None and answer.response not in self.dictionary.responses:
            answer = None
        with self._hearing(quiet=quiet) as heard:
            try:
                async with asyncio.timeout(self.timeout):
                    await self._answered(payload, answer, heard)
            except TimeoutError:
                if self._restarted:
                    raise self.restart() from None
                raise self._silent(form, answer.response if answer else "") from None
            return heard

    async def _answered(self, payload: bytes, answer: Answer | None, heard: list[Heard]) -> None:
        """Wait for the answer, for ever; ask again when it was lost."""
        for attempt in itertools.count():
            await self.talk.executed(payload)
            if answer is None or _is_answered(heard, answer.response):
                return
            if not answer.repeatable:
                await self._until(heard, answer.response)
                return
            await asyncio.sleep(FIRST_PAUSE * 2 ** min(attempt, TRIES))
            if _is_answered(heard, answer.response):
                return

    @contextmanager
    def _hearing(self, *, quiet: bool) -> Iterator[list[Heard]]:
        """Collect what is heard meanwhile."""
        self._heard, self._quiet = [], quiet
        try:
            yield self._heard
        finally:
            self._heard, self._quiet = None, False

    def _silent(self, form: MessageFormat, response: str) -> NoAnswer:
        what = f"no '{response}' came" if response else "it was not executed"
        return NoAnswer(
            f"no answer to '{form.name}' in {self.timeout:g} s: {what}",
            where=f"MCU '{self.name}'",
            hint="the board hangs or the link is bad: `stats` shows the link; or wait longer (--timeout)",
        )

    async def _until(self, heard: list[Heard], response: str) -> None:
        while not _is_answered(heard, response):
            await asyncio.sleep(FIRST_PAUSE)
            if self.pipe.error is not None:
                raise self.pipe.error

    async def _while_it_moves(self, waiting: asyncio.Future[None], count: int) -> None:
        done = -1
        try:
            while not waiting.done():
                acknowledged = lib.session_acknowledged(self.pipe.session)
                if acknowledged == done:
                    what = f"the link stopped within {count} commands"
                    raise NoAnswer(what, where=f"MCU '{self.name}'", hint="look at `stats`")
                done = acknowledged
                await asyncio.wait({waiting}, timeout=self.timeout)
            waiting.result()
        finally:
            waiting.cancel()

    async def _reset(self, words: list[str]) -> None:
        """Reset it and connect again. Raises NoAnswer when it was not reset."""
        self._is_resetting = True
        try:
            await self._reset_once(words)
        finally:
            self._is_resetting = False

    async def _reset_once(self, words: list[str]) -> None:
        before = self.stats()["bytes_sent"]
        end = self.pipe.now() + self.timeout
        with self._hearing(quiet=True):
            self.talk.send_bytes(encode(self.dictionary, words)[1])
            while self.stats()["bytes_sent"] == before and self.pipe.now() < end and self.pipe.error is None:
                await asyncio.sleep(RESET_LEAVES / 10)
            await asyncio.sleep(RESET_LEAVES)
        await self._reconnect()
        config = (await self._private("get_config")).message
        if config.number("is_config") or config.number("is_shutdown"):
            raise NoAnswer(
                "it was not reset", where=f"MCU '{self.name}'", hint="press the board's reset button"
            )

    def _hear(self, heard: Heard) -> None:
        if self._heard is not None:
            self._heard.append(heard)
        name = heard.message.name
        if name in (SHUTDOWN, REFUSED):
            self._note(heard)
        elif name == "starting":
            self._restarted, self.shutdown = True, None
        elif name == "stats":
            self.load = heard
        if not self._quiet:
            self._listener(heard)

    def _note(self, heard: Heard) -> None:
        self.shutdown = shutdown_reason(self.name, heard.message.word("static_string_id"))

    def _raise_if_refused(self, heard: list[Heard]) -> None:
        if self.shutdown is not None and any(each.message.name in (SHUTDOWN, REFUSED) for each in heard):
            raise self.shutdown


def _is_answered(heard: list[Heard], response: str) -> bool:
    """Whether the answer is among the responses, or a refusal, after which none comes."""
    return any(each.message.name in (response, REFUSED) for each in heard)


async def keep_clock(dialogue: Dialogue) -> KlipkitError | None:
    """Sample the clock for ever; ends with the error when the link is gone, with None when the MCU started anew."""
    while not dialogue.restarted():
        await dialogue.talk.gone(PERIOD)
        try:
            await dialogue.sample()
        except KlipkitError as error:
            return error
    return None
