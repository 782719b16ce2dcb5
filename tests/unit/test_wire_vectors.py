"""The recorded vectors of the wire: VLQ, CRC, frames with their messages, message ids, configuration CRC."""

from typing import Any

import pytest

from klipkit.wire.configuration import Configuration
from klipkit.wire.vlq import MOST, vlq_decode, vlq_encode
from tests.unit.wire_core import Decoder, decoded, encoded, sealed, wire_core
from tests.unit.wire_reference import dictionary, vectors

# The two legal encodings of a number that both occur: the MCU's, the host's (behaviour.md, section 1).
TWICE = [(2**32 - 1, "7f", "8fffffff7f"), (2**31, "f880808000", "8880808000")]


@pytest.mark.parametrize(("number", "code"), vectors()["vlq"].items())
def test_recorded_numbers_are_encoded_as_recorded_in_c_and_in_python(number: str, code: str) -> None:
    value, data = int(number), bytes.fromhex(code)
    assert encoded(value) == vlq_encode(value) == data
    assert decoded(data) == vlq_decode(data) == (value & MOST, len(data))


@pytest.mark.parametrize(("number", "mcu", "host"), TWICE)
def test_both_encodings_of_a_number_are_read(number: int, mcu: str, host: str) -> None:
    for code in (mcu, host):
        data = bytes.fromhex(code)
        assert decoded(data) == vlq_decode(data) == (number, len(data))


@pytest.mark.parametrize(("data", "crc"), vectors()["crc16"].items())
def test_recorded_checksums_are_computed(data: str, crc: str) -> None:
    assert wire_core().lib.crc16(bytes.fromhex(data), len(data) // 2) == int(crc, 16)


@pytest.mark.parametrize("frame", vectors()["frames"], ids=lambda frame: frame["hex"][:24])
def test_recorded_frames_are_decoded_and_encoded_as_recorded(frame: dict[str, Any]) -> None:
    data = bytes.fromhex(frame["hex"])
    assert Decoder().frames(data) == [data]
    assert data[1] & 15 == frame["seq"]
    payload = data[2:-3]
    assert sealed(payload, frame["seq"]) == data
    if frame["dir"] == ">":
        messages = [message.text() for message in dictionary().decode_commands(payload)]
        assert b"".join(dictionary().encode(text) for text in frame["messages"]) == payload
    else:
        messages = [dictionary().decode_response(payload).text()] if payload else []
    assert messages == frame["messages"]


@pytest.mark.parametrize(("name", "number"), vectors()["id_table"].items())
def test_recorded_ids_stand_for_their_messages(name: str, number: int) -> None:
    known = dictionary()
    found = known.commands.get(name) or known.responses[name]
    assert found.id == number


def test_the_recorded_configuration_has_the_recorded_crc() -> None:
    recorded = vectors()["config_crc"]
    first, *rest = recorded["text"].split("\n")
    configuration = Configuration()
    for _ in range(int(first.partition("=")[2])):
        configuration.allocate_oid()
    for line in rest:
        configuration.add(line)
    assert configuration.text() == recorded["text"]
    assert configuration.crc() == recorded["crc32"]
