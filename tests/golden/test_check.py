"""Transcripts of `klipkit check`: faults and remarks, a clean file, what is refused."""

from pathlib import Path

import pytest

from tests.golden.transcript import Transcript

FOLDER = Path(__file__).with_name("check")
CONFIG = "-c printer.cfg --mcu atmega2560"


@pytest.fixture
def transcript(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transcript:
    """The transcript that is named like the test; commands run in its folder."""
    monkeypatch.chdir(FOLDER)
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_findings(transcript: Transcript) -> None:
    transcript.run(f"klipkit check clean.gcode {CONFIG}")
    transcript.run(f"klipkit check faulty.gcode {CONFIG}")
    transcript.run(f"klipkit check clean.gcode faulty.gcode {CONFIG} --json")
    transcript.check()


def test_refused(transcript: Transcript) -> None:
    for line in (
        f"missing.gcode {CONFIG}",
        "clean.gcode -c printer.cfg",
        f"clean.gcode -c faulty.gcode {CONFIG}",
    ):
        transcript.run(f"klipkit check {line}")
    transcript.check()
