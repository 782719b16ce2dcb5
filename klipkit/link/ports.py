"""Which serial devices, boards in a bootloader and CAN interfaces this computer has, read from sysfs and /dev/serial.

    <root>/sys/class/tty/NAME ----> path of the device, with the USB interface above it --> ids, strings
    <root>/sys/bus/usb/devices/ --> what has no serial device: bootloaders, bridges without driver
    <root>/sys/class/net/NAME ----> CAN interfaces
    <root>/dev/serial/by-id, by-path: links, each resolved one level (under test beds the end of a chain is a pty)

Facts: the kernel's Documentation/ABI (sysfs-tty, sysfs-bus-usb, sysfs-class-net).
"""

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from klipkit.link.sysfs import attribute, link, names, number
from klipkit.link.udevnames import (
    BY_ID,
    BY_PATH,
    UsbPlace,
    by_id_name,
    by_path_name,
    usable_serial,
    usb_place,
)

if TYPE_CHECKING:
    from klipkit.boards.usb import UsbIdentity

CAN_TYPE = "280"  # ARPHRD_CAN of linux/if_arp.h
UP = 1  # IFF_UP of linux/if.h
UART_TYPE_NONE = "0"  # PORT_UNKNOWN of linux/serial_core.h: a ttyS without hardware
CHIP_NAMING_KINDS = frozenset(
    ("firmware", "bootloader")
)  # Klipper, klipkit and Katapult name it in the product string
CHIP_NAME = re.compile(r"(?:stm32|rp2|sam|lpc|at|hc32|gd32|ar100|linux)[a-z0-9]{1,16}")
TTYLESS_KINDS = frozenset(("bootloader", "board", "bridge", "firmware"))


class UsbDevice(NamedTuple):
    """A USB device as it describes itself; the strings are untrusted."""

    address: str  # bus and ports of the hubs, such as 1-1.2: the -p of dfu-util
    vid: int | None
    pid: int | None
    manufacturer: str
    product: str
    serial: str
    node: str  # /dev/bus/usb/BBB/DDD, or ""

    @property
    def ids(self) -> str:
        """Vendor and product as lsusb writes them, such as 1a86:7523; "" when the device does not say."""
        return "" if self.vid is None or self.pid is None else f"{self.vid:04x}:{self.pid:04x}"


class Port(NamedTuple):
    """One way to a board. `name` is what belongs into printer.cfg, "" when nothing does; `reason` says why this one."""

    device: str  # /dev/ttyUSB0, can0, or usb:1-1.2 for a USB device that has no serial device
    kind: str  # bridge, firmware, bootloader, board, other (as in boards/usb), unknown, uart, gadget, can
    what: str
    usb: UsbDevice | None = None
    note: str = ""
    by_id: tuple[str, ...] = ()
    by_path: tuple[str, ...] = ()
    by_id_expected: str = ""  # what udev would make of the device's strings
    by_path_expected: str = ""
    name: str = ""
    reason: str = ""
    rdev: tuple[int, int] | None = None  # major and minor number
    has_node: bool = True  # the device file is there
    console: bool = False  # the kernel prints its messages here
    up: bool | None = None  # of a CAN interface
    queue_length: int | None = None  # frames, of a CAN interface

    @property
    def tty(self) -> bool:
        """It is a serial device, not a CAN interface or a USB device without one."""
        return self.device.startswith("/dev/")

    @property
    def chip(self) -> str:
        """The microcontroller, as firmware and Katapult name it in the product string; "" when they do not."""
        named = self.usb.product if self.usb and self.kind in CHIP_NAMING_KINDS else ""
        return named if CHIP_NAME.fullmatch(named) else ""


class Scan(NamedTuple):
    """What was found in one look."""

    root: str
    ports: tuple[Port, ...]
    broken: tuple[tuple[str, str], ...]  # links below /dev/serial whose device is gone: the link, its target
    has_by_id: bool  # /dev/serial/by-id is there


def scan(root: str = "") -> Scan:
    """Look once. Never raises for what stands in the files; a folder that is missing counts as empty."""
    links = {folder: _links(root, folder) for folder in (BY_ID, BY_PATH)}
    ttys = _ttys(root, _inverse(links[BY_ID]), _inverse(links[BY_PATH]))
    cans, can_usb = _cans(root)
    taken = can_usb | {port.usb.address for port in ttys if port.usb}
    known = {port.device for port in ttys}
    broken = [
        (name, target)
        for found in links.values()
        for name, target in found.items()
        if target not in known and not os.path.lexists(root + target)
    ]
    ports = (*_named(ttys), *_ttyless(root, taken), *cans)
    return Scan(root, ports, tuple(sorted(broken)), os.path.isdir(root + BY_ID))  # noqa: PTH112


