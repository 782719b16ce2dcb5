"""`klipkit explain`: what an error means and what to do about it, offline."""

import inspect

import click

from klipkit.base.errors import KlipkitError, NotFound, tree
from klipkit.base.output import Column, Output
from klipkit.base.text import did_you_mean, sanitise
from klipkit.cli.tool import tool

COLUMNS = (Column("code", "Code"), Column("exit_status", "Exit"), Column("summary", "Meaning"))


def _paragraphs(kind: type[KlipkitError]) -> tuple[str, str]:
    """An error's meaning (one sentence) and what to do about it, from the docstring of its class."""
    text = inspect.cleandoc(kind.__doc__ or "")
    summary, _, advice = text.partition("\n\n")
    return " ".join(summary.split()), " ".join(advice.split())


def _record(kind: type[KlipkitError]) -> dict[str, object]:
    summary, advice = _paragraphs(kind)
    return {
        "code": kind.code,
        "exit_status": kind.exit_status,
        "summary": summary,
        "advice": advice,
        "classic": list(kind.classic),
    }


def find(words: str) -> list[type[KlipkitError]]:
    """The errors that a code, a line of error output or a classic message stands for; the most specific first."""
    kinds = list(tree())
    text = words.strip()
    exact = [kind for kind in kinds if kind.code == text or text.endswith(f"[{kind.code}]")]
    if exact:
        return exact
    lower = text.lower()
    hits = [(max(map(len, found)), kind) for kind in kinds if (found := _classic_in(kind, lower))]
    return [kind for _, kind in sorted(hits, key=lambda hit: -hit[0])]


def _classic_in(kind: type[KlipkitError], lower: str) -> list[str]:
    if len(lower) < 4:
        return []
    return [words for words in kind.classic if words.lower() in lower or lower in words.lower()]


def _codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [kind.code for kind in tree() if kind.code.startswith(incomplete)]


@tool(
    "explain",
    examples=(
        ("klipkit explain", "lists all errors, one a line"),
        ("klipkit explain not-an-adc-pin", "explains a code, the word in brackets at the end of an error"),
        ("klipkit explain 'Timer too close'", "explains a message, also one of the classic ones"),
    ),
)
@click.argument("words", nargs=-1, metavar="[CODE | MESSAGE]...", shell_complete=_codes)
def explain(out: Output, words: tuple[str, ...]) -> int:
    """Without an argument, all errors are listed: code, exit status, meaning. A message may be given whole, as it was
    printed; the words that people search for (the classic messages of Klipper) are recognised.

    Exit status 1 when nothing is known about the message.
    """
    if not words:
        rows = [_record(kind) for kind in tree()]
        out.records(COLUMNS, rows, errors=rows)
        return 0
    message = " ".join(words)
    kinds = find(message)
    if not kinds:
        codes = [kind.code for kind in tree()]
        hint = did_you_mean(message, codes) or "`klipkit explain` lists all errors"
        raise NotFound(f"nothing is known about '{sanitise(message)}'", hint=hint)
    if out.json:
        out.document({"errors": [_record(kind) for kind in kinds]})
        return 0
    for number, kind in enumerate(kinds):
        if number:
            out.line("")
        _print(out, kind)
    return 0


def _print(out: Output, kind: type[KlipkitError]) -> None:
    summary, advice = _paragraphs(kind)
    out.line(f"{kind.code} (exit status {kind.exit_status})")
    out.line(f"  {summary}")
    if advice:
        out.line(f"  {advice}")


COMMAND = explain
