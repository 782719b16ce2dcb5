"""Faults of the simulated printer, as text and at their virtual time: `lost-steps:stepper_x:+40@12.5`.

    KIND[:WHOM[:WHAT]][@SECONDS]      of virtual time; from the start without

A fault is a line of KINDS. The simulator knows the truth: what the host could not see is in SimulatedPrinter.truth().
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from klipkit.base.errors import UsageError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.sim.drivers import Trouble
from klipkit.sim.models import OPEN, SHORTED, Element, Stuck
from klipkit.sim.printer import HostKilled, SimulatedPrinter

PERCENT = 100
CUTS = 10.0  # bounds of a noise in its deviation, at most: nearly all is drawn in vain
LONGEST = 1e6  # s of virtual time: what is later is a wrong number

Target = Callable[[SimulatedPrinter], Iterable[str]]
Apply = Callable[[SimulatedPrinter, str, Any], None]


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `form` is what follows its name, `example` a whole one."""

    name: str
    form: str
    sentence: str
    example: str
    whom: Target | None
    what: Callable[[str], Any] | None
    apply: Apply


@dataclass(frozen=True)
class Fault:
    """A fault that is to come at `at`, s; 0: at once."""

    kind: Kind
    whom: str
    what: Any
    at: float
    text: str


class FaultPlan:
    """The faults of a simulation."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Raises UsageError, which names the fault and says how it is written."""
        self.faults = tuple(_parse(text) for text in texts)

    def begin(self, printer: SimulatedPrinter) -> None:
        """Let them happen at their time. Raises UsageError when the printer has no such part."""
        for fault in self.faults:
            if fault.kind.whom is not None:
                _check(fault, sorted(fault.kind.whom(printer)))
        for fault in self.faults:
            printer.cosim.at(fault.at, _action(fault, printer))


def fault_help() -> str:
    """The kinds of faults, for --help."""
    width = max(len(kind.name + kind.form) for kind in KINDS)
    lines = [f"  {kind.name + kind.form:{width}}  {kind.sentence}" for kind in KINDS]
    return "\n".join(["KIND[:WHOM[:WHAT]][@SECONDS], where KIND is one of", *lines])


def _action(fault: Fault, printer: SimulatedPrinter) -> Callable[[], None]:
    return lambda: fault.kind.apply(printer, fault.whom, fault.what)


def _wrong(text: str, what: str, hint: str) -> UsageError:
    return UsageError(f"fault '{sanitise(text, 80)}': {what}", hint=hint)


def _parse(text: str) -> Fault:
    words, at_sign, time = text.partition("@")
    name, *rest = words.strip().split(":")
    kind = next((kind for kind in KINDS if kind.name == name), None)
    if kind is None:
        names = [kind.name for kind in KINDS]
        raise _wrong(
            text, "no such kind of fault", did_you_mean(name, names) or f"known are {', '.join(names)}"
        )
    wanted = (kind.whom is not None) + (kind.what is not None)
    hint = f"write {kind.name}{kind.form}[@SECONDS], as {kind.example}"
    if len(rest) != wanted:
        raise _wrong(text, f"has {len(rest)} of {wanted} words after its kind", hint)
    try:
        at = float(time) if at_sign else 0.0
        what = kind.what(rest[-1]) if kind.what is not None else None
    except ValueError:
        raise _wrong(text, "has a value that it cannot have", hint) from None
    if not 0 <= at <= LONGEST:
        raise _wrong(text, f"comes at {time} s, which is no time of the simulation", hint)
    return Fault(kind, rest[0] if kind.whom is not None else "", what, at, text)


def _check(fault: Fault, names: list[str]) -> None:
    if fault.whom not in names:
        hint = did_you_mean(fault.whom, names) or f"there are {', '.join(names) or 'none'}"
        raise _wrong(fault.text, f"there is no '{sanitise(fault.whom, 40)}' that it could befall", hint)


# --- values ---


