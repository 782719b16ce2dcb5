"""[tmc2209 STEPPER]: a driver on a UART, of which four share a line; silent, and feels stalls (stallGuard4).

Registers and reset values: TMC2209 data sheet Rev. 1.09, section 5; stalls: section 11.
"""

from collections.abc import Mapping

from klipkit.base.declare import option, section
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.values import integer
from klipkit.parts.drivers.chip import FAULTS, Chip, Fitted, Homing, Silence
from klipkit.parts.drivers.commands import TmcDriver
from klipkit.parts.drivers.config import (
    CoolStepOptions,
    SilentOptions,
    UartOptions,
    driver_fields,
    fit,
    hold_current,
    run_current,
    sense_resistor,
)
from klipkit.parts.drivers.current import SenseCurrent
from klipkit.parts.drivers.registers import RegisterMap, register
from klipkit.parts.drivers.shown import SHOWN
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.drivers.tmc2208 import FIXED, FREE, INTERNAL, REGISTERS_2208, V_HIGH, V_LOW

REGISTERS = RegisterMap(
    [
        *REGISTERS_2208,
        register("TCOOLTHRS", 0x14, "w", "tcoolthrs 0-19"),
        register("SGTHRS", 0x40, "w", "sgthrs 0-7"),
        register("SG_RESULT", 0x41, "r", "sg_result 0-9"),
        register("COOLCONF", 0x42, "w", "semin 0-3, seup 5-6, semax 8-11, sedn 13-14, seimin 15"),
    ],
    SHOWN,
)
MORE = {"sgthrs": 0, "semin": 0, "seup": 0, "semax": 0, "sedn": 0, "seimin": 0}
TMC2209 = Chip(
    "tmc2209",
    REGISTERS,
    fixed=FIXED,
    free={**FREE, **MORE},
    clock=12e6,
    limit=2.0,
    silence=Silence("en_spreadcycle", 0),
    faults=FAULTS,
)
# It feels stalls when silent only, and signals them below the speeds of these thresholds (section 11.2).
HOMING = Homing(silent=True, fields={"tpwmthrs": 0, "tcoolthrs": 0xFFFFF})


@section("tmc2209 SECTION", refers="stepper", checks=[fit(REGISTERS)])
class Tmc2209Config(UartOptions, CoolStepOptions, SilentOptions):
    """A TMC2209 stepper driver on a UART."""

    uart_address: int = option(
        integer(minimum=0, maximum=3), "The driver's address on its line, by MS1 and MS2.", default=0
    )
    run_current: float = run_current(TMC2209.limit)
    hold_current: float = hold_current()
    sense_resistor: float = sense_resistor(0.110)
    driver: Mapping[str, int] = driver_fields(TMC2209.free)
    diag_pin: Pin | None = option(
        pin(PinUse.INPUT),
        "The pin connected to DIAG; then tmc2209_stepper_x:virtual_endstop is an endstop that feels the rail's end.",
        default=None,
    )

    @property
    def diag(self) -> Pin | None:
        return self.diag_pin


class Tmc2209(TmcDriver):
    """A driver on a UART."""

    def __init__(self, config: Tmc2209Config, around: Surroundings) -> None:
        current = SenseCurrent(config.sense_resistor + INTERNAL, V_HIGH, V_LOW)
        wire = around.uart(config, config.uart_pin, config.uart_address)
        super().__init__(config, Fitted(TMC2209, wire, current, HOMING), around)
