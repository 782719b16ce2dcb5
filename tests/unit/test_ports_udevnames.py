"""The names that udev would make: compared with names seen on real computers, and for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.link.udevnames import by_id_name, by_path_name, part, usable_serial, usb_place

# Names as people quote them in forums and issues, with the strings that these devices have.
REAL = [
    (("1a86", "USB2.0-Serial", "", "00", "0"), "usb-1a86_USB2.0-Serial-if00-port0"),
    (
        ("Arduino (www.arduino.cc)", "0042", "75330303035351F0C1E1", "00", ""),
        "usb-Arduino__www.arduino.cc__0042_75330303035351F0C1E1-if00",
    ),
    (("FTDI", "FT232R USB UART", "A10K5JHX", "00", "0"), "usb-FTDI_FT232R_USB_UART_A10K5JHX-if00-port0"),
    (
        ("Prusa Research (prusa3d.com)", "Original Prusa i3 MK3", "CZPX1234", "00", ""),
        "usb-Prusa_Research__prusa3d.com__Original_Prusa_i3_MK3_CZPX1234-if00",
    ),
    (
        ("Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001", "00", "0"),
        "usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_0001-if00-port0",
    ),
    (("Klipper", "stm32f446xx", "2A003B00", "00", ""), "usb-Klipper_stm32f446xx_2A003B00-if00"),
]


@pytest.mark.parametrize(
    ("strings", "name"), REAL, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_by_id_names_are_those_of_real_devices(strings: tuple[str, str, str, str, str], name: str) -> None:
    assert by_id_name(*strings) == f"/dev/serial/by-id/{name}"


@pytest.mark.parametrize(
    ("path", "port", "name"),
    [
        (
            "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4.2/1-4.2:1.0/ttyUSB1/tty/ttyUSB1",
            "0",
            "pci-0000:00:14.0-usb-0:4.2:1.0-port0",
        ),
        (
            "/sys/devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1/1-1/1-1.3/1-1.3:1.0/tty/ttyACM0",
            "",
            "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0",
        ),
        (
            "/sys/devices/platform/soc/3f980000.usb/usb1/1-1/1-1.2/1-1.2:1.0/ttyUSB0/tty/ttyUSB0",
            "0",
            "platform-3f980000.usb-usb-0:1.2:1.0-port0",
        ),
        (
            "/sys/devices/platform/soc/fe200000.usb/xhci-hcd.0.auto/usb3/3-1/3-1:1.2/tty/ttyACM3",
            "",
            "platform-xhci-hcd.0.auto-usb-0:1:1.2",
        ),
    ],
)
def test_by_path_names_are_those_of_real_computers(path: str, port: str, name: str) -> None:
    place = usb_place(path)
    assert place is not None
    assert by_path_name(place, port) == f"/dev/serial/by-path/{name}"


def test_a_device_that_is_not_on_usb_has_no_usb_place() -> None:
    assert usb_place("/sys/devices/platform/soc/fe201000.serial/tty/ttyAMA0") is None
    assert usb_place("/sys/devices/pnp0/00:00/00:00:0/00:00:0.0/tty/ttyS0") is None
    assert usb_place("") is None


def test_the_usb_place_names_device_and_interface() -> None:
    place = usb_place("/sys/devices/pci0000:00/0000:00:14.0/usb1/1-4/1-4.2/1-4.2:1.0/tty/ttyACM0")
    assert place is not None
    assert place.address == "1-4.2"
    assert place.folder.endswith("/1-4/1-4.2")
    assert place.interface_folder == f"{place.folder}/1-4.2:1.0"


@pytest.mark.parametrize("serial", ["a,b", "\x01", "Ä12", "\udc80"])
def test_serial_numbers_that_udev_ignores_are_not_in_the_name(serial: str) -> None:
    assert usable_serial(serial) == ""
    assert by_id_name("A", "B", serial, "00", "") == "/dev/serial/by-id/usb-A_B-if00"


@given(st.text())
def test_a_part_has_no_white_space_slash_or_control_character(text: str) -> None:
    made = part(text)
    assert not any(char in made for char in " /\t\n\r\0\x1b\x7f")
    assert part(made) == made
