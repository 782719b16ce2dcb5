"""The fields that a section sets: the chip's usual ones, its own, its mode thresholds and its current.

TSTEP = clock of the chip * way of 1/256 full step / speed   (data sheets, "Velocity Dependent Driver Feature Control")
"""

from collections.abc import Mapping

from klipkit.base.errors import OptionValue
from klipkit.parts.drivers.chip import MRES_FULL, Chip, Fitted
from klipkit.parts.drivers.config import CoolStepOptions, DriverOptions, HighVelocityOptions, SilentOptions

FINEST = 256  # microsteps of a full step
TSTEP_MOST = (1 << 20) - 1  # slower is not measured


def tstep(clock: float, full_step: float, velocity: float) -> int:
    """Clocks for 1/256 full step at a speed, mm/s, when a full step is so many mm; at 0 the most there is."""
    if velocity <= 0:
        return TSTEP_MOST
    return min(TSTEP_MOST, round(clock * full_step / FINEST / velocity))


def check_microsteps(config: DriverOptions, microsteps: int) -> None:
    """Raises OptionValue for microsteps of its stepper that no driver has."""
    if microsteps > FINEST or microsteps & (microsteps - 1):
        what = (
            f"microsteps of [{config.stepper}] are {microsteps}, which [{config.source.name}] does not have"
        )
        raise OptionValue(what, where=config.source.where(), hint="write 1, 2, 4, 8 ... or 256")


def mres_of(microsteps: int) -> int:
    """The field for microsteps, a power of two of 256 at most."""
    return MRES_FULL - (microsteps.bit_length() - 1)


def mode_fields(chip: Chip, config: DriverOptions, full_step: float) -> Mapping[str, int]:
    """The fields for the thresholds of the section: none for what the chip or the section does not have."""
    found: dict[str, int] = {}
    if chip.silence is not None and isinstance(config, SilentOptions):
        silent = config.stealthchop_threshold > 0
        found[chip.silence.field] = chip.silence.value if silent else 1 - chip.silence.value
        found["tpwmthrs"] = tstep(chip.clock, full_step, config.stealthchop_threshold)
    if isinstance(config, CoolStepOptions):
        speed = config.coolstep_threshold
        found["tcoolthrs"] = 0 if speed is None else tstep(chip.clock, full_step, speed)
    if isinstance(config, HighVelocityOptions):
        speed = config.high_velocity_threshold
        found["thigh"] = 0 if speed is None else tstep(chip.clock, full_step, speed)
    return found


def all_fields(
    fitted: Fitted, config: DriverOptions, microsteps: int, full_step: float, both_edges: bool
) -> Mapping[str, int]:
    """All fields that are set at first, in their order."""
    chip = fitted.chip
    interpolates = config.interpolate and microsteps in (chip.interpolates or (microsteps,))
    steps = {"mres": mres_of(microsteps), "intpol": int(interpolates), "dedge": int(both_edges)}
    run: float = config.run_current  # type: ignore[attr-defined]
    current = fitted.current.fields(run, getattr(config, "hold_current", run))
    return {
        **chip.fields,
        **mode_fields(chip, config, full_step),
        **config.fields,
        **steps,
        **current,
    }
