"""The rails of a simulated printer, from its kinematics: their ends, the carriages that move them, their endstops.

stepper_x --> carriage --> (a + b) / 2 --> rail x --> endstop of stepper_x       CoreXY
stepper_y --> carriage --> (a - b) / 2 --> rail y --> endstop of stepper_y
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from klipkit._core import ffi, lib
from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.machine.config import (
    DualCarriageConfig,
    EndstopOptions,
    FollowerConfig,
    ManualStepperConfig,
    RailConfig,
    TowerConfig,
    TravelOptions,
)
from klipkit.machine.kinematics import (
    DUAL,
    CarriageConfig,
    ExtraCarriageConfig,
    HomingPlan,
    Motor,
    ShoulderConfig,
    SideConfig,
    angle_at_endstop,
    endstops,
    forward,
    homing_plans,
    motors,
)
from klipkit.machine.kinematics import Place as Position
from klipkit.parts.drivers.config import DriverOptions
from klipkit.sim.cosim import Carriage, Cosim
from klipkit.sim.models import Place, Rail, Switch

BEYOND = 5.0  # mm from the last position that may be gone to, to the end of the rail
DUAL_BEGIN = 0.7  # of its way: where a second carriage begins
MANUAL = 20.0  # mm from its endstop where a manual stepper begins
FAR = 1e6  # mm
AXES = ("stepper_x", "stepper_y", "stepper_z")  # rails along them
MIDDLE = (0.2, 0.8)  # between these shares of its way a rail begins


@dataclass(frozen=True)
class SwitchQuality:
    """How good the switches are: mm, see struct cosim_switch. `rails`: only those of these sections have noise."""

    hysteresis: float = 0.2
    noise: float = 0.0
    deviation: float = 0.0
    seed: int = 0
    rails: frozenset[str] | None = None

    def of(self, rail: str) -> "SwitchQuality":
        """Of the switch of one rail."""
        is_noisy = self.rails is None or rail in self.rails
        return self if is_noisy else replace(self, noise=0.0, deviation=0.0)


@dataclass(frozen=True)
class _Plan:
    """A rail: the share of each stepper's coordinate in its own, its ends, and its switch; mm."""

    name: str
    by: Mapping[str, float]
    low: float
    high: float
    trigger: float
    above: bool
    config: EndstopOptions | FollowerConfig | ManualStepperConfig | ExtraCarriageConfig
    unit: float = 1.0  # of its coordinate for a mm: of an arm that turns, its radians


class Rails:
    """The rails by the section of their endstop. `toolhead` is where the toolhead is, whatever the host thinks."""

    def __init__(
        self,
        cosim: Cosim,
        loaded: Loaded,
        carriages: Mapping[str, Carriage],
        begin: Position,
        quality: SwitchQuality,
        place: Callable[[Pin, str], Place | None],
    ) -> None:
        """The toolhead begins at `begin`. `place` finds the place of a pin, None when it is none of an MCU."""
        self._loaded = loaded
        self._carriages = carriages
        self._motors = [motor for motor in motors(loaded) if not motor.moves_filament]
        self._begin = {motor.name: _coordinate(motor, begin) for motor in self._motors}
        self.rails: dict[str, Rail] = {}
        self.switches: dict[str, Switch] = {}
        dual = loaded.one(DualCarriageConfig)
        if dual is not None:
            self._begin[DUAL] += _between(DUAL_BEGIN, dual.position_min, dual.position_max)
        for plan in (*_plans(loaded, self._motors), *_manual(loaded)):
            self._add(cosim, plan, quality, place)

    def coordinates(self) -> dict[str, float]:
        """Where each motor's part of the kinematics is, mm (motion/stepper.h): the truth."""
        return self._coordinates({motor.name: self._carriages[motor.name].position for motor in self._motors})

    def toolhead(self) -> Position:
        """Where the toolhead is, mm: the truth."""
        return forward(self._loaded, self.coordinates())

    def toolhead_at(self, steps: Mapping[str, int]) -> Position:
        """Where it is, mm, when the bodies of the motors have made these steps since the start."""
        return forward(self._loaded, self._coordinates(steps))

    def _coordinates(self, steps: Mapping[str, int]) -> dict[str, float]:
        return {
            motor.name: self._begin[motor.name] + steps[motor.name] * motor.config.step_distance
            for motor in self._motors
        }

    def _add(
        self,
        cosim: Cosim,
        plan: _Plan,
        quality: SwitchQuality,
        place: Callable[[Pin, str], Place | None],
    ) -> None:
        begin = sum(share * self._begin.get(name, MANUAL) for name, share in plan.by.items())
        rail = Rail(cosim, begin, min(plan.low, begin), max(plan.high, begin))
        distances = {motor.name: motor.config.step_distance for motor in motors(self._loaded)}
        for name, share in plan.by.items():
            rail.moved_by(self._carriages[name], share * distances[name])
        self.rails[plan.name] = rail
        pin = plan.config.endstop_pin
        assert pin is not None
        found = place(pin, plan.config.source.where("endstop_pin"))
        if found is not None:
            its = quality.of(plan.name)
            self.switches[plan.name] = rail.add_switch(
                found,
                plan.trigger,
                above=plan.above,
                level=0 if pin.invert else 1,
                hysteresis=its.hysteresis * plan.unit,
                noise=its.noise * plan.unit,
                deviation=its.deviation * plan.unit,
                seed=quality.seed * 1000 + len(self.switches),
            )


