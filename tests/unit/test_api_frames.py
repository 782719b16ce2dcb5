"""Messages of the API's socket: any pieces of the bytes give the same ones, and one that is too long ends it all."""

import asyncio
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.endpoint import Client
from klipkit.daemon.api import Api
from klipkit.daemon.apisocket import Connection
from klipkit.daemon.session import MESSAGE_MOST


class Taker:
    """Stands for an Api: keeps what it is to take."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def welcome(self, client: Client) -> None:
        """A client has come."""

    def take(self, client: Client, text: bytes) -> None:
        """A message has come."""
        self.taken.append(text)


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is written."""

    def abort(self) -> None:
        """The connection is given up."""
        self.aborted += 1


def connected() -> tuple[Connection, Taker, Wire]:
    taker, wire = Taker(), Wire()
    connection = Connection(cast(Api, taker), lambda line: None, set())
    connection.connection_made(wire)
    return connection, taker, wire


@given(st.lists(st.binary(max_size=40).filter(lambda each: b"\x03" not in each), max_size=8), st.data())
def test_any_pieces_of_the_bytes_give_the_same_messages(messages: list[bytes], data: st.DataObject) -> None:
    connection, taker, wire = connected()
    left = b"".join(each + b"\x03" for each in messages)
    while left:
        size = data.draw(st.integers(1, len(left)))
        connection.data_received(left[:size])
        left = left[size:]
    assert taker.taken == messages
    assert wire.aborted == 0


def test_a_message_may_have_20_mb_and_not_a_byte_more() -> None:
    connection, taker, wire = connected()
    connection.data_received(b"a" * MESSAGE_MOST)
    assert wire.aborted == 0
    connection.data_received(b"\x03")
    assert [len(each) for each in taker.taken] == [MESSAGE_MOST]
    connection.data_received(b"b" * MESSAGE_MOST)
    connection.data_received(b"b")
    assert wire.aborted == 1
    connection.data_received(b"\x03 more \x03")
    assert len(taker.taken) == 1
