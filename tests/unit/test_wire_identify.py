"""The identify conversation against a dictionary of any size, over a line that loses and repeats answers."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import DeviceError
from klipkit.wire.dictionary import SIZE_MOST
from klipkit.wire.identify import PIECE, Identify
from klipkit.wire.message import read_format
from tests.unit.wire_core import untimed
from tests.unit.wire_reference import dictionary, dictionary_table, vectors

RESPONSE = read_format(0, "identify_response offset=%u data=%.*s", {})


def answer(data: bytes, request: bytes) -> bytes:
    """What an MCU with this compressed dictionary answers."""
    (asked,) = dictionary().decode_commands(request)
    offset, count = asked.number("offset"), asked.number("count")
    return RESPONSE.encode({"offset": offset, "data": data[offset : offset + count]})


def test_the_requests_are_the_recorded_ones() -> None:
    recorded = [bytes.fromhex(frame["hex"])[2:-3] for frame in vectors()["frames"]]
    conversation = Identify()
    assert conversation.request == recorded[2]  # identify offset=0 count=40
    assert conversation.receive(recorded[5])
    assert conversation.request.hex() == "012828"
    assert conversation.receive(recorded[6])
    assert len(conversation.data) == 80


@untimed
@given(st.lists(st.sampled_from(["answer", "lost", "old", "other"]), max_size=60))
def test_the_dictionary_arrives_whatever_is_lost_repeated_or_mixed_in(events: list[str]) -> None:
    data = zlib.compress(json.dumps({"version": "x", "config": {"CLOCK_FREQ": 5}}).encode())
    conversation, old = Identify(), answer(data, Identify().request)
    for event in [*events, *["answer"] * 10]:
        before = conversation.data
        if event == "answer":
            assert conversation.receive(answer(data, conversation.request)) is True or data == before
        elif event == "old":
            conversation.receive(old)
        elif event == "other":
            assert conversation.receive(b"\x7d\x10\x92\xe2\xac\x00\x02\x90\x19") is False
        assert data.startswith(conversation.data)
    assert conversation.done
    assert conversation.dictionary().number("CLOCK_FREQ") == 5


def test_a_stock_sized_dictionary_takes_a_request_for_each_40_bytes_and_one_more() -> None:
    data = zlib.compress(json.dumps(dictionary_table()).encode())
    conversation, requests = Identify(), 0
    while not conversation.done:
        conversation.receive(answer(data, conversation.request))
        requests += 1
    assert requests == -(-len(data) // PIECE) + 1
    assert conversation.dictionary() == dictionary()
    assert conversation.receive(answer(data, conversation.request)) is False


@untimed
@given(st.binary(max_size=60))
def test_any_message_is_taken_or_passed_over(payload: bytes) -> None:
    conversation = Identify()
    if conversation.receive(payload):
        assert conversation.request != Identify().request or conversation.done


def test_an_mcu_that_sends_too_much_is_refused() -> None:
    with pytest.raises(DeviceError, match="41 bytes of its data dictionary when asked for 40"):
        Identify().receive(RESPONSE.encode({"offset": 0, "data": bytes(41)}))


def test_an_mcu_that_never_ends_is_refused() -> None:
    conversation = Identify("mcu 'z'")
    with pytest.raises(DeviceError, match="mcu 'z': its data dictionary does not end after") as refused:
        while True:
            offset = len(conversation.data)
            conversation.receive(RESPONSE.encode({"offset": offset, "data": bytes(PIECE)}))
    assert refused.value.where == "mcu 'z'"
    assert len(conversation.data) <= SIZE_MOST + PIECE


def test_half_a_dictionary_is_none() -> None:
    with pytest.raises(DeviceError, match="0 bytes so far"):
        Identify().dictionary()
