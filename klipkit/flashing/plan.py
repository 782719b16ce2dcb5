"""A plan to flash one board: what will be done, in order; and the doing."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from klipkit.base.buildfaults import NoPort
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import PortHeld
from klipkit.base.flashfaults import (
    ByHand,
    FlashToolMissing,
    NoBootloader,
    NoMethod,
    WrongBootloader,
    WrongChip,
    WrongImage,
)
from klipkit.base.text import sanitise
from klipkit.boards.board import Board
from klipkit.boards.chips import chip
from klipkit.boards.families import FlashMethod
from klipkit.flashing.choose import choose
from klipkit.flashing.image import Image, hex_text, read_image, uf2_bytes
from klipkit.flashing.job import Job, Place, Step, Work
from klipkit.flashing.methods import METHODS, steps_of
from klipkit.flashing.tools import need
from klipkit.flashing.verify import Expected, Verified, plain_chip, verify_step
from klipkit.link.holders import holder_of
from klipkit.link.ports import Scan
from klipkit.toolchain.firmware import build_firmware, cache
from klipkit.toolchain.settings import Settings, check_port
from klipkit.toolchain.sources import sources

Act = Callable[[Work], None]
WRITING = "the firmware on the board is incomplete now: give the same command again"
UNTOUCHED = (
    WrongChip,
    NoBootloader,
    WrongBootloader,
    FlashToolMissing,
    ByHand,
)  # raised before anything is written
SERVICES = {"klipkit": "--stop-service", "klippy": "--stop-service=klipper"}  # what stops a holder
VECTOR_PORTS = ("stm32", "lpc", "sam")  # chips whose flash begins with the vector table of a Cortex-M


class Wish(NamedTuple):
    """What was told on the command line or by a config; "" and 0 where nothing was. `file` is a firmware's own."""

    method: str = ""
    bootloader_baud: int = 0
    offset: int | None = None
    file: Path | None = None
    baud: int = 0
    output: Path | None = None
    verify_only: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps for one board; `name` is its section of the config, or "". `verified` has what the last step saw."""

    name: str
    job: Job
    steps: tuple[Step, ...]
    verified: list[Verified]


def plan(name: str, board: Board, place: Place | None, found: Scan, wish: Wish) -> Plan:
    """What to do for a board. Raises NoMethod, NoPort, WrongImage, FileError."""
    methods = choose(board, place, found, wish.method, wish.bootloader_baud)
    method = methods[0]
    if METHODS[method.tool].on_port and place is None:
        raise NoMethod(
            f"{METHODS[method.tool].what}, but no port was given", hint="`klipkit ports` lists the ports"
        )
    offset = method.offset if wish.offset is None else wish.offset
    baud = wish.baud or board.baud
    source = wish.file or cache() / "firmware" / board.name / "klipkit.hex"
    image = read_image(source) if wish.file else None
    file = (
        source if _kind(image) == method.file else cache() / "flash" / board.name / f"klipkit.{method.file}"
    )
    job = Job(
        board, methods, place, source, file, offset, baud, wish.output or Path(), found,
        told_baud=bool(wish.bootloader_baud),
    )  # fmt: skip
    if image is None:
        _check_build(board)
    else:
        check_image(job, image)
    _check_place_chip(job)
    verified: list[Verified] = []
    steps = [_image_step(job, is_built=image is None)]
    if not wish.verify_only:
        steps += [_converted_step(job)] if file != source else []
        steps += steps_of(job)
    return Plan(name, job, (*steps, verify_step(job, verified)), verified)


def _check_build(board: Board) -> None:
    """Raises NoPort when there is no firmware for the board."""
    try:
        check_port(board, sources())
    except NoPort as error:
        error.hint = (
            "give a firmware for it with --file; klipkit cannot build one yet (`klipkit build --list`)"
        )
        raise


def _check_place_chip(job: Job) -> None:
    """Raises WrongChip when firmware or boot loader on that port tell of another chip, on the USB."""
    told = job.place.port.chip if job.place is not None and job.place.port is not None else ""
    if told and plain_chip(told) != chip(job.board.chip).name:
        raise WrongChip(
            f"the board there has the chip {plain_chip(told)}, and '{job.board.name}' has {job.board.chip}",
            where=sanitise(job.place.name if job.place else "", 200),
            hint="`klipkit ports` shows which board is on which port",
        )


def carry_out(made: Plan, work: Work) -> Verified:
    """Do the steps; gives what the last of them saw. Raises what goes wrong."""
    total = len(made.steps)
    work.before = work.look()
    for number, step in enumerate(made.steps, 1):
        work.note(f"{number}/{total} {step.words}")
        try:
            step.act(work)
            work.progress(0)
        except KlipkitError as error:
            if step.writes and not isinstance(error, UNTOUCHED):
                error.hint = f"{error.hint}; {WRITING}" if error.hint else WRITING
            raise
        except KeyboardInterrupt:
            work.note(
                f"interrupted; {WRITING}" if step.writes else "interrupted; the board was not written to"
            )
            raise
    return made.verified[-1]


def _state(steps: tuple[Step, ...], number: int) -> str:
    """What an interruption amid that step leaves on the board."""
    if steps[number - 1].writes:
        return WRITING
    if any(step.writes for step in steps[: number - 1]):
        return "the firmware is written, but was not seen to run: give the command again with --verify"
    return "the board was not written to"


def check_free(place: Place | None, root: str) -> None:
    """Raises PortHeld, with the name of the program, when one has the port open."""
    holder = holder_of(place.path, root) if place is not None else None
    if holder is None or place is None:
        return
    hint = "stop that program first"
    if holder.program in SERVICES:
        hint = f"stop it first: {SERVICES[holder.program]} does, when it is a service"
    raise PortHeld(f"{holder} has it open", where=sanitise(place.name, 200), hint=hint)


def check_tools(made: Plan) -> None:
    """Raises FlashToolMissing before anything is done."""
    for step in made.steps:
        for words in step.commands:
            if words[0] != "klipkit":
                need(words[0])


def check_image(job: Job, image: Image) -> None:
    """Raises WrongImage for what is no firmware for this board."""
    where = sanitise(str(image.path))
    dictionary = image.dictionary()
    if dictionary is None:
        raise WrongImage(
            "holds no data dictionary: it is no firmware of klipkit or Klipper",
            where=where,
            hint="only what can be verified is flashed",
        )
    told, own = Expected.of(dictionary).chip, chip(job.board.chip)
    if told != own.name:
        raise WrongImage(
            f"is a firmware for '{told}', and the chip of the board '{job.board.name}' is {own.name}",
            where=where,
        )
    if image.kind != "elf":
        _check_place(job, image, own.flash)


def _check_place(job: Job, image: Image, flash: int) -> None:
    """Raises WrongImage when it does not fit between the boot loader's ends, or was linked for another place."""
    where = sanitise(str(image.path))
    if image.kind != "bin" and image.address != job.start:
        raise WrongImage(
            f"begins at {image.address:#x}, and the boot loader starts firmware at {job.start:#x}",
            where=where,
            hint="give the --offset that it was built for, if the board has such a boot loader",
        )
    room = flash - job.offset - job.method.bootloader
    if flash and len(image.data) > room:
        raise WrongImage(f"has {len(image.data)} bytes, and the flash has room for {room}", where=where)
    begin = _vector(image.data) if job.family.port in VECTOR_PORTS else None
    if begin is not None and not job.start <= begin < job.start + len(image.data):
        raise WrongImage(
            f"starts at {begin:#x}, and would stand at {job.start:#x}: it was built for another boot loader",
            where=where,
            hint="give the --offset that it was built for, if the board has such a boot loader",
        )


