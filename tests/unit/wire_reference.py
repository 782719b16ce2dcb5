"""Reference data of the wire, read once: the vectors, and the dictionary of the atmega2560 build put together again."""

import json
import re
from functools import cache
from typing import Any

from klipkit.wire.dictionary import Dictionary, read_dictionary
from tests.reference import reference_path


@cache
def vectors() -> dict[str, Any]:
    """vectors.json."""
    found: dict[str, Any] = json.loads(reference_path("wire/vectors.json").read_text())
    return found


@cache
def formats() -> dict[str, dict[str, str]]:
    """All formats of commands.txt: direction ("<" or ">") -> name -> format."""
    found: dict[str, dict[str, str]] = {"<": {}, ">": {}}
    for line in reference_path("wire/commands.txt").read_text().splitlines():
        match = re.match(r"([<>]) (\w+(?: \w+=%[.*a-z]+)*)   \[", line)
        if match:
            found[match[1]][match[2].split()[0]] = match[2]
    return found


@cache
def dictionary_table() -> dict[str, Any]:
    """The dictionary of the atmega2560 build as a JSON object: ids from the vectors, formats from commands.txt."""
    ids = vectors()["id_table"]
    pins = [f"P{letter}" for letter in "ABCDEFGHIJKL"]
    return {
        "version": "v0.13.0-730",
        "build_versions": "gcc",
        "commands": {text: ids[name] for name, text in formats()[">"].items() if name in ids},
        "responses": {text: ids[name] for name, text in formats()["<"].items() if name in ids},
        "enumerations": {
            "pin": {f"{port}0": [8 * place, 8] for place, port in enumerate(pins) if port != "PI"},
            "spi_bus": {"spi": 0},
            "static_string_id": {"Command request": 2, "Timer too close": 3},
        },
        "config": {"CLOCK_FREQ": 16000000, "MCU": "atmega2560", "RECEIVE_WINDOW": 192, "SERIAL_BAUD": 250000},
    }


@cache
def dictionary() -> Dictionary:
    """The same, parsed."""
    return read_dictionary(json.dumps(dictionary_table()).encode())
