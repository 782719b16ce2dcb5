"""A simulated machine whose motors have drivers with registers."""

from collections.abc import Awaitable, Callable, Mapping

from klipkit.base.config import parse_config
from klipkit.boards.chips import chip
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.host import Host
from klipkit.parts.drivers.commands import TmcDriver
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter

# A chip of 32 bits: its UART lines run at 40000 baud, and it steps on both edges.
MACHINE = """
[mcu]
serial: /dev/serial/by-id/usb-Klipper_stm32f446xx_1-if00

[printer]
kinematics: cartesian
max_velocity: 300
max_accel: 3000

[stepper_x]
step_pin: PF13
dir_pin: PF12
enable_pin: !PF14
microsteps: 16
rotation_distance: 40
endstop_pin: ^PG6
position_endstop: 0
position_max: 200
homing_speed: 40

[stepper_y]
step_pin: PG0
dir_pin: !PG1
enable_pin: !PF15
microsteps: 16
rotation_distance: 40
endstop_pin: ^PG9
position_endstop: 0
position_max: 200
homing_speed: 40

[stepper_z]
step_pin: PF11
dir_pin: PG3
enable_pin: !PG5
microsteps: 16
rotation_distance: 8
endstop_pin: ^PG10
position_endstop: 0.5
position_max: 200

[force_move]
enable_force_move: True
"""
AT_ZERO = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0"
Act = Callable[[Host, SimulatedPrinter], Awaitable[None]]


def live(config: str, act: Act, machine: str = MACHINE, models: Mapping[str, str] | None = None) -> list[str]:
    """Run `act` on a machine of this printer.cfg; gives what it said. `models`: chips of more MCUs, by name."""
    loaded = SCHEMA.load(parse_config(machine + config, "printer.cfg"))
    chips = {name: chip(model) for name, model in {"mcu": "stm32f446", **(models or {})}.items()}
    printer = SimulatedPrinter(loaded, chips, build(OBJECT), begin=(50.0, 60.0, 10.0))
    said: list[str] = []

    async def whole() -> None:
        host = Host(loaded, printer.reaches())
        host.responses.listen(said.append)
        try:
            await host.start()
            await act(host, printer)
        finally:
            await host.stop()

    try:
        run_virtual(whole(), printer.cosim)
    finally:
        printer.close()
    return said


def driver(host: Host, section: str) -> TmcDriver:
    """The part of a driver's section."""
    part = host.parts[section]
    assert isinstance(part, TmcDriver)
    return part
