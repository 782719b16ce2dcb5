"""[led NAME]: a light on PWM pins."""

from klipkit.mcu.pins import Pins
from klipkit.mcu.pwm_out import PwmForm, pwm_out
from klipkit.mcu.scheduled import LEAD
from klipkit.parts.latest import Latest
from klipkit.parts.leds.config import LedConfig
from klipkit.parts.leds.light import Color, Light
from klipkit.parts.schedule import Schedule


class Led(Light):
    """One light, with an output for each color that it has."""

    def __init__(self, config: LedConfig, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, schedule, 1)
        where = config.source.where()
        self._outputs = [
            (at, pwm_out(*pins.place(pin, where), PwmForm(config.cycle_time, config.hardware_pwm, share)))
            for at, (pin, share) in enumerate(zip(config.pins, config.initial, strict=True))
            if pin is not None
        ]
        self._latest = Latest[Color](schedule, self._give)

    async def begin(self) -> None:
        """The MCUs are configured."""
        for _, output in self._outputs:
            output.attach()

    def halt(self) -> None:
        """The printer has shut down: the light is off."""
        self._latest.close()

    async def end(self) -> None:
        """It stays as it is."""
        self._latest.close()

    def show(self, time: float) -> None:
        """The color at a print time."""
        self._latest.at(max(time, self._schedule.now() + LEAD), self.colors[0])

    def _give(self, time: float, color: Color) -> float:
        return max(output.set(time, color[at]) for at, output in self._outputs)
