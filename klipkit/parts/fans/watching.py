"""Fans that look at others each second: [heater_fan NAME] and [controller_fan NAME]."""

import asyncio
import math
from abc import abstractmethod
from collections.abc import Sequence, Set

from klipkit.mcu.pins import Pins
from klipkit.parts.fans.config import ControllerFanConfig, FanOptions, HeaterFanConfig
from klipkit.parts.fans.fan import LIVE, Blowing
from klipkit.parts.heaters.heater import Heater
from klipkit.parts.motors import Motors
from klipkit.parts.part import Apply
from klipkit.parts.schedule import Schedule

PERIOD = 1.0  # s


class WatchingFan(Blowing):
    """A fan that sets its own speed."""

    def __init__(self, config: FanOptions, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, pins, schedule)
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    def wanted(self) -> float:
        """The speed that it should have now."""

    async def begin(self) -> None:
        """Looking begins."""
        await super().begin()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def halt(self) -> None:
        """The printer has shut down."""
        super().halt()
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """It goes on as it is."""
        await super().end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self.blower.soon(self.wanted())
            await asyncio.sleep(PERIOD)


class HeaterFan(WatchingFan):
    """Runs while one of its heaters is on or hot."""

    live = LIVE | {"heater_temp", "fan_speed"}

    def __init__(
        self, config: HeaterFanConfig, pins: Pins, schedule: Schedule, heater: Sequence[Heater]
    ) -> None:
        super().__init__(config, pins, schedule)
        self._heaters = heater
        self._config = config

    def reload(self, config: FanOptions, changed: Set[str]) -> Apply:
        """The next look is by the new options."""
        assert isinstance(config, HeaterFanConfig)
        limits = super().reload(config, changed)

        def apply() -> None:
            self._config = config
            limits()

        return apply

    def wanted(self) -> float:
        """Its speed, or none."""
        needed = any(
            heater.target > 0 or heater.temperature >= self._config.heater_temp for heater in self._heaters
        )
        return self._config.fan_speed if needed else 0.0


class ControllerFan(WatchingFan):
    """Runs while one of its motors or heaters is on, and idle_timeout longer."""

    live = LIVE | {"fan_speed", "idle_timeout", "idle_speed"}

    def __init__(
        self,
        config: ControllerFanConfig,
        pins: Pins,
        schedule: Schedule,
        motors: Motors,
        heater: Sequence[Heater],
    ) -> None:
        super().__init__(config, pins, schedule)
        self._config = config
        self._clock = schedule
        self._motors = motors
        self._steppers = [reference.section for reference in config.stepper]
        self._heaters = heater
        self._needed = -math.inf  # print time at which one of them was on last

    def reload(self, config: FanOptions, changed: Set[str]) -> Apply:
        """The next look is by the new options."""
        assert isinstance(config, ControllerFanConfig)
        limits = super().reload(config, changed)

        def apply() -> None:
            self._config = config
            limits()

        return apply

    def wanted(self) -> float:
        """One of its two speeds, or none."""
        now = self._clock.now()
        if self._motors.are_on(self._steppers) or any(heater.target > 0 for heater in self._heaters):
            self._needed = now
            return self._config.fan_speed
        return self._config.idle_speed if now - self._needed < self._config.idle_timeout else 0.0
