"""USB ids: what the known ones stand for, and that nothing a device says reaches the terminal."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.boards import datafile
from klipkit.boards.families import Family, families, family_names
from klipkit.boards.usb import UsbKind, identify, known_ids


def test_each_id_is_written_in_the_one_way_and_once() -> None:
    text = (Path(datafile.FOLDER) / "usb.toml").read_text("utf-8")
    written = re.findall(r'^"([^"]*)" = ', text, flags=re.M)
    assert all(re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", word) for word in written)
    assert len(written) == len(set(written)) == len(known_ids()) > 50


def test_the_families_of_an_id_exist() -> None:
    for identity in known_ids().values():
        assert set(identity.families) <= set(family_names())
        assert identity.name


def test_ids_of_a_family_name_that_family() -> None:
    for each in families():
        for key in (*each.usb_bootloader, *each.usb_bridge):
            assert each.name in known_ids()[key].families or not known_ids()[key].families, (each.name, key)


@pytest.mark.parametrize("each", families(), ids=lambda each: each.name)
def test_a_family_lists_its_ids_by_what_they_are(each: Family) -> None:
    kinds = {key: identity.kind for key, identity in known_ids().items()}
    assert {kinds[key] for key in each.usb_bootloader} <= {UsbKind.BOOTLOADER}
    assert {kinds[key] for key in each.usb_bridge} <= {UsbKind.BRIDGE, UsbKind.BOARD}


@pytest.mark.parametrize(
    ("vid", "pid", "kind", "name"),
    [
        (0x1A86, 0x7523, UsbKind.BRIDGE, "CH340"),
        (0x10C4, 0xEA60, UsbKind.BRIDGE, "CP210x"),
        (0x2341, 0x0042, UsbKind.BOARD, "Arduino Mega 2560 R3"),
        (0x2E8A, 0x0003, UsbKind.BOOTLOADER, "RP2040 BOOTSEL"),
        (0x1D50, 0x6177, UsbKind.BOOTLOADER, "Katapult"),
        (0x1D50, 0x606F, UsbKind.BRIDGE, "USB to CAN bridge (gs_usb)"),
        (0x03EB, 0x6124, UsbKind.BOOTLOADER, "SAM-BA"),
    ],
)
def test_common_devices_are_known(vid: int, pid: int, kind: UsbKind, name: str) -> None:
    identity = identify(vid, pid)
    assert identity is not None
    assert (identity.kind, identity.name) == (kind, name)


def test_a_ch340_has_no_serial_number_and_an_ftdi_chip_has_one() -> None:
    found = [identify(0x1A86, 0x7523), identify(0x0403, 0x6001)]
    assert [each.has_serial_number for each in found if each] == [False, True]


@pytest.mark.parametrize(
    ("product", "chip", "found"),
    [
        ("stm32f446xx", "stm32f446", ("stm32f4",)),
        ("rp2040", "rp2040", ("rp2040",)),
        ("lpc1768", "lpc1768", ("lpc176x",)),
        ("samd51p20a", "samd51p20", ("grand-central", "samd51")),
        ("", "", ()),
        ("something else", "", ()),
    ],
)
def test_firmware_names_its_chip_in_the_product_string(
    product: str, chip: str, found: tuple[str, ...]
) -> None:
    identity = identify(0x1D50, 0x614E, "Klipper", product)
    assert identity is not None
    assert (identity.kind, identity.chip, identity.families) == (UsbKind.FIRMWARE, chip, found)


def test_the_manufacturer_string_tells_klipkit_from_klipper() -> None:
    names = [identify(0x1D50, 0x614E, maker, "rp2040") for maker in ("klipkit", "Klipper", "", "Klipkit ")]
    assert [each.name for each in names if each] == [
        "klipkit firmware",
        "Klipper firmware",
        "Klipper firmware",
        "klipkit firmware",
    ]


def test_an_unknown_id_is_not_guessed() -> None:
    assert identify(0x0000, 0x0000) is None
    assert identify(0xFFFF, 0x614E, "klipkit", "rp2040") is None


@given(st.sampled_from(sorted(known_ids())), st.text(max_size=20), st.text(max_size=20))
def test_nothing_that_a_device_says_is_passed_on(key: tuple[int, int], maker: str, product: str) -> None:
    identity = identify(*key, maker, product)
    assert identity is not None
    text = f"{identity.name}{identity.note}{identity.chip}{identity.families}"
    assert text.isprintable()
    assert identity.name in {known_ids()[key].name, "klipkit firmware"}
