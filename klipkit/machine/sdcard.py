"""[virtual_sdcard]: print files from a folder of the computer, as from a printer's own card. M20 to M27, SDCARD_*.

SDCARD_PRINT_FILE --> job (machine/job.py) --> its end, PAUSE, CANCEL_PRINT
                                            `-> an error: it is told, and the print is paused or given up (on_error)
"""

import asyncio
from collections.abc import Coroutine, Set
from contextvars import Context
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from klipkit.base.declare import Declared, option, section
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.base.text import sanitise
from klipkit.base.values import Template, choice, template, text
from klipkit.gcode.commands import gcode
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.templates import Templates
from klipkit.gcode.words import Line
from klipkit.machine.commands.print_stats import PrintStats
from klipkit.machine.job import Job, JobState
from klipkit.machine.planner import Planner
from klipkit.machine.printing import FilePrint
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.part import Apply

ENDINGS = (".gcode", ".g", ".gco")
PAUSE = "PAUSE"


class OnError(Enum):
    """What becomes of a print when one of its lines cannot be carried out."""

    STOP = "stop"
    PAUSE = "pause"


@section("virtual_sdcard")
class VirtualSdcardConfig(Declared):
    """Prints files from a folder of the computer."""

    path: str = option(text("folder"), "The folder with the files; ~ is the home folder.")
    on_error: OnError = option(
        choice(OnError),
        "What becomes of a print when one of its lines cannot be carried out and the machine can go on: it is given "
        "up, or paused by PAUSE, and RESUME goes on behind the line.",
        default=OnError.STOP,
        said="stop",
    )
    on_error_gcode: Template = option(
        template(),
        "The G-code that is carried out when a print was given up because of an error.",
        default=Template("TURN_OFF_HEATERS"),
        said="TURN_OFF_HEATERS",
    )


@dataclass(frozen=True, slots=True)
class VirtualSdcardStatus:
    """Of the file that is printed."""

    file_path: Annotated[str | None, "Its path; None when no file was chosen."]
    progress: Annotated[float, "The share of its bytes that were read, 0 to 1."]
    is_active: Annotated[bool, "Whether it is being printed."]
    file_position: Annotated[int, "The bytes that were read."]
    file_size: Annotated[int, "Its size, bytes."]


