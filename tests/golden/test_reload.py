"""Transcripts of `klipkit reload`: what a daemon answers, and where there is none."""

from pathlib import Path
from typing import Any

import pytest

from klipkit.base.errors import ConfigError
from klipkit.cli import talk
from tests.golden.transcript import Transcript

FOLDER = Path(__file__).with_name("reload")
CHANGED = {
    "section": "gcode_macro START",
    "action": "changed",
    "options": ["gcode", "variable_z"],
    "where": "macros.cfg:12",
}
RESTART = {
    "section": "extruder",
    "action": "restart",
    "options": ["nozzle_diameter"],
    "where": "printer.cfg:31",
}


class Answering:
    """Stands for a session with a daemon that has this answer."""

    answer: Any = None
    path = ""

    @classmethod
    async def open(cls, path: str) -> "Answering":
        cls.path = path
        return cls()

    async def request(self, method: str) -> Any:
        assert method == "reload"
        if isinstance(self.answer, Exception):
            raise self.answer
        changes = self.answer
        return {
            "changes": changes,
            "needs_restart": any(change["action"] == "restart" for change in changes),
        }

    async def close(self) -> None:
        """The conversation ends."""


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """The transcript that is named like the test."""
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_answers(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "SocketSession", Answering)
    monkeypatch.setattr(Answering, "answer", [CHANGED])
    transcript.run("klipkit reload")
    assert Answering.path == "/tmp/klippy_uds"
    monkeypatch.setattr(Answering, "answer", [CHANGED, RESTART])
    transcript.run("klipkit reload --name left")
    assert Answering.path == "/tmp/klippy_uds-left"
    transcript.run("klipkit reload -a /run/printer/api", terminal=True)
    assert Answering.path == "/run/printer/api"
    transcript.run("klipkit reload --json")
    monkeypatch.setattr(Answering, "answer", [])
    transcript.run("klipkit reload")
    transcript.check()


def test_refused(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    transcript.run("klipkit reload -a /nowhere/api")
    monkeypatch.setattr(talk, "SocketSession", Answering)
    what = "Error loading template 'gcode_macro START:gcode': unexpected '}'"
    monkeypatch.setattr(Answering, "answer", ConfigError(what, where="macros.cfg:13"))
    transcript.run("klipkit reload")
    transcript.run("klipkit reload --help")
    transcript.check()
