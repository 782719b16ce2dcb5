"""Emulated chips in the co-simulator: bytes, pins, converters, resets at their cycle, nothing before its cause."""

import asyncio
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError
from klipkit.sim.cosim import Cosim, Edge, Faults
from klipkit.sim.emulation import Emulation
from klipkit.sim.pipe import SimPipe
from tests.unit.avr_bench import BOOT, Double, emulation, persona, program, simulate
from tests.unit.sim_bench import COPY, DIR, INPUT, STEP, fake_firmware, fake_persona

FREQUENCY = 16_000_000
BYTE = 640  # cycles at 250000 baud
CHECKSUM = 400  # cycles: more than the double takes for a byte of a frame
LOOP = 40  # cycles: more than the double's main loop takes from a pin that changed to its copy


def test_a_frame_goes_there_and_back_at_the_speed_of_the_wire() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        for size in (1, 20, 50):
            begun = cosim.now()
            assert await doubles[0].ask(b"E" * size) == b"E" * size
            whole = (size + 5 + size + 5 + 5) * BYTE / FREQUENCY
            assert whole < cosim.now() - begun < whole + (size + 10) * CHECKSUM / FREQUENCY

    simulate(main)


def test_damaged_and_lost_frames_are_sent_again() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> tuple[set[bytes], str, int]:
        for number in range(200):
            last = doubles[0].tell(bytes([ord("E"), number]) + b"-" * 30)
        answers = set()
        async with asyncio.timeout(60):
            async for message in doubles[0].pipe.messages():
                answers.add(message.payload)
                if not message.payload and message.answers == last:
                    break
        stats = ffi.new("struct session_stats *")
        lib.session_get_stats(doubles[0].pipe.session, stats)
        return answers, cosim.wire_digest(0), int(stats.bytes_invalid)

    faults = {"faults": Faults(5, 0.05, 0.05)}
    first = simulate(main, faults)
    whole, digest, invalid = simulate(main)
    assert simulate(main, faults) == first
    assert len(whole) == 201 and not invalid
    assert first[1] != digest and first[0] < whole
    assert first[2] > 100  # of some 10 % of the answers' 7000 bytes


def test_bytes_that_come_while_the_firmware_is_busy_are_lost_and_counted() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        lib.session_set_wire(doubles[0].pipe.session, BYTE / FREQUENCY, 0)  # the host is reckless
        await doubles[0].ask(b"E")
        doubles[0].tell(b"S\1\xff")  # 2.5 ms without a look at the UART
        await asyncio.sleep(0.0005)
        doubles[0].tell(b"E" * 30)
        await asyncio.sleep(0.003)
        assert cosim.overruns(0) == 35 - 3  # two in the queue, one in the shift register

    simulate(main)


def test_an_analog_input_gives_the_very_value_that_was_set() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        for channel in range(16):
            name = f"PF{channel}" if channel < 8 else f"PK{channel - 8}"
            cosim.set_analog(0, doubles[0].pin(name), 1023 - 61 * channel)
        for channel in range(16):
            answer = await doubles[0].ask(bytes([ord("A"), channel, 0]))
            assert int.from_bytes(answer[1:3], "little") == 1023 - 61 * channel

    simulate(main)


def test_a_chip_on_the_spi_bus_is_asked_and_without_one_it_reads_zero() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        seen = []

        @ffi.callback("void(void *, uint32_t, uint8_t *, size_t)")  # type: ignore[untyped-decorator]
        def exchange(_owner: Any, bus: int, data: Any, count: int) -> None:
            seen.append((bus, data[0], count))
            data[0] ^= 0xFF

        assert (await doubles[0].ask(b"X\x5a"))[1] == 0
        buses = ffi.new("struct cosim_buses *", {"spi": exchange})
        assert lib.cosim_connect_buses(cosim.handle, 0, buses) == 0
        assert (await doubles[0].ask(b"X\x5a"))[1] == 0xA5
        assert seen == [(0, 0x5A, 1)]

    simulate(main)


def test_values_of_hardware_pwm_are_noted_like_edges() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        pins = [doubles[0].pin(name) for name in ("PB4", "PH5")]
        for pin in pins:
            cosim.watch(0, pin)
        for value in (128, 128, 7, 0):
            await doubles[0].ask(bytes([ord("P"), value]))
        edges = cosim.edges()
        for pin in pins:
            assert [edge.level for edge in edges if edge.pin == pin] == [128, 7, 0]

    simulate(main)


def test_a_bit_set_in_a_pin_register_toggles_that_pin_only() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        assert (await doubles[0].ask(b"T\0"))[1] == 0b111

    simulate(main)


