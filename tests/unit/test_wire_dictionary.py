"""The data dictionary: what it encodes and decodes, what it says about what it lacks, hostile ones."""

import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import DeviceError
from klipkit.wire.dictionary import NAMES_MOST, SIZE_MOST, Dictionary, read_dictionary
from klipkit.wire.message import Message, MessageFormat, Parameter
from klipkit.wire.vlq import LEAST, MOST
from tests.unit.wire_core import untimed
from tests.unit.wire_reference import dictionary, dictionary_table, formats


def made(**tables: Any) -> Dictionary:
    return read_dictionary(json.dumps(tables).encode())


def refusal(data: bytes) -> str:
    """What is said about a dictionary that can't be used."""
    with pytest.raises(DeviceError) as refused:
        read_dictionary(data, "mcu 'z'")
    assert refused.value.where == "mcu 'z'"
    assert refused.value.hint
    assert str(refused.value).isprintable()
    return refused.value.what


def test_a_dictionary_is_read_compressed_or_plain() -> None:
    text = json.dumps(dictionary_table()).encode()
    assert read_dictionary(zlib.compress(text)) == read_dictionary(text)


def test_constants_and_versions_are_there() -> None:
    known = dictionary()
    assert known.version == "v0.13.0-730"
    assert known.number("CLOCK_FREQ") == 16000000
    assert known.constants["MCU"] == "atmega2560"
    assert known.number("PWM_MAX", 255) == 255


def test_every_recorded_format_is_understood() -> None:
    both = formats()
    assert len(both[">"]) == 127
    assert len(both["<"]) == 30
    tables: dict[str, dict[str, int]] = {}
    for direction, key in ((">", "commands"), ("<", "responses")):
        fixed = {"identify": 1, "identify_response": 0}
        tables[key] = {
            text: fixed.get(name, 200 + at) for at, (name, text) in enumerate(both[direction].items())
        }
    known = made(**tables)
    assert set(known.commands) == set(both[">"])
    assert set(known.responses) == set(both["<"])


def values_of(item: Parameter) -> st.SearchStrategy[int | bytes]:
    """Values that a parameter can have and that can be written as text."""
    if item.is_bytes:
        return st.binary(max_size=6)
    if item.names:
        return st.sampled_from(sorted(item.names.values()))
    return st.integers(-(2**31), 2**31 - 1) if item.code in ("%i", "%hi") else st.integers(0, MOST)


@untimed
@given(
    st.data(), st.sampled_from([form for form in dictionary().commands.values() if len(form.parameters) < 9])
)
def test_values_come_back_from_their_bytes(data: st.DataObject, form: MessageFormat) -> None:
    values = {item.name: data.draw(values_of(item)) for item in form.parameters}
    encoded = form.encode(values)
    (message,) = dictionary().decode_commands(encoded)
    assert message.values == values
    assert dictionary().encode(message.text()) == encoded


@untimed
@given(st.binary(max_size=64))
def test_any_payload_is_decoded_or_refused(payload: bytes) -> None:
    try:
        assert isinstance(dictionary().decode_response(payload), Message)
    except DeviceError as error:
        assert error.where == "mcu"
        assert str(error).isprintable()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("config_stepper oid=0 step_pin=PA1 dir_pin=16 invert_step=-1 step_pulse_ticks=0", "170001107f00"),
        ("queue_step oid=2 interval=4294967295 count=1 add=-1", "16028fffffff7f017f"),
        ("spi_send oid=1 data=00ff7e", "23010300ff7e"),
        ("spi_send oid=1 data=", "230100"),
        ("get_clock", "05"),
    ],
)
def test_text_commands_become_bytes(text: str, data: str) -> None:
    assert dictionary().encode(text).hex() == data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its firmware has no command ''"),
        ("config_steper oid=0", "did you mean 'config_stepper'"),
        ("config_trsync", "lacks oid; its format is 'config_trsync oid=%c'"),
        ("config_trsync oid=1 oid=2", "'oid=2' is not name=value, or is there twice"),
        ("config_trsync oid", "'oid' is not name=value"),
        ("config_trsync oid=1 pin=PA0", "config_trsync has no parameter pin"),
        ("config_trsync oid=PA0", "config_trsync: oid=PA0 is not a number"),
        ("config_trsync oid=99999999999", "oid=99999999999 is not a number"),
        ("config_trsync oid=4294967296", "oid=4294967296 does not fit in 32 bits"),
        ("config_analog_in oid=1 pin=PA9", "this MCU has no pin 'PA9'; did you mean 'PA"),
        ("spi_send oid=1 data=0g", "data=0g is not a row of bytes"),
        ("spi_send oid=1 data=" + "00" * 58, "spi_send is 61 bytes long; a message holds 59"),
        ("spi_send oid=1 data=" + "00" * 300, "data is 300 bytes long"),
        ("config_trsync \x1b[2J=1", r"no parameter \x1b[2J"),
    ],
)
def test_a_wrong_command_is_refused_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(DeviceError) as refused:
        dictionary().encode(text)
    assert said in str(refused.value)
    assert refused.value.where == "mcu"
    assert str(refused.value).isprintable()


