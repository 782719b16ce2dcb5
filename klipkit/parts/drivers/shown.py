"""What fields of drivers' registers mean, in words behind their numbers."""

from collections.abc import Mapping

from klipkit.parts.drivers.chip import MRES_FULL
from klipkit.parts.drivers.registers import Show


def _says(word: str) -> Show:
    return lambda value: f"({word})" if value else ""


SHOWN: Mapping[str, Show] = {
    "mres": lambda value: f"({1 << (MRES_FULL - value)}usteps)" if value <= MRES_FULL else "",
    "vm_uvlo": _says("VMundervoltage!"),
    "register_reset": _says("RegisterReset!"),
    "reset": _says("Reset"),
    "drv_err": _says("ErrorShutdown!"),
    "uv_cp": _says("Undervoltage!"),
    "otpw": _says("OvertempWarning!"),
    "ot": _says("OvertempError!"),
    "s2ga": _says("ShortToGND_A!"),
    "s2gb": _says("ShortToGND_B!"),
    "s2vsa": _says("LowSideShort_A!"),
    "s2vsb": _says("LowSideShort_B!"),
    "ola": _says("OpenLoad_A!"),
    "olb": _says("OpenLoad_B!"),
    "stallguard": _says("Stalled!"),
    "version": lambda value: f"({value:#x})",
}
