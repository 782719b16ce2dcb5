"""A simulated machine whose motors have drivers with registers."""

from collections.abc import Mapping

from klipkit.daemon.host import Host
from klipkit.parts.drivers.commands import TmcDriver
from tests import machine_bench
from tests.machine_bench import AT_ZERO, Act

__all__ = ["AT_ZERO", "MACHINE", "Act", "driver", "live"]

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


def live(config: str, act: Act, machine: str = MACHINE, models: Mapping[str, str] | None = None) -> list[str]:
    """Run `act` on a machine of this printer.cfg; gives what it said. `models`: chips of more MCUs, by name."""
    chips = [f"{name}={model}" for name, model in {"mcu": "stm32f446", **(models or {})}.items()]
    return machine_bench.live(machine + config, act, chips, begin=(50.0, 60.0, 10.0))


def driver(host: Host, section: str) -> TmcDriver:
    """The part of a driver's section."""
    part = host.parts[section]
    assert isinstance(part, TmcDriver)
    return part
