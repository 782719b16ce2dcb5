"""Writes man/ from the code: a page for each tool, the overview with all options, and the errors.

python -m klipkit.cli.reference FOLDER      writes FOLDER/man/*.1 *.5 *.7, and removes pages of tools that are gone
"""

import inspect
import sys
from pathlib import Path

import click

from klipkit import __version__
from klipkit.base.describe import OptionDoc, describe
from klipkit.base.errors import tree
from klipkit.cli.main import EXIT_INTERNAL, TOOLS, toolkit
from klipkit.cli.roff import Page
from klipkit.cli.sections import SCHEMA
from klipkit.cli.tool import Tool

SOURCE = f"klipkit {__version__}"

EXIT_STATUSES = (
    ("0", "Done."),
    ("1", "The answer is no: a check failed, nothing was found."),
    ("2", "Wrong usage, or a mistake in a configuration file."),
    ("3", "A device or a link failed."),
    ("4", "The printer is in shutdown, or refused."),
    (str(EXIT_INTERNAL), "A fault of klipkit itself."),
    ("130", "Interrupted."),
)

ENVIRONMENT = (
    ("XDG_CACHE_HOME", "The folder for what `klipkit build` compiles, instead of ~/.cache."),
    ("NO_COLOR", "When set, no colours are used; the same as --no-color."),
    ("KLIPKIT_SYSROOT", "The folder whose sys/ and dev/ are searched for ports, instead of /."),
    ("KLIPKIT_DEBUG", "When set, a fault of klipkit itself shows a Python traceback."),
)


def pages() -> dict[str, str]:
    """Each manual page by its file name, as roff."""
    made = [overview(), errors(), printer_cfg()]
    context = click.Context(toolkit, info_name="klipkit")
    for name in sorted(TOOLS):
        command = toolkit.get_command(context, name)
        if command is None:
            raise AssertionError(f"the table names a tool that is not there: {name}")
        made.append(tool_page(command, click.Context(command, info_name=name, parent=context)))
    return {f"{page.name}.{page.section}": page.render() for page in made}


def overview() -> Page:
    """klipkit(1): the tools, what is common to all of them, and every option."""
    page = Page("klipkit", 1, "Unix tools for 3D-printer motion control", SOURCE)
    page.heading("SYNOPSIS")
    page.paragraphs("`klipkit` TOOL [OPTIONS] [ARGUMENTS]")
    page.heading("TOOLS")
    for name in sorted(TOOLS):
        page.item(f"klipkit-{name}(1)", TOOLS[name].summary)
    page.heading("OUTPUT")
    page.paragraphs(
        "Data goes to standard output, everything else to standard error. On a terminal the answer is a table; "
        "in a pipe it is one record a line, fields separated by tabs, without a heading; with `--json` it is one "
        "JSON document, or one object a line where records come over time. An empty field is a single hyphen.\n\n"
        "An error is one line: the tool, where, what, what to do, and a code that `klipkit explain` explains."
    )
    page.heading("COMMON OPTIONS")
    for parameter in Tool("common").params:
        _option(page, parameter, click.Context(toolkit))
    _exit_and_environment(page)
    return page


def _exit_and_environment(page: Page) -> None:
    page.heading("EXIT STATUS")
    for status, meaning in EXIT_STATUSES:
        page.item(status, meaning)
    page.heading("ENVIRONMENT")
    for name, meaning in ENVIRONMENT:
        page.item(name, meaning)


def errors() -> Page:
    """klipkit-errors(7): each code, what it means and what to do."""
    page = Page("klipkit-errors", 7, "the errors of klipkit by their codes", SOURCE)
    page.heading("ERRORS")
    for kind in tree():
        text = inspect.cleandoc(kind.__doc__ or "").replace("\n\n", " ")
        page.item(kind.code, f"{text} (exit status {kind.exit_status})")
    return page


def printer_cfg() -> Page:
    """klipkit-printer.cfg(5): the sections and options, from their declarations."""
    page = Page("klipkit-printer.cfg", 5, "the printer's configuration file", SOURCE)
    page.heading("DESCRIPTION")
    page.paragraphs(
        "A line `[section]` begins a section, `option: value` or `option = value` is an option, and further lines of a "
        "value are indented. `#` begins a comment. `[include FILE]` takes in other files; the path is relative to the "
        "file that holds it, and may have `*`. The lines that begin with `#*#` at the end of the main file are written "
        "by SAVE_CONFIG and go before what stands above them."
    )
    for made in SCHEMA.sections:
        section = describe(made)
        page.heading(", ".join(f"[{name}]" for name in section.names))
        page.paragraphs(f"{section.sentence}\n\n{section.text}")
        for option in section.options:
            page.item(f"{option.name}:", _option_words(option))
    return page


def _option_words(option: OptionDoc) -> str:
    default = {"required": "must be given", "none": "may be left out"}.get(option.default)
    facts = (
        option.words,
        option.range,
        option.unit,
        default or f"default {option.default}",
        option.condition,
    )
    return f"{option.sentence} ({'; '.join(fact for fact in facts if fact)})"


def tool_page(command: click.Command, context: click.Context) -> Page:
    """The page of a tool; a tool with subcommands has them all on its page."""
    page = Page(f"klipkit-{command.name}", 1, command.short_help or "", SOURCE)
    page.heading("SYNOPSIS")
    leaves = _leaves(command, context)
    for leaf in leaves:
        usage = " ".join(leaf.command.collect_usage_pieces(leaf))
        page.paragraphs(f"`{leaf.command_path}` {usage}")
    page.heading("DESCRIPTION")
    page.paragraphs((command.help or "").removeprefix(command.short_help or "") or command.short_help or "")
    for leaf in leaves:
        if leaf.command is not command:
            page.heading(leaf.command_path)
            page.paragraphs(inspect.cleandoc(leaf.command.help or ""))
        _options(page, leaf, nested=leaf.command is not command)
    _examples(page, [leaf.command for leaf in leaves])
    page.heading("EXIT STATUS")
    page.paragraphs("As in `klipkit`(1).")
    page.heading("SEE ALSO")
    page.paragraphs("`klipkit`(1), `klipkit-errors`(7)")
    return page


def _leaves(command: click.Command, context: click.Context) -> list[click.Context]:
    if not isinstance(command, click.Group):
        return [context]
    found: list[click.Context] = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None and not child.hidden:
            found += _leaves(child, click.Context(child, info_name=name, parent=context))
    return found


def _options(page: Page, context: click.Context, *, nested: bool) -> None:
    shown = [p for p in context.command.get_params(context) if isinstance(p, click.Option) and not p.hidden]
    if nested:
        page.subheading("Options")
    else:
        page.heading("OPTIONS")
    for parameter in shown:
        _option(page, parameter, context)


def _option(page: Page, parameter: click.Parameter, context: click.Context) -> None:
    record = parameter.get_help_record(context)
    if record:
        page.item(*record)


def _examples(page: Page, commands: list[click.Command]) -> None:
    examples = [example for command in commands for example in getattr(command, "examples", ())]
    if not examples:
        return
    page.heading("EXAMPLES")
    for example in examples:
        page.item(example.command, example.what)


def write(folder: Path) -> list[Path]:
    """Write all pages below `folder`/man and remove others that stand there; gives the files written."""
    target = folder / "man"
    target.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in target.glob("klipkit*.[157]"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (target / name).write_text(text)
    return [target / name for name in sorted(made)]


if __name__ == "__main__":
    for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else ".")):
        sys.stdout.write(f"{written}\n")
