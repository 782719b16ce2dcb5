"""Buttons: two equal polls, states in order until acknowledged, repetition."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script

SECOND = 16_000_000
START = SECOND // 10
REST = 32_000
PINS = ("PL1", "PL2", "PL3", "PL4")


def configured(repeat: int = 50, invert: int = 0, rest: int = REST) -> Script:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=1", "config_buttons oid=0 button_count=4", "finalize_config crc=1")
    for place, pin in enumerate(PINS):
        script.send(1100 + 50 * place, f"buttons_add oid=0 pos={place} pin={pin} pull_up=1")
    script.send(
        1500,
        f"buttons_query oid=0 clock={START} rest_ticks={rest} retransmit_count={repeat} invert={invert}",
    )
    return script


def press(script: Script, clock: int, levels: int) -> None:
    for place, pin in enumerate(PINS):
        script.drive(clock, pin, levels >> place & 1)


def reports(outcome: Outcome) -> list[tuple[int, int, str]]:
    """Clock, ack_count and states of each report."""
    form = r"buttons_state oid=0 ack_count=(\d+) state=(\w*)"
    found = ((clock, re.fullmatch(form, text)) for clock, text in outcome.messages())
    return [(clock, int(match.group(1)), match.group(2)) for clock, match in found if match]


def test_a_state_is_reported_after_two_equal_polls() -> None:
    script = configured()
    press(script, START + 2 * REST - 10, 0b0101)
    press(script, START + 5 * REST - 10, 0b0001)  # for one poll only
    press(script, START + 6 * REST - 10, 0b0101)
    script.send(START + 3 * REST + 500, "buttons_ack oid=0 count=1")
    result = script.run(SECOND)
    ((clock, acknowledged, states),) = reports(result)
    assert 0 <= clock - (START + 3 * REST) < 100
    assert (acknowledged, states) == (0, "05")


def test_the_first_state_is_held_against_the_start_state_as_recorded() -> None:
    """Trace j2: pulled-up inputs, start state 4, first report 0f."""
    script = configured(invert=4)
    press(script, 0, 0b1111)
    assert [report[1:] for report in reports(script.run(START + 3 * REST))] == [(0, "0f")]
    script = configured(invert=0b1111)
    press(script, 0, 0b1111)
    assert reports(script.run(START + 9 * REST)) == []


def test_states_that_are_not_acknowledged_are_repeated_with_those_that_follow() -> None:
    script = configured(repeat=5)
    press(script, START + REST - 10, 1)
    press(script, START + 4 * REST - 10, 3)
    script.send(START + 12 * REST + 500, "buttons_ack oid=0 count=1")
    script.send(START + 17 * REST + 500, "buttons_ack oid=0 count=1")
    result = script.run(START + 40 * REST)
    assert [((clock - START) // REST, *rest) for clock, *rest in reports(result)] == [
        (2, 0, "01"),
        (5, 0, "0103"),
        (10, 0, "0103"),
        (15, 1, "03"),
    ]


def test_what_happens_while_no_more_states_fit_is_told_by_its_outcome() -> None:
    script = configured(repeat=255)
    for index in range(12):
        press(script, START + 10 * REST * (index + 1) - 10, index + 1)
    script.send(START + 140 * REST, "buttons_ack oid=0 count=200")
    script.send(START + 145 * REST, "buttons_ack oid=0 count=1")
    result = script.run(START + 160 * REST)
    *_, full, after = [report[1:] for report in reports(result)]
    assert full == (0, "0102030405060708")
    assert after == (8, "0c")


@given(st.lists(st.tuples(st.integers(2, 6), st.integers(0, 15)), min_size=1, max_size=40))
@settings(max_examples=15, deadline=None)
def test_every_state_that_lasts_two_polls_arrives_once_in_order(presses: list[tuple[int, int]]) -> None:
    script = configured()
    clock, wanted = START + REST - 10, [0]
    for polls, levels in presses:
        press(script, clock, levels)
        script.send(clock + 2 * REST - 1000, "buttons_ack oid=0 count=1")
        if levels != wanted[-1]:
            wanted.append(levels)
        clock += polls * REST
    result = script.run(clock + 60 * REST)
    got: dict[int, int] = {}
    for _, acknowledged, states in reports(result):
        for index, state in enumerate(bytes.fromhex(states)):
            assert got.setdefault(acknowledged + index, state) == state
    assert [got[index] for index in range(len(wanted) - 1)] == wanted[1:]


def test_a_period_of_zero_ends_polling() -> None:
    script = configured()
    press(script, START + 3 * REST, 1)
    script.send(START, "buttons_query oid=0 clock=0 rest_ticks=0 retransmit_count=0 invert=0")
    assert reports(script.run(SECOND)) == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (
            f"buttons_query oid=0 clock={START} rest_ticks=9 retransmit_count=0 invert=0",
            "Invalid buttons retransmit count",
        ),
        ("buttons_add oid=0 pos=4 pin=PL1 pull_up=1", "Set button past maximum button count"),
        ("buttons_add oid=0 pos=0 pin=99 pull_up=1", "Not a valid input pin"),
    ],
)
def test_wrong_requests_shut_down(command: str, reason: str) -> None:
    script = configured()
    script.send(2000, command)
    script.run(SECOND).shutdown_clock(reason)


def test_more_than_eight_inputs_are_refused() -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=1", "config_buttons oid=0 button_count=9")
    script.run(SECOND).shutdown_clock("Max of 8 buttons")


def test_inputs_without_a_pin_are_low() -> None:
    script = Script(settings={"byte": 1})
    script.send(1000, "allocate_oids count=1", "config_buttons oid=0 button_count=3", "finalize_config crc=1")
    script.send(
        1200,
        "buttons_add oid=0 pos=1 pin=PL2 pull_up=1",
        f"buttons_query oid=0 clock={START} rest_ticks={REST} retransmit_count=50 invert=0",
    )
    for pin in ("PA0", "PL2"):
        script.drive(0, pin, 1)
    assert [states for _, _, states in reports(script.run(START + 3 * REST))] == ["02"]
