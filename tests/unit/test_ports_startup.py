"""A piped `klipkit ports` imports nothing that it does not need: its start-up time is a tested budget."""

import subprocess
import sys
from pathlib import Path

from tests.golden.ports.tree import Tree, ch340, firmware

FORBIDDEN = (
    *("rich", "cffi", "jinja2", "serial", "numpy", "json", "pathlib"),
    *("klipkit._core", "klipkit.base.config", "klipkit.boards.chips", "klipkit.boards.families"),
)
CODE = """
import sys
from klipkit.cli.main import run
status = run(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(status)
"""


def test_a_piped_listing_imports_no_drawing_c_core_or_templates(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "root")
    ch340(tree, "ttyUSB0", "1-1")
    firmware(tree, "ttyACM0", "1-2")
    command = [sys.executable, "-c", CODE, "ports", "-q", "--root", str(tree.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    assert len(done.stdout.splitlines()) == 2
    assert [name for name in FORBIDDEN if name in modules] == []
    assert "klipkit.cli.ports" in modules
