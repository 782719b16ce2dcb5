"""The API at a Unix socket: messages of JSON, each ended by the byte 0x03.

    client --/tmp/klippy_uds--> Connection --text--> Api.take
                                    ^------ send ----'

A client that does not read is closed, and holds up nobody. The socket stays when machines come and go; its connections
end with their machine, which is how clients know.
"""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from klipkit.base.endpoint import Client, Result
from klipkit.base.errors import UsageError
from klipkit.base.faults import RequestError
from klipkit.daemon.api import Api
from klipkit.daemon.apitext import encoded
from klipkit.daemon.session import END, MESSAGE_MOST

Log = Callable[[str], None]

MODE = 0o660
BACKLOG = 1024  # connections that wait to be taken: so many clients may come in one burst
BUFFER = 1 << 18  # bytes that wait for a client to read: beyond that it has to hurry
BUFFER_MOST = 64 << 20  # bytes: beyond that it has lost
CLIENTS_MOST = 2000  # at once: files are kept for the printer itself
HURRY = 5.0  # s in which a client must have read what waits for it


class Connection(Client, asyncio.Protocol):
    """One client at the socket."""

    def __init__(self, api: Api, log: Log, connections: "set[Connection]") -> None:
        super().__init__()
        self._api = api
        self._log = log
        self._connections = connections
        self._partial = bytearray()
        self._searched = 0  # bytes of it that hold no end of a message
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has come."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=BUFFER, low=0)
        self._transport = transport
        if len(self._connections) >= CLIENTS_MOST:
            self._abort(f"there are {CLIENTS_MOST} already")
            return
        self._connections.add(self)
        self._api.welcome(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._transport = None
        self._connections.discard(self)
        self._read_in_time()
        self.gone()

    def data_received(self, data: bytes) -> None:
        """Bytes have come, of one message or several."""
        self._partial += data
        while (end := self._partial.find(END, self._searched)) >= 0:
            message = bytes(self._partial[:end])
            del self._partial[: end + 1]
            self._searched = 0
            if len(message) <= MESSAGE_MOST and not self.is_gone:
                self._api.take(self, message)
        self._searched = len(self._partial)
        if self._searched > MESSAGE_MOST:
            self._abort(f"a message has more than {MESSAGE_MOST} bytes")

    def pause_writing(self) -> None:
        """Much waits to be read."""
        self._limit = asyncio.get_running_loop().call_later(
            HURRY, self._abort, f"it did not read for {HURRY:.0f} s"
        )

    def resume_writing(self) -> None:
        """All was read."""
        self._read_in_time()

    def send(self, message: Result) -> None:
        """A message to it."""
        if self._transport is None or self.is_gone:
            return
        try:
            self._transport.write(encoded(message).encode() + END)
        except RequestError as error:
            self._abort(error.what)
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > BUFFER_MOST:
            self._abort("it does not read")

    def hang_up(self) -> None:
        """Its machine has ended: what waits for it is still sent."""
        if self._transport is not None:
            self._transport.close()
        self.gone()

    def _abort(self, why: str) -> None:
        if self._transport is not None:
            self._log(f"API: a client was closed: {why}")
            self._transport.abort()
        self.gone()

    def _read_in_time(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


class ApiSocket:
    """Serves an Api at `path` until close(). Made by `open`."""

    def __init__(self, path: Path, api: Api, listening: socket.socket, log: Log) -> None:
        self._path = path
        self._api = api
        self._listening = listening
        self._log = log
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._inode = path.stat().st_ino

    @classmethod
    async def open(cls, path: str, api: Api, log: Log = lambda line: None) -> "ApiSocket":
        """Serve there. Raises UsageError when the socket cannot be made."""
        place = Path(path).expanduser()
        made = cls(place, api, _listen(place), log)
        made._server = await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(api, log, made._connections), sock=made._listening, backlog=BACKLOG
        )
        return made

    async def close(self) -> None:
        """Take the socket away, and all connections."""
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        for connection in tuple(self._connections):
            connection.hang_up()
        await self._api.close()


def _listen(path: Path) -> socket.socket:
    """A socket at `path`, seen once its mode is right. Replaces one of ours that nobody serves any more."""
    beginning = path.with_name(f"{path.name}.{os.getpid()}")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _check_place(path)
        beginning.unlink(missing_ok=True)
        made.bind(str(beginning))
        beginning.chmod(MODE)
        made.listen(BACKLOG)
        beginning.rename(path)
    except OSError as error:
        made.close()
        with contextlib.suppress(OSError):
            beginning.unlink()
        raise _refusal(path, error.strerror or str(error)) from None
    except UsageError:
        made.close()
        raise
    return made


def _check_place(path: Path) -> None:
    """Nothing is there, or a socket of ours that an earlier run has left. Raises UsageError."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(there.st_mode):
        raise _refusal(path, "something else is there")
    if there.st_uid != os.geteuid():
        raise _refusal(path, "a socket of another user is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except BlockingIOError:
            pass
    raise _refusal(path, "another daemon serves there")


def _refusal(path: Path, why: str) -> UsageError:
    return UsageError(
        f"the socket of the API cannot be made: {why}", where=str(path), hint="give another name with -a"
    )
