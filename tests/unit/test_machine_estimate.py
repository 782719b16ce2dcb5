"""The parts of a sliced file, and the copy of it that tells the progress."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.machine.estimateparts import parts_of
from klipkit.machine.estimateprogress import with_progress

PRUSA = """\
;TYPE:Custom
G28
;LAYER_CHANGE
;Z:0.2
;TYPE:Perimeter
G1 X1
;TYPE:Perimeter
;LAYER_CHANGE
;TYPE:Skirt
"""
CURA = "G28\n;LAYER_COUNT:2\n;LAYER:-1\n;TYPE:SKIRT\nG1 X1\r\n;LAYER:0\r\n;TYPE:WALL-OUTER\r\n"
ORCA = "; FEATURE: Outer wall\n; CHANGE_LAYER\n; Z_HEIGHT: 0.2\n; FEATURE: Sparse infill\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(
            PRUSA,
            [
                (1, None, ""),
                (1, None, "Custom"),
                (3, 0, "Custom"),
                (5, 0, "Perimeter"),
                (8, 1, "Perimeter"),
                (9, 1, "Skirt"),
            ],
            id="prusaslicer",
        ),
        pytest.param(
            CURA,
            [(1, None, ""), (3, -1, ""), (4, -1, "SKIRT"), (6, 0, "SKIRT"), (7, 0, "WALL-OUTER")],
            id="cura",
        ),
        pytest.param(
            ORCA,
            [(1, None, ""), (1, None, "Outer wall"), (2, 0, "Outer wall"), (4, 0, "Sparse infill")],
            id="orcaslicer",
        ),
        pytest.param("G1 X1 ;TYPE:no\n; layers are told\n", [(1, None, "")], id="no-parts"),
    ],
)
def test_layers_and_features_are_those_of_the_slicers_comments(
    text: str, wanted: list[tuple[int, int | None, str]], tmp_path: Path
) -> None:
    file = tmp_path / "part.gcode"
    file.write_bytes(text.encode())
    parts = parts_of(str(file))
    assert [(part.line, part.layer, part.feature) for part in parts.all] == wanted
    assert parts.by_height == all(layer is None for _, layer, _ in wanted)


def test_the_copy_tells_percent_and_minutes_where_they_change() -> None:
    data = b"G28\nM73 P5 R9\nG1 X1\nG1 X2\nG1 X3"
    told = with_progress(data, [(1, 59.0), (3, 60.0), (4, 119.0)], 120.0)
    assert told == (b"M73 P0 R2\nG28\nM73 P49 R1\nG1 X1\nM73 P50 R1\nG1 X2\nM73 P99 R0\nG1 X3\nM73 P100 R0\n")


@given(
    st.lists(st.sampled_from([b"G1 X1\n", b"G1\rX2\n", b"; M73\n", b"M73 P1\n", b"\r\n", b"M730\n"])),
    st.lists(st.floats(0, 1000)),
)
def test_the_copy_has_all_lines_but_those_that_told_the_progress_before(
    lines: list[bytes], times: list[float]
) -> None:
    reached = [(min(number, len(lines)), time) for number, time in enumerate(sorted(times), 1)]
    told = with_progress(b"".join(lines), reached, 1000.0)
    kept = [line for line in re.findall(rb"[^\n]*\n", told) if not line.startswith(b"M73 ")]
    assert kept == [line for line in lines if not line.startswith(b"M73 ")]
    assert told.rstrip().endswith(b"M73 P100 R0")
