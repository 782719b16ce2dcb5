"""Methods of clients that macros call: register_remote_method."""

from collections.abc import Mapping
from typing import Annotated, Any

from klipkit.base.endpoint import Client, Result, Template, endpoint, message_of
from klipkit.base.faults import RequestError
from klipkit.daemon.apitext import encoded
from klipkit.daemon.daemon import Daemon

MOST = 200  # methods of one client
LONGEST = 60  # characters of a name


class RemoteEndpoints:
    """Registers methods with the daemon's table of them."""

    def __init__(self, daemon: Daemon) -> None:
        self._remote = daemon.remote

    @endpoint("register_remote_method")
    async def register(
        self,
        client: Client,
        *,
        remote_method: Annotated[str, "the name by which macros call it"],
        response_template: Template = None,
    ) -> Result:
        """Have calls of a method sent to this client, with their parameters as `params`."""
        if len(remote_method) > LONGEST or self._remote.count(client) >= MOST:
            raise RequestError(f"a client has {MOST} methods of {LONGEST} characters at most")

        def call(params: Mapping[str, Any]) -> None:
            encoded(params)  # what cannot be told is the macro's error
            client.send(message_of(response_template, params))

        self._remote.register(remote_method, client, call)
        client.parting[self] = lambda: self._remote.forget(client)
        return {}
