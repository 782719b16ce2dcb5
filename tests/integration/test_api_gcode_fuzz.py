"""Whatever lines of G-code come through a session: no traceback, no hang, no growth, never a shutdown."""

import asyncio
import random
import sys

import pytest

from klipkit.base.errors import KlipkitError
from klipkit.daemon.daemon import Daemon, State
from klipkit.daemon.session import LocalSession
from tests.daemon_bench import live, local, until
from tests.machine_bench import CARD
from tests.reference import TOP

CONFIG = (TOP / "config-examples" / "cartesian.cfg").read_text()
MORE = """
[extruder]
min_extrude_temp: 0
[force_move]
enable_force_move: True
[gcode_arcs]
[respond]
[gcode_macro TEST]
variable_x: 1
gcode:
    {% set y = params.X|default(0)|float %}
    G91
    G1 X{y} F3000
    G90
    {action_respond_info("x is %s" % rawparams)}
"""
MANY, ALL = 100_000, 1_000_000  # lines: of each run, of the long one
ROUND = 100  # lines of a script; a script ends with its first error
PATIENCE = 2.0  # s that a script may wait before it is told to go on
BLOCKS = 30_000  # of memory that may come and go: about 2 MB
NEVER = {  # what ends or changes the machine as it is asked to, or waits for what a test has no time for
    "M112", "RESTART", "FIRMWARE_RESTART", "SAVE_CONFIG", "PID_CALIBRATE", "G28", "SET_IDLE_TIMEOUT", "FORCE_MOVE",
}  # fmt: skip
NUMBERS = (
    "0",
    "1",
    "-1",
    "5",
    "10.5",
    "100",
    "99999",
    "nan",
    "inf",
    "-inf",
    "1e9",
    "1e400",
    "1_0",
    "",
    "abc",
    "0x10",
    "--5",
    "\u0661",
)
WORDS = (
    "x",
    "extruder",
    "heater_bed",
    "default",
    "part.gcode",
    "../x",
    "stepper_x",
    '"a b"',
    "'",
    '"',
    "\ud800",
    "\x1b[31m",
    "a" * 500,
)
LETTERS = "XYZEFSPIJRTDWKL"
ODD = (
    "", ";", "G", "1", "(", "N1 M105*37", "N", "*", "/", "G1X1Y1", "G1 X1 X2", "\ufeffG1", "G999", "M999", "T0", "T7",
    "=", "A=B", "\t", "%", "G1.1",
)  # fmt: skip


def line(dice: random.Random, commands: list[str]) -> str:
    """A line that is mostly almost right."""
    kind = dice.random()
    if kind < 0.05:
        return dice.choice(ODD)
    if kind < 0.1:
        return "".join(
            chr(dice.choice((dice.randrange(32, 127), dice.randrange(0x2FFF))))
            for _ in range(dice.randrange(60))
        )
    command = (
        dice.choice(commands)
        if kind < 0.6
        else dice.choice(("G1", "G0", "G92", "G90", "G91", "M82", "M83", "M204"))
    )
    words = []
    for _ in range(dice.randrange(5)):
        if "_" in command:
            name = dice.choice(
                ("X", "Y", "Z", "E", "NAME", "HEATER", "STEPPER", "TARGET", "VALUE", "SPEED", "FILENAME", "S")
            )
            words.append(f"{name}={dice.choice(NUMBERS + WORDS)}")
        else:
            words.append(f"{dice.choice(LETTERS)}{dice.choice(NUMBERS)}")
    if command in ("G1", "G0"):
        words.append(f"F{dice.choice(('3000', '9000', '60000'))}")
    return " ".join([command, *words])


async def send(session: LocalSession, script: str, errors: list[str]) -> None:
    """Have a script carried out; it is told to go on when it waits."""
    work = asyncio.ensure_future(session.gcode(script))
    while not (await asyncio.wait({work}, timeout=PATIENCE))[0]:
        await session.request("cancel_wait")
    try:
        await work
    except KlipkitError as error:
        errors.append(str(error))


def run(count: int, seed: int, folder: str) -> list[str]:
    """Carry out so many random lines; gives the errors."""
    errors: list[str] = []
    logged: list[str] = []

    async def act(daemon: Daemon) -> None:
        await until(daemon, State.READY)
        dice = random.Random(seed)
        async with local(daemon) as session:
            await session.gcode("G28 X Y")
            commands = sorted(set(await session.request("gcode/help")) - NEVER)
            blocks, sent = 0, 0
            while sent < count:
                script = [line(dice, commands) for _ in range(dice.randrange(1, ROUND))]
                for each in script:
                    await send(session, each, errors)
                    assert daemon.state is State.READY, (each, daemon.message)
                sent += len(script)
                if not blocks and sent > count / 4:
                    blocks = sys.getallocatedblocks() + 2 * len(errors)
            grown = sys.getallocatedblocks() + 2 * len(errors) - blocks
            assert grown < BLOCKS + 6 * len(errors)
        assert not {each[:150] for each in logged if "a fault of klipkit" in each}

    live(act, CONFIG + MORE + CARD.format(folder=folder), log=logged.append)
    return errors


def test_any_lines_of_gcode_are_carried_out_or_refused(tmp_path: object) -> None:
    errors = run(MANY, 1, str(tmp_path))
    assert not [each for each in errors if "a fault of klipkit" in each]
    assert MANY / 10 < len(errors) < MANY * 0.9


@pytest.mark.long
def test_any_lines_of_gcode_are_carried_out_or_refused_a_million_times(tmp_path: object) -> None:
    errors = run(ALL, 2, str(tmp_path))
    assert not [each for each in errors if "a fault of klipkit" in each]
