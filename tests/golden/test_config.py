"""Transcripts of `klipkit config check`: the commonest errors, each in a small printer.cfg."""

from pathlib import Path

import pytest

from tests.golden.transcript import Transcript

FOLDER = Path(__file__).with_name("config")
SMALL = sorted(path.name for path in FOLDER.glob("*.cfg") if path.stem not in ("base", "several"))


@pytest.fixture
def transcript(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transcript:
    """The transcript that is named like the test."""
    monkeypatch.chdir(FOLDER)
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_common_errors(transcript: Transcript) -> None:
    assert len(SMALL) >= 20
    for name in SMALL:
        transcript.run(f"klipkit config check {name} --mcu atmega2560")
    transcript.check()


def test_check(transcript: Transcript) -> None:
    transcript.run("klipkit config check base.cfg --mcu atmega2560")
    transcript.run("klipkit config check base.cfg --json")
    transcript.run("klipkit config check base.cfg")
    transcript.run("klipkit config check several.cfg --mcu atmega2560 --json")
    transcript.run("klipkit config check several.cfg --mcu atmega2560", terminal=True)
    transcript.run("klipkit config check base.cfg --mcu zboard=atmega2560")
    transcript.run("klipkit config check nowhere.cfg")
    transcript.check()


def test_the_same_errors_end_a_simulation(transcript: Transcript) -> None:
    for name in ("misspelt-option.cfg", "missing-pin.cfg", "missing-include.cfg", "rotation-distance.cfg"):
        transcript.run(f"klipkit simulate ../steps/part.gcode -c {name} --mcu atmega2560")
    transcript.check()