def test_a_pin_that_is_driven_from_outside_is_seen_within_a_turn_of_the_main_loop() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> list[Edge]:
        source, copy = doubles[0].pin("PE4"), doubles[0].pin("PB7")
        await asyncio.sleep(0.001)
        cosim.watch(0, source)
        cosim.watch(0, copy)
        for level in (0, 1, 0, None):  # let go of, it is pulled up
            cosim.drive(0, source, level)
            await asyncio.sleep(0.000317)
        edges = cosim.edges()
        assert [edge.level for edge in edges] == [0, 0, 1, 1, 0, 0, 1, 1]
        for cause, effect in zip(edges[::2], edges[1::2], strict=True):
            assert (cause.pin, effect.pin) == (source, copy)
            assert 0 < effect.clock - cause.clock < LOOP
        return edges

    simulate(main)


@pytest.mark.parametrize("drift", [0.0, 80e-6, -80e-6])
def test_the_clock_goes_by_the_chips_own_cycles(drift: float) -> None:
    async def main(cosim: Cosim, _doubles: list[Double]) -> None:
        await asyncio.sleep(0.01)
        first, begun = cosim.clock(0), cosim.now()
        await asyncio.sleep(1.0)
        passed = (cosim.now() - begun) * FREQUENCY * (1 + drift)
        assert cosim.clock(0) - first == pytest.approx(passed, abs=1)

    simulate(main, {"drift": drift})


def test_a_chip_can_have_been_on_for_a_while() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        assert cosim.clock(0) == pytest.approx(3_000_000 + BOOT * FREQUENCY, abs=1000)
        assert await doubles[0].ask(b"E1") == b"E1"
        assert cosim.clock(0) > 3_000_000

    simulate(main, {"offset": 3_000_000})


def test_a_watchdog_that_bites_resets_the_chip_which_says_so_after_its_boot() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        double = doubles[0]
        assert (await double.ask(b"M\0\0"))[1:] == b"\1\1"  # PORF
        cosim.watch(0, double.pin("PB7"))
        double.tell(b"W")
        begun = cosim.now()
        await asyncio.sleep(0.05)
        assert cosim.resets(0) == 1
        edges = cosim.edges()
        assert [edge.level for edge in edges] == [0]  # an output floats; its clock was still the old one
        bitten = edges[0].clock / FREQUENCY
        assert 0.014 < bitten - begun < 0.019
        double.pipe.close()
        double.connect()
        assert cosim.clock(0) == 0
        await asyncio.sleep(0.01)
        double.tell(b"E")  # it is not up: lost
        await asyncio.sleep(0.015)
        assert cosim.clock(0) < 0.02 * FREQUENCY
        double.pipe.close()
        double.connect()
        assert (await double.ask(b"M\0\0"))[1:] == b"\x08\2"  # WDRF; its memory was kept
        assert cosim.clock(0) > 0

    simulate(main)


def test_the_flash_image_holds_the_program() -> None:
    code = program().with_suffix(".bin")
    command = ["avr-objcopy", "-j", ".text", "-j", ".data", "-O", "binary", str(program()), str(code)]
    subprocess.run(command, check=True)

    async def main(cosim: Cosim, _doubles: list[Double]) -> bytes:
        return cosim.flash(0)

    image = simulate(main)
    assert len(image) == 256 * 1024
    assert image.startswith(code.read_bytes())
    assert image.endswith(b"\xff" * 1000)


def test_compiled_firmware_has_no_flash() -> None:
    cosim = Cosim()
    cosim.add_mcu(fake_firmware(), fake_persona())
    with pytest.raises(DeviceError, match="has no flash"):
        cosim.flash(0)
    cosim.close()


def test_what_is_no_emulator_and_what_is_no_firmware_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    cosim = Cosim()
    with pytest.raises(DeviceError, match="cannot run"):
        cosim.add_chip(Emulation(fake_firmware(), program()), persona())
    with pytest.raises(DeviceError, match="cannot run"):
        cosim.add_chip(emulation(tmp_path / "empty"), persona())
    with pytest.raises(DeviceError, match="cannot run"):
        cosim.add_chip(emulation(tmp_path / "missing"), persona())
    assert cosim.add_chip(emulation(), persona()) == 0
    cosim.close()


async def busy(cosim: Cosim, double: Double) -> None:
    """Steps, echoes and an input that changes."""
    for pin in ("PF0", "PF1", "PB7"):
        cosim.watch(double.number, double.pin(pin))
    for turn in range(8):
        await double.ask(bytes([ord("S"), turn & 1, 10 + 7 * turn]))
        cosim.drive(double.number, double.pin("PE4"), turn & 1)
        await double.ask(b"E" * (1 + 6 * turn))


