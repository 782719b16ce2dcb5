"""How tests compile C of their own: strictly, and under the address and undefined-behaviour sanitizers."""

import subprocess
from pathlib import Path

from tests.reference import TOP

STRICT = [
    "-std=c11",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wundef",
    "-Werror",
]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def compile_with(*words: str | Path) -> None:
    """Run gcc with these words; headers are named from the top of the project."""
    command = ["gcc", *STRICT, *SANITIZE, f"-I{TOP}", *(str(word) for word in words)]
    subprocess.run(command, check=True)