def _steps(text: str) -> int:
    if not int(text):
        raise ValueError
    return int(text)


def _share(text: str) -> float:
    share = float(text.removesuffix("%")) / (PERCENT if text.endswith("%") else 1)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def _seconds(text: str) -> float:
    seconds = float(text.removesuffix("s"))
    if not (0 < seconds <= LONGEST and math.isfinite(seconds)):
        raise ValueError
    return seconds


def _limits(text: str) -> tuple[float, float]:
    speed, accel = (float(number) for number in text.split("/"))
    if not (0 < speed < math.inf and 0 < accel < math.inf):
        raise ValueError
    return speed, accel


def _noise(text: str) -> tuple[float, float]:
    deviation, cut = (float(number) for number in text.split("/"))
    if not (0 <= deviation <= CUTS * cut and cut < math.inf):
        raise ValueError
    return deviation, cut


def _stuck(text: str) -> Stuck:
    words = {"open": Stuck.OPEN, "closed": Stuck.CLOSED}
    if text not in words:
        raise ValueError
    return words[text]


# --- what they do ---


def _slip(printer: SimulatedPrinter, stepper: str, steps: int) -> None:
    printer.carriages[stepper].slip(steps)


def _be_noisy(printer: SimulatedPrinter, stepper: str, noise: tuple[float, float]) -> None:
    deviation, cut = noise
    printer.rails.switches[stepper].be_noisy(cut, deviation)


def _weaken(printer: SimulatedPrinter, stepper: str, limits: tuple[float, float]) -> None:
    printer.limit_motor(stepper, *limits)


def _stick_endstop(printer: SimulatedPrinter, stepper: str, stuck: Stuck) -> None:
    printer.rails.switches[stepper].stick(stuck)


def _sensor_at(share: float) -> Apply:
    return lambda printer, section, _: printer.heats.sensors[section].fix(share)


def _heater_is(element: Element) -> Apply:
    return lambda printer, section, _: printer.heats.bodies[section].stick(element)


def _block(printer: SimulatedPrinter, section: str, _: None) -> None:
    printer.fans.fans[section].block()


def _trouble(trouble: Trouble) -> Apply:
    return lambda printer, stepper, _: printer.drivers[stepper].befall(trouble)


def _unplug(printer: SimulatedPrinter, mcu: str, _: None) -> None:
    printer.unplug(mcu)


def _reset(printer: SimulatedPrinter, mcu: str, _: None) -> None:
    printer.cosim.reset(printer.numbers[mcu])


def _damage(field: str) -> Apply:
    return lambda printer, mcu, value: printer.damage(mcu, **{field: value})


def _stall(printer: SimulatedPrinter, _: str, seconds: float) -> None:
    printer.cosim.stall(seconds)


def _kill(printer: SimulatedPrinter, _: str, __: None) -> None:
    for mcu in printer.numbers:
        printer.unplug(mcu)
    raise HostKilled(printer.cosim.now())


def _heaters(printer: SimulatedPrinter) -> Iterable[str]:
    return printer.heats.heaters


