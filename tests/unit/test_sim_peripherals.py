"""Analog inputs, hardware PWM and buses of a simulated MCU, under the real firmware."""

import asyncio
from typing import Any

import pytest

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError
from klipkit.sim.cosim import Cosim
from klipkit.sim.persona import Persona
from klipkit.wire.message import Message
from tests.unit.test_sim_firmware import Board, board, simulate

ADC, PWM, SELECT = "PK5", "PH5", "PB0"


async def configured(mcu: Board, *commands: str) -> None:
    await mcu.identify()
    await mcu.send("allocate_oids count=2", *commands, "finalize_config crc=1")


def clock_in(cosim: Cosim, seconds: float) -> int:
    return (cosim.clock(0) + int(16e6 * seconds)) & 0xFFFFFFFF


def test_an_analog_input_reads_what_it_was_set_to() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> list[str]:
        async with board(cosim, 0, personas[0]) as mcu:
            await configured(mcu, f"config_analog_in oid=0 pin={ADC}")
            cosim.set_analog(0, mcu.persona.pins[ADC], 818)
            await mcu.send(
                f"query_analog_in oid=0 clock={clock_in(cosim, 0.1)} sample_ticks=16000 sample_count=8 "
                "rest_ticks=4800000 bytes_per_report=2 min_value=1 max_value=8000 range_check_count=1"
            )
            await asyncio.sleep(0.5)
            cosim.set_analog(0, mcu.persona.pins[ADC], 0)
            await asyncio.sleep(0.3)
            assert mcu.dictionary
            came = [mcu.dictionary.decode_response(m.payload) for m in mcu.pipe.take() if m.payload]
            return [text_of(message) for message in came if message.name in {"analog_in_state", "shutdown"}]

    assert simulate(main, "atmega2560") == ["9019", "9019", "ADC out of range"]


def text_of(message: Message) -> str:
    if message.name == "shutdown":
        return message.word("static_string_id")
    return message.data("values").hex()


def test_a_value_beyond_the_converter_and_a_pin_beyond_the_chip_are_refused() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> None:
        for pin, value in ((personas[0].pins[ADC], 1024), (999, 1)):
            with pytest.raises(DeviceError, match=f"no pin {pin} that can read {value}"):
                cosim.set_analog(0, pin, value)

    simulate(main, "atmega2560")


def test_values_of_hardware_pwm_are_noted_like_edges() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> None:
        async with board(cosim, 0, personas[0]) as mcu:
            cosim.watch(0, mcu.persona.pins[PWM])
            config = "cycle_ticks=8192 value=0 default_value=0 max_duration=0"
            await configured(mcu, f"config_pwm_out oid=0 pin={PWM} {config}")
            clock = clock_in(cosim, 0.1)
            await mcu.send(f"queue_pwm_out oid=0 clock={clock} value=128")
            await asyncio.sleep(0.2)
            await mcu.send("emergency_stop")
            assert [edge.level for edge in cosim.edges()] == [128, 0]

    simulate(main, "atmega2560")


SPI = f"config_spi oid=0 pin={SELECT} cs_active_high=0"


async def transfers(cosim: Cosim, mcu: Board) -> list[Message]:
    await configured(
        mcu,
        SPI,
        "spi_set_bus oid=0 spi_bus=0 mode=3 rate=1000000",
        "config_i2c oid=1",
        "i2c_set_bus oid=1 i2c_bus=0 rate=100000 address=98",
    )
    sent = await mcu.send("spi_transfer oid=0 data=010203", "i2c_transfer oid=1 write=07 read_len=2")
    return [message for message in sent if message.name.endswith("_response")]


def test_without_chips_spi_reads_zeros_and_i2c_finds_nobody() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> None:
        async with board(cosim, 0, personas[0]) as mcu:
            spi, i2c = await transfers(cosim, mcu)
            assert spi.data("response") == b"\0\0\0"
            assert (i2c.word("i2c_bus_status"), i2c.data("response")) == ("START_NACK", b"")

    simulate(main, "atmega2560")


def test_chips_on_the_buses_are_asked() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> None:
        seen: list[Any] = []

        @ffi.callback("void(void *, uint32_t, uint8_t *, size_t)")  # type: ignore[untyped-decorator]
        def exchange(_owner: Any, bus: int, data: Any, count: int) -> None:
            seen.append((bus, bytes(ffi.buffer(data, count))))
            ffi.memmove(data, b"\xaa\xbb\xcc", count)

        @ffi.callback("int(void *, uint32_t, uint32_t, uint8_t *, size_t, uint8_t *, size_t)")  # type: ignore[untyped-decorator]
        def transfer(*args: Any) -> int:
            _, bus, address, write, count, read, read_count = args
            seen.append((bus, address, bytes(ffi.buffer(write, count))))
            ffi.memmove(read, b"\x11\x22", read_count)
            return 0

        buses = ffi.new("struct cosim_buses *", {"spi": exchange, "i2c": transfer})
        assert lib.cosim_connect_buses(cosim.handle, 0, buses) == 0
        async with board(cosim, 0, personas[0]) as mcu:
            spi, i2c = await transfers(cosim, mcu)
        assert spi.data("response") == b"\xaa\xbb\xcc"
        assert (i2c.word("i2c_bus_status"), i2c.data("response")) == ("SUCCESS", b"\x11\x22")
        assert seen == [(0, b"\1\2\3"), (0, 98, b"\x07")]

    simulate(main, "atmega2560")
