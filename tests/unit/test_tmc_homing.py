"""Homing without switches: drivers feel the ends of rails, always at the same place, and are themselves again then."""

from typing import Any

import pytest

from klipkit.base.errors import UnknownMcu
from klipkit.base.faults import HomingError
from klipkit.daemon.host import Host
from klipkit.sim.printer import SimulatedPrinter
from tests.unit.tmc_bench import MACHINE, driver, live

UART = "uart_pin: PC4\nrun_current: 0.8\ndiag_pin: ^PG6\n"
SPI = "cs_pin: PC4\nspi_bus: spi1\nrun_current: 0.8\n"
SECTIONS = {
    "tmc2209": UART + "driver_SGTHRS: 60\n",
    "tmc2209 silent": UART + "driver_SGTHRS: 60\nstealthchop_threshold: 999999\n",
    "tmc2130": SPI + "diag0_pin: ^!PG6\ndriver_SGT: 1\n",
    "tmc2130 silent": SPI + "diag1_pin: ^!PG6\ndriver_SGT: 1\nstealthchop_threshold: 999999\n",
    "tmc5160": SPI + "diag1_pin: ^!PG6\ndriver_SGT: 1\ncoolstep_threshold: 5\nhigh_velocity_threshold: 20\n",
    "tmc2240": SPI + "diag0_pin: ^!PG6\ndriver_SGT: 1\n",
    "tmc2240 silent": SPI + "diag1_pin: ^!PG6\ndriver_SG4_THRS: 60\n",
}
MODES = (0x00, 0x13, 0x14, 0x15)  # GCONF, TPWMTHRS, TCOOLTHRS, THIGH
ONE_FULL_STEP = 40 / 200  # mm


def machine_of(chip: str) -> str:
    pin = f"endstop_pin: {chip}_stepper_x:virtual_endstop\nhoming_retract_dist: 0"
    return MACHINE.replace("endstop_pin: ^PG6", pin)


def modes(printer: SimulatedPrinter) -> list[int]:
    return [printer.drivers["stepper_x"].register(address) for address in MODES]


@pytest.mark.parametrize("kind", SECTIONS)
def test_ten_homings_find_one_place_and_leave_the_driver_as_it_was(kind: str) -> None:
    chip = kind.partition(" ")[0]
    places, after = set(), []

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = modes(printer)
        for number in range(10):
            await host.run(["G28 X", f"G1 X{20 + 3.33 * number} F6000", "G1 X10", "G4 P500"], "console")
            places.add(
                (
                    printer.carriages["stepper_x"].position,
                    host.steppers["stepper_x"].place_of(host.steppers["stepper_x"].commanded()),
                )
            )
            after.append(modes(printer) == before)
        truth = printer.drivers["stepper_x"].truth
        assert (truth.stalls, truth.falls, truth.unmoved) == (10, 0, 0)
        assert abs(printer.rails.rails["stepper_x"].position - 10) < 2 * ONE_FULL_STEP

    live(f"[{chip} stepper_x]\n{SECTIONS[kind]}", act, machine=machine_of(chip))
    assert len(places) == 1 and all(after)


@pytest.mark.parametrize(
    ("chip", "section"),
    [
        ("tmc2209", UART + "driver_SGTHRS: 255\n"),
        ("tmc5160", SPI + "diag1_pin: ^!PG6\ndriver_SGT: -64\n"),
    ],
)
def test_the_highest_sensitivity_stops_the_carriage_at_once(chip: str, section: str) -> None:
    """As the guide to tuning has it: the axis does not move at all, or hardly."""

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = printer.rails.rails["stepper_x"].position
        await host.run(["G28 X"], "console")
        assert abs(printer.rails.rails["stepper_x"].position - before) < 3 * ONE_FULL_STEP

    live(f"[{chip} stepper_x]\n{section}", act, machine=machine_of(chip))


def test_without_sensitivity_nothing_is_felt_and_the_motor_bangs_against_the_end() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        with pytest.raises(HomingError, match="No trigger on x after full movement"):
            await host.run(["G28 X"], "console")
        assert printer.drivers["stepper_x"].truth.falls > 10

    section = SPI + "diag1_pin: ^!PG6\ndriver_SGT: 63\n"
    live(f"[tmc5160 stepper_x]\n{section}", act, machine=machine_of("tmc5160"))


def test_a_tmc2660_is_felt_by_its_own_pin() -> None:
    machine = MACHINE.replace("endstop_pin: ^PG6", "endstop_pin: ^PG6\nhoming_retract_dist: 0")
    places = set()

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        rail: Any = host.loaded.sections["stepper_x"]
        printer.drivers["stepper_x"].tells(0, printer.place(rail.endstop_pin, ""))
        for number in range(10):
            await host.run(["G28 X", f"G1 X{20 + 3.33 * number} F6000", "G1 X10", "G4 P500"], "console")
            places.add(printer.carriages["stepper_x"].position)

    live(f"[tmc2660 stepper_x]\n{SPI}sense_resistor: 0.1\ndriver_SGT: 1\n", act, machine=machine)
    assert len(places) == 1


def test_a_virtual_endstop_that_no_section_makes_is_refused() -> None:
    with pytest.raises(UnknownMcu, match="tmc2209_stepper_x:virtual_endstop") as caught:
        live("[tmc2209 stepper_x]\nuart_pin: PC4\nrun_current: 1\n", None, machine=machine_of("tmc2209"))  # type: ignore[arg-type]
    assert "[tmc2209 stepper_x]" in caught.value.hint


def test_the_driver_is_itself_again_after_a_homing_that_failed() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        before = modes(printer)
        part = driver(host, "tmc5160 stepper_x")
        with pytest.raises(HomingError):
            await host.run(["G28 X"], "console")
        assert modes(printer) == before and not part._before

    section = SPI + "diag1_pin: ^!PG6\ndriver_SGT: 63\nstealthchop_threshold: 999999\n"
    live(f"[tmc5160 stepper_x]\n{section}", act, machine=machine_of("tmc5160"))
