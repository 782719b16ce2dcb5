"""A bench for homing: simulated MCUs with steppers, carriages and switches; runs are sent as they are, unplanned."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from klipkit.base.pin import Pin
from klipkit.boards.chips import chip
from klipkit.mcu.clocksync import first_mapping, main_mapping
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.stepper import Stepper
from klipkit.mcu.trsync import Trigger, short
from klipkit.sim.avr.emulation import emulation_of
from klipkit.sim.cosim import Carriage, Cosim, Faults
from klipkit.sim.loop import run_virtual
from klipkit.sim.persona import persona_of
from klipkit.sim.pipe import SimPipe
from tests.unit.test_sim_firmware import firmware

LEAD = 0.1  # s from the command to the start
STEP_TIME = 0.001  # s
PULSE = 2e-6  # s
STEPS, ENDSTOPS = ("PA0", "PA2", "PB0", "PC0"), ("PE5", "PE4", "PE3")  # pins, on either chip
Main = Callable[["Bench"], Awaitable[Any]]


class Homing(NamedTuple):
    """A homing under way; `start` is a print time, s."""

    steppers: list[Stepper]
    endstop: Endstop
    trigger: Trigger
    start: float


class Bench:
    """MCUs "mcu", "other", ... of these chips; a stepper with a carriage is made by add_stepper, before `ready`."""

    def __init__(
        self, chips: Sequence[str], drifts: Sequence[float], faults: Faults | None, emulated: Sequence[int]
    ) -> None:
        self.cosim = Cosim()
        self.mcus: list[Mcu] = []
        self.personas = [persona_of(chip(name)) for name in chips]
        self.carriages: dict[str, Carriage] = {}
        self._runs: dict[str, int] = {}  # queues of the session for runs
        self._pins = [dict.fromkeys(STEPS) for _ in chips]
        self._faults = faults
        for number, persona in enumerate(self.personas):
            drift = drifts[number] if number < len(drifts) else 0.0
            if number in emulated:
                self.cosim.add_chip(emulation_of(chip(chips[number])), persona, drift=drift)
            else:
                self.cosim.add_mcu(firmware(), persona, offset=12_345_678 * (number + 1), drift=drift)

    async def connect(self) -> None:
        """All MCUs are identified and their clocks known."""
        for number, persona in enumerate(self.personas):
            pipe = SimPipe(self.cosim, number, persona.byte_time, self._faults)
            self.mcus.append(Mcu("mcu" if number == 0 else f"other{number}", pipe))
        await asyncio.gather(*(mcu.connect() for mcu in self.mcus))
        self.map()

    def map(self) -> None:
        """The clocks of all MCUs over print time, anew."""
        main = self.mcus[0]
        main.mapping = main_mapping(main.sync)
        for mcu in self.mcus[1:]:
            mcu.mapping = first_mapping(main.sync, mcu.sync, main.pipe.now())

    def add_stepper(self, number: int, name: str) -> Stepper:
        """A stepper on the MCU of that number, and the carriage that it moves."""
        step = next(iter(self._pins[number]))
        del self._pins[number][step]
        direction = step[:-1] + str(int(step[-1]) + 1)
        mcu = self.mcus[number]
        stepper = Stepper(mcu, name, Pin(mcu.name, step), Pin(mcu.name, direction), PULSE, 0.0125)
        pins = self.personas[number].pins
        self.carriages[name] = self.cosim.add_carriage(number, pins[step], pins[direction])
        return stepper

    def add_endstop(self, number: int, by: str, trigger: int, pin: str = ENDSTOPS[0]) -> Endstop:
        """An endstop on the MCU of that number, which the carriage of the stepper `by` closes at `trigger` steps."""
        self.carriages[by].add_switch(trigger, number, self.personas[number].pins[pin])
        return Endstop(self.mcus[number], Pin(self.mcus[number].name, pin, pull=1))

    async def ready(self) -> None:
        """Configure all."""
        for mcu in self.mcus:
            await mcu.configure()

    def run(self, stepper: Stepper, start: float, count: int, *, forward: bool = True) -> None:
        """`count` steps, one each STEP_TIME from a print time on."""
        mcu = stepper.mcu
        queue = self._runs.setdefault(stepper.name, mcu.talk.add_queue())
        begin = mcu.mapping.clock(start)
        interval = round(STEP_TIME * mcu.mapping.frequency)
        for command in (
            f"reset_step_clock oid={stepper.oid} clock={short(begin)}",
            f"set_next_step_dir oid={stepper.oid} dir={int(forward)}",
            f"queue_step oid={stepper.oid} interval={interval} count={count} add=0",
        ):
            mcu.talk.send(command, queue=queue)

    async def home(
        self, steppers: Mapping[str, int], place: int, count: int, *, by: str = "", lead: float = LEAD
    ) -> "Homing":
        """Begin to home: steppers, by name and MCU, make `count` steps, unless the endstop stops them that the carriage
        `by` (the first one) closes at `place` steps. What is made before belongs to the configuration too."""
        made = [self.add_stepper(number, name) for name, number in steppers.items()]
        endstop = self.add_endstop(0, by or made[0].name, place)
        endstop.use(made)
        await self.ready()
        self.map()
        start = self.now() + lead
        trigger = await endstop.home(start, STEP_TIME)
        for stepper in made:
            self.run(stepper, start, count)
        return Homing(made, endstop, trigger, start)

    def now(self) -> float:
        """The print time."""
        return self.mcus[0].print_time()

    async def close(self) -> None:
        """Let go of the MCUs."""
        await asyncio.gather(*(mcu.close() for mcu in self.mcus))


def on_bench(
    main: Main,
    *chips: str,
    drifts: Sequence[float] = (),
    faults: Faults | None = None,
    emulated: Sequence[int] = (),
) -> Any:
    """Run `main` with a bench in virtual time. The chips of these numbers execute their own ELF file."""
    bench = Bench(chips or ("atmega2560",), drifts, faults, emulated)

    async def live() -> Any:
        try:
            await bench.connect()
            return await main(bench)
        finally:
            await bench.close()

    try:
        return run_virtual(live(), bench.cosim)
    finally:
        bench.cosim.close()
