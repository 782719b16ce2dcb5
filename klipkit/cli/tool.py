"""What every tool shares: the common options, its Output, its examples, and the one place that prints errors."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import click

from klipkit.base.errors import EXIT_DONE, DeviceError, KlipkitError, causes
from klipkit.base.output import Output
from klipkit.base.text import sanitise


class Example(NamedTuple):
    """One line of a tool's examples: a command to type and what it does."""

    command: str
    what: str


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--json", "json_"], is_flag=True, help="Answer in JSON."),
        click.Option(["-q", "--quiet"], is_flag=True, help="No remarks or warnings on stderr."),
        click.Option(["-v", "--verbose"], count=True, help="More remarks on stderr."),
        click.Option(["--no-color"], is_flag=True, help="No colours; the same as setting NO_COLOR."),
    ]


class Tool(click.Command):
    """A command that is given an Output as `out`, and whose return value is the exit status (None is 0)."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(Example(*example) for example in examples)
        self.params.extend(_common_options())

    def invoke(self, ctx: click.Context) -> NoReturn:
        """Run the tool; always leaves by click's Exit with the tool's status."""
        out = _output(ctx.params)
        ctx.params["out"] = out
        try:
            status = super().invoke(ctx)
            out.stdout.flush()
        except BrokenPipeError:
            discard_stdout()
            status = EXIT_DONE  # the reader has seen enough
        except KlipkitError as error:
            status = report(error, ctx.command_path, out)
        except OSError as error:
            if error.filename is not None:
                raise
            discard_stdout()
            reason = DeviceError(f"the answer could not be written: {sanitise(str(error.strerror or error))}")
            status = report(reason, ctx.command_path, out)
        ctx.exit(status or EXIT_DONE)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, after the options."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            for command, what in self.examples:
                formatter.write(f"  {command}\n      {what}\n")


tool: Callable[..., Callable[[Callable[..., int | None]], Tool]] = functools.partial(click.command, cls=Tool)


class ToolGroup(click.Group):
    """A tool with subcommands, each of them a Tool."""

    command_class = Tool


tools: Callable[..., Callable[[Callable[..., None]], ToolGroup]] = functools.partial(
    click.group, cls=ToolGroup
)


def _output(params: dict[str, Any]) -> Output:
    quiet, verbose = params.pop("quiet"), params.pop("verbose")
    return Output(
        json=params.pop("json_"), verbosity=-1 if quiet else verbose, color=not params.pop("no_color")
    )


def report(error: KlipkitError, command: str, out: Output | None = None) -> int:
    """Print the error on stderr, as one line (of JSON with --json), and give its exit status."""
    if out is not None and out.json:
        import json

        line = json.dumps({"error": error.record()})
    else:
        first, *chain = [_told(cause) for cause in causes(error)]
        reasons = "".join(f"; caused by: {cause}" for cause in chain)
        line = f"{command}: error: {sanitise(first, 2000)}{sanitise(reasons, 2000)} [{error.code}]"
    sys.stderr.write(line + "\n")
    return error.exit_status


def _told(error: BaseException) -> str:
    return "; ".join(str(error).splitlines()) if isinstance(error, KlipkitError) else _of_python(error)


def _of_python(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def discard_stdout() -> None:
    """Let what is still to be written to stdout go nowhere, so that the exit is quiet."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.close(devnull)
