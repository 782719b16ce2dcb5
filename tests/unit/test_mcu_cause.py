"""The first cause of a shutdown is kept, with when and what came before it, and no consequence hides it."""

import asyncio

import pytest

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import EmergencyStop, LinkError, TimerTooClose
from klipkit.mcu.cause import Cause, first_cause
from klipkit.sim.pipe import SimPipe
from tests.unit.homing_bench import LEAD, Bench, on_bench

AVR, ARM = "atmega2560", "stm32f446"
PAST = "queue_step oid=0 interval=100 count=1 add=0"


async def shut_down(bench: Bench, number: int) -> KlipkitError:
    """A step in the past on an MCU, its first stepper being there: gives its fault."""
    mcu = bench.mcus[number]
    past = round(mcu.mapping.clock(bench.now() - 0.05)) % (1 << 32)
    mcu.talk.send(f"reset_step_clock oid=0 clock={past}")
    mcu.talk.send(PAST)
    return await mcu.fault


def unplug(bench: Bench, number: int) -> None:
    pipe = bench.mcus[number].pipe
    assert isinstance(pipe, SimPipe)
    pipe.unplug()


@pytest.mark.parametrize("chip", [AVR, ARM])
def test_a_shutdown_is_kept_with_its_time_and_the_commands_before_it(chip: str) -> None:
    async def main(bench: Bench) -> Cause | None:
        bench.add_stepper(0, "x")
        await bench.ready()
        mcu = bench.mcus[0]
        for data in range(200):
            mcu.talk.send(f"debug_ping data={data:04x}")
        await asyncio.sleep(1)
        fault = await shut_down(bench, 0)
        assert isinstance(fault, TimerTooClose)
        cause = mcu.cause
        assert cause is not None and cause.error is fault
        assert cause.clock is not None and cause.print_time is not None
        assert 0 <= bench.cosim.clock(0) - cause.clock < 0.02 * mcu.frequency
        assert cause.print_time == pytest.approx(bench.now(), abs=0.02)
        commands = cause.commands()
        assert len(commands) == 30
        assert commands[-1][1] == PAST and commands[-2][1].startswith("reset_step_clock oid=0 clock=")
        assert 0 <= commands[-1][0] < 0.01
        assert commands[-3][1] == "get_clock" and "debug_ping data=00c7" in [text for _, text in commands]
        ages = [age for age, _ in commands]
        assert ages == sorted(ages, reverse=True)
        return cause

    cause = on_bench(main, chip)
    first, second, *rest = cause.lines(3)  # the MCU and the pipe are gone
    assert first == "MCU 'mcu' shutdown: Timer too close"
    assert second == (
        f"at MCU 'mcu', print time {cause.print_time:.6f} s, clock {cause.clock}; the last 3 commands before it, by "
        "age in s:"
    )
    assert len(rest) == 3 and rest[-1].endswith(f"  {PAST}")


def test_what_is_sent_after_the_shutdown_is_not_among_what_came_before() -> None:
    async def main(bench: Bench) -> None:
        bench.add_stepper(0, "x")
        await bench.ready()
        talk = bench.mcus[0].talk
        for command in (PAST, "debug_ping data=aa", "debug_ping data=bb"):
            await asyncio.sleep(
                0.0001
            )  # frames of their own, on the wire before the news of the shutdown comes
            talk.send(command)
        await bench.mcus[0].fault
        cause = bench.mcus[0].cause
        assert cause is not None
        assert cause.commands()[-1][1] == PAST
        assert "debug_ping data=bb" in [message for _, message in late(cause)]

    def late(cause: Cause) -> list[tuple[float, str]]:
        assert cause.dictionary is not None
        return [
            (when, message.text())
            for when, payload in cause.sent
            if when > cause.time
            for message in cause.dictionary.decode_commands(payload)
        ]

    on_bench(main)


@pytest.mark.parametrize("first", [0, 1])
def test_the_others_are_stopped_and_the_first_cause_stays_theirs(first: int) -> None:
    async def main(bench: Bench) -> None:
        for number in (0, 1):
            bench.add_stepper(number, f"s{number}")
        await bench.ready()
        fault = await shut_down(bench, first)
        other = bench.mcus[1 - first]
        other.emergency_stop(fault)
        assert other.fault.result() is fault
        await asyncio.sleep(0.1)
        other.talk.fault = None  # asked whatever has happened
        assert (await other.talk.query("get_config", "config")).message.number("is_shutdown") == 1
        assert other.fault.result() is fault
        cause = first_cause(mcu.cause for mcu in bench.mcus)
        assert cause is bench.mcus[first].cause and cause is not None
        assert cause.mcu == bench.mcus[first].name

    on_bench(main, AVR, ARM)


def test_of_two_shutdowns_the_earlier_is_the_cause_whatever_news_came_first() -> None:
    early, late = Cause("b", LinkError("x"), 1.0), Cause("a", LinkError("y"), 2.0)
    assert first_cause([None, late, early]) is early
    assert first_cause([None, None]) is None


def test_an_emergency_stop_of_the_user_is_its_own_cause() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        bench.mcus[0].emergency_stop()
        assert isinstance(await bench.mcus[0].fault, EmergencyStop)
        assert bench.now() > LEAD

    on_bench(main)


def test_a_broken_link_is_a_cause_with_what_was_sent_and_a_stop_over_it_does_no_harm() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        mcu = bench.mcus[0]
        await asyncio.sleep(2)
        begun = bench.cosim.now()
        unplug(bench, 0)
        fault = await mcu.fault
        assert bench.cosim.now() < begun + 0.01
        mcu.emergency_stop(LinkError("other"))
        cause = mcu.cause
        assert cause is not None and mcu.fault.result() is fault is cause.error
        assert "unplugged" in str(fault)
        assert cause.clock is None and cause.print_time is None
        assert "get_clock" in [text for _, text in cause.commands()]
        assert cause.lines()[1].startswith("at MCU 'mcu'; the last ")
        await mcu.close()
        mcu.emergency_stop()

    on_bench(main)
