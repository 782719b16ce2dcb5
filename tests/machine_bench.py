"""A whole machine in virtual time for tests: host, wire and firmware on the rails of a simulated printer."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from klipkit.base.config import parse_config
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.host import Host
from klipkit.machine.sdcard import VirtualSdcard
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
CARD = "\n[virtual_sdcard]\npath: {folder}\n[pause_resume]\n[display_status]\n"
RAMPS = ("mcu=atmega2560",)
Act = Callable[[Host, SimulatedPrinter], Awaitable[None]]
CardAct = Callable[[Host, VirtualSdcard], Awaitable[None]]


def loaded_of(text: str) -> Loaded:
    """The configuration of a text."""
    return SCHEMA.load(parse_config(text, "printer.cfg"))


@contextmanager
def printer_of(loaded: Loaded, chips: Sequence[str] = RAMPS, **more: Any) -> Iterator[SimulatedPrinter]:
    """A simulated printer of this configuration; `more` is for SimulatedPrinter."""
    printer = SimulatedPrinter(loaded, chips_of(loaded.config, chips), build(OBJECT), **more)
    try:
        yield printer
    finally:
        printer.close()


def live(config: str, act: Act, chips: Sequence[str] = RAMPS, **more: Any) -> list[str]:
    """Run `act` on a machine of this printer.cfg; gives what it said."""
    return live_on(loaded_of(config), act, chips, **more)


def live_on(loaded: Loaded, act: Act, chips: Sequence[str] = RAMPS, **more: Any) -> list[str]:
    """Run `act` on a machine of this configuration; gives what it said."""
    said: list[str] = []

    async def whole(printer: SimulatedPrinter) -> None:
        host = Host(loaded, printer.reaches())
        host.responses.listen(said.append)
        try:
            await host.start()
            await act(host, printer)
        finally:
            await host.stop()

    with printer_of(loaded, chips, **more) as printer:
        run_virtual(whole(printer), printer.cosim)
    return said


def live_with_card(folder: Path, config: str, text: str, act: CardAct) -> list[str]:
    """Run `act` on a machine whose card has part.gcode; gives what it said. No step is lost."""
    (folder / "part.gcode").write_text(text)

    async def whole(host: Host, printer: SimulatedPrinter) -> None:
        card = host.parts["virtual_sdcard"]
        assert isinstance(card, VirtualSdcard)
        await act(host, card)
        await host.guarded(host.toolhead.drain())
        assert set(lost(host, printer).values()) == {0}

    return live(config + CARD.format(folder=folder), whole, begin=(10, 10, 10))


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
