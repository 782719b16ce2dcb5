"""How much power a heater is given: what all ways of control have."""

from typing import Protocol


class Control(Protocol):
    """Decides with each reading of the sensor."""

    def power(self, time: float, temperature: float, target: float) -> float:
        """The share of full power from now on; `time` is the reading's, s, the temperature is not smoothed."""

    def is_settled(self, temperature: float, target: float) -> bool:
        """Whether the (smoothed) temperature is at the target to stay."""
