"""Parts on a simulated microcontroller in virtual time, with a small model of each heater's body."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.base.pin import MAIN_MCU
from klipkit.boards.chips import chip
from klipkit.boards.config import PinAliases
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.parts import PARTS
from klipkit.daemon.wiring import Wiring
from klipkit.gcode.commands import Commands
from klipkit.gcode.responses import Responses
from klipkit.gcode.waits import Waits
from klipkit.gcode.words import parse_line
from klipkit.machine.extruder import Extruder
from klipkit.machine.kinematics import motors
from klipkit.machine.planner import Planner
from klipkit.mcu.clocksync import main_mapping
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.pins import Pins
from klipkit.parts.alarm import Alarm
from klipkit.parts.autosave import Autosave
from klipkit.parts.motors import Motors
from klipkit.parts.part import Part
from klipkit.parts.schedule import Schedule
from klipkit.parts.sensors.curve import Curve
from klipkit.parts.sensors.sensor import Sensors
from klipkit.sim.cosim import Edge
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter

CHIP = "atmega2560"
STEP = 0.05  # s of the models
AMBIENT = 25.0  # degrees C
PRINTER = "[mcu]\nserial: /dev/ttyACM0\n[printer]\nkinematics: none\nmax_velocity: 300\nmax_accel: 3000\n"
T = TypeVar("T")


@dataclass
class Body:
    """A heated body with a sensor that follows it; defaults are those of a 40 W hotend."""

    heater: str  # pin
    sensor: str  # pin
    curve: Curve
    watts: float = 40.0
    capacity: float = 14.0  # J/K
    loss: float = 0.12  # W/K
    lag: float = 4.0  # s of the sensor
    temperature: float = AMBIENT
    seen: float = AMBIENT
    share: float | None = None  # what the ADC reads when the sensor is broken
    broken: bool = False  # the heater gives nothing
    greatest: float = AMBIENT  # that was seen

    def go_on(self, duty: float) -> None:
        """STEP seconds at that share of full power."""
        power = 0.0 if self.broken else duty * self.watts
        self.temperature += (power - self.loss * (self.temperature - AMBIENT)) / self.capacity * STEP
        self.seen += (self.temperature - self.seen) / self.lag * STEP
        self.greatest = max(self.greatest, self.seen)


class Clock:
    """Stands for the toolhead: nothing ever moves, or a fixed time of moves is queued."""

    def __init__(self, mcu: Mcu) -> None:
        self.mcu = mcu
        self.moves = 0.0  # s of moves ahead

    def now(self) -> float:
        return self.mcu.print_time()

    def after_moves(self, action: Callable[[float], None]) -> None:
        action(self.now() + max(self.moves, 0.1))

    async def drain(self) -> None:
        await asyncio.sleep(self.moves)


@dataclass
class Kept:
    """What SAVE_CONFIG would write."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)

    def set(self, section: str, option: str, value: str) -> None:
        self.values[section, option] = value


class Enables:
    """Stands for the steppers' enable pins."""

    def __init__(self) -> None:
        self.on: set[str] = set()

    def are_on(self, names: Sequence[str]) -> bool:
        return bool(self.on & set(names)) if names else bool(self.on)


