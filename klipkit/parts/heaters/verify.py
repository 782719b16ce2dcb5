"""Whether a heater does what it is told: it gets warmer on its way to the target, and stays there.

      target ------------------.----------    in range: above target - hysteresis
                          .''''   '.          below it the missing degrees add up, each second; the sum at
on its way: each       .'           '.        max_error stops the printer
check_gain_time     .'                '.
it gains heating_gain, and the sum begins anew
"""

from klipkit.base.faults import HeaterFault
from klipkit.parts.heaters.config import VerifyHeaterConfig
from klipkit.parts.part import Part

PERIOD = 1.0  # s between looks


class VerifyHeater(Part):
    """The section [verify_heater NAME], which a heater of that name takes its checks from."""

    def __init__(self, config: VerifyHeaterConfig) -> None:
        self.name = config.source.short
        self.config = config


class HeaterCheck:
    """The check of one heater."""

    def __init__(self, name: str, config: VerifyHeaterConfig) -> None:
        self._name = name
        self._config = config
        self._looked: float | None = None  # time of the last look, s
        self._target = 0.0
        self._error = 0.0  # degrees C s
        self._heating = False  # on its way to the target
        self._goal = 0.0  # temperature to be reached until the deadline
        self._deadline = 0.0

    def look(self, time: float, temperature: float, target: float) -> HeaterFault | None:
        """Look at a temperature, at most once a second; gives what is wrong."""
        since = PERIOD if self._looked is None else time - self._looked
        if since < PERIOD:
            return None
        self._looked = time
        config = self._config
        if target <= 0 or temperature >= target - config.hysteresis:
            self._error, self._heating, self._target = 0.0, False, target
            return None
        if target != self._target:
            self._target = target
            self._expect(time, temperature)
        elif self._heating and temperature >= self._goal:
            self._expect(time, temperature)
        else:
            self._heating = self._heating and time < self._deadline
            self._goal = min(self._goal, temperature + config.heating_gain)
            self._error += (target - config.hysteresis - temperature) * min(since, 2 * PERIOD)
        return self._fault(temperature) if self._error >= config.max_error and not self._heating else None

    def _expect(self, time: float, temperature: float) -> None:
        self._error, self._heating = 0.0, True
        self._goal = temperature + self._config.heating_gain
        self._deadline = time + self._config.check_gain_time

    def _fault(self, temperature: float) -> HeaterFault:
        config = self._config
        what = (
            f"Heater {self._name} not heating at expected rate: it has {temperature:.1f} C, the target is "
            f"{self._target:g} C; expected are {config.heating_gain:g} C in {config.check_gain_time:g} s until it is "
            f"reached, and then less than {config.hysteresis:g} C below it"
        )
        hint = "look at the heater, its sensor and their wires; FIRMWARE_RESTART when it is mended"
        return HeaterFault(what, hint=hint)
