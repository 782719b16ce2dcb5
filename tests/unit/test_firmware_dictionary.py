"""The build script that turns declarations into the dispatch table and the data dictionary."""

import json
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.firmware_surround import BUILD, FIRMWARE, built, dictionary

LEAST = (
    'DECLARED(command_always, identify, "offset=%u count=%c")'
    'DECLARED(response, identify_response, "offset=%u data=%.*s")'
)


def run(tmp_path: Path, *sources: str, form: str = "zlib") -> subprocess.CompletedProcess[str]:
    paths = []
    for index, source in enumerate(sources):
        paths.append(tmp_path / f"source{index}.i")
        paths[-1].write_text(source)
    command = [sys.executable, str(FIRMWARE / "dictionary.py"), "--output", str(tmp_path), "--form", form]
    command += ["--version", "v1", "--build-versions", "gcc: 1", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def made(tmp_path: Path, *sources: str) -> dict[str, Any]:
    """The dictionary in the bytes of declared.c."""
    done = run(tmp_path, *sources)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "declared.c").read_text()
    match = re.search(r"declared_dictionary\[\] = \{([\d,\s]*)\}", text)
    assert match
    data = bytes(int(number) for number in match.group(1).split(",") if number.strip())
    assert f"declared_dictionary_size = {len(data)};" in text
    raw: dict[str, Any] = json.loads(zlib.decompress(data))
    return raw


def test_declarations_become_members_of_the_dictionary(tmp_path: Path) -> None:
    raw = made(
        tmp_path,
        LEAST,
        'void f(void) { if (x(1, 2)) DECLARED(text, unit, 7, "Too" " close"); }\n'
        'DECLARED(constant, CLOCK_FREQ, 16000000UL) DECLARED(constant, MCU, "chip")\n'
        'DECLARED(enumeration, "bus", "spi1", 0x10) DECLARED(range, "pin", "PA0", 0, 8)\n'
        'DECLARED(command, move, "oid=%c data=%*s") { }',
    )
    assert raw["config"] == {"CLOCK_FREQ": 16000000, "MCU": "chip"}
    assert raw["enumerations"] == {
        "bus": {"spi1": 16},
        "pin": {"PA0": [0, 8]},
        "static_string_id": {"Too close": 2},
    }
    assert raw["commands"] == {"identify offset=%u count=%c": 1, "move oid=%c data=%*s": 2}
    assert (raw["version"], raw["build_versions"], raw["app"]) == ("v1", "gcc: 1", "klipkit")
    assert "TEXT_unit_7 = 2," in (tmp_path / "declared.h").read_text()


def test_numbers_from_96_on_are_read_as_negative_then_take_two_bytes(tmp_path: Path) -> None:
    commands = "".join(f'DECLARED(command, c{index}, "")\n' for index in range(2, 135))
    raw = made(tmp_path, LEAST, commands)
    numbers = raw["commands"]
    assert (numbers["c95"], numbers["c96"], numbers["c127"], numbers["c128"]) == (95, -32, -1, 128)
    assert raw["responses"] == {"identify_response offset=%u data=%.*s": 0}


def test_one_text_has_one_number_wherever_it_is_used(tmp_path: Path) -> None:
    uses = 'DECLARED(text, a, 1, "x") DECLARED(text, a, 2, "y") DECLARED(text, b, 1, "x")'
    assert made(tmp_path, LEAST, uses)["enumerations"]["static_string_id"] == {"x": 2, "y": 3}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('DECLARED(command, a, "oid=%d")', "a: 'oid=%d' is not name=%u"),
        ('DECLARED(command, a, "oid")', "a: 'oid' is not name=%u"),
        ('DECLARED(command, a, "x=%*s y=%*s")', "a: more than one parameter is bytes"),
        ('DECLARED(command, a, "") DECLARED(command, a, "")', "a is declared twice"),
        ("DECLARED(constant, A, 1) DECLARED(constant, A, 1)", "constant A is declared twice"),
        ("DECLARED(constant, A, b + 1)", "expected an integer literal, not b + 1"),
        ('DECLARED(text, a, 1, "x") DECLARED(text, a, 1, "y")', "a:1: two texts on one line"),
        ("DECLARED(text, a, 1, message)", "expected a string literal, not message"),
        ('DECLARED(command, a, "x=%u"', "a declaration does not end"),
        (
            'DECLARED(response, a, "' + " ".join(f"x{index}=%u" for index in range(9)) + '")',
            "a: too many parameters",
        ),
    ],
)
def test_a_wrong_declaration_names_its_source(tmp_path: Path, source: str, message: str) -> None:
    done = run(tmp_path, LEAST, source)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path / 'source1.i'}: {message}")
    assert done.stderr.count("\n") == 1


