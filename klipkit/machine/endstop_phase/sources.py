"""Who tells a stepper's phase: its driver, or the count of its steps where both are reset together.

A driver begins at phase 0 when it is switched on, the MCU counts steps from its own reset on. Only where both are
reset together, as when both live on the USB power that the host switches, does the count tell the phase.
"""

from collections.abc import Mapping, Sequence

from klipkit.base.pin import MAIN_MCU
from klipkit.base.schema import Loaded
from klipkit.machine.endstop_phase.rails import PhaseRail
from klipkit.machine.kinematics import motors
from klipkit.mcu.config import McuConfig, RestartMethod
from klipkit.parts.phases import PhaseSource

CANNOT_TELL = "the driver cannot tell its phase, and it is not reset together with its microcontroller"
RESET_TOGETHER = (
    "a driver in run-time configuration can tell; or one on USB power alone, with restart_method: rpi_usb"
)


class Counted(PhaseSource):
    """A driver that is reset whenever its MCU is: it was at phase 0 at the MCU's position 0."""

    def __init__(self, stepper: str, phases: int) -> None:
        self.stepper = stepper
        self.phases = phases

    async def measure(self) -> None:
        """There is nothing to be asked."""

    @property
    def unknown(self) -> str:
        """It is always known."""
        return ""

    @property
    def offset(self) -> int:
        """It began at 0."""
        return 0


def sources_of(
    loaded: Loaded, rails: Mapping[str, PhaseRail], drivers: Sequence[PhaseSource]
) -> dict[str, PhaseSource]:
    """By stepper, of those of which it can be told."""
    found: dict[str, PhaseSource] = {
        rail.stepper: Counted(rail.stepper, rail.phases)
        for rail in rails.values()
        if _is_reset_together(loaded, rail.stepper)
    }
    return {**found, **{driver.stepper: driver for driver in drivers if driver.stepper in rails}}


def _is_reset_together(loaded: Loaded, stepper: str) -> bool:
    config = next(motor.config for motor in motors(loaded) if motor.name == stepper)
    chip = config.step_pin.chip
    mcu = loaded.sections.get(chip if chip == MAIN_MCU else f"mcu {chip}")
    return isinstance(mcu, McuConfig) and mcu.restart_method is RestartMethod.RPI_USB
