"""A trigger over several MCUs: whatever ends a homing or probing move stops all its steppers, and says why.

    start()    trsync, steppers and time-outs on each MCU, in order, known to be carried out
    wait()     until one of them says that it triggered, or nothing is heard any more
    stop()     each has stopped, and said for what reason

    endstop on b:  b --trigger--> relay (wire/relay.h) --trsync_trigger--> a, c: their steppers stop within 25 ms
    link to c cut: a and b are not extended any more --> time-out on each, 25 ms after the last report

The relay runs in the links' threads. Each MCU's trsync stops its steppers by itself when it is not extended: no fault
of this program, a link or another MCU lets them run on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError
from klipkit.mcu.conversation import Heard
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.stepper import Stepper
from klipkit.wire.message import Message

SINGLE, SEVERAL = (
    0.25,
    0.025,
)  # s without news after which an MCU stops: one MCU; several, where the others' count
REPORTS = 0.3  # of the time-out: the time between reports
SILENCE = 0.1  # s beyond the time-out without a report, after which the MCUs are asked
READ = "trsync_state"


class Reason(IntEnum):
    """Why an MCU's trsync triggered."""

    NONE = 0  # it did not: it was not armed, or the MCU could not be asked
    HIT = lib.RELAY_HIT  # the endstop
    HOST = lib.RELAY_HOST  # this program asked it to, or passed on what another MCU said
    PAST_END = lib.RELAY_PAST_END  # the move came to its end
    EXPIRED = lib.RELAY_EXPIRED  # "Communication timeout during homing"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why it ended: `reason` and the MCU that gave it; what each MCU said. `fault`: an MCU that could not be asked."""

    reason: Reason
    mcu: str
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    fault: KlipkitError | None = None
    least_left: float | None = (
        None  # s: what was left of a time-out when it was extended, at least; None: never was
    )

    @property
    def is_hit(self) -> bool:
        """Whether the endstop ended it, and nothing else did."""
        return self.reason is Reason.HIT and self.fault is None


class Trsync:
    """One MCU's part of a trigger."""

    def __init__(self, mcu: Mcu) -> None:
        self.mcu = mcu
        self.oid = mcu.allocate_oid()
        self.steppers: list[Stepper] = []
        self.queue = -1  # of the session; the relay's and ours alone, so that nothing goes before
        mcu.configuration.add(f"config_trsync oid={self.oid}")
        mcu.configuration.restart.append(
            f"trsync_start oid={self.oid} report_clock=0 report_ticks=0 expire_reason=0"
        )

    def member(self) -> Any:
        """What the relay has to know (struct relay_member)."""
        if self.queue < 0:
            self.queue = self.mcu.talk.add_queue()
        dictionary = self.mcu.dictionary
        return (
            self.mcu.pipe.session,
            self.queue,
            dictionary.response(READ).id,
            dictionary.command("trsync_trigger").id,
            dictionary.command("trsync_set_timeout").id,
            self.oid,
        )

    async def start(self, print_time: float, report_time: float, timeout: float, arm: str) -> None:
        """Arm it, let its steppers listen, give it its first time-out; `arm` what is to fire it. Raises LinkError."""
        mapping, ticks = self.mcu.mapping, round(REPORTS * timeout * self.mcu.frequency)
        listen = [
            f"stepper_stop_on_trigger oid={stepper.oid} trsync_oid={self.oid}" for stepper in self.steppers
        ]
        commands = [
            f"trsync_start oid={self.oid} report_clock={short(mapping.clock(report_time))} "
            f"report_ticks={ticks} expire_reason={Reason.EXPIRED.value}",
            *listen,
            f"trsync_set_timeout oid={self.oid} clock={short(mapping.clock(print_time + timeout))}",
            *([arm] if arm else []),
        ]
        await self.mcu.talk.carried_out(commands, self.queue)

    async def ended(self, reason: Reason) -> Reason:
        """Trigger it, unless it has triggered before, and give the reason for which it did. Raises KlipkitError."""
        heard = await self.mcu.talk.query(
            f"trsync_trigger oid={self.oid} reason={reason.value}", READ, self.oid, accept=_has_triggered
        )
        return _reason(heard.message)


