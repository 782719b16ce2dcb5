"""How one MCU is reached and reset: connects with patience, tells what was tried, and resets the board by its method.

    reach = Reach("mcu", way, method)
    mcu = await reach.connect()      open, identify, ask for clock and state; again and again until it answers
    ... parts ...
    await mcu.clear()                it holds another configuration: reset, connected again on a new pipe
    await reach.restart()            FIRMWARE_RESTART: reset in any state; then connect() anew

A reset is only believed when the board answers again and has forgotten its configuration.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import FirmwareMismatch, LinkError, NoAnswer, NotReset, PortHeld, Shutdown, SlowLink
from klipkit.link.serial import ModemLines
from klipkit.link.way import FileWay, Shown, Way
from klipkit.mcu.config import McuConfig, RestartMethod
from klipkit.mcu.mcu import Mcu

PATIENCE = 90.0  # s for an MCU that does not answer yet: a board may be switched on after the computer
HELD_PATIENCE = (
    10.0  # s for a port that another program has: ModemManager looks at new ports for some seconds
)
RETURN_PATIENCE = 20.0  # s for a board that was reset
AGAIN = 1.0  # s between tries
SETTLE = 1.0  # s from a reset until the port is opened: the boot loader's time, and that in which a USB port vanishes
LEAVES = 0.015  # s until a command is on its way through the port before that is closed (recorded from the stock host)

OFF, ON = ModemLines(dtr=False, rts=True), ModemLines(dtr=True, rts=True)
CHEETAH_OFF, CHEETAH_ON = ModemLines(dtr=False, rts=False), ModemLines(dtr=True, rts=False)
ARDUINO_STEPS: tuple[Shown, ...] = ((OFF, 0.1), (ON, 0.1), (OFF, 0.0))
# RTS sets the boot pin by a circuit that keeps its state: it follows at the first reset and counts at the second
CHEETAH_STEPS: tuple[Shown, ...] = (
    (CHEETAH_OFF, 0.1),
    (CHEETAH_ON, 0.1),
    (CHEETAH_OFF, 0.1),
    (CHEETAH_ON, 0.1),
)
STEPS = {RestartMethod.ARDUINO: ARDUINO_STEPS, RestartMethod.CHEETAH: CHEETAH_STEPS}

BY_COMMAND, BY_DTR, BY_POWER = "a reset by command", "a reset by DTR", "its USB power was off"
PROGRAMS = (
    "/tmp/klipper_host_",
    "/dev/rpmsg_",
)  # paths of firmware that is no chip of its own: it has no lines

AVR_HANG = (
    "old AVR boot loaders hang after a reset by command (a known bug with the watchdog; LEDs may blink): take the "
    "board's power away and give it back, then set restart_method: arduino, or flash a newer boot loader"
)
NO_RETURN = (
    "press its reset button or take its power away for a moment; another restart_method may suit the board"
)


def _quiet(words: str) -> None:
    """Say nothing."""


@dataclass(slots=True)
class Tries:
    """What was tried in vain, for one clear account."""

    begun: float
    errors: list[KlipkitError] = field(default_factory=list)

    def account(self, now: float) -> str:
        """The number of tries, and the different reasons but for the last."""
        counted = Counter(error.what for error in self.errors)
        last = self.errors[-1].what
        earlier = [f"{times} x {what}" for what, times in counted.items() if what != last]
        words = f"tried {len(self.errors)} times in {now - self.begun:.0f} s"
        return f"{words}; before that: {', '.join(earlier)}" if earlier else words

    def error(self, now: float) -> KlipkitError:
        """The last error with the account of all."""
        last = self.errors[-1]
        if len(self.errors) == 1:
            return last
        return type(last)(f"{last.what} ({self.account(now)})", where=last.where, hint=last.hint)


class Reach:
    """The way to one MCU and the method of its reset. `say` gets a line for people when something new happens."""

    def __init__(
        self,
        name: str,
        way: Way,
        method: RestartMethod | None = None,
        *,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        self.name = name
        self.way = way
        self.mcu: Mcu | None = None  # the newest one
        self._method = method
        self._say = say
        self._reset_by = ""  # in words: it was reset, and has not answered since
        self._is_avr = False

    async def connect(self, patience: float = PATIENCE) -> Mcu:
        """A connected Mcu, in `patience` s. Raises the last error with an account of the tries; Shutdown and what
        trying again does not mend at once."""
        await self._answered(patience, self._connect_once)
        assert self.mcu is not None
        return self.mcu

    async def renew(self, mcu: Mcu) -> None:
        """Reset the board of a connected Mcu, which goes on over a new pipe. Raises KlipkitError."""
        await self._reset(mcu)

        async def reconnect() -> None:
            await mcu.reconnect(await self.way.open())
            self._check_forgotten(mcu)

        await self._answered(RETURN_PATIENCE, reconnect)

    async def restart(self, mcu: Mcu | None = None) -> None:
        """Reset the board whatever state it is in, and close its Mcu; connect() makes the next. Raises KlipkitError.

        `mcu`: where it is connected already. Else a new pipe is opened when its firmware is to be asked; when that
        does not answer and no method was told, DTR is tried.
        """
        mcu = mcu or self.mcu
        if mcu is None or mcu.pipe.closed or mcu.pipe.error is not None:
            mcu = None
        if mcu is None and self._method in (None, RestartMethod.COMMAND):
            try:
                mcu = await self._identified()
            except LinkError:
                if self._method is not None or not await self.way.show(ARDUINO_STEPS):
                    raise
                self._reset_by = BY_DTR
                await asyncio.sleep(SETTLE)
                return
        await self._reset(mcu)

    def method(self, mcu: Mcu | None) -> RestartMethod:
        """How it is reset: as said, else arduino for a serial line, command for the rest."""
        if self._method is not None:
            return self._method
        is_serial = mcu is not None and mcu.dictionary.number("SERIAL_BAUD", 0) > 0
        return RestartMethod.ARDUINO if is_serial else RestartMethod.COMMAND

    async def _connect_once(self) -> None:
        mcu = Mcu(self.name, await self.way.open(), renew=self.renew)
        try:
            await mcu.connect()
            self._check_forgotten(mcu)
        except BaseException as error:
            await mcu.close()
            if isinstance(error, Shutdown) and self._reset_by:
                raise self._unreset("it still is in shutdown") from error
            raise
        self.mcu = mcu

    def _check_forgotten(self, mcu: Mcu) -> None:
        if mcu.was_configured and self._reset_by:
            raise self._unreset("it still holds its configuration")

    def _unreset(self, what: str) -> NotReset:
        return NotReset(
            f"Failed automated reset of MCU '{self.name}': {what} after {self._reset_by}",
            where=self.way.where,
            hint=NO_RETURN,
        )

    async def _identified(self) -> Mcu:
        """An Mcu that answers, in whatever state."""
        mcu = Mcu(self.name, await self.way.open())
        try:
            await mcu.identify()
        except BaseException:
            await mcu.close()
            raise
        return mcu

    async def _try_for(self, patience: float, attempt: Callable[[], Awaitable[None]]) -> None:
        loop = asyncio.get_running_loop()
        tries = Tries(loop.time())
        while True:
            try:
                await attempt()
            except (FirmwareMismatch, NotReset, SlowLink):
                raise
            except LinkError as error:
                tries.errors.append(error)
                limit = HELD_PATIENCE if isinstance(error, PortHeld) else patience
                if loop.time() - tries.begun + AGAIN > limit:
                    raise tries.error(loop.time()) from None
                if len(tries.errors) == 1 or tries.errors[-2].what != error.what:
                    self._say(f"MCU '{self.name}': {error}; trying again")
                await asyncio.sleep(AGAIN)
            else:
                return

    async def _answered(self, patience: float, attempt: Callable[[], Awaitable[None]]) -> None:
        """Try until it answers; a board that was reset comes back soon or not at all."""
        try:
            await self._try_for(RETURN_PATIENCE if self._reset_by else patience, attempt)
        except (FirmwareMismatch, NotReset, SlowLink):
            raise
        except LinkError as error:
            if not self._reset_by:
                raise
            hangs = self._is_avr and self._reset_by == BY_COMMAND
            raise NoAnswer(
                f"MCU '{self.name}' does not come back after {self._reset_by}: {error.what}",
                where=self.way.where,
                hint=AVR_HANG if hangs else NO_RETURN,
            ) from error
        finally:
            self._reset_by = ""

    async def _reset(self, mcu: Mcu | None) -> None:
        """Reset it and close its pipe."""
        method = self.method(mcu)
        if mcu is not None:
            mcu.is_resetting, self._is_avr = True, mcu.is_avr
        self._say(f"MCU '{self.name}': resetting it ({method.value})")
        if method is RestartMethod.RPI_USB:
            await self._close(mcu)
            await self.way.cycle_power()
            self._reset_by = BY_POWER
            return
        if method in STEPS:
            await self._close(mcu)
            if await self.way.show(STEPS[method]):
                self._reset_by = BY_DTR
                await asyncio.sleep(SETTLE)
                return
            mcu = await self._identified()  # a pty or a socket
        assert mcu is not None
        await _command(mcu)
        self._reset_by = BY_COMMAND
        await self._close(mcu)
        await asyncio.sleep(SETTLE)

    async def _close(self, mcu: Mcu | None) -> None:
        if mcu is not None:
            await mcu.close()


async def _command(mcu: Mcu) -> None:
    """Let the firmware reset its chip, or itself where it is a program. Raises FirmwareMismatch."""
    commands = mcu.dictionary.commands
    if "reset" in commands:
        mcu.talk.send("reset")
    elif "config_reset" in commands:
        mcu.talk.send("emergency_stop")
        await asyncio.sleep(LEAVES)
        mcu.talk.send("config_reset")
    else:
        raise FirmwareMismatch(
            "its firmware has no command that resets it",
            where=f"MCU '{mcu.name}'",
            hint="set another restart_method, or press the board's reset button",
        )
    await mcu.talk.left()
    await asyncio.sleep(LEAVES)


def reach_of(name: str, config: McuConfig, say: Callable[[str], None] = _quiet) -> Reach:
    """How the MCU of a section [mcu] or [mcu NAME] is reached. Raises LinkError when it is not by a serial port."""
    if config.serial is None:
        raise LinkError(
            "a CAN bus cannot be driven yet",
            where=config.source.where("canbus_uuid"),
            hint="connect the board by USB or a serial line",
        )
    method = config.restart_method
    if config.serial.startswith(PROGRAMS):
        method = RestartMethod.COMMAND
    lines = CHEETAH_ON if method is RestartMethod.CHEETAH else ON
    return Reach(name, FileWay(config.serial, config.baud, lines), method, say=say)
