"""Firmware images: any bytes survive each kind of file, damaged files are one clear error, dictionaries are found."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import FileError
from klipkit.base.flashfaults import WrongImage
from klipkit.flashing.image import hex_text, read_image, uf2_blocks, uf2_bytes
from tests.flash_peers.images import made_image

FAMILY = 0xE48B_FF56


def stored(folder: Path, content: bytes) -> Path:
    file = folder / "image"
    file.write_bytes(content)
    return file


@given(st.integers(0, 0x0FFF_FFFF), st.binary(min_size=1, max_size=5000))
def test_any_bytes_at_any_address_survive_a_hex_file(
    tmp_path_factory: pytest.TempPathFactory, at: int, data: bytes
) -> None:
    text = hex_text(at, data)
    image = read_image(stored(tmp_path_factory.getbasetemp(), text.encode()))
    assert (image.kind, image.address, image.data) == ("hex", at, data)
    assert all(len(line) <= 11 + 32 for line in text.splitlines())


@given(st.integers(0, 0x0FFF_FFFF), st.binary(min_size=1, max_size=5000))
def test_any_bytes_survive_a_uf2_file_but_for_what_fills_up_the_last_block(
    tmp_path_factory: pytest.TempPathFactory, at: int, data: bytes
) -> None:
    content = uf2_bytes(at, data, FAMILY)
    image = read_image(stored(tmp_path_factory.getbasetemp(), content))
    assert (image.kind, image.address, image.family) == ("uf2", at, FAMILY)
    assert image.data[: len(data)] == data
    assert image.data[len(data) :].strip(b"\xff") == b""
    assert [address for address, _ in uf2_blocks(content)] == list(range(at, at + len(data), 256))


@given(st.binary(min_size=1, max_size=2000), st.integers(0, 1999), st.integers(1, 255))
def test_a_damaged_hex_file_is_refused_or_holds_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, place: int, change: int
) -> None:
    text = bytearray(hex_text(0, data).encode())
    text[place % len(text)] ^= change
    try:
        image = read_image(stored(tmp_path_factory.getbasetemp(), bytes(text)))
    except WrongImage as error:
        assert str(error).isprintable()
    else:
        assert image.kind != "hex" or image.data == data


def test_a_hex_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    text = hex_text(0, bytes(300)).encode()
    for size in range(1, len(text) - 2):
        if text[:size].strip():
            with pytest.raises(WrongImage):
                read_image(stored(tmp_path, text[:size]))


def test_gaps_of_a_hex_file_are_erased_flash_and_what_overlaps_is_refused(tmp_path: Path) -> None:
    end = ":00000001FF\n"
    lines = [hex_text(at, data).removesuffix(end) for at, data in ((0, b"abc"), (8, b"d"))]
    image = read_image(stored(tmp_path, ("".join(lines) + end).encode()))
    assert image.data == b"abc" + b"\xff" * 5 + b"d"
    lines.append(hex_text(2, b"x").removesuffix(end))
    with pytest.raises(WrongImage, match="twice"):
        read_image(stored(tmp_path, ("".join(lines) + end).encode()))


def test_a_damaged_uf2_file_is_refused(tmp_path: Path) -> None:
    content = uf2_bytes(0x1000_0000, bytes(1000), FAMILY)
    for at in (20, 24, 508, 512, 1020):
        damaged = bytearray(content)
        damaged[at] ^= 0x40
        with pytest.raises(WrongImage, match="block"):
            read_image(stored(tmp_path, bytes(damaged)))
    with pytest.raises(WrongImage, match="cut off"):
        read_image(stored(tmp_path, content[:-1]))


def test_what_is_not_there_or_empty_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_image(tmp_path / "missing")
    with pytest.raises(WrongImage, match="is empty"):
        read_image(stored(tmp_path, b""))


def test_the_dictionary_is_found_among_other_bytes(tmp_path: Path) -> None:
    made = made_image("rp2040")
    for content in (made.data, hex_text(0, made.data).encode(), uf2_bytes(0, made.data, FAMILY)):
        dictionary = read_image(stored(tmp_path, content)).dictionary()
        assert dictionary is not None
        assert (dictionary["config"]["MCU"], dictionary["version"]) == ("rp2040", made.version)


@given(st.binary(min_size=1, max_size=4000))
def test_bytes_at_random_hold_none(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    image = read_image(stored(tmp_path_factory.getbasetemp(), b"\0" + b"\x78\xda" + data))
    assert image.dictionary() is None
