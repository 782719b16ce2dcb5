"""Transcripts of `klipkit estimate`: files, layers, features, the copy with M73, what is refused."""

from pathlib import Path

import pytest

from tests.golden.transcript import Transcript

FOLDER = Path(__file__).with_name("estimate")
CONFIG = "-c printer.cfg --mcu atmega2560"


@pytest.fixture
def transcript(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transcript:
    """The transcript that is named like the test; commands run in its folder."""
    monkeypatch.chdir(FOLDER)
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_tables(transcript: Transcript) -> None:
    transcript.run(f"klipkit estimate part.gcode {CONFIG}")
    transcript.run(f"klipkit estimate part.gcode {CONFIG} -q --by layer")
    transcript.run(f"klipkit estimate part.gcode {CONFIG} -q --by feature")
    transcript.check()


def test_refused(transcript: Transcript) -> None:
    for line in (
        f"outside.gcode {CONFIG}",
        f"missing.gcode {CONFIG}",
        "part.gcode -c printer.cfg",
        "part.gcode",
        f"part.gcode {CONFIG} --m73",
        f"part.gcode {CONFIG} -o copy.gcode",
        f"part.gcode {CONFIG} --m73 -o part.gcode",
        f"part.gcode outside.gcode {CONFIG} --plot speed.png",
        f"part.gcode {CONFIG} --m73 -o missing/copy.gcode",
        f"part.gcode {CONFIG} --plot missing/speed.png",
    ):
        transcript.run(f"klipkit estimate {line}")
    transcript.check()


def test_the_copy_tells_the_progress_and_the_picture_is_drawn(tmp_path: Path) -> None:
    from tests.golden.transcript import run

    copy, picture = tmp_path / "copy.gcode", tmp_path / "speed.png"
    part = FOLDER / "part.gcode"
    config = FOLDER / "printer.cfg"
    line = f"estimate {part} -c {config} --mcu atmega2560 --m73 -o {copy} --plot {picture} --json"
    status, out, _ = run(line.split())
    assert status == 0 and out.startswith('{"files": [{"file": ')
    lines = copy.read_text().splitlines()
    assert lines[0].startswith("M73 P0 R") and lines[-1] == "M73 P100 R0"
    assert [each for each in lines if not each.startswith("M73")] == part.read_text().splitlines()
    assert picture.read_bytes().startswith(b"\x89PNG")
