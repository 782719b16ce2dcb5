"""How a part stops the whole printer when going on would be dangerous. The host is one."""

from typing import Protocol

from klipkit.base.faults import Shutdown


class Alarm(Protocol):
    """The way into shutdown."""

    def stop(self, error: Shutdown) -> None:
        """Shut the printer down: motors, heaters and fans go to their safe state. The first `error` counts."""
