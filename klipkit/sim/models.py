"""The models of the machine as Python sees them: rails with switches, heated bodies with sensors (sim/models.h)."""

import math
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple

from klipkit._core import ffi, lib
from klipkit.sim.cosim import Carriage, Cosim

SENSOR_LOW, SENSOR_HIGH, SENSOR_STEP = -60.0, 600.0, 0.5  # degrees C of a sensor's table
OPEN, SHORTED = (
    1.0,
    0.0,
)  # what the converter sees of a thermistor to ground with a pull-up, as a share of its range

Place = tuple[int, int]  # numbers of an MCU and of a pin on it


class Stuck(IntEnum):
    """What a switch says whatever its rail does: see enum cosim_stuck."""

    WORKS = 0
    OPEN = 1
    CLOSED = 2


class Element(IntEnum):
    """What a heater does whatever its pin says: see enum cosim_heater."""

    WORKS = 0
    ON = 1
    OFF = 2


class Switch:
    """A switch on a rail; the truth about it."""

    def __init__(self, cosim: Cosim, number: int) -> None:
        self._cosim = cosim
        self._number = number

    @property
    def closings(self) -> int:
        """How often it has closed, whether anybody saw it or not."""
        return int(lib.cosim_contact_closings(self._cosim.handle, self._number))

    @property
    def off(self) -> float:
        """How far beyond its place it closed the last time, mm: its noise."""
        return float(lib.cosim_contact_off(self._cosim.handle, self._number))

    def be_noisy(self, noise: float, deviation: float) -> None:
        """From now on it closes up to `noise` mm off, by a normal law when `deviation` is not 0. Raises DeviceError."""
        result = lib.cosim_noise_contact(self._cosim.handle, self._number, noise, deviation)
        self._cosim.check(result, f"no switch is {deviation} mm off, and {noise} at most")

    def stick(self, stuck: Stuck) -> None:
        """From now on it says this, or works again."""
        self._cosim.check(lib.cosim_stick_contact(self._cosim.handle, self._number, stuck), "no such switch")


class Rail:
    """A body that carriages move along a line, between two mechanical ends (mm)."""

    def __init__(self, cosim: Cosim, begin: float, low: float = -math.inf, high: float = math.inf) -> None:
        """It stands at `begin` mm. Raises DeviceError."""
        self._cosim = cosim
        self._number = int(lib.cosim_add_rail(cosim.handle, begin, low, high))
        cosim.check(self._number, f"no rail from {low} to {high} mm can begin at {begin} mm")

    @property
    def position(self) -> float:
        """Where it is, mm: the truth."""
        return float(lib.cosim_rail_position(self._cosim.handle, self._number))

    def moved_by(self, carriage: Carriage, per_step: float) -> None:
        """The carriage moves it, by so many mm a step; with others when there are some."""
        result = lib.cosim_rail_by(self._cosim.handle, self._number, carriage.number, per_step)
        self._cosim.check(result, "a rail has four carriages at most, and a carriage four rails")

    def add_switch(
        self,
        place: Place,
        trigger: float,
        *,
        above: bool,
        level: int = 1,
        hysteresis: float = 0.0,
        noise: float = 0.0,
        deviation: float = 0.0,
        seed: int = 0,
    ) -> Switch:
        """A switch that gives `level` to an input pin from `trigger` mm on; see struct cosim_switch."""
        law = {
            "trigger": trigger,
            "hysteresis": hysteresis,
            "noise": noise,
            "deviation": deviation,
            "seed": seed,
            "sign": 1 if above else -1,
            "mcu": place[0],
            "pin": place[1],
            "level": level,
        }
        given = ffi.new("struct cosim_switch *", law)
        number = lib.cosim_add_contact(self._cosim.handle, self._number, given)
        self._cosim.check(number, f"no switch at {trigger} mm on pin {place[1]} of MCU {place[0]}")
        return Switch(self._cosim, int(number))


class HeatLaw(NamedTuple):
    """How a body warms and cools: see struct cosim_heat of sim/models.h."""

    power: float  # K/s at full power, without loss
    loss: float  # 1/s
    lag: float  # s, of the sensor
    cooling: float = 0.0  # 1/s, by the fan at full speed
    ambient: float = 25.0  # degrees C


class Heated(NamedTuple):
    """A body's temperature, that of its sensor, degrees C, and for how long its heater has had full power, s."""

    body: float
    sensed: float
    heating: float


