"""The names that udev gives to a serial device on USB, worked out from what the device says of itself.

Source of the rules: systemd's 60-serial.rules, and the manual pages udev(7) and systemd-udevd.service(8).

    /dev/serial/by-id/usb-1a86_USB2.0-Serial-if00-port0
                          `-- ID_SERIAL ---'   |      `- port_number of drivers with several ports (ttyUSB)
                              manufacturer,    `- bInterfaceNumber
                              product[, serial]
    /dev/serial/by-path/pci-0000:00:14.0-usb-0:1.2:1.0-port0
                        `- bus ----------'     `- ports of the hubs, configuration and interface
"""

import re
from typing import NamedTuple

BY_ID = "/dev/serial/by-id"
BY_PATH = "/dev/serial/by-path"

_SPACES = re.compile(r"[ \t\n\v\f\r]+")
_REPLACED = re.compile(r"[\x00-\x7f\ud800-\udfff](?<![0-9A-Za-z#+\-.:=@_\\])|\\(?!x)")
_INTERFACE = re.compile(r"(\d+-(\d+(?:\.\d+)*)):(\d+\.\d+)")
_PCI = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]")
_PCI_ROOT = re.compile(r"pci[0-9a-f]{4,}:[0-9a-f]{2}")


class UsbPlace(NamedTuple):
    """Where in the tree of devices a USB interface stands."""

    folder: str  # of the USB device, in sysfs, without the root
    interface_folder: str
    address: str  # bus and ports, such as 1-1.2
    by_path: str  # ID_PATH


def part(text: str) -> str:
    """A string of the device as udev writes it into a name: white space and what is not allowed become '_'."""
    return _REPLACED.sub("_", _SPACES.sub("_", text.strip(" \t\n\v\f\r")))


def usable_serial(serial: str) -> str:
    """The serial number, or "" when udev ignores it: it has characters outside printable ASCII, or a comma."""
    fits = all(0x20 <= ord(char) <= 0x7F and char != "," for char in serial)
    return part(serial) if fits else ""


def by_id_name(manufacturer: str, product: str, serial: str, interface: str, port: str) -> str:
    """The link of a serial device below /dev/serial/by-id; manufacturer and product may be the ids instead."""
    words = [part(manufacturer), part(product)]
    if usable_serial(serial):
        words.append(usable_serial(serial))
    return f"{BY_ID}/usb-{'_'.join(words)}-if{interface}" + (f"-port{port}" if port else "")


def by_path_name(place: UsbPlace, port: str) -> str:
    """The link of a serial device below /dev/serial/by-path."""
    return f"{BY_PATH}/{place.by_path}" + (f"-port{port}" if port else "")


def usb_place(path: str) -> UsbPlace | None:
    """The USB interface above a device, from the device's path in sysfs; None when it is not on USB."""
    segments = path.split("/")
    for index in range(len(segments) - 1, 0, -1):
        found = _INTERFACE.fullmatch(segments[index])
        if found:
            bus = _bus(segments[:index])
            ports = f"usb-0:{found[2]}:{found[3]}"
            folder = "/".join(segments[:index])
            return UsbPlace(folder, f"{folder}/{segments[index]}", found[1], f"{bus}{ports}")
    return None


def _bus(segments: list[str]) -> str:
    """The part of ID_PATH before the USB ports: the nearest PCI device, then the nearest platform device."""
    above = [name for name in segments if not re.fullmatch(r"usb\d+|\d+-[\d.]+", name)]
    words = ""
    if above and _PCI.fullmatch(above[-1]):
        words = f"pci-{above[-1]}-"
        while above and (_PCI.fullmatch(above[-1]) or _PCI_ROOT.fullmatch(above[-1])):
            above.pop()
    if "platform" in above[:-1]:
        words = f"platform-{above[-1]}-{words}"
    return words
