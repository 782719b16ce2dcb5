"""One MCU: from a pipe to a configured microcontroller with a known clock, until it is let go or shuts down.

connect()    identify, uptime, clock, state          (needs a pipe; mcu/restart.py makes pipes)
parts add    oids, config commands, init commands    (steppers, outputs: mcu/stepper.py, mcu/digital_out.py)
clear()      when it holds another configuration it is reset and connected again: its clock begins anew
configure()  sends them, or finds that the MCU holds them already
close()      ends the conversation

When it fails, the first cause is kept with what it was sent before (mcu/cause.py); close() does not lose it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError, KlipkitError
from klipkit.base.faults import LinkError, Shutdown, SlowLink, TimerTooClose, shutdown_reason
from klipkit.link.pipe import Pipe
from klipkit.mcu.cause import Cause
from klipkit.mcu.clocksync import PERIOD, ClockMapping, ClockSync, first_mapping
from klipkit.mcu.conversation import Conversation, Heard
from klipkit.mcu.mismatch import check
from klipkit.mcu.statistics import SQUARE_BASE, LastStats, Load, McuStatus, last_stats, load_of
from klipkit.wire.configuration import Configuration

BITS_A_BYTE = 10  # of an asynchronous serial line: start, 8 data, stop
CLOCK_ANSWER = 11  # bytes of the frame of a clock
FIRST_QUERIES = 8
FIRST_PAUSE = 0.05  # s
UNANSWERED = 4  # get_clock queries without an answer that mean a lost link
EARLY = (
    0.001  # s by which the MCU's clock is taken to be behind, so that nothing is sent before its slot is free
)

SLOW = 0.45  # s: a round trip, and twice its deviation, after which commands come too late; found by trying
REMARKABLE = 0.05  # s on the way that may be why a command came too late

UNMAPPED = ClockMapping(0.0, 1.0)  # until print time is known

Renew = Callable[["Mcu"], Awaitable[None]]  # resets the board and calls reconnect() with a new pipe


class Mcu:
    """A microcontroller. `mapping` is its clock over print time; `fault` is set once, with the first cause, and `cause`
    tells all about it."""

    def __init__(self, name: str, pipe: Pipe, *, renew: Renew | None = None) -> None:
        self.name = name
        self.pipe = pipe
        self.configuration = Configuration()
        self.mapping = UNMAPPED
        self.move_slots = 0  # of the MCU's move queue, known after configure()
        self.reserved_slots = 0  # that outputs take
        # each gives what a part knows of a reason to shut down, or ""
        self.accounts: list[Callable[[str], str]] = []
        self.talk = Conversation(name, pipe)
        self.fault: asyncio.Future[KlipkitError] = asyncio.get_running_loop().create_future()
        self.cause: Cause | None = None
        self.was_configured = False  # it held a configuration when it was connected
        self.is_resetting = False  # what it says then is no fault
        self._load = Load()
        self._main: Mcu | None = None  # that it follows, but for when `_unless` says so
        self._unless: Callable[[], bool] = bool
        self._renew = renew
        self._tasks: list[asyncio.Task[None]] = []
        self._listen()

    async def connect(self) -> None:
        """Identify it and learn its clock. Raises LinkError and what it stands for, Shutdown when it is in shutdown."""
        await self.identify()
        for _ in range(FIRST_QUERIES):
            await self._ask_clock()
            await asyncio.sleep(FIRST_PAUSE)
        self._check_round_trip()
        self.was_configured = await self.state()

    async def identify(self) -> None:
        """Learn what it is, and about what time it is there. Raises LinkError and what it stands for."""
        self.dictionary = await self.talk.identify()
        baud = self.dictionary.number("SERIAL_BAUD", 0)
        window = self.dictionary.number("RECEIVE_WINDOW", 0)
        byte_time = BITS_A_BYTE / baud if baud else 0.0
        lib.session_set_wire(self.pipe.session, byte_time, window)
        frequency = float(self.dictionary.number("CLOCK_FREQ"))
        self.sync = ClockSync(frequency, CLOCK_ANSWER * byte_time)
        uptime = (await self.talk.query("get_uptime", "uptime")).message
        self.sync.start(uptime.number("high"), uptime.number("clock"))

    async def reconnect(self, pipe: Pipe) -> None:
        """Connect it over a new pipe, after a reset; what was made on it stays. Raises what connect() does."""
        self.pipe.close()
        self.pipe = pipe
        try:
            await self.talk.use(pipe)
            await self.connect()
        except BaseException:
            pipe.close()
            raise
        self.is_resetting = False

    @property
    def frequency(self) -> float:
        """The nominal frequency of its clock, Hz."""
        return self.sync.nominal

    @property
    def is_avr(self) -> bool:
        """Whether it is an AVR chip."""
        return str(self.dictionary.constants.get("MCU", "")).startswith(("atmega", "at90", "lgt8"))

    def supports(self, *commands: str) -> bool:
        """Whether its firmware has these commands: what can be done without, is."""
        return all(command in self.dictionary.commands for command in commands)

    def allocate_oid(self) -> int:
        """A new object number for a part."""
        return self.configuration.allocate_oid()

    async def clear(self) -> bool:
        """Once all parts are made: when it holds another configuration, reset it. Raises KlipkitError, among them
        FirmwareMismatch with all that its firmware lacks for this configuration.

        Gives whether it was reset: then its clock has begun anew, and mappings between MCUs are to be made anew.
        """
        check(self.configuration, self.dictionary)
        if not self.configuration.needs_reset(self.was_configured, self._crc):
            return False
        if self._renew is None:
            hint = "it was configured by another program or another printer.cfg: reset the board"
            raise LinkError(f"MCU '{self.name}' is configured otherwise", hint=hint)
        await self._renew(self)
        return True

    async def configure(self) -> None:
        """Send the configuration, unless it holds just this one. Raises LinkError when it holds another one."""
        await self.clear()
        for command in self.configuration.commands(self.was_configured):
            self.talk.send(command)
        if not await self.state():
            raise LinkError(f"MCU '{self.name}' did not take its configuration")
        self._tasks.append(asyncio.get_running_loop().create_task(self._keep_clock()))

    def follow(self, main: "Mcu", unless: Callable[[], bool] = bool) -> None:
        """Let the mapping follow the main MCU's clock with each answer to get_clock, which no crystal would for hours.

        `unless`: while its steppers move, whose clocks bend at flush boundaries only (machine/toolhead.py).
        """
        self._main, self._unless = main, unless

    def print_time(self) -> float:
        """The print time now, by this MCU's clock, s."""
        return self.mapping.print_time(self.sync.line.clock(self.pipe.now()))

    def uptime(self) -> float:
        """For how long its clock has run, s."""
        return self.sync.line.clock(self.pipe.now()) / self.frequency

    def failed(self, error: KlipkitError, clock: int | None = None) -> None:
        """Note a fault, at a clock of the MCU (64 bit) where it told one; the first one stays."""
        if self.fault.done() or self.is_resetting:
            return
        self.cause = self._cause_of(error, clock)
        self.fault.set_result(error)
        self.talk.fail(error)

    def emergency_stop(self, cause: KlipkitError | None = None) -> None:
        """Shut it down at once. `cause`: why, where that is not its own: it is its fault then, not what it says next.

        Never raises: what cannot be reached any more stops by itself, for want of refreshes.
        """
        if cause is not None:
            self.failed(cause)
        with suppress(DeviceError, MemoryError):
            self.talk.send("emergency_stop")

    def statistics(self) -> LastStats:
        """How the MCU, its link and its clock do. Raises LinkError once the pipe is closed."""
        return last_stats(self._load, self.talk.stats(), self.sync.line.frequency, self.mapping.frequency)

    def status(self) -> McuStatus:
        """The status object of this MCU. Raises LinkError once the pipe is closed."""
        of = self.dictionary
        return McuStatus(of.version, of.build_versions, of.constants, self.statistics())

    async def close(self) -> None:
        """End the conversation and close the pipe."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.talk.close()
        self.pipe.close()

    def _listen(self) -> None:
        heard: dict[str, Callable[[Heard], None]] = {
            "shutdown": self._shutdown,
            "is_shutdown": self._shutdown,
            "starting": self._restarted,
            "stats": self._measured,
        }
        for response, listener in heard.items():
            self.talk.listen(response, listener)

    def _shutdown(self, heard: Heard) -> None:
        message = heard.message
        clock = self.sync.extend(message.number("clock")) if "clock" in message.values else None
        reason = message.word("static_string_id")
        known = [words for account in self.accounts if (words := account(reason))]
        account = "; ".join(known) or self._way_of(reason, clock)
        self.failed(shutdown_reason(self.name, reason, account), clock)

    def _measured(self, heard: Heard) -> None:
        count, total, squares = (heard.message.number(name) for name in ("count", "sum", "sumsq"))
        base = self.dictionary.number("STATS_SUMSQ_BASE", SQUARE_BASE)
        self._load = load_of(count, total, squares, self.frequency, base)

    def _cause_of(self, error: KlipkitError, clock: int | None) -> Cause:
        time, print_time = self.pipe.now(), None
        if clock is not None:
            time = self.sync.line.time(clock)
            print_time = self.mapping.print_time(clock) if self.mapping != UNMAPPED else None
        room = ffi.new("struct session_sent[]", lib.SESSION_SENT_KEPT)
        count = 0 if self.pipe.closed else int(lib.session_sent_last(self.pipe.session, room))
        sent = tuple((float(each.when), bytes(each.bytes[0 : each.count])) for each in room[0:count])
        return Cause(self.name, error, time, clock, print_time, sent, self.talk.dictionary)

    def _restarted(self, heard: Heard) -> None:
        hint = "look at its power supply: the board started anew by itself"
        self.failed(Shutdown(f"MCU '{self.name}' spontaneous restart", hint=hint))

    async def state(self) -> bool:
        """Whether it is configured. Raises Shutdown when it is shut down, LinkError."""
        config = (await self.talk.query("get_config", "config")).message
        if config.number("is_shutdown"):
            raise await self._previous_shutdown()
        self._crc = config.number("crc")
        self.move_slots = config.number("move_count")
        return bool(config.number("is_config"))

    async def _previous_shutdown(self) -> KlipkitError:
        """Why it is in shutdown: when it is told to stop once more, it repeats the first reason."""
        if self.fault.done():
            return self.fault.result()
        reason = (await self.talk.query("emergency_stop", "shutdown")).message.word("static_string_id")
        known = shutdown_reason(self.name, reason)
        hint = "FIRMWARE_RESTART, or press the board's reset button"
        return type(known)(f"Previous {known.what}", hint=hint)

    def _check_round_trip(self) -> None:
        """Raises SlowLink."""
        stats = self.talk.stats()
        trip, deviation = float(stats.round_trip), float(stats.deviation)
        if trip + 2 * deviation > SLOW:
            what = f"MCU '{self.name}': a question is answered after {trip * 1e3:.0f} ms +- {deviation * 1e3:.0f} ms"
            hint = "connect the board by a cable to this computer, not through a network"
            raise SlowLink(f"{what}, too late for moves that are sent 250 ms ahead", hint=hint)

    def _way_of(self, reason: str, clock: int | None) -> str:
        """What the link has to do with a reason to shut down that came just now."""
        if clock is None or not reason.startswith(TimerTooClose.classic):
            return ""
        took = self.pipe.now() - self.sync.line.time(clock)
        return f"its link is slow, this news took {took * 1e3:.0f} ms" if took > REMARKABLE else ""

    async def _ask_clock(self) -> None:
        heard = await self.talk.query("get_clock", "clock")
        self.sync.sample(heard.sent, heard.received, heard.message.number("clock"))
        line = self.sync.line
        now = self.pipe.now()
        lib.session_set_clock(self.pipe.session, line.frequency, now + EARLY, round(line.clock(now)))

    async def _keep_clock(self) -> None:
        """Ask for the clock for ever: it also shows that the link lives."""
        while not self.fault.done():
            await self.talk.gone(PERIOD)
            try:
                async with asyncio.timeout(UNANSWERED * PERIOD):
                    await self._ask_clock()
                if self._main is not None and not self._unless():
                    self.mapping = first_mapping(self._main.sync, self.sync, self.pipe.now())
            except TimeoutError:
                self.failed(LinkError(f"Lost communication with MCU '{self.name}'"))
            except KlipkitError as error:
                self.failed(error)
