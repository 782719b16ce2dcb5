"""Drivers on UART lines of a simulated MCU: registers as they are meant, addresses, two wires, select pins, phases."""

import asyncio

import pytest

from klipkit.base.faults import DriverSilent
from klipkit.daemon.host import Host
from klipkit.sim.drivers import Trouble
from klipkit.sim.printer import SimulatedPrinter
from tests.unit.tmc_bench import AT_ZERO, driver, live

X = "[tmc2209 stepper_x]\nrun_current: 0.8\n"
Y = "[tmc2209 stepper_y]\nrun_current: 0.6\n"
ONE_WIRE = X + "uart_pin: PC4\n"
LINES = {
    "a line of its own": ONE_WIRE + Y + "uart_pin: PD11\n",
    "two wires": X + "uart_pin: PC4\ntx_pin: PC5\n" + Y + "uart_pin: PD11\ntx_pin: PD12\n",
    "addresses": ONE_WIRE + Y + "uart_pin: PC4\nuart_address: 3\n",
    "a multiplexer": X
    + "uart_pin: PC4\nselect_pins: PD8, !PD9\n"
    + Y
    + "uart_pin: PC4\nselect_pins: !PD9, !PD8\n",
}
TMC2240 = """
[tmc2240 stepper_x]
run_current: 0.8
uart_pin: PC4
[tmc2240 stepper_y]
run_current: 0.6
uart_pin: PC4
uart_address: 5
"""
IHOLD_IRUN, CHOPCONF, GCONF = 0x10, 0x6C, 0x00


@pytest.mark.parametrize("line", LINES)
def test_each_driver_has_what_its_section_says(line: str) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        x, y = printer.drivers["stepper_x"], printer.drivers["stepper_y"]
        # TMC2209 data sheet, section 9: I = (CS + 1) / 32 * 0.18 V / (0.11 + 0.02) ohm / sqrt 2: CS 25 and 19
        assert x.register(IHOLD_IRUN) == 8 << 16 | 25 << 8 | 25
        assert y.register(IHOLD_IRUN) == 8 << 16 | 19 << 8 | 19
        assert x.register(GCONF) == y.register(GCONF) == 0x1C4
        assert x.truth.misread == y.truth.misread == 0
        for name in ("x", "y"):
            held = printer.drivers[f"stepper_{name}"].register(CHOPCONF)
            assert await driver(host, f"tmc2209 stepper_{name}").read("CHOPCONF") == held

    live(LINES[line], act)


def test_a_tmc2240_may_be_on_a_uart_too() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        for name in ("stepper_x", "stepper_y"):
            part = driver(host, f"tmc2240 {name}")
            for register, value in part.shadow.written():
                assert printer.drivers[name].register(register.address) == value, register.name
        await host.run([AT_ZERO, "G1 X5 Y7 F6000"], "console")
        await asyncio.sleep(1.5)
        assert driver(host, "tmc2240 stepper_x").status().temperature == pytest.approx(30, abs=0.5)

    live(TMC2240, act)


def test_the_phase_follows_the_position_through_moves_of_either_direction() -> None:
    """MSCNT is the truth; dir_pin of stepper_y is inverted, and all of its steps go the other way round."""
    seen = []

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO], "console")
        for x, y in ((1.0, 2.0), (33.3375, 0.4), (0.0125, 55.5), (7.0, 0.0)):
            await host.run([f"G1 X{x} Y{y} F6000"], "console")
            for name, up in (("x", False), ("y", True)):
                counter = printer.drivers[f"stepper_{name}"].truth.mscnt
                place = counter if up else 1023 - counter
                stepper = host.steppers[f"stepper_{name}"]
                seen.append(
                    (
                        driver(host, f"tmc2209 stepper_{name}").phase_of(stepper.commanded()),
                        place * 64 // 1024,
                    )
                )

    live(LINES["a line of its own"], act)
    assert all(host == chip for host, chip in seen)
    assert len({host for host, _ in seen}) > 4


def test_the_phase_is_the_same_at_the_same_place_after_a_restart_of_the_host() -> None:
    places = []

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        x = driver(host, "tmc2209 stepper_x")
        await host.run([AT_ZERO, "G1 X12.3375 F6000"], "console")
        await asyncio.sleep(1)
        before = x.phase_of(host.steppers["stepper_x"].commanded())
        x._phase.forget("as after a restart")
        await x.measure()
        places.append(
            (before, x.phase_of(host.steppers["stepper_x"].commanded()), x.status().mcu_phase_offset)
        )

    live(ONE_WIRE, act)
    ((before, after, zero),) = places
    assert before == after and zero is not None and 0 <= zero < 64


def test_a_driver_without_power_is_noted_at_the_start_and_stops_the_printer_when_its_motor_is_needed() -> (
    None
):
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        x = driver(host, "tmc2209 stepper_x")
        printer.drivers["stepper_x"].befall(Trouble.UNPOWERED)
        with pytest.raises(DriverSilent, match="Unable to read tmc uart 'stepper_x' register"):
            await x.read("IFCNT")
        with pytest.raises(DriverSilent, match="register GSTAT"):
            await host.run([AT_ZERO, "G1 X30 F600"], "console")

    live(ONE_WIRE, act)
