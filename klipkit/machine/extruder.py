"""The extruder: the hotend's heater; its stepper is the planner's."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Annotated

from klipkit.machine.config import ExtruderConfig
from klipkit.machine.planner import Planner
from klipkit.mcu.pins import Pins
from klipkit.parts.alarm import Alarm
from klipkit.parts.heaters.config import HeaterOptions
from klipkit.parts.heaters.heater import Heater, HeaterStatus
from klipkit.parts.heaters.verify import VerifyHeater
from klipkit.parts.part import Apply
from klipkit.parts.sensors.sensor import Sensors


@dataclass(frozen=True, slots=True)
class ExtruderStatus(HeaterStatus):
    """Of an extruder."""

    can_extrude: Annotated[bool, "Whether it is warm enough to move filament (min_extrude_temp)."]
    pressure_advance: Annotated[float, "Filament pushed ahead, for each mm/s of its speed, s."]
    smooth_time: Annotated[float, "The time over which that is smoothed, s."]
    motion_queue: Annotated[str | None, "The extruder whose moves its stepper makes; None: it makes none."]


class Extruder(Heater):
    """An extruder: T0 is the first one, T1 is [extruder1]."""

    live = Heater.live | {"min_extrude_temp"}

    def __init__(
        self,
        config: ExtruderConfig,
        pins: Pins,
        sensors: Sensors,
        alarm: Alarm,
        checks: Sequence[VerifyHeater],
        planner: Planner,
    ) -> None:
        super().__init__(config, pins, sensors, alarm, checks, f"T{config.tool}")
        self._planner = planner
        self._filament = planner.filaments[config.source.name]
        self._min_extrude_temp = config.min_extrude_temp

    @property
    def is_in_use(self) -> bool:
        """Whether E is of its filament."""
        return self._planner.active == self.name

    @property
    def can_extrude(self) -> bool:
        """Whether filament may be moved."""
        return self.temperature >= self._min_extrude_temp

    def reload(self, config: HeaterOptions, changed: Set[str]) -> Apply:
        """Control goes on with other parameters, and other temperatures are warm enough."""
        assert isinstance(config, ExtruderConfig)
        control = super().reload(config, changed)

        def apply() -> None:
            control()
            self._min_extrude_temp = config.min_extrude_temp

        return apply

    async def begin(self) -> None:
        """Nothing is extruded before it is known to be warm."""
        self._filament.limits.is_cold = int(not self.can_extrude)
        await super().begin()

    def _read(self, time: float, temperature: float) -> None:
        super()._read(time, temperature)
        self._filament.limits.is_cold = int(not self.can_extrude)

    def status(self) -> ExtruderStatus:
        """What is seen of it."""
        heater = super().status()
        return ExtruderStatus(
            heater.temperature,
            heater.target,
            heater.power,
            self.can_extrude,
            self._filament.advance,
            self._filament.smooth_time,
            next((motor.filament or None for motor in self._planner.motors if motor.name == self.name), None),
        )
