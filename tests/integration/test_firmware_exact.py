"""The firmware's pins against the model of the wire's definition: a million runs simulated, ten thousand on the AVR."""

import re
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.bench.avr_session import ZERO_UNSURE, Session, Target, connected, zero_of
from tests.reference import TOP
from tests.sanitized import compile_with
from tests.step_model import (
    MIXED,
    Clocks,
    Runs,
    Stepper,
    check_direction,
    commands,
    random_runs,
    with_long_gaps,
)
from tests.unit.firmware_surround import built, dictionary, split_frames

SECOND = 16_000_000
LEAD = 400_000  # ticks: a command comes this long before its run's first step
RUNS = 1_000_000
BOTH_EDGES = -1

SIMULATED = (
    Stepper(0, 1, 0, 2, 10),
    Stepper(2, 3, 1, 32, 70),
    Stepper(4, 5, BOTH_EDGES, 2, 8),
    Stepper(6, 7, BOTH_EDGES, 100, 220),
)


# --- simulated ---


@dataclass(frozen=True)
class Played:
    """Edges of the pins in order, and what the MCU said but its load reports."""

    clocks: Clocks
    pins: Clocks
    levels: Clocks
    texts: list[str]

    def of(self, pin: int) -> tuple[Clocks, Clocks]:
        return self.clocks[self.pins == pin], self.levels[self.pins == pin]


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The surround that plays a schedule, under the sanitizers as the firmware is."""
    program = tmp_path_factory.mktemp("play") / "play"
    sources = [TOP / "tests/c/firmware/play.c", TOP / "klipkit/wire/frame.c", TOP / "klipkit/wire/crc16.c"]
    compile_with("-o", program, *sources, "-ldl")
    return program


def configuration(steppers: tuple[Stepper, ...], begin: int) -> list[list[str]]:
    """Commands of each payload that sets the steppers up."""
    number = len(steppers)
    return [
        [f"allocate_oids count={number}"],
        *([stepper.config(oid)] for oid, stepper in enumerate(steppers)),
        ["finalize_config crc=1"],
        *([f"reset_step_clock oid={oid} clock={begin % 2**32}"] for oid in range(number)),
    ]


def texts_of(sent: bytes) -> list[str]:
    """The different messages among the frames that the MCU sent, load reports left out."""
    frames, place = dict[bytes, None](), 0
    while place < len(sent):
        frames[sent[place : place + sent[place]]] = None
        place += sent[place]
    payloads = [payload for _, payload in split_frames(b"".join(frames)) if payload]
    return [text for text in map(dictionary().decode, payloads) if not text.startswith("stats")]


def play(
    player: Path,
    folder: Path,
    begin: int,
    steppers: tuple[Stepper, ...],
    runs: list[Runs],
    last: Sequence[str] = (),
) -> Played:
    """Carry the runs out on the simulated MCU, switched on a while before `begin`, then the `last` commands."""
    ids = {form.split()[0]: number for form, number in dictionary().raw["commands"].items()}
    steps = commands(ids, runs, begin)
    clocks, lengths = steps.frames(LEAD)
    setup = [b"".join(map(dictionary().encode, payload)) for payload in configuration(steppers, begin)]
    ending = b"".join(map(dictionary().encode, last))
    start = begin - SECOND // 8
    schedule, edges = folder / "schedule", folder / "edges"
    end = max(int(one.steps(begin).max()) for one in runs) + SECOND // 16
    setup_clocks = start + 1000 * np.arange(1, len(setup) + 1)
    parts = [
        struct.pack("<4Q", 16, start, end, len(setup) + len(clocks) + 1),
        np.concatenate([setup_clocks, clocks, [end - 1000]]).astype("<u8").tobytes(),
        bytes(map(len, setup)) + lengths.astype(np.uint8).tobytes() + bytes([len(ending)]),
        b"".join(setup) + steps.bytes.tobytes() + ending,
    ]
    schedule.write_bytes(b"".join(parts))
    command = [str(player), str(built() / "klipkit-sim.so"), str(schedule), str(edges)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    found = np.fromfile(edges, "<u8").astype(np.int64)
    return Played(found >> 16, found >> 1 & 0x7FFF, found & 1, texts_of(done.stdout))


def check_pulses(stepper: Stepper, expected: Clocks, clocks: Clocks, levels: Clocks) -> None:
    """Edges of a step pin are exactly where the model has them, the first one up or down as configured."""
    idle = int(stepper.invert == 1)
    if idle:
        clocks, levels = clocks[1:], levels[1:]  # the pin went to its idle level when it was configured
    if stepper.invert != BOTH_EDGES:
        expected = np.stack([expected, expected + stepper.pulse], axis=1).ravel()
    assert np.array_equal(clocks, expected)
    assert np.array_equal(levels, (np.arange(len(levels)) + 1 + idle) % 2)


def test_each_edge_of_a_million_random_runs_is_where_the_model_has_it(player: Path, tmp_path: Path) -> None:
    source = np.random.default_rng(20)
    begin = 2**33 - SECOND // 2  # the clock wraps soon, and again in the gaps
    number = RUNS // len(SIMULATED)
    runs = [random_runs(source, number, stepper.least, 1000) for stepper in SIMULATED]
    runs = [with_long_gaps(source, one, 3) for one in runs]
    played = play(player, tmp_path, begin, SIMULATED, runs)
    assert played.texts == ["starting"]
    for stepper, one in zip(SIMULATED, runs, strict=True):
        steps = one.steps(begin)
        check_pulses(stepper, steps, *played.of(stepper.step_pin))
        check_direction(stepper, steps, one, *played.of(stepper.dir_pin))


# --- on the AVR ---

MEGA = Target()
ON_MEGA = (
    Stepper(0, 1, 0, 2, 2500),
    Stepper(2, 3, 0, 32, 2500),
    Stepper(4, 5, 1, 400, 2500),
    Stepper(6, 7, BOTH_EDGES, 20, 2500),
)
MEGA_RUNS = 10_000
MEGA_LEAD = 1_000_000  # ticks: more than the commands of several steppers take on the wire
LATE_MOST = 1200  # ticks: three other steppers and the interrupts of bytes come first
STOPS = {"Rescheduled timer in the past", "Stepper too far in past"}


def pin_name(number: int) -> str:
    return f"P{'ABCDEFGH'[number // 8]}{number % 8}"


def on_mega(steppers: tuple[Stepper, ...]) -> tuple[Session, int, int]:
    """A chip on which steppers are set up and watched: a session, the clock when they begin, the cycle of clock 0."""
    session = connected(MEGA)
    zero = zero_of(MEGA)
    number = len(steppers)
    begin = session.clock() + SECOND // 4
    for payload in configuration(steppers, begin):
        session.send(*payload)
    session.chip.watch([pin_name(pin) for pin in range(2 * number)], edges=True)
    return session, begin, zero


def edges_of(session: Session, pin: int) -> tuple[Clocks, Clocks]:
    """Cycles and levels of a pin's edges."""
    found = [(cycle, level) for cycle, name, level in session.edges if name == pin_name(pin)]
    table = np.array(found, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def send_in_time(session: Session, runs: list[Runs], begin: int) -> None:
    """Send the commands of the runs, each frame when it is time, and let the last step be made."""
    ids = {form.split()[0]: number for form, number in session.dictionary.raw["commands"].items()}
    steps = commands(ids, runs, begin)
    clocks, lengths = steps.frames(MEGA_LEAD)
    ends = np.cumsum(lengths)
    for clock, length, end in zip(clocks.tolist(), lengths.tolist(), ends.tolist(), strict=True):
        if session.chip.cycle < clock:
            session.run(clock - session.chip.cycle)
        session.exchange(steps.bytes[end - length : end].tobytes())
    session.run(max(int(one.steps(begin).max()) for one in runs) + SECOND // 50 - session.chip.cycle)


def step_edges(session: Session, stepper: Stepper) -> tuple[Clocks, Clocks]:
    """The cycles at which steps were made, and at which pulses ended (the same, for steps on both edges)."""
    cycles, levels = edges_of(session, stepper.step_pin)
    assert np.all(np.diff(levels) != 0)
    if stepper.invert == BOTH_EDGES:
        return cycles, cycles
    assert levels[0] != stepper.invert
    return cycles[::2], cycles[1::2]


STOPPED = re.compile(r"shutdown clock=\d+ static_string_id='(.*)'")


def impossible(source: np.random.Generator, stepper: Stepper) -> Runs:
    """Runs that can be met, one that cannot, and some more."""
    runs = random_runs(source, 60, 2500, 2500)
    interval, count, add = runs.interval.copy(), runs.count.copy(), runs.add.copy()
    place = int(source.integers(1, 50))
    kind = source.integers(4)
    if kind == 0:  # faster than the pulse, for longer than what may be caught up
        interval[place], count[place], add[place] = stepper.pulse // 2, 40_000, 0
    elif kind == 1:  # ever faster, down to steps that should have been before the one before them
        interval[place], count[place], add[place] = 2500, 3000, -int(source.integers(40, 200))
    elif kind == 2:  # the same at one blow
        interval[place], count[place], add[place] = source.integers(1, 2500), source.integers(3, 40), -32768
    else:  # the next step 1.1 to 9 ms before the last one
        interval[place], count[place], add[place] = -source.integers(17_600, 144_000), 1, 0
    return Runs(interval, count, add, runs.direction)


def check_stop(texts: list[str], made: Clocks, runs: Runs, begin: int, unsure: int = 0) -> None:
    """The MCU has shut down, and what was made before is what was asked for, each step late by 1 ms at most."""
    reasons = [match[1] for text in texts if (match := STOPPED.fullmatch(text))]
    assert len(reasons) == 1 and reasons[0] in STOPS, texts
    late = made - runs.steps(begin)[: len(made)]
    assert late.min() >= -unsure and late.max() <= 1.05 * SECOND / 1000
    position = 2 * int(runs.directions()[: len(made)].sum()) - len(made)
    assert f"stepper_position oid=0 pos={position}" in texts


@pytest.mark.parametrize("stepper", SIMULATED, ids=lambda stepper: f"{stepper.invert}-{stepper.pulse}")
def test_what_cannot_be_met_stops_the_mcu_after_exactly_the_steps_before(
    player: Path, tmp_path: Path, stepper: Stepper
) -> None:
    source = np.random.default_rng(stepper.step_pin)
    one = replace(stepper, step_pin=0, dir_pin=1)
    for _ in range(40):
        runs = impossible(source, one)
        played = play(
            player, tmp_path, SECOND, (one,), [runs], ["clear_shutdown", "stepper_get_position oid=0"]
        )
        edges = played.of(0)[0][one.invert == 1 :]
        check_stop(played.texts, edges if one.invert == BOTH_EDGES else edges[::2], runs, SECOND)


@pytest.mark.parametrize("stepper", ON_MEGA, ids=lambda stepper: f"{stepper.invert}-{stepper.pulse}")
def test_what_cannot_be_met_stops_the_avr_after_exactly_the_steps_before(stepper: Stepper) -> None:
    source = np.random.default_rng(stepper.step_pin)
    one = replace(stepper, step_pin=0, dir_pin=1)
    for _ in range(10):
        runs = impossible(source, one)
        session, begin, zero = on_mega((one,))
        with session.chip:
            send_in_time(session, [runs], begin)
            session.send("clear_shutdown", "stepper_get_position oid=0")
        check_stop(session.messages, step_edges(session, one)[0] - zero, runs, begin, ZERO_UNSURE)


def test_ten_thousand_random_runs_on_the_avr_make_the_model_s_steps_a_little_late() -> None:
    source = np.random.default_rng(2560)
    number = MEGA_RUNS // len(ON_MEGA)
    runs = [random_runs(source, number, stepper.least, 2500, MIXED) for stepper in ON_MEGA]
    session, begin, zero = on_mega(ON_MEGA)
    with session.chip:
        send_in_time(session, runs, begin)
    assert session.overruns <= 1  # by chance of the phase, and then the frame was sent again
    assert not [text for text in session.messages if "shutdown" in text]
    late = []
    for stepper, one in zip(ON_MEGA, runs, strict=True):
        made, ended = step_edges(session, stepper)
        steps = one.steps(begin)
        assert len(made) == len(steps) == len(ended)
        late.append(made - steps)
        assert stepper.invert == BOTH_EDGES or (ended - made).min() >= stepper.pulse
        check_direction(stepper, made, one, *edges_of(session, stepper.dir_pin))
    soonest = min(each.min() for each in late)
    assert -ZERO_UNSURE <= soonest - zero < 250
    assert max(each.max() for each in late) - soonest <= LATE_MOST


def test_a_step_that_is_due_as_its_command_is_executed_is_never_early() -> None:
    session, _, zero = on_mega(ON_MEGA[:1])
    soonest = []
    with session.chip:
        for delay in range(9_000, 16_000, 20):
            session.edges.clear()
            session.messages.clear()
            clock = session.chip.cycle - zero + delay  # its frame takes about 14,000 cycles
            session.send(f"reset_step_clock oid=0 clock={clock}", "queue_step oid=0 interval=1 count=1 add=0")
            session.run(5000)
            if session.messages:
                assert "Timer too close" in session.messages[0]
                session.send("clear_shutdown")
                assert not session.edges
            else:
                soonest.append(int(step_edges(session, ON_MEGA[0])[0][0]) - zero - clock - 1)
    assert 50 < len(soonest) < 300  # the moment of the execution was passed
    assert min(soonest) >= -ZERO_UNSURE
    assert max(soonest) <= LATE_MOST


# --- the same again ---


def test_two_runs_of_the_simulated_mcu_are_the_same_to_the_bit(player: Path, tmp_path: Path) -> None:
    source = np.random.default_rng(6)
    runs = [random_runs(source, 20_000, stepper.least, 1000) for stepper in SIMULATED]
    seen = []
    for _ in range(2):
        played = play(player, tmp_path, SECOND, SIMULATED, runs)
        seen.append((played.texts, (tmp_path / "edges").read_bytes()))
    assert seen[0] == seen[1]


def test_two_runs_of_the_avr_are_the_same_to_the_cycle() -> None:
    source = np.random.default_rng(6)
    runs = [random_runs(source, 250, stepper.least, 2500, MIXED) for stepper in ON_MEGA]
    seen = []
    for _ in range(2):
        session, begin, _ = on_mega(ON_MEGA)
        with session.chip as chip:
            send_in_time(session, runs, begin)
            memory = chip.peek(0x200, 0x2000)
        seen.append((session.edges, session.messages, chip.cycle, memory))
    assert seen[0] == seen[1]
