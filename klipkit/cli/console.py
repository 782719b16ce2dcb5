"""`klipkit console`: talk with any microcontroller that runs klipkit's or Klipper's firmware."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

import click

from klipkit.base.errors import KlipkitError
from klipkit.base.output import Output
from klipkit.base.text import sanitise
from klipkit.cli.consolewords import WORDS, Action, Quit, Show, Words
from klipkit.cli.interrupt import Interrupts, Recalled
from klipkit.cli.terminal import Terminal
from klipkit.cli.tool import tool
from klipkit.link.pipe import Pipe
from klipkit.link.ports import scan
from klipkit.link.serial import BAUD, BAUD_MOST, ModemLines, open_pipe
from klipkit.mcu.dialogue import Dialogue, keep_clock

Result = TypeVar("Result")


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The ports that PORT may be completed to."""
    names = [
        port.name or port.device for port in scan(os.environ.get("KLIPKIT_SYSROOT", "")).ports if port.tty
    ]
    return [name for name in names if name.startswith(incomplete)]


@tool(
    "console",
    examples=(
        (
            "klipkit console /dev/ttyUSB0",
            "commands are typed, responses shown as they come; `help` tells more",
        ),
        ("klipkit console /dev/ttyUSB0 -c get_uptime", "one command and its answer, for scripts"),
        (
            "klipkit console /dev/ttyUSB0 -c 'flood 1000 get_clock' -c stats",
            "tests the link: commands a second, bytes repeated",
        ),
        ("klipkit console /dev/ttyUSB0 --json < commands.txt", "commands from a file, a JSON object a line"),
    ),
)
@click.argument("port", metavar="PORT", shell_complete=_names)
@click.option(
    "--baud",
    type=click.IntRange(1, BAUD_MOST),
    default=BAUD,
    show_default=True,
    help="Speed of a serial port.",
)
@click.option("-c", "--command", "commands", multiple=True, metavar="COMMAND", help="Do this; repeatable.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3600, min_open=True),
    default=5.0,
    show_default=True,
    metavar="S",
    help="Wait no longer than S seconds for an answer.",
)
@click.option(
    "--dtr/--no-dtr", default=True, help="Leave the DTR output of a serial port on, or switch it off."
)
@click.option("--rts/--no-rts", default=True, help="The same for RTS.")
def console(
    out: Output, port: str, baud: int, commands: tuple[str, ...], timeout: float, dtr: bool, rts: bool
) -> int:
    """PORT is a serial port, a pty or a Unix socket; `klipkit ports` lists the serial ports. The firmware is
    identified, then commands of its data dictionary go out as text, such as `config_digital_out oid=0 pin=PB7 value=0
    default_value=0 max_duration=0`. In place of a number {clock + freq * 0.1} may stand, an expression with the
    microcontroller's clock and frequency. `help`, `list`, `info`, `stats`, `clock`, `delay`, `repeat`, `flood` and
    `quit` are the console's own.

    With -c all commands are checked before the first one is sent. Each waits for the answer that it causes, or until it
    is executed. Without -c commands come from standard input. Printed are the responses: text and time in seconds.

    Exit status 2 for a command that the firmware does not have or take, 3 when the link fails or no answer comes, 4
    when the microcontroller is in shutdown.
    """
    lines = ModemLines(dtr, rts)
    if commands or not (out.terminal and sys.stdin.isatty()):
        show = Show(out)
        dialogue = _dialogue(port, baud, lines, show, timeout)
        if commands:
            _run(_script(dialogue, show, commands))
        else:
            _read(dialogue, show, None)
        return 0
    with Terminal(out.stdout, "klipkit") as terminal:
        show = Show(out, terminal.line)
        _read(_dialogue(port, baud, lines, show, timeout), show, terminal)
    return 0


def _dialogue(port: str, baud: int, lines: ModemLines, show: Show, timeout: float) -> Dialogue:
    async def opener() -> Pipe:
        return await open_pipe(port, baud, lines)

    return Dialogue(sanitise(port, 200), opener, show.response, timeout)


async def _begun(dialogue: Dialogue, show: Show) -> Words:
    await dialogue.connect()
    show.began = dialogue.began
    words = Words(dialogue, show)
    if show.out.json:
        show.facts("identified", words.identity())
    return words


