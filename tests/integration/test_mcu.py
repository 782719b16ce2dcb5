"""What happens to a running machine when its link or its microcontroller fails, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import EmergencyStop, LinkError, Shutdown
from klipkit.base.schema import Loaded
from klipkit.boards.chips import chip
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.host import Host
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP

CONFIG = (TOP / "config-examples" / "ramps-cartesian.cfg").read_text()
LONG = ["SET_KINEMATIC_POSITION X=0 Y=0 Z=0", "G1 X200 F600", "G1 X0"]  # 40 s
Act = Callable[[Host, SimulatedPrinter], Awaitable[None]]


def loaded(text: str = CONFIG) -> Loaded:
    return SCHEMA.load(parse_config(text, "printer.cfg"))


class Machine:
    """A simulated printer on which several hosts run, one after the other."""

    def __init__(self) -> None:
        self.printer = SimulatedPrinter(
            loaded(), {"mcu": chip("atmega2560")}, build(OBJECT), begin=(0.0, 0.0, 0.0)
        )
        pins = self.printer.personas["mcu"].pins
        self.enable = pins["PD7"]  # !PD7: low enables
        self.printer.cosim.watch(0, self.enable)

    def run(self, lines: list[str], act: Act | None = None, text: str = CONFIG) -> KlipkitError | None:
        """Run a host; `act` happens 3 s after the first line. Gives the error with which it ended, if any."""

        async def live() -> None:
            host = Host(loaded(text), self.printer.reaches())
            try:
                await host.start()
                later = asyncio.ensure_future(self._later(host, act)) if act else None
                await host.run(lines, "a.gcode")
                if later:
                    await later
            finally:
                await host.stop()

        try:
            run_virtual(live(), self.printer.cosim)
        except KlipkitError as error:
            return error
        return None

    async def _later(self, host: Host, act: Act) -> None:
        await asyncio.sleep(3)
        await act(host, self.printer)

    def motors_on(self) -> bool:
        """Whether the newest edge of the enable pin enabled."""
        edges = [edge for edge in self.printer.cosim.edges() if edge.pin == self.enable]
        return bool(edges) and edges[-1].level == 0

    def wait(self, seconds: float) -> None:
        """Let time pass without a host."""
        cosim = self.printer.cosim
        end = cosim.now() + seconds
        while cosim.now() < end:
            cosim.run(end)


async def unplug(host: Host, printer: SimulatedPrinter) -> None:
    host.main.pipe.unplug()  # type: ignore[attr-defined]


async def stop(host: Host, printer: SimulatedPrinter) -> None:
    host.main.talk.send("emergency_stop")


async def restart(host: Host, printer: SimulatedPrinter) -> None:
    host.main.talk.send("reset")


async def nothing(host: Host, printer: SimulatedPrinter) -> None:
    assert host.main.fault.done() is False


def test_motors_stay_on_while_the_host_lives_and_go_off_soon_after_it_is_gone() -> None:
    machine = Machine()
    assert machine.run(["SET_KINEMATIC_POSITION X=0", "G1 X10 F6000", "G4 P12000"], nothing) is None
    assert machine.motors_on()  # 12 s without a move: refreshed all the while
    machine.wait(6)
    assert not machine.motors_on()


def test_an_unplugged_link_ends_the_print_with_its_cause_and_the_motors_go_off() -> None:
    machine = Machine()
    error = machine.run(LONG, unplug)
    assert isinstance(error, LinkError) and "unplugged" in str(error)
    assert machine.printer.cosim.now() < 10
    machine.wait(6)
    assert not machine.motors_on()


def test_an_emergency_stop_ends_the_print_with_the_mcus_own_words() -> None:
    machine = Machine()
    error = machine.run(LONG, stop)
    assert isinstance(error, EmergencyStop)
    assert str(error) == "MCU 'mcu' shutdown: Command request"
    assert not machine.motors_on()


def test_after_a_shutdown_a_new_host_is_told_so() -> None:
    machine = Machine()
    machine.run(LONG, stop)
    error = machine.run(LONG)
    assert isinstance(error, Shutdown) and "FIRMWARE_RESTART" in str(error)


def test_a_board_that_starts_anew_by_itself_ends_the_print() -> None:
    error = Machine().run(LONG, restart)
    assert isinstance(error, Shutdown) and "spontaneous restart" in str(error)


def test_a_second_host_finds_its_configuration_and_goes_on() -> None:
    machine = Machine()
    lines = ["SET_KINEMATIC_POSITION X=0", "G1 X10 F6000"]
    assert machine.run(lines) is None
    assert machine.run(lines) is None
    assert machine.printer.carriages["stepper_x"].position == 1600


def test_a_board_that_was_configured_otherwise_is_reset_and_goes_on() -> None:
    machine = Machine()
    assert machine.run([]) is None
    lines = ["SET_KINEMATIC_POSITION X=0", "G1 X10 F6000"]
    assert machine.run(lines, text=CONFIG.replace("enable_pin: !PF2", "enable_pin: !PF3")) is None
    assert machine.printer.carriages["stepper_x"].position == 800


@pytest.mark.parametrize("uptime", [0.0, 100.0, 400.0])
def test_moves_begin_at_any_age_of_the_mcus_32_bit_clock(uptime: float) -> None:
    """At 16 MHz the clock wraps each 268 s; the first interval of a stepper counts from 0."""
    machine = Machine()
    machine.wait(uptime)
    assert machine.run(["SET_KINEMATIC_POSITION X=0", "G1 X10 F6000", "G4 P60000", "G1 X0"]) is None
    assert machine.printer.carriages["stepper_x"].position == 0
