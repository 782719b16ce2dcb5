"""`klipkit console` and the simulated firmware behind a pty: what is typed and what comes of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from klipkit.cli.console import COMMAND
from tests.console_peers import firmware
from tests.golden.ports.tree import Tree, ch340
from tests.golden.ports.tree import firmware as firmware_port
from tests.golden.transcript import Transcript

FOLDER = Path(__file__).parent / "console"
CHANGING = (
    (re.compile(r"clock=\d+"), "clock=CLOCK"),
    (re.compile(r'"clock": \d+'), '"clock": CLOCK'),
    (re.compile(r"\t\d+\.\d+(e-\d+)?$", re.MULTILINE), "\tTIME"),
    (re.compile(r"^ +\d+\.\d{3}  ", re.MULTILINE), "    TIME  "),
    (re.compile(r'"time": [-+.e\d]+'), '"time": TIME'),
    (re.compile(r'(version[" :\t]+)[-0-9a-z.+]+'), r"\1VERSION"),
    (re.compile(r'((?:commands|responses|outputs|enumerations|constants)[" :\t]+)\d+'), r"\1COUNT"),
    (re.compile(r'"constants": {.*?}'), '"constants": CONSTANTS'),
    (re.compile(r'(build_versions[" :\t]+)gcc[^"\n]+'), r"\1COMPILER"),
)


class Console(Transcript):
    """A transcript without what differs from run to run: clocks, times, versions."""

    def text(self) -> str:
        """The transcript so far."""
        text = super().text()
        for pattern, word in CHANGING:
            text = pattern.sub(word, text)
        return text


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pty of a simulated microcontroller."""
    with firmware(tmp_path_factory.mktemp("console")) as (path, _):
        yield path


def transcript(name: str, port: str, *commands: str) -> None:
    made = Console(FOLDER / f"{name}.txt", {"PORT": port})
    for command in commands:
        made.run(f"klipkit console PORT {command}")
    made.check()


def test_commands_and_their_answers(port: str) -> None:
    transcript(
        "commands",
        port,
        "-c get_config -c 'debug_ping data=00ff7e'",
        "-c 'reset_step_clock oid=0 clock=' -c get_uptime",
        "--json -c 'allocate_oids count={1 + 1}' -c 'config_trsync oid=1' -c 'finalize_config crc=3' -c get_config",
        "-c 'endstop_query_state oid=1'",
        "-c reset -c get_config",
    )


def test_what_is_wrong_is_told_before_anything_is_sent(port: str) -> None:
    transcript(
        "wrong",
        port,
        "-c emergency_stop -c get_uptim",
        "-c emergency_stop -c uptime",
        "-c emergency_stop -c 'config_trsync'",
        "-c emergency_stop -c 'set_digital_out pin=gpoi1 value=0'",
        "-c emergency_stop -c 'set_digital_out pin=gpio1 value=0 level=1'",
        "-c emergency_stop -c 'debug_ping data=0'",
        "-c emergency_stop -c 'trsync_set_timeout oid=0 clock={clok + 1}'",
        "-c emergency_stop -c 'trsync_set_timeout oid=0 clock={clock'",
        "-c emergency_stop -c 'delay soon'",
        "-c emergency_stop -c 'repeat 5'",
        "-c emergency_stop -c 'flod 5 get_clock'",
        "-c emergency_stop -c 'flood 5 get_clok'",
        "-c emergency_stop -c 'help x' --json",
        "-c get_config",
    )


def test_the_consoles_own_commands(port: str) -> None:
    transcript(
        "own",
        port,
        "-c help",
        "-c 'help get_clock' -c 'help repeat' -c 'help clock'",
        "-c info",
        "-c 'list commands stepper'",
        "-c 'list endstop' --json",
        "-c 'list constants CLOCK_FREQ'",
        "-c '# a remark' -c '' -c 'list enumerations gpio1' -c quit -c get_uptime",
    )


def test_a_shutdown_is_status_4_with_its_reason(port: str) -> None:
    transcript(
        "shutdown",
        port,
        "-c emergency_stop -c get_uptime",
        "-c get_uptime",
        "-c 'allocate_oids count=1' -c get_uptime",
        "-c 'info'",
        "-c clear_shutdown -c get_config",
    )


def test_the_names_of_the_ports_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "root")
    ch340(tree, "ttyUSB0", "1-1")
    firmware_port(tree, "ttyACM0", "1-2")
    monkeypatch.setenv("KLIPKIT_SYSROOT", str(tree.root))
    [port] = [each for each in COMMAND.params if each.name == "port"]
    context = click.Context(COMMAND)
    names = [item.value for item in port.shell_complete(context, "/dev/serial/by-id/usb-")]
    assert [name.partition("usb-")[2][:7] for name in names] == ["Klipper", "1a86_US"]
    assert [item.value for item in port.shell_complete(context, "/dev/ttyX")] == []


def test_the_common_mistakes_of_usage(port: str) -> None:
    made = Console(FOLDER / "usage.txt", {"PORT": port})
    made.run("klipkit console")
    made.run("klipkit console /nonexistent/port -c get_uptime")
    made.run("klipkit console PORT --baud 0 -c get_uptime")
    made.run("klipkit console PORT --timeout 0 -c get_uptime")
    made.run("klipkit console / -c get_uptime")
    made.check()
