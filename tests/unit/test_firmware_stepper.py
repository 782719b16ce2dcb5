"""The stepper module: exact step clocks, direction set-up and hold, position, refusals."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
PULSE = 32  # ticks: 2 us
START = SECOND // 2  # from here on steps are planned
PULSED, INVERTED, BOTH_EDGES = 0, 1, -1


@dataclass(frozen=True)
class Run:
    """Steps at T0 + interval n + add n (n - 1) / 2, n = 1 .. count."""

    interval: int
    count: int
    add: int
    direction: int = 1

    def clocks(self, begin: int) -> list[int]:
        return [begin + self.interval * n + self.add * n * (n - 1) // 2 for n in range(1, self.count + 1)]


def configured(invert: int = PULSED, pulse: int = PULSE, moves: int = 1200, **more: int) -> Script:
    script = Script(settings={"moves": moves, "byte": 1, **more})
    script.send(
        1000,
        "allocate_oids count=1",
        f"config_stepper oid=0 step_pin=PA0 dir_pin=PA1 invert_step={invert} step_pulse_ticks={pulse}",
        "finalize_config crc=1",
        f"reset_step_clock oid=0 clock={START}",
    )
    return script


def queue(script: Script, clock: int, runs: Iterable[Run]) -> None:
    """Queue runs, with a change of direction before those that need one."""
    direction = None
    for run in runs:
        commands = [f"queue_step oid=0 interval={run.interval} count={run.count} add={run.add}"]
        if run.direction != direction:
            commands.insert(0, f"set_next_step_dir oid=0 dir={run.direction}")
        direction = run.direction
        script.send(clock, *commands)
        clock += 200


def steps(outcome: Outcome, invert: int = PULSED) -> list[int]:
    """Clocks of the edges that make a step."""
    edges = outcome.of_pin("PA0")
    if invert == BOTH_EDGES:
        return [clock for clock, _ in edges]
    return [clock for clock, level in edges if level == (invert == PULSED)]


@st.composite
def random_runs(draw: st.DrawFn, least: int = 200) -> list[Run]:
    """Runs whose intervals all stay above `least` ticks."""
    runs = []
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(1, 120))
        interval = draw(st.integers(least, 20_000))
        lowest = -((interval - least) // max(count - 1, 1))
        add = draw(st.integers(max(lowest, -32768), 300))
        runs.append(Run(interval, count, add, draw(st.integers(0, 1))))
    return runs


@given(random_runs(), st.sampled_from([PULSED, INVERTED, BOTH_EDGES]), st.integers(0, 2**34))
@settings(max_examples=40, deadline=None)
def test_steps_are_at_the_clocks_of_the_formula(runs: list[Run], invert: int, start: int) -> None:
    offset = start
    script = Script(settings={"start": offset, "byte": 1})
    script.send(
        offset + 1000,
        "allocate_oids count=1",
        f"config_stepper oid=0 step_pin=PA0 dir_pin=PA1 invert_step={invert} step_pulse_ticks={PULSE}",
        "finalize_config crc=1",
        f"reset_step_clock oid=0 clock={(offset + START) % 2**32}",
    )
    queue(script, offset + 2000, runs)
    expected: list[int] = []
    for run in runs:
        expected += run.clocks(expected[-1] if expected else offset + START)
    end = expected[-1] + SECOND // 10
    script.send(end - 5000, "stepper_get_position oid=0")
    result = script.run(end)
    assert steps(result, invert) == expected
    position = sum(run.count if run.direction else -run.count for run in runs)
    assert result.texts()[-1] == f"stepper_position oid=0 pos={position}"


@given(random_runs(least=300), st.sampled_from([PULSED, BOTH_EDGES]), st.integers(1, 100))
@settings(max_examples=25, deadline=None)
def test_direction_is_set_up_and_held_for_a_pulse(runs: list[Run], invert: int, pulse: int) -> None:
    script = configured(invert, pulse)
    queue(script, 2000, runs)
    result = script.run(20 * SECOND)
    turns = [clock for clock, _ in result.of_pin("PA1")]
    made = steps(result, invert)
    assert len(made) == sum(run.count for run in runs)
    for turn in turns:
        assert all(abs(clock - turn) >= pulse for clock in made)
    edges = [clock for clock, _ in result.of_pin("PA0")]
    assert all(later - earlier >= pulse for earlier, later in pairwise(edges))


def test_direction_pin_has_the_level_of_each_run_at_its_steps() -> None:
    script = configured()
    queue(script, 2000, [Run(500, 3, 0, 1), Run(500, 2, 0, 0), Run(400, 4, 0, 1), Run(400, 1, 0, 1)])
    result = script.run(SECOND)
    turns = result.of_pin("PA1")

    def level_at(clock: int) -> int:
        return [0, *(level for turn, level in turns if turn <= clock)][-1]

    assert [level_at(clock) for clock in steps(result)] == [1] * 3 + [0] * 2 + [1] * 5


def test_a_step_that_comes_too_soon_after_a_turn_waits_for_the_set_up() -> None:
    script = configured(BOTH_EDGES, pulse=100)
    queue(script, 2000, [Run(1000, 1, 0, 1), Run(120, 1, 0, 0)])
    result = script.run(SECOND)
    first, second = steps(result, BOTH_EDGES)
    assert first == START + 1000
    turn = result.of_pin("PA1")[-1][0]
    assert first + 100 <= turn <= first + 110
    assert turn + 100 <= second <= turn + 110


def test_an_idle_stepper_turns_at_once_and_steps_a_pulse_later_at_the_earliest() -> None:
    script = configured(pulse=5000)
    script.send(START - 3000, "set_next_step_dir oid=0 dir=1", "queue_step oid=0 interval=1 count=1 add=0")
    result = script.run(SECOND)
    [(turn, _)] = result.of_pin("PA1")
    [step] = steps(result)
    assert turn < START < turn + 5000 <= step < turn + 5010


def test_pulses_are_as_long_as_asked_and_at_rest_at_the_idle_level() -> None:
    for invert in (PULSED, INVERTED):
        script = configured(invert)
        queue(script, 2000, [Run(500, 5, 0)])
        result = script.run(SECOND)
        assert (1000 < result.modes[0][0] < 2000) and result.modes[0][1:] == ("PA0", 3, invert)
        edges = result.of_pin("PA0")
        assert len(edges) == 10
        for (begin, active), (end, passive) in zip(edges[::2], edges[1::2], strict=True):
            assert (active, passive) == (1 - invert, invert)
            assert PULSE <= end - begin <= PULSE + 5


def test_a_late_start_is_timer_too_close() -> None:
    script = configured()
    queue(script, START + 2000, [Run(1000, 5, 0)])
    result = script.run(SECOND)
    result.shutdown_clock("Timer too close")
    assert steps(result) == []


def test_a_running_stepper_catches_up_when_less_than_a_millisecond_late() -> None:
    script = configured()
    queue(script, 2000, [Run(1000, 1, 0), Run(20, 300, 0), Run(5000, 3, 0)])
    result = script.run(SECOND)
    made = steps(result)
    assert result.texts() == ["starting"]
    assert len(made) == 304
    assert made[-1] == START + 1000 + 20 * 300 + 3 * 5000
    assert all(later - earlier >= 2 * PULSE for earlier, later in pairwise(made))


def test_a_running_stepper_more_than_a_millisecond_late_shuts_down() -> None:
    script = configured()
    queue(script, 2000, [Run(1000, 1, 0), Run(20, 4000, 0)])
    script.run(SECOND).shutdown_clock("Stepper too far in past")


def test_a_full_move_queue_is_an_overflow() -> None:
    script = configured(moves=120)
    script.send(1500, "get_config")
    queue(script, 2000, [Run(1000, 1, 0)] * 11)
    assert script.run(START + 60_000).texts()[1:] == [
        "config is_config=1 crc=1 is_shutdown=0 move_count=10",
    ]
    queue(script, 6000, [Run(1000, 1, 0)])
    script.run(SECOND).shutdown_clock("Move queue overflow")


def test_entries_are_free_again_when_their_run_has_begun() -> None:
    script = configured(moves=36)
    expected = []
    for index in range(20):
        clock = START + 10_000 * index
        script.send(clock - 5000, "queue_step oid=0 interval=10000 count=1 add=0")
        expected.append(clock + 10_000)
    result = script.run(SECOND)
    assert steps(result) == expected
    assert result.texts() == ["starting"]


def test_position_counts_steps_made_so_far() -> None:
    script = configured()
    queue(script, 2000, [Run(10_000, 10, 0, 1), Run(10_000, 4, 0, 0)])
    for index in range(16):
        script.send(START + 5000 + 10_000 * index, "stepper_get_position oid=0")
    result = script.run(SECOND)
    positions = [int(text.rpartition("=")[2]) for text in result.texts()[1:]]
    assert positions == [*range(11), 9, 8, 7, 6, 6]


def test_shutdown_stops_the_stepper_at_once_and_keeps_its_position() -> None:
    for invert in (PULSED, BOTH_EDGES):
        script = configured(invert)
        queue(script, 2000, [Run(1000, 1000, 0, 0), Run(1000, 1000, 0, 1)])
        script.send(START + 500_500, "emergency_stop")
        script.send(START + 600_000, "clear_shutdown", "stepper_get_position oid=0", "get_config")
        result = script.run(SECOND)
        stop = result.shutdown_clock("Command request")
        made = steps(result, invert)
        assert len(made) == 500
        assert max(clock for clock, _ in result.of_pin("PA0")) <= stop + 10
        assert "stepper_position oid=0 pos=-500" in result.texts()


def test_after_a_stop_steps_are_dropped_until_the_clock_is_reset() -> None:
    script = configured()
    queue(script, 2000, [Run(1000, 1000, 0)])
    script.send(START + 50_500, "emergency_stop")
    script.send(START + 60_000, "clear_shutdown", "queue_step oid=0 interval=1000 count=9 add=0")
    script.send(START + 70_000, f"reset_step_clock oid=0 clock={START + 100_000}")
    script.send(START + 80_000, "queue_step oid=0 interval=1000 count=2 add=0", "stepper_get_position oid=0")
    result = script.run(SECOND)
    assert steps(result)[50:] == [START + 101_000, START + 102_000]
    assert result.texts()[-1] == "stepper_position oid=0 pos=50"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("queue_step oid=0 interval=1000 count=0 add=0", "Invalid count parameter"),
        ("queue_step oid=0 interval=1000 count=65536 add=0", "Invalid count parameter"),
        ("reset_step_clock oid=0 clock=0", "Can't reset time when stepper active"),
    ],
)
def test_wrong_commands_shut_down_with_the_classic_text(command: str, reason: str) -> None:
    script = configured()
    queue(script, 2000, [Run(1000, 10, 0)])
    script.send(3000, command)
    script.run(SECOND).shutdown_clock(reason)


def test_an_interval_of_nearly_2_to_the_32_works_when_sent_shortly_before() -> None:
    interval = 4_200_000_000
    script = configured()
    script.send(START + interval - 100_000, f"queue_step oid=0 interval={interval} count=1 add=0")
    assert steps(script.run(START + interval + SECOND)) == [START + interval]
