"""[tmc2240 STEPPER]: a driver on SPI or a UART, without sense resistors, that knows its temperature and feels stalls.

Registers and reset values: TMC2240 data sheet Rev. 3, "Register Map"; current: "Setting the Motor Current";
temperature: "ADC_TEMP".
"""

from collections.abc import Mapping

from klipkit.base.declare import option, section
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.rules import exclude, one_of
from klipkit.base.values import integer, number
from klipkit.parts.drivers.chip import FAULTS, Chip, Fitted, Silence, Wire
from klipkit.parts.drivers.commands import TmcDriver
from klipkit.parts.drivers.config import (
    ChainOptions,
    DiagOptions,
    HighVelocityOptions,
    LineOptions,
    SilentOptions,
    driver_fields,
    fit,
    hold_current,
    run_current,
)
from klipkit.parts.drivers.current import ROOT2, ScaledCurrent
from klipkit.parts.drivers.homing import silent_stalls, spread_stalls
from klipkit.parts.drivers.registers import RegisterMap, register
from klipkit.parts.drivers.shown import SHOWN
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.drivers.tables import (
    COOL_VALUES,
    COOLCONF,
    COUNTERS,
    DRV_STATUS,
    THRESHOLDS,
    WAVE,
    WAVE_SELECT,
    WAVE_VALUES,
)

RANGES = (11750.0, 24000.0, 36000.0)  # A ohm, K_IFS of CURRENT_RANGE 0, 1, 2
WARM, STEP = 2038, 7.7  # ADC_TEMP at 0 degrees C, and for a degree

REGISTERS = RegisterMap(
    [
        register("SLAVECONF", 0x03, "w", "slaveaddr 0-7, senddelay 8-11"),
        register("DRV_CONF", 0x0A, "w", "current_range 0-1, slope_control 4-5"),
        register("GLOBALSCALER", 0x0B, "w", "globalscaler 0-7"),
        register("IHOLD_IRUN", 0x10, "w", "ihold 0-4, irun 8-12, iholddelay 16-19, irundelay 24-27"),
        *THRESHOLDS,
        *WAVE,
        WAVE_SELECT,
        register("MSLUTSTART", 0x69, "w", "start_sin 0-7, start_sin90 16-23, offset_sin90 24-31 signed"),
        COOLCONF,
        register(
            "PWMCONF",
            0x70,
            "w",
            "pwm_ofs 0-7, pwm_grad 8-15, pwm_freq 16-17, pwm_autoscale 18, pwm_autograd 19, freewheel 20-21, "
            "pwm_meas_sd_enable 22, pwm_dis_reg_stst 23, pwm_reg 24-27, pwm_lim 28-31",
        ),
        register("SG4_THRS", 0x74, "w", "sg4_thrs 0-7, sg4_filt_en 8, sg4_angle_offset 9"),
        register(
            "GCONF",
            0x00,
            "rw",
            "fast_standstill 1, en_pwm_mode 2, multistep_filt 3, shaft 4, diag0_error 5, diag0_otpw 6, diag0_stall 7, "
            "diag1_stall 8, diag1_index 9, diag1_onstate 10, diag0_pushpull 12, diag1_pushpull 13, "
            "small_hysteresis 14, stop_enable 15, direct_mode 16",
        ),
        register("GSTAT", 0x01, "rw", "reset 0, drv_err 1, uv_cp 2, register_reset 3, vm_uvlo 4"),
        register("IFCNT", 0x02, "r", "ifcnt 0-7"),
        register(
            "IOIN",
            0x04,
            "r",
            "step 0, dir 1, encb 2, enca 3, drv_enn 4, encn 5, uart_en 6, comp_a 8, comp_b 9, comp_a1_a2 10, "
            "comp_b1_b2 11, output 12, ext_res_det 13, ext_clk 14, adc_err 15, silicon_rv 16-18, version 24-31",
        ),
        *COUNTERS,
        register("MSCURACT", 0x6B, "r", "cur_b 0-8 signed, cur_a 16-24 signed"),
        register("ADC_VSUPPLY_AIN", 0x50, "r", "adc_vsupply 0-12, adc_ain 16-28"),
        register("ADC_TEMP", 0x51, "r", "adc_temp 0-12"),
        register("OTW_OV_VTH", 0x52, "rw", "overvoltage_vth 0-12, overtempprewarning_vth 16-28"),
        register(
            "CHOPCONF",
            0x6C,
            "rw",
            "toff 0-3, hstrt 4-6, hend 7-10, fd3 11, disfdcc 12, chm 14, tbl 15-16, vhighfs 18, vhighchm 19, "
            "tpfd 20-23, mres 24-27, intpol 28, dedge 29, diss2g 30, diss2vs 31",
        ),
        DRV_STATUS,
        register("PWM_SCALE", 0x71, "r", "pwm_scale_sum 0-9, pwm_scale_auto 16-24 signed"),
        register("PWM_AUTO", 0x72, "r", "pwm_ofs_auto 0-7, pwm_grad_auto 16-23"),
        register("SG4_RESULT", 0x75, "r", "sg4_result 0-9"),
        register("SG4_IND", 0x76, "r", "sg4_ind_0 0-7, sg4_ind_1 8-15, sg4_ind_2 16-23, sg4_ind_3 24-31"),
    ],
    SHOWN,
)
TMC2240 = Chip(
    "tmc2240",
    REGISTERS,
    fixed={"senddelay": 2},
    free={
        **WAVE_VALUES,
        "offset_sin90": 0, "multistep_filt": 1, "iholddelay": 6, "irundelay": 4, "tpowerdown": 10, "tbl": 2,
        "toff": 3, "hend": 2, "hstrt": 5, "fd3": 0, "tpfd": 4, "chm": 0, "vhighfs": 0, "vhighchm": 0, "diss2g": 0,
        "diss2vs": 0, "pwm_autoscale": 1, "pwm_autograd": 1, "pwm_freq": 0, "freewheel": 0, "pwm_grad": 0,
        "pwm_ofs": 29, "pwm_reg": 4, "pwm_lim": 12,
        **COOL_VALUES,
        "sg4_thrs": 0, "sg4_angle_offset": 1, "slope_control": 0,
    },
    clock=12.5e6,
    limit=3.0,
    silence=Silence("en_pwm_mode", 1),
    faults=FAULTS,
    temperature=lambda value: round((value - WARM) / STEP, 2),
)  # fmt: skip


