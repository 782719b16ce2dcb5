"""Builds the firmware of a board, out of the tree of the sources, and says what it takes of the chip."""

import fcntl
import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from klipkit.base.buildfaults import DoesNotFit
from klipkit.base.errors import FileError
from klipkit.base.text import sanitise
from klipkit.boards.board import Board, board_named, bootloader_room
from klipkit.boards.chips import chip as chip_named
from klipkit.toolchain.elf import Elf
from klipkit.toolchain.programs import failure, make, need
from klipkit.toolchain.settings import LeftOut, Settings, check_port
from klipkit.toolchain.sources import installed, sources

CONFIG = "klipkit.config"  # the settings, beside what was built with them
DICTIONARY = "klipkit.dict"
HEX = ".hex"


class Memory(NamedTuple):
    """Bytes of a memory: taken, and there in all."""

    used: int
    total: int

    @property
    def left(self) -> int:
        """What is left; negative when it does not fit."""
        return self.total - self.used


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a firmware takes of its chip, bytes.

    `flash` counts what the boot loader leaves; `ram` variables. `stack` is kept for calls and interrupts, `queue` is
    what is left then for the configuration and the move queue.
    """

    flash: Memory
    ram: Memory
    stack: int

    @property
    def queue(self) -> int:
        """RAM for configuration and move queue."""
        return self.ram.left - self.stack


@dataclass(frozen=True, slots=True)
class Built:
    """A firmware that was built, and its files.

    `board` is "" when it was built from settings. `hex` is None, as `sizes`, where the firmware is a program of this
    computer (the simulator). `version` and `toolchain` are what it tells a host. `changed`: it is not the one that
    stood in `folder` before.
    """

    board: str
    port: str
    chip: str
    frequency: int
    baud: int
    folder: Path
    elf: Path
    hex: Path | None
    dictionary: Path
    config: Path
    log: Path
    sizes: Sizes | None
    version: str
    toolchain: str
    left_out: tuple[LeftOut, ...]
    changed: bool


def build_firmware(
    wanted: Board | str | Settings,
    out: Path | None = None,
    *,
    name: str = "",
    note: Callable[[str], None] | None = None,
) -> Built:
    """Build the firmware of a board, given by its name perhaps, or of settings, and put its files into `out`.

    Without `out` they are put into the user's cache folder. What was compiled before with these settings is used again.
    `name` is the board that settings are for; `note` hears a sentence when another build has to be waited for. Raises
    UnknownBoard, NoPort, ToolMissing, BuildFailed, DoesNotFit, FileError, WrongSetting.
    """
    if isinstance(wanted, str):
        wanted = board_named(wanted)
    if isinstance(wanted, Board):
        check_port(wanted, sources())
        need(wanted.port)
        name, wanted = wanted.name, Settings.of(wanted)
    need(wanted.port)
    try:
        return _build(wanted, name, out, note or (lambda text: None))
    except OSError as error:
        where = sanitise(str(error.filename or ""))
        raise FileError(
            f"cannot be written: {sanitise(error.strerror or str(error))}", where=where
        ) from error


def cache() -> Path:
    """The folder of klipkit in the user's cache."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(told) if told.startswith("/") else Path("~/.cache").expanduser()
    return base / "klipkit"


def _build(settings: Settings, board: str, out: Path | None, note: Callable[[str], None]) -> Built:
    text = settings.text()
    name = "-".join(part for part in (settings.port, settings.chip, _digest(text, settings.folder)) if part)
    folder = cache() / "build" / name
    with _alone(folder, note):
        _clear_when_stale(folder, settings.folder)
        _write(folder / CONFIG, settings.document())
        elf = _run(settings, folder)
        sizes = _sizes(settings, elf)
        dictionary = elf.dictionary()
        _write(folder / DICTIONARY, json.dumps(dictionary, sort_keys=True, separators=(",", ":")) + "\n")
        names = (*settings.facts().targets, DICTIONARY, CONFIG)
        target = out if out is not None else cache() / "firmware" / (board or name)
        changed = _publish(folder, target, names)
    return Built(
        board=board,
        port=settings.port,
        chip=settings.chip,
        frequency=settings.number("FREQUENCY"),
        baud=settings.number("BAUD"),
        folder=target,
        elf=target / elf.path.name,
        hex=next((target / name for name in names if name.endswith(HEX)), None),
        dictionary=target / DICTIONARY,
        config=target / CONFIG,
        log=folder / "log",
        sizes=sizes,
        version=str(dictionary.get("version", "?")),
        toolchain=str(dictionary.get("build_versions", "?")),
        left_out=settings.left_out(),
        changed=changed,
    )


def _digest(text: str, folder: Path) -> str:
    return hashlib.sha256(f"{folder}\n{text}".encode()).hexdigest()[:12]


@contextmanager
def _alone(folder: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Nobody else builds in this folder meanwhile; the lock ends with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("waiting for another build with these settings")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _clear_when_stale(folder: Path, origin: Path) -> None:
    """Forget what was compiled from other files of an installed package, whose times say nothing."""
    if not installed(origin):
        return
    digest = hashlib.sha256()
    for path in sorted(origin.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(origin)}\0".encode() + path.read_bytes())
    stamp = folder / "sources"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        shutil.rmtree(folder)
        folder.mkdir()
        stamp.write_text(digest.hexdigest())


def _run(settings: Settings, folder: Path) -> Elf:
    """Run make; the ELF file that it made. Raises BuildFailed, ToolMissing."""
    log = folder / "log"
    arguments = [f"CONFIG={folder / CONFIG}", f"BUILD={folder}"]
    if not make(settings.folder, arguments, log):
        raise failure(log)
    return Elf(folder / settings.facts().targets[0])


def _sizes(settings: Settings, elf: Elf) -> Sizes | None:
    """What the firmware takes; None on this computer. Raises DoesNotFit."""
    if not settings.chip:
        return None
    chip = chip_named(settings.chip)
    room = chip.flash - bootloader_room(chip.name)
    sizes = Sizes(Memory(elf.flash(), room), Memory(elf.ram(), chip.ram), settings.facts().stack)
    hint = "leave modules out in `klipkit build --menu`, or with `--set MODULE_name=n`"
    if sizes.flash.left < 0:
        raise DoesNotFit(
            f"the firmware has {sizes.flash.used} bytes, the flash of the {chip.name} room for {room}",
            hint=hint,
        )
    if sizes.queue < 0:
        raise DoesNotFit(
            f"the variables have {sizes.ram.used} bytes, the {chip.name} {sizes.ram.total - sizes.stack} for them",
            hint=hint,
        )
    return sizes


def _write(path: Path, text: str) -> None:
    """Write a file, but leave one that has that text already as it is: make goes by times."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _publish(folder: Path, target: Path, names: tuple[str, ...]) -> bool:
    """Copy the files, each of them whole at any time; whether one of them was another before."""
    target.mkdir(parents=True, exist_ok=True)
    changed = False
    for name in names:
        old = target / name
        if old.exists() and filecmp.cmp(folder / name, old, shallow=False):
            continue
        new = target / f".{name}.{os.getpid()}"
        shutil.copyfile(folder / name, new)
        shutil.copymode(folder / name, new)
        new.replace(old)
        changed = True
    return changed
