"""The config sections [endstop_phase] and [endstop_phase SECTION]."""

from klipkit.base.declare import Declared, option, section
from klipkit.base.values import boolean, integer, number, pair

NAME = "endstop_phase"
FULL_STEPS = 4  # in which the phase of a stepper turns once
FORMERLY = "write trigger_phase: 12/64, as ENDSTOP_PHASE_CALIBRATE finds it"


@section(NAME, always=True)
class EndstopPhaseConfig(Declared):
    """ENDSTOP_PHASE_CALIBRATE, and the object that tells of phases.

    The section has no options and need not be written.
    """


@section(f"{NAME} SECTION", refers="stepper", removed={"phase": FORMERLY})
class StepperPhaseConfig(Declared):
    """The endstop of this stepper is corrected by the stepper's phase."""

    trigger_phase: tuple[int, int] | None = option(
        pair(integer(minimum=0), integer(minimum=1), "/"),
        "The phase at the trigger, and of how many: 12/64. Without it that of the first homing counts until the "
        "microcontroller is reset.",
        default=None,
    )
    endstop_accuracy: float | None = option(
        number(above=0),
        "How far the places at which the endstop triggers are apart at most; a trigger outside is an error.",
        unit="mm",
        default=None,
        said="4 full steps",
    )
    endstop_align_zero: bool = option(
        boolean(),
        "Move position_endstop by up to half a full step, so that position 0 is a full step of the motor.",
        default=False,
    )
