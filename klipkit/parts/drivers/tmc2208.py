"""[tmc2208 STEPPER]: a driver on a UART (TMC2208, TMC2224, TMC2225), silent if wanted.

Registers and reset values: TMC220x data sheet Rev. 1.09, section 5; current: section 9.
"""

from collections.abc import Mapping

from klipkit.base.declare import option, section
from klipkit.base.values import integer
from klipkit.parts.drivers.chip import FAULTS, Chip, Fitted, Silence
from klipkit.parts.drivers.commands import TmcDriver
from klipkit.parts.drivers.config import (
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

V_HIGH, V_LOW = 0.325, 0.180  # V, full scale for vsense 0 and 1
INTERNAL = 0.020  # ohm, of the bond wires, in line with the sense resistor

REGISTERS_2208 = (
    register("SLAVECONF", 0x03, "w", "senddelay 8-11"),
    register("IHOLD_IRUN", 0x10, "w", "ihold 0-4, irun 8-12, iholddelay 16-19"),
    register("TPOWERDOWN", 0x11, "w", "tpowerdown 0-7"),
    register("TPWMTHRS", 0x13, "w", "tpwmthrs 0-19"),
    register(
        "GCONF",
        0x00,
        "rw",
        "i_scale_analog 0, internal_rsense 1, en_spreadcycle 2, shaft 3, index_otpw 4, index_step 5, "
        "pdn_disable 6, mstep_reg_select 7, multistep_filt 8, test_mode 9",
    ),
    register("GSTAT", 0x01, "rw", "reset 0, drv_err 1, uv_cp 2"),
    register("IFCNT", 0x02, "r", "ifcnt 0-7"),
    register(
        "OTP_READ",
        0x05,
        "r",
        "otp_fclktrim 0-4, otp_ottrim 5, otp_internalrsense 6, otp_tbl 7, otp_pwm_grad 8-11",
    ),
    register(
        "IOIN", 0x06, "r", "enn 0, ms1 2, ms2 3, diag 4, pdn_uart 6, step 7, sel_a 8, dir 9, version 24-31"
    ),
    register("FACTORY_CONF", 0x07, "rw", "fclktrim 0-4, ottrim 8-9"),
    register("TSTEP", 0x12, "r", "tstep 0-19"),
    register("MSCNT", 0x6A, "r", "mscnt 0-9"),
    register("MSCURACT", 0x6B, "r", "cur_a 0-8 signed, cur_b 16-24 signed"),
    register(
        "CHOPCONF",
        0x6C,
        "rw",
        "toff 0-3, hstrt 4-6, hend 7-10, tbl 15-16, vsense 17, mres 24-27, intpol 28, dedge 29, diss2g 30, diss2vs 31",
    ),
    register(
        "DRV_STATUS",
        0x6F,
        "r",
        "otpw 0, ot 1, s2ga 2, s2gb 3, s2vsa 4, s2vsb 5, ola 6, olb 7, t120 8, t143 9, t150 10, t157 11, "
        "cs_actual 16-20, stealth 30, stst 31",
    ),
    register(
        "PWMCONF",
        0x70,
        "rw",
        "pwm_ofs 0-7, pwm_grad 8-15, pwm_freq 16-17, pwm_autoscale 18, pwm_autograd 19, freewheel 20-21, "
        "pwm_reg 24-27, pwm_lim 28-31",
    ),
    register("PWM_SCALE", 0x71, "r", "pwm_scale_sum 0-7, pwm_scale_auto 16-24 signed"),
    register("PWM_AUTO", 0x72, "r", "pwm_ofs_auto 0-7, pwm_grad_auto 16-23"),
)


# The UART's pin is not to be taken for standby, microsteps come from the register; three drivers may share a line.
FIXED = {"senddelay": 2, "i_scale_analog": 0, "pdn_disable": 1, "mstep_reg_select": 1}
FREE = {
    "multistep_filt": 1, "iholddelay": 8, "tpowerdown": 20, "tbl": 2, "toff": 3, "hend": 0, "hstrt": 5,
    "pwm_autograd": 1, "pwm_autoscale": 1, "pwm_lim": 12, "pwm_reg": 8, "pwm_freq": 1, "pwm_grad": 14, "pwm_ofs": 36,
    "freewheel": 0,
}  # fmt: skip
TABLE = RegisterMap(REGISTERS_2208, SHOWN)
TMC2208 = Chip(
    "tmc2208",
    TABLE,
    fixed=FIXED,
    free=FREE,
    clock=12e6,
    limit=2.0,
    silence=Silence("en_spreadcycle", 0),
    faults=FAULTS,
)


@section("tmc2208 SECTION", refers="stepper", checks=[fit(TABLE)])
class Tmc2208Config(UartOptions, SilentOptions):
    """A TMC2208 (or TMC2224) stepper driver on a UART."""

    uart_address: int = option(integer(minimum=0, maximum=0), "Its address, which is 0.", default=0)
    run_current: float = run_current(TMC2208.limit)
    hold_current: float = hold_current()
    sense_resistor: float = sense_resistor(0.110)
    driver: Mapping[str, int] = driver_fields(TMC2208.free)


class Tmc2208(TmcDriver):
    """A driver on a UART."""

    def __init__(self, config: Tmc2208Config, around: Surroundings) -> None:
        current = SenseCurrent(config.sense_resistor + INTERNAL, V_HIGH, V_LOW)
        super().__init__(config, Fitted(TMC2208, around.uart(config, config.uart_pin), current), around)
