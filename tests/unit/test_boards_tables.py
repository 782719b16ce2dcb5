"""The pin tables: equal to the classic alias file, consistent with their chips, found by many names."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from klipkit.base.errors import AmbiguousBoard, DataError, UnknownBoard
from klipkit.boards import datafile
from klipkit.boards import tables as tables_module
from klipkit.boards.chips import chip
from klipkit.boards.tables import PinTable, table, table_names, tables
from tests.reference import reference_path

ALIASES = {
    "arduino-standard": "standard",
    "arduino-mega": "mega",
    "sanguino": "sanguino",
    "arduino-due": "due",
    "adafruit-grandcentral": "grand-central",
    "beaglebone": "beaglebone",
}
CANONICAL = re.compile(r"[DA]\d+|P[0-9]_\d+")


def alias_file() -> Iterator[tuple[str, str, str]]:
    """(table, alias, pin) of each alias in the classic file."""
    text = (reference_path("configs") / "sample-aliases.cfg").read_text("utf-8")
    for part in text.split("[board_pins ")[1:]:
        name, _, body = part.partition("]")
        for alias, pin in re.findall(r"(\w+)=(\w+)", re.sub(r"#.*", "", body)):
            yield ALIASES[name], alias, pin


def alias_key(alias: str) -> str:
    """The canonical key of ar12, ml70, analog3, P8_3."""
    stem = alias.rstrip("0123456789")
    return {"ar": "D", "ml": "D", "analog": "A"}.get(stem, stem) + alias[len(stem) :]


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of tables of the test's own."""
    monkeypatch.setattr(datafile, "FOLDER", tmp_path)
    (tmp_path / "tables").mkdir()
    caches = (tables_module._load, tables_module.tables)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path / "tables"
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("found", tables(), ids=lambda found: found.name)
def test_each_pin_of_a_table_is_a_pin_of_each_of_its_chips(found: PinTable) -> None:
    assert found.title
    assert found.chips
    for name in found.chips:
        known = set(chip(name).pins) | chip(name).unusable
        assert {*found.arduino.values(), *found.marlin.values(), *found.shorted} <= known, name


@pytest.mark.parametrize("found", tables(), ids=lambda found: found.name)
def test_numbers_are_written_in_the_canonical_way(found: PinTable) -> None:
    for number in (*found.arduino, *found.marlin, *found.shorted.values()):
        assert CANONICAL.fullmatch(number), number


@pytest.mark.parametrize("found", tables(), ids=lambda found: found.name)
def test_analog_numbers_are_the_same_in_both_numberings(found: PinTable) -> None:
    analog = [
        {k: v for k, v in each.items() if k[0] == "A"} for each in (found.arduino, found.marlin) if each
    ]
    assert all(each == analog[0] for each in analog)


@pytest.mark.parametrize("name", sorted(set(ALIASES.values()) - {"beaglebone", "standard"}))
def test_analog_numbers_are_converter_inputs(name: str) -> None:
    for key, pin in table(name).arduino.items():
        if key[0] == "A":
            assert all(pin in chip(each).adc for each in table(name).chips), key


def test_tables_hold_what_the_alias_file_holds() -> None:
    rows = list(alias_file())
    assert len(rows) > 400
    for name, alias, pin in rows:
        found = table(name)
        numbers = found.marlin if alias.startswith("ml") else found.arduino
        assert numbers[alias_key(alias)] == pin, (name, alias)


@pytest.mark.parametrize("name", sorted(ALIASES.values()))
def test_tables_hold_no_more_than_the_alias_file(name: str) -> None:
    told = {
        alias_key(alias) for found, alias, _ in alias_file() if found == name and not alias.startswith("ml")
    }
    assert set(table(name).arduino) == told


@pytest.mark.parametrize(
    ("name", "number", "pin"),
    [
        ("mega", "D23", "PA1"),
        ("mega", "D21", "PD0"),
        ("mega", "A14", "PK6"),
        ("sanguino", "D23", "PC7"),
        ("due", "D13", "PB27"),
        ("due", "D23", "PA14"),
        ("leonardo", "D13", "PC7"),
        ("leonardo", "A5", "PF0"),
        ("standard", "D13", "PB5"),
    ],
)
def test_numbers_known_from_the_boards(name: str, number: str, pin: str) -> None:
    assert table(name).arduino[number] == pin


