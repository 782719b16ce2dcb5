"""Pins that SET_PIN sets: [output_pin NAME] and its kin; and [static_digital_output NAME], which nothing sets."""

import asyncio
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.gcode.commands import gcode
from klipkit.mcu.digital_out import DigitalOut, static_output
from klipkit.mcu.pins import Pins
from klipkit.mcu.pwm_out import PwmForm, PwmOut, SoftwarePwm, pwm_out
from klipkit.parts.latest import Latest
from klipkit.parts.outputs.config import (
    CYCLE_MOST,
    OutputPinConfig,
    PinOptions,
    PwmCycleTimeConfig,
    PwmToolConfig,
    StaticOutputConfig,
)
from klipkit.parts.part import Part
from klipkit.parts.schedule import Schedule

REFRESHES = 3  # in the time that the MCU waits for one


@dataclass(frozen=True, slots=True)
class OutputPinStatus:
    """Of a pin that SET_PIN sets."""

    value: Annotated[float, "The value that was asked for last."]


class SettablePin(Part):
    """What they have in common."""

    def __init__(self, config: PinOptions, schedule: Schedule) -> None:
        self.name = config.source.short
        self._config = config
        self._value = config.value
        self._latest = Latest[tuple[float, float]](schedule, self._take)

    def status(self) -> OutputPinStatus:
        """What is seen of it."""
        return OutputPinStatus(self._value)

    def halt(self) -> None:
        """The printer has shut down: the MCU gives the pin its shutdown_value."""
        self._latest.close()

    async def end(self) -> None:
        """It stays as it is."""
        self._latest.close()

    def _form(self, max_duration: float = 0.0) -> PwmForm:
        config = self._config
        return PwmForm(
            config.cycle_time,
            config.is_hardware,
            config.value / config.full,
            config.shutdown_value / config.full,
            max_duration,
        )

    def _checked(self, value: float) -> float:
        """A value as a share of full power. Raises GcodeError."""
        if not 0 <= value <= self._config.full:
            raise GcodeError(
                f"SET_PIN: VALUE={value:g} of '{self.name}' must be between 0 and {self._config.full:g}"
            )
        if not self._config.is_pwm and value not in (0, 1):
            raise GcodeError(f"SET_PIN: VALUE={value:g} of '{self.name}' must be 0 or 1")
        return value / self._config.full

    def _want(self, value: float, cycle: float = 0.0) -> None:
        """A value when the moves given so far end; `cycle`: s, where that can be chosen. Raises GcodeError."""
        share = self._checked(value)
        self._value = value
        self._latest.want((share, cycle))

    def _take(self, time: float, wanted: tuple[float, float]) -> float:
        self._give(time, *wanted)
        return time

    @abstractmethod
    def _give(self, time: float, share: float, cycle: float) -> None:
        """Have that share of full power from a print time on."""


class OutputPin(SettablePin):
    """[output_pin NAME]."""

    def __init__(self, config: OutputPinConfig, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, schedule)
        place = pins.place(config.pin, config.source.where("pin"))
        self._output: PwmOut | DigitalOut
        if config.pwm:
            self._output = pwm_out(*place, self._form())
        else:
            start, shutdown = config.value > 0, config.shutdown_value > 0
            self._output = DigitalOut(*place, start=start, shutdown=shutdown, max_duration=0)

    async def begin(self) -> None:
        """The MCUs are configured."""
        self._output.attach()

    @gcode("SET_PIN", select="PIN")
    async def set_pin(self, *, value: Annotated[float, "the value, 0 to 1 or to the pin's scale"]) -> None:
        """Set a pin, in step with the moves."""
        self._want(value)

    def _give(self, time: float, share: float, cycle: float) -> None:
        if isinstance(self._output, DigitalOut):
            self._output.set(time, share > 0)
        else:
            self._output.set(time, share)


class PwmTool(SettablePin):
    """[pwm_tool NAME]: with maximum_mcu_duration it is refreshed, and off soon when the host is gone."""

    def __init__(self, config: PwmToolConfig, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, schedule)
        self._limit = config.maximum_mcu_duration
        self._output = pwm_out(*pins.place(config.pin, config.source.where("pin")), self._form(self._limit))
        self._safe = config.shutdown_value / config.full
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """The MCUs are configured; refreshing begins."""
        self._output.attach()
        if self._limit:
            self._task = asyncio.get_running_loop().create_task(self._refresh())

    def halt(self) -> None:
        """The printer has shut down."""
        super().halt()
        self._stop()

    async def end(self) -> None:
        """It is not refreshed any more."""
        await super().end()
        self._stop()

    @gcode("SET_PIN", select="PIN")
    async def set_pin(self, *, value: Annotated[float, "the value, 0 to 1 or to the pin's scale"]) -> None:
        """Set a pin, in step with the moves."""
        self._want(value)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._limit / REFRESHES)
            if self._output.share != self._safe:
                self._output.refresh()

    def _give(self, time: float, share: float, cycle: float) -> None:
        self._output.set(time, share)


class PwmCycleTime(SettablePin):
    """[pwm_cycle_time NAME]: a cycle time lasts until the next SET_PIN."""

    def __init__(self, config: PwmCycleTimeConfig, pins: Pins, schedule: Schedule) -> None:
        super().__init__(config, schedule)
        place = pins.place(config.pin, config.source.where("pin"))
        self._output = SoftwarePwm(*place, self._form())

    async def begin(self) -> None:
        """The MCUs are configured."""
        self._output.attach()

    @gcode("SET_PIN", select="PIN")
    async def set_pin(
        self,
        *,
        value: Annotated[float, "the value, 0 to 1 or to the pin's scale"],
        cycle_time: Annotated[float | None, "the time of a pulse and its pause, s"] = None,
    ) -> None:
        """Set a pin, in step with the moves."""
        cycle = self._config.cycle_time if cycle_time is None else cycle_time
        if not 0 < cycle <= CYCLE_MOST:
            raise GcodeError(f"SET_PIN: CYCLE_TIME={cycle:g} must be above 0 and at most {CYCLE_MOST:g} s")
        self._want(value, cycle)

    def _give(self, time: float, share: float, cycle: float) -> None:
        self._output.set_cycle(time, cycle)
        self._output.set(time, share)


class StaticOutput(Part):
    """[static_digital_output NAME]."""

    def __init__(self, config: StaticOutputConfig, pins: Pins) -> None:
        for pin in config.pins:
            static_output(*pins.place(pin, config.source.where("pins")))
