"""klipkit: a printer controller as a set of Unix tools.

The floors, from the ground up: base; wire, gcode, motion, boards; link; mcu; parts; machine; daemon, sim; cli.
Imports go strictly down (tests/unit/test_floors.py).
"""

__version__ = "0.1.0"
