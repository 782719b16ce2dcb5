"""Inputs that an MCU looks at all the time, as buttons: each change that lasts two looks is told once, in order.

    MCU: states 01 00 01 --report, ack_count=7--> host: those behind the 8th are new --buttons_ack count=2--> forgotten

The MCU repeats a report until what is in it was acknowledged.
"""

from collections.abc import Callable, Sequence

from klipkit.base.pin import Pin
from klipkit.mcu.conversation import Heard
from klipkit.mcu.mcu import Mcu

MOST = 8  # inputs of one object of the MCU
POLL = 0.002  # s between looks
REPEAT = 50  # looks until a report is repeated
FIRST = 0.5  # s after the MCU was configured
WRAP = 256  # of the count of acknowledged states

Listener = Callable[[int], None]


class Buttons:
    """Up to 8 inputs of one MCU; `pressed` has a bit for each. None is pressed before the first report."""

    def __init__(self, mcu: Mcu, pins: Sequence[Pin]) -> None:
        assert len(pins) <= MOST
        self.mcu = mcu
        self.pressed = 0
        self._listeners: list[Listener] = []
        self._inverted = sum(pin.invert << place for place, pin in enumerate(pins))
        self._known = 0  # states heard and acknowledged
        self._oid = mcu.allocate_oid()
        mcu.configuration.add(f"config_buttons oid={self._oid} button_count={len(pins)}")
        for place, pin in enumerate(pins):
            mcu.configuration.add(
                f"buttons_add oid={self._oid} pos={place} pin={pin.name} pull_up={pin.pull}"
            )

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each new state: a bit for each input that is pressed."""
        self._listeners.append(listener)

    def attach(self) -> None:
        """The MCU is configured: looking begins."""
        mcu = self.mcu
        mcu.talk.listen("buttons_state", self._hear)
        clock = round(mcu.sync.line.clock(mcu.pipe.now() + FIRST))
        mcu.talk.send(
            f"buttons_query oid={self._oid} clock={clock % 2**32} rest_ticks={round(POLL * mcu.frequency)} "
            f"retransmit_count={REPEAT} invert={self._inverted}"
        )

    def _hear(self, heard: Heard) -> None:
        message = heard.message
        if message.number("oid") != self._oid:
            return
        states = message.values["state"]
        assert isinstance(states, bytes)
        new = states[(self._known - message.number("ack_count")) % WRAP :]
        if not new:
            return
        self._known += len(new)
        self.mcu.talk.send(f"buttons_ack oid={self._oid} count={len(new)}")
        for state in new:
            self.pressed = state ^ self._inverted
            for listener in self._listeners:
                listener(self.pressed)
