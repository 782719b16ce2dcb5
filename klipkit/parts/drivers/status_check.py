"""What a driver says of itself: whether it has switched itself off or was reset, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from klipkit.base.faults import DriverFault
from klipkit.parts.drivers.chip import LOW_VOLTAGE, NOT_HEARD, WAS_RESET, Chip, Wire
from klipkit.parts.drivers.registers import Register

FLOATING = 0xFFFFFFFF  # what a wire that is pulled up and that nobody drives reads as


@dataclass(frozen=True, slots=True)
class Found:
    """A look at the status: its fields that are not 0, and what is wrong, as the line of a register and what to do."""

    fields: Mapping[str, int]
    temperature: float | None = None
    wrong: str = ""
    hint: str = ""


class StatusCheck:
    """Asks one driver."""

    def __init__(self, chip: Chip, wire: Wire, stepper: str) -> None:
        self._chip = chip
        self._wire = wire
        self._stepper = stepper

    async def look(self, *, scaled: bool) -> Found:
        """Ask. `scaled`: its current scale is not meant to be 0. Raises KlipkitError when it does not answer."""
        general = await self._general()
        if general is not None:
            return general
        status = self._chip.table.registers[self._chip.status]
        value = await self._wire.read(status.address, status.name)
        wrong, hint = self._judged(status, value, scaled)
        if wrong:  # one damaged answer is no reason to stop
            value = await self._wire.read(status.address, status.name)
            wrong, hint = self._judged(status, value, scaled)
        return Found(status.values(value), await self._temperature(), wrong, hint)

    async def was_reset(self) -> bool:
        """Whether it was reset since that was last acknowledged."""
        if not self._chip.general:
            return False
        register = self._chip.table.registers[self._chip.general]
        return bool(register.values(await self._wire.read(register.address, register.name)).get("reset"))

    async def acknowledge(self) -> None:
        """A reset and an undervoltage are known. Raises DriverSilent when nobody answers."""
        if not self._chip.general:
            status = self._chip.table.registers[self._chip.status]
            await self._wire.read(status.address, status.name)
        else:
            register = self._chip.table.registers[self._chip.general]
            await self._wire.read(register.address, register.name)  # TMC2130: this clears it
            if register.writable:
                await self._wire.write(register.address, register.name, sum(f.mask for f in register.fields))

    def fault(self, found: Found) -> DriverFault:
        """The error for what is wrong."""
        return DriverFault(f"TMC '{self._stepper}' reports error: {found.wrong}", hint=found.hint)

    async def _general(self) -> Found | None:
        """A reset or an undervoltage; None when there was none."""
        if not self._chip.general:
            return None
        register = self._chip.table.registers[self._chip.general]
        value = await self._wire.read(register.address, register.name)
        if value and (register.writable or value & ~sum(field.mask for field in register.fields)):
            value = await self._wire.read(register.address, register.name)  # it stays set, or was damaged
        fields = register.values(value)
        if not fields.keys() & {"reset", "uv_cp", "vm_uvlo"}:
            return None
        hint = NOT_HEARD if value == FLOATING else WAS_RESET if "reset" in fields else LOW_VOLTAGE
        return Found(fields, None, self._chip.table.line(register, value), hint)

    def _judged(self, status: Register, value: int, scaled: bool) -> tuple[str, str]:
        """What is wrong, and what to do; empty when nothing is."""
        fields = status.values(value)
        line = self._chip.table.line(status, value)
        for name, hint in self._chip.faults.items():
            if name in fields:
                return line, NOT_HEARD if value == FLOATING else hint
        if scaled and not fields.get(self._chip.current_scale):
            return f"{line} {self._chip.current_scale.upper()}=0(Reset?)", WAS_RESET
        return "", ""

    async def _temperature(self) -> float | None:
        if self._chip.temperature is None:
            return None
        register, field = self._chip.table["adc_temp"]
        return self._chip.temperature(field.of(await self._wire.read(register.address, register.name)))
