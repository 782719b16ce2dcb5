"""The firmware's core on the simulator's port: frames, commands, dictionary, shutdown."""

import json
import re
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import reference_path
from tests.unit.firmware_surround import (
    PORTS,
    SYNC,
    Script,
    crc16,
    dictionary,
    frame,
    packed_dictionary,
    read_packed,
    read_vlq,
    split_frames,
    vlq,
)

STK500 = bytes.fromhex("1b0100010e1104")  # what a stock host sends at every connect
HEARTBEAT = 1_600_000  # ticks of 16 MHz until the main loop looks at bytes that came without a sync byte
SECOND = 16_000_000


def vectors() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((reference_path("wire") / "vectors.json").read_text())
    return data


def formats(sign: str) -> dict[str, str]:
    """The stock formats of commands (">") or responses ("<") by name."""
    lines = (reference_path("wire") / "commands.txt").read_text().splitlines()
    texts = [
        line[2:].partition("   [")[0] for line in lines if line.startswith(f"{sign} ") and "   [" in line
    ]
    return {text.split()[0]: text for text in texts}


# --- frames ---


def test_boot_announces_itself_in_a_frame_numbered_0() -> None:
    assert Script().run(1000).texts() == ["starting"]


def test_frames_of_the_recordings_have_the_form_that_these_tests_assume() -> None:
    for recorded in vectors()["frames"]:
        data = bytes.fromhex(recorded["hex"])
        [(number, payload)] = split_frames(data)
        assert frame(number, payload) == data
    for text, crc in vectors()["crc16"].items():
        assert f"{crc16(bytes.fromhex(text)):04x}" == crc


def test_numbers_of_the_recordings_are_read_and_written_alike() -> None:
    script = Script()
    encodings = [(int(value), bytes.fromhex(text)) for value, text in vectors()["vlq"].items()]
    for index, (_, encoding) in enumerate(encodings):
        script.rx(1000 + 20_000 * index, frame(index, b"\x01" + encoding + b"\x00"))
    payloads = [payload for _, _, payload in script.run(SECOND).frames if payload.startswith(b"\x00")]
    for payload, (value, _) in zip(payloads, encodings, strict=True):
        signed = (value + 2**31) % 2**32 - 2**31
        read, end = read_vlq(payload, 1)
        assert (read - signed) % 2**32 == 0
        assert end == len(payload) - 1 == 1 + len(vlq(signed))


def test_a_frame_is_acked_after_its_responses_with_the_next_number() -> None:
    script = Script()
    script.send(1000, "get_clock", "get_config")
    frames = [(number, bool(payload)) for _, number, payload in script.run(SECOND).frames]
    assert frames == [(0, True), (1, True), (1, True), (1, False)]


def test_a_frame_with_another_number_is_naked_and_not_executed() -> None:
    script = Script()
    for index, number in enumerate([3, 0, 0, 2, 1]):
        script.rx(1000 + 20_000 * index, frame(number, dictionary().encode("get_uptime")))
    result = script.run(SECOND)
    assert result.numbers() == [0, 1, 1, 1, 2]
    assert [text.split()[0] for text in result.texts()] == ["starting", "uptime", "uptime"]


def test_numbers_wrap_after_15() -> None:
    script = Script()
    for index in range(33):
        script.send(1000 + 20_000 * index, "debug_nop")
    assert script.run(SECOND).numbers() == [(index + 1) % 16 for index in range(33)]


def test_connect_of_a_stock_host_is_answered_as_recorded() -> None:
    """traces/k_frames: boot loader bytes, identify [1], sync and identify [1] again, identify [0]."""
    identify = [
        bytes.fromhex(text) for text in ("081101002842247e", "7e081101002842247e", "08100100285e9f7e")
    ]
    script = Script()
    for clock, data in zip((1000, 4_000_000, 4_500_000, 4_700_000), [STK500, *identify], strict=True):
        script.rx(clock, data)
    result = script.run(2 * SECOND)
    assert [(number, payload[:1]) for _, number, payload in result.frames[:5]] == [
        (0, vlq(dictionary().raw["responses"]["starting"])),
        (0, b""),  # nak for the garbage
        (0, b""),  # nak for the second identify, whose number is wrong; the first was lost with the garbage
        (1, b"\x00"),
        (1, b""),
    ]
    assert result.frames[1][0] >= HEARTBEAT


