"""A simulated printer, wired from its printer.cfg: a chip for each [mcu], carriages, rails with endstops, heaters."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from klipkit.base.errors import UnknownMcu, UnknownPin
from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean
from klipkit.boards.chips import Chip
from klipkit.boards.config import PinAliases
from klipkit.link.pipe import Pipe
from klipkit.machine.config import StepperOptions
from klipkit.machine.kinematics import Place as Position
from klipkit.machine.kinematics import motors
from klipkit.mcu.restart import Reach
from klipkit.mcu.stepper import steps_on_both_edges
from klipkit.sim.cosim import Carriage, Cosim, Faults
from klipkit.sim.drivers import SimDrivers
from klipkit.sim.emulation import Emulation
from klipkit.sim.fans import Fans
from klipkit.sim.heaters import Heats
from klipkit.sim.models import FanLaw, HeatLaw
from klipkit.sim.persona import Persona, persona_of
from klipkit.sim.pipe import SimPipe, SimWay
from klipkit.sim.rails import Rails, SwitchQuality, somewhere

FULL_STEPS = 4  # of an electrical cycle
VIRTUAL = "virtual_endstop"  # how the names of pins end that a probe or a driver chip makes up
AMBIENT = 25.0  # degrees C


class Plug(Protocol):
    """An end of a link to an MCU."""

    def unplug(self) -> None:
        """Pull it out; more than once does no harm."""


class HostKilled(Exception):
    """The host has died: run_virtual ends with it. What goes on is the co-simulator."""

    def __init__(self, at: float) -> None:
        super().__init__(f"the host was killed at {at:.6f} s of virtual time")
        self.at = at


class PrinterWay(SimWay):
    """The way to an MCU of a simulated printer, with the faults that befall it."""

    def __init__(self, printer: "SimulatedPrinter", name: str) -> None:
        super().__init__(printer.cosim, printer.numbers[name], where=f"simulated MCU '{name}'")
        self._printer, self._name = printer, name

    async def open(self) -> Pipe:
        """A new pipe; the one before must be closed."""
        return self._printer.pipe(self._name)


class SimulatedPrinter:
    """Owns the co-simulator until close(). The truth, whatever the host thinks: `carriages` are the steppers, `rails`
    have the toolhead and the endstops, `heats` the temperatures; each by section."""

    def __init__(
        self,
        loaded: Loaded,
        chips: Mapping[str, Chip],
        firmware: Path,
        drifts: Mapping[str, float] | None = None,
        emulations: Mapping[str, Emulation] | None = None,
        *,
        begin: Position | None = None,
        seed: int = 0,
        switches: SwitchQuality | None = None,
        laws: Mapping[str, HeatLaw] | None = None,
        fan_laws: Mapping[str, FanLaw] | None = None,
        ambient: float = AMBIENT,
        limits: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """`drifts`: by MCU, its real frequency over the nominal one, minus 1. MCUs run `firmware`, the shared object,
        but for those in `emulations`, which run their own ELF file. The toolhead is at `begin`, or somewhere by `seed`.
        `laws`, `fan_laws`: how heaters warm and fans turn, by section, where not as usual; `ambient`: degrees C.
        `limits`: mm/s and mm/s^2 that motors can do, by section; the others can do all."""
        self._firmware = firmware
        self._emulations = emulations or {}
        self._drifts = drifts or {}
        self.cosim = Cosim()
        self.personas: dict[str, Persona] = {name: persona_of(chip) for name, chip in chips.items()}
        self.numbers = {name: self._power_on(name) for name in self.personas}
        self._aliases = PinAliases(loaded)
        self._seed = seed
        self._damage: dict[str, Faults] = {}
        self._plugs: dict[str, Plug] = {}
        self._unplugged: set[str] = set()
        self.carriages: dict[str, Carriage] = {}
        for motor in motors(loaded):
            self._add_motor(motor.name, motor.config)
        self._motors = {motor.name: motor.config for motor in motors(loaded)}
        for name, (speed, accel) in (limits or {}).items():
            self.limit_motor(name, speed, accel)
        place = somewhere(loaded, seed) if begin is None else begin
        quality = switches or SwitchQuality(seed=seed)
        self.rails = Rails(self.cosim, loaded, self.carriages, place, quality, self._place_if_any)
        steppers = {motor.name: motor.config for motor in motors(loaded)}
        self.drivers = SimDrivers(
            self.cosim, loaded, self.carriages, steppers, self.place, self._buses
        ).drivers
        self.heats = Heats(self.cosim, loaded, laws or {}, ambient, self.place)
        self.fans = Fans(self.cosim, loaded, fan_laws or {}, self.heats, self.place)
        self._boot()

    def _boot(self) -> None:
        """Nobody talks to the chips before those with a boot loader have left it."""
        booted = max((emulation.boots for emulation in self._emulations.values()), default=0.0)
        while self.cosim.now() < booted:
            self.cosim.run(booted)

    def pipes(self, faults: Faults | None = None) -> dict[str, SimPipe]:
        """A new pipe to each MCU, by its name. With faults each wire has its own, from the seed on."""
        self._take_faults(faults)
        return {name: self.pipe(name) for name in self.numbers}

    def reaches(self, faults: Faults | None = None) -> dict[str, Reach]:
        """How a host reaches each MCU, by its name."""
        self._take_faults(faults)
        return {name: Reach(name, PrinterWay(self, name)) for name in self.numbers}

    def pipe(self, name: str) -> SimPipe:
        """A new pipe to an MCU; the one before must be closed."""
        byte_time = self.personas[name].byte_time
        pipe = SimPipe(self.cosim, self.numbers[name], byte_time, self._damage.get(name))
        self.plug(name, pipe)
        return pipe

    def plug(self, mcu: str, plug: Plug) -> None:
        """This is the link to an MCU from now on."""
        self._plugs[mcu] = plug
        if mcu in self._unplugged:
            plug.unplug()

    def _take_faults(self, faults: Faults | None) -> None:
        for name, number in self.numbers.items():
            if faults is not None:
                self._damage[name] = faults._replace(seed=faults.seed * 1000 + number)

    def unplug(self, mcu: str) -> None:
        """Pull out the link to an MCU; ways to it that are made later do not work either."""
        self._unplugged.add(mcu)
        if mcu in self._plugs:
            self._plugs[mcu].unplug()

    def damage(self, mcu: str, **faults: float) -> None:
        """Damage frames of an MCU's link from now on, besides what was damaged before; see Faults."""
        number = self.numbers[mcu]
        known = self._damage.get(mcu, Faults(self._seed * 1000 + number))
        self._damage[mcu] = known._replace(**faults)  # type: ignore[arg-type]
        self.cosim.damage(number, self._damage[mcu])

    def limit_motor(self, name: str, speed: float, accel: float) -> None:
        """From now on a motor loses electrical cycles beyond this speed and acceleration, mm/s and mm/s^2."""
        config = self._motors[name]
        step = config.step_distance
        self.carriages[name].limit(FULL_STEPS * config.microsteps, speed / step, accel / step)

    def truth(self) -> dict[str, dict[str, dict[str, float]]]:
        """What became of it, whatever the host thinks: plain values, by kind and section."""
        return {
            "steppers": {
                name: {**carriage.truth._asdict(), "slipped": carriage.slipped}
                for name, carriage in self.carriages.items()
            },
            "rails": {name: {"position": rail.position} for name, rail in self.rails.rails.items()},
            "endstops": {name: {"closings": switch.closings} for name, switch in self.rails.switches.items()},
            "heaters": {name: heat.now._asdict() for name, heat in self.heats.bodies.items()},
            "drivers": {name: driver.truth._asdict() for name, driver in self.drivers.items()},
            "fans": {name: {"speed": fan.speed, "turns": fan.turns} for name, fan in self.fans.fans.items()},
            "mcus": {
                name: {
                    "resets": self.cosim.resets(number),
                    "overruns": self.cosim.overruns(number),
                    **self.cosim.damaged(number)._asdict(),
                }
                for name, number in self.numbers.items()
            },
        }

    def watch_steppers(self, loaded: Loaded) -> dict[tuple[int, int], str]:
        """Note the edges of all step and direction pins from now on; gives (MCU, pin) to "stepper_x step"."""
        watched: dict[tuple[int, int], str] = {}
        for motor in motors(loaded):
            config = motor.config
            for pin, what in ((config.step_pin, "step"), (config.dir_pin, "dir")):
                place = self.place(pin, config.source.where(f"{what}_pin"))
                self.cosim.watch(*place)
                watched[place] = f"{motor.name} {what}"
        return watched

    def close(self) -> None:
        """Switch off."""
        self.cosim.close()

    def _power_on(self, name: str) -> int:
        persona, drift = self.personas[name], self._drifts.get(name, 0.0)
        if name in self._emulations:
            return self.cosim.add_chip(self._emulations[name], persona, drift=drift)
        return self.cosim.add_mcu(self._firmware, persona, drift=drift)

    def _add_motor(self, name: str, config: StepperOptions) -> None:
        mcu, step = self.place(config.step_pin, config.source.where("step_pin"))
        other, direction = self.place(config.dir_pin, config.source.where("dir_pin"))
        if other != mcu:
            raise UnknownPin(
                "is on another microcontroller than step_pin", where=config.source.where("dir_pin")
            )
        constants = self.personas[config.step_pin.chip].constants
        self.carriages[name] = self.cosim.add_carriage(
            mcu,
            step,
            direction,
            step_inverted=config.step_pin.invert,
            both_edges=steps_on_both_edges(constants, config.step_pulse_duration),
            direction_inverted=config.dir_pin.invert,
        )

    def _buses(self, mcu: str) -> Mapping[str, int]:
        return self.personas[mcu].spi_buses

    def place(self, pin: Pin, where: str) -> tuple[int, int]:
        """The numbers of a pin's MCU and of the pin on it. Raises UnknownMcu, UnknownPin."""
        pin = self._aliases.real(pin)
        persona = self.personas.get(pin.chip)
        if persona is None:
            raise UnknownMcu(f"there is no [mcu {pin.chip}] for the pin {pin}", where=where)
        name = self._aliases.resolved(pin).name
        if name not in persona.pins:
            hint = did_you_mean(name, persona.pins)
            raise UnknownPin(f"{persona.name} has no pin '{name}'", where=where, hint=hint)
        return self.numbers[pin.chip], persona.pins[name]

    def _place_if_any(self, pin: Pin, where: str) -> tuple[int, int] | None:
        """None for a pin that a section makes up (probe:z_virtual_endstop): nothing that a switch could work."""
        return None if pin.name.endswith(VIRTUAL) else self.place(pin, where)
