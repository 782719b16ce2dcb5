"""The board families' data files: consistent with chips, tables and USB ids, and found by the names people use."""

import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import UnknownBoard
from klipkit.boards.chips import chip_names
from klipkit.boards.families import Family, FlashMethod, board, families, family, family_names, plain
from klipkit.boards.tables import table_names, tables
from klipkit.boards.usb import known_ids

FILES = {"hex", "bin", "uf2", "elf"}
NAMES = (
    "ramps gt2560 rambo einsy rumba minitronics melzi sanguinololu anet uno nano leonardo micro printrboard due radds "
    "archim2 duet2 duet-maestro duet3 duet3-mini zero grand-central smoothieboard skr-1.3 skr-1.4 sgen-l skr-mini "
    "creality-4.2.2 creality-4.2.7 cheetah robin skr-pro skr-2 skr-3 octopus spider s6 manta ebb skr-mini-e3-v3 "
    "skr-pico pico pico2 ender2-pro neptune raspberry-pi beaglebone"
)
SPOKEN = sorted(name for each in families() for name in each.boards)
METHODS = [(each.name, method) for each in families() for method in each.flash]


def method(name: str, tool: str, place: int = 0) -> FlashMethod:
    """The family's method number `place` with that tool."""
    return [each for each in family(name).flash if each.tool == tool][place]


@pytest.mark.parametrize("found", families(), ids=lambda found: found.name)
def test_a_family_names_things_that_exist(found: Family) -> None:
    assert found.title
    assert found.boards
    assert found.flash
    assert found.chips
    assert set(found.chips) <= set(chip_names())
    assert found.table in ("", *table_names())
    assert set(found.usb_application) | set(found.usb_bootloader) | set(found.usb_bridge) <= set(known_ids())


@pytest.mark.parametrize("found", [each for each in families() if each.table], ids=lambda found: found.name)
def test_the_table_of_a_family_is_for_its_chips(found: Family) -> None:
    table = next(each for each in tables() if each.name == found.table)
    assert set(found.chips) <= set(table.chips)


@pytest.mark.parametrize(("name", "flash"), METHODS, ids=lambda value: getattr(value, "tool", value))
def test_a_flash_method_is_complete(name: str, flash: FlashMethod) -> None:
    assert flash.file in FILES
    assert (flash.tool == "avrdude") == bool(flash.programmer) == (flash.baud > 0)
    assert (flash.tool == "uf2") == bool(flash.uf2_family) == (flash.file == "uf2")
    assert (flash.tool == "sdcard") == bool(flash.filename)
    assert set(flash.usb) <= set(family(name).usb_bootloader)
    assert len(set(flash.offsets)) == len(flash.offsets)


@pytest.mark.parametrize("flash", [each for _, each in METHODS if each.tool == "sdcard"])
def test_a_card_has_to_be_carried_and_its_bootloader_keeps_room(flash: FlashMethod) -> None:
    assert flash.needs_hands
    assert flash.offset > 0


def test_each_board_belongs_to_one_family() -> None:
    compared = [plain(name) for name in SPOKEN]
    assert sorted(compared) == sorted(set(compared))


def test_a_board_that_is_named_like_a_family_belongs_to_it() -> None:
    for each in families():
        for name in each.boards:
            assert plain(name) not in map(plain, family_names()) or plain(name) == plain(each.name)


def test_each_chip_is_in_a_family() -> None:
    held = {name for each in families() for name in each.chips}
    assert set(chip_names()) - held == {"sam3x8c"}  # a sam3x8e with fewer pins; no table numbers its board


def test_each_table_is_used_by_a_family() -> None:
    assert {each.table for each in families()} - {""} == set(table_names())


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("RAMPS", "mega2560"),
        ("gt2560", "mega2560"),
        ("Melzi", "sanguino"),
        ("uno", "uno"),
        ("SKR_1.3", "lpc176x"),
        ("skr-mini-e3-v3", "stm32g0"),
        ("Octopus", "stm32f4"),
        ("pico", "rp2040"),
        ("Ender2-Pro", "hc32f460"),
        ("raspberry-pi", "linux"),
        ("archim2", "due"),
        ("duet-maestro", "duet"),
        ("grand-central", "grand-central"),
        ("teensy++", "at90usb"),
    ],
)
def test_boards_are_found_by_the_names_people_use(name: str, found: str) -> None:
    assert board(name).name == found


@pytest.mark.parametrize("name", NAMES.split())
def test_a_common_board_is_known_and_can_be_flashed(name: str) -> None:
    assert board(name).flash[0].tool


@given(st.sampled_from(SPOKEN), st.randoms(use_true_random=False))
def test_case_dashes_and_underscores_do_not_matter(name: str, random: Random) -> None:
    choose = random.choice
    written = "".join(choose((char.lower(), char.upper())) for char in name)
    written = "".join(choose("-_") if char == "-" else char for char in written)
    assert board(written) == board(name)


@given(st.text(string.ascii_lowercase + "-_. \x1b\n", max_size=12))
def test_any_text_is_a_board_or_one_clear_error(name: str) -> None:
    try:
        assert board(name).name in family_names()
    except UnknownBoard as error:
        assert str(error).isprintable()
        assert error.hint


def test_an_unknown_board_is_refused_with_near_names() -> None:
    with pytest.raises(UnknownBoard, match=r"unknown board 'octopuss'.*did you mean 'octopus'"):
        board("octopuss")
    with pytest.raises(UnknownBoard, match="did you mean 'mega2560'"):
        family("mega256")


def test_methods_that_were_tried_are_written_as_they_ran() -> None:
    assert (method("mega2560", "avrdude").programmer, method("mega2560", "avrdude").baud) == (
        "wiring",
        115200,
    )
    assert (method("mega1280", "avrdude").programmer, method("mega1280", "avrdude").baud) == (
        "arduino",
        57600,
    )
    assert [method("sanguino", "avrdude", place).baud for place in (0, 1)] == [115200, 57600]
    assert method("mega2560", "avrdude").arguments == ("-D",)
    assert method("leonardo", "avrdude").touch
    assert method("due", "bossac").arguments == ("-U", "-e", "-v", "-b", "-R")
    assert (family("due").flash_start, method("due", "bossac").touch) == (0x80000, True)
    assert (method("zero", "bossac").offset, method("grand-central", "bossac").offset) == (0x2000, 0x4000)
    assert (method("stm32f103", "dfu-util").usb, method("stm32f103", "dfu-util").alternate) == (
        ((0x1EAF, 3),),
        2,
    )
    assert method("stm32f4", "sdcard").offset == 32 * 1024
    assert method("stm32h7", "sdcard").offset == 128 * 1024
    assert (method("rp2040", "uf2").uf2_family, method("rp2350", "uf2").uf2_family) == (
        0xE48BFF56,
        0xE48BFF59,
    )
    assert method("rp2040", "katapult").offset == 16 * 1024
