"""The serial line of Trinamic drivers: bits out, answers of drivers with clocks of their own, none at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import recorded

SECOND = 16_000_000
BIT = 400  # ticks: 40000 baud
RX, TX = "PB5", "PB6"
BEGIN = 10_000
SENT = 40 * BIT


def configured(rx: str = RX, bit: int = BIT, idle: int = 1) -> Script:
    script = Script(settings={"byte": 1})
    script.send(
        1000,
        "allocate_oids count=1",
        f"config_tmcuart oid=0 rx_pin={rx} pull_up=1 tx_pin={TX} bit_time={bit}",
        "finalize_config crc=1",
    )
    script.drive(0, rx, idle)
    return script


def packed(data: bytes) -> str:
    """Start bit, data bits, stop bit of each byte, in hexadecimal bytes, lowest bit first."""
    line = 0
    for index, byte in enumerate(data):
        line |= (byte << 1 | 1 << 9) << 10 * index
    return line.to_bytes((10 * len(data) + 7) // 8, "little").hex()


def answer(script: Script, begin: float, data: bytes, bit: float = BIT, rx: str = RX, gap: int = 0) -> None:
    """Bytes that a driver sends from `begin` on, with `gap` bits between them."""
    clock = begin
    for byte in data:
        for level in (0, *(byte >> index & 1 for index in range(8)), 1):
            script.drive(int(clock), rx, level)
            clock += bit
        clock += gap * bit


def read(outcome: Outcome) -> list[str]:
    return [text.partition("read=")[2] for text in outcome.texts() if text.startswith("tmcuart_response")]


def level_at(outcome: Outcome, pin: str, clock: int) -> int:
    set_up = [(edge, level) for edge, name, mode, level in outcome.modes if name == pin and mode == 3]
    before = [at for at in [*set_up, *outcome.of_pin(pin)] if at[0] <= clock]
    return max(before, key=lambda at: at[0])[1]


@given(st.binary(min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_bits_go_out_lowest_first_at_the_speed_of_the_line(data: bytes) -> None:
    script = configured()
    script.send(BEGIN, f"tmcuart_send oid=0 write={packed(data)} read=0")
    result = script.run(SECOND)
    begin = result.of_pin(TX)[0][0]
    line = int.from_bytes(bytes.fromhex(packed(data)), "little")
    for index in range(10 * len(data)):
        assert level_at(result, TX, begin + index * BIT + BIT // 2) == line >> index & 1
    assert read(result) == [""]
    assert result.of_pin(TX)[-1][1] == 1


@given(
    st.binary(min_size=8, max_size=8),
    st.floats(0.97, 1.03),
    st.floats(1, 63),
    st.sampled_from([RX, TX]),
)
@settings(max_examples=25, deadline=None)
def test_answers_are_read_whatever_their_delay_and_the_drivers_clock(
    data: bytes, speed: float, delay: float, rx: str
) -> None:
    script = configured(rx)
    script.send(BEGIN, f"tmcuart_send oid=0 write={'ff' * 5} read=10")
    answer(script, BEGIN + BIT + SENT + delay * BIT, data, BIT * speed, rx)
    assert read(script.run(SECOND)) == [packed(data)]


def test_a_pause_between_bytes_is_read_as_a_high_line() -> None:
    script = configured()
    script.send(BEGIN, "tmcuart_send oid=0 write=ff read=3")
    answer(script, BEGIN + 20 * BIT, b"\x55\x0f", gap=3)
    line = 0b1_1_00001111_0_111_1_01010101_0
    assert read(script.run(SECOND)) == [line.to_bytes(3, "little").hex()]


@pytest.mark.parametrize("bit", [BIT, 1777])
def test_without_an_answer_an_empty_one_comes_after_64_bits(bit: int) -> None:
    script = configured(bit=bit)
    script.send(BEGIN, "tmcuart_send oid=0 write=ea034820e4 read=10")
    result = script.run(SECOND)
    assert read(result) == [""]
    (clock,) = (clock for clock, text in result.messages() if text.startswith("tmcuart"))
    assert 104 * bit <= clock - BEGIN < 107 * bit


def test_an_unanswered_driver_costs_as_long_as_recorded() -> None:
    """13 ms a try at 9000 baud, the transmission of request and answer included."""
    lines = [line for line in recorded("j3") if line.name in {"tmcuart_send", "tmcuart_response"}]
    took = lines[1].time - lines[0].time
    assert lines[0].sign == ">"
    assert 104 * 1777 / SECOND < took < 107 * 1777 / SECOND + 0.003


def test_one_wire_is_let_go_of_for_the_answer_and_held_high_otherwise() -> None:
    script = configured(TX)
    script.send(BEGIN, "tmcuart_send oid=0 write=ea034820e4 read=10")
    result = script.run(SECOND)
    modes = [(mode, level) for _, pin, mode, level in result.modes if pin == TX]
    assert modes == [(3, 1), (1, 0), (3, 1)]
    released = result.modes[-2][0]
    assert abs(released - (BEGIN + 41 * BIT)) < 100


def test_a_request_while_busy_is_ignored() -> None:
    script = configured()
    script.send(BEGIN, "tmcuart_send oid=0 write=ff read=1")
    script.send(BEGIN + 5 * BIT, "tmcuart_send oid=0 write=0000 read=1")
    answer(script, BEGIN + 20 * BIT, b"\x81")
    result = script.run(SECOND)
    assert read(result) == ["02"]
    assert result.of_pin(TX) == []


@pytest.mark.parametrize("command", [f"write={'ff' * 11} read=1", "write=ff read=11"])
def test_more_than_ten_bytes_are_refused(command: str) -> None:
    script = configured()
    script.send(BEGIN, f"tmcuart_send oid=0 {command}")
    script.run(SECOND).shutdown_clock("tmcuart data too large")


@pytest.mark.parametrize("rx", [RX, TX])
def test_a_shutdown_ends_a_transfer_with_the_line_high(rx: str) -> None:
    for clock in (BEGIN + 5 * BIT, BEGIN + 60 * BIT):
        script = configured(rx)
        script.send(BEGIN, "tmcuart_send oid=0 write=0000000000 read=10")
        script.send(clock, "emergency_stop")
        script.send(clock + 1000, "clear_shutdown", "tmcuart_send oid=0 write=ff read=0")
        result = script.run(SECOND)
        stop = result.shutdown_clock("Command request")
        assert read(result) == [""]
        assert level_at(result, TX, stop + 200) == 1
        assert [mode for _, pin, mode, _ in result.modes if pin == TX][-1] == 3
