"""Endstops, trsyncs and the steppers they stop: samples, triggers, time-outs, reports."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import clock_offset, recorded, replay, without_clocks

SECOND = 16_000_000
START = SECOND // 10
REST, SAMPLE, SAMPLES = 4000, 240, 4
ENDSTOP, TRSYNC = 0, 1
STEPPERS = {2: ("PA0", "PA1"), 3: ("PB0", "PB1"), 4: ("PC0", "PC1")}


def configured() -> Script:
    script = Script(settings={"byte": 1, "moves": 2400})
    script.send(
        1000, "allocate_oids count=6", "config_endstop oid=0 pin=PE5 pull_up=1", "config_trsync oid=1"
    )
    for oid, (step, direction) in STEPPERS.items():
        command = f"config_stepper oid={oid} step_pin={step} dir_pin={direction} invert_step=0"
        script.send(1100 + 100 * oid, f"{command} step_pulse_ticks=32")
    script.send(1600, "finalize_config crc=1")
    return script


def start_trsync(script: Script, clock: int = 2000, report_ticks: int = 0, expire_reason: int = 4) -> None:
    script.send(
        clock,
        f"trsync_start oid={TRSYNC} report_clock={START} report_ticks={report_ticks} "
        f"expire_reason={expire_reason}",
    )


def home(script: Script, clock: int = 3000, rest: int = REST) -> None:
    script.send(
        clock,
        f"endstop_home oid={ENDSTOP} clock={START} sample_ticks={SAMPLE} sample_count={SAMPLES} "
        f"rest_ticks={rest} pin_value=1 trsync_oid={TRSYNC} trigger_reason=1",
    )


def move(script: Script, interval: int = 1000, count: int = 3000) -> None:
    """All steppers: a step each `interval` ticks from START on, stopped by the trsync."""
    for oid in STEPPERS:
        script.send(
            2200 + 100 * oid,
            f"reset_step_clock oid={oid} clock={START - interval}",
            f"set_next_step_dir oid={oid} dir=1",
            f"queue_step oid={oid} interval={interval} count={count} add=0",
            f"stepper_stop_on_trigger oid={oid} trsync_oid={TRSYNC}",
        )


def steps(outcome: Outcome, oid: int) -> list[int]:
    return [clock for clock, level in outcome.of_pin(STEPPERS[oid][0]) if level]


def states(outcome: Outcome) -> list[tuple[int, ...]]:
    """can_trigger, trigger_reason and clock of each trsync_state."""
    form = r"trsync_state oid=1 can_trigger=(\d) trigger_reason=(\d+) clock=(\d+)"
    found = (re.fullmatch(form, text) for text in outcome.texts())
    return [tuple(int(group) for group in match.groups()) for match in found if match]


def triggered(outcome: Outcome) -> tuple[int, int]:
    """Reason and clock of the report of the trigger."""
    return next((reason, clock) for can, reason, clock in states(outcome) if not can)


def test_a_recorded_homing_gets_the_recorded_answers_to_the_step() -> None:
    lines = recorded("d")
    offset = clock_offset(lines)
    script = Script(settings={"byte": 1, "moves": 7344, "start": int(offset) - 3000})
    script.send(
        int(offset) - 2500,
        "allocate_oids count=17",
        "config_endstop oid=0 pin=PE5 pull_up=1",
        "config_trsync oid=1",
        "config_stepper oid=2 step_pin=PA5 dir_pin=PA4 invert_step=0 step_pulse_ticks=32",
    )
    config = "config_digital_out oid=13 pin=PA6 value=1 default_value=1 max_duration=0"
    script.send(int(offset) - 1500, config, "finalize_config crc=1", "reset_step_clock oid=2 clock=0")
    ends = [
        int(line.text.split("next_clock=")[1].split()[0]) for line in lines if line.name == "endstop_state"
    ]
    for end, rest in zip(
        ends, (3999, 8000), strict=True
    ):  # closed between two reads, open before each approach
        script.drive(end - 6_500_000, "PE5", 0)
        script.drive(end - rest - 100, "PE5", 1)
    result = replay(lines, script, offset, 1.6)
    wanted = [
        line.text for line in lines if line.sign == "<" and line.name not in {"stats", "analog_in_state"}
    ]
    got = [text for text in result.texts() if not text.startswith(("starting", "analog_in_state"))]
    pattern = r"^(trsync_state .*clock=)[1-9]\d*$|^(clock clock=)\d+$"
    assert [re.sub(pattern, r"\1\2*", text) for text in got] == [re.sub(pattern, r"\1\2*", w) for w in wanted]
    assert got.count("stepper_position oid=2 pos=-1500") == 2
    for text, want in zip(got, wanted, strict=True):
        if text.startswith("trsync_state"):  # when the report was made: the recorded chip took its time
            assert abs(int(text.rpartition("=")[2]) - int(want.rpartition("=")[2])) < 1000


def test_a_trigger_stops_every_stepper_at_once_and_forgets_their_queues() -> None:
    script = configured()
    start_trsync(script)
    move(script)
    home(script)
    at = START + 10 * REST - 1
    script.drive(at, "PE5", 1)
    later = at + 100_000
    for oid in STEPPERS:
        script.send(later + 1000 * oid, f"queue_step oid={oid} interval=500000 count=5 add=0")
        script.send(later + 1000 * oid + 500, f"stepper_get_position oid={oid}")
    result = script.run(SECOND)
    fired = START + 10 * REST + (SAMPLES - 1) * SAMPLE
    for oid in STEPPERS:
        made = steps(result, oid)
        assert len(made) == (fired - START) // 1000 + 1
        assert f"stepper_position oid={oid} pos={len(made)}" in result.texts()
    reason, clock = triggered(result)
    assert reason == 1
    assert fired <= clock < fired + 100


def test_steps_are_made_again_after_the_clock_is_reset() -> None:
    script = configured()
    start_trsync(script)
    move(script)
    script.send(START + 50_500, "trsync_trigger oid=1 reason=2")
    script.send(
        START + 100_000,
        f"reset_step_clock oid=2 clock={START + 200_000}",
        "set_next_step_dir oid=2 dir=0",
        "queue_step oid=2 interval=1000 count=7 add=0",
    )
    script.send(START + 300_000, "stepper_get_position oid=2")
    result = script.run(SECOND)
    made = steps(result, 2)
    before = [clock for clock in made if clock < START + 100_000]
    assert len(made) - len(before) == 7
    assert result.texts()[-1] == f"stepper_position oid=2 pos={len(before) - 7}"


@pytest.mark.parametrize(
    ("extended", "fires"), [([], START + 50_000), ([70_000, 90_000], START + 90_000), ([-5000], None)]
)
def test_a_time_out_that_is_not_extended_triggers_with_its_reason(
    extended: list[int], fires: int | None
) -> None:
    script = configured()
    start_trsync(script, expire_reason=7)
    move(script)
    script.send(5000, f"trsync_set_timeout oid=1 clock={START + 50_000}")
    for index, ticks in enumerate(extended):
        script.send(START + 20_000 * (index + 1), f"trsync_set_timeout oid=1 clock={START + ticks}")
    result = script.run(SECOND)
    reason, clock = triggered(result)
    expected = fires or START + 20_000  # a time-out in the past is one when it comes
    assert reason == 7
    assert expected <= clock < expected + 400
    assert steps(result, 2)[-1] <= expected + 200


def test_an_armed_trsync_reports_at_its_clock_and_each_period_until_it_triggers() -> None:
    script = configured()
    start_trsync(script, report_ticks=30_000)
    script.send(START + 100_000, "trsync_trigger oid=1 reason=2")
    result = script.run(SECOND)
    *reports, answer = states(result)
    assert [(can, reason) for can, reason, _ in reports] == [(1, 0)] * 4
    for index, (_, _, clock) in enumerate(reports):
        assert START + 30_000 * index <= clock < START + 30_000 * index + 50
    assert answer == (0, 2, 0)


def test_the_first_reason_is_kept_and_each_request_answered() -> None:
    script = configured()
    start_trsync(script)
    home(script)
    script.drive(START - 5, "PE5", 1)
    script.send(START + 20_000, "trsync_trigger oid=1 reason=2")
    script.send(START + 30_000, "trsync_trigger oid=1 reason=3", "trsync_set_timeout oid=1 clock=0")
    result = script.run(SECOND)
    assert [(can, reason) for can, reason, _ in states(result)] == [(0, 1)] * 3
    assert [clock == 0 for _, _, clock in states(result)] == [False, True, True]


def test_all_zeros_disarm() -> None:
    script = configured()
    start_trsync(script, report_ticks=30_000)
    move(script, count=50)
    script.send(9000, "trsync_set_timeout oid=1 clock=1700000")
    script.send(10_000, "trsync_start oid=1 report_clock=0 report_ticks=0 expire_reason=0")
    script.send(START + 20_000, "trsync_trigger oid=1 reason=2")
    result = script.run(SECOND)
    assert states(result) == [(0, 0, 0)]
    assert len(steps(result, 2)) == 50


def test_arming_again_forgets_who_listened() -> None:
    script = configured()
    start_trsync(script)
    move(script, count=100)
    start_trsync(script, clock=10_000)
    script.send(12_000, "stepper_stop_on_trigger oid=3 trsync_oid=1")
    script.send(START + 20_500, "trsync_trigger oid=1 reason=2")
    result = script.run(SECOND)
    assert [len(steps(result, oid)) for oid in STEPPERS] == [100, 21, 100]


def test_a_stepper_listens_to_one_trigger_only() -> None:
    script = configured()
    start_trsync(script)
    move(script)
    script.send(10_000, "stepper_stop_on_trigger oid=2 trsync_oid=1")
    script.run(SECOND).shutdown_clock("Can't add signal that is already active")


def test_a_shutdown_ends_homing_for_good() -> None:
    script = configured()
    start_trsync(script, report_ticks=30_000)
    move(script)
    home(script)
    script.send(START + 10_000, "emergency_stop")
    script.drive(START + 20_000, "PE5", 1)
    script.send(
        START + 60_000, "clear_shutdown", "endstop_query_state oid=0", "trsync_trigger oid=1 reason=2"
    )
    result = script.run(SECOND)
    result.shutdown_clock("Command request")
    assert [text for text in map(without_clocks, result.texts()) if "state" in text] == [
        "trsync_state oid=1 can_trigger=1 trigger_reason=0 clock=*",
        "endstop_state oid=0 homing=0 next_clock=* pin_value=1",
        "trsync_state oid=1 can_trigger=0 trigger_reason=0 clock=*",
    ]


def test_homing_can_be_called_off() -> None:
    script = configured()
    start_trsync(script)
    home(script)
    zeros = "clock=0 sample_ticks=0 sample_count=0 rest_ticks=0 pin_value=0 trsync_oid=0 trigger_reason=0"
    script.send(START + 10_000, "endstop_query_state oid=0", f"endstop_home oid=0 {zeros}")
    script.send(START + 11_000, "endstop_query_state oid=0")
    script.drive(START + 20_000, "PE5", 1)
    result = script.run(SECOND)
    assert states(result) == []
    assert [text.split()[2] for text in result.texts() if "endstop_state" in text] == ["homing=1", "homing=0"]


def level_at(changes: list[int], clock: int) -> int:
    return sum(change <= clock for change in changes) % 2


def expected_trigger(changes: list[int], rest: int, until: int) -> int | None:
    """When the samples began that all matched, as the protocol's description has it."""
    clock = START
    while clock < until:
        samples = [clock + index * SAMPLE for index in range(SAMPLES)]
        missed = [sample for sample in samples if not level_at(changes, sample)]
        if not missed:
            return clock
        clock = clock + rest if missed[0] == clock else max(clock + rest, missed[0])
    return None


