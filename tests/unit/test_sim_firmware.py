"""The real firmware in the co-simulator: identify at the wire's speed, exact steps, resets, two chips at once."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from klipkit._core import lib
from klipkit.boards.chips import chip
from klipkit.sim.cosim import Carriage, Cosim, Edge, Faults
from klipkit.sim.loop import run_virtual
from klipkit.sim.persona import Persona, persona_of
from klipkit.sim.pipe import SimPipe
from klipkit.wire.dictionary import Dictionary
from klipkit.wire.identify import Identify
from klipkit.wire.message import Message
from tests.reference import TOP

STEP, DIR = "PF0", "PF1"  # as on a RAMPS board
REPEAT = 0.5  # s after which a question is put again


@lru_cache(maxsize=1)
def firmware() -> Path:
    """The simulator's build of the firmware."""
    subprocess.run(["make", "-s", "-C", str(TOP / "firmware"), "PORT=sim"], check=True, capture_output=True)
    return TOP / "firmware/build/sim/klipkit-sim.so"


class Board:
    """One simulated MCU, the pipe to it and its dictionary once identified."""

    def __init__(self, cosim: Cosim, number: int, persona: Persona, faults: Faults | None = None) -> None:
        self.cosim, self.number, self.persona = cosim, number, persona
        self.pipe = SimPipe(cosim, number, persona.byte_time, faults)
        self.queue = lib.session_add_queue(self.pipe.session)
        self.dictionary: Dictionary | None = None

    async def exchange(self, payload: bytes) -> list[bytes]:
        """Send a command and give all that came until it was executed; repeated when nothing came."""
        came: list[bytes] = []
        while True:
            ticket = lib.session_query(self.pipe.session, self.queue, payload, len(payload), 0, 0)
            try:
                async with asyncio.timeout(REPEAT):
                    async for message in self.pipe.messages():
                        if not message.payload and message.answers >= ticket:
                            return came
                        came.append(message.payload)
            except TimeoutError:
                continue

    async def identify(self) -> Dictionary:
        conversation = Identify()
        while not conversation.done:
            for payload in await self.exchange(conversation.request):
                conversation.receive(payload)
        self.dictionary = conversation.dictionary()
        return self.dictionary

    async def send(self, *commands: str) -> list[Message]:
        """Send commands and give what came while they were executed."""
        assert self.dictionary
        came: list[bytes] = []
        for command in commands:
            came += await self.exchange(self.dictionary.encode(command))
        return [self.dictionary.decode_response(payload) for payload in came if payload]

    async def configure(self, stepper: str) -> Carriage:
        """One stepper with oid 0; its step and direction pin move the carriage."""
        await self.send(
            "allocate_oids count=1",
            f"config_stepper oid=0 step_pin={STEP} dir_pin={DIR} {stepper}",
            "finalize_config crc=1",
        )
        pins = self.persona.pins
        return self.cosim.add_carriage(self.number, pins[STEP], pins[DIR], both_edges="-1" in stepper)


@asynccontextmanager
async def board(
    cosim: Cosim, number: int, persona: Persona, faults: Faults | None = None
) -> AsyncIterator[Board]:
    made = Board(cosim, number, persona, faults)
    try:
        yield made
    finally:
        made.pipe.close()


def simulate(main: Callable[[Cosim, list[Persona]], Awaitable[Any]], *chips: str, drift: float = 0.0) -> Any:
    """Run a coroutine with one MCU per chip."""
    cosim = Cosim()
    personas = [persona_of(chip(name)) for name in chips]
    for number, persona in enumerate(personas):
        cosim.add_mcu(firmware(), persona, offset=(1 << 32) - 8_000_000 * (number + 1), drift=drift)

    async def run() -> Any:
        return await main(cosim, personas)

    try:
        return run_virtual(run(), cosim)
    finally:
        cosim.close()


@pytest.mark.parametrize("name", ["atmega2560", "stm32f446"])
def test_the_dictionary_is_that_of_the_chip(name: str) -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> Dictionary:
        async with board(cosim, 0, personas[0]) as mcu:
            return await mcu.identify()

    of = chip(name)
    dictionary = simulate(main, name)
    constants = {key: value for key, value in dictionary.constants.items() if "PINS" not in key}
    assert constants == dict(of.constants)
    assert dictionary.constants["BUS_PINS_" + next(iter(of.spi))] == ",".join(of.spi[next(iter(of.spi))].pins)
    assert dictionary.enumerations["spi_bus"] == {bus: pins.number for bus, pins in of.spi.items()}
    assert set(of.pins) <= set(dictionary.enumerations["pin"])


def test_a_uart_takes_its_time_for_the_dictionary_and_a_usb_port_none() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> list[float]:
        times = []
        for number, persona in enumerate(personas):
            async with board(cosim, number, persona) as mcu:
                begun = cosim.now()
                await mcu.identify()
                times.append(cosim.now() - begun)
        return times

    uart, usb = simulate(main, "atmega2560", "rp2040")
    assert uart > 0.1
    assert usb < 0.02


