"""An endstop (or a probe's pin) on an MCU: says whether it is triggered, and ends a move when it becomes so.

home()          trigger armed, pin watched      steppers of `use` stop when the pin has kept its level for 4 samples
trigger.wait()
stop()          Outcome; the pin is watched no more
trigger_time()  print time of the first of those samples

level  __________________________|~~~~~~~~~~~~~~~
reads       '         '         ' ''''               each rest; 15 us apart while they match
                                  `-- trigger_time   at most a rest after the level changed
"""

from collections.abc import Sequence

from klipkit.base.errors import DeviceError
from klipkit.base.pin import Pin
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.stepper import Stepper
from klipkit.mcu.trsync import Outcome, Reason, Trigger, short

SAMPLE_TIME = 0.000015  # s between samples that must all match
SAMPLES = 4
READ = "endstop_state"


class Endstop:
    """A pin that ends moves. Made, and `use`d, before the MCU is configured.

    Several may home at once, each with steppers of its own (the towers of a delta).
    """

    def __init__(self, mcu: Mcu, pin: Pin) -> None:
        self.mcu = mcu
        self.pin = pin
        self.trigger: Trigger | None = None
        self._oid = mcu.allocate_oid()
        self._rest_ticks = 1
        self._outcome: Outcome | None = None
        mcu.configuration.add(f"config_endstop oid={self._oid} pin={pin.name} pull_up={pin.pull}")
        mcu.configuration.restart.append(self._called_off())

    def use(self, steppers: Sequence[Stepper]) -> Trigger:
        """Make the trigger that stops these steppers, whatever MCUs they are on; once."""
        if self.trigger is not None:
            raise ValueError(f"the endstop {self.pin} has a trigger already")
        self.trigger = Trigger(self.mcu, steppers)
        return self.trigger

    async def home(
        self, print_time: float, rest_time: float, *, triggered: bool = True, timeout: float | None = None
    ) -> Trigger:
        """Watch it from a print time on, about 0.1 s ahead of now; comes back when all MCUs are ready for the move.

        `rest_time`: s between reads: the time of a step. `triggered` False: wait until it is not triggered any more.
        Raises KlipkitError; stop() is to be called then as well.
        """
        trigger = self.trigger
        if trigger is None:
            raise ValueError(f"the endstop {self.pin} stops nothing: `use` it first")
        mcu = self.mcu
        self._outcome = None
        self._rest_ticks = max(1, round(rest_time * mcu.frequency))
        arm = (
            f"endstop_home oid={self._oid} clock={short(mcu.mapping.clock(print_time))} "
            f"sample_ticks={round(SAMPLE_TIME * mcu.frequency)} sample_count={SAMPLES} "
            f"rest_ticks={self._rest_ticks} pin_value={int(triggered != self.pin.invert)} "
            f"trsync_oid={trigger.parts[mcu.name].oid} trigger_reason={Reason.HIT.value}"
        )
        await trigger.start(print_time, arm, timeout)
        return trigger

    async def stop(self, reason: Reason = Reason.HOST) -> Outcome:
        """End the move on all MCUs and say why it ended. Never raises but when cancelled, and ends it even then."""
        if self.trigger is None:
            raise ValueError(f"the endstop {self.pin} stops nothing: `use` it first")
        self._outcome = await self.trigger.stop(reason)
        if self.mcu.name in self._outcome.reasons:  # else nothing can be sent to it
            self.mcu.talk.send(self._called_off())
        return self._outcome

    async def trigger_time(self) -> float | None:
        """The print time at which it triggered in the move that was stopped last; None when it did not.

        Raises KlipkitError.
        """
        if self._outcome is None or self._outcome.reasons.get(self.mcu.name) is not Reason.HIT:
            return None
        heard = await self.mcu.talk.query(f"endstop_query_state oid={self._oid}", READ, self._oid)
        clock = self.mcu.sync.extend(heard.message.number("next_clock")) - self._rest_ticks
        return self.mcu.mapping.print_time(clock)

    async def query(self) -> bool:
        """Whether it is triggered now. Raises KlipkitError."""
        heard = await self.mcu.talk.query(f"endstop_query_state oid={self._oid}", READ, self._oid)
        level = heard.message.number("pin_value")
        if level not in (0, 1):
            raise DeviceError(f"the endstop {self.pin} reads {level}", where=f"MCU '{self.mcu.name}'")
        return bool(level) != self.pin.invert

    def _called_off(self) -> str:
        return (
            f"endstop_home oid={self._oid} clock=0 sample_ticks=0 sample_count=0 rest_ticks=0 pin_value=0 "
            "trsync_oid=0 trigger_reason=0"
        )
