"""A part of the printer: a heater, a fan, a sensor; made from one section of the configuration.

    class Fan(Part):
        def __init__(self, config: FanConfig, pins: Pins, schedule: Schedule) -> None: ...
            # the MCUs are connected: add oids and config commands (mcu/digital_out.py, ...)
        async def begin(self) -> None: ...    # the MCUs are configured: start what goes on by itself
        def halt(self) -> None: ...           # the printer has shut down: MCUs are not to be talked to any more
        async def end(self) -> None: ...      # the machine is let go
        def status(self) -> FanStatus: ...    # what macros and clients see of it: a dataclass

A part asks for what it needs by type in its constructor (daemon/wiring.py): its section, what the machine provides,
other parts. An option that names another section, `heater: Reference`, gives that section's part to the parameter of
the same name. Its G-code commands are methods with @gcode.

    live = frozenset({"timeout"})     # options that a running printer takes on (daemon/reload.py); variable_* by prefix
    def reload(self, config: IdleTimeoutConfig, changed: Set[str]) -> Apply: ...    # raises, or gives what does it
"""

from collections.abc import Callable, Set
from typing import Any, ClassVar

Apply = Callable[[], None]  # makes a change that cannot fail any more


class Part:
    """What all parts have. `name` is by what G-code calls it, `section` its section in the configuration."""

    name = ""
    section = ""
    live: ClassVar[Set[str]] = frozenset()
    comes_and_goes: ClassVar[bool] = False  # it can be made, and taken away, while the printer runs

    def reload(self, config: Any, changed: Set[str]) -> Apply:
        """Its section is `config` now, of which these options changed, all of them live ones; nothing changes yet.

        A template may stand in other lines although it is the same. Raises KlipkitError when it cannot be.
        """
        return lambda: None

    async def begin(self) -> None:
        """The MCUs are configured."""

    def halt(self) -> None:
        """The printer has shut down."""

    async def end(self) -> None:
        """The machine is let go; tasks of the part are to be ended."""

    def status(self) -> Any:
        """A dataclass of what is to be seen of it, or None."""
        return None
