"""What knows the electrical phase of a stepper: its driver, when it counts microsteps.

    MCU position    ... 1018  1019  1020  1021  1022 ...      whole steps, as mcu/stepper.py counts them
    phase           ...   62    63     0     1     2 ...      of 64: 16 microsteps, four full steps a turn of the phase

A part that needs phases asks for `sources: Sequence[PhaseSource]` in its constructor and takes the one whose `stepper`
is its own. A stepper without a source has phases too, only where they begin is not known: nobody can ask such a driver.
"""

from abc import ABC, abstractmethod


class PhaseSource(ABC):
    """The phases of one stepper. A driver's part derives from this."""

    stepper: str  # its section, as "stepper_x"
    phases: int  # in a turn: 4 * microsteps

    @abstractmethod
    async def measure(self) -> None:
        """Ask the driver, while the stepper stands still; when it is known already, nothing happens.

        Raises KlipkitError when the driver does not answer.
        """

    @property
    @abstractmethod
    def unknown(self) -> str:
        """Why the phase is not known, in words for people: "the driver was not asked yet"; empty when it is known."""

    @property
    @abstractmethod
    def offset(self) -> int | None:
        """The phase at MCU position 0, in 0 .. phases - 1; None while it is not known."""

    def phase_of(self, mcu_position: int) -> int | None:
        """The phase at an MCU position (`Stepper.commanded()`, `Stopped.at_trigger`); None while it is not known."""
        return None if self.offset is None else (mcu_position + self.offset) % self.phases
