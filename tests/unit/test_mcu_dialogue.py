"""A dialogue with a simulated MCU in virtual time: answers, refusals, resets, bad links."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from klipkit.base.errors import CommandText
from klipkit.base.faults import EmergencyStop, LinkError, NoAnswer, Shutdown
from klipkit.boards.chips import chip
from klipkit.cli.simulate import OBJECT
from klipkit.link.pipe import Pipe
from klipkit.mcu.conversation import Heard
from klipkit.mcu.dialogue import Dialogue
from klipkit.sim.cosim import Cosim, Faults
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.persona import persona_of
from klipkit.sim.pipe import SimPipe

BYTE_TIME = 40e-6
CONFIGURE = ("allocate_oids count=1", "config_trsync oid=0", "finalize_config crc=7")
Scene = Callable[["Bench"], Awaitable[Any]]


class Bench:
    """An MCU, a dialogue with it, and the names of what the listener heard."""

    def __init__(self, cosim: Cosim, faults: Faults | None) -> None:
        self.cosim = cosim
        self.faults = faults
        self.heard: list[str] = []
        self.sent: list[str] = []
        self.pipes: list[SimPipe] = []
        self.dialogue = Dialogue("x", self.open, self.hear, 5.0)
        self.dialogue.on_send = self.sent.append

    async def open(self) -> Pipe:
        self.pipes.append(SimPipe(self.cosim, 0, BYTE_TIME, self.faults))
        return self.pipes[-1]

    def hear(self, heard: Heard) -> None:
        if heard.message.name != "stats":
            self.heard.append(heard.message.name)

    async def ask(self, *texts: str) -> list[str]:
        """The texts of the responses to the last of some commands."""
        for text in texts:
            asked = await self.dialogue.ask(self.dialogue.check(text))
        return [each.message.text() for each in asked.heard if each.message.name != "stats"]


def play(scene: Scene, faults: Faults | None = None) -> Any:
    cosim = Cosim()
    try:
        cosim.add_mcu(build(OBJECT), persona_of(chip("atmega2560")))
        bench = Bench(cosim, faults)

        async def main() -> Any:
            await bench.dialogue.connect()
            try:
                return await scene(bench)
            finally:
                await bench.dialogue.close()

        return run_virtual(main(), cosim)
    finally:
        cosim.close()


def test_a_command_gets_its_answer_and_the_listener_hears_it_once() -> None:
    async def scene(bench: Bench) -> None:
        [answer] = await bench.ask("get_config")
        assert answer.startswith("config is_config=0 crc=0 is_shutdown=0")
        assert await bench.ask(*CONFIGURE) == []
        assert "crc=7" in (await bench.ask("get_config"))[0]
        assert bench.heard == ["config", "config"]
        assert bench.sent == ["get_config", *CONFIGURE, "get_config"]

    play(scene)


def test_what_the_dialogue_asks_for_itself_is_not_heard() -> None:
    async def scene(bench: Bench) -> None:
        await bench.dialogue.sample()
        await bench.dialogue.state()
        command = bench.dialogue.check("get_clock")
        await bench.dialogue.ask(command, quiet=True)
        assert bench.heard == []

    play(scene)


def test_the_clock_in_an_expression_is_the_mcus() -> None:
    """A stepper is told to begin 0.1 s from now: it is in time, and not a second late."""

    async def scene(bench: Bench) -> list[str]:
        await bench.ask(
            "allocate_oids count=1",
            "config_stepper oid=0 step_pin=PA0 dir_pin=PA1 invert_step=0 step_pulse_ticks=32",
            "finalize_config crc=7",
        )
        await asyncio.sleep(100)
        await bench.ask(
            "reset_step_clock oid=0 clock={clock}", "queue_step oid=0 interval={freq*0.1} count=1 add=0"
        )
        await asyncio.sleep(0.2)
        return await bench.ask("stepper_get_position oid=0")

    assert play(scene) == ["stepper_position oid=0 pos=-1"]


def test_a_lost_answer_is_asked_for_again_and_none_is_lost_for_good() -> None:
    """A tenth of the frames damaged each way: 200 questions, 200 right answers."""

    async def scene(bench: Bench) -> int:
        begun = bench.pipes[-1].now()
        for number in range(200):
            answers = await bench.ask(f"debug_ping data={number:04x}")
            assert f"pong data={number:04x}" in answers
        stats = bench.dialogue.stats()
        assert stats["bytes_retransmitted"] > 0
        assert bench.pipes[-1].now() - begun < 30  # none waits for a time-out of 5 s
        return int(stats["frames_sent"])

    assert play(scene, Faults(3, 0.1, 0.05)) > 200


def test_a_refused_command_tells_the_reason_of_the_shutdown_once_and_at_once() -> None:
    async def scene(bench: Bench) -> float:
        await bench.ask(*CONFIGURE)
        with pytest.raises(EmergencyStop, match="MCU 'x' shutdown: Command request"):
            await bench.ask("emergency_stop")
        begun = bench.pipes[-1].now()
        with pytest.raises(EmergencyStop, match="Command request"):
            await bench.ask("trsync_trigger oid=0 reason=1")
        assert await bench.ask("get_uptime")
        return bench.pipes[-1].now() - begun

    assert play(scene) < 0.1


def test_an_mcu_found_in_shutdown_is_asked_for_the_reason() -> None:
    async def scene(bench: Bench) -> None:
        with pytest.raises(EmergencyStop):
            await bench.ask("emergency_stop")
        bench.heard.clear()
        await bench.dialogue.reconnect()
        assert str(bench.dialogue.shutdown).startswith("MCU 'x' shutdown: Command request")
        assert bench.heard == []
        await bench.ask("clear_shutdown")
        await bench.dialogue.state()
        assert bench.dialogue.shutdown is None

    play(scene)


def test_a_reset_is_carried_out_once_and_the_dialogue_goes_on() -> None:
    """Also when the frame of the reset has the number that the fresh MCU expects."""

    async def scene(bench: Bench) -> None:
        for pings in range(17):
            await bench.ask("allocate_oids count=0", "finalize_config crc=9")
            assert "is_config=1" in (await bench.ask("get_config"))[0]
            for _ in range(pings):
                await bench.ask("debug_nop")
            assert await bench.ask("reset") == []
            assert bench.cosim.resets(0) == pings + 1
            assert "is_config=0" in (await bench.ask("get_config"))[0]
        assert "starting" not in bench.heard
        assert not bench.dialogue.restarted()

    play(scene)


def test_a_restart_that_nobody_asked_for_is_noticed() -> None:
    async def scene(bench: Bench) -> None:
        bench.dialogue.talk.send("reset")
        with pytest.raises(Shutdown, match="MCU 'x' spontaneous restart; look at its power supply"):
            await bench.ask("get_uptime")
        assert bench.dialogue.restarted()
        await bench.dialogue.reconnect()
        assert await bench.ask("get_uptime")

    play(scene)


def test_a_flood_counts_commands_and_answers() -> None:
    async def scene(bench: Bench) -> None:
        done = await bench.dialogue.flood(bench.dialogue.check("debug_nop"), 1000)
        assert (done.commands, done.answers, done.bytes_retransmitted) == (1000, None, 0)
        assert done.bytes_sent == 1000 + 5 * 17  # 59 commands of one byte in a frame
        assert done.seconds >= done.bytes_sent * BYTE_TIME * 0.9
        assert bench.heard == []

    play(scene)


def test_a_flood_is_whole_though_the_mcu_has_no_room_for_its_answers() -> None:
    """Also when the last ack is among what is lost."""

    async def scene(bench: Bench) -> None:
        for count in (1, 59, 60, 500, 1000):
            done = await bench.dialogue.flood(bench.dialogue.check("get_clock"), count)
            assert done.commands == count
            assert done.answers is not None
            assert 0 < done.answers <= count
            assert (await bench.ask("get_clock"))[-1].startswith("clock clock=")

    play(scene)


def test_an_unplugged_link_ends_whatever_waits() -> None:
    async def scene(bench: Bench) -> None:
        bench.pipes[-1].unplug()
        with pytest.raises(LinkError, match="the link broke: unplugged"):
            await bench.ask("get_uptime")
        with pytest.raises(LinkError, match="the link broke: unplugged"):
            await bench.dialogue.flood(bench.dialogue.check("get_clock"), 10)

    play(scene)


def test_a_link_that_swallows_everything_is_no_answer_in_the_time_given() -> None:
    async def scene(bench: Bench) -> float:
        bench.cosim.connect(0, bench.pipes[-1].session, BYTE_TIME, Faults(1, 0.0, 1.0))
        begun = bench.pipes[-1].now()
        with pytest.raises(NoAnswer, match=r"no answer to 'get_uptime' in 5 s: no 'uptime' came"):
            await bench.ask("get_uptime")
        with pytest.raises(NoAnswer, match=r"no answer to 'debug_nop' in 5 s: it was not executed"):
            await bench.ask("debug_nop")
        with pytest.raises(NoAnswer, match="the link stopped within 3 commands"):
            await bench.dialogue.flood(bench.dialogue.check("debug_nop"), 3)
        return bench.pipes[-1].now() - begun

    assert 15 <= play(scene) < 21


def test_a_wrong_command_is_told_before_anything_is_sent() -> None:
    async def scene(bench: Bench) -> None:
        before = bench.dialogue.stats()["bytes_sent"]
        for text in ("get_uptim", "set_digital_out pin=PA1", "get_clock x", "a {", ""):
            with pytest.raises(CommandText):
                bench.dialogue.check(text)
        assert bench.dialogue.stats()["bytes_sent"] == before

    play(scene)
