"""Analog inputs of an MCU: averaged samples come as shares of full scale, and the MCU itself watches their range.

    print time --'''''''--------------'''''''--------------    SAMPLES conversions SAMPLE_TIME apart, each REPORT_TIME
                  share                share

Safety: after RANGE_CHECKS averages in a row outside the limits the MCU shuts down: about a second, whatever the host
does.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from klipkit.base.pin import Pin
from klipkit.mcu.conversation import Heard
from klipkit.mcu.mcu import Mcu

SAMPLES = 8
SAMPLE_TIME = 0.001  # s
REPORT_TIME = 0.3  # s
RANGE_CHECKS = 4
SUM_MOST = 65535  # of the samples: 16 bits on the MCU
FIRST = 0.5  # s after the MCU was configured at which the first input is sampled
STAGGER = 0.01  # s between inputs, so that they do not convert at once
OUT_OF_RANGE = "ADC out of range"  # the firmware's words

Listener = Callable[[float, float], None]


class Limits(NamedTuple):
    """Shares of full scale between which readings must be."""

    least: float = 0.0
    most: float = 1.0


class AnalogIn:
    """An analog input that is read each `period` s. `limits` None: any value is right.

    `account` words a share outside the limits for the error of a shutdown.
    """

    def __init__(
        self,
        mcu: Mcu,
        pin: Pin,
        limits: Limits | None = None,
        account: Callable[[float], str] | None = None,
        period: float = REPORT_TIME,
    ) -> None:
        self.mcu = mcu
        self.share: float | None = None  # the newest reading
        self.limits = limits
        self._listeners: list[Listener] = []
        full = mcu.dictionary.number("ADC_MAX")
        self._samples = max(1, min(SAMPLES, SUM_MOST // full))
        self._full = full * self._samples
        self._rest = round(period * mcu.frequency)
        self._oid = mcu.allocate_oid()
        mcu.configuration.add(f"config_analog_in oid={self._oid} pin={pin.name}")
        if account is not None:
            self._account = account
            mcu.accounts.append(self._explain)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each reading: its print time, and its share of full scale, 0..1."""
        self._listeners.append(listener)

    def attach(self) -> None:
        """The MCU is configured: sampling begins."""
        mcu, oid = self.mcu, self._oid
        mcu.talk.listen("analog_in_state", self._hear)
        clock = round(mcu.sync.line.clock(mcu.pipe.now() + FIRST + oid * STAGGER))
        least, most = self._range()
        mcu.talk.send(
            f"query_analog_in oid={oid} clock={clock % 2**32} sample_ticks={round(SAMPLE_TIME * mcu.frequency)} "
            f"sample_count={self._samples} rest_ticks={self._rest} bytes_per_report=2 min_value={least} "
            f"max_value={most} range_check_count={RANGE_CHECKS}"
        )

    def _range(self) -> tuple[int, int]:
        if self.limits is None:
            return 0, SUM_MOST
        least, most = self.limits
        return max(0, math.floor(least * self._full)), min(SUM_MOST, math.ceil(most * self._full))

    def _hear(self, heard: Heard) -> None:
        message = heard.message
        if message.number("oid") != self._oid:
            return
        data = message.values["values"]
        assert isinstance(data, bytes)
        clock = self.mcu.sync.extend(message.number("next_clock")) - self._rest
        self.share = int.from_bytes(data[-2:], "little") / self._full
        time = self.mcu.mapping.print_time(clock)
        for listener in self._listeners:
            listener(time, self.share)

    def _explain(self, reason: str) -> str:
        """Whose reading it was that shut the MCU down, when it was this one's."""
        if not reason.startswith(OUT_OF_RANGE) or self.share is None or self.limits is None:
            return ""
        least, most = self._range()
        return "" if least <= round(self.share * self._full) <= most else self._account(self.share)