def somewhere(loaded: Loaded, seed: int) -> Position:
    """A place of the toolhead well within its reach, the same for the same seed."""
    draw = random.Random(f"{seed} place")
    return _within(loaded, lambda: draw.uniform(*MIDDLE))


def middle(loaded: Loaded) -> Position:
    """The place of the toolhead in the middle of its reach."""
    return _within(loaded, lambda: 0.5)


def _within(loaded: Loaded, share: Callable[[], float]) -> Position:
    """The place at these shares of its reach along each axis; of a delta, within 10 mm of the middle.

    Of a polar machine along the arm, over a bed that stands at angle 0, as it does when the arm is homed.
    """
    plans = {plan.axes: plan.config for plan in homing_plans(loaded)}
    reach = [(-10.0, 10.0), (-10.0, 10.0), (0.0, endstops(loaded).position[2])]
    for axes, travel in plans.items():
        if isinstance(travel, TravelOptions):
            reach[axes[0]] = (travel.position_min, travel.position_max)
            reach[axes[-1]] = reach[axes[0]] if len(axes) == 1 else (0.0, 0.0)
    x, y, z = (_between(share(), low, high) for low, high in reach)
    return (x, y, z)


def _between(share: float, low: float, high: float) -> float:
    return low + share * (high - low)


def _coordinate(motor: Motor, position: Position) -> float:
    """The motor's coordinate, mm, when the toolhead is at `position`."""
    trapq = ffi.gc(lib.trapq_new(), lib.trapq_free)
    stepper = ffi.gc(
        lib.stepper_new(trapq, motor.coordinate.encode(), motor.config.step_distance), lib.stepper_free
    )
    lib.stepper_set_geometry(stepper, motor.geometry, len(motor.geometry))
    return float(lib.stepper_coordinate(stepper, position))


def _plans(loaded: Loaded, found: list[Motor]) -> Iterator[_Plan]:
    for motor in found:
        yield from _moved_by(loaded, found, motor)
    for plan in homing_plans(loaded):
        if isinstance(plan.config, CarriageConfig):
            yield from _carriages(loaded, found, plan, plan.config)


def _moved_by(loaded: Loaded, found: list[Motor], motor: Motor) -> Iterator[_Plan]:
    """What has the section of a motor as its own."""
    config = motor.config
    if isinstance(config, RailConfig) and (motor.name in AXES or motor.coordinate == "polar_arm"):
        yield from _axis(loaded, found, motor.name, config)
    elif isinstance(config, TowerConfig) and motor.coordinate == "delta":
        yield _tower(motor.name, config, motor.geometry)
    elif isinstance(config, DualCarriageConfig):
        yield _dual(loaded, found, config)
    elif isinstance(config, SideConfig):
        yield _alone(motor.name, config, -BEYOND, config.top, 1.0)
    elif isinstance(config, ShoulderConfig):
        length = config.upper_arm_length
        yield _alone(motor.name, config, -math.pi, angle_at_endstop(config, motor), 1 / length)