@given(
    st.lists(st.integers(2, 150).map(lambda tens: 20 * tens), min_size=1, max_size=30),
    st.sampled_from([REST, 1000, 300, 100]),
)
@settings(max_examples=25, deadline=None)
def test_a_level_triggers_only_when_all_samples_match(lengths: list[int], rest: int) -> None:
    changes = [START + 10 + sum(lengths[: index + 1]) for index in range(len(lengths))]
    script = configured()
    start_trsync(script)
    home(script, rest=rest)
    for index, clock in enumerate(changes):
        script.drive(clock, "PE5", (index + 1) % 2)
    script.send(START + 180_000, "endstop_query_state oid=0")
    result = script.run(START + 200_000)
    began = expected_trigger(changes, rest, START + 170_000)
    answer = next(text for text in result.texts() if text.startswith("endstop_state"))
    if began is None:
        assert " homing=1 " in answer
    else:
        assert f" homing=0 next_clock={began + rest} " in answer


@given(
    st.lists(
        st.tuples(st.integers(0, 60_000), st.integers(100, 5000), st.booleans()), min_size=1, max_size=12
    )
)
@settings(max_examples=15, deadline=None)
def test_however_often_steppers_are_stopped_no_step_is_lost_or_invented(
    approaches: list[tuple[int, int, bool]],
) -> None:
    """After each stop the position told is the count of the edges made, whatever moment the stop came at."""
    script = configured()
    for index, (ticks, interval, forward) in enumerate(approaches):
        begin = START + 200_000 * index
        start = f"trsync_start oid=1 report_clock={begin} report_ticks=0 expire_reason=4"
        script.send(begin - 60_000, start, "stepper_stop_on_trigger oid=2 trsync_oid=1")
        script.send(
            begin - 50_000,
            f"reset_step_clock oid=2 clock={begin}",
            f"set_next_step_dir oid=2 dir={int(forward)}",
            f"queue_step oid=2 interval={interval} count=30 add=7",
            f"queue_step oid=2 interval={interval} count=5 add=0",
        )
        script.send(begin + ticks, "trsync_trigger oid=1 reason=2")
        script.send(begin + ticks + 5000, "queue_step oid=2 interval=9000 count=9 add=0")
        script.send(begin + ticks + 6000, "stepper_get_position oid=2")
    result = script.run(START + 200_000 * len(approaches))
    told = [int(text.rpartition("=")[2]) for text in result.texts() if text.startswith("stepper_position")]
    position, counted = 0, []
    for index, (_, _, forward) in enumerate(approaches):
        begin = START + 200_000 * index
        made = sum(begin - 60_000 <= clock < begin + 140_000 for clock in steps(result, 2))
        position += made if forward else -made
        counted.append(position)
    assert told == counted
