"""The electrical phase of a stepper, by its driver's microstep counter.

MSCNT 0 .. 1023 are four full steps, from the driver's own start on. It counts up while DIR is low; high is the positive
direction of a motor whose dir_pin is not inverted, so phases, which rise with the position, go the other way there.

MCU position p --+-- phase (p + offset) mod phases
                 '-- at standstill: MSCNT / (1024 / phases), or from the top down
"""

from collections.abc import Awaitable, Callable

from klipkit.mcu.stepper import Stepper

COUNTER = 1024


class Phase:
    """Of one stepper, in `phases` a turn."""

    def __init__(self, stepper: Stepper, phases: int) -> None:
        self._stepper = stepper
        self._phases = phases
        self.offset: int | None = None  # the phase at MCU position 0
        self.unknown = "the driver was not asked yet"

    @property
    def zero(self) -> int | None:
        """The MCU position of phase 0, in 0 .. phases - 1; None while it is not known."""
        return None if self.offset is None else -self.offset % self._phases

    def forget(self, why: str) -> None:
        """It is not known any more."""
        self.offset, self.unknown = None, why

    def phase_of(self, counter: int) -> int:
        """The phase of a count."""
        place = counter if self._stepper.dir_inverted else COUNTER - 1 - counter
        return place * self._phases // COUNTER

    async def measure(self, read: Callable[[], Awaitable[int]]) -> None:
        """Compare what `read` gives with where the MCU is: of use only when it stands still. Raises KlipkitError."""
        before = await self._stepper.counted()
        counter = await read()
        if await self._stepper.counted() != before:
            self.unknown = "the motor moved while the driver was asked"
            return
        self.offset, self.unknown = (self.phase_of(counter) - before) % self._phases, ""