def test_garbage_is_naked_once_until_a_good_frame_comes() -> None:
    script = Script()
    bad = b"\x05\x10\x00\x00\x7e"
    good = frame(0, b"")
    script.rx(1000, bad * 5 + b"\x00\xff\x7e" + good + bad * 3)
    assert script.run(SECOND).numbers() == [0, 1, 1]


def test_frames_behind_a_damaged_length_are_not_lost() -> None:
    damaged = bytes([64]) + frame(0, b"")[1:]
    script = Script()
    script.rx(1000, damaged + b"".join(frame(number, b"") for number in range(13)))
    assert script.run(SECOND).numbers() == [0, *range(1, 14)]


pieces = st.lists(
    st.one_of(
        st.binary(max_size=80),
        st.builds(frame, st.integers(0, 15), st.sampled_from([b"", b"\x01\x00\x05", b"\x01\x81\x00\x00"])),
        st.just(bytes([SYNC])),
    ),
    max_size=12,
)


@given(pieces, st.lists(st.integers(1, 300_000), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_any_split_of_the_bytes_gives_the_same_frames(parts: list[bytes], gaps: list[int]) -> None:
    data = b"".join(parts)[:900]
    together, apart = Script(settings={"byte": 1}), Script(settings={"byte": 1})
    together.rx(1000, data)
    clock = 1000
    for index in range(len(data)):
        apart.rx(clock, data[index : index + 1])
        clock += gaps[index % len(gaps)]

    def answers(script: Script) -> list[tuple[int, bytes]]:
        frames = script.run(clock + 2 * HEARTBEAT).frames
        stats = dictionary().raw["responses"]["stats count=%u sum=%u sumsq=%u"]
        return [(number, payload) for _, number, payload in frames if payload[:1] != vlq(stats)]

    assert answers(together) == answers(apart)


def test_a_response_that_finds_the_transmit_buffer_full_is_dropped() -> None:
    script = Script(settings={"room": 7})
    script.send(1000, "get_clock", "debug_nop")
    assert [len(payload) for _, _, payload in script.run(SECOND).frames] == [1, 0]


# --- dictionary ---


def test_dictionary_inflates_to_the_documented_layout() -> None:
    raw = dictionary().raw
    assert sorted(raw) == [
        "app",
        "build_versions",
        "commands",
        "config",
        "enumerations",
        "license",
        "responses",
        "version",
    ]
    assert raw["app"] == "klipkit"
    assert raw["config"]["CLOCK_FREQ"] == SECOND
    assert raw["config"]["STATS_SUMSQ_BASE"] == 256
    assert "SERIAL_BAUD" not in raw["config"]
    assert raw["enumerations"]["pin"] == {f"P{port}0": [8 * index, 8] for index, port in enumerate(PORTS)}


def test_dictionary_is_compressed() -> None:
    assert len(packed_dictionary()) < 0.7 * len(zlib.decompress(packed_dictionary()))


pin_names = st.one_of(
    st.from_regex(r"[A-Z]{1,2}[0-9]{1,3}", fullmatch=True),
    st.builds("P{}{}".format, st.sampled_from("AB"), st.integers(0, 12)),
    st.sampled_from(["P1.0", "P1.1", "P1.2", "gpiochip0/gpio7", "gpiochip0/gpio8", "A00", "A01", "X", "-"]),
)


@given(
    st.lists(pin_names, min_size=1, max_size=100, unique_by=lambda name: object() if name == "-" else name)
)
@settings(max_examples=25, deadline=None)
def test_pins_of_any_names_are_found_by_their_numbers(names: list[str]) -> None:
    """Ranges are expanded as a host does; "-" is a number without a pin."""
    raw = json.loads(zlib.decompress(read_packed(tuple(names))))
    found = {}
    for name, value in raw["enumerations"]["pin"].items():
        if isinstance(value, int):
            found[name] = value
            continue
        stem = name.rstrip("0123456789")
        first = int(name[len(stem) :])
        found.update({f"{stem}{first + index}": value[0] + index for index in range(value[1])})
    assert found == {name: index for index, name in enumerate(names) if name != "-"}


@pytest.mark.parametrize(("sign", "kind"), [(">", "commands"), ("<", "responses")])
def test_formats_are_the_stock_ones_letter_for_letter(sign: str, kind: str) -> None:
    stock = formats(sign)
    ours = dictionary().raw[kind]
    assert len(ours) >= (20 if kind == "commands" else 9)
    for text in ours:
        assert text == stock[text.split()[0]]


def test_numbers_of_messages_share_one_space_as_a_host_reads_it() -> None:
    numbers = [*dictionary().raw["commands"].values(), *dictionary().raw["responses"].values()]
    assert len(set(numbers)) == len(numbers)
    assert dictionary().raw["commands"]["identify offset=%u count=%c"] == 1
    assert dictionary().raw["responses"]["identify_response offset=%u data=%.*s"] == 0
    assert all(-32 <= number < 96 or number >= 128 for number in numbers)


def test_texts_of_shutdown_are_stock_texts() -> None:
    stock = re.findall(r'^  "(.*)": ', (reference_path("wire") / "constants.txt").read_text(), re.MULTILINE)
    texts = dictionary().raw["enumerations"]["static_string_id"]
    assert set(texts) <= set(stock)
    assert sorted(texts.values()) == list(range(2, 2 + len(texts)))


def test_identify_gives_what_was_asked_and_nothing_beyond_the_end() -> None:
    packed = packed_dictionary()
    script = Script()
    script.send(1000, f"identify offset={len(packed) - 3} count=40")
    script.send(50_000, f"identify offset={len(packed)} count=40")
    script.send(100_000, "identify offset=4294967295 count=40")
    script.send(150_000, "identify offset=7 count=255")
    assert script.run(SECOND).texts()[1:] == [
        f"identify_response offset={len(packed) - 3} data={packed[-3:].hex()}",
        f"identify_response offset={len(packed)} data=",
        "identify_response offset=4294967295 data=",
        f"identify_response offset=7 data={packed[7:57].hex()}",
    ]


# --- clock, configuration, shutdown ---


def test_uptime_counts_wraps_of_the_clock() -> None:
    script = Script(settings={"start": 2**32 - SECOND, "byte": 1})
    script.send(2**32 - 1000, "get_uptime", "get_clock")
    script.send(2**32 + 2000, "get_uptime")
    script.send(2**33 + 1000, "get_uptime")
    texts = [text.split()[1] for text in script.run(2**33 + SECOND).texts() if text.startswith("uptime")]
    assert texts == ["high=0", "high=1", "high=2"]


def test_stats_come_every_5_seconds() -> None:
    raw = dictionary().raw["responses"]["stats count=%u sum=%u sumsq=%u"]
    clocks = [clock for clock, _, payload in Script().run(21 * SECOND).frames if payload[:1] == vlq(raw)]
    assert len(clocks) == 4
    for earlier, later in pairwise([0, *clocks]):
        assert 5 * SECOND <= later - earlier < 5.2 * SECOND


def test_ping_echoes_its_bytes() -> None:
    script = Script()
    script.send(1000, "debug_ping data=" + bytes(range(50)).hex())
    assert script.run(SECOND).texts()[1] == "pong data=" + bytes(range(50)).hex()


def test_configuration_is_kept_and_reported() -> None:
    script = Script(settings={"moves": 1200})
    script.send(1000, "get_config", "allocate_oids count=2")
    script.send(50_000, "config_stepper oid=0 step_pin=PA0 dir_pin=PA1 invert_step=0 step_pulse_ticks=32")
    script.send(100_000, "finalize_config crc=3052964100", "get_config")
    assert script.run(SECOND).texts()[1:] == [
        "config is_config=0 crc=0 is_shutdown=0 move_count=0",
        "config is_config=1 crc=3052964100 is_shutdown=0 move_count=100",
    ]


def test_move_queue_has_at_most_1024_entries() -> None:
    script = Script(settings={"moves": 60_000})
    script.send(1000, "finalize_config crc=1", "get_config")
    assert script.run(SECOND).texts()[1].endswith("move_count=1024")


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        (["allocate_oids count=1", "allocate_oids count=1"], "oids already allocated"),
        (["finalize_config crc=1", "finalize_config crc=1"], "Already finalized"),
        (["finalize_config crc=1", "allocate_oids count=1"], "oids already allocated"),
        (["config_digital_out oid=0 pin=0 value=0 default_value=0 max_duration=0"], "Can't assign oid"),
        (["allocate_oids count=1", "stepper_get_position oid=0"], "Invalid oid type"),
        (["allocate_oids count=1", "stepper_get_position oid=7"], "Invalid oid type"),
        (["clear_shutdown"], "Shutdown cleared when not shutdown"),
        (["config_reset"], "config_reset only available when shutdown"),
        (["set_digital_out pin=88 value=1"], "Not an output pin"),
        (["emergency_stop"], "Command request"),
    ],
)
def test_commands_out_of_place_shut_down_with_the_classic_text(commands: list[str], reason: str) -> None:
    script = Script()
    script.send(1000, *commands)
    script.run(SECOND).shutdown_clock(reason)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("01", "Command parser error"),
        ("0181", "Command parser error"),
        ("817f", "Invalid command"),
        ("00", "Invalid command"),
        ("8100", "Invalid command"),
        ("ffffff7f", "Invalid command"),
    ],
)
def test_commands_that_cannot_be_parsed_shut_down(payload: str, reason: str) -> None:
    script = Script()
    script.rx(1000, frame(0, bytes.fromhex(payload)))
    result = script.run(SECOND)
    result.shutdown_clock(reason)
    assert result.numbers() == [1]


