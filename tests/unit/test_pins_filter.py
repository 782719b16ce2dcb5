"""The filter: pins of whole files translated, every other byte kept; there and back over the corpus of configs."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import KlipkitError
from klipkit.boards.pinfilter import FAULTS, PinFilter
from klipkit.boards.pins import Numbering, Translation
from klipkit.boards.tables import table
from tests.reference import reference_path

NUMBERED_CHIPS = ("atmega", "sam3x8e", "lpc", "pru")
OTHER_CONFIGS = {
    "sample-idex.cfg": "mega",
    "sample-macros.cfg": "mega",
    "printer-creality-cr10-v3-2020.cfg": "mega",
}


def translate(
    text: str, board: str, *, to: Numbering | None = None, numbering: Numbering | None = None
) -> tuple[str, list[str]]:
    """The text through the filter, and the places and names of what it left."""
    work = PinFilter(Translation(table(board), to=to, numbering=numbering), "file")
    result = "".join(work.line(line) for line in text.splitlines(keepends=True))
    return result, [str(fault) for fault in work.faults()]


def only(text: str, board: str = "mega") -> str:
    """The text through the filter, which finds no fault in it."""
    result, faults = translate(text, board)
    assert faults == []
    return result


def corpus() -> list[tuple[str, str]]:
    """(config, its board's pin table) for each config of the corpus whose chip has numbers."""
    folder = reference_path("configs")
    rows = csv.DictReader((folder / "mcu.tsv").open(), delimiter="\t")
    found = [(row["config"], row["mcu"].split()[0]) for row in rows]
    boards = [(name, table(chip).name) for name, chip in found if chip.startswith(NUMBERED_CHIPS)]
    return boards + list(OTHER_CONFIGS.items())


def read(path: Path) -> str:
    """A file's text with its line ends and its undecodable bytes."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def test_the_corpus_has_the_boards_that_the_round_trip_is_about() -> None:
    assert {board for _, board in corpus()} == {"mega", "sanguino", "due", "lpc", "beaglebone"}
    assert len(corpus()) > 45


@pytest.mark.parametrize("to", Numbering)
@pytest.mark.parametrize(("name", "board"), [item for item in corpus() if item[0] not in OTHER_CONFIGS])
def test_a_config_comes_back_as_it_was(name: str, board: str, to: Numbering) -> None:
    text = read(reference_path("configs") / name)
    back, _ = translate(text, board, to=to)
    assert back != text
    forth, faults = translate(back, board)
    assert forth == text
    # analog inputs of the other microcontroller, which the BeagleBone's table does not know
    assert [fault for fault in faults if "'analog" not in fault] == []


def test_a_config_with_aliases_gets_the_pins_of_the_alias_file() -> None:
    text = read(reference_path("configs") / "sample-idex.cfg")
    expected = text
    for alias, pin in (
        ("ar54", "PF0"),
        ("ar55", "PF1"),
        ("ar38", "PD7"),
        ("analog13", "PK5"),
        ("analog15", "PK7"),
    ):
        expected = expected.replace(f"pin: {alias}\n", f"pin: {pin}\n").replace(f"!{alias}\n", f"!{pin}\n")
    result = only(text)
    changed = [
        pair for pair in zip(text.splitlines(), result.splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert len(changed) == 18
    assert all("_pin: " in old and ("ar" in old or "analog" in old) for old, _ in changed)
    assert not any("ar5" in new or "analog" in new for _, new in changed)
    for line in ("step_pin: PF0", "enable_pin: !PD7", "sensor_pin: PK5", "sensor_pin: PK7"):
        assert line in result.splitlines()
        assert line in expected.splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nstep_pin: ar54\n", "[a]\nstep_pin: PF0\n"),
        ("[a]\nstep_pin=^!D54\r\n", "[a]\nstep_pin=^!PF0\r\n"),
        ("[a]\npin :  ! ar54  ; ar54", "[a]\npin :  ! PF0  ; ar54"),
        ("[a]\npins: ar54,\n  !ar55 # ar1\n\n  , z: ar56\n", "[a]\npins: PF0,\n  !PF1 # ar1\n\n  , z: PF2\n"),
        ("[a]\nadc1: analog3\nSTEP_PIN: ar3\n", "[a]\nadc1: PF3\nSTEP_PIN: PE5\n"),
        ("[board_pins]\naliases: ar3=ar4, X=<GND>\n", "[board_pins]\naliases: ar3=PG5, X=<GND>\n"),
        ("[board_pins]\naliases_lcd:\n  K=D4\n", "[board_pins]\naliases_lcd:\n  K=PG5\n"),
        ("pin: ar3\n", "pin: PE5\n"),
        ("\ufeff[a]\npin: ar3\n", "\ufeff[a]\npin: PE5\n"),
        ("[a]\npin: \ud8e9 # \udce9\npin: ar3", "[a]\npin: \ud8e9 # \udce9\npin: PE5"),
    ],
)
def test_pins_of_a_config_are_translated_where_they_can_stand(text: str, expected: str) -> None:
    assert only(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "# ar3\n; pin: ar3\n#pin: ar3\n#*# pin: ar3\n",
        "[ar3]\nposition: ar3\nmax_ar3: 4\n",
        "[a]\npin: 54\n",
        "[a]\nvariable_x_pin: ar3\nanalog_range_click_pin: ar3\n",
        "[gcode_macro A]\ngcode:\n  pin: ar3\n  SET_PIN PIN=ar3\npin: ar3\n",
        "[a]\ngcode:\n  M118 ar3\n    pin: ar3\n",
        "[a]\nendstop_pin: probe:z_virtual_endstop\n",
        "[a]\npin: multi_pin:fans\npin: PA1\n",
        "[board_pins]\naliases: LAMP=PA1\n[a]\npin: LAMP\n",
        "[a]\npin: LAMP\n[board_pins]\naliases: lamp=PA1\n",
        "plain text, ar3 and D23\n",
    ],
)
def test_everything_else_of_a_config_stays(text: str) -> None:
    assert only(text) == text


def test_a_name_that_is_not_known_stays_and_is_told_with_its_line() -> None:
    text = "[a]\n\npin: ar99\npins: ar3,\n   KNOB\n[b]\npin: zboard:D98\n"
    result, faults = translate(text, "mega")
    assert result == text.replace("ar3,", "PE5,")
    assert [fault.split(" on ")[0] for fault in faults] == [
        "file:3: unknown pin 'ar99'",
        "file:5: unknown pin 'KNOB'",
        "file:7: unknown pin 'D98'",
    ]


def test_a_number_with_two_meanings_stays_unless_the_numbering_is_given() -> None:
    text = "#define X_STEP_PIN 24\n"
    result, faults = translate(text, "sanguino")
    assert result == text
    assert faults[0].startswith("file:1: '24' is PA0 in Arduino's numbering and PA7 in Marlin's")
    for numbering, pin in ((Numbering.ARDUINO, "PA0"), (Numbering.MARLIN, "PA7")):
        assert translate(text, "sanguino", numbering=numbering) == (text.replace("24", pin), [])


def test_the_other_pin_of_a_shorted_pair_is_left_so_that_a_file_comes_back_as_it_was() -> None:
    text = "[a]\npin: PC26\n"
    result, faults = translate(text, "due", to=Numbering.ARDUINO)
    assert result == text
    assert faults == ["file:2: 'PC26' is wired to PA29 (D4) on due, so it was left as it is"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#define X_STEP_PIN  54\n", "#define X_STEP_PIN  PF0\n"),
        ("  #  define X_PIN (54)  // 54\r\n", "  #  define X_PIN (PF0)  // 54\r\n"),
        ("#define TEMP_0_PIN 13\n", "#define TEMP_0_PIN PK5\n"),
        ("#define TEMP_0_CS_PIN 13\n", "#define TEMP_0_CS_PIN PB7\n"),
        ("#define BTN_EN1 31 /* a */\n", "#define BTN_EN1 PC6 /* a */\n"),
        ("#define LCD_PINS_RS D16\n", "#define LCD_PINS_RS PH1\n"),
        ("  pinMode(54, OUTPUT); delay(54);\n", "  pinMode(PF0, OUTPUT); delay(54);\n"),
        ("//\nconst int A_PIN = 13, B = 13;\n", "//\nconst int A_PIN = PB7, B = 13;\n"),
        (
            "/* 1 */ WRITE(13, 1); /*\n54 */ WRITE(13, 54);\n",
            "/* 1 */ WRITE(PB7, 1); /*\n54 */ WRITE(PB7, 54);\n",
        ),
        ("#pragma once\n#define A_PIN A3\n", "#pragma once\n#define A_PIN PF3\n"),
    ],
)
def test_pins_of_a_marlin_file_are_translated_where_they_can_stand(text: str, expected: str) -> None:
    assert only(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "// 54 X_STEP_PIN 54\n//#define X_STEP_PIN 54\n",
        "/*\n#define X_STEP_PIN 54\n#define Y_STEP_PIN 54\n*/\n",
        "#define KILL_PIN -1\n#define HAS_KILL_PIN 1\n#define BAUD 54\n",
        "#define A_PIN B_PIN\n#define C_PIN EXP1_03_PIN\n#define D_PIN (54 + 1)\n",
        "//\nint x = 54; if (X_PIN == 54) f(54);\n",
        "#define X_STEP_PIN PF0\n",
        "#define X_PINS 54\n#define STEP_PIN_COUNT 54\n",
    ],
)
def test_everything_else_of_a_marlin_file_stays(text: str) -> None:
    assert only(text) == text


def test_an_unknown_number_in_a_marlin_file_stays_and_is_told() -> None:
    result, faults = translate("#define A_PIN 112\n#define TEMP_1_PIN 16\n#define B_PIN PB9\n", "mega")
    assert result == "#define A_PIN 112\n#define TEMP_1_PIN 16\n#define B_PIN PB9\n"
    assert [fault.split(" on ")[0] for fault in faults] == [
        "file:1: unknown pin '112'",
        "file:2: unknown pin 'A16'",
        "file:3: unknown pin 'PB9'",
    ]


def test_a_marlin_file_comes_back_with_bare_numbers() -> None:
    text = "#define X_STEP_PIN 54\n#define TEMP_0_PIN 13\n#define X_PIN 70\n  pinMode(38, 1);\n"
    assert translate(only(text), "mega", to=Numbering.MARLIN) == (text, [])
    text = "#define X_STEP_PIN P2_2\n"
    assert translate(only(text, "lpc"), "lpc", to=Numbering.MARLIN) == (text, [])


def test_a_section_header_ends_what_looked_like_a_marlin_file() -> None:
    assert only("// notes\n[fan]\npin: ar3\nstep: 54\n") == "// notes\n[fan]\npin: PE5\nstep: 54\n"


def test_faults_beyond_the_limit_are_only_counted() -> None:
    work = PinFilter(Translation(table("mega")), "file")
    work.line("[a]\n")
    work.line(f"pins: {','.join(['D99'] * (FAULTS + 7))}\n")
    assert (len(work.faults()), work.untold) == (FAULTS, 7)


@pytest.mark.parametrize(
    "line",
    [
        "pins: " + "ar3," * 200_000,
        "pins: " + "ar99," * 200_000,
        "pin: " + " " * 1_000_000 + "ar3 x",
        "pin: " + "a" * 1_000_000,
        "#define X_PIN " + " " * 1_000_000 + "@",
        "#define X_PIN 5" + " " * 1_000_000 + "@",
        "#define X_PIN 5" + "/**/" * 300_000,
        "// " + "WRITE(" * 200_000,
        "pinMode(" * 200_000,
        "[" * 1_000_000,
    ],
    ids=lambda line: line[:16],
)
def test_a_line_of_megabytes_takes_no_more_than_a_pass_over_it(line: str) -> None:
    work = PinFilter(Translation(table("mega")), "file")
    work.line("#define Y_PIN 3\n" if line.startswith("#") else "\n")
    assert len(work.line(line)) >= len(line) // 2


LINES = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            [
                "[fan]",
                "pin: ar3",
                "  ar4, ^!A5",
                "aliases:",
                "  X=ar3,",
                "#define X_PIN 5",
                "/*",
                "*/",
                "//",
                "\x00\x1b[",
            ]
        ),
    ),
    max_size=12,
)


@given(LINES, st.sampled_from(["\n", "\r\n", "\n\n"]), st.sampled_from([None, *Numbering]))
def test_any_text_passes_and_keeps_its_lines(lines: list[str], end: str, to: Numbering | None) -> None:
    work = PinFilter(Translation(table("mega"), to=to), "file")
    text = end.join(lines)
    parts = text.split("\n")
    result = [work.line(part) for part in parts]
    assert len(result) == len(parts)
    for old, new in zip(parts, result, strict=True):
        assert new.endswith(old[len(old.rstrip("\r\n")) :])
    for fault in work.faults():
        assert isinstance(fault, KlipkitError)
        assert str(fault).isprintable()


@given(LINES)
def test_text_without_a_number_in_it_stays_as_it_is(lines: list[str]) -> None:
    text = "\n".join("".join(char for char in line if not char.isnumeric()) for line in lines)
    assert translate(text, "mega")[0] == text
