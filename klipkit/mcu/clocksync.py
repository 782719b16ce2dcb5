"""What an MCU's clock says at what time of the host, from answers to get_clock; and print time on several MCUs.

Each answer gives a point (time of sending, clock). The clock was read after the query was sent, by the time on the
wire: queries that took long say less, so the line is fitted through sending times with old points fading (1/30 a
query), and a point that lies far above the line, which only a slow answer explains, is left out.

    clock |            .  .'         Print time is the main MCU's clock over its nominal frequency. Another MCU
          |         .'.              follows it by a line of its own, bent at flush boundaries only: continuous
          |     .'.                  there, and meeting the estimate AHEAD seconds later.
          +---------------- time
"""

import math
from dataclasses import dataclass

FADE = 1 / 30  # weight that a new point takes from the old ones
PERIOD = 0.9839  # s between queries; no multiple of a round period, so that beats with periodic work fade out
AHEAD = 4.0  # s in which a mapping meets the estimate
OUTLIER = 5.0  # standard deviations
SLACK = 0.0005  # s: no point nearer than this is an outlier
PRIOR = 100e-6  # a crystal's frequency is this near its nominal one at first (relative)


@dataclass(frozen=True, slots=True)
class Line:
    """clock = clock0 + frequency * (time - time0)."""

    time0: float
    clock0: float
    frequency: float  # ticks a second

    def clock(self, time: float) -> float:
        """Ticks at a time of the host, s."""
        return self.clock0 + self.frequency * (time - self.time0)

    def time(self, clock: float) -> float:
        """Time of the host, s, at a clock."""
        return self.time0 + (clock - self.clock0) / self.frequency


class ClockSync:
    """The clock of one MCU: extends its 32 bits to 64 and fits the line."""

    def __init__(self, frequency: float, fro: float = 0.0) -> None:
        """`fro`: s that an answer takes on the wire, where that is known."""
        self.nominal = frequency
        self._fro = fro
        self.line = Line(0.0, 0.0, frequency)
        self.samples = 0
        self.last = 0  # newest known clock, 64 bit
        self._waited = (
            math.inf
        )  # s: least half of what is left of the round trip; taken to be the same each way
        self._spread = 0.0  # variance of the points about the line, s^2
        self._time_mean = self._clock_mean = 0.0
        self._variance = 0.0  # of time, s^2
        self._covariance = 0.0  # of time and clock, s * ticks

    def start(self, high: int, low: int) -> None:
        """The 64-bit clock that get_uptime answered."""
        self.last = high << 32 | low

    def extend(self, clock: int) -> int:
        """A 32-bit clock as the 64-bit one that is nearest to the newest known clock."""
        return self.last + ((clock - self.last + (1 << 31)) % (1 << 32)) - (1 << 31)

    def sample(self, sent: float, received: float, clock: int) -> None:
        """An answer to get_clock: sent and received in s, the clock in 32 bits.

        `sent` is 0 when the query was retransmitted: then only the clock counts.
        """
        wide = self.last + (clock - self.last) % (1 << 32)
        self.last = wide
        if sent <= 0:
            return
        waited = max(0.0, received - sent - self._fro) / 2
        self._waited = min(self._waited * 1.01 + 1e-6, waited)
        at = sent + self._waited
        if self.samples and self._is_outlier(at, wide):
            return
        self._add(at, float(wide))

    def _is_outlier(self, time: float, clock: int) -> bool:
        late = (clock - self.line.clock(time)) / self.nominal
        return late > max(SLACK, OUTLIER * math.sqrt(self._spread)) and self.samples >= 8

    def _add(self, time: float, clock: float) -> None:
        if self.samples == 0:
            self._time_mean, self._clock_mean = time, clock
        weight = max(FADE, 1 / (self.samples + 1))
        self.samples += 1
        off_time, off_clock = time - self._time_mean, clock - self._clock_mean
        self._time_mean += weight * off_time
        self._clock_mean += weight * off_clock
        self._variance = (1 - weight) * (self._variance + weight * off_time**2)
        self._covariance = (1 - weight) * (self._covariance + weight * off_time * off_clock)
        late = (clock - self.line.clock(time)) / self.nominal if self.samples > 1 else 0.0
        self._spread = (1 - weight) * (self._spread + weight * late**2)
        self.line = Line(self._time_mean, self._clock_mean, self._frequency())

    def _frequency(self) -> float:
        """The slope; drawn to the nominal frequency as far as the points leave it open (noise over span)."""
        noise = max(self._spread, 1e-10) / max(self.samples, 1)
        pull = noise / PRIOR**2  # s^2: the weight of the nominal frequency
        return (self._covariance + pull * self.nominal) / (self._variance + pull)


@dataclass(frozen=True, slots=True)
class ClockMapping:
    """Print time of one MCU's clock: clock = frequency * (print time - t0), in ticks and s."""

    t0: float
    frequency: float

    def clock(self, print_time: float) -> float:
        """Ticks at a print time."""
        return self.frequency * (print_time - self.t0)

    def print_time(self, clock: float) -> float:
        """Print time, s, at a clock."""
        return self.t0 + clock / self.frequency


def main_mapping(sync: ClockSync) -> ClockMapping:
    """The main MCU's: print time is its clock over its nominal frequency, exactly."""
    return ClockMapping(0.0, sync.nominal)


def first_mapping(main: ClockSync, other: ClockSync, now: float) -> ClockMapping:
    """Another MCU's mapping when nothing depends on it yet."""
    print_time = main.line.clock(now) / main.nominal
    slope = other.line.frequency * main.nominal / main.line.frequency
    return ClockMapping(print_time - other.line.clock(now) / slope, slope)


def next_mapping(main: ClockSync, other: ClockSync, old: ClockMapping, boundary: float) -> ClockMapping:
    """The mapping from the print time `boundary` on: continuous there, at the estimate AHEAD seconds later."""
    target = other.line.clock(main.line.time((boundary + AHEAD) * main.nominal))
    here = old.clock(boundary)
    slope = (target - here) / AHEAD
    return ClockMapping(boundary - here / slope, slope)
