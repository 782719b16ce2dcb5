"""`klipkit ports`: which serial ports, bootloaders and CAN interfaces are there, and what belongs into printer.cfg."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from klipkit.base.errors import FileError, PortAmbiguous, PortNotFound, UnknownChip, UsageError
from klipkit.base.output import Column, Output
from klipkit.base.text import sanitise
from klipkit.cli.tool import tool
from klipkit.link.holders import Holder, Processes, survey
from klipkit.link.nuisances import Nuisance, nuisances
from klipkit.link.ports import Port, Scan, families_of, scan

if TYPE_CHECKING:
    from klipkit.boards.families import Family
    from klipkit.link.portuse import ConfigPorts
    from klipkit.link.portwatch import Clock

COLUMNS = (
    Column("name", "Name for printer.cfg"),
    Column("device", "Device"),
    Column("kind", "Kind"),
    Column("what", "What it is"),
    Column("usb_id", "USB id"),
    Column("serial_number", "Serial number"),
    Column("used_by", "Used by"),
    Column("held_by", "Held by"),
)
EVENT_COLUMNS = (*COLUMNS, Column("event", "Event"))
ALWAYS_SHOWN = frozenset(
    ("name", "device", "kind", "what")
)  # on a terminal; the others only when one port has them
NOT_SHOWN = frozenset(("serial_number",))  # on a terminal, where the name holds it
NO_PORT_HINT = (
    "plug the board in with a cable that carries data; `klipkit ports --wait` names it as soon as it appears"
)


def clock() -> "Clock":
    """The clock of --wait and --watch."""
    from klipkit.link.portwatch import SystemClock

    return SystemClock()


class View:
    """What a look showed, with all that is said about it; `detailed` costs the reading of the boards' data."""

    def __init__(
        self, found: Scan, ports: Sequence[Port], config: "ConfigPorts | None", *, detailed: bool
    ) -> None:
        self.detailed = detailed
        self.scan = found
        self.ports = ports
        self.config = config
        self.processes = survey(found.root, ports) if ports else Processes({}, frozenset(), 0)
        shown = {port.device for port in ports}
        self.warnings: list[Nuisance] = [
            nuisance
            for nuisance in nuisances(found, self.processes, frozenset(config.users if config else ()))
            if not nuisance.devices or shown.intersection(nuisance.devices)
        ]

    def record(self, port: Port) -> dict[str, Any]:
        """One port as a JSON object; the columns are among its keys."""
        usb = port.usb
        holders = self.processes.holders.get(port.device, ())
        return {
            "name": port.name or None,
            "device": port.device,
            "kind": port.kind,
            "what": port.what,
            "usb_id": usb.ids or None if usb else None,
            "serial_number": usb.serial or None if usb else None,
            "used_by": list(self.config.users.get(port.device, ())) if self.config else [],
            "held_by": [Held(holder) for holder in holders],
            "reason": port.reason,
            "note": port.note,
            "by_id": list(port.by_id),
            "by_path": list(port.by_path),
            "by_id_expected": port.by_id_expected or None,
            "by_path_expected": port.by_path_expected or None,
            "manufacturer": usb.manufacturer or None if usb else None,
            "product": usb.product or None if usb else None,
            "usb_address": usb.address if usb else None,
            "families": list(families_of(port)) if self.detailed else [],
            "up": port.up,
            "queue_length": port.queue_length,
        }


