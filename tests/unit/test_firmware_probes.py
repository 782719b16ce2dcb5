"""Load cells, the eddy current sensor, and the level detector that they trigger through a filter."""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import PINS, Outcome, Script
from tests.unit.sampler_bench import BEGIN, REST, data_of, scripted, sent, states_of

SECOND = 16_000_000
RAW = st.integers(-(2**23), 2**23 - 1)
ABS_GE, GT, DIFF_PEAK_GT = range(3)
SMALLEST, LARGEST = -(2**31), 2**31 - 1


def samples_of(outcome: Outcome) -> list[int]:
    """Those of the load cells."""
    data = b"".join(data for _, data in data_of(outcome))
    return [value for (value,) in struct.iter_unpack("<i", data)]


# --- HX711 and HX717 ---


def load_cell(samples: list[int], gain: int = 1, trailing: str = "1") -> Script:
    """A chip that has these samples, one for each look; `trailing`: what DOUT shows at the pulses after the bits.

    The first rise is that of the configuration, which powers it down.
    """
    script = Script(settings={"byte": 1})
    bits = "".join(f"{sample & 0xFFFFFF:024b}{trailing * gain}" for sample in samples)
    script.lines.append(f"shift {PINS.index('PF1')} {PINS.index('PF0')} 1{bits}")
    script.drive(0, "PF0", 1)
    for number in range(len(samples)):
        script.drive(BEGIN + (number + 1) * REST - 100, "PF0", 0)
    script.send(
        1000, "allocate_oids count=9", f"config_hx71x oid=4 gain_channel={gain} dout_pin=PF0 sclk_pin=PF1"
    )
    return script


def begin(script: Script) -> Script:
    script.send(1500, "finalize_config crc=1")
    script.send(BEGIN, f"query_hx71x oid=4 rest_ticks={REST}")
    return script


def homing(script: Script, start: int, monitor: int, *settings: str) -> Script:
    """A detector behind a load cell is armed from the look `start` on, then the looks begin."""
    script.send(
        1200, "config_sos_filter oid=5 max_sections=2", "config_trigger_analog oid=6 sos_filter_oid=5"
    )
    script.send(1300, "config_trsync oid=7", "hx71x_attach_trigger_analog oid=4 trigger_analog_oid=6")
    script.send(1500, "finalize_config crc=1")
    for at, command in enumerate(settings):
        script.send(2000 + 200 * at, command)
    script.send(4400, "trsync_start oid=7 report_clock=0 report_ticks=0 expire_reason=9")
    reasons = "trigger_reason=1 error_reason=20"
    monitored = f"monitor_ticks={REST} monitor_max={monitor}"
    script.send(
        4600, f"trigger_analog_home oid=6 trsync_oid=7 {reasons} clock={BEGIN + start * REST} {monitored}"
    )
    script.send(BEGIN, f"query_hx71x oid=4 rest_ticks={REST}")
    return script


