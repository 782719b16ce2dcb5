"""The table of config sections: each declared section of printer.cfg, in the order of the manual."""

from klipkit.base.schema import Schema
from klipkit.boards.config import BoardPinsConfig, DuplicatePinConfig
from klipkit.machine.config import MACHINE_SECTIONS
from klipkit.machine.kinematics import KINEMATIC_SECTIONS
from klipkit.mcu.config import McuConfig

SCHEMA = Schema([McuConfig, *MACHINE_SECTIONS, *KINEMATIC_SECTIONS, BoardPinsConfig, DuplicatePinConfig])
