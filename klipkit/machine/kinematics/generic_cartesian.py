"""Generic cartesian: carriages on the axes, and steppers that move sums of them, as the config says.

[carriage x] [carriage y]     [stepper a] carriages: x+y          a stepper's coordinate is that sum of the
[extra_carriage y1]           [stepper b] carriages: x-0.5*y1     positions of its carriages' axes
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from klipkit.base.declare import Declared, Problem, option, section, when
from klipkit.base.errors import ConfigError, MissingSection
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean
from klipkit.base.values import Kind as Written
from klipkit.base.values import Reference, Scope, Text, Wrong, choice, expected, reference
from klipkit.machine.config import EndstopOptions, LinearStepperOptions, PrinterConfig, TravelOptions
from klipkit.machine.kinematics.kind import (
    EACH,
    Endstops,
    HomingPlan,
    Kind,
    Motor,
    Place,
    printer_of,
    rail_plan,
    solved,
)
from klipkit.machine.kinematics.rails import fill_box, linear_forward

GENERIC = when("printer", "kinematics", "generic_cartesian")
CARRIAGE = "carriage"  # the role
AXES = ("x", "y", "z")
TERM = re.compile(r"\s*([+-]?)\s*(?:(\d+\.?\d*|\.\d+)\s*\*\s*)?([^\W\d]\w*)\s*")


class Axis(Enum):
    """The axes."""

    X = "x"
    Y = "y"
    Z = "z"


def _has_axis(carriage: "CarriageConfig") -> Iterable[Problem]:
    if carriage.axis is None and carriage.source.short not in AXES:
        yield Problem("axis", "must be specified", "x, y or z; only carriages of these names need none")


@section("carriage NAME", roles=[CARRIAGE], when=GENERIC, checks=[_has_axis])
class CarriageConfig(TravelOptions, EndstopOptions):
    """What goes along an axis: each axis has one."""

    axis: Axis | None = option(choice(Axis), "Along which axis it goes.", default=None, said="its name")

    @property
    def along(self) -> int:
        """The number of its axis."""
        return AXES.index(self.source.short if self.axis is None else self.axis.value)


@section("extra_carriage NAME", roles=[CARRIAGE], when=GENERIC)
class ExtraCarriageConfig(Declared):
    """One more carriage on the axis of another, with an endstop of its own."""

    endstop_pin: Pin = option(pin(PinUse.INPUT), "The endstop switch.")
    primary_carriage: Reference = option(reference(CARRIAGE), "The carriage whose axis and reach it has.")


@dataclass(frozen=True, slots=True)
class Term:
    """A carriage, by its section, and what it counts in a stepper's coordinate."""

    weight: float
    carriage: str


class _Sum(Written[tuple[Term, ...]]):
    """A sum of carriages, such as x-0.5*y."""

    words = "sum of carriages, as x+0.5*y"

    def read(self, text: Text, scope: Scope) -> tuple[Term, ...]:
        names, at = scope.named(CARRIAGE), 0
        terms: list[Term] = []
        while at < len(text.text):
            found = TERM.match(text.text, at)
            if found is None or (terms and not found[1]):
                raise expected(self.words, text)
            name = found[3]
            if name not in names:
                hint = did_you_mean(name, names) or f"the carriages are {', '.join(sorted(names))}"
                what = f"names the carriage '{name}', for which there is no section"
                raise Wrong(what, text, hint=hint, error=MissingSection)
            weight = float(found[2] or 1) * (-1 if found[1] == "-" else 1)
            terms.append(Term(weight, names[name]))
            at = found.end()
        return tuple(terms)


@section("stepper NAME", roles=["stepper"], when=GENERIC)
class SumStepperConfig(LinearStepperOptions):
    """A stepper that moves carriages."""

    carriages: tuple[Term, ...] = option(
        _Sum(), "Which carriages it moves: its way is this sum of their positions."
    )


