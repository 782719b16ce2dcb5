"""The motion of a machine: its look-ahead, trapezoid queues and motors, and G-code's moves on top of them.

    moves (modes, origins, limits) --> look-ahead --> trapezoid queues: toolhead, filament --> a stepper each motor

It knows no microcontroller: the toolhead (toolhead.py) and the tools that need no printer (offline.py) drive it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.schema import Loaded
from klipkit.machine.config import InputShaperConfig, ManualStepperConfig
from klipkit.machine.filament import Filament
from klipkit.machine.kinematics import (
    EXTRUDER,
    Motor,
    Place,
    extruders,
    fill_bounds,
    forward,
    linear_forward,
    printer_of,
)
from klipkit.machine.track import Track

SHAPED_AXES = "xy"
E = 3
FARTHEST = 1e6  # mm from a motor's 0: a kilometre is a wrong number, and positions stay exact
SETTLE = 0.01  # s after the last step until the steps at its end are final too


class Planner:
    """Owns the C objects of motion until close(); `steppers` are those of the motors, by name."""

    def __init__(self, loaded: Loaded, motors: Sequence[Motor]) -> None:
        self.motors = tuple(motors)
        self._loaded = loaded
        self._is_reshaped = False
        self.trapq: Any = _new(lib.trapq_new())
        self.filaments = {one.source.name: Filament(one) for one in extruders(loaded)}
        manual = {one.source.name: Track(one.source.name) for one in loaded.all(ManualStepperConfig)}
        self.tracks: dict[str, Track] = {**self.filaments, **manual}
        self.active = next(iter(self.filaments), "")  # the extruder that E is of
        self._no_filament: Any = _new(lib.trapq_new())
        self._no_extruder: Any = ffi.new("struct moves_extruder *")
        self._turns: dict[str, tuple[float, int]] = {}  # mm a step and direction, of motors that were changed
        self.lookahead: Any = _new(lib.lookahead_new(self.trapq))
        self.bounds: Any = ffi.new("struct bounds *")
        self.moves: Any = ffi.new("struct moves *")
        fill_bounds(self.bounds, loaded)
        lib.moves_begin(self.moves, self.lookahead, self.bounds, self.extruder)
        printer = printer_of(loaded)
        self.set_limits(
            printer.max_velocity,
            printer.max_accel,
            printer.square_corner_velocity,
            printer.minimum_cruise_ratio,
        )
        self.steppers: dict[str, Any] = {motor.name: self._stepper(motor) for motor in motors}
        self.shapers: dict[str, tuple[str, float, float]] = {}  # axis: type, Hz, damping ratio
        for motor in self.motors:
            self._smooth(motor)
        if self.active:
            self._use(self.filaments[self.active])
        if (shaper := loaded.one(InputShaperConfig)) is not None:
            self.set_shaper("x", shaper.shaper_type_x.value, shaper.shaper_freq_x, shaper.damping_ratio_x)
            self.set_shaper("y", shaper.shaper_type_y.value, shaper.shaper_freq_y, shaper.damping_ratio_y)

    @property
    def filament_trapq(self) -> Any:
        """The queue of the active extruder's filament; an empty one without an extruder."""
        return self.filaments[self.active].trapq if self.active else self._no_filament

    @property
    def extruder(self) -> Any:
        """The limits of the active extruder (struct moves_extruder)."""
        return self.filaments[self.active].limits if self.active else self._no_extruder

    @property
    def advance(self) -> float:
        """The pressure advance of the active extruder, s."""
        return self.filaments[self.active].advance if self.active else 0.0

    @property
    def smooth_time(self) -> float:
        """The time over which it is smoothed, s."""
        return self.filaments[self.active].smooth_time if self.active else 0.0

    @property
    def position(self) -> Place:
        """Where the last move ends, mm."""
        at = self.moves.position
        return (at[0], at[1], at[2])

    @property
    def limits(self) -> tuple[float, float, float, float]:
        """Velocity, acceleration, square corner velocity, minimum cruise ratio."""
        now = self.moves.limits
        return (now.velocity, now.accel, now.square_corner_velocity, now.minimum_cruise_ratio)

    @property
    def known(self) -> set[int]:
        """The axes whose position is known."""
        return {axis for axis in range(3) if self.bounds.known[axis]}

    @property
    def committed(self) -> float:
        """The print time up to which moves are final, s."""
        return float(lib.lookahead_print_time(self.lookahead))

    @property
    def waiting(self) -> bool:
        """Whether moves wait in the look-ahead."""
        return bool(lib.lookahead_waiting(self.lookahead))

    @property
    def delay(self) -> float:
        """How long after a move's end motors may still step, s."""
        return max((float(lib.stepper_delay(one)) for one in self.steppers.values()), default=0.0)

    @property
    def settled(self) -> float:
        """When all motors rest after the last move, and nothing of it is left in shapers and smoothing, s."""
        end = max((track.end for track in self.tracks.values()), default=0.0)
        return max(self.committed, end) + 2 * self.delay + SETTLE

    def know(self, axes: Sequence[int]) -> None:
        """The positions of these axes are known, and of no others."""
        for axis in range(3):
            self.bounds.known[axis] = axis in axes

    def set_limits(self, velocity: float, accel: float, corner: float, cruise_ratio: float) -> None:
        """Limits of moves from now on. Raises ValueError for what is out of range."""
        limits = ffi.new("struct lookahead_limits *", (velocity, accel, corner, cruise_ratio))
        if lib.moves_set_limits(self.moves, limits):
            raise ValueError("a limit is out of its range")

    def set_start(self, print_time: float) -> None:
        """The next move begins no sooner."""
        lib.lookahead_set_start(self.lookahead, print_time)

    def flush(self) -> None:
        """Commit all moves, the last to standstill."""
        _check(lib.lookahead_flush(self.lookahead))

    def append(self, end: Place, velocity: float, accel: float) -> None:
        """A straight move that no bounds hold, and no modes of G-code."""
        _check(lib.lookahead_append(self.lookahead, ffi.new("double[3]", end), velocity, accel))
        lib.moves_take_position(self.moves)

    def limited(self, end: Place, velocity: float) -> tuple[float, float]:
        """Velocity and acceleration that the machine allows of a move from here to `end`, mm/s and mm/s^2."""
        start = self.position
        velocity, accel = min(velocity, self.limits[0]), self.limits[1]
        if (rise := abs(end[2] - start[2])) and self.bounds.kind != lib.BOUNDS_NONE:
            share = math.dist(start, end) / rise
            velocity, accel = (
                min(velocity, self.bounds.z_velocity * share),
                min(accel, self.bounds.z_accel * share),
            )
        return velocity, accel

    def forget_origin(self, axes: Sequence[int]) -> None:
        """G-code's coordinates of these axes are positions again, but for SET_GCODE_OFFSET."""
        for axis in axes:
            self.moves.origin[axis] = self.moves.offset[axis]

    def can_stand_at(self, position: Place) -> bool:
        """Whether each motor has a place for the toolhead there: a delta's arms may be too short."""
        place = ffi.new("double[3]", position)
        each = [self.steppers[motor.name] for motor in self.motors if not motor.moves_filament]
        return all(abs(lib.stepper_coordinate(stepper, place)) <= FARTHEST for stepper in each)

    def set_position(self, print_time: float, position: Place) -> None:
        """The toolhead is at `position` without moving. All steps must have been made."""
        self.stand(print_time, position)
        place = ffi.new("double[3]", position)
        for motor in self.motors:
            if not motor.moves_filament:
                stepper = self.steppers[motor.name]
                at = lib.stepper_coordinate(stepper, place)
                _check(lib.stepper_set_position(stepper, at, lib.stepper_position(stepper)))

    def coordinates(self, position: Place) -> dict[str, float]:
        """The coordinate of each motor but the extruder's when the toolhead is there, mm."""
        place = ffi.new("double[3]", position)
        names = [motor.name for motor in self.motors if not motor.moves_filament]
        return {name: float(lib.stepper_coordinate(self.steppers[name], place)) for name in names}

    def reshape(self, geometries: Mapping[str, Place]) -> None:
        """Motors that are linear follow other sums of the axes; all steps made; a position must be set then."""
        for name, weights in geometries.items():
            numbers = ffi.new("double[]", weights)
            _check(lib.stepper_set_geometry(self.steppers[name], numbers, len(weights)))
        self.motors = tuple(
            replace(motor, geometry=geometries[motor.name]) if motor.name in geometries else motor
            for motor in self.motors
        )
        self._is_reshaped = True

    def forward(self, places: Mapping[str, float]) -> Place:
        """Where the toolhead is when the motors have come to these coordinates."""
        if self._is_reshaped:
            return linear_forward([motor for motor in self.motors if not motor.moves_filament], places)
        return forward(self._loaded, places)

    def discard(self, print_time: float) -> None:
        """All moves are forgotten, and the next one begins no sooner than then.

        Then each stepper must be told where it is (stepper_discard, stepper_set_position), and at last `stand` the
        toolhead's place.
        """
        lib.lookahead_discard(self.lookahead, print_time)
        for track in self.tracks.values():
            track.discard()

    def stand(self, print_time: float, position: Place) -> None:
        """The toolhead is at `position`; the steppers know theirs."""
        place = ffi.new("double[3]", position)
        _check(lib.trapq_set_position(self.trapq, print_time, place))
        _check(lib.lookahead_set_position(self.lookahead, place))
        lib.moves_take_position(self.moves)
        self._share_paths()

    def set_shaper(self, axis: str, kind: str, frequency: float, damping: float) -> None:
        """Shape the motion of an axis from now on; frequency 0: no longer. At standstill only, all steps made."""
        shaper = ffi.new("struct shaper *")
        if frequency and lib.shaper_set(shaper, kind.encode(), frequency, damping):
            raise ValueError("a number is out of its range")
        self.shapers[axis] = (kind, frequency, damping)
        for motor in self.motors:
            if not motor.moves_filament:
                _check(lib.stepper_set_shaper(self.steppers[motor.name], SHAPED_AXES.index(axis), shaper))
        self._share_paths()

    def activate(self, name: str) -> None:
        """Moves from now on move the filament of that extruder; E is 0, and its factor 1. No moves may be waiting."""
        self.filaments[self.active].position = float(lib.lookahead_filament(self.lookahead))
        self.active = name
        self._use(self.filaments[name])
        moves = self.moves
        lib.moves_take_position(moves)
        moves.extrude_factor = 1.0
        moves.origin[E], moves.offset[E] = moves.position[E], 0.0

    def set_advance(self, advance: float, smooth_time: float, name: str) -> None:
        """Pressure advance of an extruder's moves from now on, s; without it filament is not smoothed.

        At standstill only, all steps made, when filament is smoothed over another time than before.
        """
        filament = self.filaments[name]
        before = filament.smooths
        filament.advance, filament.smooth_time = advance, smooth_time
        if name == self.active:
            _check(lib.lookahead_set_pressure_advance(self.lookahead, advance))
        if filament.smooths != before:
            for motor in self.motors:
                if motor.filament == name:
                    self._smooth(motor)

    def place_of_filament(self, name: str) -> float:
        """Where an extruder's filament, or a manual stepper, is, mm."""
        active = name == self.active
        return float(lib.lookahead_filament(self.lookahead)) if active else self.tracks[name].position

    def turned(self, name: str) -> tuple[float, int]:
        """mm a step of a motor, and its direction, +1 or -1."""
        config = next(motor.config for motor in self.motors if motor.name == name)
        return self._turns.get(name, (config.step_distance, 1))

    def change(self, name: str, filament: str, distance: float, direction: int) -> tuple[Any, float]:
        """A motor follows an extruder's filament ("": nothing) from now on, by so many mm a step.

        Gives its new stepper and the place where that is, mm; the old one is to be freed when nobody has it any more.
        """
        old = next(motor for motor in self.motors if motor.name == name)
        self._turns[name] = (distance, direction)
        kind = EXTRUDER if filament else "linear"
        geometry = (float(direction),) if filament else (0.0, 0.0, 0.0)
        motor = replace(old, coordinate=kind, geometry=geometry, filament=filament)
        self.motors = tuple(motor if one is old else one for one in self.motors)
        stepper = self.steppers[name] = self._stepper(motor)
        self._smooth(motor)
        return stepper, direction * self.place_of_filament(filament) if filament else 0.0

    def expire(self, print_time: float) -> None:
        """Forget moves that ended before."""
        lib.trapq_expire(self.trapq, print_time)
        for track in self.tracks.values():
            lib.trapq_expire(track.trapq, print_time)

    def close(self) -> None:
        """Give the memory back."""
        for stepper in self.steppers.values():
            lib.stepper_free(stepper)
        self.steppers = {}
        lib.lookahead_free(self.lookahead)
        lib.trapq_free(self.trapq)
        lib.trapq_free(self._no_filament)
        for track in self.tracks.values():
            track.close()

    def _stepper(self, motor: Motor) -> Any:
        trapq = self.tracks[motor.filament].trapq if motor.moves_filament else self.trapq
        distance = self._turns.get(motor.name, (motor.config.step_distance, 1))[0]
        stepper = _new(lib.stepper_new(trapq, motor.coordinate.encode(), distance))
        if motor.geometry:
            _check(lib.stepper_set_geometry(stepper, motor.geometry, len(motor.geometry)))
        if not motor.moves_filament:
            place = ffi.new("double[3]")
            at = lib.stepper_coordinate(stepper, place)
            _check(lib.stepper_set_position(stepper, at if math.isfinite(at) else 0.0, 0))
        return stepper

    def _share_paths(self) -> None:
        """Motors that follow the same axes read what the toolhead does together."""
        each = [self.steppers[motor.name] for motor in self.motors if not motor.moves_filament]
        for number, stepper in enumerate(each):
            any(lib.stepper_share(stepper, other) for other in each[:number])

    def _smooth(self, motor: Motor) -> None:
        """Over the time of its filament."""
        if motor.moves_filament:
            smooths = self.tracks[motor.filament].smooths
            _check(lib.stepper_set_smooth_time(self.steppers[motor.name], smooths))

    def _use(self, filament: Filament) -> None:
        """E is of this filament."""
        self.moves.extruder = filament.limits
        trapq, corner = filament.trapq, filament.corner_velocity
        _check(lib.lookahead_set_extruder(self.lookahead, trapq, filament.position, corner))
        _check(lib.lookahead_set_pressure_advance(self.lookahead, filament.advance))


def _new(pointer: Any) -> Any:
    if pointer == ffi.NULL:
        raise MemoryError("no memory for motion")
    return pointer


def _check(result: int) -> None:
    if result < 0:
        raise AssertionError(f"motion refused ({-result})")
