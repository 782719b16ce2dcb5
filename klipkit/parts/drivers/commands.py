"""G-code of stepper drivers with registers: DUMP_TMC INIT_TMC SET_TMC_CURRENT SET_TMC_FIELD.

Registers are changed at standstill, once the moves given before are done: what a driver does then belongs to no move.
"""

from typing import Annotated

from klipkit.base.faults import GcodeError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.gcode.commands import gcode
from klipkit.gcode.words import Line
from klipkit.parts.drivers.driver import Driver
from klipkit.parts.drivers.registers import Register
from klipkit.parts.drivers.settings import tstep

WRITTEN, ASKED = "========== Write-only registers ==========", "========== Queried registers =========="


class TmcDriver(Driver):
    """A driver that people can ask and set."""

    @gcode("DUMP_TMC", select="STEPPER")
    async def dump(
        self,
        *,
        line: Line,
        register: Annotated[str | None, "one register alone, by its name in the data sheet"] = None,
    ) -> None:
        """Read all registers of a driver, and say what they hold."""
        registers = self.fitted.chip.table.registers
        if register is not None:
            found = registers.get(register.upper())
            if found is None:
                hint = did_you_mean(register.upper(), registers)
                what = f"Unknown register name '{sanitise(register, 40)}'"
                raise GcodeError(what, where=line.where, hint=hint)
            self.around.responses.note(await self._described(found))
            return
        written = [one for one in registers.values() if not one.readable and one.name in self.shadow.values]
        self.around.responses.note("\n".join([WRITTEN, *[await self._described(one) for one in written]]))
        asked = [one for one in registers.values() if one.readable]
        self.around.responses.note("\n".join([ASKED, *[await self._described(one) for one in asked]]))

    async def _described(self, register: Register) -> str:
        value = (
            await self.read(register.name) if register.readable else self.shadow.values.get(register.name, 0)
        )
        return self.fitted.chip.table.line(register, value)

    @gcode("INIT_TMC", select="STEPPER")
    async def init(self) -> None:
        """Set all registers of a driver, as after its power was off."""
        await self.around.schedule.drain()
        await self.initialise()
        await self.measure()

    @gcode("SET_TMC_CURRENT", select="STEPPER")
    async def set_current(
        self,
        *,
        line: Line,
        current: Annotated[float | None, "while the motor moves, A RMS"] = None,
        holdcurrent: Annotated[float | None, "at standstill, A RMS"] = None,
    ) -> None:
        """Set the currents of a driver, or say what they are."""
        run, hold = self.currents()
        if current is not None or holdcurrent is not None:
            most = self.fitted.chip.limit
            given = [value for value in (current, holdcurrent) if value is not None]
            if not all(0 < value <= most for value in given):
                what = f"{line.command}: a current must be above 0 and at most {most:g} A"
                raise GcodeError(what, where=line.where)
            keeps_up = hold >= run
            run = run if current is None else current
            hold = holdcurrent if holdcurrent is not None else run if keeps_up else hold
            await self.around.schedule.drain()
            await self.set_fields(self.fitted.current.fields(run, hold))
            run, hold = self.currents()
        self.around.responses.note(f"Run Current: {run:0.2f}A Hold Current: {hold:0.2f}A")

    @gcode("SET_TMC_FIELD", select="STEPPER")
    async def set_field(
        self,
        *,
        line: Line,
        field: Annotated[str, "the field, by its name in the data sheet"],
        value: Annotated[int | None, "what it is to be"] = None,
        velocity: Annotated[float | None, "a speed, mm/s, for a field that is a time of TSTEP"] = None,
    ) -> None:
        """Set a field of a driver's registers, until the printer is started again."""
        fields = self.fitted.chip.table.settable()
        found = fields.get(field.lower())
        if found is None:
            hint = did_you_mean(field.lower(), fields)
            raise GcodeError(f"Unknown field name '{sanitise(field, 40)}'", where=line.where, hint=hint)
        if (value is None) == (velocity is None):
            raise GcodeError(f"{line.command}: give VALUE or VELOCITY", where=line.where)
        wanted = tstep(self.fitted.chip.clock, self.full_step, velocity) if velocity is not None else value
        assert wanted is not None
        if not found.least <= wanted <= found.most:
            what = f"{line.command}: {found.name} must be {found.least} to {found.most}"
            raise GcodeError(what, where=line.where)
        await self.around.schedule.drain()
        await self.set_fields({found.name: wanted})
