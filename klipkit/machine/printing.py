"""The print of a file as other parts know it: what pauses and cancels it, and shows how far it is."""

from abc import ABC, abstractmethod

from klipkit.parts.part import Part


class FilePrint(Part, ABC):
    """Prints one file at a time. [virtual_sdcard] is one."""

    @property
    @abstractmethod
    def progress(self) -> float:
        """The share of the file that is done, 0 to 1."""

    @property
    @abstractmethod
    def is_active(self) -> bool:
        """Whether lines of a file are being carried out."""

    @abstractmethod
    async def pause(self) -> None:
        """Stop before the next line. A line of the file itself may ask for it."""

    @abstractmethod
    async def resume(self) -> None:
        """Go on with the next line."""

    @abstractmethod
    async def cancel(self) -> None:
        """Stop for good."""