def test_without_identify_there_is_no_dictionary(tmp_path: Path) -> None:
    done = run(tmp_path, 'DECLARED(command, a, "")')
    assert done.returncode == 1
    assert "identify is not declared" in done.stderr


def test_output_is_the_same_each_time_and_left_alone_when_unchanged(tmp_path: Path) -> None:
    run(tmp_path, LEAST)
    first = [(path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(tmp_path.glob("declared.*"))]
    run(tmp_path, LEAST)
    assert [
        (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(tmp_path.glob("declared.*"))
    ] == first
    assert len(first) == 2


def test_a_port_with_a_built_dictionary_would_serve_the_same_messages(tmp_path: Path) -> None:
    built()
    paths = [path.relative_to(BUILD).with_suffix(".c") for path in sorted(BUILD.rglob("*.i"))]
    sources = [(BUILD / path).with_suffix(".i").read_text() for path in paths if (FIRMWARE / path).exists()]
    raw = made(tmp_path, *sources)
    assert set(raw["commands"]) == set(dictionary().raw["commands"])
    assert set(raw["responses"]) == set(dictionary().raw["responses"])


def declared(tmp_path: Path, *sources: str, form: str = "zlib") -> tuple[str, str]:
    """The texts of declared.h and declared.c."""
    done = run(tmp_path, *sources, form=form)
    assert done.returncode == 0, done.stderr
    return (tmp_path / "declared.h").read_text(), (tmp_path / "declared.c").read_text()


def test_commands_of_the_shutdown_state_have_the_lowest_numbers(tmp_path: Path) -> None:
    source = (
        'DECLARED(command, move, "a=%c") DECLARED(command_always, stop, "") DECLARED(command, turn, "")'
        'DECLARED(command_always, ask, "")'
    )
    assert made(tmp_path, source, LEAST)["commands"] == {
        "identify offset=%u count=%c": 1,
        "stop": 2,
        "ask": 3,
        "move a=%c": 4,
        "turn": 5,
    }
    header, _ = declared(tmp_path, source, LEAST)
    assert "declared_always_count = 4\n" in header


def test_a_command_to_an_object_names_its_kind_in_the_dispatch_table(tmp_path: Path) -> None:
    header, text = declared(tmp_path, LEAST, 'DECLARED(command_to, wheel, turn, "oid=%c angle=%u") { }')
    assert "[2] = {command_turn, &oid_kind_wheel, 2, COMMAND_NO_BYTES}," in text
    assert "extern const struct oid_kind oid_kind_wheel;" in header


def test_a_command_to_an_object_begins_with_its_oid(tmp_path: Path) -> None:
    done = run(tmp_path, LEAST, 'DECLARED(command_to, wheel, turn, "angle=%u oid=%c") { }')
    assert done.returncode != 0
    assert "turn: the first parameter of a command to an object is oid=%c" in done.stderr


def test_the_bytes_of_a_response_are_its_last_parameter(tmp_path: Path) -> None:
    done = run(tmp_path, LEAST, 'DECLARED(response, seen, "data=%*s clock=%u");')
    assert done.returncode != 0
    assert "seen: the bytes of a response are its last parameter" in done.stderr


def test_zeroing_at_the_start_is_left_to_a_chip(tmp_path: Path) -> None:
    source = "DECLARED(startup, pins) { } DECLARED(startup_zero, list) { }"
    assert "    startup_list();" not in declared(tmp_path, LEAST, source)[1]
    assert "    startup_pins();" in declared(tmp_path, LEAST, source)[1]
    assert "    startup_list();" in declared(tmp_path, LEAST, source, form="json")[1]
