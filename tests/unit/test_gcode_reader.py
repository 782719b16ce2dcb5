"""The quick reader of plain lines against the general one: what it reads it reads the same, and no more than it may."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from klipkit._core import ffi, lib
from klipkit.base.faults import GcodeError
from klipkit.gcode.words import LINE_LIMIT, Line, parse_line

WORDLESS = ("M117", "M118")  # text follows them: the general reader gives it raw, whatever it looks like
KINDS = {lib.GCODE_EMPTY: "empty", lib.GCODE_PLAIN: "plain", lib.GCODE_OTHER: "other"}


@dataclass(frozen=True)
class Read:
    """What the quick reader says of the first line of a text."""

    kind: str
    size: int
    command: str
    words: dict[str, float]


def quick(data: bytes) -> Read:
    """Read by gcode_read, in a buffer that ends where the text does."""
    line = ffi.new("struct gcode_line *")
    lib.gcode_read(ffi.from_buffer(data), len(data), line)
    if line.kind != lib.GCODE_PLAIN:
        return Read(KINDS[line.kind], line.size, "", {})
    words = {chr(ord("A") + n): line.value[n] for n in range(26) if line.given >> n & 1}
    return Read("plain", line.size, f"{line.letter.decode()}{line.number}", words)


def general(text: str) -> Line | None | GcodeError:
    """Read by parse_line; a refusal is a value here."""
    try:
        return parse_line(text)
    except GcodeError as refused:
        return refused


NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.5f}"),
    st.floats(allow_nan=False).map(repr),
    st.from_regex(r"[-+]?[0-9]{0,17}\.?[0-9]{0,17}", fullmatch=True),
    st.sampled_from(
        ["", "-", "+", ".", "1.", ".5", "+.5", "-.5", "007", "1e5", "nan", "inf", "1,5", "--1", "-0"]
    ),
)
LETTERS = st.sampled_from("XYZEFSPTNGMxyzefspt") | st.characters(min_codepoint=33, max_codepoint=126)
BLANKS = st.sampled_from(["", "", " ", "  ", "\t", " \t", "\r"])
COMMANDS = st.sampled_from(
    [
        "G1",
        "g1",
        "G0",
        "G01",
        "G 1",
        "G-1",
        "G+1",
        "G1.5",
        "M204",
        "M117",
        "M118",
        "N5 G1",
        "T0",
        "G12345",
        "g",
        "SET_PIN",
    ]
)
WORDS = st.builds(
    lambda blank, letter, gap, number: blank + letter + gap + number, BLANKS, LETTERS, BLANKS, NUMBERS
)
TAILS = st.sampled_from(
    [
        "",
        " ",
        ";",
        "; wall",
        " ;\0",
        "*87",
        " (note)",
        "\0",
        "%",
        "\x0b",
        "\x1c",
        "\x85",
        "\ufeff",
        ";\u00e9",
        "\r",
    ]
)
LINES = st.builds(
    lambda blank, command, words, tail: blank + command + "".join(words) + tail,
    st.sampled_from(["", "", "", " ", "\t", "\r", "\ufeff", "%", "(", ";", "\x0c", "\0"]),
    COMMANDS,
    st.lists(WORDS, max_size=5),
    TAILS,
) | st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=1000)
@given(LINES, st.sampled_from(["\n", "\r\n", ""]))
@example("G1 X1\rG1 X2", "\n")
@example("G1X1Y2", "\n")
@example("G1 X1 x2 X3", "\n")
@example("G1 X1e5", "\n")
@example("\rG1 X1 \r", "\n")
@example("; bad \0", "\n")
@example("%", "\n")
@example("(", "\n")
def test_what_is_plain_or_empty_the_general_reader_reads_the_same(text: str, end: str) -> None:
    data = (text + end).encode()
    if not data:
        return
    read, line = quick(data), general(text + end)
    assert read.size == len(data)
    if read.kind == "plain":
        assert isinstance(line, Line), line
        assert line.command == read.command
        if line.command not in WORDLESS:
            assert {name: float(value) for name, value in line.parameters.items()} == read.words
    if read.kind == "empty":
        assert line is None
    if line is None:
        assert read.kind == "empty" or text.lstrip("\r \t\ufeff")[:1] not in ("", ";") or "\ufeff" in text
    if isinstance(line, GcodeError):
        assert read.kind == "other"


@pytest.mark.parametrize(
    ("text", "command", "words"),
    [
        ("G1 X12.5 Y-3 E.04 ; wall\n", "G1", {"X": 12.5, "Y": -3, "E": 0.04}),
        ("g1x1y+2f3000\r\n", "G1", {"X": 1, "Y": 2, "F": 3000}),
        ("\tM204 S500 S600", "M204", {"S": 600}),
        ("G92;", "G92", {}),
        ("G1 X0000000000.10000", "G1", {"X": 0.1}),
        ("G1 X123456789.012345", "G1", {"X": 123456789.012345}),
        ("T0\t \n", "T0", {}),
        ("M9999", "M9999", {}),
    ],
)
def test_plain_lines_are_read(text: str, command: str, words: dict[str, float]) -> None:
    assert quick(text.encode()) == Read("plain", len(text), command, words)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "G01 X1",
            "G1 X",
            "G1 X 1",
            "G 1",
            "G1.1",
            "G-1",
            "N5 G1 X1",
            "G1 X1*33",
            "G1 X1\rY2",
            "G1\x0bX1",
            "G1_X1",
        ),
        *(
            "M10000",
            "G28 X Y",
            "SET_PIN PIN=1",
            "G1 X0.1234567890123456",
            "G1 X--1",
            "G1 X1\0",
            "G1 X1;\0",
            ";\0",
        ),
        *(
            "\ufeffG1 X1",
            "%",
            "(note)",
            "?",
            "G",
            "G1 X1.2.3",
            "G1 \u00e91",
            "\u0130",
            "@1",
            "[1",
            "`1",
            "{1",
        ),
    ],
)
def test_other_lines_are_left_to_the_general_reader(text: str) -> None:
    data = text.encode()
    assert quick(data) == Read("other", len(data), "", {})


@pytest.mark.parametrize("text", ["\n", "\r\n", "   \t", ";", " ; wall G1 X1\n", ";\x80\xff\n"])
def test_nothing_and_comments_are_empty(text: str) -> None:
    data = text.encode("latin-1")
    assert quick(data) == Read("empty", len(data), "", {})


@given(st.lists(st.sampled_from(["G1 X1", "; a", "", "SET_PIN A=1", "G28 X", "\0"]), min_size=1, max_size=6))
def test_lines_follow_each_other_by_their_sizes(lines: list[str]) -> None:
    text, at, sizes = "\n".join(lines).encode(), 0, []
    while at < len(text):
        sizes.append(quick(text[at:]).size)
        at += sizes[-1]
    assert sizes == [len(line) for line in text.splitlines(keepends=True)]


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_the_longest_line_is_the_same_for_both(spare: int) -> None:
    text = "G1 X1" + " " * (LINE_LIMIT - 6 + spare) + "\n"
    assert (quick(text.encode()).kind == "plain") == isinstance(general(text), Line) == (spare <= 0)
