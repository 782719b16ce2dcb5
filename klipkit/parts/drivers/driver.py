"""A stepper driver with registers: what it is set to, when, and what it says of itself.

    printer starts    registers set, phase asked for      a driver without power is only noted: it may come later
    motor to be on    was it reset? registers set anew    silent now: shutdown
    while it is on    status each second                  it has switched itself off: shutdown with the cause
    homing by stall   before the move: stalls signalled, the mode in which they are felt; after it all as it was

A motor without an enable pin is switched by its driver's off time: TOFF 0 lets go of it.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import DriverSilent
from klipkit.base.pin import Pin
from klipkit.mcu.digital_out import WiredOut
from klipkit.parts.drivers.chip import TOO_HOT, Fitted
from klipkit.parts.drivers.config import DriverOptions
from klipkit.parts.drivers.phase import Phase
from klipkit.parts.drivers.registers import Register, Shadow
from klipkit.parts.drivers.settings import all_fields, check_microsteps
from klipkit.parts.drivers.status_check import Found, StatusCheck
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.part import Part
from klipkit.parts.phases import PhaseSource

CHECK = 1.0  # s between looks at the status
FRESH = 2.0  # s for which a driver that was asked before its motor is on is taken to be as it was
OFF_TIME = "toff"
WARM = "otpw"  # of the status: 120 degrees C and more


@dataclass(frozen=True, slots=True)
class DriverStatus:
    """Of the objects `tmc2209 stepper_x` and the like."""

    mcu_phase_offset: Annotated[
        int | None, "The MCU position at the driver's phase 0, of 4 microsteps a turn; null: not known."
    ]
    phase_offset_position: Annotated[float | None, "The coordinate at the driver's phase 0; null: not known."]
    drv_status: Annotated[
        Mapping[str, int] | None, "Fields of the status that are not 0, as last read; null: the motor is off."
    ]
    temperature: Annotated[float | None, "The driver's temperature, degrees C; null: not known."]
    run_current: Annotated[float, "The current while the motor moves, A RMS."]
    hold_current: Annotated[float, "The current at standstill, A RMS."]


class Driver(Part, PhaseSource):
    """A driver of any chip. Its file fits the chip to its wire (parts/drivers/chip.py)."""

    def __init__(self, config: DriverOptions, fitted: Fitted, around: Surroundings) -> None:
        self.stepper = config.stepper
        self.name = config.stepper
        self.fitted = fitted
        self.around = around
        self.motor = around.motors.drive(config.stepper)
        microsteps = self.motor.microsteps
        check_microsteps(config, microsteps)
        self.phases = 4 * microsteps
        stepper = self.motor.stepper
        self.full_step = stepper.step_distance * microsteps
        self.shadow = Shadow(fitted.chip.table)
        first = all_fields(fitted, config, microsteps, self.full_step, stepper.both_edges)
        for name, value in first.items():
            if name in fitted.chip.table:
                self.shadow.set(name, value)
        self._off_time = self.shadow.get(OFF_TIME)
        self._phase = Phase(stepper, self.phases)
        self._check = StatusCheck(fitted.chip, fitted.wire, self.stepper)
        self._found: Found | None = None
        self._is_set = False
        self._heard = -math.inf  # loop time at which it was last known to be set
        self._is_on = self.motor.enable is None
        self._switched = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._before: dict[str, int] = {}  # fields that homing has changed
        if self.motor.enable is not None:
            self.motor.enable.listeners.append(self._switch)
            self.motor.enable.preparations.append(self._prepare)
        self._is_wired = isinstance(self.motor.enable, WiredOut)
        if self._is_wired:
            self.shadow.set(OFF_TIME, 0)
        for name in config.made_pins():
            around.approaches.around(Pin(config.pin_maker, name), self)

    # --- life ---

    async def begin(self) -> None:
        """The MCUs are configured: set the registers, as far as there is power."""
        try:
            await self.initialise()
            await self.measure()
        except DriverSilent as error:
            self.around.responses.note(str(error))
        self._task = asyncio.get_running_loop().create_task(self._tend())
        if self._is_on:
            self._switched.set()

    def halt(self) -> None:
        """The printer has shut down."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """The driver stays as it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def status(self) -> DriverStatus:
        """What is known of it."""
        zero = self._phase.zero
        run, hold = self.currents()
        found = self._found
        return DriverStatus(
            mcu_phase_offset=zero,
            phase_offset_position=None if zero is None else self.motor.stepper.place_of(zero),
            drv_status=None if found is None else found.fields,
            temperature=None if found is None else found.temperature,
            run_current=run,
            hold_current=hold,
        )

    def currents(self) -> tuple[float, float]:
        """Of run and hold, A."""
        current = self.fitted.current
        return current.currents({name: self.shadow.get(name) for name in current.fields(1.0, 1.0)})

    # --- registers ---

    async def initialise(self) -> None:
        """Set all registers. Raises KlipkitError."""
        self._is_set = False
        self._phase.forget("the driver was set anew")
        for register, value in list(self.shadow.written()):
            await self.fitted.wire.write(register.address, register.name, value)
        await self._check.acknowledge()
        self._is_set = True

    async def set_fields(self, fields: Mapping[str, int]) -> None:
        """Set fields, each register once. Raises KlipkitError."""
        changed: dict[str, tuple[Register, int]] = {}
        for name, value in fields.items():
            if name == OFF_TIME:
                self._off_time = value
                value = value if self._is_on or not self._is_wired else 0
            if self.shadow.get(name) != value or not self._is_set:
                register, new = self.shadow.set(name, value)
                changed[register.name] = register, new
        for register, new in changed.values():
            await self.fitted.wire.write(register.address, register.name, new)

    async def read(self, name: str) -> int:
        """What a register holds. Raises KlipkitError."""
        register = self.fitted.chip.table.registers[name]
        return await self.fitted.wire.read(register.address, name)

    # --- on and off ---

    def _switch(self, print_time: float, on: bool) -> None:
        """The motor is switched on or off from a print time on."""
        self._is_on = on
        self._switched.set()

    async def _tend(self) -> None:
        try:
            while True:
                await self._switched.wait()
                self._switched.clear()
                if self._is_on:
                    await self._on()
                else:
                    await self._off()
        except KlipkitError as error:
            self.around.alarm.shut_down(error)

    async def _prepare(self) -> None:
        """The motor is to be switched on: steps may come soon. Raises KlipkitError; the printer is shut down then."""
        now = asyncio.get_running_loop().time()
        if self._is_set and now - self._heard < FRESH:
            return
        try:
            if not self._is_set or await self._check.was_reset():
                await self.initialise()
            await self.measure()
            self._heard = now
        except DriverSilent as error:
            self.around.alarm.shut_down(error)
            raise

    async def _on(self) -> None:
        """It is on: looked at each second, until it is switched."""
        if self._is_wired:
            await self._set_off_time(self._off_time)
        while self._is_on:
            await self._look()
            await self.measure()
            try:
                await asyncio.wait_for(self._switched.wait(), CHECK)
                return
            except TimeoutError:
                pass

    async def _off(self) -> None:
        self._found = None
        if self._is_wired:
            await self._set_off_time(0)

    async def _set_off_time(self, value: int) -> None:
        register, new = self.shadow.set(OFF_TIME, value)
        await self.fitted.wire.write(register.address, register.name, new)

    async def _look(self) -> None:
        scale = min(self.shadow.get(name) for name in (self.fitted.current.run, self.fitted.current.hold))
        found, before = await self._check.look(scaled=scale > 0), self._found
        self._found = found
        if found.wrong:
            raise self._check.fault(found)
        if WARM in found.fields and (before is None or WARM not in before.fields):
            self.around.responses.note(f"TMC '{self.stepper}' is warm (otpw): {TOO_HOT}")

    # --- phase ---

    async def measure(self) -> None:
        """Ask the driver, while the stepper stands still; when it is known already, nothing happens."""
        if self._phase.zero is None:
            await self._phase.measure(self._counter)

    async def _counter(self) -> int:
        register, field = self.fitted.chip.table[self.fitted.chip.counter]
        return field.of(await self.read(register.name))

    @property
    def unknown(self) -> str:
        """Why the phase is not known; empty when it is."""
        return self._phase.unknown

    @property
    def offset(self) -> int | None:
        """The phase at MCU position 0."""
        return self._phase.offset

    # --- homing by stall ---

    async def before(self) -> None:
        """A move towards the endstop comes: stalls are signalled, in the mode in which they are felt."""
        homing, silence = self.fitted.homing, self.fitted.chip.silence
        if homing is None:
            return
        wanted = dict(homing.fields)
        if silence is not None:
            wanted[silence.field] = silence.value if homing.silent else 1 - silence.value
        if self.shadow.get("tcoolthrs"):
            wanted.pop("tcoolthrs", None)  # the section's own threshold: homing is to be faster than that
        self._before = {name: self.shadow.get(name) for name in wanted}
        await self.set_fields(wanted)

    async def after(self) -> None:
        """All as it was."""
        before, self._before = self._before, {}
        await self.set_fields(before)
