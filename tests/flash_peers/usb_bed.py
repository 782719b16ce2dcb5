"""A board on a played USB, for unmodified flash tools: umockdev's test bed, and a boot loader for control transfers.

umockdev-wrapper /usr/bin/python3 usb_bed.py KIND FLASH PTY -- COMMAND...

KIND is dfuse (ST's ROM, AN3156 and the DFU specification 1.1) or halfkay (PJRC's). FLASH is written when the boot
loader starts the firmware: then the boot loader leaves the bus, and a serial port comes that leads to PTY. `-unplugs`
behind the kind pulls the cable amid the writing. Runs in the system's Python, for its gi; facts of the calls:
linux/usbdevice_fs.h.
"""

import os
import struct
import subprocess
import sys
import threading
from abc import abstractmethod
from typing import Any

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402

ADDRESS = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-4"
NODE = "/dev/bus/usb/001/006"
CONTROL, SUBMIT, REAP, REAP_NOW = 0xC0185500, 0x8038550A, 0x4008550C, 0x4008550D
DISCARD, CAPABILITIES, DRIVER = 0x550B, 0x8004551A, 0x41045508
TCGETS2, TCSETS2, TERMIOS2_SIZE = 0x802C542A, 0x402C542B, 44  # asm-generic/ioctls.h
SETUP = struct.Struct("<BBHHH")
EAGAIN, ENODATA, ENODEV, EPIPE = 11, 61, 19, 32
GET_DESCRIPTOR, STRING = 6, 3
TO_HOST = 0x80
UNPLUG_AFTER = 5  # blocks


class Gone(Exception):
    """The device has left the bus."""


class Device:
    """A USB device: descriptors, and what it answers to control transfers (None: a stall)."""

    ids = (0, 0)
    strings: tuple[str, ...] = ("", "", "", "")
    configuration = b""

    def __init__(self, unplugs: bool) -> None:
        self.flash = bytearray()
        self.unplugs = unplugs
        self.blocks = 0

    def descriptors(self) -> bytes:
        """The device's descriptor, and that of its configuration."""
        head = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, 0, 0, 0, 64, *self.ids, 0x0100, 1, 2, 3, 1)
        size = 9 + len(self.configuration)
        return head + struct.pack("<BBHBBBBB", 9, 2, size, 1, 1, 0, 0x80, 50) + self.configuration

    def control(
        self, kind: int, request: int, value: int, index: int, size: int, data: bytes
    ) -> "bytes | None":
        """One transfer."""
        if (kind, request) == (TO_HOST, GET_DESCRIPTOR):
            return self._descriptor(value >> 8, value & 0xFF)[:size]
        if not kind & 0x60:  # a standard request: configuration, interface
            return b"\1"[: size if kind & TO_HOST else 0]
        return self.own(request, value, size, data)

    def _descriptor(self, kind: int, number: int) -> bytes:
        if kind == STRING:
            text = b"\x09\x04" if number == 0 else self.strings[number].encode("utf-16-le")
            return bytes([len(text) + 2, STRING]) + text
        whole = self.descriptors()
        return whole[:18] if kind == 1 else whole[18:]

    @abstractmethod
    def own(self, request: int, value: int, size: int, data: bytes) -> "bytes | None":
        """A request of the class."""

    def put(self, at: int, data: bytes) -> None:
        """Bytes into the flash."""
        self.blocks += 1
        if self.unplugs and self.blocks > UNPLUG_AFTER:
            raise Gone
        self.flash.extend(b"\xff" * (at + len(data) - len(self.flash)))
        self.flash[at : at + len(data)] = data


