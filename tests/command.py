"""Runs the installed `klipkit` command as a person's shell does."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PYTHON = sys.executable
KLIPKIT = Path(PYTHON).with_name("klipkit")
HANG = 120  # seconds: a guard against hanging, far above what any call takes


def shell(
    line: str, extra: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `klipkit` is the installed command."""
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("KLIPKIT", "_KLIPKIT", "NO_COLOR"))
    }
    environment |= {"PATH": f"{KLIPKIT.parent}:{environment['PATH']}", "LC_ALL": "C.UTF-8"} | dict(
        extra or {}
    )
    return subprocess.run(
        ["bash", "-c", line],
        input=stdin,
        capture_output=True,
        text=True,
        env=environment,
        timeout=HANG,
        check=False,
    )


def modules_of(arguments: list[str], extra: Mapping[str, str] | None = None) -> set[str]:
    """The modules that a call of klipkit has loaded when it is done."""
    program = (
        "import sys, io\n"
        "from klipkit.cli.main import run\n"
        "out, sys.stdout = sys.stdout, io.StringIO()\n"
        f"run({arguments!r})\n"
        "out.write(' '.join(sys.modules))\n"
    )
    environment = dict(os.environ) | dict(extra or {})
    result = subprocess.run(
        [PYTHON, "-c", program],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment,
        timeout=HANG,
        check=True,
    )
    return set(result.stdout.split())
