"""`klipkit completion`: the shell's completion script, made from the tools' own options."""

import click

from klipkit.base.output import Output
from klipkit.cli.tool import tool

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The completion script for one of SHELLS; it asks klipkit itself at each Tab, so it never goes stale."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(f"click completes {shell} no longer")
    complete = kind(click.Command("klipkit"), {}, "klipkit", "_KLIPKIT_COMPLETE")
    return complete.source_template % complete.source_vars()


@tool(
    "completion",
    examples=(
        (
            'eval "$(klipkit completion bash)"',
            "completion for this shell; the same line in ~/.bashrc keeps it",
        ),
        ("klipkit completion zsh > ~/.zfunc/_klipkit", "for zsh, in a folder of $fpath"),
        ("klipkit completion fish > ~/.config/fish/completions/klipkit.fish", "for fish"),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(out: Output, shell: str) -> int:
    """`make install` puts the scripts where the shells look for them. Tools, options, boards, chips and error codes are
    completed.
    """
    if out.json:
        out.document({"shell": shell, "script": script(shell)})
    else:
        out.text(script(shell) + "\n")
    return 0


COMMAND = completion