KINDS = (
    Kind(
        "lost-steps", ":STEPPER:STEPS", "the stepper's body is pushed by so many steps",
        "lost-steps:stepper_x:+40@12.5",
        lambda printer: printer.carriages, _steps, _slip,
    ),
    Kind(
        "endstop-noise", ":STEPPER:DEVIATION/CUT", "its places are normal, mm, and cut at +-CUT; 0/CUT: even",
        "endstop-noise:stepper_z:0.016/0.05",
        lambda printer: printer.rails.switches, _noise, _be_noisy,
    ),
    Kind(
        "weak-motor", ":STEPPER:SPEED/ACCEL", "beyond mm/s or mm/s^2 its motor loses electrical cycles",
        "weak-motor:stepper_x:150/3000",
        lambda printer: printer.carriages, _limits, _weaken,
    ),
    Kind(
        "endstop-stuck", ":STEPPER:open|closed", "the endstop says this wherever its rail is",
        "endstop-stuck:stepper_y:open",
        lambda printer: printer.rails.switches, _stuck, _stick_endstop,
    ),
    Kind(
        "thermistor-open", ":SECTION", "the sensor's wire breaks", "thermistor-open:extruder@30",
        lambda printer: printer.heats.sensors, None, _sensor_at(OPEN),
    ),
    Kind(
        "thermistor-short", ":SECTION", "the sensor's wires touch", "thermistor-short:heater_bed",
        lambda printer: printer.heats.sensors, None, _sensor_at(SHORTED),
    ),
    Kind(
        "heater-stuck-on", ":SECTION", "the heater heats whatever its pin says", "heater-stuck-on:extruder@20",
        _heaters, None, _heater_is(Element.ON),
    ),
    Kind(
        "heater-broken", ":SECTION", "the heater does not heat any more", "heater-broken:heater_bed@60",
        _heaters, None, _heater_is(Element.OFF),
    ),
    Kind(
        "fan-blocked", ":SECTION", "the fan does not turn any more", "fan-blocked:fan@10",
        lambda printer: printer.fans.fans, None, _block,
    ),
    Kind(
        "driver-reset", ":STEPPER", "the stepper's driver is reset and forgets its registers",
        "driver-reset:stepper_x@20",
        lambda printer: printer.drivers, None, _trouble(Trouble.RESET),
    ),
    Kind(
        "driver-warm", ":STEPPER", "the stepper's driver is warm", "driver-warm:stepper_x@20",
        lambda printer: printer.drivers, None, _trouble(Trouble.WARM),
    ),
    Kind(
        "driver-hot", ":STEPPER", "the stepper's driver is too hot and switches itself off", "driver-hot:stepper_x@20",
        lambda printer: printer.drivers, None, _trouble(Trouble.OVERHEATED),
    ),
    Kind(
        "driver-short", ":STEPPER", "a wire of the stepper's motor touches ground", "driver-short:stepper_x@20",
        lambda printer: printer.drivers, None, _trouble(Trouble.SHORTED),
    ),
    Kind(
        "driver-low-voltage", ":STEPPER", "the supply of the stepper's driver breaks down for a moment",
        "driver-low-voltage:stepper_x@20",
        lambda printer: printer.drivers, None, _trouble(Trouble.UNDERVOLTED),
    ),
    Kind(
        "driver-unpowered", ":STEPPER", "the stepper's driver loses its supply", "driver-unpowered:stepper_x@20",
        lambda printer: printer.drivers, None, _trouble(Trouble.UNPOWERED),
    ),
    Kind(
        "unplug", ":MCU", "the link to the microcontroller is pulled out", "unplug:mcu@5",
        lambda printer: printer.numbers, None, _unplug,
    ),
    Kind(
        "mcu-reset", ":MCU", "the microcontroller is reset", "mcu-reset:mcu@5",
        lambda printer: printer.numbers, None, _reset,
    ),
    Kind(
        "byte-errors", ":MCU:PERCENT%", "this share of the frames has a byte changed", "byte-errors:mcu:1%",
        lambda printer: printer.numbers, _share, _damage("corrupt"),
    ),
    Kind(
        "drop", ":MCU:PERCENT%", "this share of the frames loses a byte", "drop:mcu:0.5%@10",
        lambda printer: printer.numbers, _share, _damage("drop"),
    ),
    Kind(
        "delay", ":MCU:SECONDS", "frames come late by up to this, evenly spread", "delay:mcu:0.01@10",
        lambda printer: printer.numbers, _seconds, _damage("delay"),
    ),
    Kind(
        "host-stall", ":SECONDS", "the host's computer stands still for that long", "host-stall:0.4@10",
        None, _seconds, _stall,
    ),
    Kind(
        "host-killed", "", "the host dies", "host-killed@12",
        None, None, _kill,
    ),
)  # fmt: skip
