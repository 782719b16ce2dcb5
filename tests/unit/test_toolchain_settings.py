"""The settings of a firmware: the Kconfig offers what the Makefiles build, and what is wrong is refused with a word."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klipkit.base.buildfaults import NoPort, WrongSetting
from klipkit.base.errors import FileError
from klipkit.boards.board import Board, board_named, boards
from klipkit.toolchain.programs import ask_make
from klipkit.toolchain.settings import MODULE, Settings, can_be_built
from klipkit.toolchain.sources import facts, modules, ports, sources

FIRMWARE = sources()
SERVED = [each for each in boards() if can_be_built(each, FIRMWARE)]
CHIPS = [(port, chip) for port, chips in ports(FIRMWARE).items() for chip in chips or ("",)]
KEPT = Settings()


def built(of: Settings) -> set[str]:
    """The modules that are switched on."""
    return set(modules(of.folder)) - {each.module for each in of.left_out()}


@pytest.mark.parametrize(("port", "chip"), CHIPS)
def test_a_chip_gets_the_modules_that_make_gives_it_by_hand(port: str, chip: str) -> None:
    of = Settings()
    of.apply([f"PORT={port}", *([f"CHIP={chip}"] if chip else [])])
    assert built(of) == set(facts(FIRMWARE, port, chip).modules)


@pytest.mark.parametrize(("port", "chip"), CHIPS)
def test_make_takes_a_saved_file(port: str, chip: str, tmp_path: Path) -> None:
    of = Settings()
    of.apply([f"PORT={port}", *([f"CHIP={chip}"] if chip else []), "MODULE_endstop=n"])
    of.save(tmp_path / "config")
    told = dict(
        line.partition(" ")[::2] for line in ask_make(FIRMWARE, f"CONFIG={tmp_path}/config").splitlines()
    )
    assert set(told["modules"].split()) == built(of)
    assert "endstop" not in built(of)
    assert told["targets"].split() == list(facts(FIRMWARE, port, chip).targets)


def test_each_module_has_a_title_and_a_sentence() -> None:
    for name in modules(FIRMWARE):
        (node,) = KEPT.kconfig.syms[f"{MODULE}{name}"].nodes
        assert node.prompt[0]
        assert node.help.count(".") == 1 and node.help.strip().endswith(".")


def test_a_module_depends_on_the_modules_whose_functions_it_calls() -> None:
    for name in modules(FIRMWARE):
        text = (FIRMWARE / "modules" / f"{name}.c").read_text()
        called = set(re.findall(r'#include "modules/(\w+)\.h"', text)) & set(modules(FIRMWARE)) - {name}
        entry = re.search(rf"config {MODULE}{name}\n(.*?)\n\n", (FIRMWARE / "Kconfig").read_text(), re.S)
        assert entry
        assert set(re.findall(rf"depends on {MODULE}(\w+)", entry[1])) == called


@pytest.mark.parametrize("board", SERVED, ids=lambda board: board.name)
def test_a_board_sets_chip_clock_and_baud(board: Board) -> None:
    of = Settings.of(board)
    assert (of.port, of.chip) == (board.port, board.chip)
    assert (of.number("FREQUENCY"), of.number("BAUD")) == (board.frequency, board.baud)


def test_a_board_without_a_port_is_known_and_says_so() -> None:
    with pytest.raises(NoPort, match="no port yet for stm32f103"):
        Settings.of(board_named("skr-mini-e3"))
    with pytest.raises(NoPort, match="no port yet for lgt8f328p"):
        Settings.of(board_named("lgt8f328p"))


def test_settings_that_were_saved_are_the_same_again(tmp_path: Path) -> None:
    of = Settings.of(board_named("uno"))
    of.apply(["BAUD=115200", "MODULE_counter=n", "MODULE_i2c=y"])
    of.save(tmp_path / "config")
    again = Settings.saved(tmp_path / "config")
    assert again.text() == of.text()
    assert {each.module: each.why for each in again.left_out()}["counter"] == "switched off"
    assert "i2c" in built(again)


def test_the_file_of_the_menu_can_be_read_too(tmp_path: Path) -> None:
    of = Settings.of(board_named("melzi"))
    of.apply(["MODULE_st7920=n"])
    of.kconfig.write_config(str(tmp_path / "config"), save_old=False)
    assert Settings.saved(tmp_path / "config").text() == of.text()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("CONFIG_BAUD=x\n", "BAUD cannot be 'x'"),
        ("CONFIG_SPEED=1\n", "unknown setting 'SPEED'"),
        ("# fine\n\nspeed 1\n", ":3: 'speed 1' is not a setting"),
    ],
)
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(WrongSetting, match=error) as caught:
        Settings.saved(tmp_path / "config")
    assert caught.value.where.startswith(str(tmp_path / "config"))
    with pytest.raises(FileError):
        Settings.saved(tmp_path / "missing")


@pytest.mark.parametrize(
    ("assignments", "error"),
    [
        (
            ["MODULE_stepper=y", "MODULE_trsync=n"],
            "MODULE_stepper cannot be 'y' here: it needs MODULE_trsync",
        ),
        (["BAUD=115200", "PORT=sim"], r"BAUD cannot be '115200' for any chip \(port sim\)"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(assignments: list[str], error: str) -> None:
    with pytest.raises(WrongSetting, match=error):
        Settings().apply(assignments)


def test_the_last_of_several_values_counts() -> None:
    of = Settings()
    of.apply(["BAUD=9600", "CHIP=atmega168", "chip = ATmega644P", "baud=57600"])
    assert (of.chip, of.number("BAUD")) == ("atmega644p", 57600)


WORDS = st.sampled_from(
    ["BAUD", "baud", "CHIP", "PORT", "MODULE_spi", "CONFIG_BAUD", "=", "y", "avr", "9600", "٣"]
)
ANYTHING = st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=4).map("".join))


@settings(max_examples=300)
@given(ANYTHING)
def test_any_text_is_a_setting_or_one_clear_error(text: str) -> None:
    try:
        KEPT.apply([text])
    except WrongSetting as error:
        assert str(error).isprintable()
    else:
        key, _, value = text.partition("=")
        name = key.strip().upper().removeprefix("CONFIG_")
        assert name in {"BAUD", "FREQUENCY", "CHIP", "PORT"} or name.startswith(("MODULE_", "CHIP_", "PORT_"))
        if name == "BAUD":
            assert KEPT.number("BAUD") == int(value)
    finally:
        KEPT.apply(["PORT=avr", "CHIP=atmega2560", "BAUD=250000"])


@given(st.integers())
def test_a_baud_is_taken_just_when_it_is_in_range(baud: int) -> None:
    try:
        KEPT.apply([f"BAUD={baud}"])
    except WrongSetting:
        assert not 9600 <= baud <= 1_000_000
    else:
        assert KEPT.number("BAUD") == baud