def test_two_chips_go_side_by_side_each_as_if_it_were_alone() -> None:
    """What one does is the same to the cycle, whether the other is there or not."""

    async def main(cosim: Cosim, doubles: list[Double]) -> list[tuple[list[Edge], str]]:
        await asyncio.gather(*(busy(cosim, double) for double in doubles))
        edges = cosim.edges()
        return [
            ([edge for edge in edges if edge.mcu == mcu], cosim.wire_digest(mcu))
            for mcu in range(len(doubles))
        ]

    other = {"drift": 60e-6, "offset": 12345}
    together = simulate(main, {}, other)
    assert together[0] == simulate(main, {})[0]
    assert simulate(main, {}, other) == together
    assert len(together[1][0]) > 500


def test_edges_of_two_chips_come_in_the_order_of_time() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        for double in doubles:
            cosim.watch(double.number, double.pin("PF0"))
        await asyncio.gather(*(double.ask(b"S\1\x64") for double in doubles))
        edges = cosim.edges()
        times = [edge.clock / (FREQUENCY * (1 + 300e-6 * edge.mcu)) for edge in edges]
        assert {edge.mcu for edge in edges} == {0, 1}
        assert all(later - sooner > -1e-7 for sooner, later in pairwise(times))

    simulate(main, {}, {"drift": 300e-6})


@pytest.mark.parametrize("slices", [1, 977])
def test_it_does_not_matter_in_what_pieces_time_passes(slices: int) -> None:
    assert pieces(slices) == pieces(10)


def pieces(count: int) -> tuple[int, list[Edge], str]:
    """Two chips that step and answer, run through 0.1 s in so many pieces."""
    cosim = Cosim()
    doubles = [Double(cosim), Double(cosim, drift=41e-6)]
    for double in doubles:
        double.connect()
        double.tell(b"-")  # lost in the boot: the host says it again
        cosim.watch(double.number, double.pin("PF0"))
        double.tell(b"S\1\x40")
        double.tell(b"E234")
    carriage = cosim.add_carriage(0, doubles[0].pin("PF0"), doubles[0].pin("PF1"))
    for piece in range(count):
        until = 0.1 * (piece + 1) / count
        while cosim.run(until) != lib.COSIM_TIME:
            pass
    result = (carriage.position, cosim.edges(), cosim.wire_digest(0) + cosim.wire_digest(1))
    for double in doubles:
        double.pipe.close()
    cosim.close()
    return result


def switched(cause: str, effect: str) -> None:
    """A carriage on one MCU closes a switch on another: the other sees it then, not before and not much after."""
    cosim = Cosim()
    doubles = {name: Double(cosim) for name in (cause, effect) if name.startswith("chip")}
    if "fake" in (cause, effect):
        fake = cosim.add_mcu(fake_firmware(), fake_persona(FREQUENCY, 160))
    stepper, watcher = doubles.get(cause), doubles.get(effect)
    step, turn = (stepper.pin("PF0"), stepper.pin("PF1")) if stepper else (STEP, DIR)
    source, copy = (watcher.pin("PE4"), watcher.pin("PB7")) if watcher else (INPUT, COPY)
    by, on = stepper.number if stepper else fake, watcher.number if watcher else fake
    carriage = cosim.add_carriage(by, step, turn)
    carriage.add_switch(20, on, source, level=0)
    cosim.run(0.002)
    for mcu, pin in ((by, step), (on, source), (on, copy)):
        cosim.watch(mcu, pin)
    pipe = SimPipe(cosim, by, BYTE / FREQUENCY)
    queue = lib.session_add_queue(pipe.session)
    lib.session_query(pipe.session, queue, b"S\1\x40", 3, 0, 0)
    while cosim.run(0.02) != lib.COSIM_TIME:
        pass
    edges = cosim.edges()
    assert carriage.position == 64
    times = [edge.clock - cosim.clock(edge.mcu) for edge in edges]  # ticks before now, the same for both
    stepped = [time for time, e in zip(times, edges, strict=True) if (e.mcu, e.pin, e.level) == (by, step, 1)]
    (closed,) = [time for time, e in zip(times, edges, strict=True) if (e.mcu, e.pin) == (on, source)]
    (copied,) = [time for time, e in zip(times, edges, strict=True) if (e.mcu, e.pin) == (on, copy)]
    assert abs(closed - stepped[19]) <= 1
    if cause != effect:  # one that steps has no time to look
        assert 0 < copied - closed < (LOOP if watcher else 160 + 40)
    pipe.close()
    cosim.close()


@pytest.mark.parametrize(
    ("cause", "effect"), [("chip 1", "chip 1"), ("chip 1", "chip 2"), ("chip 1", "fake"), ("fake", "chip 1")]
)
def test_a_switch_is_seen_when_the_carriage_closes_it_whoever_moves_it_and_whoever_looks(
    cause: str, effect: str
) -> None:
    switched(cause, effect)
