"""What `klipkit flash` prints of plans and of their doing: steps, progress, numbered lines for hands, the result."""

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from klipkit.base.output import Column, Output
from klipkit.flashing.entry import instructions
from klipkit.flashing.job import Work
from klipkit.flashing.plan import Plan, carry_out, check_free, check_tools
from klipkit.flashing.service import command
from klipkit.flashing.verify import Verified

COLUMNS = (
    Column("port", "Port"),
    Column("board", "Board"),
    Column("chip", "Chip"),
    Column("method", "Method"),
    Column("version", "Version"),
    Column("result", "Result"),
)
HANDS = 120.0  # s that a person's hands are given on a terminal


def show_plans(out: Output, plans: Sequence[Plan], service: str | None) -> None:
    """The plans as they are, for --dry-run."""
    around = [shlex.join(command(verb, service)) for verb in ("stop", "start")] if service else []
    if out.json:
        out.document({"service": service, "plans": [plan_record(plan) for plan in plans]})
        return
    for line in around[:1]:
        out.line(f"$ {line}")
    for plan in plans:
        _show_plan(out, plan)
    for line in around[1:]:
        out.line(f"$ {line}")


def plan_record(plan: Plan) -> dict[str, Any]:
    """A plan as a JSON object."""
    job = plan.job
    return {
        "mcu": plan.name or None,
        "board": job.board.name,
        "chip": job.board.chip,
        "port": job.place.name if job.place else None,
        "method": job.method.tool,
        "programmer": job.method.programmer or None,
        "bootloader_baud": job.method.baud or None,
        "file": str(job.file),
        "offset": job.offset,
        "baud": job.baud,
        "steps": [
            {
                "what": step.words,
                "commands": [list(words) for words in step.commands],
                "by_hand": list(step.by_hand),
                "writes": step.writes,
            }
            for step in plan.steps
        ],
    }


def _show_plan(out: Output, plan: Plan) -> None:
    job = plan.job
    name = f"[{'mcu' if plan.name == 'mcu' else f'mcu {plan.name}'}] " if plan.name else ""
    where = f" on {job.place.name}" if job.place else ""
    board = ", ".join(dict.fromkeys((job.board.name, job.board.chip)))
    out.line(f"{name}{board}{where}, by {' '.join(_method(plan))}")
    for number, step in enumerate(plan.steps, 1):
        out.line(f"{number}. {step.words}")
        for place, words in enumerate(step.commands):
            out.line(f"   {'or ' if place else ''}$ {shlex.join(words)}")
        for place, line in enumerate(step.by_hand):
            out.line(f"   by hand {chr(ord('a') + place)}) {line}")


def _method(plan: Plan) -> Iterator[str]:
    method = plan.job.method
    yield method.tool
    if method.programmer:
        yield f"({method.programmer}, {method.baud} baud)"


def do_plans(out: Output, plans: Sequence[Plan], wait: float | None) -> None:
    """Carry them out one after the other; the records of those that are done are printed in any case."""
    for plan in plans:
        check_tools(plan)
        check_free(plan.job.place, plan.job.found.root)
    rows: list[dict[str, Any]] = []
    try:
        for plan in plans:
            rows.append(_done(out, plan, wait))
    finally:
        if rows:
            out.records(COLUMNS, rows, flashed=rows)


def _done(out: Output, plan: Plan, wait: float | None) -> dict[str, Any]:
    job = plan.job
    with _progress(out) as progress:
        work = Work(
            job=job,
            note=out.note,
            detail=lambda text: _detail(out, text),
            progress=progress,
            ask=lambda words: _asked(out, plan, words, wait),
            patience=_patience(out, wait),
        )
        seen = carry_out(plan, work)
    if job.place is not None and seen.name != job.place.name:
        out.note(f"the port is now {seen.name}: write it into printer.cfg")
    return _record(plan, seen)


def _detail(out: Output, text: str) -> None:
    for line in text.splitlines():
        if line.strip():
            out.detail(line)


def _record(plan: Plan, seen: Verified) -> dict[str, Any]:
    job = plan.job
    return {
        "port": seen.name,
        "board": job.board.name,
        "chip": seen.chip,
        "method": job.method.tool,
        "version": seen.version,
        "result": "verified",
        "mcu": plan.name or None,
        "port_before": job.place.name if job.place else None,
        "file": str(job.file),
    }


def _patience(out: Output, wait: float | None) -> float:
    return wait if wait is not None else HANDS if _is_attended(out) else 0.0


def _is_attended(out: Output) -> bool:
    return out.terminal and sys.stdin is not None and sys.stdin.isatty()


def _asked(out: Output, plan: Plan, words: str, wait: float | None) -> bool:
    """Tell what is to be done by hand, and give it time; False when nobody is there to do it."""
    out.note(f"{words}:")
    for number, line in enumerate(instructions(plan.job), 1):
        out.note(f"  {number}. {line}")
    if wait:
        out.note(f"waiting up to {wait:g} s for it")
        return True
    if not _is_attended(out):
        return False
    out.stderr.write("press Enter when it is done (Ctrl-C ends) ")
    out.stderr.flush()
    return bool(sys.stdin.readline())


@contextmanager
def _progress(out: Output) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal; gives what is told the share that is done."""
    if not out.terminal or out.verbosity < 0:
        yield lambda share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn

    console = Console(file=out.stderr, no_color=not out.color)
    with Progress(BarColumn(), TaskProgressColumn(), console=console, transient=True) as bar:
        task = bar.add_task("flash", total=1.0, visible=False)
        yield lambda share: bar.update(task, completed=share, visible=0 < share < 1)
