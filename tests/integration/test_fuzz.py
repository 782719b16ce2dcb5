"""Parsers of what comes over a wire, fed with damaged inputs: the host's and the firmware's.

The C parsers run under the address and undefined-behaviour sanitizers. Inputs are made from a seed: the same each time.
"""

import json
import random
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from klipkit.base.errors import KlipkitError
from klipkit.wire.dictionary import read_dictionary
from tests.reference import TOP
from tests.sanitized import compile_with
from tests.unit.firmware_surround import FIRMWARE, built, dictionary, vlq

INPUTS = 100_000
LONG = 100_000_000
LENGTH = 96  # bytes of libFuzzer's inputs at most; our own driver's are longer
HANG = 6 * 3600  # s: a guard
FUZZ = TOP / "tests" / "c" / "fuzz"
WIRE = TOP / "klipkit" / "wire"


def host_fuzzer(folder: Path) -> Path:
    program = folder / "host"
    sources = [FUZZ / "host.c", FUZZ / "drive.c", *sorted(WIRE.glob("*.c"))]
    compile_with("-o", program, *sources, "-lm", "-lpthread")
    return program


def firmware_fuzzer(folder: Path) -> Path:
    """The simulator's firmware linked with the harness, which has its own small dictionary."""
    program, build = folder / "firmware", built()
    parts = []
    for name in (
        "frame",
        "crc16",
        "vlq",
    ):  # the host's, to make frames with: one of its names is the firmware's as well
        parts.append(folder / f"{name}.o")
        compile_with("-Dcrc16=wire_crc16", "-c", "-o", parts[-1], WIRE / f"{name}.c")
    includes = [f"-I{FIRMWARE}", f"-I{FIRMWARE / 'ports/sim'}", f"-I{build}"]
    objects = [*build.glob("core/*.o"), *build.glob("modules/*.o"), build / "declared.o"]
    objects += [build / "ports/sim" / f"{name}.o" for name in ("port", "memory", "peripherals")]
    compile_with(*includes, "-o", program, FUZZ / "firmware.c", FUZZ / "drive.c", *parts, *objects)
    return program


FUZZERS = {"host": host_fuzzer, "firmware": firmware_fuzzer}


# --- the same parsers under libFuzzer, which finds its way by the branches that an input takes ---

