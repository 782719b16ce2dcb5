"""The steps of a print as they are planned: whether each MCU can make them, and its wire can carry them.

planner's queues --> motors of its own, one for each --> runs --> load of their MCU (load.h) --> Overload, at a line
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from klipkit._core import ffi, lib
from klipkit.machine.kinematics import Motor
from klipkit.machine.planner import SHAPED_AXES, Planner

PIECE = 1.0  # s of motion for which steps are made at a time
FIRST = 16.0  # s: no clock is below 0


@dataclass(frozen=True, slots=True)
class Law:
    """What an MCU can do: ticks a second; steps a second with one, two, three motors; bytes a second. 0: not known."""

    frequency: float
    steps: tuple[float, float, float]
    bytes: float


@dataclass(frozen=True, slots=True)
class Overload:
    """Too much for an MCU: a second, where it is the most, and the `share` of what it can do."""

    mcu: str
    is_bytes: bool
    line: int
    rate: float
    share: float
    motors: int


class StepWatch:
    """Makes the steps of all motors and looks at them, until close(). `laws` by MCU; `told` hears what is too much."""

    def __init__(self, planner: Planner, laws: Mapping[str, Law], told: Callable[[Overload], None]) -> None:
        self._planner = planner
        self._laws = laws
        self._told = told
        self._steppers: list[Any] = []
        self._loads: dict[str, Any] = {}
        self._over: Any = ffi.new("struct load_over[]", lib.LOAD_KINDS)
        self._form: object = None
        self._made = 0.0

    def begin(self, print_time: float) -> None:
        """All motors rest from then on, whatever they did before."""
        self.close()
        planner = self._planner
        self._form = self._shape()
        self._made = print_time
        for name, law in self._laws.items():
            given = ffi.new("struct load_law *", (law.frequency, law.steps, law.bytes))
            self._loads[name] = _new(lib.load_new(given, self._clock(name, print_time)))
        places = planner.coordinates(planner.position)
        filaments = {name: planner.place_of_filament(name) for name in planner.tracks}
        for motor in planner.motors:
            at = (
                planner.turned(motor.name)[1] * filaments[motor.filament]
                if motor.moves_filament
                else places[motor.name]
            )
            self._steppers.append(self._stepper(motor, at, print_time))

    def take(self, made: float) -> None:
        """Moves are final up to that print time. Raises ValueError with the motor that cannot follow."""
        if self._form != self._shape() and self._steppers:
            self.begin(self._made)  # at standstill
        while self._made < made:
            self._made = min(made, self._made + PIECE)
            self._take_piece()

    def close(self) -> None:
        """Give the memory back."""
        for stepper in self._steppers:
            lib.stepper_free(stepper)
        for load in self._loads.values():
            lib.load_free(load)
        self._steppers, self._loads = [], {}

    def _shape(self) -> object:
        planner = self._planner
        smooths = {name: filament.smooths for name, filament in planner.filaments.items()}
        return dict(planner.shapers), smooths, planner.motors

    def _clock(self, mcu: str, print_time: float) -> int:
        return round((print_time + FIRST) * self._laws[mcu].frequency)

    def _stepper(self, motor: Motor, at: float, print_time: float) -> Any:
        planner, mcu = self._planner, motor.config.step_pin.chip
        trapq = planner.tracks[motor.filament].trapq if motor.moves_filament else planner.trapq
        distance = planner.turned(motor.name)[0]
        stepper = _new(lib.stepper_new(trapq, motor.coordinate.encode(), distance))
        if motor.geometry:
            lib.stepper_set_geometry(stepper, motor.geometry, len(motor.geometry))
        if motor.moves_filament:
            lib.stepper_set_smooth_time(stepper, planner.tracks[motor.filament].smooths)
        else:
            self._set_shapers(stepper)
        clock = self._clock(mcu, print_time)
        lib.stepper_set_clock(stepper, print_time, clock, self._laws[mcu].frequency)
        lib.stepper_discard(stepper, clock)
        lib.stepper_set_position(stepper, at, 0)
        return stepper

    def _set_shapers(self, stepper: Any) -> None:
        for axis, (kind, frequency, damping) in self._planner.shapers.items():
            shaper = ffi.new("struct shaper *")
            if frequency and not lib.shaper_set(shaper, kind.encode(), frequency, damping):
                lib.stepper_set_shaper(stepper, SHAPED_AXES.index(axis), shaper)

    def _take_piece(self) -> None:
        numbers = dict.fromkeys(self._loads, 0)
        for motor, stepper in zip(self._planner.motors, self._steppers, strict=True):
            count = lib.stepper_generate(stepper, self._made, self._made)
            if count < 0:
                raise ValueError(motor.name)
            mcu = motor.config.step_pin.chip
            assert lib.load_add(self._loads[mcu], numbers[mcu], lib.stepper_runs(stepper), count) == 0
            numbers[mcu] += 1
        for mcu, load in self._loads.items():
            lib.load_until(load, self._clock(mcu, self._made))
            lib.load_take(load, self._over)
            for kind in range(lib.LOAD_KINDS):
                if self._over[kind].bins:
                    self._tell(mcu, kind)

    def _tell(self, mcu: str, kind: int) -> None:
        over = self._over[kind]
        time = over.worst / self._laws[mcu].frequency - FIRST
        line = int(lib.trapq_line(self._planner.trapq, time))
        is_bytes = kind == lib.LOAD_BYTES
        self._told(Overload(mcu, is_bytes, line, over.rate, over.most, int(over.motors)))


def _new(pointer: Any) -> Any:
    if pointer == ffi.NULL:
        raise MemoryError("no memory for steps")
    return pointer