def _dual(loaded: Loaded, found: list[Motor], config: DualCarriageConfig) -> _Plan:
    """The second carriage: its motor's coordinate, less what the other axes are in that."""
    motor = next(motor for motor in found if motor.name == DUAL)
    by = {DUAL: 1.0}
    for axis, weight in enumerate(motor.geometry):
        if weight:
            for name, share in _shares(loaded, found, axis).items():
                by[name] = by.get(name, 0.0) - weight * share
    low = min(config.position_min, config.position_endstop) - BEYOND
    high = max(config.position_max, config.position_endstop) + BEYOND
    shares = {name: share for name, share in by.items() if share}
    return _Plan(DUAL, shares, low, high, config.position_endstop, config.homing_positive_dir, config)


def _alone(name: str, config: EndstopOptions, low: float, trigger: float, unit: float) -> _Plan:
    """What one motor moves by itself, upwards to its endstop; `unit`: of its coordinate for a mm."""
    return _Plan(name, {name: 1.0}, low, trigger + BEYOND * unit, trigger, True, config, unit)


def _carriages(
    loaded: Loaded, found: list[Motor], plan: HomingPlan, config: CarriageConfig
) -> Iterator[_Plan]:
    """The carriages along an axis; each of several is an end that its own motors move."""
    axis = plan.axes[0]
    low = min(config.position_min, config.position_endstop) - BEYOND
    high = max(config.position_max, config.position_endstop) + BEYOND
    whole = _shares(loaded, found, axis)
    weights = {motor.name: motor.geometry[axis] for motor in found}
    for name, motors_of in plan.rails.items():
        own = {motor: 1 / weights[motor] / len(motors_of) for motor in motors_of}
        shares = whole if len(plan.rails) == 1 else own
        by = {motor: share for motor, share in shares.items() if share}
        switch = loaded.sections[name]
        assert isinstance(switch, EndstopOptions | ExtraCarriageConfig)
        yield _Plan(name, by, low, high, config.position_endstop, config.homing_positive_dir, switch)


def _manual(loaded: Loaded) -> Iterator[_Plan]:
    """Manual steppers with an endstop: it is at 0, below which there is nothing."""
    for config in loaded.all(ManualStepperConfig):
        if config.endstop_pin is not None:
            yield _Plan(config.source.name, {config.source.name: 1.0}, -BEYOND, FAR, 0.0, False, config)


def _axis(loaded: Loaded, found: list[Motor], name: str, config: RailConfig) -> Iterator[_Plan]:
    """A rail by its section: an axis of the machine, or (a polar one's arm) its own motor's coordinate.

    Steppers that have an endstop of their own move an end of it of their own.
    """
    stop, above = config.position_endstop, config.homing_positive_dir
    whole = _shares(loaded, found, AXES.index(name)) if name in AXES else {name: 1.0}
    ends = next((plan.rails for plan in homing_plans(loaded) if name in plan.rails), {name: tuple(whole)})
    for end, names in ends.items():
        shares = whole if len(ends) == 1 else dict.fromkeys(names, 1 / len(names))
        by = {motor: share for motor, share in shares.items() if share}
        switch = loaded.sections[end]
        assert isinstance(switch, EndstopOptions | FollowerConfig)
        beyond = 0.0 if _is_felt(loaded, switch) else BEYOND
        low = min(config.position_min, stop) - (BEYOND if above else beyond)
        high = max(config.position_max, stop) + (beyond if above else BEYOND)
        yield _Plan(end, by, low, high, stop, above, switch)


def _is_felt(loaded: Loaded, config: EndstopOptions | FollowerConfig) -> bool:
    """Whether a driver feels the end of the rail, which is the endstop then."""
    pin = config.endstop_pin
    felt = [driver for driver in loaded.all(DriverOptions) if driver.diag is not None]
    return pin is not None and any(pin.chip == driver.pin_maker or pin == driver.diag for driver in felt)


def _shares(loaded: Loaded, found: list[Motor], axis: int) -> dict[str, float]:
    """Of an axis that is a sum of the motors' coordinates: what a unit of each motor does to it."""
    shares = {}
    for motor in found:
        unit = {other.name: float(motor is other) for other in found}
        shares[motor.name] = forward(loaded, unit)[axis]
    return shares


def _tower(name: str, config: TowerConfig, tower: Sequence[float]) -> _Plan:
    """A tower: its carriage is an arm's height over the nozzle when that is in the middle; below all is reach."""
    x, y, arm = tower
    trigger = config.position_endstop + math.sqrt(max(0.0, arm**2 - x**2 - y**2))
    return _Plan(name, {name: 1.0}, -BEYOND, trigger + BEYOND, trigger, True, config)
