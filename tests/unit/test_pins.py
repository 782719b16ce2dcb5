"""Pin names: the two ways between numbers and pins, and what is refused."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import AmbiguousPin, KlipkitError, UnknownPin
from klipkit.boards.pins import (
    HINTS,
    Numbering,
    Translation,
    aliases,
    describe,
    is_description,
    meanings,
    numbered,
)
from klipkit.boards.tables import PinTable, table, tables
from tests.reference import reference_path

ALIAS_TABLES = {
    "arduino-standard": "standard",
    "arduino-mega": "mega",
    "sanguino": "sanguino",
    "arduino-due": "due",
    "adafruit-grandcentral": "grand-central",
    "beaglebone": "beaglebone",
}
TABLES = st.sampled_from(tables())
NUMBERINGS = st.sampled_from(Numbering)


def alias_file() -> Iterator[tuple[str, str, str]]:
    """(table, alias, pin) of each line of the classic alias file."""
    text = (reference_path("configs") / "sample-aliases.cfg").read_text("utf-8")
    for part in text.split("[board_pins ")[1:]:
        name, _, body = part.partition("]")
        for alias, pin in re.findall(r"(\w+)=(\w+)", re.sub(r"#.*", "", body)):
            yield ALIAS_TABLES[name], alias, pin


def pins_of(found: PinTable) -> list[str]:
    """Each pin that a table numbers."""
    return sorted({*found.arduino.values(), *found.marlin.values()})


@pytest.mark.parametrize(
    ("name", "board", "pin"),
    [
        ("D23", "mega", "PA1"),
        ("D21", "mega", "PD0"),
        ("A14", "mega", "PK6"),
        ("D23", "sanguino", "PC7"),
        ("D13", "due", "PB27"),
        ("D23", "due", "PA14"),
        ("ar23", "mega", "PA1"),
        ("23", "mega", "PA1"),
        ("a14", "mega", "PK6"),
        ("ANALOG14", "mega", "PK6"),
        ("ml70", "mega", "PG4"),
        ("D0023", "mega", "PA1"),
        ("P1_23", "lpc", "P1.23"),
        ("p1_23", "lpc", "P1.23"),
        ("P2_02", "lpc", "P2.2"),
        ("P0_24_A1", "lpc", "P0.24"),
        ("P9_12", "beaglebone", "gpio1_28"),
        ("pa1", "mega", "PA1"),
        ("p1.23", "lpc", "P1.23"),
    ],
)
def test_each_way_to_write_a_name_gives_its_pin(name: str, board: str, pin: str) -> None:
    assert Translation(table(board)).name(name) == pin


def test_the_classic_alias_file_is_translated_as_it_says() -> None:
    entries = list(alias_file())
    assert len(entries) > 400
    for board, alias, pin in entries:
        assert Translation(table(board)).name(alias) == pin, (board, alias)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("^!D3", "^!PE5"),
        ("~ zboard:ar4", "~ zboard:PG5"),
        ("! zboard : 5", "! zboard:PE3"),
        ("mcu:PA1", "mcu:PA1"),
    ],
)
def test_modifiers_and_microcontroller_are_kept(text: str, expected: str) -> None:
    assert Translation(table("mega")).description(text) == expected


@pytest.mark.parametrize("text", ["", "^", "D2 3", "a:b:c", "D3,D4", "D3\x1b", "é", "x" * 9 + "\n\n:"])
def test_what_is_no_pin_is_refused(text: str) -> None:
    assert not is_description(text)
    with pytest.raises(UnknownPin, match="is not a pin"):
        describe(text)


@pytest.mark.parametrize(
    ("name", "board", "hint"),
    [
        ("D99", "mega", "did you mean 'D9'"),
        ("ar99", "mega", "did you mean 'D9'"),
        ("PA9", "mega", "did you mean 'A9'"),
        ("D12345", "mega", "did you mean 'D45'"),
        ("nonsense", "mega", "pins list --board mega"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_ones(name: str, board: str, hint: str) -> None:
    with pytest.raises(UnknownPin, match=f"unknown pin '{name}' on {board}") as caught:
        Translation(table(board)).name(name)
    assert hint in caught.value.hint


def test_only_the_first_unknown_names_cost_a_search_for_near_ones() -> None:
    one = Translation(table("mega"))
    hints = []
    for _ in range(HINTS + 1):
        with pytest.raises(UnknownPin) as caught:
            one.name("D99")
        hints.append(caught.value.hint)
    assert all("did you mean" in hint for hint in hints[:HINTS])
    assert "did you mean" not in hints[HINTS]


@pytest.mark.parametrize(("number", "arduino", "marlin"), [(24, "PA0", "PA7"), (31, "PA7", "PA0")])
def test_a_number_with_two_meanings_is_never_guessed(number: int, arduino: str, marlin: str) -> None:
    board = table("sanguino")
    for name in (f"D{number}", f"{number}", f"d{number}"):
        with pytest.raises(AmbiguousPin) as caught:
            Translation(board).name(name)
        assert f"{arduino} in Arduino's numbering and {marlin} in Marlin's" in caught.value.what
        assert f"ar{number} or ml{number}" in caught.value.hint
        assert Translation(board, numbering=Numbering.ARDUINO).name(name) == arduino
        assert Translation(board, numbering=Numbering.MARLIN).name(name) == marlin


@pytest.mark.parametrize("numbering", [None, *Numbering])
def test_ar_is_always_arduinos_and_ml_always_marlins(numbering: Numbering | None) -> None:
    one = Translation(table("sanguino"), numbering=numbering)
    assert (one.name("ar24"), one.name("ml24")) == ("PA0", "PA7")


def test_a_numbering_that_a_board_lacks_has_no_names() -> None:
    for board, name in (("teensy++", "ar3"), ("leonardo", "ml3"), ("mega", "ar70")):
        with pytest.raises(UnknownPin):
            Translation(table(board)).name(name)
    with pytest.raises(UnknownPin):
        Translation(table("mega"), numbering=Numbering.ARDUINO).name("D70")


@pytest.mark.parametrize(
    ("pin", "board", "to", "name"),
    [
        ("PA1", "mega", Numbering.ARDUINO, "D23"),
        ("PA1", "mega", Numbering.MARLIN, "D23"),
        ("PK6", "mega", Numbering.ARDUINO, "A14"),
        ("PG4", "mega", Numbering.ARDUINO, "ml70"),
        ("PG4", "mega", Numbering.MARLIN, "D70"),
        ("PD4", "leonardo", Numbering.ARDUINO, "D4"),
        ("PF7", "leonardo", Numbering.ARDUINO, "A0"),
        ("P1.23", "lpc", Numbering.ARDUINO, "P1_23"),
        ("PC26", "due", Numbering.ARDUINO, "D4"),
        ("PC29", "due", Numbering.ARDUINO, "D10"),
        ("PF0", "teensy++", Numbering.ARDUINO, "A0"),
    ],
)
def test_the_way_back_gives_the_name_that_stands_on_the_board(
    pin: str, board: str, to: Numbering, name: str
) -> None:
    assert Translation(table(board), to=to).name(pin) == name


@pytest.mark.parametrize("found", tables(), ids=lambda found: found.name)
@pytest.mark.parametrize("to", Numbering)
def test_there_and_back_is_the_same_pin(found: PinTable, to: Numbering) -> None:
    back, forth = Translation(found, to=to), Translation(found)
    for pin in pins_of(found):
        assert forth.name(back.name(pin)) == pin


def test_a_pin_of_the_chip_without_a_number_stays_and_has_no_way_back() -> None:
    assert Translation(table("due")).name("pb24") == "PB24"
    assert Translation(table("mega")).name("PB7") == "PB7"
    with pytest.raises(UnknownPin, match="'PB24' has no number of Arduino's on due"):
        Translation(table("due"), to=Numbering.ARDUINO).name("PB24")


def test_a_marlin_file_gets_bare_numbers_back() -> None:
    back = Translation(table("mega"), to=Numbering.MARLIN)
    assert back.plain_number("PF0", analog=False) == "54"
    assert back.plain_number("PK5", analog=True) == "13"
    assert Translation(table("lpc"), to=Numbering.MARLIN).plain_number("P1.4", analog=False) == "P1_4"
    with pytest.raises(UnknownPin):
        back.plain_number("PA1", analog=True)


def test_the_aliases_of_a_pin_say_whose_they_are_only_where_it_matters() -> None:
    assert aliases(table("mega"))["PF0"] == ["D54", "A0"]
    assert aliases(table("sanguino"))["PA0"] == ["ar24", "A0", "ml31"]
    assert aliases(table("due"))["PC26"] == ["D4"]


@given(TABLES, st.from_regex(r"(D|d|ar|AR|ml||A|analog)[0-9]{1,3}", fullmatch=True), NUMBERINGS)
def test_a_name_gives_its_meaning_or_a_clear_error(found: PinTable, name: str, numbering: Numbering) -> None:
    for one in (
        Translation(found),
        Translation(found, numbering=numbering),
        Translation(found, to=numbering),
    ):
        try:
            result = one.name(name)
        except (UnknownPin, AmbiguousPin) as error:
            assert name in str(error)
        else:
            number = numbered(name)
            assert number is not None
            pins = {each.get(number.key) for each in (found.arduino, found.marlin)}
            assert (Translation(found).name(result) if one.to else result) in pins


@given(TABLES, st.text(max_size=40))
def test_any_text_as_a_name_is_translated_or_refused_with_a_clean_line(found: PinTable, text: str) -> None:
    try:
        Translation(found).description(text)
    except KlipkitError as error:
        assert str(error).isprintable()


@given(TABLES, st.text(max_size=12))
def test_no_name_has_more_than_two_meanings_and_two_of_them_differ(found: PinTable, name: str) -> None:
    pins = [meaning.pin for meaning in meanings(found, name)]
    assert len(pins) <= 2
    assert len(set(pins)) == len(pins)
