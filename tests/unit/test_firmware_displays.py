"""Displays: what an HD44780 and an ST7920 take from their lines, and the pauses they are given."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import recorded

SECOND = 16_000_000
SELECT, ENABLE, NIBBLE = "PH0", "PH1", ("PJ0", "PJ1", "PD4", "PL0")
CS, CLOCK, DATA = "PH0", "PH1", "PJ1"
DELAY, SYNC_DELAY, BYTE_DELAY = 640, 720, 320


def configured(command: str) -> Script:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=7", command, "finalize_config crc=1")
    return script


def hd44780() -> Script:
    data = " ".join(f"d{index + 4}_pin={pin}" for index, pin in enumerate(NIBBLE))
    return configured(f"config_hd44780 oid=2 rs_pin={SELECT} e_pin={ENABLE} {data} delay_ticks={DELAY}")


def st7920() -> Script:
    pins = f"cs_pin={CS} sclk_pin={CLOCK} sid_pin={DATA}"
    delays = f"sync_delay_ticks={SYNC_DELAY} cmd_delay_ticks={BYTE_DELAY}"
    return configured(f"config_st7920 oid=6 {pins} {delays}")


def taken(outcome: Outcome, pin: str, level: int, lines: tuple[str, ...]) -> list[tuple[int, ...]]:
    """The clock and the lines' levels at each edge of `pin` to `level`."""
    levels = dict.fromkeys(lines, 0)
    found = []
    for clock, name, value in outcome.edges:
        if name in levels:
            levels[name] = value
        if name == pin and value == level:
            found.append((clock, *levels.values()))
    return found


def characters(outcome: Outcome) -> list[tuple[int, int, int]]:
    """Clock of the second nibble, register and byte that an HD44780 takes."""
    nibbles = taken(outcome, ENABLE, 0, (SELECT, *NIBBLE))
    found = []
    for (_, first_select, *high), (clock, select, *low) in zip(nibbles[::2], nibbles[1::2], strict=True):
        assert first_select == select
        found.append((clock, select, sum(bit << index for index, bit in enumerate([*low, *high]))))
    return found


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=20)), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None)
def test_an_hd44780_takes_each_byte_with_its_register(messages: list[tuple[bool, bytes]]) -> None:
    script = hd44780()
    for index, (is_data, data) in enumerate(messages):
        command = "hd44780_send_data oid=2 data=" if is_data else "hd44780_send_cmds oid=2 cmds="
        script.send(2000 + 50_000 * index, command + data.hex())
    result = script.run(SECOND)
    wanted = [(int(is_data), byte) for is_data, data in messages for byte in data]
    found = characters(result)
    assert [(select, byte) for _, select, byte in found] == wanted
    assert all(after[0] - before[0] >= DELAY for before, after in pairwise(found))


def test_an_hd44780_has_time_for_each_edge() -> None:
    script = hd44780()
    script.send(2000, "hd44780_send_data oid=2 data=5aa5")
    edges = script.run(SECOND).of_pin(ENABLE)
    assert len(edges) == 8
    assert all(after - before >= 0.45e-6 * SECOND for (before, _), (after, _) in pairwise(edges))


def test_an_hd44780_gets_what_was_recorded() -> None:
    lines = [line for line in recorded("j2") if line.name.startswith("hd44780")]
    script = hd44780()
    for index, line in enumerate(lines):
        script.send(10_000 + 50_000 * index, line.text)
    found = characters(script.run(20_000 + 50_000 * len(lines)))
    wanted = [
        (int("data=" in line.text), byte)
        for line in lines
        for byte in bytes.fromhex(line.text.rpartition("=")[2])
    ]
    assert len(lines) > 20
    assert [(select, byte) for _, select, byte in found] == wanted


def serial(outcome: Outcome) -> list[tuple[int, int]]:
    """Clock of the last bit and value of each byte that an ST7920 takes; it is selected for each."""
    bits = taken(outcome, CLOCK, 1, (CS, DATA))
    assert all(selected for _, selected, _ in bits)
    found = []
    for at in range(0, len(bits), 8):
        value = int("".join(str(bit) for _, _, bit in bits[at : at + 8]), 2)
        found.append((bits[at + 7][0], value))
    return found


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=20)), min_size=1, max_size=6))
@settings(max_examples=10, deadline=None)
def test_an_st7920_takes_a_sync_byte_and_nibbles(messages: list[tuple[bool, bytes]]) -> None:
    script = st7920()
    for index, (is_data, data) in enumerate(messages):
        command = "st7920_send_data oid=6 data=" if is_data else "st7920_send_cmds oid=6 cmds="
        script.send(2000 + 50_000 * index, command + data.hex())
    result = script.run(SECOND)
    found = serial(result)
    wanted: list[int] = []
    for is_data, data in messages:
        wanted.append(0xFA if is_data else 0xF8)
        for byte in data:
            wanted += [byte & 0xF0, byte << 4 & 0xF0]
    assert [value for _, value in found] == wanted
    assert [level for _, level in result.of_pin(CS)] == [1, 0] * len(messages)


def test_an_st7920_has_its_pauses() -> None:
    script = st7920()
    script.send(2000, "st7920_send_cmds oid=6 cmds=a55a", "st7920_send_cmds oid=6 cmds=01")
    result = script.run(SECOND)
    clocks = [clock for clock, _ in result.of_pin(CLOCK)]
    assert min(after - before for before, after in pairwise(clocks)) >= 0.3e-6 * SECOND
    ends = [clock for clock, _ in serial(result)]
    begins = [clock for clock, level in result.of_pin(CLOCK) if level][::8]
    pauses = [begin - end for end, begin in zip(ends, begins[1:], strict=False)]
    assert [pause >= limit for pause, limit in zip(pauses[::2], [SYNC_DELAY, BYTE_DELAY], strict=False)] == [
        True,
        True,
    ]
    assert pauses[4] >= BYTE_DELAY  # before the next sync byte
    assert pauses[5] >= SYNC_DELAY
