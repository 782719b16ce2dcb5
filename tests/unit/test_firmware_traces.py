"""Recorded sessions of a stock host, replayed: the same messages get the same answers, steps are on time."""

import re
from dataclasses import dataclass

from tests.reference import reference_path
from tests.unit.firmware_surround import Outcome, Script, dictionary

SECOND = 16_000_000
MOVE_COUNT = 612  # of the recorded board; an entry has 12 bytes here
ROUNDING = 1.1e-3  # s: the recordings give times of steps in ms
NOTE = re.compile(r"first step \+([\d.]+) last \+([\d.]+)")


@dataclass(frozen=True)
class Line:
    """A message of a recording: seconds, direction, text, note."""

    time: float
    sign: str
    text: str
    note: str

    @property
    def name(self) -> str:
        return self.text.split()[0]


def recorded(name: str) -> list[Line]:
    path = next(reference_path("wire/traces").glob(f"{name}_*.txt"))
    found = re.findall(
        r"^ +([\d.]+) ([<>])(?: \[\w\])? (\w.*?)(?:   # (.*))?$", path.read_text(), re.MULTILINE
    )
    return [Line(float(time), sign, text.strip(), note) for time, sign, text, note in found]


def clock_offset(lines: list[Line]) -> float:
    """The recorded MCU's clock at second 0, from an answer to get_clock."""
    line = next(line for line in reversed(lines) if line.name == "clock")
    return int(line.text.rpartition("=")[2]) - line.time * SECOND


def known(line: Line) -> bool:
    commands = {key.split()[0] for key in dictionary().raw["commands"]}
    responses = {key.split()[0] for key in dictionary().raw["responses"]} - {
        "stats",
        "starting",
        "identify_response",
    }
    return line.name in (commands - {"identify"} if line.sign == ">" else responses)


def replay(lines: list[Line], script: Script, offset: float, end: float) -> Outcome:
    """Send the host's messages at their recorded times, one a frame, in order."""
    clock = 0
    for line in lines:
        if line.sign == ">" and known(line):
            clock = max(clock + 400, int(line.time * SECOND + offset))
            script.send(clock, line.text)
    return script.run(int(end * SECOND + offset))


def without_clocks(text: str) -> str:
    return re.sub(r"clock=\d+", "clock=*", text)


def test_the_first_session_with_a_fresh_board_gets_the_recorded_answers() -> None:
    lines = recorded("a")
    script = Script(settings={"byte": 1, "moves": 12 * MOVE_COUNT})
    script.convert(0, "PK5", 818)  # as recorded, summed 8 times
    result = replay(lines, script, clock_offset(lines), 3.0)
    expected = [
        without_clocks(line.text) for line in lines if line.sign == "<" and known(line) and line.time < 3
    ]
    answers = [without_clocks(text) for text in result.texts() if text != "starting"]
    assert len(expected) >= 10
    assert answers == expected
    assert f"move_count={MOVE_COUNT}" in " ".join(answers)


def test_a_recorded_move_steps_at_the_recorded_times() -> None:
    lines = recorded("g")
    offset = clock_offset(lines)
    first = next(line for line in lines if line.name == "queue_step")
    match = NOTE.search(first.note)
    assert match
    begin = int(first.time * SECOND + offset + float(match.group(1)) * SECOND)
    interval = int(first.text.split("interval=")[1].split()[0])
    script = Script(settings={"byte": 1, "moves": 12 * MOVE_COUNT, "start": int(offset)})
    script.send(
        int(offset) + 1000,
        "allocate_oids count=6",
        "config_stepper oid=2 step_pin=PA5 dir_pin=PA4 invert_step=0 step_pulse_ticks=32",
        "config_stepper oid=5 step_pin=PA3 dir_pin=PA2 invert_step=0 step_pulse_ticks=32",
        "finalize_config crc=1",
        *(f"reset_step_clock oid={oid} clock={(begin - interval) % 2**32}" for oid in (2, 5)),
    )
    result = replay(lines, script, offset, 13.0)
    for oid, pin in ((2, "PA5"), (5, "PA3")):
        steps = [clock for clock, level in result.of_pin(pin) if level]
        check_steps(steps, [line for line in lines if line.text.startswith(f"queue_step oid={oid} ")], offset)


def check_steps(steps: list[int], runs: list[Line], offset: float) -> None:
    """The first and the last step of each run are where the recording's note has them."""
    place = 0
    for line in runs:
        match = NOTE.search(line.note)
        assert match
        count = int(line.text.split("count=")[1].split()[0])
        ends = steps[place], steps[place + count - 1]
        for clock, lead in zip(ends, match.groups(), strict=True):
            assert abs((clock - offset) / SECOND - line.time - float(lead)) < ROUNDING
        place += count
    assert place == len(steps)