def test_bytes_longer_than_their_frame_shut_down() -> None:
    script = Script()
    script.rx(1000, frame(0, dictionary().encode("debug_ping data=")[:-1] + b"\x05abcd"))
    script.run(SECOND).shutdown_clock("Command parser error")


@given(st.lists(st.binary(max_size=40), max_size=6))
@settings(max_examples=25, deadline=None)
def test_no_payload_breaks_the_firmware(payloads: list[bytes]) -> None:
    """Whatever comes in good frames, each is acked and the clock can be asked for (a reset starts afresh)."""
    script = Script(settings={"byte": 1})
    for index, payload in enumerate(payloads):
        script.rx(1000 + 10_000 * index, frame(index, payload))
    result = script.run(SECOND)
    if not result.resets:
        assert result.numbers() == list(range(1, len(payloads) + 1))


def test_shutdown_is_latched_and_refuses_commands_one_by_one() -> None:
    script = Script()
    script.send(1000, "allocate_oids count=1", "emergency_stop", "allocate_oids count=1")
    script.send(50_000, "finalize_config crc=1", "get_config", "set_digital_out pin=PA0 value=1")
    script.send(100_000, "emergency_stop")
    script.send(150_000, "clear_shutdown", "get_config")
    result = script.run(SECOND)
    clocks = [int(clock) for clock in re.findall(r"shutdown clock=(\d+)", " ".join(result.texts()))]
    assert result.texts()[1:] == [
        f"shutdown clock={clocks[0]} static_string_id='Command request'",
        "is_shutdown static_string_id='Command request'",
        "config is_config=0 crc=0 is_shutdown=1 move_count=0",
        "is_shutdown static_string_id='Command request'",
        f"shutdown clock={clocks[1]} static_string_id='Command request'",
        "config is_config=0 crc=0 is_shutdown=0 move_count=0",
    ]
    assert clocks[0] < 50_000 and 100_000 < clocks[1] < 150_000
    assert result.numbers() == [1, 2, 3, 4]
    assert result.modes == []


@pytest.mark.parametrize("command", ["reset", "config_reset"])
def test_reset_starts_afresh(command: str) -> None:
    script = Script()
    script.send(1000, "allocate_oids count=3", "finalize_config crc=5", "emergency_stop")
    script.send(50_000, command)
    script.number = 0
    script.send(200_000, "get_config")
    result = script.run(SECOND)
    assert len(result.resets) == 1
    assert result.texts()[-2:] == ["starting", "config is_config=0 crc=0 is_shutdown=0 move_count=0"]
