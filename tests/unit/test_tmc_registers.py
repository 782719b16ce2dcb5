"""Fields of registers and the datagrams that carry them: packing, bits on the line, checksums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.mcu.tmcuart import answered, bits_of, bytes_of, crc_of, read_request, write_request
from klipkit.parts.drivers.registers import Field, RegisterMap, Shadow, register
from tests.unit.test_firmware_traces import recorded

MAP = RegisterMap(
    [
        register("WAY", 0x10, "rw", "low 0-3, one 4, deep 16-22 signed, top 28-31"),
        register("SEEN", 0x20, "r", "low 0-7, seen 8"),
    ],
    {"one": lambda value: "(On)" if value else ""},
)
FIELDS = st.integers(0, 31).flatmap(
    lambda shift: st.builds(Field, st.just("f"), st.just(shift), st.integers(1, 32 - shift), st.booleans())
)
VALUES = st.integers(0, 2**32 - 1)


@given(FIELDS, VALUES, st.data())
def test_a_field_holds_what_was_put_and_leaves_the_others_alone(
    field: Field, value: int, data: st.DataObject
) -> None:
    new = data.draw(st.integers(field.least, field.most))
    put = field.put(value, new)
    assert field.of(put) == new
    assert put & ~field.mask == value & ~field.mask
    assert 0 <= put < 2**32


@given(FIELDS, VALUES)
def test_a_field_of_any_register_is_within_its_range_and_puts_back_what_it_gave(
    field: Field, value: int
) -> None:
    assert field.least <= field.of(value) <= field.most
    assert field.put(value, field.of(value)) == value


def test_a_field_that_can_be_set_goes_before_one_of_the_same_name_that_cannot() -> None:
    assert MAP["low"][0].name == "WAY"
    assert set(MAP.settable()) == {"low", "one", "deep", "top"}


def test_a_register_is_told_with_its_fields_that_are_not_0_and_what_they_mean() -> None:
    way = MAP.registers["WAY"]
    assert MAP.line(way, 0xF0400010) == "WAY:        f0400010 one=1(On) deep=-64 top=15"
    assert MAP.line(way, 0) == "WAY:        00000000"


def test_what_was_set_is_kept_by_register_in_the_order_of_setting() -> None:
    shadow = Shadow(MAP)
    shadow.set("deep", -1)
    shadow.set("low", 5)
    assert [(one.name, value) for one, value in shadow.written()] == [("WAY", 0x7F0005)]
    assert shadow.get("deep") == -1 and shadow.get("one") == 0


@given(st.binary(max_size=12))
def test_bytes_come_back_from_their_bits(data: bytes) -> None:
    line = bits_of(data)
    assert len(line) == (10 * len(data) + 7) // 8
    assert (bytes_of(line) or b"")[: len(data)] == data


@given(st.binary(min_size=8, max_size=8), st.integers(0, 79))
def test_a_changed_start_or_stop_bit_is_seen(data: bytes, place: int) -> None:
    changed = int.from_bytes(bits_of(data), "little") ^ 1 << place
    found = bytes_of(changed.to_bytes(10, "little"))
    assert (found is None) == (place % 10 in (0, 9))


@given(st.integers(0, 3), st.integers(0, 0x7F), VALUES, st.integers(0, 79))
def test_no_single_bit_that_changes_passes_for_an_answer(
    address: int, number: int, value: int, place: int
) -> None:
    good = bytes((0x05, 0xFF, number)) + value.to_bytes(4, "big")
    line = bits_of(good + bytes((crc_of(good),)))
    assert answered(line, number) == value
    changed = int.from_bytes(line, "little") ^ 1 << place
    assert answered(changed.to_bytes(10, "little"), number) is None
    assert answered(line, number ^ 1) is None


@pytest.mark.parametrize("line", [b"", b"\x00" * 10, b"\xff" * 10, b"\xea\x03"])
def test_a_line_that_nobody_drives_is_no_answer(line: bytes) -> None:
    assert answered(line, 2) is None


def test_requests_are_those_that_the_recorded_host_sends() -> None:
    lines = [line.text for name in ("j1", "j3") for line in recorded(name) if line.name == "tmcuart_send"]
    sent = {text.partition("write=")[2].split()[0] for text in lines}
    assert sent == {bits_of(read_request(0, number)).hex() for number in (0x00, 0x02, 0x6A)}


def test_a_write_is_the_address_with_the_highest_bit_and_the_value_from_its_highest_byte_on() -> None:
    assert write_request(3, 0x10, 0x00071703)[:7] == bytes((0xF5, 3, 0x90, 0x00, 0x07, 0x17, 0x03))
