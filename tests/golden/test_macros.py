"""Transcripts of macros that go wrong: when the configuration is checked, and while a file is printed."""

from pathlib import Path

import pytest

from tests.golden.transcript import Transcript
from tests.reference import TOP

FOLDER = Path(__file__).with_name("macros")
MACHINE = (TOP / "config-examples" / "ramps-cartesian.cfg").read_text()
MACROS = {
    "unclosed": "[gcode_macro START]\ngcode:\n  G28\n  {% if params.BED %}\n  M140 S{params.BED}\n",
    "expression": "[gcode_macro START]\ngcode:\n  G28\n\n  M117 {printer.toolhead.position.}\n",
    "end": "[delayed_gcode later]\ngcode:\n  {% for x in [1, 2] %}\n  G1 X{x}\n  {% endif %}\n",
    "name": "[gcode_macro 2ND]\ngcode: G28\n",
    "variable": "[gcode_macro START]\nvariable_speed: fast\ngcode: G28\n",
}
CHAIN = """
[gcode_macro LAYER]
gcode:
  # each layer
  LIFT Z={params.Z}

[gcode_macro LIFT]
gcode:
  {% set z = params.Z|float %}
  SET_KINEMATIC_POSITION X=0 Y=0 Z=0
  {% for n in range(2) %}
    G1 Z{z * n} F600
  {% endfor %}

[gcode_macro STOP_HERE]
gcode:
  {% if 'fan' not in printer %}
    {action_raise_error("there is no fan")}
  {% endif %}

[gcode_macro ENDLESS]
gcode:
  {% for a in range(9999) %}{% for b in range(9999) %}
  {% endfor %}{% endfor %}

[gcode_macro AGAIN]
gcode: AGAIN

[gcode_macro BAD_OBJECT]
gcode: M104 S{printer.extrudr.target}

[gcode_macro BAD_LINE]
gcode: SET_GCODE_OFFSET Z={params.Z}
"""
FILES = ("LAYER Z=500", "BAD_LINE", "STOP_HERE", "ENDLESS", "AGAIN", "BAD_OBJECT", "BAD_LINE Z=high")


@pytest.fixture
def transcript(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Transcript:
    """The transcript that is named like the test; commands run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    name = request.node.name.removeprefix("test_").replace("_", "-")
    return Transcript(FOLDER / f"{name}.txt")


def test_checked(transcript: Transcript, tmp_path: Path) -> None:
    (tmp_path / "machine.cfg").write_text(MACHINE)
    for name, text in MACROS.items():
        (tmp_path / f"{name}.cfg").write_text(f"[include machine.cfg]\n{text}")
        transcript.run(f"klipkit config check {name}.cfg --mcu atmega2560")
    transcript.check()


def test_printed(transcript: Transcript, tmp_path: Path) -> None:
    (tmp_path / "machine.cfg").write_text(MACHINE)
    (tmp_path / "printer.cfg").write_text(f"[include machine.cfg]\n{CHAIN}")
    (tmp_path / "all.gcode").write_text("".join(f"{line}\n" for line in FILES))
    transcript.run("klipkit check all.gcode -c printer.cfg --mcu atmega2560 -q")
    for number, line in enumerate(FILES):
        (tmp_path / f"{number}.gcode").write_text(f"G90\n{line}\n")
        transcript.run(f"klipkit simulate {number}.gcode -c printer.cfg --mcu atmega2560 -q")
    transcript.check()
