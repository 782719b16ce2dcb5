"""Imports and includes go strictly down the floors of the package (DESIGN 2)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference import TOP

PACKAGE = TOP / "klipkit"
FLOOR = {
    "base": 1,
    "wire": 2,
    "gcode": 2,
    "motion": 2,
    "boards": 2,
    "link": 3,
    "toolchain": 3,
    "mcu": 4,
    "parts": 5,
    "flashing": 5,
    "machine": 6,
    "daemon": 7,
    "sim": 7,
    "cli": 8,
}


def modules_imported(source: str) -> Iterator[str]:
    """Each module that a Python text imports, at any depth of it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            yield from (f"{node.module}.{alias.name}" for alias in node.names if not node.level)


def python_edges(source: str) -> set[str]:
    """The packages of klipkit that a Python text imports."""
    parts = (name.split(".") for name in modules_imported(source))
    return {part[1] for part in parts if part[0] == "klipkit" and len(part) > 1 and part[1] in FLOOR}


def c_edges(source: str) -> set[str]:
    """The folders of klipkit that a C text includes."""
    return set(re.findall(r'^\s*#\s*include\s+"klipkit/(\w+)/', source, re.MULTILINE))


def wrong(owner: str, targets: set[str]) -> list[str]:
    """The edges from `owner` that do not go strictly down."""
    return sorted(name for name in targets if name != owner and FLOOR[name] >= FLOOR[owner])


def sources(pattern: str) -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob(pattern)) if path.relative_to(PACKAGE).parts[0] in FLOOR]


def test_each_folder_of_the_package_has_a_floor() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(FLOOR)


@pytest.mark.parametrize("path", sources("*.py"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_python_imports_go_down(path: Path) -> None:
    assert wrong(path.relative_to(PACKAGE).parts[0], python_edges(path.read_text())) == []


@pytest.mark.parametrize("path", sources("*.[ch]"), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_c_includes_go_down(path: Path) -> None:
    assert wrong(path.relative_to(PACKAGE).parts[0], c_edges(path.read_text())) == []


def test_the_checker_sees_an_import_that_goes_up_or_sideways() -> None:
    assert wrong("base", python_edges("def f():\n    from klipkit.cli import main\n")) == ["cli"]
    assert wrong("wire", python_edges("import klipkit.motion.trapq")) == ["motion"]
    assert wrong("mcu", python_edges("from klipkit import wire, link")) == []
    assert wrong("motion", c_edges('#include "klipkit/wire/vlq.h"')) == ["wire"]


def test_imports_are_absolute() -> None:
    relative = [
        path for path in sources("*.py") if any(m.startswith(".") for m in modules_imported(path.read_text()))
    ]
    assert relative == []
