"""A whole machine in virtual time for tests: host, wire and firmware on the rails of a simulated printer."""

from collections.abc import Awaitable, Callable

from klipkit.base.config import parse_config
from klipkit.base.schema import Loaded
from klipkit.boards.chips import chip
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.host import Host
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

CARTESIAN = (TOP / "config-examples/ramps-cartesian.cfg").read_text()
DELTA = (TOP / "config-examples/ramps-delta.cfg").read_text()
HOTEND = """
[extruder]
step_pin: PA4
dir_pin: PA6
enable_pin: !PA2
microsteps: 16
rotation_distance: 33.5
nozzle_diameter: 0.4
filament_diameter: 1.75
heater_pin: PB4
sensor_type: EPCOS 100K B57560G104F
sensor_pin: PK5
control: watermark
min_temp: 0
max_temp: 250
min_extrude_temp: 0
"""
PLACE = "[force_move]\nenable_force_move: True\n"
AT_ZERO = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0"
Act = Callable[[Host, SimulatedPrinter], Awaitable[None]]


def live(config: str, act: Act) -> list[str]:
    """Run `act` on a machine of this printer.cfg; gives what it said."""
    loaded = SCHEMA.load(parse_config(config, "printer.cfg"))
    return live_on(SimulatedPrinter(loaded, {"mcu": chip("atmega2560")}, build(OBJECT)), loaded, act)


def live_on(printer: SimulatedPrinter, loaded: Loaded, act: Act) -> list[str]:
    """Run `act` on a machine of this printer, which is closed then; gives what it said."""
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


def said_by(config: str, *lines: str) -> list[str]:
    """What a machine says to these lines, carried out one after the other."""

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        for line in lines:
            await host.run([line], "console")

    return live(config, act)


def lost(host: Host, printer: SimulatedPrinter) -> dict[str, int]:
    """Steps by which each motor is elsewhere than the host thinks."""
    return {
        name: stepper.commanded() - printer.carriages[name].position
        for name, stepper in host.steppers.items()
    }
