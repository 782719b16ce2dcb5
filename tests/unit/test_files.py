"""Reading text files: one clear error for each way in which it fails."""

from pathlib import Path

import pytest

from klipkit.base import files
from klipkit.base.errors import FileError
from klipkit.base.files import decode, read_text


def test_marks_line_ends_and_old_encodings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.cfg"
    path.write_bytes(b"\xef\xbb\xbf[a]\r\nb: \xe9\rc\n")
    assert read_text(path) == "[a]\nb: \udce9\nc\n"


@pytest.mark.parametrize(
    ("name", "what"),
    [("none", "no such file"), (".", "is a folder, a file was expected"), ("a\0b", "null byte")],
)
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(FileError, match=what) as caught:
        read_text(f"{tmp_path}/{name}")
    assert str(tmp_path) in caught.value.where


def test_a_path_through_a_file_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="Not a directory"):
        read_text(tmp_path / "file" / "below")


def test_no_permission_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileError, match="may not be read"):
        read_text(tmp_path / "a")


def test_binary_and_oversized_files_are_refused() -> None:
    with pytest.raises(FileError, match="binary"):
        decode(b"\x7fELF\0\0", "x")
    with pytest.raises(FileError, match="larger than"):
        decode(b"x" * (2**20 + 1), "x", limit=2**20)


def test_the_limit_is_well_above_any_config() -> None:
    assert files.TEXT_LIMIT >= 16 * 2**20
