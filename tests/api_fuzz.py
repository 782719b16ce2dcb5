"""Random requests for the API and random lines of G-code: mostly almost right, some not at all."""

import json
import math
import random
from collections.abc import Callable
from typing import Any

NAMES = (
    "toolhead",
    "webhooks",
    "configfile",
    "gcode_move",
    "gcode",
    "nothing",
    "",
    "stepper_x",
    "extruder",
    "\ud800",
    "a" * 300,
)
SCRIPTS = (
    "M115",
    "M105",
    "G90",
    "M117 hi",
    "STATUS",
    "NO_SUCH",
    "G1 X",
    "\x00",
    "M114\nM114",
    "ECHO \x1b[31m",
    "G92 E0",
    "; none",
)
WORDS = ("objects", "script", "response_template", "name", "remote_method", "client_info", "x", "")
LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 70, 1.5, math.nan, math.inf, -math.inf, 1e308, "", "x", "toolhead", "é", "\x03",
)  # fmt: skip
WRONG = (
    b"", b"{", b"[]", b"nul", b"{}", b'{"id":1}', b'{"method":"info"', b"\xff\xfe", b'{"method":5,"id":1}', b'"info"',
    b'{"method":"info","params":[],"id":1}', b'{"method":"info","id":1e999}', b"[" * 5000, b'{"a":' * 3000, b"9" * 5000,
)  # fmt: skip
DEPTH_MOST = 3
NEVER = ("emergency_stop", "gcode/restart", "gcode/firmware_restart")  # what is asked for is done


def value(dice: random.Random, depth: int = 0) -> Any:
    """Any value that JSON has, and some that it has not."""
    kind = dice.random()
    if kind < 0.7 or depth >= DEPTH_MOST:
        return dice.choice(LEAVES)
    if kind < 0.85:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(WORDS + NAMES): value(dice, depth + 1) for _ in range(dice.randrange(4))}


def right(dice: random.Random, word: str) -> Any:
    """A value that the parameter may have."""
    if word == "objects":
        return {dice.choice(NAMES): dice.choice((None, ["position"], ["state", "x"])) for _ in range(3)}
    if word == "script":
        return dice.choice(SCRIPTS)
    if word in ("response_template", "client_info"):
        return {"method": "later", "x": value(dice)}
    return dice.choice(NAMES)


def request(dice: random.Random, methods: tuple[str, ...]) -> bytes:
    """A request, as it comes over the wire."""
    kind = dice.random()
    if kind < 0.05:
        return dice.choice(WRONG)
    words = [word for word in WORDS if dice.random() < 0.6]
    params = {word: right(dice, word) if dice.random() < 0.6 else value(dice) for word in words}
    made: dict[str, Any] = {
        "method": dice.choice(methods),
        "params": params,
        "id": dice.choice((1, "a", None, 7.5, [1])),
    }
    if dice.random() < 0.1:
        made[dice.choice(("method", "params", "id", "jsonrpc"))] = value(dice)
    text = json.dumps(made).encode()
    if kind < 0.1:  # a byte is damaged
        at = dice.randrange(len(text))
        text = text[:at] + bytes([dice.randrange(256)]) + text[at + 1 :]
    return text


def requests(seed: int, methods: tuple[str, ...]) -> Callable[[], bytes]:
    """Gives one after the other; the same ones for the same seed."""
    dice = random.Random(seed)
    return lambda: request(dice, methods)
