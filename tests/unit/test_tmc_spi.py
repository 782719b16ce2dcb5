"""Drivers on SPI of a simulated MCU: buses, pins in place of a bus, chains; microsteps, motors without enable pins."""

import asyncio

import pytest

from klipkit.base.errors import PinError, UnknownBus
from klipkit.base.faults import DriverSilent
from klipkit.daemon.host import Host
from klipkit.parts.drivers.datagrams import Place
from klipkit.sim.drivers import Trouble
from klipkit.sim.printer import SimulatedPrinter
from tests.unit.tmc_bench import AT_ZERO, MACHINE, driver, live

PINS = "spi_software_sclk_pin: PC10\nspi_software_mosi_pin: PC11\nspi_software_miso_pin: PC12\n"
CHIPS = ["tmc2130", "tmc2240", "tmc2660", "tmc5160"]
NO_ENABLE = MACHINE.replace("enable_pin: !PF14\n", "")


def two(chip: str, x: str, y: str, select: str = "PD11") -> str:
    more = "sense_resistor: 0.1\n" if chip == "tmc2660" else ""
    return (
        f"[{chip} stepper_x]\ncs_pin: PC4\nrun_current: 0.8\n{more}{x}"
        f"[{chip} stepper_y]\ncs_pin: {select}\nrun_current: 0.6\n{more}{y}"
    )


def lost(host: Host, printer: SimulatedPrinter) -> dict[str, int]:
    return {
        name: stepper.commanded() - printer.carriages[name].position
        for name, stepper in host.steppers.items()
    }


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("bus", ["spi_bus: spi1\n", PINS])
def test_each_driver_has_what_its_section_says_and_moves_as_told(chip: str, bus: str) -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        for name in ("stepper_x", "stepper_y"):
            part, chip_of = driver(host, f"{chip} {name}"), printer.drivers[name]
            for register, value in part.shadow.written():
                assert chip_of.register(register.address) == value, (register.name, hex(value))
        await host.run([AT_ZERO, "G1 X12.3 Y45.6 F9000", "G1 X3 Y9"], "console")
        assert set(lost(host, printer).values()) == {0}
        assert not host.steppers["stepper_z"].both_edges and host.steppers["stepper_x"].both_edges

    live(two(chip, bus, bus), act)


@pytest.mark.parametrize("chip", ["tmc2130", "tmc5160", "tmc2240"])
def test_drivers_of_a_chain_are_told_apart(chip: str) -> None:
    chain = "spi_bus: spi1\nchain_length: 2\nchain_position: "

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        x, y = printer.drivers["stepper_x"], printer.drivers["stepper_y"]
        assert [x.register(at) for at in (0x0B, 0x10)] != [y.register(at) for at in (0x0B, 0x10)]
        for name, chip_of in (("stepper_x", x), ("stepper_y", y)):
            part = driver(host, f"{chip} {name}")
            assert chip_of.register(0x10) == part.shadow.values["IHOLD_IRUN"]
            assert await part.read("CHOPCONF") == chip_of.register(0x6C)
        await host.run([AT_ZERO, "G1 X12.3 Y45.6 F9000"], "console")
        assert await driver(host, f"{chip} stepper_x").read("MSCNT") == x.truth.mscnt
        assert await driver(host, f"{chip} stepper_y").read("MSCNT") == y.truth.mscnt

    live(
        two(chip, f"{chain}2\n", f"{chain}1\n", select="PC4").replace("run_current: 0.6", "run_current: 0.3"),
        act,
    )


def test_what_is_sent_first_goes_furthest_in_a_chain() -> None:
    first, last = Place(1, 3), Place(3, 3)
    assert first.sent(b"\x01\x02") == bytes(4) + b"\x01\x02"
    assert last.sent(b"\x01\x02") == b"\x01\x02" + bytes(4)
    assert first.received(b"aabbcc") == b"cc" and last.received(b"aabbcc") == b"aa"


def test_a_driver_that_does_not_take_a_register_is_one_clear_error() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        printer.drivers["stepper_x"].befall(Trouble.UNPOWERED)
        with pytest.raises(
            DriverSilent, match="Unable to write tmc spi 'stepper_x' register TPOWERDOWN"
        ) as caught:
            await driver(host, "tmc5160 stepper_x").set_fields({"tpowerdown": 3})
        assert "cs_pin" in caught.value.hint

    live(two("tmc5160", "spi_bus: spi1\n", "spi_bus: spi1\n"), act)


