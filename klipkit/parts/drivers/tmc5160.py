"""[tmc5160 STEPPER]: a driver on SPI for strong motors, with transistors of the board, that feels stalls (stallGuard2).

Registers and reset values: TMC5160 data sheet Rev. 1.17, section 6; current: section 9; stalls: section 12.
"""

from collections.abc import Mapping

from klipkit.base.declare import section
from klipkit.base.pin import Pin
from klipkit.base.rules import exclude
from klipkit.parts.drivers.chip import FAULTS, Chip, Fitted, Silence
from klipkit.parts.drivers.commands import TmcDriver
from klipkit.parts.drivers.config import (
    ChainOptions,
    DiagOptions,
    HighVelocityOptions,
    SilentOptions,
    cs_pin,
    driver_fields,
    fit,
    hold_current,
    run_current,
    sense_resistor,
)
from klipkit.parts.drivers.current import ROOT2, ScaledCurrent
from klipkit.parts.drivers.homing import spread_stalls
from klipkit.parts.drivers.registers import RegisterMap, register
from klipkit.parts.drivers.shown import SHOWN
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.drivers.tables import (
    COIL_CURRENTS,
    COOL_VALUES,
    COOLCONF,
    COUNTERS,
    DRV_STATUS,
    THRESHOLDS,
    WAVE,
    WAVE_SELECT,
    WAVE_START,
    WAVE_VALUES,
)

V_FULL = 0.325  # V, full scale at GLOBALSCALER 256

REGISTERS = RegisterMap(
    [
        register("GLOBALSCALER", 0x0B, "w", "globalscaler 0-7"),
        register("SLAVECONF", 0x03, "w", "slaveaddr 0-7, senddelay 8-11"),
        register("SHORT_CONF", 0x09, "w", "s2vs_level 0-3, s2g_level 8-11, shortfilter 16-17, shortdelay 18"),
        register(
            "DRV_CONF",
            0x0A,
            "w",
            "bbmtime 0-4, bbmclks 8-11, otselect 16-17, drvstrength 18-19, filt_isense 20-21",
        ),
        register("IHOLD_IRUN", 0x10, "w", "ihold 0-4, irun 8-12, iholddelay 16-19"),
        *THRESHOLDS,
        *WAVE,
        WAVE_SELECT,
        WAVE_START,
        COOLCONF,
        register(
            "PWMCONF",
            0x70,
            "w",
            "pwm_ofs 0-7, pwm_grad 8-15, pwm_freq 16-17, pwm_autoscale 18, pwm_autograd 19, freewheel 20-21, "
            "pwm_reg 24-27, pwm_lim 28-31",
        ),
        register(
            "GCONF",
            0x00,
            "rw",
            "recalibrate 0, faststandstill 1, en_pwm_mode 2, multistep_filt 3, shaft 4, diag0_error 5, diag0_otpw 6, "
            "diag0_stall 7, diag1_stall 8, diag1_index 9, diag1_onstate 10, diag1_steps_skipped 11, "
            "diag0_int_pushpull 12, diag1_poscomp_pushpull 13, small_hysteresis 14, stop_enable 15, direct_mode 16, "
            "test_mode 17",
        ),
        register("GSTAT", 0x01, "rw", "reset 0, drv_err 1, uv_cp 2"),
        register("IFCNT", 0x02, "r", "ifcnt 0-7"),
        register(
            "IOIN",
            0x04,
            "r",
            "refl_step 0, refr_dir 1, encb_dcen_cfg4 2, enca_dcin_cfg5 3, drv_enn 4, enc_n_dco_cfg6 5, sd_mode 6, "
            "swcomp_in 7, version 24-31",
        ),
        register("OTP_READ", 0x07, "r", "otp_fclktrim 0-4, otp_s2_level 5, otp_bbm 6, otp_tbl 7"),
        register("FACTORY_CONF", 0x08, "rw", "fclktrim 0-4"),
        register("OFFSET_READ", 0x0C, "r", "offset_b 0-7 signed, offset_a 8-15 signed"),
        *COUNTERS,
        COIL_CURRENTS,
        register(
            "CHOPCONF",
            0x6C,
            "rw",
            "toff 0-3, hstrt 4-6, hend 7-10, fd3 11, disfdcc 12, chm 14, tbl 15-16, vhighfs 18, vhighchm 19, "
            "tpfd 20-23, mres 24-27, intpol 28, dedge 29, diss2g 30, diss2vs 31",
        ),
        DRV_STATUS,
        register("PWM_SCALE", 0x71, "r", "pwm_scale_sum 0-7, pwm_scale_auto 16-24 signed"),
        register("PWM_AUTO", 0x72, "r", "pwm_ofs_auto 0-7, pwm_grad_auto 16-23"),
        register("LOST_STEPS", 0x73, "r", "lost_steps 0-19"),
    ],
    SHOWN,
)
TMC5160 = Chip(
    "tmc5160",
    REGISTERS,
    fixed={},
    free={
        **WAVE_VALUES,
        "multistep_filt": 1, "iholddelay": 6, "tpowerdown": 10, "tbl": 2, "toff": 3, "hend": 2, "hstrt": 5, "fd3": 0,
        "tpfd": 4, "chm": 0, "vhighfs": 0, "vhighchm": 0, "diss2g": 0, "diss2vs": 0, "pwm_autoscale": 1,
        "pwm_autograd": 1, "pwm_freq": 0, "freewheel": 0, "pwm_grad": 0, "pwm_ofs": 30, "pwm_reg": 4, "pwm_lim": 12,
        **COOL_VALUES,
        "drvstrength": 0, "bbmclks": 4, "bbmtime": 0, "filt_isense": 0,
    },
    clock=12e6,
    limit=10.6,
    silence=Silence("en_pwm_mode", 1),
    faults=FAULTS,
)  # fmt: skip


@section(
    "tmc5160 SECTION", refers="stepper", checks=[fit(REGISTERS)], rules=[exclude("diag0_pin", "diag1_pin")]
)
class Tmc5160Config(ChainOptions, DiagOptions, HighVelocityOptions, SilentOptions):
    """A TMC5160 stepper driver on SPI."""

    cs_pin: Pin = cs_pin()
    run_current: float = run_current(TMC5160.limit)
    hold_current: float = hold_current()
    sense_resistor: float = sense_resistor(0.075)
    driver: Mapping[str, int] = driver_fields(TMC5160.free)


class Tmc5160(TmcDriver):
    """A driver on SPI."""

    def __init__(self, config: Tmc5160Config, around: Surroundings) -> None:
        current = ScaledCurrent((V_FULL / config.sense_resistor / ROOT2,))
        wire = around.chained(config, config.cs_pin)
        super().__init__(config, Fitted(TMC5160, wire, current, spread_stalls(config)), around)
