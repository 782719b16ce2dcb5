"""The commands of all heaters and temperature sensors: M104, M105, M109, TEMPERATURE_WAIT ...; the object `heaters`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.declare import Declared, section
from klipkit.base.faults import GcodeError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.waits import Waits
from klipkit.parts.autosave import Autosave
from klipkit.parts.heaters.heater import Heater
from klipkit.parts.heaters.pid_calibrate import calibrate, keep, write_log
from klipkit.parts.part import Part
from klipkit.parts.sensors.thermometer import Thermometer

PERIOD = 1.0  # s between reports while something is waited for
BED = "B"  # the bed in M105


@section("heaters", always=True)
class HeatersConfig(Declared):
    """The commands of all heaters. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class HeatersStatus:
    """Of the object `heaters`."""

    available_heaters: Annotated[tuple[str, ...], "All heaters, by their full section names."]
    available_sensors: Annotated[
        tuple[str, ...], "All parts with a temperature, by their full section names."
    ]
    available_monitors: Annotated[
        tuple[str, ...], "Parts whose temperature may be absent, by their full section names."
    ]


class Heaters(Part):
    """All heaters and thermometers."""

    def __init__(
        self,
        config: HeatersConfig,
        thermometers: Sequence[Thermometer],
        responses: Responses,
        autosave: Autosave,
        waits: Waits,
    ) -> None:
        self._thermometers = thermometers
        self._heaters = [each for each in thermometers if isinstance(each, Heater)]
        self._responses = responses
        self._autosave = autosave
        self._waits = waits

    def status(self) -> HeatersStatus:
        """What there is."""
        heaters = tuple(heater.section for heater in self._heaters)
        return HeatersStatus(heaters, tuple(each.section for each in self._thermometers), ())

    @gcode("M105")
    async def report_temperatures(self) -> None:
        """Report temperatures."""
        self._responses.answer(self.report())

    @gcode("M104")
    async def set_hotend(
        self,
        *,
        s: Annotated[float, "temperature, degrees C; 0: off"] = 0.0,
        t: Annotated[int | None, "which extruder, from 0; without it the active one"] = None,
    ) -> None:
        """Set the temperature of a hotend."""
        self._set_tool(t, s)

    @gcode("M109")
    async def set_hotend_and_wait(
        self,
        *,
        s: Annotated[float, "temperature, degrees C; 0: off"] = 0.0,
        t: Annotated[int | None, "which extruder, from 0; without it the active one"] = None,
    ) -> None:
        """Set the temperature of a hotend, and wait until it has it."""
        await self._settle(self._set_tool(t, s))

    @gcode("M140")
    async def set_bed(self, *, s: Annotated[float, "temperature, degrees C; 0: off"] = 0.0) -> None:
        """Set the temperature of the bed."""
        self._set_called(BED, s, "[heater_bed]")

    @gcode("M190")
    async def set_bed_and_wait(self, *, s: Annotated[float, "temperature, degrees C; 0: off"] = 0.0) -> None:
        """Set the temperature of the bed, and wait until it has it."""
        await self._settle(self._set_called(BED, s, "[heater_bed]"))

    @gcode("SET_HEATER_TEMPERATURE")
    async def set_temperature(
        self,
        *,
        heater: Annotated[str, "name of the heater"],
        target: Annotated[float, "temperature, degrees C; 0: off"] = 0.0,
    ) -> None:
        """Set the temperature of a heater."""
        self._heater(heater, "SET_HEATER_TEMPERATURE").set_target(target)

    @gcode("TURN_OFF_HEATERS")
    async def turn_off(self) -> None:
        """Turn off all heaters."""
        for heater in self._heaters:
            heater.set_target(0.0)

    @gcode("TEMPERATURE_WAIT")
    async def wait_for(
        self,
        *,
        sensor: Annotated[str, "section of the heater or sensor"],
        minimum: Annotated[float | None, "wait until it is at least as warm, degrees C"] = None,
        maximum: Annotated[float | None, "wait until it is at most as warm, degrees C"] = None,
    ) -> None:
        """Wait for a temperature."""
        if minimum is None and maximum is None:
            raise GcodeError("TEMPERATURE_WAIT: MINIMUM or MAXIMUM must be given")
        least = -math.inf if minimum is None else minimum
        most = math.inf if maximum is None else maximum
        if least > most:
            raise GcodeError(f"TEMPERATURE_WAIT: MINIMUM {least:g} is above MAXIMUM {most:g}")
        found = self._thermometer(sensor)
        await self._until(lambda: found.has_read and least <= found.temperature <= most)

    @gcode("PID_CALIBRATE")
    async def calibrate_pid(
        self,
        *,
        heater: Annotated[str, "name of the heater"],
        target: Annotated[float, "temperature to test it at, degrees C"],
        write_file: Annotated[int, "1: write all readings to /tmp/heattest.txt"] = 0,
    ) -> None:
        """Find the PID parameters of a heater by switching it on and off around a temperature."""
        found = self._heater(heater, "PID_CALIBRATE")
        if target <= 0:
            raise GcodeError("PID_CALIBRATE: TARGET must be above 0")
        relay = await calibrate(found, target, self._waits)
        keep(found, relay.result(), self._autosave, self._responses)
        if write_file:
            write_log(relay)

    def report(self) -> str:
        """Temperatures and targets, as "B:60.0 /60.0 T0:200.1 /200.0"."""
        called = sorted(
            (each for each in self._thermometers if each.gcode_id), key=lambda each: each.gcode_id
        )
        texts = [f"{each.gcode_id}:{each.temperature:.1f} /{each.target:.1f}" for each in called]
        return " ".join(texts) or "T:0"

    def _set_tool(self, tool: int | None, target: float) -> Heater | None:
        if tool is None:
            used = next((heater for heater in self._heaters if heater.is_in_use), None)
            if used is not None:
                used.set_target(target)
                return used
        number = tool or 0
        return self._set_called(f"T{number}", target, f"[extruder{number or ''}]")

    def _set_called(self, gcode_id: str, target: float, section: str) -> Heater | None:
        """Of the heater of that name in M105. To turn off what is not there is done at once."""
        found = next((heater for heater in self._heaters if heater.gcode_id == gcode_id), None)
        if found is not None:
            found.set_target(target)
        elif target > 0:
            raise GcodeError(f"there is no {section} to heat", hint="add the section to the configuration")
        return found

    async def _settle(self, heater: Heater | None) -> None:
        if heater is not None and heater.target:
            await self._until(lambda: heater.is_settled or not heater.target)

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Wait, with a report each second as long as it takes, or until it is cut short. Raises GivenUp."""
        while not holds():
            self._responses.say(self.report())
            if await self._waits.sleep(PERIOD):
                self._responses.note("the wait for a temperature was cut short")
                return

    def _heater(self, name: str, command: str) -> Heater:
        for heater in self._heaters:
            if name in (heater.name, heater.section):
                return heater
        raise self._unknown(
            name, f"{command}: The value '{{}}' is not valid for HEATER", [h.name for h in self._heaters]
        )

    def _thermometer(self, name: str) -> Thermometer:
        for each in self._thermometers:
            if name == each.section:
                return each
        short = [each for each in self._thermometers if each.name == name]
        if len(short) == 1:
            return short[0]
        sections = [each.section for each in self._thermometers]
        raise self._unknown(name, "TEMPERATURE_WAIT: unknown temperature sensor '{}'", sections)

    def _unknown(self, name: str, what: str, known: list[str]) -> GcodeError:
        hint = did_you_mean(name, known) or (f"one of {', '.join(known)}" if known else "there is none")
        return GcodeError(what.format(sanitise(name, 40)), hint=hint)