class Sensor:
    """A temperature sensor on an analog input."""

    def __init__(self, cosim: Cosim, number: int) -> None:
        self._cosim = cosim
        self._number = number

    def fix(self, share: float | None) -> None:
        """The input gives this share of its range from now on; None: what the sensor feels."""
        given = -1.0 if share is None else share
        self._cosim.check(lib.cosim_fix_sensor(self._cosim.handle, self._number, given), "no such sensor")


class FanLaw(NamedTuple):
    """How a fan turns: see struct cosim_fan of sim/models.h."""

    full: float = 80.0  # turns a second at full power
    inertia: float = 1.0  # s
    pulses: float = 2.0  # a turn


class Fan:
    """A fan on a pin, with a tachometer if it has one."""

    def __init__(self, cosim: Cosim, law: FanLaw, place: Place, *, inverted: bool = False) -> None:
        self._cosim = cosim
        given = ffi.new("struct cosim_fan *", law._asdict())
        self._number = int(lib.cosim_add_fan(cosim.handle, given, *place, inverted))
        cosim.check(self._number, f"no fan turns by {law} on pin {place[1]} of MCU {place[0]}")

    @property
    def speed(self) -> float:
        """Turns a second now."""
        return float(self._seen().speed)

    @property
    def turns(self) -> float:
        """Turns so far."""
        return float(self._seen().turns)

    def add_tachometer(self, place: Place) -> None:
        """The input pin that its tachometer pulls low. Raises DeviceError."""
        result = lib.cosim_fan_tachometer(self._cosim.handle, self._number, *place)
        self._cosim.check(result, f"pin {place[1]} of MCU {place[0]} cannot be a tachometer's")

    def block(self, blocked: bool = True) -> None:
        """Something is in its way, or no longer."""
        self._cosim.check(lib.cosim_block_fan(self._cosim.handle, self._number, blocked), "no such fan")

    def _seen(self) -> Any:
        seen = ffi.new("struct cosim_turning *")
        self._cosim.check(lib.cosim_see_fan(self._cosim.handle, self._number, seen), "no such fan")
        return seen


class Heat:
    """A body that may be heated and cooled; it begins at ambient temperature."""

    def __init__(self, cosim: Cosim, law: HeatLaw) -> None:
        self._cosim = cosim
        self.law = law
        self._number = int(lib.cosim_add_heat(cosim.handle, self._c_law(law)))
        cosim.check(self._number, f"no body warms by {law}")

    @property
    def now(self) -> Heated:
        """Its temperatures: the truth."""
        seen = ffi.new("struct cosim_heated *")
        self._cosim.check(lib.cosim_see_heat(self._cosim.handle, self._number, seen), "no such body")
        return Heated(float(seen.body), float(seen.sensed), float(seen.heating))

    def heated_by(self, place: Place, *, inverted: bool = False) -> None:
        """The pin of its heater."""
        result = lib.cosim_heat_by(self._cosim.handle, self._number, *place, inverted)
        self._cosim.check(result, f"pin {place[1]} of MCU {place[0]} cannot heat")

    def cooled_by(self, place: Place, *, inverted: bool = False) -> None:
        """The pin of the fan that cools it."""
        result = lib.cosim_cool_by(self._cosim.handle, self._number, *place, inverted)
        self._cosim.check(result, f"pin {place[1]} of MCU {place[0]} cannot cool")

    def stick(self, element: Element) -> None:
        """From now on the heater is on or off whatever its pin says, or works again."""
        self._cosim.check(lib.cosim_stick_heater(self._cosim.handle, self._number, element), "no such body")

    def change(self, law: HeatLaw) -> None:
        """Warm by another law from now on."""
        result = lib.cosim_change_heat(self._cosim.handle, self._number, self._c_law(law))
        self._cosim.check(result, f"no body warms by {law}")
        self.law = law

    def add_sensor(self, place: Place, share: Callable[[float], float]) -> Sensor:
        """A sensor on an analog input that gives share(degrees C) of the converter's range. Raises DeviceError."""
        count = round((SENSOR_HIGH - SENSOR_LOW) / SENSOR_STEP) + 1
        shares = [share(SENSOR_LOW + SENSOR_STEP * number) for number in range(count)]
        number = lib.cosim_add_sensor(
            self._cosim.handle, self._number, *place, SENSOR_LOW, SENSOR_STEP, shares, count
        )
        self._cosim.check(number, f"pin {place[1]} of MCU {place[0]} cannot be a sensor's")
        return Sensor(self._cosim, int(number))

    @staticmethod
    def _c_law(law: HeatLaw) -> object:
        return ffi.new("struct cosim_heat *", law._asdict())