def test_lost_and_damaged_frames_only_cost_time() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> Dictionary:
        async with board(cosim, 0, personas[0], Faults(seed=3, corrupt=0.03, drop=0.03)) as mcu:
            return await mcu.identify()

    assert simulate(main, "atmega2560").constants["MCU"] == "atmega2560"


async def steps(cosim: Cosim, personas: list[Persona], stepper: str) -> tuple[list[Edge], int, Carriage]:
    """50 accelerating steps, then 20 the other way: their edges, the clock that the first interval counts from."""
    async with board(cosim, 0, personas[0]) as mcu:
        await mcu.identify()
        carriage = await mcu.configure(stepper)
        cosim.watch(0, mcu.persona.pins[STEP])
        begun = cosim.clock(0) + 1_600_000
        await mcu.send(
            f"reset_step_clock oid=0 clock={begun & 0xFFFFFFFF}",
            "set_next_step_dir oid=0 dir=1",
            "queue_step oid=0 interval=20000 count=50 add=-150",
            "set_next_step_dir oid=0 dir=0",
            "queue_step oid=0 interval=30000 count=20 add=0",
        )
        await asyncio.sleep(0.5)
        return cosim.edges(), begun, carriage


def expected_steps(begun: int) -> list[int]:
    clocks = [begun]
    for number in range(50):
        clocks.append(clocks[-1] + 20000 - 150 * number)
    for _ in range(20):
        clocks.append(clocks[-1] + 30000)
    return clocks[1:]


@pytest.mark.parametrize(
    "stepper", ["invert_step=0 step_pulse_ticks=32", "invert_step=-1 step_pulse_ticks=2"]
)
def test_each_step_comes_at_its_clock(stepper: str) -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> None:
        edges, begun, carriage = await steps(cosim, personas, stepper)
        stepped = [edge.clock for edge in edges if edge.level == 1 or "-1" in stepper]
        late = [clock - due for clock, due in zip(stepped, expected_steps(begun), strict=True)]
        assert min(late) >= 0
        assert max(late) <= 8  # ticks: a few reads of the clock on the way to the pin
        assert (carriage.position, carriage.violations) == (30, 0)

    simulate(main, "atmega2560", drift=30e-6)


def test_two_chips_of_different_speed_step_side_by_side_and_each_run_is_the_same() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> list[Edge]:
        async def run(number: int) -> None:
            async with board(cosim, number, personas[number]) as mcu:
                await mcu.identify()
                carriage = await mcu.configure("invert_step=0 step_pulse_ticks=200")
                cosim.watch(number, mcu.persona.pins[STEP])
                begun = (cosim.clock(number) + personas[number].clock_frequency // 10) & 0xFFFFFFFF
                await mcu.send(
                    f"reset_step_clock oid=0 clock={begun}", "queue_step oid=0 interval=9000 count=300 add=1"
                )
                await asyncio.sleep(1.0)
                assert carriage.position == -300

        await asyncio.gather(run(0), run(1))
        return cosim.edges()

    first = simulate(main, "atmega2560", "stm32f446")
    assert len(first) == 1200
    assert simulate(main, "atmega2560", "stm32f446") == first


def test_a_reset_brings_starting_and_forgets_the_configuration() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> None:
        async with board(cosim, 0, personas[0]) as mcu:
            await mcu.identify()
            await mcu.configure("invert_step=0 step_pulse_ticks=32")
            assert (await mcu.send("get_config"))[0].number("is_config") == 1
            assert mcu.dictionary
            reset = mcu.dictionary.encode("reset")
            lib.session_send(mcu.pipe.session, mcu.queue, reset, len(reset), 0, 0)
            await asyncio.sleep(0.2)
            names = [mcu.dictionary.decode_response(m.payload).name for m in mcu.pipe.take() if m.payload]
            assert "starting" in names
            assert cosim.resets(0) == 1
        async with board(cosim, 0, personas[0]) as mcu:
            await mcu.identify()
            assert (await mcu.send("get_config"))[0].number("is_config") == 0

    simulate(main, "atmega2560")


def test_a_step_that_comes_too_late_shuts_the_mcu_down() -> None:
    async def main(cosim: Cosim, personas: list[Persona]) -> list[Message]:
        async with board(cosim, 0, personas[0]) as mcu:
            await mcu.identify()
            await mcu.configure("invert_step=0 step_pulse_ticks=32")
            past = (cosim.clock(0) - 16_000_000) & 0xFFFFFFFF
            return await mcu.send(
                f"reset_step_clock oid=0 clock={past}", "queue_step oid=0 interval=99 count=1 add=0"
            )

    messages = simulate(main, "atmega2560")
    assert [message.word("static_string_id") for message in messages if message.name == "shutdown"] == [
        "Timer too close"
    ]
