"""A client in the daemon's own process: each message passes as the text that a socket would have."""

from collections.abc import Callable

from klipkit.base.endpoint import Client, Result
from klipkit.base.faults import RequestError
from klipkit.daemon.api import Api
from klipkit.daemon.apitext import encoded
from klipkit.daemon.daemon import Daemon


class LocalClient(Client):
    """Hands on to `heard` what a daemon sends to it, and calls `ended` when it will send nothing more."""

    def __init__(self, api: Api, heard: Callable[[str], None], ended: Callable[[], None]) -> None:
        super().__init__()
        self._heard = heard
        self._ended = ended
        api.welcome(self)

    def send(self, message: Result) -> None:
        """A message of the daemon."""
        if self.is_gone:
            return
        try:
            text = encoded(message)
        except RequestError:
            self.hang_up()
        else:
            self._heard(text)

    def hang_up(self) -> None:
        """The machine has ended."""
        self.gone()
        self._ended()


class LocalDaemon:
    """A daemon as who is in the same process talks to it."""

    def __init__(self, daemon: Daemon, heard: Callable[[str], None], ended: Callable[[], None]) -> None:
        self._api = Api(daemon)
        self._heard, self._ended = heard, ended
        self._client: LocalClient | None = None

    def take(self, text: str) -> None:
        """A request."""
        if self._client is None or self._client.is_gone:
            self._client = LocalClient(self._api, self._heard, self._ended)
        self._api.take(self._client, text)

    async def close(self) -> None:
        """No more requests."""
        if self._client is not None and not self._client.is_gone:
            self._client.hang_up()
        await self._api.close()