@section(
    "tmc2240 SECTION",
    refers="stepper",
    checks=[fit(REGISTERS)],
    rules=[
        one_of("cs_pin", "uart_pin"),
        exclude("diag0_pin", "diag1_pin"),
        exclude("driver_sgt", "driver_sg4_thrs"),
    ],
)
class Tmc2240Config(LineOptions, ChainOptions, DiagOptions, HighVelocityOptions, SilentOptions):
    """A TMC2240 stepper driver on SPI or a UART."""

    cs_pin: Pin | None = option(pin(PinUse.OUTPUT), "The chip select of the driver's SPI.", default=None)
    uart_pin: Pin | None = option(
        pin(PinUse.UART),
        "The pin connected to the driver's DIAG1/SW, for UART in place of SPI.",
        default=None,
    )
    uart_address: int = option(integer(minimum=0, maximum=7), "The driver's address on its line.", default=3)
    run_current: float = run_current(TMC2240.limit)
    hold_current: float = hold_current()
    rref: float = option(
        number(minimum=12000, maximum=60000),
        "The resistor between IREF and ground.",
        unit="ohm",
        default=12000.0,
    )
    driver: Mapping[str, int] = driver_fields(TMC2240.free)


class Tmc2240(TmcDriver):
    """A driver on SPI or a UART."""

    def __init__(self, config: Tmc2240Config, around: Surroundings) -> None:
        current = ScaledCurrent(
            tuple(scale / config.rref / ROOT2 for scale in RANGES), range_field="current_range"
        )
        homing = silent_stalls(config) if config.fields.get("sg4_thrs") else spread_stalls(config)
        super().__init__(config, Fitted(TMC2240, _wire(config, around), current, homing), around)


def _wire(config: Tmc2240Config, around: Surroundings) -> Wire:
    if config.uart_pin is not None:
        return around.uart(config, config.uart_pin, config.uart_address)
    assert config.cs_pin is not None
    return around.chained(config, config.cs_pin)