def test_values_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(DeviceError, match="wants bytes, not the number 3"):
        dictionary().command("spi_send").encode({"oid": 1, "data": 3})
    with pytest.raises(DeviceError, match="wants a number, not bytes"):
        dictionary().command("spi_send").encode({"oid": b"1", "data": b""})
    with pytest.raises(DeviceError, match="32 bits"):
        dictionary().command("config_trsync").encode({"oid": LEAST - 1})


def test_a_parameter_takes_the_longest_enumeration_that_its_name_ends_in() -> None:
    known = made(
        enumerations={"pin": {"A": 1}, "ready_pin": {"A": 2}, "ready_pin:": {"A": 3}},
        commands={"c pin=%u x_pin=%u data_ready_pin=%u spin=%u ready_pin=%u": 5},
    )
    data = known.command("c").encode(
        {"pin": "A", "x_pin": "A", "data_ready_pin": "A", "spin": 9, "ready_pin": "A"}
    )
    assert data == bytes([5, 1, 1, 2, 9, 2])


def test_ranges_count_up_the_trailing_digits() -> None:
    known = made(enumerations={"pin": {"P1.30": [62, 3], "X": 7, "gpio": [9, 1]}})
    assert known.enumerations["pin"] == {"P1.30": 62, "P1.31": 63, "P1.32": 64, "X": 7, "gpio": 9}


def test_words_are_shown_for_numbers() -> None:
    (message,) = dictionary().decode_commands(dictionary().encode("config_analog_in oid=1 pin=200"))
    assert message.text() == "config_analog_in oid=1 pin=?200"
    assert message.word("pin") == "?200"
    assert message.word("oid") == "1"
    shutdown = dictionary().response("shutdown").encode({"clock": 7, "static_string_id": "Command request"})
    answer = dictionary().decode_response(shutdown)
    assert answer.text() == 'shutdown clock=7 static_string_id="Command request"'
    assert answer.word("static_string_id") == "Command request"


def test_signs_are_the_formats() -> None:
    payload = dictionary().response("stepper_position").encode({"oid": 2, "pos": -1500})
    assert dictionary().decode_response(payload).number("pos") == -1500
    payload = dictionary().response("clock").encode({"clock": -1})
    assert dictionary().decode_response(payload).number("clock") == 2**32 - 1


def test_an_output_is_text_with_its_values_in_it() -> None:
    known = made(output={"The value of %u is %*s with %i\x1b": 40})
    message = known.decode_response(bytes([40, 5, 2]) + b"ab" + bytes([0x7F]))
    assert message.text() == r"The value of 5 is ab with -1\x1b"


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("8200", "has the id 256, which its dictionary lacks"),
        ("", "no bytes left"),
        ("76", "does not end"),
        ("760000", "1 bytes too many after clock"),
        ("00000aff", "cut off within data"),
        ("0000", "cut off within data"),
    ],
)
def test_a_message_that_is_none_of_the_firmwares_is_explained(payload: str, said: str) -> None:
    with pytest.raises(DeviceError, match=said):
        dictionary().decode_response(bytes.fromhex(payload))


