"""The configuration of one MCU: oids, the ordered lists of commands, and the CRC by which it is recognised.

config   creates the objects: sent to an MCU that is not configured. Its text, free of clocks, has the CRC.
restart  brings objects to rest: sent to an MCU that already has this configuration.
init     starts what reports by itself: sent in both cases.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CLOCK = re.compile(r" (?:\w+_)?clock=")
OIDS_MOST = 255  # allocate_oids count=%c: one byte on the MCU


@dataclass(slots=True)
class Configuration:
    """Commands as text, such as "config_trsync oid=3", each list in the order in which it is sent.

    Pins are written as the chip's own (aliases resolved), so that the text does not depend on names the user gave.
    """

    config: list[str] = field(default_factory=list)
    restart: list[str] = field(default_factory=list)
    init: list[str] = field(default_factory=list)
    oids: int = 0
    users: dict[str, str] = field(
        default_factory=dict
    )  # which section needs a command, as far as it was told

    @contextmanager
    def needed_by(self, section: str) -> Iterator[None]:
        """What is added within is needed by that section of printer.cfg: errors name it."""
        lists = (self.config, self.restart, self.init)
        before = [len(commands) for commands in lists]
        yield
        for commands, count in zip(lists, before, strict=True):
            self.users.update(dict.fromkeys(commands[count:], section))

    def all(self) -> list[str]:
        """Every command that may be sent, in whatever state the MCU is."""
        return [*self.text().split("\n"), f"finalize_config crc={self.crc()}", *self.restart, *self.init]

    def allocate_oid(self) -> int:
        """The next object number. Raises ValueError when the MCU's byte for it is used up."""
        if self.oids == OIDS_MOST:
            raise ValueError(f"an MCU has at most {OIDS_MOST} objects")
        self.oids += 1
        return self.oids - 1

    def add(self, command: str) -> None:
        """Append to the config list. Raises ValueError for a clock: a text with clocks would differ on each connect."""
        if _CLOCK.search(command) or "\n" in command:
            raise ValueError(f"not for the config list: {command}")
        self.config.append(command)

    def text(self) -> str:
        """What the CRC covers: allocate_oids and the config commands, a line each, no newline at the end."""
        return "\n".join([f"allocate_oids count={self.oids}", *self.config])

    def crc(self) -> int:
        """CRC-32 (zlib's) of the text."""
        return zlib.crc32(self.text().encode())

    def needs_reset(self, is_config: bool, crc: int) -> bool:
        """Whether an MCU in this state (its `config` response) holds another configuration than this one."""
        return is_config and crc != self.crc()

    def commands(self, is_config: bool) -> list[str]:
        """What to send, in order, to an MCU that holds this configuration already or that holds none."""
        if is_config:
            return [*self.restart, *self.init]
        return [*self.text().split("\n"), f"finalize_config crc={self.crc()}", *self.init]
