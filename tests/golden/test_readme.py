"""The README's commands print what it shows: each `$ klipkit ...` is run, in the README's own folder, on a terminal."""

import os
import re
from pathlib import Path

import pytest

from tests.golden.ports.tree import Tree, ch340, firmware
from tests.golden.transcript import run
from tests.reference import TOP

README = TOP / "README.md"
PROMPT = "    $ klipkit "
BLOCK = re.compile(r"^    \$ klipkit (.*)\n((?:    .*\n)*)", re.MULTILINE)
STYLE = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
BAR = "\u2501"  # of a progress bar, which a person has seen go by


def shown(match: re.Match[str]) -> str:
    """The block with what the command prints now; a command that is fine prints nothing but its answer."""
    _, out, err = run(match[1].split(), terminal=True)
    lines = [
        line.rstrip() for line in STYLE.sub("", out + err).splitlines() if line.strip() and BAR not in line
    ]
    return f"{PROMPT}{match[1]}\n" + "".join(f"    {line}".rstrip() + "\n" for line in lines)


def test_the_readme_shows_what_the_tools_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "root")
    ch340(tree, "ttyUSB0", "1-1")
    firmware(tree, "ttyACM0", "1-2")
    monkeypatch.setenv("KLIPKIT_SYSROOT", str(tree.root))
    monkeypatch.chdir(TOP)
    text = README.read_text()
    now = BLOCK.sub(shown, text)
    assert text.count(PROMPT) >= 6
    if os.environ.get("KLIPKIT_ACCEPT"):
        README.write_text(now)
    assert README.read_text() == now