def _links(root: str, folder: str) -> dict[str, str]:
    """The links of a folder below /dev/serial, each with the device file that it means."""
    found = {}
    for name in names(root + folder):
        target = link(f"{root}{folder}/{name}")
        if target is not None:
            found[f"{folder}/{name}"] = _device_file(folder, target)
    return found


def _device_file(folder: str, target: str) -> str:
    """The device file of a link, resolved one level; a test bed's links lead to a /dev that stands elsewhere."""
    path = os.path.normpath(os.path.join(folder, target))  # noqa: PTH118
    before, _, name = path.rpartition("/dev/")
    return f"/dev/{name}" if before else path


def _inverse(links: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, target in links.items():
        found.setdefault(target, []).append(name)
    return found


def _ttys(root: str, by_id: dict[str, list[str]], by_path: dict[str, list[str]]) -> list[Port]:
    ports = []
    for name in names(f"{root}/sys/class/tty"):
        path = _device_path(root, f"/sys/class/tty/{name}")
        if "/virtual/" in path and not name.startswith("ttyGS"):
            continue
        port = _tty(root, name, path)
        if port is not None:
            ports.append(
                port._replace(
                    by_id=tuple(sorted(by_id.get(port.device, ()))),
                    by_path=tuple(sorted(by_path.get(port.device, ()))),
                )
            )
    return ports


def _device_path(root: str, entry: str) -> str:
    """The path of a class device in the tree of devices: where its entry in the class folder points."""
    target = link(root + entry)
    return entry if target is None else os.path.normpath(f"{entry}/../{target}")


def _tty(root: str, name: str, path: str) -> Port | None:
    """One serial device; None for a terminal, and for a ttyS that stands for no hardware."""
    folder = root + path
    place = usb_place(path)
    if place is not None:
        port = _usb_tty(root, name, path, place)
    elif name.startswith("ttyGS"):
        port = Port(f"/dev/{name}", "gadget", "USB serial gadget: this computer's own USB device port")
    elif attribute(folder, "type") in ("", UART_TYPE_NONE) or link(f"{folder}/device") is None:
        return None
    else:
        console = ", kernel console" if attribute(folder, "console") == "Y" else ""
        port = Port(f"/dev/{name}", "uart", f"UART of this computer{console}")
    major, _, minor = attribute(folder, "dev").partition(":")
    numbers = number(major, 10), number(minor, 10)
    return port._replace(
        rdev=None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1]),
        has_node=os.path.lexists(f"{root}/dev/{name}"),
        console=attribute(folder, "console") == "Y",
    )


def _usb_tty(root: str, name: str, path: str, place: UsbPlace) -> Port:
    usb = _usb_device(root, place.folder, place.address)
    port_number = attribute(f"{root}{path}/../..", "port_number")
    interface = attribute(root + place.interface_folder, "bInterfaceNumber") or "00"
    vid, _, pid = usb.ids.partition(":")
    expected = ""
    if vid or usb.manufacturer or usb.product:
        expected = by_id_name(usb.manufacturer or vid, usb.product or pid, usb.serial, interface, port_number)
    return _described(f"/dev/{name}", usb, _identity(usb))._replace(
        by_id_expected=expected,
        by_path_expected=by_path_name(place, port_number),
    )


def _usb_device(root: str, folder: str, address: str) -> UsbDevice:
    path = root + folder
    bus, device = number(attribute(path, "busnum"), 10), number(attribute(path, "devnum"), 10)
    return UsbDevice(
        address=address,
        vid=_id(attribute(path, "idVendor")),
        pid=_id(attribute(path, "idProduct")),
        manufacturer=attribute(path, "manufacturer"),
        product=attribute(path, "product"),
        serial=attribute(path, "serial"),
        node="" if bus is None or device is None else f"/dev/bus/usb/{bus:03}/{device:03}",
    )


def _id(text: str) -> int | None:
    return number(text, 16) if len(text) == 4 else None


def _identity(usb: UsbDevice) -> "UsbIdentity | None":
    """What the ids stand for; the chip that a firmware's product string names is left to `families_of`."""
    if usb.vid is None or usb.pid is None:
        return None
    from klipkit.boards.usb import (
        identify,
    )  # start-up time: a computer without USB devices reads no data file

    return identify(usb.vid, usb.pid, usb.manufacturer)


