"""How tools talk to a running daemon: the options that say which one, and a session with it."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from klipkit.daemon.session import SOCKET, SocketSession

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def daemon_options(function: F) -> F:
    """A tool has -a and --name, and is given the path of the daemon's socket as `socket`."""

    @click.option(
        "-a", "--api-server", "api", metavar="PATH", help=f"The socket of the daemon.  [default: {SOCKET}]"
    )
    @click.option(
        "--name", default="", metavar="NAME", help="The printer's name, as of `klipkit run --name`."
    )
    @functools.wraps(function)
    def with_socket(*args: Any, api: str | None, name: str, **kwargs: Any) -> Any:
        return function(*args, socket=api or socket_of(name), **kwargs)

    return with_socket  # type: ignore[return-value]


def socket_of(name: str) -> str:
    """Where a daemon of that name has its socket; "": one without a name."""
    return f"{SOCKET}-{name}" if name else SOCKET


def talk(socket: str, work: Callable[[SocketSession], Awaitable[T]]) -> T:
    """Do `work` with a session. Raises KlipkitError."""

    async def whole() -> T:
        session = await SocketSession.open(socket)
        try:
            return await work(session)
        finally:
            await session.close()

    return asyncio.run(whole())
