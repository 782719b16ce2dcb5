"""Counters: edges of both polarities found by polls, reports at the recorded clocks."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_traces import recorded

SECOND = 16_000_000
START = SECOND // 10
POLL, SAMPLE = 24_000, 200_000


def configured(clock: int = START, poll: int = POLL, sample: int = SAMPLE) -> Script:
    script = Script(settings={"byte": 1})
    script.send(
        1000,
        "allocate_oids count=6",
        "config_counter oid=5 pin=PL4 pull_up=1",
        "finalize_config crc=1",
        f"query_counter oid=5 clock={clock} poll_ticks={poll} sample_ticks={sample}",
    )
    return script


def reports(outcome: Outcome) -> list[tuple[int, ...]]:
    """next_clock, count and count_clock of each report."""
    form = r"counter_state oid=5 next_clock=(\d+) count=(\d+) count_clock=(\d+)"
    found = (re.fullmatch(form, text) for text in outcome.texts())
    return [tuple(int(group) for group in match.groups()) for match in found if match]


def test_a_counter_reports_as_recorded() -> None:
    lines = recorded("j3")
    query = next(line.text for line in lines if line.name == "query_counter")
    wanted = [line.text for line in lines if line.name == "counter_state"]
    script = configured(*(int(value) for value in re.findall(r"(?:clock|ticks)=(\d+)", query)))
    script.drive(0, "PL4", 1)  # pulled up
    last = int(re.findall(r"next_clock=(\d+)", wanted[-1])[0])
    got = [text for text in script.run(last).texts() if text.startswith("counter_state")]
    assert len(wanted) > 3
    assert got == wanted


@given(st.lists(st.integers(1000, 100_000), max_size=60))
@settings(max_examples=15, deadline=None)
def test_each_report_has_the_edges_seen_by_the_polls_before_it(lengths: list[int]) -> None:
    script = configured()
    changes = [START + 7 + sum(lengths[: index + 1]) for index in range(len(lengths))]
    for index, clock in enumerate(changes):
        script.drive(clock, "PL4", (index + 1) % 2)
    result = script.run(START + 4_000_000)
    found = reports(result)
    assert len(found) >= 4_000_000 // (SAMPLE + POLL) - 1
    for next_clock, count, count_clock in found:
        level, edges, edge_clock = 0, 0, 0
        for poll in range(START, next_clock, POLL):
            seen = sum(change <= poll for change in changes) % 2
            if seen != level:
                level, edges, edge_clock = seen, edges + 1, poll
        assert (count, count_clock) == (edges, edge_clock)
        assert count % 2 == level


def test_a_period_of_zero_ends_counting() -> None:
    script = configured()
    script.send(START + 100_000, "query_counter oid=5 clock=0 poll_ticks=0 sample_ticks=0")
    assert len(reports(script.run(SECOND))) == 1