class VirtualSdcard(FilePrint):
    """The folder, and the job of a file in it."""

    live = frozenset(("path", "on_error", "on_error_gcode"))

    def __init__(
        self,
        config: VirtualSdcardConfig,
        planner: Planner,
        toolhead: Toolhead,
        templates: Templates,
        scripts: Scripts,
        responses: Responses,
        stats: PrintStats,
    ) -> None:
        self.folder = Path(config.path).expanduser()
        self._on_error = config.on_error
        self._templates = templates
        self._on_error_gcode = templates.of_option(config.on_error_gcode, config, "on_error_gcode")
        self.job: Job | None = None
        self._planner, self._toolhead, self._scripts = planner, toolhead, scripts
        self._responses = responses
        self._stats = stats
        self._task: asyncio.Task[None] | None = None

    @property
    def progress(self) -> float:
        """The share of the file that is done, 0 to 1."""
        return 0.0 if self.job is None else self.job.progress

    @property
    def is_active(self) -> bool:
        """Whether a file is being printed."""
        return self._task is not None and not self._task.done()

    def reload(self, config: VirtualSdcardConfig, changed: Set[str]) -> Apply:
        """A file that was chosen stays chosen."""
        compiled = self._templates.of_option(config.on_error_gcode, config, "on_error_gcode")

        def apply() -> None:
            self.folder = Path(config.path).expanduser()
            self._on_error, self._on_error_gcode = config.on_error, compiled

        return apply

    def status(self) -> VirtualSdcardStatus:
        """What is seen of it."""
        job = self.job
        if job is None:
            return VirtualSdcardStatus(None, 0.0, False, 0, 0)
        return VirtualSdcardStatus(job.path, job.progress, self.is_active, job.offset, job.size)

    def halt(self) -> None:
        """The printer has shut down: the print ends where it is."""
        if self._task is not None:
            self._task.cancel()

    async def end(self) -> None:
        """The machine is let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def files(self) -> list[tuple[str, int]]:
        """The files in the folder and below it, with their sizes in bytes. Raises GcodeError."""
        try:
            found = [each for each in self.folder.rglob("*") if each.suffix.lower() in ENDINGS]
            return sorted((str(each.relative_to(self.folder)), each.stat().st_size) for each in found)
        except OSError as error:
            raise GcodeError(f"Unable to get file list: {error.strerror}", where=str(self.folder)) from None

    async def resume(self) -> None:
        """Print, or print on. Raises GcodeError."""
        if self.job is None:
            raise GcodeError("no file was chosen", hint="choose one with SDCARD_PRINT_FILE or M23")
        if self.is_active:
            raise self._busy()
        self._stats.start()
        self._task = asyncio.get_running_loop().create_task(
            self._print(self.job),
            context=Context(),  # its answers are not of the line that has begun it
        )

    async def pause(self) -> None:
        """Stop before the next line of the file. A line that is being carried out is not cut short."""
        job, task = self.job, self._task
        if job is None or task is None or task.done():
            return
        job.pause()
        self._stats.pause()
        if not job.is_in_line and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def cancel(self) -> None:
        """Stop for good."""
        await self.pause()
        self.job = None
        self._stats.cancel()

    def _busy(self) -> GcodeError:
        return GcodeError("SD busy", hint="a file is being printed: CANCEL_PRINT ends it")

    @gcode("M20")
    async def list_files(self) -> None:
        """List the files."""
        lines = (f"{sanitise(name)} {size}" for name, size in self.files())
        self._responses.say("\n".join(["Begin file list", *lines, "End file list"]))

    @gcode("M21")
    async def initialise(self) -> None:
        """The card is always there."""
        self._responses.say("SD card ok")

    @gcode("M23")
    async def select(self, *, raw: str) -> None:
        """Choose a file, by its name."""
        self._select(raw.strip())

    @gcode("SDCARD_PRINT_FILE")
    async def print_file(self, *, filename: Annotated[str, "name of the file"]) -> None:
        """Print a file."""
        self._select(filename)
        await self.resume()

    @gcode("SDCARD_RESET_FILE")
    async def reset_file(self) -> None:
        """Forget the file that was chosen."""
        if self.is_active:
            raise self._busy()
        self.job = None
        self._stats.reset()

    @gcode("M24")
    async def print_on(self) -> None:
        """Print the chosen file, or print on."""
        await self.resume()

    @gcode("M25")
    async def pause_print(self) -> None:
        """Stop before the next line of the file."""
        await self.pause()

    @gcode("M26")
    async def set_position(self, *, s: Annotated[int, "byte of the file"]) -> None:
        """Go on from another byte of the file."""
        if self.is_active:
            raise self._busy()
        if self.job is None or not 0 <= s <= self.job.size:
            raise GcodeError("M26: there is no such byte of a chosen file")
        self.job.offset = s

    @gcode("M27")
    async def report(self) -> None:
        """Tell how much of the file was printed."""
        job = self.job
        if job is None or not self.is_active:
            self._responses.say("Not SD printing.")
        else:
            self._responses.say(f"SD printing byte {job.offset}/{job.size}")

    def _found(self, name: str) -> Path | None:
        """The file of that name, if there is one in the folder."""
        try:
            path = (self.folder / name.lstrip("/")).resolve()
            is_there = path.is_relative_to(self.folder.resolve()) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            return None
        return path if is_there else None

    def _select(self, name: str) -> None:
        if self.is_active:
            raise self._busy()
        path = self._found(name)
        if path is None:
            raise GcodeError(f"Unable to open file: {sanitise(name)}", where=str(self.folder))
        self.job = Job(str(path), self._planner, self._toolhead, self._scripts)
        self._stats.reset(str(path.relative_to(self.folder.resolve())))
        self._responses.say(f"File opened:{sanitise(name)} Size:{self.job.size}\nFile selected")

    async def _print(self, job: Job) -> None:
        try:
            await job.run()
        except KlipkitError as error:
            await self._fail(error)
        else:
            if job.state is JobState.COMPLETE:
                await self._toolhead.drain()
                self._responses.say("Done printing file")
                self._stats.complete()
            elif self.job is job:
                self._stats.pause()

    async def _fail(self, error: KlipkitError) -> None:
        """A line could not be carried out."""
        self._responses.error(str(error))
        if self._on_error is OnError.PAUSE and await self._rests():
            self._stats.pause(str(error))
            return
        self._stats.fail(str(error))
        await self._attempt(self._on_error_gcode.carry_out())

    async def _rests(self) -> bool:
        """Pause the print as a person would; whether that went well."""
        if PAUSE not in self._scripts.commands.by_name:
            return True
        return await self._attempt(self._scripts.carry_out(Line(PAUSE, where="on_error")))

    async def _attempt(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work` in a turn; whether it went well. What goes wrong is told."""
        async with self._scripts.turn:
            try:
                await work
            except KlipkitError as error:
                self._responses.error(str(error))
                return False
        return True
