"""Why an MCU has failed, kept at that moment: what, when by each clock, and the last commands that it was sent.

Of several MCUs that fail the first cause counts: the others are told to stop, and say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from klipkit.base.errors import DeviceError, KlipkitError
from klipkit.wire.dictionary import Dictionary

COMMANDS = 30  # that are told


@dataclass(frozen=True, slots=True)
class Cause:
    """The first fault of one MCU. `sent`: the newest frames, time on the wire (s) and bytes, oldest first."""

    mcu: str
    error: KlipkitError
    time: (
        float  # s of the pipe's clock: of the MCU's shutdown where it told its clock, else of the news of it
    )
    clock: int | None = None  # of the MCU, ticks
    print_time: float | None = None  # s
    sent: tuple[tuple[float, bytes], ...] = ()
    dictionary: Dictionary | None = None

    def commands(self, most: int = COMMANDS) -> list[tuple[float, str]]:
        """The last commands that were sent before it: s before it, and the command as text; oldest first."""
        found: list[tuple[float, str]] = []
        for when, payload in self.sent:
            if when <= self.time and self.dictionary is not None:
                found += [(self.time - when, text) for text in _texts(self.dictionary, payload)]
        return found[-most:]

    def lines(self, most: int = COMMANDS) -> list[str]:
        """All of it for a log."""
        at = [f"MCU '{self.mcu}'"]
        if self.print_time is not None:
            at.append(f"print time {self.print_time:.6f} s")
        if self.clock is not None:
            at.append(f"clock {self.clock}")
        commands = self.commands(most)
        heads = [
            str(self.error),
            f"at {', '.join(at)}; the last {len(commands)} commands before it, by age in s:",
        ]
        return heads + [f"  {age:9.6f}  {text}" for age, text in commands]


def first_cause(causes: Iterable[Cause | None]) -> Cause | None:
    """The earliest of them."""
    found = [cause for cause in causes if cause is not None]
    return min(found, key=lambda cause: cause.time) if found else None


def _texts(dictionary: Dictionary, payload: bytes) -> list[str]:
    try:
        return [message.text() for message in dictionary.decode_commands(payload)]
    except DeviceError:
        return [payload.hex()]
