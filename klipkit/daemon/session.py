"""A session: how a tool talks to a running daemon, over its socket or in the same process (in virtual time, too).

session = ...                                                        a socket, or a daemon in this process
await session.request("info")                                        any method of the API
lines = await session.gcode("G28 X\nGET_POSITION")                   what was answered
(await session.query("toolhead", "stepper_enable"))["toolhead"]["homed_axes"]
"""

from collections.abc import Sequence
from typing import Any, Protocol


class Session(Protocol):
    """A conversation with a daemon. All raise KlipkitError with the daemon's words when something is refused."""

    async def request(self, method: str, **params: Any) -> Any:
        """The result of a method of the API."""
        ...

    async def gcode(self, script: str) -> Sequence[str]:
        """Carry out lines of G-code, wait for their end, and give the lines that were answered meanwhile."""
        ...

    async def query(self, *objects: str) -> dict[str, dict[str, Any]]:
        """All fields of these objects now; those that there are not are left out."""
        ...

    async def close(self) -> None:
        """The conversation ends."""
        ...