async def _ended(dialogue: Dialogue) -> None:
    """Raises what a script's exit status should tell: the link is gone, the MCU started anew or is in shutdown."""
    if dialogue.pipe.error is not None:
        raise dialogue.pipe.error
    if dialogue.restarted():
        raise dialogue.restart()
    if dialogue.shutdown is not None:
        await dialogue.state()
    if dialogue.shutdown is not None:
        raise dialogue.shutdown


async def _script(dialogue: Dialogue, show: Show, commands: tuple[str, ...]) -> None:
    """Check all commands, then do them."""
    words = await _begun(dialogue, show)
    try:
        actions = [action for command in commands if (action := words.check(command)) is not None]
        with contextlib.suppress(Quit):
            for action in actions:
                await _unless_broken(dialogue, action)
        await _ended(dialogue)
    finally:
        await dialogue.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Do it in the main thread; Ctrl-C ends it, also when it comes just before the loop waits."""

    async def main() -> None:
        doing = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, doing.cancel)
        await doing

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _unless_broken(dialogue: Dialogue, action: Action) -> None:
    """Do it; raises LinkError at once when the link breaks meanwhile."""
    doing, broken = asyncio.ensure_future(action()), asyncio.ensure_future(dialogue.broken())
    try:
        await asyncio.wait({doing, broken}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise broken.result()
        await doing
    finally:
        for each in (doing, broken):
            each.cancel()
        await asyncio.gather(doing, broken, return_exceptions=True)


def _read(dialogue: Dialogue, show: Show, terminal: Terminal | None) -> None:
    """Do what the lines of standard input say; responses are shown while it waits for one."""
    with Interrupts() as interrupts, Loop() as loop:
        words = loop.run(_begun(dialogue, show))
        watch = Watch(loop, dialogue, interrupts)
        try:
            with contextlib.suppress(Quit):
                if terminal is None:
                    _read_file(loop, words, watch)
                else:
                    _read_terminal(loop, words, watch, terminal)
        finally:
            watch.stop()
            loop.run(dialogue.close())


async def _do(words: Words, line: str) -> None:
    action = words.check(line)
    if action is not None:
        await _unless_broken(words.dialogue, action)


def _read_file(loop: "Loop", words: Words, watch: "Watch") -> None:
    """Lines up to the end of the file or the first error."""
    while (line := watch.next_line(lambda: sys.stdin.readline() or None)) is not None:
        loop.run(_do(words, line))
    loop.run(_ended(words.dialogue))


def _read_terminal(loop: "Loop", words: Words, watch: "Watch", terminal: Terminal) -> None:
    """Lines as they are typed; an error is shown, and the next line may be typed."""
    words.show.facts("identified", words.identity())
    terminal.line("`help` tells what can be typed; Tab completes; Ctrl-D ends")
    terminal.choices = (*WORDS, *words.dialogue.dictionary.commands)
    while (line := watch.next_line(terminal.read)) is not None:
        try:
            if words.dialogue.restarted():
                words.show.error(words.dialogue.restart())
                loop.run(words.dialogue.reconnect())
                watch.start()
            loop.run(_do(words, line))
        except KlipkitError as error:
            if words.dialogue.pipe.error is not None:
                raise
            words.show.error(error)


class Loop:
    """An event loop in a thread of its own: the main thread waits for a person's or a file's next line."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="console", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Begin some work in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do some work in the loop and wait for it; Ctrl-C ends it."""
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _main(self) -> None:
        with self._runner as runner:
            runner.run(self._wait())

    async def _wait(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._end.wait()


class Watch:
    """Keeps the clock known, and ends the wait for a line when the link is gone."""

    def __init__(self, loop: Loop, dialogue: Dialogue, interrupts: Interrupts) -> None:
        self._error: KlipkitError | None = None
        self._interrupts = interrupts
        self._loop = loop
        self._dialogue = dialogue
        self.start()

    def start(self) -> None:
        """Begin; again after the MCU started anew."""
        self._work = self._loop.start(keep_clock(self._dialogue))
        self._work.add_done_callback(self._ended)

    def stop(self) -> None:
        """No more."""
        self._work.cancel()

    def next_line(self, read: Callable[[], str | None]) -> str | None:
        """What `read` gives. Raises LinkError when the link goes before."""
        line: str | None = None
        with contextlib.suppress(Recalled):
            line = self._interrupts.wait(read)
        if self._error is not None:
            raise self._error
        return line

    def _ended(self, work: Future[KlipkitError | None]) -> None:
        self._error = None if work.cancelled() else work.result()
        if self._error is not None:
            self._interrupts.recall()


COMMAND = console
