"""SPI devices: chip selects, hardware and pin buses, what is sent at shutdown."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
MISO, MOSI, CLOCK, SELECT = "PA0", "PA1", "PA2", "PA3"
PULSE = 64  # ticks


def configured(*commands: str, oids: int = 4) -> Script:
    script = Script(settings={"byte": 1})
    script.send(1000, f"allocate_oids count={oids}")
    for index, command in enumerate(commands):
        script.send(1200 + 200 * index, command)
    script.send(5000, "finalize_config crc=1")
    return script


def on_bus(mode: int = 3, rate: int = 4_000_000, active_high: int = 0) -> Script:
    return configured(
        f"config_spi oid=0 pin={SELECT} cs_active_high={active_high}",
        f"spi_set_bus oid=0 spi_bus=0 mode={mode} rate={rate}",
    )


def on_pins(mode: int = 0) -> Script:
    return configured(
        f"config_spi oid=0 pin={SELECT} cs_active_high=0",
        f"spi_set_sw_bus oid=0 miso_pin={MISO} mosi_pin={MOSI} sclk_pin={CLOCK} mode={mode} "
        f"pulse_ticks={PULSE}",
    )


def responses(outcome: Outcome) -> list[str]:
    return [text for text in outcome.texts() if text.startswith("spi_transfer_response")]


@pytest.mark.parametrize("active_high", [0, 1])
def test_a_transfer_on_a_bus_is_selected_and_answered(active_high: int) -> None:
    script = on_bus(active_high=active_high)
    script.lines.append("spi c0ffee0123")
    script.send(10_000, "spi_transfer oid=0 data=0102030405")
    script.send(20_000, "spi_send oid=0 data=99")
    script.send(30_000, "spi_transfer oid=0 data=8000")
    result = script.run(SECOND)
    assert responses(result) == [
        "spi_transfer_response oid=0 response=c0ffee0123",
        "spi_transfer_response oid=0 response=0000",
    ]
    assert [text for _, text in result.transfers] == [
        "spi 0 3 4000000 0102030405",
        "spi 0 3 4000000 99",
        "spi 0 3 4000000 8000",
    ]
    assert [mode[1:] for mode in result.modes if mode[1] == SELECT] == [(SELECT, 3, 1 - active_high)]
    assert [level for _, level in result.of_pin(SELECT)] == [active_high, 1 - active_high] * 3


def test_a_device_without_chip_select_drives_no_pin() -> None:
    script = configured("config_spi_without_cs oid=0", "spi_set_bus oid=0 spi_bus=0 mode=0 rate=1")
    script.send(10_000, "spi_send oid=0 data=42")
    result = script.run(SECOND)
    assert [text for _, text in result.transfers] == ["spi 0 0 1 42"]
    assert (result.edges, result.modes) == ([], [])


def samples(outcome: Outcome, mode: int) -> list[int]:
    """What a chip takes from the line: its level at each edge at which data are valid in this mode."""
    rising = mode in (0, 3)
    level, bits = 0, []
    for _, pin, value in outcome.edges:
        if pin == MOSI:
            level = value
        elif pin == CLOCK and value == rising:
            bits.append(level)
    return bits


@given(st.integers(0, 3), st.binary(min_size=1, max_size=50))
@settings(max_examples=15, deadline=None)
def test_pins_work_like_a_bus_in_each_mode(mode: int, data: bytes) -> None:
    script = on_pins(mode)
    script.wire(MOSI, MISO)
    script.send(10_000, f"spi_transfer oid=0 data={data.hex()}")
    result = script.run(SECOND)
    assert responses(result) == [f"spi_transfer_response oid=0 response={data.hex()}"]
    bits = samples(result, mode)
    assert bits == [byte >> bit & 1 for byte in data for bit in range(7, -1, -1)]
    clocks = [clock for clock, level in result.of_pin(CLOCK)]
    assert min(after - before for before, after in pairwise(clocks)) >= PULSE // 2
    ((begun, _), (ended, _)) = result.of_pin(SELECT)
    assert begun < clocks[0]
    assert clocks[-1] <= ended
    idle = [mode_[3] for mode_ in result.modes if mode_[1] == CLOCK]
    assert idle == [mode // 2]
    assert result.of_pin(CLOCK)[-1][1] == mode // 2


@pytest.mark.parametrize("mode", range(4))
def test_input_is_taken_at_the_edge_of_the_mode(mode: int) -> None:
    """A chip that changes its output at the edges between those at which it is taken, known from a first run."""
    data = bytes([0xA5, 0x0F, 0x33])
    bits = [byte >> bit & 1 for byte in data for bit in range(7, -1, -1)]
    first = on_pins(mode)
    first.send(10_000, "spi_send oid=0 data=000000")
    edges = [clock for clock, _ in first.run(SECOND).of_pin(CLOCK)]
    script = on_pins(mode)
    script.send(10_000, "spi_transfer oid=0 data=000000")
    changes = edges[::2] if mode & 1 else [10_001, *edges[1::2]]
    for clock, bit in zip(changes, bits, strict=False):
        script.drive(clock + 5, MISO, bit)
    assert responses(script.run(SECOND)) == [f"spi_transfer_response oid=0 response={data.hex()}"]


def test_a_missing_chip_on_pins_reads_as_its_pull_up() -> None:
    script = on_pins()
    result = script.run(SECOND)
    assert [mode[2] for mode in result.modes if mode[1] == MISO] == [1]


@pytest.mark.parametrize(
    "command",
    [
        "spi_set_bus oid=0 spi_bus=0 mode=3 rate=1",  # it has one
        f"spi_set_sw_bus oid=0 miso_pin={MISO} mosi_pin={MOSI} sclk_pin={CLOCK} mode=0 pulse_ticks=9",
        "spi_set_bus oid=1 spi_bus=0 mode=4 rate=1",
        f"spi_set_sw_bus oid=1 miso_pin={MISO} mosi_pin={MOSI} sclk_pin={CLOCK} mode=4 pulse_ticks=9",
        "spi_transfer oid=1 data=00",
        "spi_send oid=1 data=00",
    ],
)
def test_a_wrong_bus_shuts_down(command: str) -> None:
    script = on_bus()
    script.lines.pop()
    script.number -= 1
    script.send(3000, "config_spi_without_cs oid=1", command)
    script.run(SECOND).shutdown_clock("Invalid spi config")


def test_a_bus_is_given_before_configuration_ends_and_must_exist() -> None:
    script = configured("config_spi_without_cs oid=0")
    script.send(9000, "spi_set_bus oid=0 spi_bus=0 mode=0 rate=1")
    script.run(SECOND).shutdown_clock("Invalid spi config")
    script = configured("config_spi_without_cs oid=0", "spi_set_bus oid=0 spi_bus=7 mode=0 rate=1")
    script.run(SECOND).shutdown_clock("Invalid spi bus")


def test_at_shutdown_chips_get_their_bytes_with_no_other_selected() -> None:
    script = configured(
        "config_spi_shutdown oid=2 spi_oid=0 shutdown_msg=",  # refused: the device comes first
    )
    script.run(SECOND).shutdown_clock("Invalid oid type")
    script = configured(
        f"config_spi oid=0 pin={SELECT} cs_active_high=0",
        "spi_set_bus oid=0 spi_bus=0 mode=1 rate=500000",
        "config_spi_shutdown oid=1 spi_oid=0 shutdown_msg=0badcafe",
        "config_spi oid=2 pin=PB0 cs_active_high=0",
        f"spi_set_sw_bus oid=2 miso_pin={MISO} mosi_pin={MOSI} sclk_pin={CLOCK} mode=0 pulse_ticks=20000",
        "config_analog_in oid=3 pin=PF0",
    )
    script.send(
        8000,
        "query_analog_in oid=3 clock=110000 sample_ticks=1 sample_count=1 rest_ticks=9000000 "
        "bytes_per_report=2 min_value=1 max_value=2 range_check_count=1",
    )
    script.send(100_000, "spi_send oid=2 data=55aa")  # takes until 420 000
    result = script.run(SECOND)
    stop = result.shutdown_clock("ADC out of range")
    assert result.of_pin("PB0")[-1][1] == 1
    released = result.of_pin("PB0")[-1][0]
    assert stop <= released < stop + 100
    ((sent, text),) = result.transfers
    assert text == "spi 0 1 500000 0badcafe"
    (begun, _), (ended, _) = result.of_pin(SELECT)
    assert released <= begun <= sent <= ended


def test_bytes_at_shutdown_go_over_pins_too_and_again_with_each_shutdown() -> None:
    script = configured(
        f"config_spi oid=0 pin={SELECT} cs_active_high=0",
        f"spi_set_sw_bus oid=0 miso_pin={MISO} mosi_pin={MOSI} sclk_pin={CLOCK} mode=0 pulse_ticks=4",
        "config_spi_shutdown oid=1 spi_oid=0 shutdown_msg=a5",
    )
    script.send(10_000, "emergency_stop")
    script.send(20_000, "emergency_stop")
    bits = samples(script.run(SECOND), 0)
    assert bits == [1, 0, 1, 0, 0, 1, 0, 1] * 2


def test_a_pin_bus_that_fails_leaves_other_pins_alone() -> None:
    script = configured(
        "config_spi oid=0 pin=PC0 cs_active_high=0",
        "config_spi_shutdown oid=1 spi_oid=0 shutdown_msg=a5",
        f"spi_set_sw_bus oid=0 miso_pin={MISO} mosi_pin=99 sclk_pin={CLOCK} mode=0 pulse_ticks=4",
    )
    result = script.run(SECOND)
    result.shutdown_clock("Not an output pin")
    assert result.edges == []
