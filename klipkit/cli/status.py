"""`klipkit status`: what a running printer does, once or as it changes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from klipkit.base.errors import DeviceError, NotFound
from klipkit.base.output import Column, Output
from klipkit.base.text import did_you_mean, sanitise
from klipkit.cli.talk import daemon_options, talk
from klipkit.cli.tool import tool
from klipkit.daemon.session import SocketSession

COLUMNS = (Column("object", "Object"), Column("field", "Field"), Column("value", "Value"))
USUAL = {  # what is told when nobody asks for more
    "webhooks": ("state", "state_message"),
    "print_stats": ("state", "filename", "print_duration", "message"),
    "virtual_sdcard": ("progress",),
    "toolhead": ("homed_axes", "position"),
}
HEATED = ("temperature", "target", "power")

Status = Mapping[str, Mapping[str, Any]]


@tool(
    "status",
    examples=(
        ("klipkit status", "state, print, position and temperatures"),
        ("klipkit status extruder gcode_move", "all fields of these objects"),
        ("klipkit status --watch print_stats", "and each change, until ^C"),
        (
            "klipkit status --json configfile | jq .status.configfile.settings",
            "the configuration as understood",
        ),
    ),
)
@click.argument("objects", nargs=-1, metavar="[OBJECT]...")
@click.option("-w", "--watch", is_flag=True, help="Go on with what changes, until ^C.")
@daemon_options
def status(out: Output, objects: tuple[str, ...], watch: bool, socket: str) -> int:
    """Printed are object, field and value; with --json one document, or with --watch one object a line.

    Exit status 1 when there is no such object, 3 when no daemon answers.
    """

    async def once(session: SocketSession) -> None:
        wanted = await _wanted(session, objects)
        found = await session.query(*wanted)
        shown = found if objects else _usual(found)
        out.records(COLUMNS, _rows(shown), status=shown)

    async def follow(session: SocketSession) -> None:
        async for changed in session.updates(*await _wanted(session, objects)):
            _show(out, changed if objects else _usual(changed))
        raise DeviceError("the daemon has closed the connection", hint="it is being restarted, or has ended")

    talk(socket, follow if watch else once)
    return 0


async def _wanted(session: SocketSession, objects: tuple[str, ...]) -> tuple[str, ...]:
    """The objects to ask for. Raises NotFound."""
    known = (await session.request("objects/list"))["objects"]
    for name in objects:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(map(sanitise, sorted(known)))}"
            raise NotFound(f"there is no object '{sanitise(name, 60)}'", hint=hint)
    if objects:
        return objects
    heaters = (await session.query("heaters")).get("heaters", {}).get("available_sensors", [])
    return tuple(name for name in (*USUAL, *heaters) if name in known)


def _usual(found: Status) -> Status:
    """Of all fields those that say what the printer does."""
    chosen = {
        name: {each: fields[each] for each in USUAL.get(name, HEATED) if each in fields}
        for name, fields in found.items()
    }
    return {name: fields for name, fields in chosen.items() if fields}


def _rows(found: Status) -> Iterator[dict[str, str]]:
    for name, fields in found.items():
        for field, value in fields.items():
            yield {"object": name, "field": field, "value": _words(value)}


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(round(value, 3) if isinstance(value, float) else value)


def _show(out: Output, changed: Status) -> None:
    if out.json and changed:
        out.line(json.dumps({"status": changed}))
        out.stdout.flush()
        return
    for row in _rows(changed):
        out.event(COLUMNS, row)


COMMAND = status
