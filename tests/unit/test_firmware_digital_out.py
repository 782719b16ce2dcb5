"""The digital output module: scheduled levels, software PWM, max_duration, safe levels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
START = SECOND // 10
CYCLE = 16_000


def configured(value: int = 0, default: int = 0, max_duration: int = 0, cycle: int = 0) -> Script:
    script = Script(settings={"byte": 1, "moves": 1200})
    commands = [
        "allocate_oids count=1",
        f"config_digital_out oid=0 pin=PB3 value={value} default_value={default} max_duration={max_duration}",
        "finalize_config crc=1",
    ]
    if cycle:
        commands.append(f"set_digital_out_pwm_cycle oid=0 cycle_ticks={cycle}")
    script.send(1000, *commands)
    return script


def queue(script: Script, updates: list[tuple[int, int]], clock: int = 2000) -> None:
    for index, (at, on_ticks) in enumerate(updates):
        script.send(clock + 100 * index, f"queue_digital_out oid=0 clock={at} on_ticks={on_ticks}")


def edges(outcome: Outcome) -> list[tuple[int, int]]:
    return outcome.of_pin("PB3")


def model(updates: list[tuple[int, int]], cycle: int, end: int) -> list[tuple[int, int]]:
    """Edges as the protocol's description has them: each update begins a cycle at its clock."""
    level, found = 0, []
    for index, (at, on_ticks) in enumerate(updates):
        until = updates[index + 1][0] if index + 1 < len(updates) else end
        wanted = [(at, int(on_ticks > 0))]
        if 0 < on_ticks < cycle:
            begin = at
            while begin < until:
                wanted += [(begin, 1), (begin + on_ticks, 0)]
                begin += cycle
        for clock, value in wanted:
            if clock < until and value != level:
                found.append((clock, value))
                level = value
    return found


def test_levels_change_at_their_clocks() -> None:
    updates = [(START, 1), (START + 5000, 0), (START + 5001, 1), (START + 90_000, 0)]
    script = configured()
    queue(script, updates)
    assert edges(script.run(SECOND)) == [(at, min(on, 1)) for at, on in updates]