class DfuSe(Device):
    """ST's ROM boot loader."""

    ids = (0x0483, 0xDF11)
    strings = (
        "",
        "STMicroelectronics",
        "STM32  BOOTLOADER",
        "357236543131",
        "@Internal Flash  /0x08000000/04*016Kg,01*064Kg,03*128Kg",
    )
    SIZE, START = 2048, 0x800_0000
    configuration = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 0, 0xFE, 1, 2, 4) + struct.pack(
        "<BBBHHH", 9, 0x21, 0x0B, 255, SIZE, 0x011A
    )
    DETACH, DOWNLOAD, UPLOAD, STATUS, CLEAR, STATE, ABORT = range(7)
    IDLE, SYNC, BUSY, DOWNLOADED, MANIFEST = 2, 3, 4, 5, 7

    def __init__(self, unplugs: bool) -> None:
        super().__init__(unplugs)
        self._state = self.IDLE
        self._pointer = self.START
        self._leaves = False

    def own(self, request: int, value: int, size: int, data: bytes) -> "bytes | None":
        """DFU requests."""
        if request == self.STATUS:
            return self._status()
        if request == self.STATE:
            return bytes([self._state])
        if request in (self.CLEAR, self.ABORT):
            self._state = self.IDLE
            return b""
        if request == self.DOWNLOAD:
            self._download(value, data)
            return b""
        return None

    def _status(self) -> bytes:
        if self._leaves:
            raise Gone
        if self._state == self.SYNC:
            self._state = self.BUSY
        elif self._state == self.BUSY:
            self._state = self.DOWNLOADED
        return bytes([0, 1, 0, 0, self._state, 0])

    def _download(self, block: int, data: bytes) -> None:
        self._state = self.SYNC
        if not data:
            self._leaves, self._state = True, self.MANIFEST
        elif block == 0 and data[0] == 0x21:
            self._pointer = int.from_bytes(data[1:5], "little")
        elif block >= 2:
            self.put(self._pointer - self.START + (block - 2) * self.SIZE, data)


class HalfKay(Device):
    """PJRC's boot loader on an AT90USB1286: pages of 256 bytes behind a page number of 16 bits."""

    ids = (0x16C0, 0x0478)
    strings = ("", "PJRC", "HalfKay", "0001")
    configuration = struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 0, 3, 0, 0, 0) + struct.pack(
        "<BBHBBBH", 9, 0x21, 0x0111, 0, 1, 0x22, 25
    )

    def own(self, request: int, value: int, size: int, data: bytes) -> "bytes | None":
        """Set report: a page, or the start of the firmware."""
        if data[:2] == b"\xff\xff":
            raise Gone
        page = int.from_bytes(data[:2], "little")
        self.put(page * 256, data[2:258])
        return b""