class Bench:
    """A machine of parts; run() starts it, does something, and ends it."""

    def __init__(self, sections: str, printer: str = PRINTER, chip_name: str = CHIP) -> None:
        self.loaded = SCHEMA.load(parse_config(printer + sections, "printer.cfg"))
        self.printer = SimulatedPrinter(self.loaded, {MAIN_MCU: chip(chip_name)}, build(OBJECT))
        self.cosim = self.printer.cosim
        self.pins = self.printer.personas[MAIN_MCU].pins
        self.frequency = self.printer.personas[MAIN_MCU].clock_frequency
        self.full = int(chip(chip_name).constants["ADC_MAX"])
        self.before: Callable[[], None] = lambda: None  # the parts begin
        self.bodies: list[Body] = []
        self.edges: list[Edge] = []
        self.said: list[str] = []
        self.kept = Kept()
        self.motors = Enables()
        self.error: KlipkitError | None = None
        self.parts: dict[str, Part] = {}
        self._levels: dict[int, int] = {}
        self._on: dict[int, float] = {}
        self._since: dict[int, float] = {}

    def add(self, body: Body) -> Body:
        self.bodies.append(body)
        self.watch(body.heater)
        self.set_adc(body.sensor, body.curve.adc_of(body.seen))
        return body

    def watch(self, pin: str) -> None:
        self.cosim.watch(0, self.pins[pin])

    def set_adc(self, pin: str, share: float) -> None:
        self.cosim.set_analog(0, self.pins[pin], min(self.full, max(0, round(share * self.full))))

    def edges_of(self, pin: str) -> list[tuple[float, int]]:
        """Time in s by the MCU's clock, and level, of each edge so far."""
        self._take()
        return [
            (edge.clock / self.frequency, edge.level) for edge in self.edges if edge.pin == self.pins[pin]
        ]

    def duty(self, pin: str, begin: float, end: float) -> float:
        """The share of the time between that a pin was high."""
        level, since, high = 0, begin, 0.0
        for time, new in [*self.edges_of(pin), (end, 0)]:
            if time > begin:
                high += level * (min(time, end) - since)
                since = min(max(time, begin), end)
            level = new
        return high / (end - begin)

    def shut_down(self, error: KlipkitError) -> None:
        """The alarm."""
        self.error = self.error or error
        self.mcu.talk.send("emergency_stop")

    async def gcode(self, *lines: str) -> None:
        for text in lines:
            line = parse_line(text, "console:1")
            assert line is not None
            await self.commands.run(line)

    def run(self, act: Callable[[], Awaitable[T]]) -> T:
        """Start the parts, do `act`, end them."""
        return run_virtual(self._live(act), self.cosim)

    def wait(self, seconds: float) -> None:
        """Let time pass without a host."""
        end = self.cosim.now() + seconds
        while self.cosim.now() < end:
            self.cosim.run(end)

    async def _live(self, act: Callable[[], Awaitable[T]]) -> T:
        self.mcu = Mcu(MAIN_MCU, self.printer.pipes()[MAIN_MCU])
        world = asyncio.ensure_future(self._world())
        try:
            await self.mcu.connect()
            self.mcu.mapping = main_mapping(self.mcu.sync)
            self._wire()
            await self.mcu.configure()
            self.before()
            for part in self.parts.values():
                await part.begin()
            return await self._guarded(act)
        finally:
            for part in self.parts.values():
                await part.end()
            world.cancel()
            await self.mcu.close()

    async def _guarded(self, act: Callable[[], Awaitable[T]]) -> T:
        """An MCU's fault is kept; what was done then goes on or waits for ever."""
        work = asyncio.ensure_future(act())
        waits: set[asyncio.Future[Any]] = {work, self.mcu.fault}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if self.mcu.fault.done() and not work.done():
            self.error = self.error or self.mcu.fault.result()
            for part in self.parts.values():
                part.halt()
            work.cancel()
            raise self.error
        return await work

    def _wire(self) -> None:
        clock = Clock(self.mcu)
        self.clock = clock
        self.planner = Planner(self.loaded, motors(self.loaded))
        pins = Pins({MAIN_MCU: self.mcu}, PinAliases(self.loaded))
        responses = Responses()
        responses.listen(self.said.append)
        self.commands = Commands()
        makers = [part for part in PARTS if part is Extruder or part.__module__.startswith("klipkit.parts.")]
        wiring = Wiring(self.loaded, makers, made=self.commands.add)
        provided: list[tuple[Any, object]] = [
            (Pins, pins),
            (Schedule, clock),
            (Planner, self.planner),
            (Alarm, self),
            (Motors, self.motors),
            (Autosave, self.kept),
            (Responses, responses),
            (Waits, Waits()),
            (Sensors, Sensors(pins, clock, self)),
        ]
        for kind, thing in provided:
            wiring.provide(kind, thing)
        self.parts = dict(wiring.make_all())

    async def _world(self) -> None:
        while True:
            self._take()
            for body in self.bodies:
                body.go_on(self._duty_now(self.pins[body.heater]))
                self.set_adc(body.sensor, body.curve.adc_of(body.seen) if body.share is None else body.share)
            await asyncio.sleep(STEP)

    def _take(self) -> None:
        """Note new edges, and for how long each pin was high."""
        for edge in self.cosim.edges():
            time = edge.clock / self.frequency
            self._on[edge.pin] = self._on.get(edge.pin, 0.0) + self._high(edge.pin, time)
            self._levels[edge.pin], self._since[edge.pin] = edge.level, time
            self.edges.append(edge)

    def _high(self, pin: int, time: float) -> float:
        return (time - self._since.get(pin, 0.0)) * self._levels.get(pin, 0)

    def _duty_now(self, pin: int) -> float:
        """Since the last call."""
        now = self.cosim.clock(0) / self.frequency
        high = self._on.pop(pin, 0.0) + self._high(pin, now)
        self._since[pin] = now
        return min(high / STEP, 1.0)
