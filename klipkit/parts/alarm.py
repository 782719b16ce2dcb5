"""How a part stops the whole printer when going on would be dangerous. The host is one."""

from typing import Protocol

from klipkit.base.errors import KlipkitError


class Alarm(Protocol):
    """The way into shutdown."""

    def shut_down(self, error: KlipkitError) -> None:
        """Shut the printer down: motors, heaters and fans go to their safe state. The first `error` counts."""
