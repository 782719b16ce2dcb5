"""How answers are printed: JSON, tab-separated records, tables, remarks."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.output import Column, Output, cell
from klipkit.base.text import did_you_mean, nearest, sanitise

COLUMNS = (Column("name", "Name"), Column("pins", "Pins"))
ROWS: list[dict[str, object]] = [
    {"name": "a\tb", "pins": ["PA1", "PA2"], "extra": 1},
    {"name": "", "pins": None, "extra": 2},
]


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed(*, json: bool = False) -> str:
    stream = io.StringIO()
    Output(stdout=stream, json=json).records(COLUMNS, ROWS, things=ROWS)
    return stream.getvalue()


def test_piped_records_are_tab_separated_with_a_hyphen_for_nothing() -> None:
    assert printed() == "a\\tb\tPA1,PA2\n-\t-\n"


def test_json_is_one_document_with_all_keys() -> None:
    assert json.loads(printed(json=True)) == {"things": ROWS}


def test_a_terminal_gets_a_table_with_headings() -> None:
    stream = Terminal()
    Output(stdout=stream, color=False).records(COLUMNS, ROWS, things=ROWS)
    assert [line.split() for line in stream.getvalue().splitlines()] == [
        ["Name", "Pins"],
        ["a\\tb", "PA1,PA2"],
        ["-", "-"],
    ]


def test_a_stream_of_events_is_one_record_a_line() -> None:
    stream = io.StringIO()
    Output(stdout=stream, json=True).event(COLUMNS, ROWS[0])
    Output(stdout=stream).event(COLUMNS, ROWS[0])
    first, second = stream.getvalue().splitlines()
    assert json.loads(first) == ROWS[0]
    assert second == "a\\tb\tPA1,PA2"


@pytest.mark.parametrize(
    ("verbosity", "said"),
    [(-1, ""), (0, "warning: w\nn\n"), (1, "warning: w\nn\nd\n")],
)
def test_remarks_go_to_stderr_as_loud_as_asked(verbosity: int, said: str) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    out = Output(verbosity=verbosity, stdout=stdout, stderr=stderr)
    out.warn("w")
    out.note("n")
    out.detail("d")
    assert (stderr.getvalue(), stdout.getvalue()) == (said, "")


@given(st.text())
def test_sanitised_text_is_printable_and_bounded(text: str) -> None:
    safe = sanitise(text, 50)
    assert safe.isprintable()
    assert len(safe) <= 50


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=40))
def test_sanitise_leaves_ordinary_text_alone(text: str) -> None:
    assert sanitise(text) == text


def test_sanitise_shows_terminal_escapes_and_bidirectional_controls() -> None:
    assert sanitise("\x1b[31m\x9b\u202e\udc80") == "\\x1b[31m\\x9b\\u202e\\udc80"


@given(st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()), st.booleans()))
def test_a_cell_never_breaks_its_record(value: object) -> None:
    assert cell(value)
    assert not set(cell(value)) & {"\t", "\n", "\r"}


def test_near_names_are_found_without_regard_to_case() -> None:
    assert nearest("MEGGA", ["mega", "due"]) == ["mega"]
    assert did_you_mean("megga", ["mega", "due"]) == "did you mean 'mega'?"
    assert did_you_mean("zzz", ["mega"]) == ""


def test_records_too_wide_for_the_terminal_keep_their_first_field_in_one_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    row = {"name": "n" * 60, "pins": ["PA1", "PA2"]}
    Output(stdout=stream, color=False).records(COLUMNS, [row], things=[row])
    assert stream.getvalue() == "n" * 60 + "\n    Pins  PA1,PA2\n"