class Bed:
    """The device on the bus, and its calls."""

    def __init__(self, device: Device, flash: str, pty: str) -> None:
        self.device, self._flash, self._pty = device, flash, pty
        self.testbed = UMockdev.Testbed.new()
        vid, pid = device.ids
        content = device.descriptors()
        names = dict(zip(("manufacturer", "product", "serial"), device.strings[1:], strict=False))
        numbers = {"busnum": "1", "devnum": "6", "idVendor": f"{vid:04x}", "idProduct": f"{pid:04x}"}
        words = numbers | names | {"bConfigurationValue": "1", "speed": "12"}
        properties = {
            "DEVNAME": NODE,
            "DEVTYPE": "usb_device",
            "SUBSYSTEM": "usb",
            "BUSNUM": "001",
            "DEVNUM": "006",
        }
        self._add(
            ADDRESS,
            f"N: {NODE.removeprefix('/dev/')}={content.hex().upper()}",
            *(f"E: {key}={value}" for key, value in properties.items()),
            *(f"A: {key}={value}\\n" for key, value in words.items()),
            f"H: descriptors={content.hex().upper()}",
        )
        self._calls = UMockdev.IoctlBase.new()
        self._calls.connect("handle-ioctl", self._call)
        self.testbed.attach_ioctl(NODE, self._calls)
        self._done: list[Any] = []  # urbs that wait to be reaped
        self._is_gone = False

    def _add(self, folder: str, *lines: str) -> None:
        self.testbed.add_from_string("\n".join((f"P: {folder.removeprefix('/sys')}", *lines, "")))

    def _call(self, _calls: Any, client: Any) -> bool:
        request = client.get_request() & 0xFFFFFFFF
        try:
            result, error = (-1, ENODEV) if self._is_gone else self._answer(request, client)
        except Gone:
            self._leave()
            result, error = -1, ENODEV
        client.complete(result, error)
        return True

    def _answer(self, request: int, client: Any) -> "tuple[int, int]":
        if request == CONTROL:
            return self._control(client.get_arg().resolve(0, 24))
        if request == SUBMIT:
            return self._submit(client.get_arg().resolve(0, 56))
        if request in (REAP, REAP_NOW):
            return self._reap(client.get_arg().resolve(0, 8))
        return (-1, ENODATA) if request == DRIVER else (0, 0)

    def _transfer(self, setup: bytes, data: bytes) -> "bytes | None":
        kind, request, value, index, size = SETUP.unpack(setup)
        return self.device.control(kind, request, value, index, size, b"" if kind & TO_HOST else data)

    def _control(self, call: Any) -> "tuple[int, int]":
        fields = bytes(call.retrieve())
        size = int.from_bytes(fields[6:8], "little")
        buffer = call.resolve(16, size) if size else None
        answer = self._transfer(fields[:8], bytes(buffer.retrieve()) if buffer else b"")
        if answer is None:
            return -1, EPIPE
        if fields[0] & TO_HOST and answer and buffer:
            buffer.update(0, list(answer))
        return len(answer) if fields[0] & TO_HOST else size, 0

    def _submit(self, urb: Any) -> "tuple[int, int]":
        fields = bytes(urb.retrieve())
        room = int.from_bytes(fields[24:28], "little")
        buffer = urb.resolve(16, room)
        content = bytes(buffer.retrieve())
        answer = self._transfer(content[:8], content[8:])
        count = 0 if answer is None else len(answer) if content[0] & TO_HOST else room - 8
        if answer and content[0] & TO_HOST:
            buffer.update(8, list(answer))
        urb.update(4, list(struct.pack("<i", -EPIPE if answer is None else 0)))
        urb.update(28, list(struct.pack("<i", count)))
        self._done.append(urb)
        return 0, 0

    def _reap(self, place: Any) -> "tuple[int, int]":
        if not self._done:
            return -1, EAGAIN
        place.set_ptr(0, self._done.pop(0))
        return 0, 0

    def _leave(self) -> None:
        """Off the bus; with a firmware its port comes."""
        self._is_gone = True
        with open(self._flash, "wb") as file:  # noqa: PTH123
            file.write(bytes(self.device.flash))
        self.testbed.uevent(ADDRESS, "remove")
        self.testbed.remove_device(ADDRESS)
        os.unlink(self.testbed.get_root_dir() + NODE)  # noqa: PTH108
        if not self.device.unplugs:
            self._add_port()

    def _add_port(self) -> None:
        interface = f"{ADDRESS}/1-4:1.0"
        words = {
            "busnum": "1",
            "devnum": "7",
            "idVendor": "1d50",
            "idProduct": "614e",
            "manufacturer": "klipkit",
        }
        attributes = (f"A: {key}={value}\\n" for key, value in words.items())
        self._add(ADDRESS, "E: DEVTYPE=usb_device", "E: SUBSYSTEM=usb", *attributes)
        self._add(interface, "E: DEVTYPE=usb_interface", "E: SUBSYSTEM=usb", "A: bInterfaceNumber=00\\n")
        names = ("E: SUBSYSTEM=tty", "E: DEVNAME=/dev/ttyACM0")
        self._add(f"{interface}/tty/ttyACM0", *names, "A: dev=166:0\\n", "L: device=../../../1-4:1.0")
        self._terminal = bytes(TERMIOS2_SIZE)
        self._terminal_calls = UMockdev.IoctlBase.new()
        self._terminal_calls.connect("handle-ioctl", self._terminal_call)
        self.testbed.attach_ioctl("/dev/ttyACM0", self._terminal_calls)
        os.symlink(self._pty, self.testbed.get_root_dir() + "/dev/ttyACM0")  # noqa: PTH211

    def _terminal_call(self, _calls: Any, client: Any) -> bool:
        """The port's speed, a call that umockdev does not pass on to the pty: it is kept, and told."""
        request = client.get_request() & 0xFFFFFFFF
        if request in (TCGETS2, TCSETS2):
            call = client.get_arg().resolve(0, TERMIOS2_SIZE)
            if request == TCSETS2:
                self._terminal = bytes(call.retrieve())
            else:
                call.update(0, list(self._terminal))
        client.complete(0, 0)
        return True


def main(words: "list[str]") -> int:
    """Play the device while the command runs; gives its status."""
    kind, flash, pty, _, *command = words
    name, dash, _ = kind.partition("-")
    bed = Bed({"dfuse": DfuSe, "halfkay": HalfKay}[name](bool(dash)), flash, pty)
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    status = subprocess.run(command, check=False).returncode
    del bed
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