def test_an_unknown_bus_is_refused_with_its_place() -> None:
    with pytest.raises(UnknownBus, match="Unknown spi_bus 'spi9'") as caught:
        live(two("tmc5160", "spi_bus: spi9\n", "spi_bus: spi1\n"), None)  # type: ignore[arg-type]
    assert caught.value.where.startswith("printer.cfg:")


def test_select_pins_of_another_mcu_are_refused() -> None:
    text = "[mcu other]\nserial: /dev/x\n[tmc2209 stepper_x]\nuart_pin: PC4\nselect_pins: other:PC5\nrun_current: 1\n"
    with pytest.raises(PinError, match="another microcontroller"):
        live(text, None, models={"other": "stm32f446"})  # type: ignore[arg-type]


@pytest.mark.parametrize("chip", CHIPS)
def test_a_motor_without_an_enable_pin_is_switched_by_its_driver(chip: str) -> None:
    driving = []

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        x = printer.drivers["stepper_x"]
        for lines in (
            [AT_ZERO, "G1 Y3 F9000"],
            [AT_ZERO, "G1 X10 F9000"],
            ["M84", "G4 P1000"],
            [AT_ZERO, "G1 X5 F9000"],
        ):
            await host.run(lines, "console")
            driving.append(x.truth.is_driving)
        assert x.truth.unmoved == 0 and set(lost(host, printer).values()) == {0}

    live(two(chip, "spi_bus: spi1\n", "spi_bus: spi1\n"), act, machine=NO_ENABLE)
    assert driving == [False, True, False, True]


@pytest.mark.parametrize("chip", CHIPS)
def test_a_driver_that_was_without_power_is_set_up_before_the_first_step(chip: str) -> None:
    """Motor power comes on after the printer was started: no step is made with the wrong microsteps."""

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        x = printer.drivers["stepper_x"]
        x.befall(Trouble.RESET)
        assert x.register(0x10) != driver(host, f"{chip} stepper_x").shadow.values.get("IHOLD_IRUN", -1)
        await host.run([AT_ZERO, "G1 X10 F9000"], "console")
        assert set(lost(host, printer).values()) == {0} and x.truth.unmoved == 0

    if chip != "tmc2660":  # which does not tell that it was reset
        live(two(chip, "spi_bus: spi1\n", "spi_bus: spi1\n"), act)


def test_microsteps_that_no_driver_has_are_refused() -> None:
    machine = MACHINE.replace("microsteps: 16", "microsteps: 24")
    with pytest.raises(Exception, match="microsteps of \\[stepper_x\\] are 24"):
        live(two("tmc5160", "", ""), None, machine=machine)  # type: ignore[arg-type]


@pytest.mark.parametrize("microsteps", [1, 8, 256])
def test_the_motor_makes_the_steps_that_are_meant_whatever_the_microsteps(microsteps: int) -> None:
    machine = MACHINE.replace("microsteps: 16", f"microsteps: {microsteps}")

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run([AT_ZERO, "G1 X7.3 Y2.1 F1200", "G1 X1.1"], "console")
        assert set(lost(host, printer).values()) == {0}
        part = driver(host, "tmc2130 stepper_x")
        counter = 1023 - printer.drivers["stepper_x"].truth.mscnt
        assert part.phases == 4 * microsteps
        assert part.phase_of(host.steppers["stepper_x"].commanded()) == counter * part.phases // 1024

    live(two("tmc2130", "", ""), act, machine=machine)


def test_a_tmc2660_lowers_its_current_while_the_printer_is_idle() -> None:
    idle = "idle_current_percent: 50\n"

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        part = driver(host, "tmc2660 stepper_x")
        run = part.currents()[0]
        await host.run([AT_ZERO, "G1 X5 F6000"], "console")
        assert part.currents()[0] == run
        await host.run(["G4 P1"], "console")
        await asyncio.sleep(8)
        assert part.currents()[0] == pytest.approx(run / 2, rel=0.05)
        assert printer.drivers["stepper_x"].register(6) & 31 == part.shadow.get("cs")
        await host.run(["G1 X9"], "console")
        await asyncio.sleep(1)
        assert part.currents()[0] == run

    live(two("tmc2660", idle, "") + "[idle_timeout]\ntimeout: 5\ngcode: M400\n", act)
