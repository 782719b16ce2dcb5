"""Transcripts of `klipkit steps`: the table, the document, what is refused."""

from pathlib import Path

import pytest

from tests.golden.transcript import Transcript

FOLDER = Path(__file__).with_name("steps")
EXAMPLE = "../../../config-examples/ramps-cartesian.cfg"


@pytest.fixture
def transcript(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transcript:
    """The transcript that is named like the test; commands run in its folder."""
    monkeypatch.chdir(FOLDER)
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_table(transcript: Transcript) -> None:
    transcript.run("klipkit steps part.gcode -c printer.cfg")
    transcript.run("klipkit steps part.gcode -c printer.cfg -q")
    transcript.run("klipkit steps part.gcode -c printer.cfg --json --frequency 72e6")
    transcript.run("klipkit steps unhomed.gcode -c printer.cfg --at 10,10,10")
    transcript.check()


def test_refused(transcript: Transcript) -> None:
    for line in (
        f"part.gcode -c {EXAMPLE}",
        "outside.gcode -c printer.cfg",
        "unhomed.gcode -c printer.cfg",
        "missing.gcode -c printer.cfg",
        ". -c printer.cfg",
        "part.gcode -c missing.cfg",
        "part.gcode -c part.gcode",
        "part.gcode",
        "part.gcode -c printer.cfg --at here",
        "part.gcode -c printer.cfg -o missing/steps.npz",
        "part.gcode -c printer.cfg --frequency 1",
    ):
        transcript.run(f"klipkit steps {line}")
    transcript.check()