CLANG = ["clang", "-std=c11", "-g", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{TOP}"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COUNTED = "-fsanitize-coverage=inline-8bit-counters,pc-table"


def compile_objects(folder: Path, sources: list[Path], *options: str) -> list[Path]:
    made = []
    for source in sources:
        made.append(folder / f"{source.stem}.o")
        words = [*CLANG, *SANITIZE, *options, "-c", "-o", made[-1], source]
        subprocess.run(list(map(str, words)), check=True)
    return made


def link(folder: Path, objects: list[Path]) -> Path:
    program = folder / "libfuzzer"
    words = ["clang", "-fsanitize=fuzzer,address,undefined", "-o", program, *objects, "-lm", "-lpthread"]
    subprocess.run(list(map(str, words)), check=True)
    return program


def host_libfuzzer(folder: Path) -> Path:
    objects = compile_objects(folder, sorted(WIRE.glob("*.c")), COUNTED)
    return link(folder, objects + compile_objects(folder, [FUZZ / "host.c", FUZZ / "steer.c"]))


def firmware_libfuzzer(folder: Path) -> Path:
    build = FIRMWARE / "build" / "sim-fuzz"
    subprocess.run(["make", "-s", "-C", str(FIRMWARE), "PORT=sim", "FUZZ=1", "objects"], check=True)
    objects = [*build.glob("core/*.o"), *build.glob("modules/*.o"), build / "declared.o"]
    objects += [build / "ports/sim" / f"{name}.o" for name in ("port", "memory", "peripherals")]
    frames = [WIRE / f"{name}.c" for name in ("frame", "crc16", "vlq")]
    includes = [f"-I{FIRMWARE}", f"-I{FIRMWARE / 'ports/sim'}", f"-I{build}"]
    objects += compile_objects(folder, frames, "-Dcrc16=wire_crc16")
    return link(folder, objects + compile_objects(folder, [FUZZ / "firmware.c", FUZZ / "steer.c"], *includes))


LIBFUZZERS = {"host": host_libfuzzer, "firmware": firmware_libfuzzer}
DEPTHS = {"host": 5, "firmware": 1}  # changes at most to an input: what a firmware refuses ends it


def run_libfuzzer(program: Path, inputs: int, depth: int) -> None:
    """A fixed seed, and no clock in what it does: the same inputs each time."""
    options = [f"-runs={inputs}", "-seed=1", f"-max_len={LENGTH}", f"-artifact_prefix={program.parent}/"]
    options += [
        f"-mutate_depth={depth}",
        "-entropic=0",
        "-reduce_inputs=0",
        "-print_final_stats=1",
        "-timeout=120",
    ]
    done = subprocess.run([str(program), *options], capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"number_of_executed_units: {inputs}" in done.stderr


def run(program: Path, inputs: int, seed: int) -> None:
    command = [str(program), str(inputs), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-3000:]}"


@pytest.mark.parametrize("parser", FUZZERS)
def test_no_input_harms_a_parser(parser: str, tmp_path: Path) -> None:
    run(FUZZERS[parser](tmp_path), INPUTS, 1)


@pytest.mark.long
@pytest.mark.parametrize("parser", LIBFUZZERS)
def test_none_of_a_hundred_million_inputs_harms_a_parser(parser: str, tmp_path: Path) -> None:
    run_libfuzzer(LIBFUZZERS[parser](tmp_path), LONG, DEPTHS[parser])


# --- the dictionary, and the messages that it describes ---

SMALL = {
    "commands": {"identify offset=%u count=%c": 1, "queue_step oid=%c interval=%u count=%hu add=%hi": 5},
    "responses": {
        "identify_response offset=%u data=%.*s": 0,
        "pong data=%*s": -3,
        "state pin=%u value=%i": 130,
    },
    "output": {"debug %u and %s": 7},
    "enumerations": {"pin": {"PA0": [0, 8], "PB0": [8, 8]}, "static_string_id": {"Timer too close": 2}},
    "config": {"CLOCK_FREQ": 16000000, "MCU": "atmega2560"},
    "version": "v1",
}
WORDS = [
    "%u",
    "%*s",
    "%.*s",
    " ",
    "=",
    "[",
    "]",
    "{",
    "}",
    '"',
    ",",
    "-1",
    "4294967296",
    "1e9",
    "null",
    "\\u0000",
    "é",
]


def mutated(source: random.Random, data: bytes) -> bytes:
    """A few bytes changed, left out, doubled or replaced by what means something in a dictionary."""
    for _ in range(source.randint(1, 3)):
        at = source.randrange(len(data) + 1)
        match source.randrange(5):
            case 0:
                data = data[:at] + bytes([source.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[at + source.randint(1, 9) :]
            case 2:
                data = data[:at] + data[at : at + source.randint(1, 30)] + data[at:]
            case 3:
                data = data[:at] + source.choice(WORDS).encode() + data[at:]
            case _:
                data = data[: max(at, 2)]
    return data


def dictionaries(source: random.Random, count: int) -> Iterator[bytes]:
    text = json.dumps(SMALL).encode()
    packed = zlib.compress(text)
    for number in range(count):
        if number % 8 == 0:
            yield mutated(source, packed)
        else:
            changed = mutated(source, text)
            yield zlib.compress(changed, 1) if number % 2 else changed


def test_a_damaged_dictionary_is_used_or_refused_and_so_are_messages() -> None:
    source = random.Random(7)
    used = 0
    for data in dictionaries(source, INPUTS // 4):
        try:
            found = read_dictionary(data)
        except KlipkitError as error:
            assert str(error).isprintable()
            continue
        used += 1
        for number in (0, 2, 7, 125, 130):
            payload = (bytes([0x81, 2]) if number > 127 else bytes([number])) + source.randbytes(
                source.randrange(12)
            )
            try:
                assert found.decode_response(payload).text().isprintable()
                list(found.decode_commands(payload))
            except KlipkitError as error:
                assert str(error).isprintable()
    assert used > INPUTS // 100


def test_damaged_messages_are_read_or_refused() -> None:
    source = random.Random(8)
    found = read_dictionary(json.dumps(dictionary().raw).encode())
    ids = [vlq(number) for number in dictionary().raw["responses"].values()]
    read = 0
    for _ in range(INPUTS):
        payload = source.choice(ids) + source.randbytes(source.randrange(16))
        try:
            assert found.decode_response(payload).text().isprintable()
            read += 1
        except KlipkitError as error:
            assert str(error).isprintable()
    assert read > INPUTS // 100
