"""How long the tools take to start, against `python -c 'import click'`: instructions, CPU seconds, modules loaded."""

import atexit
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from tests.bench.counting import ENVIRONMENT, instructions
from tests.golden.ports.tree import Tree, ch340, firmware

PYTHON = sys.executable
KLIPKIT = str(Path(PYTHON).with_name("klipkit"))
BASE = [PYTHON, "-c", "import click"]
COMMANDS = {
    "klipkit --help": [PYTHON, KLIPKIT, "--help"],
    "klipkit ports": [PYTHON, KLIPKIT, "ports"],
    "klipkit pins convert D23": [PYTHON, KLIPKIT, "pins", "convert", "D23"],
}
ROUNDS = 15


@lru_cache(maxsize=1)
def few_ports() -> dict[str, str]:
    """The environment in which `klipkit ports` sees a small machine with two boards, the same on each computer."""
    folder = Path(tempfile.mkdtemp(prefix="klipkit-bench-"))
    atexit.register(shutil.rmtree, folder)
    tree = Tree(folder)
    ch340(tree, "ttyUSB0", "1-1")
    firmware(tree, "ttyACM0", "1-2")
    return {"KLIPKIT_SYSROOT": str(tree.root)}


def cpu_seconds(command: list[str]) -> float:
    """The least CPU time of some runs, user and system."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {"PATH": os.environ["PATH"]} | ENVIRONMENT | few_ports()
        subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return best


def ratios() -> dict[str, float]:
    """Instructions of each command over those of `import click`."""
    base = instructions(BASE)
    return {name: instructions(command, few_ports()) / base for name, command in COMMANDS.items()}


def main() -> None:
    """Print the table."""
    base_count, base_time = instructions(BASE), cpu_seconds(BASE)
    print(f"{'start-up':32}{'M instructions':>16}{'ratio':>8}{'CPU ms':>10}{'ratio':>8}")
    print(f"{'import click':32}{base_count / 1e6:16.1f}{1:8.2f}{base_time * 1e3:10.1f}{1:8.2f}")
    for name, command in COMMANDS.items():
        count, time = instructions(command, few_ports()), cpu_seconds(command)
        ratio, time_ratio = count / base_count, time / base_time
        print(f"{name:32}{count / 1e6:16.1f}{ratio:8.2f}{time * 1e3:10.1f}{time_ratio:8.2f}")


if __name__ == "__main__":
    main()
