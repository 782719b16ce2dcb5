"""A session: how a tool talks to a running daemon, over its socket or in the same process (in virtual time, too).

session = await SocketSession.open("/tmp/klippy_uds")                a socket
session = LocalSession(daemon)                                       a daemon in this process
await session.request("info")                                        any method of the API
lines = await session.gcode("G28 X\nGET_POSITION")                   what was answered
(await session.query("toolhead", "stepper_enable"))["toolhead"]["homed_axes"]
"""

import asyncio
import contextlib
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from klipkit.base.errors import DeviceError, KlipkitError, tree

if TYPE_CHECKING:
    from klipkit.daemon.daemon import Daemon

SOCKET = "/tmp/klippy_uds"  # where clients look for a daemon
END = b"\x03"  # of a message on the socket
MESSAGE_MOST = 20 * 1024 * 1024  # bytes
OUTPUT, STATUS = "output", "status"  # methods by which later messages say what they are


class Session(Protocol):
    """A conversation with a daemon. All raise KlipkitError with the daemon's words when something is refused."""

    async def request(self, method: str, **params: Any) -> Any:
        """The result of a method of the API."""
        ...

    async def gcode(self, script: str) -> Sequence[str]:
        """Carry out lines of G-code, wait for their end, and give the lines that were answered meanwhile."""
        ...

    async def query(self, *objects: str) -> dict[str, dict[str, Any]]:
        """All fields of these objects now; those that there are not are left out."""
        ...

    async def close(self) -> None:
        """The conversation ends."""
        ...


class Conversation(ABC):
    """What both kinds of session do: numbered requests, and who waits for which answer."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._updates: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        self._has_output = False

    @abstractmethod
    async def _send(self, text: str) -> None:
        """Have the daemon take a request."""

    @abstractmethod
    async def close(self) -> None:
        """The conversation ends."""

    async def request(self, method: str, **params: Any) -> Any:
        """The result of a method of the API. Raises KlipkitError."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(json.dumps({"id": number, "method": method, "params": params}))
            return await answer
        finally:
            del self._waiting[number]

    async def gcode(self, script: str) -> Sequence[str]:
        """Carry out lines of G-code, and give what was answered meanwhile. Raises KlipkitError."""
        lines: list[str] = []
        with self.listening(lines.append):
            await self.follow_output()
            await self.request("gcode/script", script=script)
        return lines

    async def query(self, *objects: str) -> dict[str, dict[str, Any]]:
        """All fields of these objects now; those that there are not are left out."""
        answer = await self.request("objects/query", objects=dict.fromkeys(objects))
        status: dict[str, dict[str, Any]] = answer["status"]
        if all(status.values()):
            return status
        known = (await self.request("objects/list"))["objects"]
        return {name: fields for name, fields in status.items() if name in known}

    async def updates(self, *objects: str) -> AsyncIterator[Mapping[str, Any]]:
        """All fields of these objects, and then those that have changed, as often as some have, until the daemon ends
        the conversation. Takes the place of what was followed before."""
        self._updates = asyncio.Queue()
        answer = await self.request(
            "objects/subscribe", objects=dict.fromkeys(objects), response_template={"method": STATUS}
        )
        yield answer["status"]
        while (came := await self._updates.get()) is not None:
            yield came["status"]

    async def follow_output(self) -> None:
        """Have all that the machine says told to who is listening, from now on."""
        if not self._has_output:
            await self.request("gcode/subscribe_output", response_template={"method": OUTPUT})
            self._has_output = True

    @contextlib.contextmanager
    def listening(self, listener: Callable[[str], None]) -> Any:
        """Within, `listener` is called with each line that the machine says."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _heard(self, text: str | bytes) -> None:
        """A message of the daemon."""
        message = json.loads(text)
        answer = self._waiting.get(message.get("id"))
        if answer is not None and not answer.done():
            if "error" in message:
                answer.set_exception(_error(message["error"]))
            else:
                answer.set_result(message["result"])
        elif message.get("method") == OUTPUT:
            for listener in tuple(self._listeners):
                listener(message["params"]["response"])
        elif message.get("method") == STATUS:
            self._updates.put_nowait(message["params"])

    def _ended(self) -> None:
        """The daemon will say nothing more on this connection."""
        self._has_output = False
        self._updates.put_nowait(None)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(_closed())


class SocketSession(Conversation):
    """Over the daemon's socket. Made by `open`; connects again when the daemon has closed it for a restart."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    @classmethod
    async def open(cls, path: str) -> "SocketSession":
        """A session with the daemon that serves at `path`. Raises DeviceError."""
        session = cls(path)
        await session._connected()
        return session

    async def close(self) -> None:
        """The conversation ends."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _send(self, text: str) -> None:
        writer = await self._connected()
        try:
            writer.write(text.encode() + END)
            await writer.drain()
        except OSError:
            raise _closed() from None

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is not None and self._reading is not None and not self._reading.done():
                return self._writer
            return await self._connect()

    async def _connect(self) -> asyncio.StreamWriter:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=MESSAGE_MOST)
        except OSError as error:
            raise DeviceError(
                f"no daemon answers there: {error.strerror or error}",
                where=self._path,
                hint="start `klipkit run`, or say with -a where its socket is",
            ) from None
        self._writer = writer
        self._reading = asyncio.get_running_loop().create_task(self._read(reader, writer))
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self._heard((await reader.readuntil(END))[:-1])
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass
        finally:
            writer.close()
            self._ended()


class LocalSession(Conversation):
    """With a daemon in the same process: the same texts as over its socket, without one."""

    def __init__(self, daemon: "Daemon") -> None:
        super().__init__()
        from klipkit.daemon.localclient import (
            LocalDaemon,
        )  # the daemon, which who has only a socket does not load

        self._daemon = LocalDaemon(daemon, self._heard, self._ended)

    async def _send(self, text: str) -> None:
        self._daemon.take(text)

    async def close(self) -> None:
        """The conversation ends."""
        await self._daemon.close()


def _error(record: Mapping[str, str]) -> KlipkitError:
    """The daemon's error, of the class that it had there."""
    kinds = {kind.code: kind for kind in tree()}
    kind = kinds.get(record.get("code", ""), KlipkitError)
    what = record.get("what") or record.get("message", "")
    return kind(what, where=record.get("where", ""), hint=record.get("hint", ""))


def _closed() -> DeviceError:
    return DeviceError("the daemon has closed the connection", hint="it is being restarted, or has ended")
