"""Control of a heater by switching: on below the lower mark, off above the upper one, between them as before."""

from klipkit.parts.heaters.config import WatermarkOptions


class Watermark:
    """`most`: the power while it is on."""

    def __init__(self, options: WatermarkOptions, most: float) -> None:
        self._delta = options.max_delta
        self._most = most
        self._on = False

    def power(self, time: float, temperature: float, target: float) -> float:
        """The share of full power: all or nothing."""
        if target <= 0 or temperature >= target + self._delta:
            self._on = False
        elif temperature <= target - self._delta:
            self._on = True
        return self._most if self._on else 0.0

    def is_settled(self, temperature: float, target: float) -> bool:
        """Between the marks."""
        return abs(target - temperature) <= self._delta
