"""Recorded heaters and tools: outputs follow the recording edge by edge, and go off when the host falls silent."""

import re

import pytest

from tests.unit.firmware_surround import Outcome, Script
from tests.unit.test_firmware_digital_out import model
from tests.unit.test_firmware_traces import recorded

HZ = 50_000_000  # of the recorded MCU
LIMITS = {
    "f": {16: (5_000_000, 3 * HZ), 10: (5_000_000, 3 * HZ)},
    "o": {18: (5_000_000, 3 * HZ), 0: (1_000_000, 2 * HZ)},
}
PINS = {16: "PB0", 10: "PB1", 18: "PB2", 0: "PB3"}


def updates(name: str) -> list[tuple[int, int, int, int]]:
    """When it was sent (by the MCU's clock), oid, clock and on_ticks of each recorded update."""
    found = []
    for line in recorded(name):
        match = re.fullmatch(r"queue_digital_out oid=(\d+) clock=(\d+) on_ticks=(\d+)", line.text)
        if match:
            oid, clock, on_ticks = (int(group) for group in match.groups())
            lead = float(line.note.rpartition("+")[2])
            found.append((int(clock - lead * HZ), oid, clock, on_ticks))
    return sorted(found)


def run(name: str, sent: list[tuple[int, int, int, int]], end: int) -> Outcome:
    begin = sent[0][0] - 1_000_000
    script = Script(settings={"byte": 1, "start": begin, "frequency": HZ, "moves": 6144})
    script.send(begin + 1000, "allocate_oids count=20")
    for index, (oid, (cycle, limit)) in enumerate(LIMITS[name].items()):
        config = f"config_digital_out oid={oid} pin={PINS[oid]} value=0 default_value=0"
        cycle_command = f"set_digital_out_pwm_cycle oid={oid} cycle_ticks={cycle}"
        script.send(begin + 2000 + 1000 * index, f"{config} max_duration={limit}", cycle_command)
    script.send(begin + 9000, "finalize_config crc=1")
    last = 0
    for at, oid, clock, on_ticks in sent:
        last = max(at, last + 500)
        script.send(last, f"queue_digital_out oid={oid} clock={clock} on_ticks={on_ticks}")
    return script.run(end)


@pytest.mark.parametrize("name", ["f", "o"])
def test_a_recorded_output_follows_each_update(name: str) -> None:
    sent = updates(name)
    end = max(clock for _, _, clock, _ in sent) + HZ
    result = run(name, sent, end)
    assert result.texts() == ["starting"]
    for oid, (cycle, _) in LIMITS[name].items():
        wanted = model([(clock, on) for _, other, clock, on in sent if other == oid], cycle, end)
        assert result.of_pin(PINS[oid]) == wanted
        assert len(wanted) >= 2


@pytest.mark.parametrize("name", ["f", "o"])
@pytest.mark.parametrize("heard", [1, 2, 4])
def test_when_the_host_falls_silent_all_are_off_within_the_limit(name: str, heard: int) -> None:
    sent = updates(name)[:heard]
    last = {oid: (clock, on) for _, oid, clock, on in sent}
    limit = min(clock + LIMITS[name][oid][1] for oid, (clock, on) in last.items() if on)
    result = run(name, sent, limit + HZ)
    stop = result.shutdown_clock("Missed scheduling of next digital out event")
    assert limit <= stop < limit + 100
    for oid in last:
        *_, (clock, level) = result.of_pin(PINS[oid])
        assert level == 0
        assert clock <= stop + 100
