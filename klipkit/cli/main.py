"""The `klipkit` command: the table of tools, each loaded only when it is called."""

import importlib
import os
import sys
from collections.abc import Sequence
from inspect import cleandoc
from typing import NamedTuple, NoReturn

import click

from klipkit import __version__
from klipkit.base.errors import EXIT_INTERRUPTED, EXIT_USAGE, KlipkitError, UsageError
from klipkit.cli.tool import discard_stdout, report

EXIT_INTERNAL = 70  # a fault of klipkit itself, as in sysexits.h


class Entry(NamedTuple):
    """A tool: the file in klipkit/cli that holds it, and one sentence of what it does."""

    module: str
    summary: str


TOOLS = {
    "build": Entry("build", "Build the firmware of a board."),
    "cancel": Entry("cancel", "Give up the print, or what it waits for."),
    "check": Entry("check", "Find what would stop or spoil a print, before it begins."),
    "completion": Entry("completion", "Print the completion script for bash, zsh or fish."),
    "config": Entry("config", "Check a printer.cfg."),
    "console": Entry(
        "console", "Talk with a microcontroller: its firmware's own commands, typed or scripted."
    ),
    "estimate": Entry("estimate", "Estimate the time and the filament of a print."),
    "endstop-phase": Entry("endstop_phase", "Make endstops as precise as the steppers, by their phase."),
    "explain": Entry("explain", "Explain an error code or message, or list all errors."),
    "flash": Entry("flash", "Put firmware on a board, and see that it runs."),
    "gcode": Entry("gcode", "Have lines of G-code carried out, and print what is answered."),
    "lost-steps": Entry("lost_steps", "Tell whether motors have lost steps, and at which speed they do."),
    "pins": Entry("pins", "Translate, list and check pin names."),
    "ports": Entry("ports", "Find serial ports and say what is behind them."),
    "print": Entry("print", "Print a file of the printer's virtual SD card."),
    "reload": Entry(
        "reload",
        "Take on changes of the configuration while the printer runs, and tell what needs a restart.",
    ),
    "sim": Entry("sim", "Simulate a printer's microcontrollers behind pseudo terminals, for any host."),
    "run": Entry("run", "Drive a printer: the host daemon."),
    "status": Entry("status", "Tell what a running printer does."),
    "steps": Entry("steps", "Compute the motor steps of a file, without a printer."),
    "simulate": Entry("simulate", "Print a file on simulated microcontrollers that run the real firmware."),
}


class Toolkit(click.Group):
    """The group of all tools; --help reads the table above and imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the tools, sorted."""
        return sorted(TOOLS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The tool, imported now; its help begins with the sentence of the table."""
        entry = TOOLS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"klipkit.cli.{entry.module}")
        command: click.Command = module.COMMAND
        if command.short_help != entry.summary:
            command.short_help = entry.summary
            command.help = f"{entry.summary}\n\n{cleandoc(command.help or '')}".strip()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of tools, from the table."""
        with formatter.section("Tools"):
            formatter.write_dl([(name, TOOLS[name].summary) for name in sorted(TOOLS)])


@click.group(cls=Toolkit, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="klipkit", message="%(prog)s %(version)s")
def toolkit() -> None:
    """Unix tools for 3D-printer motion control.

    `klipkit TOOL --help` shows a tool's options and examples; `man klipkit-TOOL` is its manual page.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit status; prints errors, never a traceback."""
    try:
        status = toolkit.main(
            args=None if arguments is None else list(arguments), prog_name="klipkit", standalone_mode=False
        )
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        return _usage(error)
    except SystemExit as error:  # how click reports a closed pipe while it prints --help
        return _closed_pipe() if isinstance(error.__context__, BrokenPipeError) else int(error.code or 0)
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:
        return _internal(error)
    return int(status or 0)


def main() -> NoReturn:
    """The entry point of the installed command."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is not None:  # undecodable bytes in files pass through filters unchanged
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 (started with stdout closed)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.exit(run())


def _usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "klipkit"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stderr.write(error.format_message() + "\n")
        return EXIT_USAGE
    what = " ".join(error.format_message().split()).rstrip(".")
    return report(UsageError(what, hint=f"try '{command} --help'"), command)


def _closed_pipe() -> int:
    discard_stdout()
    return 0


def _internal(error: Exception) -> int:
    if os.environ.get("KLIPKIT_DEBUG"):
        raise error
    what = f"internal error, a fault of klipkit: {type(error).__name__}: {error}"
    report(
        KlipkitError(what, hint="run again with KLIPKIT_DEBUG=1 for the details, and report it"), "klipkit"
    )
    return EXIT_INTERNAL
