"""The motors of a machine on their MCUs, and the endstops that stop them."""

from collections.abc import Collection, Mapping, Sequence

from klipkit.base.errors import PinError
from klipkit.base.schema import Loaded
from klipkit.machine.config import EndstopOptions, FollowerConfig
from klipkit.machine.homing import Switch
from klipkit.machine.kinematics import ExtraCarriageConfig, Motor, homing_plans
from klipkit.machine.toolhead import Drive
from klipkit.mcu.digital_out import DigitalOut, WiredOut
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.pins import Pins
from klipkit.mcu.stepper import Stepper

PREFIX = "stepper_"


def drives_of(motors: Sequence[Motor], pins: Pins, wired: Collection[str] = ()) -> list[Drive]:
    """A stepper for each motor, before the MCUs are configured; motors may share an enable pin. Raises PinError.

    `wired`: the motors whose drivers have registers, which can be switched by these.
    """
    enables: dict[tuple[str, str], DigitalOut] = {}
    drives = []
    for motor in motors:
        with pins.needed_by(f"[{motor.name}]"):
            drives.append(_drive(motor, pins, enables, motor.name in wired))
    return drives


def _drive(motor: Motor, pins: Pins, enables: dict[tuple[str, str], DigitalOut], is_wired: bool) -> Drive:
    config = motor.config
    mcu, step = pins.place(config.step_pin, config.source.where("step_pin"))
    other, direction = pins.place(config.dir_pin, config.source.where("dir_pin"))
    if other is not mcu:
        raise PinError(
            "dir_pin is on another microcontroller than step_pin", where=config.source.where("dir_pin")
        )
    stepper = Stepper(mcu, motor.name, step, direction, config.step_pulse_duration, config.step_distance)
    if config.enable_pin is None:
        return Drive(stepper, WiredOut() if is_wired else None, config.microsteps)
    owner, pin = pins.place(config.enable_pin, config.source.where("enable_pin"))
    place = (owner.name, pin.name)
    if place not in enables:
        enables[place] = DigitalOut(owner, pin)
    return Drive(stepper, enables[place], config.microsteps)


def switches_of(loaded: Loaded, drives: Sequence[Drive], pins: Pins) -> Mapping[str, list[Switch]]:
    """The endstops of each rail, by its section, before the MCUs are configured. Raises PinError."""
    steppers = {drive.stepper.name: drive.stepper for drive in drives}
    return {
        rail: [_switch(rail, loaded, [steppers[name] for name in stops], pins)]
        for plan in homing_plans(loaded)
        for rail, stops in plan.rails.items()
    }


def _switch(rail: str, loaded: Loaded, steppers: Sequence[Stepper], pins: Pins) -> Switch:
    config = loaded.sections[rail]
    assert isinstance(config, EndstopOptions | FollowerConfig | ExtraCarriageConfig)
    assert config.endstop_pin is not None
    mcu, pin = pins.place(config.endstop_pin, config.source.where("endstop_pin"))
    with pins.needed_by(f"[{rail}]"):
        endstop = Endstop(mcu, pin)
        endstop.use(steppers)
    return Switch(rail.removeprefix(PREFIX), endstop, tuple(steppers), config.endstop_pin)
