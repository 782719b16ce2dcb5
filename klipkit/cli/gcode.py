"""`klipkit gcode`: lines of G-code for a running daemon, and what it answers."""

import sys

import click

from klipkit.base.output import Output
from klipkit.base.text import sanitise
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tool
from klipkit.daemon.session import SocketSession

LINE_MOST = 4000  # characters of an answer that are shown
ERROR = "!!"  # begins the lines that tell everybody of an error


@tool(
    "gcode",
    examples=(
        ("klipkit gcode G28", "homes the printer, and waits until that is done"),
        ("klipkit gcode 'G90' 'G1 X20 F6000' M114", "several lines; prints X:20.000 Y:..."),
        ("klipkit gcode <calibrate.gcode", "the lines of a file; no file of a print: see `klipkit print`"),
        ("klipkit gcode --name left M105", "the printer that was started with --name left"),
    ),
)
@click.argument("lines", nargs=-1, metavar="[LINE]...")
@daemon_options
def gcode(out: Output, lines: tuple[str, ...], socket: str) -> int:
    """Each LINE, or each line of stdin, is carried out by the daemon (`klipkit run`) in its turn, after what others
    have asked for. What is answered is printed; the first error ends it.

    Exit status 1 when a line was refused, 3 when no daemon answers, 4 when the printer is not ready.
    """
    script = "\n".join(lines) if lines else sys.stdin.read()
    answers = Answers(out)
    held: list[str] = []

    def heard(line: str) -> None:
        if held or line.startswith(ERROR):  # perhaps of the error that ends the tool, which is told then
            held.append(line)
        else:
            answers.tell(line)

    async def work(session: SocketSession) -> None:
        with session.listening(heard):
            await session.gcode(script)

    talk(socket, work)
    for line in held:
        answers.tell(line)
    if out.json:
        out.document({"lines": answers.lines})
    return 0


class Answers:
    """The lines that are answered, told as they come."""

    def __init__(self, out: Output) -> None:
        self.lines: list[str] = []
        self._out = out

    def tell(self, line: str) -> None:
        """A line."""
        self.lines.append(line)
        if not self._out.json:
            self._out.line(sanitise(line, LINE_MOST))
            self._out.stdout.flush()


COMMAND = gcode
