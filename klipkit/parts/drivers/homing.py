"""How drivers with two DIAG outputs signal a stall while they home.

stallGuard2 works in spreadCycle, for speeds between TCOOLTHRS and THIGH: all, meanwhile. stallGuard4 works in
stealthChop, below the speed of TPWMTHRS. (TMC5160 data sheet section 12; TMC2240 "StallGuard2", "StallGuard4".)
"""

from klipkit.parts.drivers.chip import Homing
from klipkit.parts.drivers.config import DiagOptions
from klipkit.parts.drivers.settings import TSTEP_MOST


def _output(config: DiagOptions) -> dict[str, int]:
    return {"diag0_stall": 1} if config.diag0_pin is not None else {"diag1_stall": 1}


def spread_stalls(config: DiagOptions) -> Homing | None:
    """By stallGuard2; None without a DIAG pin."""
    if config.diag is None:
        return None
    return Homing(silent=False, fields={**_output(config), "tcoolthrs": TSTEP_MOST, "thigh": 0})


def silent_stalls(config: DiagOptions) -> Homing | None:
    """By stallGuard4; None without a DIAG pin."""
    if config.diag is None:
        return None
    return Homing(silent=True, fields={**_output(config), "tpwmthrs": 0, "tcoolthrs": TSTEP_MOST, "thigh": 0})
