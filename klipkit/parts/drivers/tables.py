"""Registers that drivers on SPI have alike (TMC2130, TMC5160, TMC2240), and the wave table's usual values.

Data sheets: TMC2130 Rev. 1.11 section 6, TMC5160 Rev. 1.17 section 6, TMC2240 Rev. 3 "Register Map".
"""

from klipkit.parts.drivers.registers import register

THRESHOLDS = (
    register("TPOWERDOWN", 0x11, "w", "tpowerdown 0-7"),
    register("TPWMTHRS", 0x13, "w", "tpwmthrs 0-19"),
    register("TCOOLTHRS", 0x14, "w", "tcoolthrs 0-19"),
    register("THIGH", 0x15, "w", "thigh 0-19"),
)
WAVE = tuple(register(f"MSLUT{number}", 0x60 + number, "w", f"mslut{number} 0-31") for number in range(8))
WAVE_SELECT = register("MSLUTSEL", 0x68, "w", "w0 0-1, w1 2-3, w2 4-5, w3 6-7, x1 8-15, x2 16-23, x3 24-31")
WAVE_START = register("MSLUTSTART", 0x69, "w", "start_sin 0-7, start_sin90 16-23")
COOLCONF = register(
    "COOLCONF",
    0x6D,
    "w",
    "semin 0-3, seup 5-6, semax 8-11, sedn 13-14, seimin 15, sgt 16-22 signed, sfilt 24",
)
COUNTERS = (register("TSTEP", 0x12, "r", "tstep 0-19"), register("MSCNT", 0x6A, "r", "mscnt 0-9"))
COIL_CURRENTS = register("MSCURACT", 0x6B, "r", "cur_a 0-8 signed, cur_b 16-24 signed")
DRV_STATUS = register(
    "DRV_STATUS",
    0x6F,
    "r",
    "sg_result 0-9, s2vsa 12, s2vsb 13, stealth 14, fsactive 15, cs_actual 16-20, stallguard 24, ot 25, otpw 26, "
    "s2ga 27, s2gb 28, ola 29, olb 30, stst 31",
)
WAVE_VALUES = {
    "mslut0": 0xAAAAB554, "mslut1": 0x4A9554AA, "mslut2": 0x24492929, "mslut3": 0x10104222, "mslut4": 0xFBFFFFFF,
    "mslut5": 0xB5BB777D, "mslut6": 0x49295556, "mslut7": 0x00404222, "w0": 2, "w1": 1, "w2": 1, "w3": 1, "x1": 128,
    "x2": 255, "x3": 255, "start_sin": 0, "start_sin90": 247,
}  # fmt: skip
COOL_VALUES = {"sgt": 0, "semin": 0, "seup": 0, "semax": 0, "sedn": 0, "seimin": 0, "sfilt": 0}
