"""What a driver chip is, as data: its registers, what they are set to, and what its status tells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from klipkit.parts.drivers.current import Current
from klipkit.parts.drivers.registers import RegisterMap

MRES_FULL = 8  # MRES of full steps; of 256 microsteps it is 0


class Wire(Protocol):
    """The way to the registers of one chip. `name` is the register's, for errors."""

    async def read(self, register: int, name: str) -> int:
        """What a register holds. Raises DriverSilent."""

    async def write(self, register: int, name: str, value: int) -> None:
        """Set a register. Raises DriverSilent."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How a chip is made silent (stealthChop): a field and its value; the other value is spreadCycle."""

    field: str
    value: int


@dataclass(frozen=True, slots=True)
class Homing:
    """How a chip is made to signal stalls while it homes, other fields than `silent` as they are to be meanwhile.

    `silent`: whether its stall detection works in stealthChop; if not, in spreadCycle.
    """

    silent: bool
    fields: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Chip:
    """A driver chip. `fields` are set when the section does not say otherwise; `free`: those that driver_NAME may set.

    `faults` are fields of the status that mean that it has switched itself off, with what to do; `counter` is the field
    with the microstep counter, of 1024 a turn.
    """

    name: str
    table: RegisterMap
    fixed: Mapping[str, int]
    free: Mapping[str, int]
    clock: float  # Hz
    limit: float  # A RMS, that may be asked for; what the board's resistors allow may be less
    status: str = "DRV_STATUS"
    general: str = "GSTAT"  # the register with `reset`; empty: none
    counter: str = "mscnt"
    current_scale: str = "cs_actual"  # 0 after a reset
    silence: Silence | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    temperature: Callable[[int], float] | None = None  # degrees C of the field adc_temp
    interpolates: Sequence[int] = ()  # microsteps that it can interpolate; empty: all

    @property
    def fields(self) -> Mapping[str, int]:
        """All that is set, in the order in which it is."""
        return {**self.fixed, **self.free}


TOO_HOT = "less run_current, a fan for the drivers, better contact of the heat sink"
SHORT = "look for a shorted or loose wire of the motor; in stealthChop it may be a load that was not expected"
LOW_VOLTAGE = "look at the motor supply and its wires"
WAS_RESET = "its supply has failed for a moment: look at the motor supply and its wires"
FAULTS = {"ot": TOO_HOT, "s2ga": SHORT, "s2gb": SHORT, "s2vsa": SHORT, "s2vsb": SHORT}
NOT_HEARD = "look at the wires of its SPI bus and all devices on it"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A chip on its board: the chip, the way to it, and how its current is told."""

    chip: Chip
    wire: Wire
    current: Current
    homing: Homing | None = None