class Trigger:
    """One trigger over the MCUs that have the endstop or steppers of the move. Made before they are configured.

    At most one of the triggers that a stepper has may be started at a time. After stop() the MCU drops the steps that
    still reach it, until the stepper's clock is set anew (reset_step_clock).
    """

    def __init__(self, endstop_mcu: Mcu, steppers: Sequence[Stepper]) -> None:
        mcus = dict.fromkeys([endstop_mcu, *(stepper.mcu for stepper in steppers)])
        self.parts = {mcu.name: Trsync(mcu) for mcu in mcus}
        self.mcu = endstop_mcu
        self.steppers = tuple(steppers)
        for stepper in steppers:
            self.parts[stepper.mcu.name].steppers.append(stepper)
        self.timeout = SINGLE if len(self.parts) == 1 else SEVERAL
        self.running = False
        self.news: asyncio.Future[None]  # done once there is something for stop() to find out
        self._relay: Any = ffi.NULL
        self._stopping: asyncio.Task[Outcome] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._listens = False

    async def start(self, print_time: float, arm: str = "", timeout: float | None = None) -> None:
        """Arm it from a print time on, about 0.1 s ahead; comes back when all MCUs have carried that out.

        `arm`: the command that lets the endstop's MCU fire it. `timeout`: s without news after which the MCUs stop,
        unless given 25 ms with several MCUs, 250 ms with one. Raises KlipkitError; stop() is to be called then too.
        """
        self.timeout = timeout or (SINGLE if len(self.parts) == 1 else SEVERAL)
        self.news = asyncio.get_running_loop().create_future()
        self._stopping, self.running = None, True
        self._listen()
        self._start_relay(print_time)
        loop, parts = asyncio.get_running_loop(), list(self.parts.values())
        self._heard_at = loop.time() + max(0.0, print_time - self.mcu.print_time())
        self._watching = loop.create_task(self._watch())
        period = REPORTS * self.timeout
        starts = [
            part.start(
                print_time,
                print_time + number / len(parts) * period,
                self.timeout,
                arm if part.mcu is self.mcu else "",
            )
            for number, part in enumerate(parts)
        ]
        await asyncio.gather(*starts)

    def set_end(self, print_time: float) -> None:
        """The move ends at that print time: once reports show that it is past, it stops with PAST_END."""
        if self._relay != ffi.NULL:
            lib.relay_set_end(self._relay, self._clocks(print_time))

    async def wait(self) -> None:
        """Wait until there is something to find out: a trigger, the end, a silence, a fault. Then call stop()."""
        waits: list[asyncio.Future[Any]] = [self.news, *(part.mcu.fault for part in self.parts.values())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self, reason: Reason = Reason.HOST) -> Outcome:
        """End it on each MCU, and say why it ended. Never raises but when cancelled, and even then it goes on to end.

        `reason` is what those are told that have not triggered.
        """
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop(reason))
        return await asyncio.shield(self._stopping)

    def _clocks(self, print_time: float) -> list[int]:
        return [max(0, round(part.mcu.mapping.clock(print_time))) for part in self.parts.values()]

    def _listen(self) -> None:
        if not self._listens:
            for part in self.parts.values():
                part.mcu.talk.listen(READ, partial(self._hear, part.oid))
        self._listens = True

    def _hear(self, oid: int, heard: Heard) -> None:
        if not self.running or heard.message.number("oid") != oid:
            return
        self._heard_at = asyncio.get_running_loop().time()
        if _has_triggered(heard.message) and not self.news.done():
            self.news.set_result(None)

    def _start_relay(self, print_time: float) -> None:
        self._drop_relay()
        self._relay = lib.relay_new(self.timeout, REPORTS * self.timeout)
        if self._relay == ffi.NULL:
            raise MemoryError("no memory for a relay")
        for part in self.parts.values():
            lib.relay_add(self._relay, ffi.new("struct relay_member *", part.member()))
        lib.relay_start(self._relay, self._clocks(print_time))

    def _drop_relay(self) -> None:
        relay, self._relay = self._relay, ffi.NULL
        lib.relay_free(relay)

    async def _watch(self) -> None:
        """A report of a trigger may be lost, and then no more come: the MCUs are asked by stop()."""
        loop = asyncio.get_running_loop()
        while (left := self._heard_at + self.timeout + SILENCE - loop.time()) > 0:
            await asyncio.sleep(left)
        if not self.news.done():
            self.news.set_result(None)

    async def _stop(self, reason: Reason) -> Outcome:
        if self._watching is not None:
            self._watching.cancel()
        parts = list(self.parts.values())
        answers = await asyncio.gather(*(part.ended(reason) for part in parts), return_exceptions=True)
        account = ffi.new("struct relay_account *", {"least_left": float("inf")})
        if self._relay != ffi.NULL:
            lib.relay_account(self._relay, account)
        self._drop_relay()
        self.running = False
        reasons: dict[str, Reason] = {}
        faults: dict[str, KlipkitError] = {}
        for part, answer in zip(parts, answers, strict=True):
            if isinstance(answer, Reason):
                reasons[part.mcu.name] = answer
            elif isinstance(answer, KlipkitError):
                faults[part.mcu.name] = answer
            else:
                raise answer
        return _outcome(reasons, faults, account)


def _outcome(reasons: dict[str, Reason], faults: dict[str, KlipkitError], account: Any) -> Outcome:
    """The worst of what they said: a time-out before all, then the endstop, then the end, then this program."""
    left = float(account.least_left)
    least = None if left == float("inf") else left
    for wanted in (Reason.EXPIRED, Reason.HIT, Reason.PAST_END, Reason.HOST):
        names = [name for name, reason in reasons.items() if reason is wanted]
        if names:
            return Outcome(wanted, names[0], reasons, next(iter(faults.values()), None), least)
    name, fault = next(iter(faults.items()), (next(iter(reasons), ""), None))
    return Outcome(Reason.NONE, name, reasons, fault, least)


def _has_triggered(message: Message) -> bool:
    return not message.number("can_trigger")


def _reason(message: Message) -> Reason:
    number = message.number("trigger_reason")
    return Reason(min(number, Reason.EXPIRED))


def short(clock: float) -> int:
    """A clock as the MCU has it, 32 bits."""
    return round(clock) % (1 << 32)
