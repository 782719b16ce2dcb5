"""The table of config sections: each declared section of printer.cfg, in the order of the manual."""

from klipkit.base.declare import Declared
from klipkit.base.schema import Schema
from klipkit.boards.config import BoardPinsConfig, DuplicatePinConfig
from klipkit.daemon.parts import PART_SECTIONS, PARTS
from klipkit.daemon.wiring import config_of
from klipkit.machine.commands.arcs import GcodeArcsConfig
from klipkit.machine.config import MACHINE_SECTIONS
from klipkit.machine.kinematics import KINEMATIC_SECTIONS
from klipkit.mcu.config import McuConfig

_MADE: tuple[type[Declared], ...] = (
    McuConfig,
    *MACHINE_SECTIONS,
    *KINEMATIC_SECTIONS,
    GcodeArcsConfig,
    *(config_of(part) for part in PARTS),
    *PART_SECTIONS,
)
SCHEMA = Schema([*dict.fromkeys(_MADE), BoardPinsConfig, DuplicatePinConfig])