@pytest.mark.parametrize("gain", [1, 4])
@given(st.lists(RAW, min_size=1, max_size=30))
@settings(max_examples=6, deadline=None)
def test_a_load_cell_gives_each_sample_once(gain: int, samples: list[int]) -> None:
    result = begin(load_cell(samples, gain)).run(BEGIN + (len(samples) + 2) * REST)
    assert samples_of(result) == samples[: len(samples) // 12 * 12]
    rises = [clock for clock, level in result.of_pin("PF1") if level and clock > BEGIN]
    assert len(rises) == (24 + gain) * len(samples)


def test_the_clock_of_a_load_cell_is_never_high_for_long_but_when_it_is_off() -> None:
    script = begin(load_cell([5, -5], 2))
    script.send(BEGIN + 4 * REST, "query_hx71x oid=4 rest_ticks=0")
    edges = begin_edges(script.run(BEGIN + 9 * REST))
    assert edges[-1][1] == 1 and edges[-1][0] > BEGIN + 4 * REST  # powered down
    widths = [after - clock for (clock, level), (after, _) in itertools.pairwise(edges) if level]
    assert len(widths) == 2 * 26 and min(widths) >= 4 and max(widths) < 50 * 16  # 0.2 .. 50 us


def begin_edges(outcome: Outcome) -> list[tuple[int, int]]:
    return [(clock, level) for clock, level in outcome.of_pin("PF1") if clock > BEGIN]


def test_a_load_cell_that_lost_step_gives_errors_until_it_is_started_anew() -> None:
    script = begin(load_cell([1] * 3, trailing="0"))
    script.send(BEGIN + 30 * REST, f"query_hx71x oid=4 rest_ticks={REST}")
    result = script.run(BEGIN + 29 * REST)
    assert samples_of(result) == [SMALLEST] * 24
    assert len([1 for _, level in begin_edges(result) if level]) == 25


def test_a_load_cell_that_was_read_too_slowly_gives_errors() -> None:
    script = begin(load_cell([1] * 3))
    script.settings["read"] = 300  # ticks for each look at the clock: 2 us become 40
    assert set(samples_of(script.run(BEGIN + 40 * REST))) == {0x40000000}


@pytest.mark.parametrize("gain", [0, 5])
def test_an_unknown_gain_is_refused(gain: int) -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=9")
    script.send(1200, f"config_hx71x oid=4 gain_channel={gain} dout_pin=PF0 sclk_pin=PF1")
    script.run(SECOND).shutdown_clock("HX71x gain/channel out of range 1-4")


def test_the_state_of_a_load_cell_has_the_sample_that_waits() -> None:
    script = begin(load_cell([7, 8]))
    script.send(BEGIN + REST + REST // 2, "query_hx71x_status oid=4")
    script.send(BEGIN + 2 * REST - 50, "query_hx71x_status oid=4")
    first, second = states_of(script.run(BEGIN + 3 * REST))
    assert (first["buffered"], first["query_ticks"], second["buffered"]) == (4, 0, 8)


# --- ADS1220 ---


@given(st.lists(RAW, min_size=1, max_size=26))
@settings(max_examples=10, deadline=None)
def test_an_analog_converter_is_read_when_its_pin_says_so(samples: list[int]) -> None:
    """The pin stays low here, as each look comes after the next sample."""
    config = "config_ads1220 oid=4 spi_oid=3 data_ready_pin=PF0"
    script = scripted("spi", config, [])
    script.lines += [f"spi {sample & 0xFFFFFF:06x}" for sample in samples]
    script.drive(0, "PF0", 1)
    script.drive(BEGIN + 2 * REST - 100, "PF0", 0)
    script.drive(BEGIN + (len(samples) + 1) * REST + 5000, "PF0", 1)
    script.send(BEGIN, f"query_ads1220 oid=4 rest_ticks={REST}")
    result = script.run(BEGIN + (len(samples) + 4) * REST)
    assert sent(result, "spi") == ["000000"] * len(samples)
    assert samples_of(result) == samples[: len(samples) // 12 * 12]
    assert 0 <= result.transfers[0][0] - (BEGIN + 2 * REST) < 300


def test_the_looks_at_an_analog_converter_end() -> None:
    script = scripted("spi", "config_ads1220 oid=4 spi_oid=3 data_ready_pin=PF0", [])
    script.send(BEGIN, f"query_ads1220 oid=4 rest_ticks={REST}", "query_ads1220_status oid=4")
    script.send(BEGIN + 3 * REST + 1000, "query_ads1220 oid=4 rest_ticks=0")
    result = script.run(BEGIN + 9 * REST)
    assert len(result.transfers) == 3
    assert states_of(result)[0]["buffered"] == 4


# --- LDC1612 ---


def eddy(answers: list[tuple[int, bytes]], *, pin: bool = False) -> Script:
    """A chip whose transfers come to these (status, bytes)."""
    config = (
        "config_ldc1612_with_intb oid=4 i2c_oid=3 intb_pin=PF0" if pin else "config_ldc1612 oid=4 i2c_oid=3"
    )
    script = scripted("i2c", config, [])
    script.lines += [f"i2c {status} {data.hex()}" for status, data in answers]
    script.send(BEGIN, f"query_ldc1612 oid=4 rest_ticks={REST}")
    return script


def conversion(value: int) -> list[tuple[int, bytes]]:
    data = value.to_bytes(4, "big")
    return [(0, data[:2]), (0, data[2:])]


READY, WAITING = (0, b"\x00\x48"), (0, b"\x00\x40")


@given(st.lists(st.integers(0, 2**32 - 2), min_size=1, max_size=15))
@settings(max_examples=10, deadline=None)
def test_an_eddy_current_sensor_gives_each_sample_with_its_error_bits(values: list[int]) -> None:
    answers = [answer for value in values for answer in (WAITING, READY, *conversion(value))]
    result = eddy(answers).run(BEGIN + 2 * len(values) * REST + REST // 2)
    data = b"".join(data for _, data in data_of(result))
    assert list(struct.unpack(f">{len(data) // 4}I", data)) == values[: len(values) // 12 * 12]
    assert sent(result, "i2c")[:5] == ["18", "18", "00", "01", "18"][: len(result.transfers)]


def test_an_eddy_current_sensor_with_a_pin_is_not_asked() -> None:
    script = eddy(conversion(0x01234567) * 12, pin=True)
    script.drive(0, "PF0", 1)
    script.drive(BEGIN + REST - 100, "PF0", 0)
    result = script.run(BEGIN + 12 * REST + REST // 2)
    assert sent(result, "i2c") == ["00", "01"] * 12
    assert [data for _, data in data_of(result)] == [bytes.fromhex("01234567") * 12]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([(1, b"\0")], "ffff0001"),
        ([READY, (3, b"\0")], "ffff0002"),
        ([READY, (0, b"\0\1"), (2, b"\0")], "ffff0002"),
        ([READY, *conversion(0xFFFFFFFF)], "ffff0003"),
    ],
)
def test_an_eddy_current_sensor_that_fails_says_why_in_its_samples(
    answers: list[tuple[int, bytes]], told: str
) -> None:
    result = eddy(answers * 12).run(BEGIN + 12 * REST + REST // 2)
    assert [data.hex() for _, data in data_of(result)] == [told * 12]


# --- filter and detector ---


def detected(
    samples: list[int],
    trigger: tuple[int, int],
    *filters: str,
    raw: tuple[int, int] = (SMALLEST, LARGEST),
    start: int = 0,
    monitor: int = 10,
) -> tuple[int, int] | None:
    """Reason and number of the look at which homing with a load cell ended, None when it did not."""
    kind, value = trigger
    settings = (
        *filters,
        f"trigger_analog_set_raw_range oid=6 raw_min={raw[0]} raw_max={raw[1]}",
        f"trigger_analog_set_trigger oid=6 trigger_analog_type={kind} trigger_value={value}",
    )
    script = homing(load_cell(samples), start, monitor, *settings)
    end = BEGIN + (len(samples) + 20) * REST
    script.send(end - REST, "trigger_analog_query_state oid=6")
    texts = script.run(end).texts()
    states = [text for text in texts if text.startswith("trsync_state oid=7 can_trigger=0")]
    (told,) = [text.split() for text in texts if text.startswith("trigger_analog_state")]
    if not states:
        assert told[2] == "homing=1"
        return None
    assert told[2] == "homing=0"
    clock = int(told[3].removeprefix("homing_clock="))
    return int(states[0].split()[3].removeprefix("trigger_reason=")), round((clock - BEGIN) / REST)


def test_the_detector_triggers_at_the_sample_that_meets_its_condition() -> None:
    assert detected([1, 2, 50, 99, 100, 101], (GT, 99)) == (1, 5)
    assert detected([1, 2, -50, -99, -100, 101], (ABS_GE, 99)) == (1, 4)
    assert detected([5, 90, 100, 95, 91, 89, 0], (DIFF_PEAK_GT, 10)) == (1, 6)
    assert detected([-9, -5, -20, -15, -16], (DIFF_PEAK_GT, 10)) == (1, 3)


def test_nothing_counts_before_the_start() -> None:
    assert detected([200, 0, 0, 0, 100, 0], (GT, 99), start=4) == (1, 5)
    assert detected([200, 100, 0, 0, 0, 0], (DIFF_PEAK_GT, 50), start=3, monitor=99) is None


def test_a_raw_sample_out_of_range_is_an_error() -> None:
    assert detected([0, 10, -11, 0], (GT, 99), raw=(-10, 10)) == (20, 3)
    assert detected([0, 10, 11, 0], (GT, 99), raw=(-10, 10)) == (20, 3)


def test_a_number_that_leaves_32_bits_is_an_error() -> None:
    big = "sos_filter_set_offset_scale oid=5 offset=0 scale=2000 scale_frac_bits=0 auto_offset=0"
    assert detected([0, 1_000_000, 2_000_000], (GT, LARGEST), big) == (21, 3)


def test_a_sensor_that_is_silent_is_an_error() -> None:
    reason, look = detected([0, 0], (GT, 99), monitor=3) or (0, 0)
    assert reason == 22
    assert 5 <= look <= 7


def test_an_error_of_the_sensor_is_an_error_of_the_detector() -> None:
    script = homing(load_cell([0], trailing="0"), 0, 9)
    texts = script.run(BEGIN + 3 * REST).texts()
    assert any(text.startswith("trsync_state oid=7 can_trigger=0 trigger_reason=23") for text in texts)


def test_the_first_sample_may_be_the_offset_and_samples_are_scaled() -> None:
    auto = "sos_filter_set_offset_scale oid=5 offset=7 scale=3 scale_frac_bits=1 auto_offset=1"
    assert detected([1000, 1060, 1066, 1067, 1080], (GT, 99), auto) == (1, 4)  # (1067 - 1000) * 1.5 = 100
    fixed = "sos_filter_set_offset_scale oid=5 offset=-1000 scale=3 scale_frac_bits=1 auto_offset=0"
    assert detected([1000, 1060, 1066, 1067, 1080], (GT, 99), fixed) == (1, 4)


BITS = 29
SECTIONS = [(0.2, 0.3, 0.1, -0.9, 0.3), (0.5, 0.4, 0.0, -0.2, 0.1)]  # b0 b1 b2 a1 a2


def expected(samples: list[int]) -> list[float]:
    """The filter in floating point, by its equations."""
    states = [[0.0, 0.0] for _ in SECTIONS]
    found = []
    for sample in samples:
        value = float(sample)
        for (b0, b1, b2, a1, a2), state in zip(SECTIONS, states, strict=True):
            out = b0 * value + state[0]
            state[0] = b1 * value - a1 * out + state[1]
            state[1] = b2 * value - a2 * out
            value = out
        found.append(value)
    return found


@given(st.lists(st.integers(-1_000_000, 1_000_000), min_size=2, max_size=12), st.integers(-500_000, 500_000))
@settings(max_examples=12, deadline=None)
def test_the_filter_is_that_of_its_equations(samples: list[int], level: int) -> None:
    """To what rounding down leaves open, a few units: levels as near to a value are no case."""
    values = expected(samples)
    if any(abs(value - level) < 10 for value in values):
        return
    commands = []
    for number, section in enumerate(SECTIONS):
        words = " ".join(f"sos{i}={round(value * 2**BITS)}" for i, value in enumerate(section))
        commands.append(f"sos_filter_set_section oid=5 section_idx={number} {words}")
        commands.append(f"sos_filter_set_state oid=5 section_idx={number} state0=0 state1=0")
    commands.append(f"sos_filter_set_active oid=5 n_sections=2 coeff_frac_bits={BITS}")
    above = [number + 1 for number, value in enumerate(values) if value > level]
    assert detected(samples, (GT, level), *commands, monitor=99) == ((1, above[0]) if above else None)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (
            "sos_filter_set_state oid=5 section_idx=2 state0=0 state1=0",
            "Filter section index larger than max_sections",
        ),
        (
            "sos_filter_set_active oid=5 n_sections=3 coeff_frac_bits=20",
            "Filter section index larger than max_sections",
        ),
        ("sos_filter_set_active oid=5 n_sections=1 coeff_frac_bits=32", "Command parser error"),
        (
            "trigger_analog_set_trigger oid=6 trigger_analog_type=3 trigger_value=0",
            "Command parser error",
        ),
    ],
)
def test_what_the_filter_cannot_do_is_refused(command: str, reason: str) -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=9", "config_sos_filter oid=5 max_sections=2")
    script.send(1200, "config_trigger_analog oid=6 sos_filter_oid=5", command)
    script.run(SECOND).shutdown_clock(reason)
