"""Builds folder trees that look like the sysfs, /dev and /proc of a computer with boards attached."""

from pathlib import Path

CONTROLLER = "devices/pci0000:00/0000:00:14.0/usb1"


class Tree:
    """A root folder for --root; each method adds one thing to it. Link names are given, never worked out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._count = 2
        for folder in ("sys/class/tty", "sys/class/net", "sys/bus/usb/devices", "dev", "proc"):
            (root / folder).mkdir(parents=True)

    def write(self, path: str, text: str | bytes) -> Path:
        """A file below the root; text gets the newline that sysfs writes."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode() + b"\n")
        return file

    def link(self, path: str, target: str) -> None:
        """A symbolic link below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)

    def usb(self, address: str, ids: str, **strings: str) -> str:
        """A USB device with manufacturer=, product=, serial=; gives its folder below sys."""
        hubs = address.split("-")[1].split(".")
        above = [f"1-{'.'.join(hubs[:count])}" for count in range(1, len(hubs))]
        folder = "/".join([CONTROLLER, *above, address])
        vid, pid = ids.split(":")
        self._count += 1
        attributes = {"idVendor": vid, "idProduct": pid, "busnum": "1", "devnum": str(self._count), **strings}
        for name, text in attributes.items():
            self.write(f"sys/{folder}/{name}", text)
        self.link(f"sys/bus/usb/devices/{address}", f"../../../{folder}")
        return folder

    def tty(
        self,
        name: str,
        usb: str,
        *,
        by_id: str = "",
        by_path: str = "",
        interface: str = "00",
        mode: int = 0o660,
    ) -> None:
        """A serial device on the USB device in folder `usb`: ttyUSB of a bridge's driver, or ttyACM."""
        address = usb.rsplit("/", 1)[1]
        folder = f"{usb}/{address}:1.{int(interface, 16)}"
        self.write(f"sys/{folder}/bInterfaceNumber", interface)
        if name.startswith("ttyUSB"):
            folder += f"/{name}"
            self.write(f"sys/{folder}/port_number", "0")
        minor = "".join(char for char in name if char.isdigit())
        self.write(f"sys/{folder}/tty/{name}/dev", f"{188 if 'USB' in name else 166}:{minor}")
        self.link(f"sys/{folder}/tty/{name}/device", "../..")
        self.link(f"sys/class/tty/{name}", f"../../{folder}/tty/{name}")
        self.node(name, mode=mode)
        for kind, link in (("by-id", by_id), ("by-path", by_path)):
            if link:
                self.link(f"dev/serial/{kind}/{link}", f"../../{name}")

    def node(self, name: str, *, mode: int = 0o660) -> None:
        """What stands for a device file."""
        self.write(f"dev/{name}", b"").chmod(mode)

    def uart(self, name: str, *, kind: str = "4", console: str = "N") -> None:
        """A UART of the computer; kind "0" is a ttyS without hardware."""
        folder = f"devices/platform/serial8250/tty/{name}"
        for attribute, text in {"type": kind, "console": console, "dev": "4:64"}.items():
            self.write(f"sys/{folder}/{attribute}", text)
        self.link(f"sys/{folder}/device", "../..")
        self.link(f"sys/class/tty/{name}", f"../../{folder}")
        self.node(name)

    def terminal(self, name: str) -> None:
        """A virtual terminal, which is no port."""
        self.write(f"sys/devices/virtual/tty/{name}/dev", "4:1")
        self.link(f"sys/class/tty/{name}", f"../../devices/virtual/tty/{name}")
        self.node(name)

    def net(
        self, name: str, usb: str, *, kind: str = "280", flags: str = "0x40081", queue: str = "128"
    ) -> None:
        """A network interface of the USB device in folder `usb`; kind 280 is CAN, flag 1 is up."""
        folder = f"{usb}/{usb.rsplit('/', 1)[1]}:1.0/net/{name}"
        for attribute, text in {"type": kind, "flags": flags, "tx_queue_len": queue}.items():
            self.write(f"sys/{folder}/{attribute}", text)
        self.link(f"sys/class/net/{name}", f"../../{folder}")

    def process(self, pid: int, comm: str, command_line: str = "", holds: tuple[str, ...] = ()) -> None:
        """A process; `command_line` has its words separated by blanks."""
        self.write(f"proc/{pid}/comm", comm)
        self.write(f"proc/{pid}/cmdline", command_line.replace(" ", "\0").encode() + b"\0")
        (self.root / f"proc/{pid}/fd").mkdir()
        for count, path in enumerate(("/dev/null", "/dev/pts/0", "socket:[4711]", *holds)):
            self.link(f"proc/{pid}/fd/{count}", path)

    def remove(self, name: str, address: str = "") -> None:
        """Take a serial device away: its entry in sysfs, its device file and the links to it; and its USB device."""
        if address:
            (self.root / f"sys/bus/usb/devices/{address}").unlink()
        (self.root / f"sys/class/tty/{name}").unlink()
        (self.root / f"dev/{name}").unlink()
        for link in (self.root / "dev/serial").rglob("*"):
            if link.is_symlink() and link.readlink().name == name:
                link.unlink()


def ch340(tree: Tree, name: str, address: str, *, by_id: bool = True, by_path: bool = True) -> None:
    """A CH340: no manufacturer, no serial number, so all of them share one by-id name."""
    usb = tree.usb(address, "1a86:7523", product="USB2.0-Serial")
    tree.tty(
        name,
        usb,
        by_id="usb-1a86_USB2.0-Serial-if00-port0" if by_id else "",
        by_path=f"pci-0000:00:14.0-usb-0:{address[2:]}:1.0-port0" if by_path else "",
    )


def mega(tree: Tree, name: str, address: str) -> None:
    """An Arduino Mega 2560 with its 16u2; it has no product string, so the name holds the product's id."""
    usb = tree.usb(
        address, "2341:0042", manufacturer="Arduino (www.arduino.cc)", serial="75330303035351F0C1E1"
    )
    tree.tty(
        name,
        usb,
        by_id="usb-Arduino__www.arduino.cc__0042_75330303035351F0C1E1-if00",
        by_path=f"pci-0000:00:14.0-usb-0:{address[2:]}:1.0",
    )


def firmware(
    tree: Tree,
    name: str,
    address: str,
    *,
    maker: str = "Klipper",
    chip: str = "stm32f446xx",
    serial: str = "",
) -> None:
    """A board that runs Klipper firmware, or with maker "katapult" its bootloader."""
    serial = serial or "2A003B000A51373330333137"
    ids = "1d50:6177" if maker == "katapult" else "1d50:614e"
    usb = tree.usb(address, ids, manufacturer=maker, product=chip, serial=serial)
    tree.tty(
        name,
        usb,
        by_id=f"usb-{maker}_{chip}_{serial}-if00",
        by_path=f"pci-0000:00:14.0-usb-0:{address[2:]}:1.0",
    )
