"""Outputs go off and stay off whatever comes over the wire, on the simulated MCU and on the AVR."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest

from tests.bench.avr_session import (
    ZERO_UNSURE,
    Target,
    connected,
    zero_of,
)
from tests.unit.firmware_surround import SYNC, Dictionary, Script, dictionary, frame

SECOND = 16_000_000
BYTE = 640  # ticks: 250000 baud
LIMIT = SECOND // 10  # max_duration of the outputs
FLOOD = 6 * LIMIT // BYTE // 4  # bytes: the wire is busy for longer than the limit
MEGA = Target()
MISSED = "Missed scheduling of next digital out event"
LATE_MOST = 2000  # ticks from the limit to the pin: the AVR makes all outputs safe first


@dataclass(frozen=True)
class Happened:
    """Edges of the outputs by pin, and what the MCU said."""

    edges: dict[str, list[tuple[int, int]]]
    texts: list[str]

    def reasons(self) -> list[str]:
        found = (re.fullmatch(r"shutdown clock=\d+ static_string_id='(.*)'", text) for text in self.texts)
        return [match[1] for match in found if match]


class Mcu(Protocol):
    """One MCU, to which payloads are sent in time, and at last a flood of bytes."""

    dictionary: Dictionary

    def now(self) -> int:
        """Its clock, after the payloads so far."""

    def send(self, *commands: str) -> None:
        """A payload of these commands."""

    def finish(self, flood: bytes, pins: Sequence[str]) -> Happened:
        """Let the flood come, then ask for the configuration whatever frame is expected."""

    def number(self) -> int:
        """Of the next frame."""


class Simulated:
    def __init__(self) -> None:
        self.dictionary = dictionary()
        self.script = Script(settings={"byte": BYTE, "moves": 1200})
        self.clock = 1000

    def now(self) -> int:
        return self.clock

    def send(self, *commands: str) -> None:
        self.script.send(self.clock, *commands)
        self.clock += 64 * BYTE

    def number(self) -> int:
        return self.script.number

    def finish(self, flood: bytes, pins: Sequence[str]) -> Happened:
        self.script.rx(self.clock, flood)
        asked = self.clock + len(flood) * BYTE + 3 * LIMIT
        self.script.rx(asked, questions(self.dictionary))
        result = self.script.run(asked + LIMIT)
        return Happened({pin: result.of_pin(pin) for pin in pins}, result.texts())


class Avr:
    def __init__(self) -> None:
        self.session = connected(MEGA)
        self.zero = zero_of(MEGA)
        self.dictionary = self.session.dictionary

    def now(self) -> int:
        return self.session.chip.cycle - self.zero

    def send(self, *commands: str) -> None:
        self.session.send(*commands)

    def number(self) -> int:
        return self.session.number

    def finish(self, flood: bytes, pins: Sequence[str]) -> Happened:
        chip = self.session.chip
        with chip:
            chip.watch(pins, edges=True)
            chip.receive(flood)
            self.session.run(len(flood) * BYTE + 3 * LIMIT)
            chip.receive(questions(self.dictionary))
            self.session.run(LIMIT)
        edges = {
            pin: [(cycle - self.zero, level) for cycle, name, level in self.session.edges if name == pin]
            for pin in pins
        }
        return Happened(edges, self.session.messages)


MCUS: list[Callable[[], Mcu]] = [Simulated, Avr]


def questions(of: Dictionary) -> bytes:
    """get_config in a frame of each number: one of them is the one that the MCU expects."""
    return bytes([SYNC]) + b"".join(frame(number, of.encode("get_config")) for number in range(16))


# --- what comes over the wire ---


def silence(mcu: Mcu) -> bytes:
    del mcu
    return b""


def half_a_frame(mcu: Mcu) -> bytes:
    return frame(mcu.number(), bytes(59))[:40]


def full_buffer(mcu: Mcu) -> bytes:
    """Bytes without a sync, which the main loop is in no hurry to look at, until the receive buffer is full."""
    del mcu
    return b"\x40\x10" + bytes(2000)


def noise(mcu: Mcu) -> bytes:
    del mcu
    return random.Random(1).randbytes(FLOOD)


def syncs(mcu: Mcu) -> bytes:
    del mcu
    return bytes([SYNC]) * FLOOD


def frames(mcu: Mcu, *commands: str) -> bytes:
    """The same frame at full wire speed, numbered as it should be."""
    payload = b"".join(map(mcu.dictionary.encode, commands))
    found, number = b"", mcu.number()
    while len(found) < FLOOD:
        found += frame(number, payload)
        number = (number + 1) % 16
    return found


def empty_frames(mcu: Mcu) -> bytes:
    return frames(mcu)


def busy_frames(mcu: Mcu) -> bytes:
    return frames(mcu, *["debug_nop"] * 59)


def questions_all_the_time(mcu: Mcu) -> bytes:
    return frames(mcu, *["get_config", "get_uptime", "get_clock"] * 19)


def pings(mcu: Mcu) -> bytes:
    return frames(mcu, "debug_ping data=" + "7e" * 50)


def repeated_frame(mcu: Mcu) -> bytes:
    """Each but the first has the wrong number."""
    return frame(mcu.number(), b"") * (FLOOD // 5)


FLOODS = [
    silence,
    half_a_frame,
    full_buffer,
    noise,
    syncs,
    empty_frames,
    busy_frames,
    questions_all_the_time,
    pings,
    repeated_frame,
]
OUTPUTS = {"PB4": (0, 1), "PB5": (1, 0), "PB6": (0, 1)}  # default level, level that must not last


# --- an output that is not refreshed ---


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
@pytest.mark.parametrize("kind", MCUS, ids=["sim", "avr"])
def test_an_output_that_is_not_refreshed_goes_off_whatever_comes(
    kind: Callable[[], Mcu], flood: Callable[[Mcu], bytes]
) -> None:
    mcu = kind()
    mcu.send("allocate_oids count=3")
    for oid, (pin, (default, _)) in enumerate(OUTPUTS.items()):
        limit = LIMIT if oid else LIMIT // 2
        config = f"config_digital_out oid={oid} pin={pin} value={default} default_value={default}"
        mcu.send(f"{config} max_duration={limit}", f"set_digital_out_pwm_cycle oid={oid} cycle_ticks=40000")
    mcu.send("finalize_config crc=1")
    on = mcu.now() + LIMIT // 2
    # on, off, toggling: none is the default
    mcu.send(f"queue_digital_out oid=0 clock={on} on_ticks=40000")
    mcu.send(f"queue_digital_out oid=1 clock={on} on_ticks=0")
    mcu.send(f"queue_digital_out oid=2 clock={on} on_ticks=20000")
    happened = mcu.finish(flood(mcu), list(OUTPUTS))
    off = on + LIMIT // 2
    for pin, (default, other) in OUTPUTS.items():
        edges = happened.edges[pin]
        assert -ZERO_UNSURE <= edges[0][0] - on < LATE_MOST and edges[0][1] == other
        assert edges[-1][1] == default
        assert edges[-1][0] <= off + LATE_MOST
    assert off <= happened.edges["PB4"][-1][0] + ZERO_UNSURE
    configs = [text for text in happened.texts if text.startswith("config ")]
    assert configs and configs[-1].startswith("config is_config=1 crc=1 is_shutdown=1")
    assert set(happened.reasons()) <= {MISSED}


# --- shutdown ---

STEPPERS = 2


def configure_pins(mcu: Mcu) -> dict[str, int]:
    """Outputs of both default levels, off them, and steppers that run; the safe level of each pin."""
    mcu.send(f"allocate_oids count={2 * STEPPERS}")
    safe: dict[str, int] = {}
    for oid in range(STEPPERS):
        mcu.send(
            f"config_digital_out oid={oid} pin=PB{oid} value={1 - oid} default_value={oid} max_duration=0"
        )
        pins = f"step_pin=PA{oid} dir_pin=PC{oid}"
        mcu.send(f"config_stepper oid={STEPPERS + oid} {pins} invert_step={oid} step_pulse_ticks=2000")
        safe |= {f"PB{oid}": oid, f"PA{oid}": oid}
    mcu.send("finalize_config crc=1")
    begin = mcu.now() + LIMIT // 2
    for oid in range(STEPPERS, 2 * STEPPERS):
        mcu.send(
            f"reset_step_clock oid={oid} clock={begin}",
            f"queue_step oid={oid} interval=5003 count=60000 add=0",
        )
    return safe


def stop_by_command(mcu: Mcu) -> bytes:
    return frame(mcu.number(), mcu.dictionary.encode("emergency_stop"))


def stop_by_a_wrong_command(mcu: Mcu) -> bytes:
    return frame(mcu.number(), b"\xff\x7f")


def stop_by_a_cut_command(mcu: Mcu) -> bytes:
    return frame(mcu.number(), mcu.dictionary.encode("get_clock") + b"\x01")


def stop_by_a_wrong_object(mcu: Mcu) -> bytes:
    return frame(mcu.number(), mcu.dictionary.encode("stepper_get_position oid=0"))


def stop_by_a_late_update(mcu: Mcu) -> bytes:
    return frame(mcu.number(), mcu.dictionary.encode("queue_digital_out oid=0 clock=1000 on_ticks=1"))


def stop_by_a_full_queue(mcu: Mcu) -> bytes:
    payload = mcu.dictionary.encode("queue_step oid=2 interval=5000 count=1 add=0") * 8
    return b"".join(frame(mcu.number() + index, payload) for index in range(150))


STOPS: dict[Callable[[Mcu], bytes], str] = {
    stop_by_command: "Command request",
    stop_by_a_wrong_command: "Invalid command",
    stop_by_a_cut_command: "Command parser error",
    stop_by_a_wrong_object: "Invalid oid type",
    stop_by_a_late_update: "Timer too close",
    stop_by_a_full_queue: "Move queue overflow",
}


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.__name__)
@pytest.mark.parametrize("kind", MCUS, ids=["sim", "avr"])
def test_shutdown_sets_each_pin_to_its_safe_level(
    kind: Callable[[], Mcu], stop: Callable[[Mcu], bytes]
) -> None:
    mcu = kind()
    safe = configure_pins(mcu)
    happened = mcu.finish(bytes([SYNC]) * (LIMIT // BYTE) + stop(mcu), list(safe))
    assert happened.reasons()[0] == STOPS[stop]
    assert all(len(happened.edges[f"PA{oid}"]) > 50 for oid in range(STEPPERS)), "the steppers did not run"
    assert {pin: edges[-1][1] for pin, edges in happened.edges.items()} == safe


def test_a_frame_whose_reading_a_shutdown_interrupts_is_acked_all_the_same() -> None:
    """The limit of an output is over at each moment in turn while a frame comes to its end and is executed."""
    session = connected(MEGA)
    zero = zero_of(MEGA)
    session.send(
        "allocate_oids count=1", "config_digital_out oid=0 pin=PB0 value=0 default_value=0 max_duration=40000"
    )
    session.send("finalize_config crc=1")
    payload = session.encode(*["debug_nop"] * 30, "get_clock")
    length, whole = len(frame(0, payload)) * BYTE, 0
    with session.chip as chip:
        for early in range(-4000, 9000, 21):
            on = chip.cycle + 30_000
            session.send(f"queue_digital_out oid=0 clock={on - zero} on_ticks=1")
            session.run(on + 40_000 - early - length - chip.cycle)
            session.messages.clear()
            session.overruns = 0
            data = frame(session.number, payload)
            session.number = (session.number + 1) % 16
            chip.receive(data)
            session.run(length + SECOND // 200)
            assert any(MISSED in text for text in session.messages)
            if session.overruns:  # bytes were lost: a host sends the frame once more
                chip.receive(bytes([SYNC]) + data)
                session.run(length + SECOND // 200)
            else:
                whole += 1
            assert session.acked == session.number, f"{early} cycles before its end"
            session.send("clear_shutdown")
    assert whole > 50


@pytest.mark.parametrize("kind", MCUS, ids=["sim", "avr"])
def test_a_receive_buffer_that_is_full_of_garbage_is_looked_at_at_once(kind: Callable[[], Mcu]) -> None:
    """A host that repeats its emergency stop after 25 ms is heard then."""
    mcu = kind()
    safe = configure_pins(mcu)
    begin = mcu.now()
    garbage = b"\x40\x10" + bytes(1100)
    stop = bytes([SYNC]) + stop_by_command(mcu)
    happened = mcu.finish(garbage + bytes(25 * 16_000 // BYTE) + stop, list(safe))
    assert happened.reasons()[:1] == [STOPS[stop_by_command]]
    [clock] = [int(text.split()[1][6:]) for text in happened.texts if text.startswith("shutdown")][:1]
    assert clock - begin < (len(garbage) + len(stop)) * BYTE + 30 * 16_000
