"""Clocks of several MCUs: fitted to the answers, continuous where they are bent."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.mcu.clocksync import PERIOD, ClockSync, first_mapping, main_mapping, next_mapping


def synchronised(
    frequency: float, offset: float, seed: int = 1, count: int = 60, drift: float = 30e-6
) -> ClockSync:
    """A clock after `count` answers with random delays, some of them of 20 ms; its true line: ticks(time)."""
    noise = random.Random(seed)
    sync = ClockSync(frequency)
    sync.start(*divmod(int(offset), 1 << 32))
    for number in range(count):
        sent = 100 + (number * 0.05 if number < 8 else (number - 7) * PERIOD)
        there = 0.0005 + noise.random() * 0.0002 + (0.02 if noise.random() < 0.05 and number > 10 else 0)
        clock = ticks(frequency, offset, sent + there, drift)
        sync.sample(sent, sent + there + 0.0005 + noise.random() * 0.0002, int(clock) % (1 << 32))
    return sync


def ticks(frequency: float, offset: float, time: float, drift: float = 30e-6) -> float:
    return offset + frequency * (1 + drift) * (time - 100)


@pytest.mark.parametrize("frequency", [16e6, 72e6, 520e6])
@pytest.mark.parametrize("seed", range(5))
def test_the_estimate_is_within_a_fifth_of_a_millisecond_despite_late_answers(
    frequency: float, seed: int
) -> None:
    sync = synchronised(frequency, 5e6, seed)
    for ahead in (0, 4):
        time = 100 + 52 * PERIOD + ahead
        assert abs(sync.line.clock(time) - ticks(frequency, 5e6, time)) < 200e-6 * frequency


def test_the_clock_wraps_without_a_jump() -> None:
    sync = synchronised(520e6, (1 << 32) - 1000)
    assert abs(sync.line.clock(150) - ticks(520e6, (1 << 32) - 1000, 150)) < 200e-6 * 520e6


@given(st.integers(0, 1 << 60), st.integers(-(1 << 31), (1 << 31) - 1))
def test_a_32_bit_clock_is_extended_to_the_nearest(last: int, difference: int) -> None:
    sync = ClockSync(16e6)
    sync.last = last
    assert sync.extend((last + difference) % (1 << 32)) == last + difference


def test_a_retransmitted_query_moves_the_clock_but_not_the_line() -> None:
    sync = synchronised(16e6, 0)
    line, samples, last = sync.line, sync.samples, sync.last
    sync.sample(0.0, 1000.0, (last + 16_000_000) % (1 << 32))
    assert (sync.line, sync.samples, sync.last) == (line, samples, last + 16_000_000)


def test_one_answer_is_enough_to_begin() -> None:
    sync = ClockSync(16e6)
    sync.start(0, 16_000_000)
    sync.sample(10.0, 10.001, 16_000_500)
    assert sync.line.frequency == 16e6
    assert sync.line.clock(11.0) == pytest.approx(32_000_500, abs=16_000)


@pytest.mark.parametrize("seed", range(5))
def test_another_mcu_follows_print_time_and_its_mapping_is_continuous(seed: int) -> None:
    main, other = synchronised(16e6, 1e6, seed), synchronised(520e6, 9e9, seed + 50, drift=-40e-6)
    now = 100 + 52 * PERIOD
    mapping = first_mapping(main, other, now)
    boundary = main.line.clock(now + 2) / main.nominal
    bent = next_mapping(main, other, mapping, boundary)
    assert bent.clock(boundary) == pytest.approx(mapping.clock(boundary), abs=1)
    true_time = main.line.time((boundary + 4) * 16e6)
    assert bent.clock(boundary + 4) == pytest.approx(ticks(520e6, 9e9, true_time, -40e-6), abs=300e-6 * 520e6)


def test_print_time_of_the_main_mcu_is_its_clock_over_the_nominal_frequency() -> None:
    mapping = main_mapping(synchronised(16e6, 0))
    assert mapping.clock(2.5) == 40_000_000
    assert mapping.print_time(8_000_000) == 0.5
