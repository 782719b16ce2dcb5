"""What bites people who connect a board: shared names, missing links and rights, programs that grab ports."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from klipkit.link.holders import Processes
from klipkit.link.ports import Port, Scan
from klipkit.link.sysfs import content

CAN_QUEUE = 128  # frames; Klipper's docs/CANBUS.md asks for this transmit queue, the kernel's default is 10
MODEM_MANAGER, BRLTTY = "ModemManager", "brltty"
UDEV_DATA_LIMIT = 65536  # bytes of one device's entry in udev's database
READ_WRITE = 0o6  # of one digit of a file's mode


class Nuisance(NamedTuple):
    """One warning; `devices` are the Port.device that it is about, empty when it is about the computer."""

    code: str
    where: str
    what: str
    hint: str
    devices: tuple[str, ...] = ()

    def record(self) -> dict[str, str]:
        """The warning as a JSON object: code, where, what, hint."""
        return {"code": self.code, "where": self.where, "what": self.what, "hint": self.hint}

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.hint} [{self.code}]"


def nuisances(scan: Scan, processes: Processes, used: frozenset[str] = frozenset()) -> list[Nuisance]:
    """All that is worth a warning, in a stable order: names first, then rights, then programs.

    `used` are the Port.device of the ports that a config uses.
    """
    return [
        *_shared_names(scan.ports),
        *_missing_links(scan),
        *_broken_links(scan),
        *_missing_devices(scan.ports),
        *_rights(scan),
        *_consoles(scan.ports, used),
        *_cans(scan.ports),
        *_programs(scan, processes),
    ]


def _shared_names(ports: Iterable[Port]) -> Iterator[Nuisance]:
    claims: dict[str, list[Port]] = {}
    for port in ports:
        if port.by_id_expected:
            claims.setdefault(port.by_id_expected, []).append(port)
    for name, several in claims.items():
        if len(several) < 2:
            continue
        devices = tuple(port.device for port in several)
        numbered = any(port.usb and port.usb.serial for port in several)
        cause = "the same serial number" if numbered else "no serial number"
        what = f"{' and '.join(devices)} have {cause}, so they share this name and only one of them gets it"
        yield Nuisance("same-by-id", name, what, f"in printer.cfg write {_choices(several)}", devices)


def _missing_links(scan: Scan) -> Iterator[Nuisance]:
    shared = [port.by_id_expected for port in scan.ports]
    lacking = [port for port in scan.ports if port.usb and port.tty and port.has_node and not port.by_id]
    lacking = [port for port in lacking if shared.count(port.by_id_expected) == 1 or not port.by_id_expected]
    if lacking and not scan.has_by_id:
        devices = tuple(port.device for port in lacking)
        what = f"this folder is missing, so {', '.join(devices)} {_have(devices)} no by-id name"
        hint = (
            "start udev, or in a container pass /dev/serial through, or update systemd (version 252 and Debian 11.7 "
            f"lost it); until then in printer.cfg write {_choices(lacking)}"
        )
        yield Nuisance("no-by-id", "/dev/serial/by-id", what, hint, devices)
        return
    for port in lacking:
        what = f"its link {port.by_id_expected or 'below /dev/serial/by-id'} is missing"
        yield Nuisance("no-by-id", port.device, what, f"in printer.cfg write {_choice(port)}", (port.device,))


def _choices(ports: Iterable[Port]) -> str:
    return ", ".join(_choice(port) for port in ports)


def _choice(port: Port) -> str:
    if port.name == port.device:
        return f"{port.device} (no stable name is left, the number may change)"
    return f"{port.name or '-'} for {port.device}"


def _have(devices: tuple[str, ...]) -> str:
    return "has" if len(devices) == 1 else "have"


def _broken_links(scan: Scan) -> Iterator[Nuisance]:
    for name, target in scan.broken:
        hint = "the device was unplugged or renamed: plug it in again"
        yield Nuisance("broken-link", name, f"points to {target}, which is not there", hint)


def _missing_devices(ports: Iterable[Port]) -> Iterator[Nuisance]:
    for port in ports:
        if port.tty and not port.has_node and port.usb:
            what = "the kernel knows this device, but its file is missing"
            hint = f"in a container, pass it through (--device {port.device}); else restart udev"
            yield Nuisance("no-node", port.device, what, hint, (port.device,))
        elif not port.tty and port.kind not in ("can", "bootloader"):
            what = f"{port.what} has no serial device"
            hint = "its driver is missing, or a program took it off (see `dmesg`)"
            yield Nuisance("no-tty", port.device, what, hint, (port.device,))


def _rights(scan: Scan) -> Iterator[Nuisance]:
    for port in scan.ports:
        if not port.tty or not port.has_node:
            continue
        hint = refused(scan.root + port.device)
        if hint:
            what = "you may not read and write it"
            yield Nuisance("no-permission", port.device, what, hint, (port.device,))


def refused(path: str) -> str:
    """Why this process may not read and write a device file, as what to do about it; "" when it may.

    Goes by owner, group and mode; where these refuse, access(2) is asked when the file has an access control list.
    """
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return ""
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    digit = status.st_mode >> 6 if user == status.st_uid else status.st_mode
    if user != status.st_uid and status.st_gid in groups:
        digit = status.st_mode >> 3
    if user == 0 or digit & READ_WRITE == READ_WRITE:
        return ""
    if _has_list(path) and os.access(
        path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        return ""
    return _way_in(status, user)


def _has_list(path: str) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except OSError:
        return False


def _way_in(status: os.stat_result, user: int) -> str:
    import grp
    import pwd

    if status.st_gid == 0 or status.st_mode >> 3 & READ_WRITE != READ_WRITE:
        return "only root may: add a udev rule that gives it to group dialout (MODE 0660)"
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return f"only group {status.st_gid} may, and that group has no name: restart udev"
    try:
        is_member = pwd.getpwuid(user).pw_name in group.gr_mem
    except KeyError:
        is_member = False
    if is_member:
        return f"you are in group {group.gr_name}, but not since you logged in: log out and in again"
    return f"add yourself to group {group.gr_name}: sudo usermod -aG {group.gr_name} $USER, then log out and in again"


def _consoles(ports: Iterable[Port], used: frozenset[str]) -> Iterator[Nuisance]:
    for port in ports:
        if port.console and port.device in used:
            what = "the kernel's console is on this port and disturbs the board"
            hint = f"take console={port.device.removeprefix('/dev/')} out of the kernel's command line and restart"
            yield Nuisance("console", port.device, what, hint, (port.device,))


def _cans(ports: Iterable[Port]) -> Iterator[Nuisance]:
    for port in ports:
        if port.up is False:
            what = "the CAN interface is down"
            hint = f"bring it up: sudo ip link set {port.device} up type can bitrate 1000000 (the boards' bit rate)"
            yield Nuisance("can-down", port.device, what, hint, (port.device,))
        elif port.queue_length is not None and port.queue_length < CAN_QUEUE:
            what = f"its transmit queue holds only {port.queue_length} frames"
            hint = f"lengthen it: sudo ip link set {port.device} txqueuelen {CAN_QUEUE}"
            yield Nuisance("can-queue", port.device, what, hint, (port.device,))


def _programs(scan: Scan, processes: Processes) -> Iterator[Nuisance]:
    probed = [
        port
        for port in scan.ports
        if port.tty and port.usb and not _ignored_by_modem_manager(scan.root, port)
    ]
    if MODEM_MANAGER in processes.commands and probed:
        devices = tuple(port.device for port in probed)
        what = f"is running: it may talk to {', '.join(devices)} when plugged in, and disturb a board"
        hint = "without a mobile modem: sudo systemctl disable --now ModemManager"
        yield Nuisance("modemmanager", MODEM_MANAGER, what, hint, devices)
    bridges = tuple(port.device for port in scan.ports if port.kind == "bridge")
    if BRLTTY in processes.commands and bridges:
        what = f"is running: it may take {', '.join(bridges)} for a Braille display, and the port away"
        hint = "without a Braille display: sudo systemctl disable --now brltty-udev brltty"
        yield Nuisance("brltty", BRLTTY, what, hint, bridges)


def _ignored_by_modem_manager(root: str, port: Port) -> bool:
    """Whether udev's database tells ModemManager to leave the port alone."""
    if port.rdev is None:
        return False
    data = content(f"{root}/run/udev/data/c{port.rdev[0]}:{port.rdev[1]}", UDEV_DATA_LIMIT)
    return b"ID_MM_DEVICE_IGNORE=1" in data or b"ID_MM_PORT_IGNORE=1" in data