def _vector(data: bytes) -> int | None:
    """Where a Cortex-M's firmware starts, by its vector table; None when it does not look like one."""
    if len(data) < 8:
        return None
    stack, reset = struct.unpack_from("<II", data)
    looks = stack >> 29 == 1 and stack % 4 == 0 and reset % 2 == 1  # the stack is in RAM, the code is Thumb
    return reset - 1 if looks else None


def _kind(image: Image | None) -> str:
    """Of the source: a build makes HEX."""
    return image.kind if image else "hex"


def _image_step(job: Job, *, is_built: bool) -> Step:
    if not is_built:
        return Step(f"read {sanitise(str(job.source))}", lambda work: _load(work, job.source))
    told = ("--set", f"BAUD={job.baud}") if job.baud != job.board.baud else ()
    command = ("klipkit", "build", "--board", job.board.name, *told)

    def act(work: Work) -> None:
        settings = Settings.of(job.board)
        settings.apply([f"BAUD={job.baud}"] if told else [])
        built = build_firmware(settings, job.source.parent, name=job.board.name, note=work.note)
        _load(work, built.hex or built.elf)

    return Step(f"build the firmware of {job.board.name}: {job.source}", act, (command,))


def _load(work: Work, path: Path) -> None:
    image = read_image(path)
    check_image(work.job, image)
    work.image = image


def _converted_step(job: Job) -> Step:
    def act(work: Work) -> None:
        data = converted(work.loaded(), job.start, job.method)
        job.file.parent.mkdir(parents=True, exist_ok=True)
        job.file.write_bytes(data)

    return Step(f"write it as {job.method.file} for {job.start:#x}: {job.file}", act)


def converted(image: Image, start: int, method: FlashMethod) -> bytes:
    """The image as the kind of file that the method takes. Raises WrongImage when that cannot be."""
    if image.kind == "elf":
        raise WrongImage(
            "is an ELF file, which this method does not take",
            where=sanitise(str(image.path)),
            hint=f"give its .{method.file} file",
        )
    if method.file == "hex":
        return hex_text(start, image.data).encode()
    if method.file == "uf2":
        return uf2_bytes(start, image.data, method.uf2_family)
    return image.data
