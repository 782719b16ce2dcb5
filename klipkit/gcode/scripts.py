"""Carries out G-code, one source at a time: the one fair lock that orders files, consoles, clients and macros.

async with scripts.turn:                     a source takes its turn; those who wait come in their order
    await scripts.carry_out(line)            within a turn: one line
await scripts.run("G28\nG1 X10", "console")  a turn for some lines
"""

import asyncio
from collections.abc import Callable, Iterable

from klipkit.base.faults import UnknownCommand
from klipkit.gcode.commands import Commands
from klipkit.gcode.responses import Responses
from klipkit.gcode.words import Line, parse_line

AT_ONCE = 32  # lines that wait for nothing, before others of the event loop have their turn


class Scripts:
    """`turn` is the lock (asyncio's is fair). A command that runs lines of its own does so within its turn."""

    def __init__(self, commands: Commands, responses: Responses) -> None:
        self.commands = commands
        self.responses = responses
        self.turn = asyncio.Lock()
        self.passed_over: Callable[[UnknownCommand], None] = lambda error: None  # is told of each, too
        self._lines = 0

    async def run(self, text: str, name: str) -> None:
        """Carry out the lines in one turn. `name` is their source. Raises the first error."""
        async with self.turn:
            await self.carry_out_all(text.splitlines(), name)

    async def carry_out_all(self, lines: Iterable[str], name: str) -> None:
        """Carry out lines, within a turn of the caller's."""
        for number, text in enumerate(lines, 1):
            line = parse_line(text, f"{name}:{number}")
            if line is not None:
                await self.carry_out(line)

    async def carry_out(self, line: Line) -> None:
        """Carry out one line, within a turn of the caller's. What no one knows is told, and passed over.

        Slicers and clients send commands of many machines: the dialect goes on behind them.
        """
        self._lines += 1
        if self._lines % AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            await self.commands.run(line)
        except UnknownCommand as error:
            self.passed_over(error)
            self.responses.note(f"{error.what} ({error.where})" if error.where else error.what)
