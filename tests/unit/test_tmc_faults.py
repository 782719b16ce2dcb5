"""What befalls drivers in the middle of a move: found within seconds, with its cause, and the printer is stopped."""

import asyncio

import pytest

from klipkit._core import lib
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import DriverFault, DriverSilent
from klipkit.daemon.host import Host
from klipkit.sim.faults import FaultPlan
from klipkit.sim.printer import SimulatedPrinter
from tests.unit.tmc_bench import AT_ZERO, driver, live

UART = "uart_pin: PC4\nrun_current: 0.8\n"
SPI = "cs_pin: PC4\nspi_bus: spi1\nrun_current: 0.8\n"
SECTIONS = {
    "tmc2130": SPI,
    "tmc2208": UART,
    "tmc2209": UART,
    "tmc2240": SPI,
    "tmc2660": SPI + "sense_resistor: 0.1\n",
    "tmc5160": SPI,
}
EACH = ["tmc2130", "tmc2209", "tmc5160"]  # cleared by reading, a UART, SPI
AT = 4.0  # s: the move lasts from about 1 to 11
NOTICED = 2.5  # s


def stopped_by(chip: str, fault: str) -> tuple[KlipkitError, float]:
    """What ends a slow move during which a fault happens, and how long after that."""
    ended: list[tuple[KlipkitError, float]] = []

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        FaultPlan([f"{fault}:stepper_x@{AT}"]).begin(printer)
        with pytest.raises(KlipkitError) as caught:
            await host.run([AT_ZERO, "G1 X100 F600"], "console")
        ended.append((caught.value, printer.cosim.now() - AT))
        assert host.fault.done() and host.fault.result() is caught.value
        await asyncio.sleep(0.5)
        place = printer.carriages["stepper_y"].truth.pulses
        await asyncio.sleep(1)
        assert printer.carriages["stepper_y"].truth.pulses == place
        enable = printer.place(host.loaded.sections["stepper_x"].enable_pin, "")  # type: ignore[attr-defined]
        assert lib.cosim_pin_level(printer.cosim.handle, *enable) == 1  # high is off

    live(f"[{chip} stepper_x]\n{SECTIONS[chip]}", act)
    return ended[0]


@pytest.mark.parametrize("chip", SECTIONS)
def test_a_driver_that_is_too_hot_stops_the_printer_and_says_so(chip: str) -> None:
    error, after = stopped_by(chip, "driver-hot")
    assert isinstance(error, DriverFault) and 0 < after < NOTICED
    assert "TMC 'stepper_x' reports error: " in str(error) and "ot=1(OvertempError!)" in str(error)
    assert "run_current" in error.hint


@pytest.mark.parametrize("chip", [*EACH, "tmc2660"])
def test_a_short_stops_the_printer_and_points_at_the_motors_wires(chip: str) -> None:
    error, after = stopped_by(chip, "driver-short")
    assert isinstance(error, DriverFault) and 0 < after < NOTICED
    assert "s2ga=1(ShortToGND_A!)" in str(error) and "wire of the motor" in error.hint


@pytest.mark.parametrize("chip", SECTIONS)
def test_a_reset_stops_the_printer_and_points_at_the_supply(chip: str) -> None:
    error, after = stopped_by(chip, "driver-reset")
    assert isinstance(error, DriverFault) and 0 < after < NOTICED
    assert ("reset=1(Reset)" if chip != "tmc2660" else "SE=0(Reset?)") in str(error)
    assert "motor supply" in error.hint


@pytest.mark.parametrize("chip", EACH)  # a TMC2660 has no such flag
def test_a_low_voltage_stops_the_printer_and_points_at_the_supply(chip: str) -> None:
    error, after = stopped_by(chip, "driver-low-voltage")
    assert isinstance(error, DriverFault) and 0 < after < NOTICED
    assert "uv_cp=1(Undervoltage!)" in str(error) and "motor supply" in error.hint


@pytest.mark.parametrize("chip", [*EACH, "tmc2660"])
def test_a_driver_that_loses_its_supply_stops_the_printer(chip: str) -> None:
    error, after = stopped_by(chip, "driver-unpowered")
    assert 0 < after < NOTICED
    if chip in ("tmc2208", "tmc2209", "tmc2660"):
        assert isinstance(error, DriverSilent) and "Unable to read tmc" in str(error)
    else:
        assert isinstance(error, DriverFault) and "CS_ACTUAL=0(Reset?)" in str(error)


def test_a_warm_driver_goes_on_and_shows_it() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        FaultPlan(["driver-warm:stepper_x@2"]).begin(printer)
        assert not host.fault.done()
        await host.run([AT_ZERO, "G1 X100 F3000"], "console")
        await asyncio.sleep(2)
        status = driver(host, "tmc2209 stepper_x").status()
        assert status.drv_status is not None and status.drv_status["otpw"] == 1
        await asyncio.sleep(3)

    said = live(f"[tmc2209 stepper_x]\n{UART}", act)
    assert len([line for line in said if "'stepper_x' is warm" in line]) == 1


def test_a_silent_tmc2208_shuts_down_when_it_is_turned_at_once_and_a_tmc2209_does_not() -> None:
    """Step, turn, step within less than a millisecond: what motion takes care not to ask for."""
    for chip, moves in (("tmc2208", False), ("tmc2209", True)):

        async def act(host: Host, printer: SimulatedPrinter, moves: bool = moves) -> None:
            await host.run([AT_ZERO, "G1 X20 F6000"], "console")
            assert printer.drivers["stepper_x"].truth.is_driving
            mcu = host.mcus["mcu"]
            stepper = host.steppers["stepper_x"]
            await asyncio.sleep(1)
            clock = round(mcu.mapping.clock(mcu.print_time() + 0.1))
            mcu.talk.send(f"reset_step_clock oid={stepper.oid} clock={clock % 2**32}")
            for level in (1, 0, 1):
                mcu.talk.send(f"set_next_step_dir oid={stepper.oid} dir={level}")
                mcu.talk.send(
                    f"queue_step oid={stepper.oid} interval={round(mcu.frequency * 300e-6)} count=1 add=0"
                )
            await asyncio.sleep(0.5)
            assert printer.drivers["stepper_x"].truth.is_driving is moves

        live(f"[{chip} stepper_x]\n{UART}stealthchop_threshold: 999999\n", act)


def test_a_print_with_silent_tmc2208s_does_not_make_them_shut_down() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        lines = [
            AT_ZERO,
            "G91",
            *["G1 X0.02 F3000", "G1 X-0.02 F3000", "G1 X0.3 Y0.1 F9000", "G1 X-0.3 F9000"] * 40,
        ]
        await host.run(lines, "console")
        assert printer.drivers["stepper_x"].truth.is_silent
        assert printer.drivers["stepper_x"].truth.is_driving

    live(f"[tmc2208 stepper_x]\n{UART}stealthchop_threshold: 999999\n", act)
