"""What clients see of the machine's objects: objects/list, query, subscribe.

each TICK, as long as there are subscriptions:

objects --> fields now, as JSON has them --> what differs from what each client was told last --> client
              once for all clients                  once for all who were told the same
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from klipkit.base.endpoint import Client, Result, Template, endpoint, message_of
from klipkit.base.faults import RequestError
from klipkit.base.text import sanitise
from klipkit.daemon.daemon import Daemon
from klipkit.daemon.objects import Objects

TICK = 0.25  # s
NAMES_MOST = 10_000  # objects, and fields of one, that a request may name
SHOWN = 60

Wanted = Mapping[str, list[str] | None]  # object -> its fields, or all
Status = Mapping[str, Any]
Asked = Annotated[
    dict[str, Any], 'each object with a list of fields, or null for all: {"toolhead": ["position"]}'
]


@dataclass(slots=True)
class Subscription:
    """What a client wants to be told, and what it was told last."""

    template: Mapping[str, Any]
    wanted: Wanted
    told: dict[str, Status] = field(default_factory=dict)


class Snapshot:
    """The objects at one time; each is asked once, when somebody wants it."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._seen: dict[str, Status] = {}

    def status(self, name: str) -> Status:
        """All fields of an object; none when there is no such object."""
        seen = self._seen.get(name)
        if seen is None:
            seen = self._seen[name] = self._objects.status(name) if self._objects.has(name) else {}
        return seen


class ObjectEndpoints:
    """Queries and subscriptions of all clients."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._subscriptions: dict[Client, Subscription] = {}
        self._task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """No more updates."""
        self._subscriptions.clear()
        self._stop()

    @endpoint("objects/list")
    async def names(self) -> Result:
        """The names of all objects."""
        return {"objects": self._daemon.objects.names()}

    @endpoint("objects/query")
    async def query(self, *, objects: Asked) -> Result:
        """Fields of objects now. An object that there is not has none."""
        return self._answer(_checked(objects), Snapshot(self._daemon.objects))

    @endpoint("objects/subscribe")
    async def subscribe(
        self, client: Client, *, objects: Asked, response_template: Template = None
    ) -> Result:
        """Fields of objects now, and from now on those that have changed. Takes the place of an earlier one."""
        wanted, snapshot = _checked(objects), Snapshot(self._daemon.objects)
        answer = self._answer(wanted, snapshot)
        if not wanted:
            self._forget(client)
            return answer
        told = {name: snapshot.status(name) for name in wanted}
        self._subscriptions[client] = Subscription(response_template or {}, wanted, told)
        client.parting[self] = lambda: self._forget(client)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tick())
        return answer

    def _answer(self, wanted: Wanted, snapshot: Snapshot) -> Result:
        status = {name: _selected(snapshot.status(name), fields) for name, fields in wanted.items()}
        return {"eventtime": _now(), "status": status}

    def _forget(self, client: Client) -> None:
        self._subscriptions.pop(client, None)
        client.parting.pop(self, None)
        if not self._subscriptions:
            self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            try:
                self._update()
            except Exception as error:  # a fault of klipkit in one object: others are told the next time
                self._daemon.log(f"API: internal error, a fault of klipkit: {type(error).__name__}: {error}")

    def _update(self) -> None:
        snapshot, differences = Snapshot(self._daemon.objects), Differences()
        now = _now()
        for client, subscription in list(self._subscriptions.items()):
            changed = _changed(subscription, snapshot, differences)
            if changed:
                client.send(message_of(subscription.template, {"eventtime": now, "status": changed}))


class Differences:
    """What has changed of objects, computed once for all clients who were told the same."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], tuple[Status, Status]] = {}

    def between(self, name: str, before: Status, after: Status) -> Status:
        """The fields of `after` that are not in `before`, or are different there."""
        key = name, id(before)
        found = self._found.get(key)
        if found is None:
            changed = (each for each in after if each not in before or not _same(before[each], after[each]))
            found = before, {each: after[each] for each in changed}  # `before` is kept: its id stays its own
            self._found[key] = found
        return found[1]


def _same(before: Any, after: Any) -> bool:
    return before is after or before == after


def _changed(subscription: Subscription, snapshot: Snapshot, differences: Differences) -> dict[str, Status]:
    """What the client does not know yet; it knows it from now on."""
    changed = {}
    for name, fields in subscription.wanted.items():
        before, after = subscription.told.get(name, {}), snapshot.status(name)
        subscription.told[name] = after
        found = differences.between(name, before, after)
        if fields is not None:
            found = {each: found[each] for each in fields if each in found}
        if found:
            changed[name] = found
    return changed


def _selected(status: Status, fields: list[str] | None) -> Status:
    if fields is None or not status:
        return status
    return {each: status.get(each) for each in fields}


def _checked(objects: Mapping[str, Any]) -> Wanted:
    """What is wanted, checked; without those that nobody could ask for. Raises RequestError."""
    if len(objects) > NAMES_MOST:
        raise RequestError(f"more than {NAMES_MOST} objects in one request")
    for name, fields in objects.items():
        is_list = isinstance(fields, list) and all(isinstance(each, str) for each in fields)
        if fields is not None and not is_list:
            what = f"'{sanitise(name, SHOWN)}' must be null or a list of fields"
            raise RequestError(what, hint="null: all fields")
        if is_list and len(fields) > NAMES_MOST:
            raise RequestError(f"more than {NAMES_MOST} fields of one object")
    return objects


def _now() -> float:
    return asyncio.get_running_loop().time()