class Held(dict[str, Any]):
    """A holder: an object in JSON, a few words elsewhere."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(pid=holder.pid, program=holder.program)
        self._words = str(holder)

    def __str__(self) -> str:
        return self._words


@tool(
    "ports",
    examples=(
        ("klipkit ports", "lists what is there; the first column is what to write into printer.cfg"),
        ("klipkit ports --wait", "names the board that is plugged in next"),
        (
            "klipkit ports --config printer.cfg",
            "marks the ports that the config uses and says which are missing",
        ),
        ("port=$(klipkit ports --one --board ramps)", "for scripts: the one port that a RAMPS can be on"),
        ("klipkit ports --json | jq -r '.ports[].device'", "all details for programs"),
    ),
)
@click.option("--config", "config_file", metavar="FILE", help="Mark the ports that this printer.cfg uses.")
@click.option("--board", metavar="NAME", help="Only ports that this board can be on, by its USB ids.")
@click.option(
    "--one", is_flag=True, help="Print the name of the one port that matches; fail unless it is one."
)
@click.option("--wait", is_flag=True, help="Wait until a port appears, and print it.")
@click.option("--timeout", type=float, metavar="S", help="Wait no longer than S seconds.")
@click.option("--watch", is_flag=True, help="Print each change until interrupted.")
@click.option(
    "--root", envvar="KLIPKIT_SYSROOT", metavar="DIR", help="Look in this folder (sys, dev, proc) for them."
)
def ports(
    out: Output,
    config_file: str | None,
    board: str | None,
    one: bool,
    wait: bool,
    timeout: float | None,
    watch: bool,
    root: str | None,
) -> int:
    """Listed are serial ports, boards in a bootloader that has none, and CAN interfaces: name for printer.cfg, device,
    kind, what it is, USB id, serial number, the config sections that use it, the programs that hold it open.

    The name is the by-id link, or the by-path link when by-id is missing or not unique. --one counts what is on USB,
    not the computer's own UARTs and CAN interfaces. --watch adds a last field: added, removed or changed.

    Exit status 1 when no port is there, --one does not match exactly one, --timeout ends, or a port that the config
    uses is missing.
    """
    _check_usage(one=one, wait=wait, watch=watch, timeout=timeout)
    folder = root_of(root)
    keep = _filter(board)
    config = _config_reader(config_file)

    def look() -> Scan:
        found = scan(folder)
        return found._replace(ports=tuple(filter(keep, found.ports)))

    if watch:
        return _watch(out, look, config)
    if wait:
        return _wait(out, look, config, one, timeout)
    whole = scan(folder)
    return _list(out, whole, [port for port in whole.ports if keep(port)], config, one, board)


def _check_usage(*, one: bool, wait: bool, watch: bool, timeout: float | None) -> None:
    if watch and (one or wait):
        raise UsageError(f"--watch and {'--one' if one else '--wait'} exclude one another")
    if timeout is None:
        return
    if not wait:
        raise UsageError("--timeout needs --wait")
    if not 0 <= timeout <= 1e9:  # refuses NaN too
        raise UsageError(f"--timeout {timeout:g} is not a number of seconds, 0 or more")


def root_of(root: str | None) -> str:
    """The folder of --root as scan() takes it. Raises FileError."""
    if not root:
        return ""
    if not os.path.isdir(root):  # noqa: PTH112
        raise FileError(
            "is not a folder", where=sanitise(root), hint="--root takes a folder that holds sys and dev"
        )
    return os.path.abspath(root).rstrip("/")  # noqa: PTH100


def _filter(board: str | None) -> Callable[[Port], bool]:
    """Whether a port can be the board's. Raises UnknownBoard."""
    if board is None:
        return lambda port: True
    from klipkit.boards.families import board as find

    family = find(board)
    ids = {*family.usb_application, *family.usb_bootloader, *family.usb_bridge}
    return lambda port: _can_be(port, family, ids)


def _can_be(port: Port, family: "Family", ids: set[tuple[int, int]]) -> bool:
    usb = port.usb
    if usb is None or usb.vid is None or usb.pid is None or (usb.vid, usb.pid) not in ids:
        return False
    if not port.chip:
        return True
    from klipkit.boards.chips import chip

    try:
        return chip(port.chip).name in family.chips  # the firmware of all chips has one USB id
    except UnknownChip:
        return True


def _config_reader(path: str | None) -> "Callable[[Scan], ConfigPorts] | None":
    """Reads the config once; the result holds it against a look. Raises FileError, ConfigError."""
    if path is None:
        return None
    from klipkit.base.config import read_config
    from klipkit.link.portuse import compare

    config = read_config(path)
    return lambda found: compare(config, found)


def _list(
    out: Output,
    whole: Scan,
    chosen: list[Port],
    config: "Callable[[Scan], ConfigPorts] | None",
    one: bool,
    board: str | None,
) -> int:
    """Print what is there now."""
    if one:
        chosen = [_only(chosen, board)]
    view = View(whole, chosen, config(whole) if config else None, detailed=out.json)
    if one and not out.json:
        _remarks(out, view)
        out.line(_shown(chosen[0]))
        return 0
    _print(out, view)
    if view.config and view.config.missing:
        raise _missing(out, view.config)
    if not chosen:
        raise PortNotFound(_nothing(board), hint=NO_PORT_HINT)
    return 0


