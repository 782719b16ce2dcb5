"""Which ports a printer.cfg uses, and what to do about those that are not there.

Read are serial, canbus_uuid and canbus_interface of [mcu] and [mcu NAME] (Klipper's docs/Config_Reference.md).
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from klipkit.base.config import Config, Section
from klipkit.link.ports import Port, Scan
from klipkit.link.sysfs import followed
from klipkit.link.udevnames import BY_ID, BY_PATH

CAN_DEFAULT = "can0"
SERIAL_SHORT = 6  # characters; a shorter serial number may be part of a name by chance
WAIT_HINT = "plug the board in: `klipkit ports --wait` names it as soon as it appears"


@dataclass(frozen=True, slots=True)
class Use:
    """One microcontroller's way to its board, as the config says."""

    section: str
    option: str  # serial or canbus_interface; "" when the section names no port at all
    value: str
    where: str  # file:line


@dataclass(frozen=True, slots=True)
class Missing:
    """A port that the config uses and that is not there."""

    use: Use
    what: str
    hint: str

    def record(self) -> dict[str, str]:
        """The JSON object: section, option, value, where, what, hint."""
        use = self.use
        return {
            "section": use.section,
            "option": use.option,
            "value": use.value,
            "where": use.where,
            "what": self.what,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        return f"{self.use.where}: {self.what}; {self.hint}"


@dataclass(frozen=True, slots=True)
class ConfigPorts:
    """A config held against a scan."""

    users: dict[str, tuple[str, ...]]  # the sections that use a port, by Port.device
    missing: tuple[Missing, ...]


def compare(config: Config, scan: Scan) -> ConfigPorts:
    """Which of the ports the config uses, and which of those it names are missing."""
    users: dict[str, list[str]] = {}
    missing = []
    found = [(use, _port_of(use, scan)) for use in uses(config)]
    for _, port in found:
        if port is not None:
            users.setdefault(port.device, [])
    for use, port in found:
        if port is not None:
            users[port.device].append(use.section)
        elif not use.option or not _stands_for_something(use, scan.root):
            missing.append(_missing(use, scan, [port for port in scan.ports if port.device not in users]))
    return ConfigPorts({device: tuple(names) for device, names in users.items()}, tuple(missing))


def uses(config: Config) -> Iterator[Use]:
    """Each [mcu] section's port, in the order of the file."""
    for section in config.sections.values():
        if section.name == "mcu" or section.name.startswith("mcu "):
            yield _use(section)


def _use(section: Section) -> Use:
    if "serial" in section.options:
        option = section.options["serial"]
        return Use(section.name, "serial", option.value, option.where)
    if "canbus_uuid" in section.options:
        interface = section.options.get("canbus_interface")
        where = interface or section.options["canbus_uuid"]
        return Use(
            section.name, "canbus_interface", interface.value if interface else CAN_DEFAULT, where.where
        )
    return Use(section.name, "", "", section.where)


def _port_of(use: Use, scan: Scan) -> Port | None:
    """The port that the config means: by its device, by one of its links, or at the end of other links."""
    if use.option != "serial":
        cans = (port for port in scan.ports if port.kind == "can" and port.device == use.value)
        return next(cans, None)
    serial = [port for port in scan.ports if port.tty and port.has_node]
    for port in serial:
        if use.value in (port.device, *port.by_id, *port.by_path):
            return port
    if not use.value.startswith("/"):
        return None
    end = followed(scan.root, os.path.normpath(use.value))
    return next((port for port in serial if port.device == end), None)


def _stands_for_something(use: Use, root: str) -> bool:
    """A serial path that exists without being a serial device: the pty of a microcontroller that is a program."""
    if use.option != "serial" or not use.value.startswith("/"):
        return False
    return os.path.lexists(root + followed(root, os.path.normpath(use.value)))


def _missing(use: Use, scan: Scan, free: list[Port]) -> Missing:
    if not use.option:
        return Missing(
            use, f"[{use.section}] names no port", "write serial: or canbus_uuid: into the section"
        )
    what = f"[{use.section}] {use.option} {use.value} is not there"
    if use.option != "serial":
        cans = [port.device for port in scan.ports if port.kind == "can"]
        hint = (
            f"there is {', '.join(cans)}"
            if cans
            else "no CAN interface is there: look at the adapter and its set-up"
        )
        return Missing(use, what, hint)
    return Missing(use, what, _serial_hint(use.value, scan.ports, free))


def _serial_hint(value: str, ports: Iterable[Port], free: list[Port]) -> str:
    for port in ports:
        if value in (port.by_id_expected, port.by_path_expected) and port.tty:
            return f"the device is {port.device}, only the link is missing: write {port.name or port.device}"
    for port in ports:
        number = port.usb.serial if port.usb else ""
        if len(number) >= SERIAL_SHORT and number in value:
            return f"a device with this serial number is there as {port.what}: {port.name or port.device}"
    if value.startswith("/dev/") and os.path.dirname(value) not in ("/dev", BY_ID, BY_PATH):  # noqa: PTH120
        return WAIT_HINT
    if not value.startswith("/dev/"):
        return "start the program that makes it"
    others = [port.name or port.device for port in free if port.usb and port.kind != "can"]
    return f"not used by the config: {', '.join(others)}" if others else WAIT_HINT