@given(
    st.lists(
        st.tuples(
            st.integers(500, 90_000), st.sampled_from([0, 1000, CYCLE // 2, CYCLE - 700, CYCLE, CYCLE + 5])
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=40, deadline=None)
def test_software_pwm_has_the_edges_of_its_description(gaps: list[tuple[int, int]]) -> None:
    updates, clock = [], START
    for gap, on_ticks in gaps:
        clock += gap
        updates.append((clock, on_ticks))
    script = configured(cycle=CYCLE)
    queue(script, updates)
    end = clock + 5 * CYCLE + 300
    assert edges(script.run(end)) == model(updates, CYCLE, end)


def test_an_update_while_toggling_begins_a_new_cycle() -> None:
    script = configured(cycle=CYCLE)
    queue(script, [(START, 4000)])
    queue(script, [(START + 2 * CYCLE + 1000, 8000)], clock=START + CYCLE)
    at = START + 2 * CYCLE + 1000
    assert edges(script.run(at + CYCLE)) == [
        (START, 1),
        (START + 4000, 0),
        (START + CYCLE, 1),
        (START + CYCLE + 4000, 0),
        (START + 2 * CYCLE, 1),
        (at + 8000, 0),
    ]


def test_a_late_update_is_timer_too_close() -> None:
    script = configured()
    queue(script, [(START, 1)], clock=START + 10)
    script.run(SECOND).shutdown_clock("Timer too close")


def test_an_update_behind_a_later_one_is_a_timer_in_the_past() -> None:
    script = configured()
    queue(script, [(START, 1), (START - 20_000, 0)])
    script.run(SECOND).shutdown_clock("Rescheduled timer in the past")


def test_toggling_faster_than_the_chip_can_ends_in_a_shutdown_not_in_a_hang() -> None:
    script = configured(cycle=2)
    script.settings["read"] = 3
    queue(script, [(START, 1)])
    script.send(START + 4000, "get_clock")
    result = script.run(SECOND)
    assert result.texts()[1].startswith("clock ")  # tasks get their turn before
    stop = result.shutdown_clock("Rescheduled timer in the past")
    assert START + 16_000 < stop < START + 100_000
    assert edges(result)[-1][1] == 0


@pytest.mark.parametrize("on_ticks", [CYCLE, CYCLE // 2])
@pytest.mark.parametrize("default", [0, 1])
def test_an_output_not_refreshed_in_time_shuts_down_to_its_default(on_ticks: int, default: int) -> None:
    limit = 200_000
    script = configured(value=default, default=default, max_duration=limit, cycle=CYCLE)
    away = 0 if default and on_ticks == CYCLE else on_ticks
    queue(script, [(START, away)])
    result = script.run(SECOND)
    stop = result.shutdown_clock("Missed scheduling of next digital out event")
    assert START + limit <= stop <= START + limit + 100
    assert edges(result)[-1][1] == default or edges(result) == []
    assert all(clock <= stop + 100 for clock, _ in edges(result))


def test_refreshing_in_time_keeps_an_output_on_and_default_needs_no_refresh() -> None:
    limit = 200_000
    script = configured(max_duration=limit)
    queue(script, [(START + index * limit, 1) for index in range(5)] + [(START + 5 * limit, 0)])
    result = script.run(2 * SECOND)
    assert edges(result) == [(START, 1), (START + 5 * limit, 0)]
    assert result.texts() == ["starting"]


def test_an_update_beyond_the_limit_shuts_down_when_it_comes() -> None:
    limit = 200_000
    for clock in (2000, START + 100):  # behind a waiting update; behind the one in force
        script = configured(max_duration=limit)
        queue(script, [(START, 1)])
        queue(script, [(START + limit + 1, 0)], clock=clock + 500)
        stop = script.run(SECOND).shutdown_clock("Scheduled digital out event will exceed max_duration")
        assert stop < clock + 1000


def test_configured_away_from_default_is_limited_too() -> None:
    script = configured(value=1, default=0, max_duration=200_000)
    result = script.run(SECOND)
    result.shutdown_clock("Missed scheduling of next digital out event")
    assert [level for _, level in edges(result)] == [1, 0]


def test_the_limit_holds_before_it_is_finalized() -> None:
    script = Script(settings={"byte": 1})
    script.send(
        1000,
        "allocate_oids count=1",
        "config_digital_out oid=0 pin=PB3 value=1 default_value=0 max_duration=50000",
    )
    script.run(SECOND).shutdown_clock("Missed scheduling of next digital out event")


def test_shutdown_sets_every_output_to_its_default() -> None:
    script = Script(settings={"byte": 1, "moves": 1200})
    script.send(
        1000,
        "allocate_oids count=3",
        "config_digital_out oid=0 pin=PB0 value=1 default_value=0 max_duration=0",
        "config_digital_out oid=1 pin=PB1 value=0 default_value=1 max_duration=0",
        "config_digital_out oid=2 pin=PB2 value=0 default_value=0 max_duration=0",
    )
    script.send(2000, "set_digital_out_pwm_cycle oid=2 cycle_ticks=10000", "finalize_config crc=1")
    script.send(3000, "queue_digital_out oid=2 clock=20000 on_ticks=5000")
    script.send(102_000, "emergency_stop")
    result = script.run(SECOND)
    stop = result.shutdown_clock("Command request")
    last = {pin: (clock, level) for clock, pin, level in result.edges}
    assert {pin: level for pin, (_, level) in last.items()} == {"PB0": 0, "PB1": 1, "PB2": 0}
    assert all(clock <= stop + 10 for clock, _ in last.values())


def test_update_sets_the_level_at_once_and_ends_toggling() -> None:
    script = configured(cycle=CYCLE)
    queue(script, [(START, 4000)])
    script.send(START + CYCLE + 6000, "update_digital_out oid=0 value=1")
    result = script.run(SECOND)
    *before, (clock, level) = edges(result)
    assert len(before) == 4
    assert level == 1
    assert START + CYCLE + 6000 < clock < START + CYCLE + 6100


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("update_digital_out oid=0 value=1", "update_digital_out not valid with active queue"),
        (
            "set_digital_out_pwm_cycle oid=0 cycle_ticks=5",
            "Can not set soft pwm cycle ticks while updates pending",
        ),
    ],
)
def test_commands_that_need_an_empty_queue_shut_down(command: str, reason: str) -> None:
    script = configured()
    queue(script, [(START, 1)])
    script.send(3000, command)
    script.run(SECOND).shutdown_clock(reason)


def test_set_digital_out_needs_no_configuration() -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "set_digital_out pin=PA5 value=1", "set_digital_out pin=PA6 value=0")
    assert [mode[1:] for mode in script.run(SECOND).modes] == [("PA5", 3, 1), ("PA6", 3, 0)]


def test_an_output_on_a_pin_that_is_not_there_touches_no_other_pin() -> None:
    script = Script(settings={"byte": 1, "moves": 1200})
    script.send(
        1000,
        "allocate_oids count=1",
        "config_digital_out oid=0 pin=250 value=0 default_value=1 max_duration=0",
    )
    outcome = script.run(SECOND)
    outcome.shutdown_clock("Not an output pin")
    assert outcome.of_pin("PA0") == []
