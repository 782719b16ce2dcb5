"""G-code of stepper drivers: what DUMP_TMC and its kin say, for each chip."""

import os
from pathlib import Path

import pytest

from klipkit.base.errors import KlipkitError
from klipkit.daemon.host import Host
from klipkit.sim.printer import SimulatedPrinter
from tests.unit.tmc_bench import AT_ZERO, live

FOLDER = Path(__file__).parent / "tmc"
UART = "uart_pin: PC4\nrun_current: 0.8\n"
SPI = "cs_pin: PC4\nspi_bus: spi1\nrun_current: 0.8\n"
SECTIONS = {
    "tmc2130": SPI + "stealthchop_threshold: 100\n",
    "tmc2208": UART + "hold_current: 0.5\n",
    "tmc2209": UART + "driver_SGTHRS: 100\ncoolstep_threshold: 20\n",
    "tmc2240": SPI + "high_velocity_threshold: 200\n",
    "tmc2660": SPI + "sense_resistor: 0.1\n",
    "tmc5160": SPI + "driver_SGT: -3\n",
}
LINES = (
    AT_ZERO,
    "G1 X10 F6000",
    "G4 P2000",
    "DUMP_TMC STEPPER=stepper_x",
    "SET_TMC_CURRENT STEPPER=stepper_x",
    "SET_TMC_CURRENT STEPPER=stepper_x CURRENT=0.6",
    "SET_TMC_CURRENT STEPPER=stepper_x CURRENT=0.6 HOLDCURRENT=0.3",
    "SET_TMC_FIELD STEPPER=stepper_x FIELD=toff VALUE=5",
    "SET_TMC_FIELD STEPPER=stepper_x FIELD=TPWMTHRS VELOCITY=50",
    "DUMP_TMC STEPPER=stepper_x REGISTER=tpwmthrs",
    "DUMP_TMC STEPPER=stepper_x REGISTER=CHOPCONF",
    "INIT_TMC STEPPER=stepper_x",
    "DUMP_TMC STEPPER=stepper_x REGISTER=GSTATT",
    "SET_TMC_CURRENT STEPPER=stepper_x CURRENT=50",
    "SET_TMC_CURRENT STEPPER=stepper_x CURRENT=0",
    "SET_TMC_FIELD STEPPER=stepper_x FIELD=tof VALUE=1",
    "SET_TMC_FIELD STEPPER=stepper_x FIELD=toff VALUE=16",
    "SET_TMC_FIELD STEPPER=stepper_x FIELD=toff",
    "DUMP_TMC STEPPER=stepper_y",
)


@pytest.mark.parametrize("chip", SECTIONS)
def test_what_drivers_say(chip: str) -> None:
    told: list[str] = []

    async def act(host: Host, printer: SimulatedPrinter) -> None:
        host.responses.listen(told.append)
        for line in LINES:
            told.append(f"> {line}")
            try:
                await host.run([line], "console")
            except KlipkitError as error:
                told.append(f"!! {error}")

    live(f"[{chip} stepper_x]\n{SECTIONS[chip]}", act)
    text, file = "\n".join([*told, ""]), FOLDER / f"{chip}.txt"
    if os.environ.get("KLIPKIT_ACCEPT"):
        file.write_text(text)
    assert text == file.read_text()
