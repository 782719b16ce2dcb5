"""Laws of frames and numbers: there and back, any split, and what is discarded when bytes are damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import DeviceError
from klipkit.wire.vlq import LEAST, MOST, signed, vlq_decode, vlq_encode
from tests.unit.wire_core import Decoder, decoded, encoded, sealed, untimed

payloads = st.binary(max_size=59) | st.lists(st.sampled_from([0x7E, 0x05, 0x10, 0x40]), max_size=59).map(
    bytes
)
numbers = (
    st.integers(LEAST, MOST) | st.integers(-200, 200) | st.integers(0, 31).map(lambda bit: (1 << bit) - 1)
)


@untimed
@given(numbers)
def test_a_number_comes_back_and_c_and_python_agree(number: int) -> None:
    data = vlq_encode(number)
    assert encoded(number) == data
    assert vlq_decode(data) == decoded(data) == (number & MOST, len(data))
    assert number >= 2**31 or signed(number & MOST) == number


@untimed
@given(numbers)
def test_no_shorter_code_stands_for_a_number(number: int) -> None:
    data = vlq_encode(number)
    sizes = [size for size in range(1, 5) if -(1 << (7 * size - 2)) <= number < 3 << (7 * size - 2)]
    assert len(data) == min([*sizes, 5])


@untimed
@given(st.binary(max_size=8))
def test_c_and_python_read_the_same_from_any_bytes(data: bytes) -> None:
    value, used = decoded(data)
    if used:
        assert vlq_decode(data) == (value, used)
    else:
        with pytest.raises(DeviceError, match="does not end"):
            vlq_decode(data)


@pytest.mark.parametrize("number", [LEAST - 1, MOST + 1])
def test_a_number_of_more_than_32_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        vlq_encode(number)


@untimed
@given(
    st.lists(st.tuples(payloads, st.integers(0, 99), st.booleans()), max_size=6), st.lists(st.integers(1, 70))
)
def test_frames_come_back_whatever_the_split(frames: list[tuple[bytes, int, bool]], cuts: list[int]) -> None:
    sent = [sealed(payload, seq) for payload, seq, _ in frames]
    stream = b"".join(b"\x7e" * sync + data for data, (_, _, sync) in zip(sent, frames, strict=True))
    decoder, got = Decoder(), []
    for cut in cuts:
        got += decoder.frames(stream[:cut])
        stream = stream[cut:]
    assert got + decoder.frames(stream) == sent
    assert decoder.invalid == 0


@untimed
@given(st.binary(max_size=300), st.lists(st.integers(1, 70)), payloads)
def test_any_split_of_any_bytes_gives_the_same_frames(noise: bytes, cuts: list[int], payload: bytes) -> None:
    stream = noise + sealed(payload, 3) + noise[:20]
    whole, split, got = Decoder(), Decoder(), []
    expected = whole.frames(stream)
    for cut in cuts:
        got += split.frames(stream[:cut])
        stream = stream[cut:]
    assert got + split.frames(stream) == expected
    assert split.invalid == whole.invalid


@untimed
@given(payloads, st.integers(0, 63), st.integers(1, 255))
def test_a_changed_byte_is_noticed_and_the_frames_around_it_survive(
    payload: bytes, place: int, change: int
) -> None:
    before, after = sealed(b"\x05", 1), sealed(b"\x07", 2)
    damaged = bytearray(sealed(payload, 9))
    damaged[place % len(damaged)] ^= change
    got = Decoder().frames(before + bytes(damaged) + after + bytes(70))
    assert got[0] == before
    assert sealed(payload, 9) not in got
    if damaged[-1] == 0x7E:
        assert got[-1] == after


def test_the_reply_that_lost_a_byte_is_discarded_up_to_its_end() -> None:
    decoder = Decoder()  # trace l, 4.4995 s: the length byte 0e is lost
    assert decoder.frames(bytes.fromhex("1f7d10c9d9cc00029019036c7e") + sealed(b"\x05", 0)) == [
        sealed(b"\x05", 0)
    ]
    assert decoder.invalid == 13


def test_a_frame_without_its_final_sync_byte_is_none() -> None:
    assert Decoder().frames(sealed(b"\x05", 0)[:-1] + b"\x7f" + bytes(64)) == []


@pytest.mark.parametrize("first", [0x04, 0x41, 0x00, 0xFF])
def test_a_length_outside_5_to_64_is_discarded_at_once(first: int) -> None:
    decoder = Decoder()
    assert decoder.frames(bytes([first])) == []
    assert decoder.invalid == 1
    assert decoder.frames(b"\x7e" + sealed(b"\x05", 0)) == [sealed(b"\x05", 0)]
