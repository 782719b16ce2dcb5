"""Transcripts of `klipkit build`: the list of boards, and what is said when it cannot be built."""

import json
from pathlib import Path

import pytest

from klipkit.boards.board import board_names
from klipkit.cli.build import COMMAND
from tests.golden.transcript import Transcript, run

FOLDER = Path(__file__).with_name("build")


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """The transcript that is named like the test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_list(transcript: Transcript) -> None:
    transcript.run("klipkit build --list")
    transcript.run("klipkit build --list", terminal=True)
    transcript.check()


def test_errors(transcript: Transcript) -> None:
    for line in (
        "",
        "--board rampz",
        "--board printer",
        "--board skr-mini-e3",
        "--board lgt8f328p",
        "--board octopus --json",
        "--board ramps --config klipkit.config",
        "--list --menu",
        "--config missing.config",
    ):
        transcript.run(f"klipkit build {line}")
    transcript.check()


def test_bad_set(transcript: Transcript) -> None:
    for assignment in (
        "BAUD",
        "BAUD=fast",
        "BAUD=1",
        "SPEED=9600",
        "neopixel=n",
        "MODULE_neopixl=n",
        "MODULE_spi=maybe",
        "CHIP=atmega2561",
        "PORT=arduino",
    ):
        transcript.run(f"klipkit build --board ramps --set {assignment}")
    transcript.run("klipkit build --set MODULE_trsync=n --set MODULE_stepper=y")
    transcript.check()


def test_missing_toolchain(transcript: Transcript, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    transcript.run("klipkit build --board ramps")
    transcript.run("klipkit build --board sim --json")
    (tmp_path / "make").touch(mode=0o755)
    (tmp_path / "avr-objcopy").touch(mode=0o755)
    transcript.run("klipkit build --board ramps")
    transcript.check()


def test_menu_without_a_terminal(transcript: Transcript) -> None:
    transcript.run("klipkit build --board ramps --menu")
    transcript.run("klipkit build --menu --json")
    transcript.check()


def test_the_list_in_json_says_the_same_and_more() -> None:
    status, out, _ = run(["build", "--list", "--json"])
    boards = {board["name"]: board for board in json.loads(out)["boards"]}
    assert status == 0
    assert boards["einsy"]["chip"] == "atmega2560"
    assert (boards["melzi"]["frequency"], boards["melzi"]["baud"]) == (16_000_000, 250_000)
    assert boards["octopus"]["port"] is None
    assert {name for board in boards.values() for name in (board["name"], *board["aliases"])} == set(
        board_names()
    )


def test_names_of_boards_that_can_be_built_are_completed() -> None:
    option = next(each for each in COMMAND.params if each.name == "board")
    context = COMMAND.make_context("build", ["--list"])
    assert [each.value for each in option.shell_complete(context, "ram")] == [
        "rambo",
        "rambo-mini",
        "ramps",
    ] + [f"ramps-1.{number}" for number in (3, 4, 6)]
    assert [each.value for each in option.shell_complete(context, "skr")] == []
