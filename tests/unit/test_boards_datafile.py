"""The reader of the data files: what it takes, and one clear error for what it does not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import DataError
from klipkit.boards import datafile
from klipkit.boards.datafile import Fields

Reading = Callable[[Fields], object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, with one empty kind."""
    monkeypatch.setattr(datafile, "FOLDER", tmp_path)
    (tmp_path / "chips").mkdir()
    return tmp_path


def fields(**values: object) -> Fields:
    """Fields of a file called x.toml."""
    return Fields("x.toml", values)


def test_names_come_from_the_folder(folder: Path) -> None:
    for name in ("b.toml", "a.toml", "note.txt"):
        (folder / "chips" / name).write_text("")
    assert datafile.names("chips") == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"title = ", "not valid TOML"), (b'title = "\xff"', "cannot be read"), (None, "cannot be read")],
)
def test_a_damaged_or_missing_file_is_named(folder: Path, content: bytes | None, message: str) -> None:
    path = folder / "chips" / "bad.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        datafile.read("chips", "bad")
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    "reading",
    [
        lambda f: f.text("a"),
        lambda f: f.number("a"),
        lambda f: f.flag("a", False),
        lambda f: f.strings("a"),
        lambda f: f.numbers("a"),
        lambda f: f.table("a"),
        lambda f: f.tables("a"),
    ],
)
@pytest.mark.parametrize("value", [1.5, -1, [1.5], [["x"]], [-1]])
def test_a_value_of_the_wrong_type_is_refused(reading: Reading, value: object) -> None:
    with pytest.raises(DataError, match="'a' should be"):
        reading(fields(a=value))


@pytest.mark.parametrize("reading", [lambda f: f.number("a"), lambda f: f.numbers("a")])
def test_a_truth_value_is_no_number(reading: Reading) -> None:
    for value in (True, [True]):
        with pytest.raises(DataError, match="whole number"):
            reading(fields(a=value))


def test_a_missing_value_is_refused_unless_it_has_a_default() -> None:
    assert fields().text("a", "x") == "x"
    assert fields().number("a", 3) == 3
    with pytest.raises(DataError, match="'a' should be a string"):
        fields().text("a")


def test_a_key_that_nothing_asked_for_is_refused() -> None:
    found = fields(title="x", tilte="y")
    found.text("title")
    with pytest.raises(DataError, match="unknown key 'tilte'"):
        found.end()


def test_ranges_are_written_out_upward_and_downward() -> None:
    text = "PA0-2 PB5 PC7-5 P1.30-31 gpiochip0/gpio9-10 gpio1_6"
    expected = "PA0 PA1 PA2 PB5 PC7 PC6 PC5 P1.30 P1.31 gpiochip0/gpio9 gpiochip0/gpio10 gpio1_6"
    assert list(fields().expand(text)) == expected.split()


@given(st.sampled_from(["PA", "gpio", "P0.", "gpio1_"]), st.integers(0, 300), st.integers(0, 300))
def test_a_range_is_as_long_as_its_ends_are_apart(stem: str, first: int, last: int) -> None:
    pins = list(fields().expand(f"{stem}{first}-{last}"))
    assert len(pins) == len(set(pins)) == abs(last - first) + 1
    assert (pins[0], pins[-1]) == (f"{stem}{first}", f"{stem}{last}")


@pytest.mark.parametrize("text", ["PA-7", "PA0-", "PA0-x", "PA0-99999", "-", "PA0-PA7"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is not a range"):
        list(fields().expand(text))


@pytest.mark.parametrize("text", ["1d50614e", "1d50:614", "1d50:614g", ":", "01d50:614e"])
def test_what_is_no_usb_id_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is not a USB id"):
        fields(a=text).usb("a")


def test_a_line_without_a_colon_is_refused() -> None:
    assert list(fields(a="\nD0: PA0\n\n").lines("a")) == [("D0", "PA0")]
    with pytest.raises(DataError, match="no colon"):
        list(fields(a="D0 PA0").lines("a"))


def test_a_constant_is_text_or_a_number() -> None:
    assert fields(a="rp2040").constant("a") == "rp2040"
    assert fields(a=4095).constant("a") == 4095
    with pytest.raises(DataError, match="'a'"):
        fields(a=1.5).constant("a")