def families_of(port: Port) -> tuple[str, ...]:
    """The board families that a port can belong to, empty when any or unknown; reads the data of chips and families."""
    usb = port.usb
    if usb is None or usb.vid is None or usb.pid is None:
        return ()
    from klipkit.boards.usb import identify

    identity = identify(usb.vid, usb.pid, usb.manufacturer, usb.product)
    return () if identity is None else tuple(identity.families)


def _described(device: str, usb: UsbDevice, identity: "UsbIdentity | None") -> Port:
    if identity is None:
        words = f"{usb.manufacturer} {usb.product}".strip()
        return Port(device, "unknown", words or "USB serial device", usb)
    port = Port(device, str(identity.kind), identity.name, usb, identity.note)
    return port._replace(what=f"{port.what} on {port.chip}") if port.chip else port


def _named(ttys: list[Port]) -> list[Port]:
    """The ports, each with the name that belongs into printer.cfg."""
    claims: dict[str, int] = {}
    for port in ttys:
        claims[port.by_id_expected] = claims.get(port.by_id_expected, 0) + 1
    return [_with_name(port, shared=claims[port.by_id_expected] > 1) for port in ttys]


def _with_name(port: Port, *, shared: bool) -> Port:
    if not port.has_node:
        return port._replace(reason="the device file is missing")
    if port.usb is None:
        return port._replace(name=port.device, reason="it keeps this name")
    own = [name for name in port.by_id if name == port.by_id_expected]
    alone = [name for name in port.by_id if name != port.by_id_expected]
    stable = (alone if shared and port.by_id_expected else own or alone)[:1]
    if stable:
        return port._replace(name=stable[0], reason=f"by-id: {_by_id_reason(port)}")
    why = (
        "another device has the same by-id name" if shared and port.by_id_expected else "it has no by-id link"
    )
    if port.by_path:
        return port._replace(name=port.by_path[0], reason=f"by-path: {why}; keep it in this USB socket")
    return port._replace(name=port.device, reason=f"{why} and no by-path link; the number may change")


def _by_id_reason(port: Port) -> str:
    if port.kind == "bootloader":
        return "it is in its bootloader, so the name will be another one once firmware runs"
    if port.usb and not usable_serial(port.usb.serial):
        return "without a serial number: a second device of this kind would have the same name"
    return "the same in each USB socket"


def _ttyless(root: str, taken: set[str]) -> Iterable[Port]:
    """The USB devices that are known but have no serial device: most bootloaders, and what lacks its driver."""
    for address in names(f"{root}/sys/bus/usb/devices"):
        if ":" in address or address in taken:
            continue
        usb = _usb_device(root, f"/sys/bus/usb/devices/{address}", address)
        identity = _identity(usb)
        if identity is not None and identity.kind in TTYLESS_KINDS:
            yield _described(f"usb:{address}", usb, identity)._replace(reason=_no_tty_reason(identity.kind))


def _no_tty_reason(kind: str) -> str:
    return "in its bootloader: it wants a firmware" if kind == "bootloader" else "it has no serial device"


def _cans(root: str) -> tuple[list[Port], set[str]]:
    """The CAN interfaces, and the addresses of the USB devices behind them."""
    ports, addresses = [], set()
    for name in names(f"{root}/sys/class/net"):
        path = _device_path(root, f"/sys/class/net/{name}")
        if attribute(root + path, "type") != CAN_TYPE:
            continue
        flags = number(attribute(root + path, "flags"), 16)
        place = usb_place(path)
        usb = _usb_device(root, place.folder, place.address) if place else None
        identity = _identity(usb) if usb else None
        up = None if flags is None else bool(flags & UP)
        if usb is not None:
            addresses.add(usb.address)
        ports.append(
            Port(
                device=name,
                kind="can",
                what=_can_words(up, identity.name if identity else ""),
                usb=usb,
                name=name,
                reason="canbus_interface; canbus_uuid says which board",
                up=up,
                queue_length=number(attribute(root + path, "tx_queue_len"), 10),
            )
        )
    return ports, addresses


def _can_words(up: bool | None, adapter: str) -> str:
    state = {True: ", up", False: ", down", None: ""}[up]
    return f"CAN interface{state}" + (f": {adapter}" if adapter else "")