@pytest.mark.parametrize(
    ("name", "number", "arduino", "marlin"),
    [
        ("sanguino", "D24", "PA0", "PA7"),
        ("sanguino", "D31", "PA7", "PA0"),
        ("sanguino", "D23", "PC7", "PC7"),
        ("mega", "D70", None, "PG4"),
        ("mega", "D85", None, "PH7"),
        ("mega", "D21", "PD0", "PD0"),
        ("grand-central", "D54", "PA2", "PB5"),
        ("grand-central", "D63", "PB6", None),
        ("grand-central", "D67", "PA4", "PA2"),
        ("teensy++", "D36", None, "PE4"),
        ("teensy++", "D46", None, "PE2"),
        ("lpc", "P1_23", None, "P1.23"),
        ("leonardo", "D0", "PD2", None),
        ("due", "D91", None, "PB15"),
    ],
)
def test_where_arduino_and_marlin_differ(
    name: str, number: str, arduino: str | None, marlin: str | None
) -> None:
    assert table(name).arduino.get(number) == arduino
    assert table(name).marlin.get(number) == marlin


def test_the_second_pin_of_a_shorted_pair_is_told_apart() -> None:
    due = table("due")
    assert due.shorted == {"PC26": "D4", "PC29": "D10"}
    assert (due.arduino["D4"], due.arduino["D10"]) == ("PA29", "PA28")
    for pin in due.shorted:
        assert pin not in (*due.arduino.values(), *due.marlin.values())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("MEGA", "mega"),
        ("ramps", "mega"),
        ("atmega1280", "mega"),
        ("arduino-due", "due"),
        ("radds", "due"),
        ("Nano", "standard"),
        ("atmega328", "standard"),
        ("anet", "sanguino"),
        ("printrboard", "teensy++"),
        ("at90usb1286", "teensy++"),
        ("teensypp", "teensy++"),
        ("adafruit-grandcentral", "grand-central"),
        ("SKR_1.3", "lpc"),
        ("smoothieboard", "lpc"),
        ("cramps", "beaglebone"),
    ],
)
def test_tables_are_found_by_table_board_family_and_chip(name: str, found: str) -> None:
    assert table(name).name == found


def test_no_name_stands_for_two_tables() -> None:
    spoken = [name for each in tables() for name in {each.name, *each.names}]
    assert sorted(spoken) == sorted(set(spoken))
    assert list(table_names()) == sorted(table_names())


def test_a_board_that_needs_no_table_is_refused_with_the_reason() -> None:
    with pytest.raises(
        UnknownBoard, match="STM32F4 boards have no pin table; their pins go by the chip's own names"
    ):
        table("octopus")


@pytest.mark.parametrize("name", ["stm32f446", "nothing", "", "\x1b[2J", "../chips/due"])
def test_what_has_no_table_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(UnknownBoard, match=r"tables are beaglebone, due, .*|did you mean") as caught:
        table(name)
    assert str(caught.value).isprintable()


def test_a_chip_with_two_tables_is_not_guessed(own_data: Path) -> None:
    for name in ("one", "two"):
        (own_data / f"{name}.toml").write_text('title = "x"\nchips = "abc"\narduino = "D0: PA0"\n')
    with pytest.raises(AmbiguousBoard, match="'abc' has several pin tables; name one of one, two"):
        table("abc")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('arduino = "D0: PA0\\nD0: PA1"', "D0 is given twice"),
        ('arduino = "D: PA0"', "does not end in a number"),
        ('marlin = "D0: PA0"\nmarlin_lacks = "D1"', "no D1 to leave out"),
        ('arduin = "D0: PA0"', "unknown key 'arduin'"),
    ],
)
def test_a_slip_in_a_table_is_an_error_that_names_the_file(own_data: Path, text: str, message: str) -> None:
    (own_data / "slip.toml").write_text(f'title = "x"\nchips = "abc"\n{text}\n')
    with pytest.raises(DataError, match=message) as caught:
        table("slip")
    assert caught.value.where.endswith("slip.toml")


def test_all_tables_load_without_chips_families_or_the_terminal() -> None:
    code = "import sys; from klipkit.boards.tables import tables; tables(); print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "klipkit.boards.tables" in loaded
    assert not loaded & {
        "klipkit.boards.chips",
        "klipkit.boards.families",
        "klipkit.boards.usb",
        "rich",
        "click",
    }
