"""Arrays written as a stream, as numpy reads them; what is not finished is not there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.npz import NpzWriter

NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20)


@given(blocks=st.lists(NUMBERS, max_size=4), rows=st.integers(0, 7))
def test_numpy_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[int]], rows: int
) -> None:
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    writer = NpzWriter(str(path), {"flat": 1, "a.rows": 5})
    for block in blocks:
        writer.append("flat", np.array(block, "<i8").tobytes())
    table = np.arange(rows * 5, dtype="<i8")
    writer.append("a.rows", table.tobytes())
    assert not path.exists()
    writer.finish()
    writer.close()
    with np.load(path) as arrays:
        assert arrays.files == ["flat", "a.rows"]
        assert arrays["flat"].dtype == arrays["a.rows"].dtype == np.dtype("<i8")
        assert arrays["flat"].tolist() == [number for block in blocks for number in block]
        assert arrays["a.rows"].tolist() == table.reshape(rows, 5).tolist()
    assert [each.name for each in path.parent.iterdir()] == ["x.npz"]


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    writer = NpzWriter(str(tmp_path / "x.npz"), {"flat": 1})
    writer.append("flat", bytes(8))
    writer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "/", "folder", "none/x.npz"])
def test_where_no_file_can_be_it_is_an_os_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    writer = NpzWriter(name, {"flat": 1})
    with pytest.raises(OSError):
        writer.finish()
    writer.close()
    assert [each.name for each in tmp_path.rglob("*")] == ["folder"]
