"""What parts know of whether the printer is used. The machine's idle timeout is one."""

from abc import ABC, abstractmethod
from collections.abc import Callable


class Idleness(ABC):
    """Tells when nobody has used the printer for the time of [idle_timeout], and when it is used again."""

    @abstractmethod
    def listen(self, listener: Callable[[bool], None]) -> None:
        """Call `listener` with whether it is idle, whenever that changes."""