def _carriages(loaded: Loaded) -> list[CarriageConfig]:
    """Of X, Y and Z. Raises ConfigError unless each axis has one."""
    found: list[CarriageConfig] = []
    where = printer_of(loaded).source.where("kinematics")
    for axis, letter in enumerate(AXES):
        mine = [one for one in loaded.all(CarriageConfig) if one.along == axis]
        if not mine:
            hint = f"add [carriage {letter}]"
            raise MissingSection(f"no carriage goes along {letter.upper()}", where=where, hint=hint)
        if len(mine) > 1:
            hint = "make the second one an [extra_carriage NAME]"
            raise ConfigError(
                f"two carriages go along {letter.upper()}", where=mine[1].source.where("axis"), hint=hint
            )
        found += mine
    return found


def _axis_of(loaded: Loaded, name: str) -> int:
    """Of a carriage, by its section; an extra one has that of its primary one."""
    carriage = loaded.sections[name]
    for _ in loaded.sections:
        if not isinstance(carriage, ExtraCarriageConfig):
            break
        carriage = loaded.sections[carriage.primary_carriage.section]
    if not isinstance(carriage, CarriageConfig):
        where = carriage.source.where("primary_carriage")
        raise ConfigError("option 'primary_carriage' leads to no [carriage NAME]", where=where)
    return carriage.along


def _weights(loaded: Loaded, terms: Iterable[Term]) -> Place:
    weights = [0.0, 0.0, 0.0]
    for term in terms:
        weights[_axis_of(loaded, term.carriage)] += term.weight
    return (weights[0], weights[1], weights[2])


def _motors(loaded: Loaded) -> list[Motor]:
    _carriages(loaded)
    found = [
        Motor(stepper.source.name, stepper, "linear", _weights(loaded, stepper.carriages))
        for stepper in loaded.all(SumStepperConfig)
    ]
    for motor in found:
        if not any(motor.geometry):
            raise ConfigError("the stepper moves nothing", where=motor.config.source.where("carriages"))
    rows = [(motor.geometry[0], motor.geometry[1], motor.geometry[2]) for motor in found]
    if not rows or solved(rows, [0.0] * len(rows)) is None:
        hint = "X, Y and Z need a stepper each, or as many different sums of carriages"
        where = printer_of(loaded).source.where("kinematics")
        raise ConfigError("the steppers cannot reach each place by itself", where=where, hint=hint)
    return found


def _endstops(loaded: Loaded) -> Endstops:
    x, y, z = (carriage.position_endstop for carriage in _carriages(loaded))
    return Endstops((x, y, z), EACH)


def _bound(bounds: Any, loaded: Loaded, printer: PrinterConfig) -> None:
    fill_box(bounds, printer, _carriages(loaded))


def _forward(loaded: Loaded, places: Mapping[str, float]) -> Place:
    return linear_forward(_motors(loaded), places)


def _homing(loaded: Loaded) -> list[HomingPlan]:
    """A carriage's endstop stops the steppers that move it; of an extra one, those that move that one."""
    motors = {motor.name: motor for motor in _motors(loaded)}
    plans = []
    for axis, carriage in enumerate(_carriages(loaded)):
        own = [
            one.source.name
            for one in loaded.all(ExtraCarriageConfig)
            if _axis_of(loaded, one.source.name) == axis
        ]
        rails = {name: _moving(loaded, name) for name in (carriage.source.name, *own)}
        moved = [motors[name] for names in rails.values() for name in names]
        step = min(motor.config.step_distance / abs(motor.geometry[axis]) for motor in moved)
        plans.append(
            rail_plan(axis, carriage, carriage, {name: names for name, names in rails.items() if names}, step)
        )
    return plans


def _moving(loaded: Loaded, carriage: str) -> tuple[str, ...]:
    """The steppers that move a carriage, by its section."""
    steppers = loaded.all(SumStepperConfig)
    return tuple(
        one.source.name for one in steppers if any(term.carriage == carriage for term in one.carriages)
    )


GENERIC_CARTESIAN = Kind(motors=_motors, bound=_bound, endstops=_endstops, forward=_forward, homing=_homing)
