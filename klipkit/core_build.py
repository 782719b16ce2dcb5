"""Builds `klipkit._core`, the one C extension: all C of the package, each folder's headers being the cdef.

A header is plain C declarations: includes, include guards and comments are dropped, all else goes to cffi as it stands.
"""

import os
from pathlib import Path

from cffi import FFI

TOP = Path(__file__).parent
FOLDERS = ("wire", "gcode", "motion", "link", "mcu", "machine", "sim")  # lowest floor first: cdef order
FLAGS = [
    "-std=c11",
    "-O3",
    "-flto",
    "-fno-math-errno",
    "-fno-trapping-math",  # no traps are used: comparisons may become selections; results are the same
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wundef",
]


def headers() -> list[Path]:
    """The headers of the core in the order of the floors, then by name."""
    return [path for folder in FOLDERS for path in sorted((TOP / folder).glob("*.h"))]


def sources() -> list[Path]:
    """The C files of the core."""
    return [path for folder in FOLDERS for path in sorted((TOP / folder).glob("*.c"))]


def declarations(header: Path) -> str:
    """A header without its preprocessor lines."""
    return "\n".join(line for line in header.read_text().splitlines() if not line.lstrip().startswith("#"))


ffibuilder = FFI()
for _header in headers():
    ffibuilder.cdef(declarations(_header))
ffibuilder.set_source(
    "klipkit._core",
    "\n".join(f'#include "{path.relative_to(TOP.parent)}"' for path in headers()),
    sources=[os.path.relpath(path, TOP.parent) for path in sources()],
    depends=[os.path.relpath(path, TOP.parent) for path in (*headers(), *TOP.glob("*/inner/*.h"))],
    include_dirs=["."],
    extra_compile_args=FLAGS + os.environ.get("KLIPKIT_CFLAGS", "").split(),
    extra_link_args=os.environ.get("KLIPKIT_LDFLAGS", "").split(),
    libraries=["m", "pthread", "dl"],
)
