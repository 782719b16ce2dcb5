"""avrdude: the boot loaders of AVRs (STK500, STK500 version 2, AVR109). Facts: avrdude's manual page."""

from itertools import product

from klipkit.base.errors import KlipkitError
from klipkit.base.flashfaults import NoBootloader, WrongBootloader, WrongChip
from klipkit.boards.families import FlashMethod
from klipkit.flashing.entry import touch_step
from klipkit.flashing.job import BOOT_PORT, Job, Step, Work
from klipkit.flashing.stk500 import V1, V2, Answer, Kind, first_answer
from klipkit.flashing.tools import limits, run_tool

BYTES_PER_BAUD = 1 / 25  # bytes written or read back a second: 10 bits each, and the flash takes its time
BAUDS = (115_200, 57_600)  # that many boot loaders have
NAMES = {V1: "STK500 (Optiboot, ATmegaBOOT)", V2: "STK500 version 2 (Mega 2560)"}


def steps(job: Job) -> list[Step]:
    """Find the boot loader, write and read back."""
    found = job.method.programmer in (V1, V2)
    touches = job.method.touch and not job.waits_in_bootloader
    before = [_probe_step(job)] if found else [touch_step(job)] if touches else []
    port = BOOT_PORT if touches else job.port_name()
    commands = tuple(_command(job, method, port) for method in job.methods)

    def act(work: Work) -> None:
        path = work.path or job.port_name()
        command = [path if word == BOOT_PORT else word for word in commands[work.choice]]
        size, baud = len(work.loaded().data), job.methods[work.choice].baud
        work.detail(run_tool(command, limits(size, baud * BYTES_PER_BAUD), work.progress, port=path))

    return [*before, Step("write the flash and read it back", act, commands, writes=True)]


def _command(job: Job, method: FlashMethod, port: str) -> tuple[str, ...]:
    part = job.board.flash_chip
    kind = "i" if method.file == "hex" else "r"
    return (
        *("avrdude", "-c", method.programmer, "-p", part, "-P", port, "-b", str(method.baud)),
        *method.arguments,
        *("-U", f"flash:w:{job.file}:{kind}"),
    )


def _probe_step(job: Job) -> Step:
    bauds = " or ".join(str(method.baud) for method in job.methods)
    assert job.place is not None
    words = f"reset the board by DTR, and ask which boot loader is on {job.place.name} (at {bauds} baud)"

    def act(work: Work) -> None:
        wanted = [Kind(method.programmer, method.baud) for method in job.methods]
        answer = first_answer(job.port_name(), wanted)
        if answer is None:
            raise _explained(job, wanted)
        _check_chip(job, answer)
        work.choice = wanted.index(answer.kind)
        work.detail(f"{NAMES[answer.kind.programmer]} answers at {answer.kind.baud} baud")

    return Step(words, act)


def _check_chip(job: Job, answer: Answer) -> None:
    own = (job.board.chip, job.board.flash_chip)
    if answer.chips and not set(answer.chips).intersection(own):
        raise WrongChip(
            f"the chip is an {answer.chips[0]}, and the firmware of '{job.board.name}' is for an {own[0]}",
            where=job.shown_port(),
            hint=f"give --board {answer.chips[0]}, or the name of the board that it is (`klipkit flash list`)",
        )


def _explained(job: Job, wanted: list[Kind]) -> KlipkitError:
    """What is there instead of the boot loader that was asked for."""
    others = [Kind(name, baud) for name, baud in product((V1, V2), BAUDS) if Kind(name, baud) not in wanted]
    answer = first_answer(job.port_name(), others)
    asked = " or ".join(f"{NAMES[kind.programmer]} at {kind.baud} baud" for kind in wanted)
    if answer is None:
        return NoBootloader(
            f"no boot loader answers: asked for {asked}",
            where=job.shown_port(),
            hint="is it the right port (`klipkit ports`), is the board powered, and can DTR reset it "
            "(no jumper or capacitor on its reset)? Press reset just when it is asked; "
            "a board without a boot loader needs a programmer",
        )
    return _wrong(job, answer, asked)


def _wrong(job: Job, answer: Answer, asked: str) -> KlipkitError:
    kind = answer.kind
    what = f"asked for {asked}, but {NAMES[kind.programmer]} answers at {kind.baud} baud"
    own = (job.board.chip, job.board.flash_chip)
    if answer.chips and not set(answer.chips).intersection(own):
        what += f", on an {answer.chips[0]}"
        hint = f"the board is no '{job.board.name}': `klipkit flash list` shows the boards with that chip"
    elif job.told_baud:
        hint = f"give --bootloader-baud {kind.baud}, or leave it out"
    else:
        hint = f"give --method {kind.programmer} --bootloader-baud {kind.baud}"
    return WrongBootloader(what, where=job.shown_port(), hint=hint)