def test_values_that_a_foreign_firmware_lacks_are_errors_and_not_crashes() -> None:
    message = made(responses={"clock clock=%*s": 5}).decode_response(bytes([5, 0]))
    with pytest.raises(DeviceError, match="has no number 'clock'"):
        message.number("clock")
    with pytest.raises(DeviceError, match="has no row of bytes 'x'"):
        message.data("x")
    with pytest.raises(DeviceError, match="has no number 'x'"):
        message.word("x")


def test_a_format_that_differs_is_refused() -> None:
    assert dictionary().require("clock clock=%u").name == "clock"
    assert dictionary().require("get_clock").id == 5
    with pytest.raises(DeviceError, match="different versions"):
        dictionary().require("clock clock=%i")
    with pytest.raises(DeviceError, match="no response 'pang'"):
        dictionary().require("pang data=%*s")
    with pytest.raises(DeviceError, match="no constant 'NONE'"):
        dictionary().number("NONE")
    with pytest.raises(DeviceError, match="'MCU' is not a number"):
        dictionary().number("MCU")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut off"),
        (b"\x78\xda garbage", "not zlib data"),
        (zlib.compress(b"{}")[:-3], "cut off"),
        (zlib.compress(b"{}") + b"x", "more behind it"),
        (zlib.compress(b" " * 50_000_000), f"larger than {SIZE_MOST} bytes"),
        (zlib.compress(b"\xff\xfe"), "not JSON"),
        (b"{" + b" " * SIZE_MOST + b"}", "larger than"),
        (b'{"a":' + b"[" * 100_000, "not JSON"),
        (b'{"config":{"x":' + b"9" * 5000 + b"}}", "not JSON"),
        (zlib.compress(b"[]"), "not a JSON object"),
        (b'{"commands": []}', "'commands' are not a JSON object"),
        (b'{"enumerations": {"pin": 3}}', "'pin' are not a JSON object"),
        (b'{"commands": {"a": 1.5}}', "id of 'a' is not a whole number"),
        (b'{"commands": {"a": true}}', "id of 'a' is not a whole number"),
        (b'{"commands": {"a": 4294967296}}', "id of 'a' is not a whole number"),
        (b'{"commands": {"a": 3, "b": 3}}', "one name or one id"),
        (b'{"commands": {"a x=%u": 3, "a y=%u": 4}}', "one name or one id"),
        (b'{"commands": {"a": 1}}', "one name or one id"),
        (b'{"commands": {"identify offset=%u count=%c": 2}}', "'identify' must have the id 1"),
        (b'{"commands": {"a x=%f": 3}}', "not understood at 'x=%f'"),
        (b'{"commands": {"a x=%u x=%u": 3}}', "not understood at 'x=%u'"),
        (b'{"commands": {"a  x=%u": 3}}', "not understood at ''"),
        (b'{"commands": {"\\u001b[2J": 3}}', "has no name"),
        (b'{"config": {"CLOCK_FREQ": null}}', "constant 'CLOCK_FREQ' is not a whole number"),
        (b'{"enumerations": {"pin": {"PA0": [0, 1000000000]}}}', "too many words"),
        (b'{"enumerations": {"pin": {"PA0": [0, -1]}}}', "too many words"),
        (b'{"enumerations": {"pin": {"PA": [0, 8]}}}', "no number to count up"),
        (b'{"enumerations": {"pin": {"PA0": [0, 8, 9]}}}', "not a whole number"),
        (b'{"enumerations": {"pin": {"PA0": ["0", 8]}}}', "not a whole number"),
    ],
)
def test_a_hostile_dictionary_is_refused(data: bytes, said: str) -> None:
    assert said in refusal(data)


def test_the_words_of_all_enumerations_are_limited_together() -> None:
    ranges = {f"e{place}": {"A0": [0, NAMES_MOST // 4]} for place in range(4)}
    assert len(made(enumerations=ranges).enumerations["e3"]) == NAMES_MOST // 4
    assert "too many words" in refusal(json.dumps({"enumerations": {**ranges, "x": {"y": 1}}}).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["commands", "responses", "output", "enumerations", "config", "version"])


@untimed
@given(st.dictionaries(keys, json_values) | json_values, st.binary(max_size=5))
def test_any_json_is_a_dictionary_or_refused(found: Any, tail: bytes) -> None:
    try:
        read_dictionary(zlib.compress(json.dumps(found).encode()) + tail)
    except DeviceError as error:
        assert str(error).isprintable()
