"""An answer that comes late, to a question that was asked twice, is no answer to the next question."""

import asyncio

from klipkit.link.pipe import Message
from klipkit.mcu.mcu import Mcu
from tests.unit.firmware_surround import vlq
from tests.unit.homing_bench import Bench, on_bench


def config(mcu: Mcu, answers: int, crc: int) -> Message:
    """The response `config` of an MCU that is not configured, when this ticket was the newest acknowledged."""
    number = mcu.dictionary.responses["config"].id
    now = mcu.pipe.now()
    return Message(now, now, answers, b"".join(map(vlq, (number, 0, crc, 0, 0))))


def test_a_late_answer_is_not_taken_for_that_to_the_next_question() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        mcu = bench.mcus[0]
        ticket = mcu.talk.send("debug_nop")
        asking = asyncio.ensure_future(mcu.talk.query("get_config", "config"))
        await asyncio.sleep(0)
        mcu.talk._hear(config(mcu, ticket, 77), mcu.dictionary)
        heard = await asking
        assert (heard.message.number("is_config"), heard.message.number("crc")) == (
            1,
            mcu.configuration.crc(),
        )

    on_bench(main)


def test_an_answer_to_the_first_of_two_tries_is_one() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        mcu = bench.mcus[0]
        asking = asyncio.ensure_future(mcu.talk.query("get_config", "config"))
        await asyncio.sleep(0)
        mcu.talk._hear(config(mcu, mcu.talk.send("debug_nop") - 1, 77), mcu.dictionary)
        assert (await asking).message.number("crc") == 77

    on_bench(main)
