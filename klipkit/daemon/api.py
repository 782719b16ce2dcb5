"""The API of the daemon: requests of clients, whatever way they come (daemon/apisocket.py, daemon/session.py).

    text --> Api.take(client, text) --> endpoint (base/endpoint.py) --> client.send({"id": ..., "result": {...}})
                                         `-- one that takes long goes on beside the others

A request is an object with "method", perhaps "params" and perhaps "id"; without an id it gets no answer. What is no
request is logged and passed over. What is wrong about one is its answer, and never anything else.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from klipkit.base.endpoint import Client, Endpoint, Result, endpoints_of
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError, RequestError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.daemon.apigcode import GcodeEndpoints
from klipkit.daemon.apiinfo import InfoEndpoints, Places
from klipkit.daemon.apimotion import MotionEndpoints
from klipkit.daemon.apiobjects import ObjectEndpoints
from klipkit.daemon.apiremote import RemoteEndpoints
from klipkit.daemon.daemon import Daemon, State

PENDING_MOST = 1000  # requests of one client that are being carried out; more are refused
SHOWN = 100  # characters of what is no request, in the log


class Api:
    """Answers requests on behalf of a daemon. `places`: what `info` says of files."""

    def __init__(self, daemon: Daemon, places: Places | None = None) -> None:
        self._daemon = daemon
        self._objects = ObjectEndpoints(daemon)
        self._motion = MotionEndpoints(daemon)
        info = InfoEndpoints(daemon, places or Places(), lambda: sorted(self.endpoints()))
        own = (info, self._objects, GcodeEndpoints(daemon), RemoteEndpoints(daemon), self._motion)
        self._own = {each.name: each for owner in own for each in endpoints_of(owner)}
        self._running: set[asyncio.Task[None]] = set()
        self._pending: Counter[Client] = Counter()
        self._clients: set[Client] = set()
        self._state = daemon.state
        daemon.changed.append(self._changed)

    def endpoints(self) -> Mapping[str, Endpoint]:
        """All that there are now, by name: those of the machine's parts come and go with it."""
        return {each.name: each for each in self._of_parts()} | self._own

    def welcome(self, client: Client) -> None:
        """A client has come. When the machine ends, so do all conversations: the next one is another."""
        self._clients.add(client)
        client.parting[self] = lambda: self._clients.discard(client)

    def take(self, client: Client, text: str | bytes) -> None:
        """A request has come; its answer is sent when it is there."""
        request = self._request(text)
        if request is None:
            return
        method, params, number = request
        if self._pending[client] >= PENDING_MOST:
            refusal = RequestError(f"more than {PENDING_MOST} requests at once", hint="wait for answers")
            _answer(client, number, "error", error_of(refusal))
            return
        self._pending[client] += 1
        task = asyncio.get_running_loop().create_task(self._carry_out(client, method, params, number))
        self._running.add(task)
        task.add_done_callback(lambda task: self._done(client, task))

    async def close(self) -> None:
        """Nobody is to be answered any more."""
        self._daemon.changed.remove(self._changed)
        self._objects.close()
        self._motion.close()
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _changed(self) -> None:
        earlier, self._state = self._state, self._daemon.state
        if self._state is State.STARTUP is not earlier:
            for client in tuple(self._clients):
                client.hang_up()

    def _request(self, text: str | bytes) -> tuple[str, Mapping[str, Any], Any] | None:
        """Method, parameters and id of a request; None when it is none, which is logged."""
        try:
            request = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = f"not JSON: {type(error).__name__}"
        else:
            reason = _flaw(request)
            if not reason:
                return request["method"], request.get("params") or {}, request.get("id")
        shown = text if isinstance(text, str) else text[: 4 * SHOWN].decode(errors="replace")
        self._daemon.log(f"API: a message was passed over, {reason}: {sanitise(shown, SHOWN)}")
        return None

    async def _carry_out(self, client: Client, method: str, params: Mapping[str, Any], number: Any) -> None:
        try:
            result = await self._called(client, method, params)
        except KlipkitError as error:
            _answer(client, number, "error", error_of(error))
        except Exception as error:  # a fault of klipkit, which ends this request and nothing else
            what = f"internal error, a fault of klipkit: {type(error).__name__}: {error}"
            self._daemon.log(f"API: {sanitise(method, SHOWN)}: {sanitise(what)}")
            _answer(client, number, "error", error_of(RequestError(what, hint="report it")))
        else:
            _answer(client, number, "result", result)

    async def _called(self, client: Client, method: str, params: Mapping[str, Any]) -> Result:
        found = self._own.get(method) or self.endpoints().get(method)
        if found is None:
            hint = did_you_mean(method[:SHOWN], self.endpoints()) or "list_endpoints gives all"
            raise RequestError(f"there is no endpoint '{sanitise(method, SHOWN)}'", hint=hint)
        try:
            return await found.call(client, params)
        except RequestError as error:
            error.where = error.where or method
            raise

    def _of_parts(self) -> Iterator[Endpoint]:
        host = self._daemon.host
        if host is not None and self._daemon.has_objects:
            for part in host.parts.values():
                yield from endpoints_of(part)

    def _done(self, client: Client, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._pending[client] -= 1
        if not self._pending[client]:
            del self._pending[client]


def error_of(error: KlipkitError) -> Result:
    """An error as an answer has it: on one line, as some clients show no more; and in its parts, for our own."""
    kind = "CommandError" if isinstance(error, GcodeError) else "WebRequestError"
    return {"error": kind, "message": "; ".join(str(error).splitlines()), **error.record()}


def _flaw(request: Any) -> str:
    """Why it is no request, or ""."""
    if not isinstance(request, dict):
        return "no object"
    if not isinstance(request.get("method"), str):
        return "without a method"
    if not isinstance(request.get("params", {}), (dict, type(None))):
        return "with params that are no object"
    return ""


def _answer(client: Client, number: Any, kind: str, value: Result) -> None:
    if number is not None:
        client.send({"id": number, kind: value})
