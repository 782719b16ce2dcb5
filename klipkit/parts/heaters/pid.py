"""PID control of a heater.

    power = (Kp e + Ki integral(e) - Kd dT/dt) / 255      e = target - temperature

The rate is that of the temperature, not of the error, so that a new target makes no jump, and it is smoothed. The
integral stands still while the power is at a limit and the error would drive it further there; it alone never asks for
more than full power.
"""

from klipkit.parts.heaters.config import PidOptions

BASE = 255.0  # the parameters are in 1/255 of full power
SETTLED_ERROR = 1.0  # degrees C
SETTLED_RATE = 0.1  # degrees C a second


class Pid:
    """`smooth_time`: s over which the rate is smoothed; `most`: the greatest power."""

    def __init__(self, options: PidOptions, smooth_time: float, most: float) -> None:
        self._smooth_time = smooth_time
        self._most = most
        self._i = self._sum = 0.0  # of the error over time, degrees C s
        self.take_on(options)
        self._rate = 0.0  # degrees C a second
        self._time: float | None = None  # of the last reading
        self._temperature = 0.0  # of the last reading

    def take_on(self, options: PidOptions) -> None:
        """Other parameters from now on; the power that the integral asks for stays."""
        held = self._i * self._sum
        self._p, self._i, self._d = (
            value / BASE for value in (options.pid_kp, options.pid_ki, options.pid_kd)
        )
        self._sum_most = self._most / self._i if self._i > 0 else 0.0
        self._sum = min(held / self._i, self._sum_most) if self._i > 0 else 0.0

    def power(self, time: float, temperature: float, target: float) -> float:
        """The share of full power."""
        span = self._follow(time, temperature)
        if target <= 0:
            self._sum = 0.0
            return 0.0
        error = target - temperature
        total = min(max(self._sum + error * span, 0.0), self._sum_most)
        wanted = self._p * error + self._i * total - self._d * self._rate
        power = min(max(wanted, 0.0), self._most)
        if wanted == power or (wanted > power) == (error < 0):
            self._sum = total
        return power

    def is_settled(self, temperature: float, target: float) -> bool:
        """Near the target, and it changes slowly."""
        return abs(target - temperature) <= SETTLED_ERROR and abs(self._rate) <= SETTLED_RATE

    def _follow(self, time: float, temperature: float) -> float:
        """The rate with the new reading; gives the time since the last one."""
        span = 0.0 if self._time is None else time - self._time
        if span > 0:
            rate = (temperature - self._temperature) / span
            self._rate += (rate - self._rate) * min(span / self._smooth_time, 1.0)
        self._time, self._temperature = time, temperature
        return max(span, 0.0)
