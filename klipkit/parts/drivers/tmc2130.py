"""[tmc2130 STEPPER]: a driver on SPI, silent if wanted, that feels stalls (stallGuard2).

Registers and reset values: TMC2130 data sheet Rev. 1.11, section 6; current: section 10; stalls: section 14.
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
from klipkit.parts.drivers.current import SenseCurrent
from klipkit.parts.drivers.homing import spread_stalls
from klipkit.parts.drivers.registers import RegisterMap, register
from klipkit.parts.drivers.shown import SHOWN
from klipkit.parts.drivers.surroundings import Surroundings
from klipkit.parts.drivers.tables import (
    COIL_CURRENTS,
    COOL_VALUES,
    COOLCONF,
    COUNTERS,
    THRESHOLDS,
    WAVE,
    WAVE_SELECT,
    WAVE_START,
    WAVE_VALUES,
)

V_HIGH, V_LOW = 0.32, 0.18  # V, full scale for vsense 0 and 1
INTERNAL = 0.020  # ohm, in line with the sense resistor

REGISTERS = RegisterMap(
    [
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
            "pwm_ampl 0-7, pwm_grad 8-15, pwm_freq 16-17, pwm_autoscale 18, pwm_symmetric 19, freewheel 20-21",
        ),
        register(
            "GCONF",
            0x00,
            "rw",
            "i_scale_analog 0, internal_rsense 1, en_pwm_mode 2, enc_commutation 3, shaft 4, diag0_error 5, "
            "diag0_otpw 6, diag0_stall 7, diag1_stall 8, diag1_index 9, diag1_onstate 10, diag1_steps_skipped 11, "
            "diag0_int_pushpull 12, diag1_pushpull 13, small_hysteresis 14, stop_enable 15, direct_mode 16, "
            "test_mode 17",
        ),
        register("GSTAT", 0x01, "r", "reset 0, drv_err 1, uv_cp 2"),
        register(
            "IOIN",
            0x04,
            "r",
            "step 0, dir 1, dcen_cfg4 2, dcin_cfg5 3, drv_enn_cfg6 4, dco 5, version 24-31",
        ),
        *COUNTERS,
        COIL_CURRENTS,
        register(
            "CHOPCONF",
            0x6C,
            "rw",
            "toff 0-3, hstrt 4-6, hend 7-10, fd3 11, disfdcc 12, rndtf 13, chm 14, tbl 15-16, vsense 17, vhighfs 18, "
            "vhighchm 19, sync 20-23, mres 24-27, intpol 28, dedge 29, diss2g 30",
        ),
        register(
            "DRV_STATUS",
            0x6F,
            "r",
            "sg_result 0-9, fsactive 15, cs_actual 16-20, stallguard 24, ot 25, otpw 26, s2ga 27, s2gb 28, ola 29, "
            "olb 30, stst 31",
        ),
        register("PWM_SCALE", 0x71, "r", "pwm_scale 0-7"),
        register("LOST_STEPS", 0x73, "r", "lost_steps 0-19"),
    ],
    SHOWN,
)
TMC2130 = Chip(
    "tmc2130",
    REGISTERS,
    fixed={},
    free={
        **WAVE_VALUES,
        "iholddelay": 8, "tpowerdown": 0, "tbl": 1, "toff": 4, "hend": 7, "hstrt": 0, "vhighfs": 0, "vhighchm": 0,
        "pwm_autoscale": 1, "pwm_freq": 1, "pwm_grad": 4, "pwm_ampl": 128, "freewheel": 0,
        **COOL_VALUES,
    },
    clock=13.2e6,
    limit=2.0,
    silence=Silence("en_pwm_mode", 1),
    faults=FAULTS,
)  # fmt: skip


@section(
    "tmc2130 SECTION", refers="stepper", checks=[fit(REGISTERS)], rules=[exclude("diag0_pin", "diag1_pin")]
)
class Tmc2130Config(ChainOptions, DiagOptions, HighVelocityOptions, SilentOptions):
    """A TMC2130 stepper driver on SPI."""

    cs_pin: Pin = cs_pin()
    run_current: float = run_current(TMC2130.limit)
    hold_current: float = hold_current()
    sense_resistor: float = sense_resistor(0.110)
    driver: Mapping[str, int] = driver_fields(TMC2130.free)


class Tmc2130(TmcDriver):
    """A driver on SPI."""

    def __init__(self, config: Tmc2130Config, around: Surroundings) -> None:
        current = SenseCurrent(config.sense_resistor + INTERNAL, V_HIGH, V_LOW)
        wire = around.chained(config, config.cs_pin)
        super().__init__(config, Fitted(TMC2130, wire, current, spread_stalls(config)), around)
