"""What a print costs the MCUs and the wire: queue_step messages and bytes may not grow (tests/budget.json)."""

import gzip
import json
from pathlib import Path

import pytest

from tests.bench.machines import MACHINES
from tests.bench.motion import measure
from tests.reference import TOP, reference_path

BUDGET = json.loads((TOP / "tests/budget.json").read_text())["motion"]
LINES = 20_000


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first lines of the sphere."""
    path = tmp_path_factory.mktemp("motion") / "part.gcode"
    text = gzip.decompress(reference_path("gcode/sphere.gcode.gz").read_bytes())
    path.write_bytes(b"".join(text.splitlines(keepends=True)[:LINES]))
    return path


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", ["plain", "shaped"])
def test_messages_and_bytes_of_a_print_stay_within_their_budget(part: Path, machine: str, kind: str) -> None:
    run = measure(str(part), machine, kind == "shaped", 16, 16e6)
    budget = BUDGET[f"{machine} {kind}"]
    assert run["lines"] == LINES
    assert run["queue_steps"] <= budget["queue_steps"], run
    assert run["bytes"] <= budget["bytes"], run