def _only(chosen: Sequence[Port], board: str | None) -> Port:
    """The one port on USB. Raises PortNotFound, PortAmbiguous."""
    on_usb = [port for port in chosen if port.usb and port.kind != "can"]
    if not on_usb:
        raise PortNotFound(_nothing(board, " on USB"), hint=NO_PORT_HINT)
    if len(on_usb) > 1:
        several = ", ".join(f"{_shown(port)} ({port.what})" for port in on_usb)
        hint = "unplug the others" if board else "narrow the choice with --board, or unplug the others"
        raise PortAmbiguous(f"{len(on_usb)} ports match: {several}", hint=hint)
    return on_usb[0]


def _shown(port: Port) -> str:
    """The port's name, or its device when nothing belongs into printer.cfg; safe to show."""
    return sanitise(port.name or port.device)


def _nothing(board: str | None, where: str = "") -> str:
    return f"no port{where} is one of board {sanitise(board)!r}" if board else f"no port was found{where}"


def _missing(out: Output, config: "ConfigPorts") -> PortNotFound:
    """The error of a config whose ports are missing; several are told of one by one before."""
    first, *others = config.missing
    if not others:
        return PortNotFound(first.what, where=first.use.where, hint=first.hint)
    if not out.json:
        for missing in config.missing:
            out.warn(str(missing))
    sections = ", ".join(f"[{sanitise(missing.use.section, 40)}]" for missing in config.missing)
    return PortNotFound(f"{len(config.missing)} ports are missing: {sections}", where=first.use.where)


def _print(out: Output, view: View) -> None:
    """The whole answer: records, warnings, what a config lacks."""
    records = [view.record(port) for port in view.ports]
    document: dict[str, object] = {"ports": records, "warnings": [w.record() for w in view.warnings]}
    if view.config:
        document["missing"] = [missing.record() for missing in view.config.missing]
    if records or out.json:
        out.records(_columns(out, records), records, **document)
    _remarks(out, view)


def _columns(out: Output, records: Sequence[dict[str, Any]]) -> tuple[Column, ...]:
    if not out.terminal:
        return COLUMNS
    return tuple(
        column
        for column in COLUMNS
        if column.key in ALWAYS_SHOWN
        or (column.key not in NOT_SHOWN and any(record[column.key] for record in records))
    )


def _remarks(out: Output, view: View) -> None:
    if not out.json:
        for warning in view.warnings:
            out.warn(str(warning))
    for port in view.ports:
        out.detail(f"{port.device}: {port.reason}" + (f" ({port.note})" if port.note else ""))
    if view.processes.unreadable:
        count = view.processes.unreadable
        out.detail(f"who holds the ports open: {count} processes of other users, cannot tell without root")


def _wait(
    out: Output,
    look: Callable[[], Scan],
    config: "Callable[[Scan], ConfigPorts] | None",
    one: bool,
    timeout: float | None,
) -> int:
    from klipkit.link.portwatch import appeared

    out.note("waiting for a port to appear: plug the board in (Ctrl-C ends)")
    found, new = appeared(look, clock(), timeout)
    if one:
        new = [_only(new, None)]
    view = View(found, new, config(found) if config else None, detailed=out.json)
    if one and not out.json:
        _remarks(out, view)
        out.line(_shown(new[0]))
    else:
        _print(out, view)
    return 0


def _watch(out: Output, look: Callable[[], Scan], config: "Callable[[Scan], ConfigPorts] | None") -> int:
    from klipkit.link.portwatch import changes

    out.note("watching the ports (Ctrl-C ends)")
    for change in changes(look, clock()):
        view = View(change.scan, [change.port], config(change.scan) if config else None, detailed=out.json)
        record = {**view.record(change.port), "event": change.event}
        out.event(EVENT_COLUMNS, record)
        if change.event == "added":
            _remarks(out, view)
    return 0


COMMAND = ports
