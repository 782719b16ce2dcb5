"""Triggers and endstops on simulated firmware: what stops which stepper, when, and why."""

import asyncio

import pytest

from klipkit._core import ffi
from klipkit.mcu.trsync import SEVERAL, SINGLE, Reason
from klipkit.sim.cosim import Faults
from klipkit.sim.pipe import SimPipe
from tests.unit.homing_bench import LEAD, STEP_TIME, Bench, on_bench

AVR, ARM = "atmega2560", "stm32f446"
REST = STEP_TIME


@pytest.mark.parametrize("chip", [AVR, ARM])
def test_an_endstop_stops_its_steppers_at_the_step_and_tells_when(chip: str) -> None:
    async def main(bench: Bench) -> None:
        x, y = bench.add_stepper(0, "x"), bench.add_stepper(0, "y")
        endstop = bench.add_endstop(0, "x", 400)
        endstop.use([x, y])
        await bench.ready()
        assert await endstop.query() is False
        start = bench.now() + LEAD
        trigger = await endstop.home(start, REST)
        for stepper in (x, y):
            bench.run(stepper, start, 3000)
        await trigger.wait()
        outcome = await endstop.stop()
        assert (outcome.reason, outcome.mcu, outcome.is_hit) == (Reason.HIT, "mcu", True)
        made = await x.counted(), await y.counted()
        assert made == (bench.carriages["x"].position, bench.carriages["y"].position)
        assert max(made) - min(made) <= 1
        assert 400 <= made[0] <= 402  # a rest and the samples after the step that closed it
        time = await endstop.trigger_time()
        assert time is not None and -1e-6 <= time - (start + 400 * STEP_TIME) <= REST + 1e-5
        assert await endstop.query() is True

    on_bench(main, chip)


def test_what_comes_after_the_trigger_is_dropped_until_the_clock_is_reset() -> None:
    async def main(bench: Bench) -> None:
        (x,), endstop, trigger, _start = await bench.home({"x": 0}, 100, 200)
        await trigger.wait()
        await endstop.stop()
        made = await x.counted()
        x.mcu.talk.send(f"queue_step oid={x.oid} interval=16000 count=50 add=0")
        await asyncio.sleep(1)
        assert bench.carriages["x"].position == made == await x.counted()
        bench.run(x, bench.now() + LEAD, 50, forward=False)
        await asyncio.sleep(1)
        assert bench.carriages["x"].position == made - 50 == await x.counted()
        assert await endstop.query() is False

    on_bench(main)


def test_an_endstop_that_is_triggered_already_lets_no_step_be_made() -> None:
    async def main(bench: Bench) -> None:
        x = bench.add_stepper(0, "x")
        endstop = bench.add_endstop(0, "x", 0)
        endstop.use([x])
        await bench.ready()
        start = bench.now() + LEAD
        trigger = await endstop.home(start, REST)
        bench.run(x, start + STEP_TIME, 200)
        await trigger.wait()
        assert (await endstop.stop()).is_hit
        assert bench.carriages["x"].position == await x.counted() == 0
        assert await endstop.trigger_time() == pytest.approx(start, abs=1e-6)

    on_bench(main)


def test_a_probe_can_wait_until_it_is_not_triggered_any_more() -> None:
    async def main(bench: Bench) -> None:
        x = bench.add_stepper(0, "x")
        endstop = bench.add_endstop(0, "x", -300)
        endstop.use([x])
        await bench.ready()
        start = bench.now() + LEAD
        trigger = await endstop.home(start, REST, triggered=False)
        bench.run(x, start, 2000, forward=False)
        await trigger.wait()
        assert (await endstop.stop()).is_hit
        assert -303 <= bench.carriages["x"].position <= -301

    on_bench(main)


@pytest.mark.parametrize("chips", [[AVR], [AVR, ARM]])
def test_a_move_that_meets_no_endstop_ends_by_its_end(chips: list[str]) -> None:
    async def main(bench: Bench) -> None:
        x = bench.add_stepper(len(chips) - 1, "x")
        endstop = bench.add_endstop(0, "x", 10_000)
        endstop.use([x])
        await bench.ready()
        start = bench.now() + LEAD
        trigger = await endstop.home(start, REST)
        trigger.set_end(start + 300 * STEP_TIME)
        bench.run(x, start, 300)
        await trigger.wait()
        outcome = await endstop.stop()
        assert outcome.reason is Reason.PAST_END
        assert not outcome.is_hit
        assert await endstop.trigger_time() is None
        assert bench.carriages["x"].position == await x.counted() == 300
        assert bench.now() < start + 0.3 + trigger.timeout + 0.02

    on_bench(main, *chips)


@pytest.mark.parametrize("drifts", [(0, 0), (100e-6, -100e-6), (-100e-6, 100e-6)])
@pytest.mark.parametrize("chips", [(AVR, ARM), (ARM, AVR), (AVR, AVR, ARM)])
def test_an_endstop_on_one_mcu_stops_the_steppers_of_all(
    chips: tuple[str, ...], drifts: tuple[float, ...]
) -> None:
    async def main(bench: Bench) -> None:
        names = {f"s{number}": number for number in range(len(chips))}
        steppers, endstop, trigger, start = await bench.home(names, 1500, 60_000, by=f"s{len(chips) - 1}")
        await trigger.wait()
        outcome = await endstop.stop()
        assert outcome.is_hit
        assert outcome.reasons == {"mcu": Reason.HIT} | {mcu.name: Reason.HOST for mcu in bench.mcus[1:]}
        for stepper in steppers:
            made = await stepper.counted()
            assert made == bench.carriages[stepper.name].position
            assert 1500 <= made < 1500 + 8  # ms of the wires and the rest
        time = await endstop.trigger_time()
        assert time is not None and -2e-4 <= time - (start + 1500 * STEP_TIME) <= REST + 2e-4
        assert outcome.least_left is not None and outcome.least_left > SEVERAL / 3

    on_bench(main, *chips, drifts=drifts)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("lost", [0, 1])
def test_when_a_link_is_lost_all_mcus_stop_in_time(lost: int, told: bool) -> None:
    """Unplugged, which the host sees at once, or silent, when only the time-outs stop the others."""

    async def main(bench: Bench) -> None:
        names = {f"s{number}": number for number in range(2)}
        steppers, endstop, trigger, start = await bench.home(names, 50_000, 60_000)
        await asyncio.sleep(start + 1.0 - bench.now())
        pipe = bench.mcus[lost].pipe
        assert isinstance(pipe, SimPipe)
        if told:
            pipe.unplug()
        else:
            bench.cosim.connect(lost, ffi.NULL, 0.0)
        begun = bench.cosim.now()
        await trigger.wait()
        outcome = await endstop.stop()
        other = bench.mcus[1 - lost]
        assert outcome.reasons == {other.name: Reason.HOST if told else Reason.EXPIRED}
        assert outcome.mcu == other.name and not outcome.is_hit
        assert ("unplugged" if told else "Lost communication") in str(outcome.fault)
        assert bench.cosim.now() - begun < 6
        most = 1000 + SEVERAL * 1000 + 10
        made = await steppers[1 - lost].counted()
        assert 1000 <= made <= most
        await asyncio.sleep(1)
        assert bench.carriages[f"s{1 - lost}"].position == made
        assert bench.carriages[f"s{lost}"].position <= most  # stopped by itself as well

    on_bench(main, AVR, ARM)


def test_when_the_only_link_is_lost_the_mcu_stops_by_itself() -> None:
    async def main(bench: Bench) -> None:
        (_x,), endstop, trigger, start = await bench.home({"x": 0}, 50_000, 60_000)
        await asyncio.sleep(start + 1.0 - bench.now())
        pipe = bench.mcus[0].pipe
        assert isinstance(pipe, SimPipe)
        pipe.unplug()
        await trigger.wait()
        outcome = await endstop.stop()
        assert outcome.reason is Reason.NONE and "unplugged" in str(outcome.fault)
        await asyncio.sleep(1)
        assert 1000 <= bench.carriages["x"].position <= 1000 + SINGLE * 1000 + 10

    on_bench(main)


@pytest.mark.parametrize("chips", [[AVR], [AVR, ARM]])
def test_a_cancel_in_the_middle_ends_it_on_all_mcus(chips: list[str]) -> None:
    async def main(bench: Bench) -> None:
        steppers = [bench.add_stepper(number, f"s{number}") for number in range(len(chips))]
        endstop = bench.add_endstop(0, "s0", 50_000)
        endstop.use(steppers)
        await bench.ready()
        reasons: list[Reason] = []

        async def home() -> None:
            start = bench.now() + LEAD
            try:
                trigger = await endstop.home(start, REST)
                for stepper in steppers:
                    bench.run(stepper, start, 60_000)
                await trigger.wait()
            finally:
                reasons.append((await endstop.stop()).reason)

        homing = asyncio.ensure_future(home())
        await asyncio.sleep(LEAD + 0.5)
        homing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await homing
        assert reasons == [Reason.HOST]
        made = [await stepper.counted() for stepper in steppers]
        await asyncio.sleep(1)
        assert made == [bench.carriages[stepper.name].position for stepper in steppers]
        assert all(300 < steps < 600 for steps in made)

    on_bench(main, *chips)


def test_three_endstops_home_at_once_and_each_stops_its_own_stepper() -> None:
    async def main(bench: Bench) -> None:
        steppers = [bench.add_stepper(0, name) for name in "abc"]
        places = (200, 500, 350)
        endstops = []
        for stepper, place, pin in zip(steppers, places, ("PE5", "PE4", "PE3"), strict=True):
            endstops.append(bench.add_endstop(0, stepper.name, place, pin))
            endstops[-1].use([stepper])
        await bench.ready()
        start = bench.now() + LEAD
        triggers = await asyncio.gather(*(endstop.home(start, REST) for endstop in endstops))
        for stepper in steppers:
            bench.run(stepper, start, 3000)
        await asyncio.gather(*(trigger.wait() for trigger in triggers))
        for endstop, stepper, place in zip(endstops, steppers, places, strict=True):
            assert (await endstop.stop()).is_hit
            time = await endstop.trigger_time()
            assert time is not None and -1e-6 <= time - (start + place * STEP_TIME) <= REST + 1e-5
            assert place <= await stepper.counted() <= place + 2

    on_bench(main)


def test_a_lost_report_of_the_trigger_is_found_out() -> None:
    """Nothing repeats a response: the host asks when it hears no more."""

    async def main(bench: Bench) -> None:
        (_x,), endstop, trigger, start = await bench.home({"x": 0}, 400, 1000)
        await asyncio.sleep(start + 0.39 - bench.now())
        trigger._hear = lambda oid, heard: None  # type: ignore[method-assign]
        bench.mcus[0].talk._listeners["trsync_state"].clear()  # as if it never came
        await trigger.wait()
        assert (await endstop.stop()).is_hit
        assert bench.now() < start + 0.4 + SINGLE + 0.2

    on_bench(main)


@pytest.mark.parametrize("seed", range(6))
def test_on_a_disturbed_line_a_homing_hits_and_counts_are_exact(seed: int) -> None:
    """Of 100 frames each way 2 are damaged and 2 lack a byte: commands are repeated, reports are lost."""

    async def main(bench: Bench) -> None:
        (x,), endstop, trigger, start = await bench.home({"x": 0}, 1000, 3000, lead=5 * LEAD)
        await trigger.wait()
        assert (await endstop.stop()).is_hit
        time = await endstop.trigger_time()
        assert time is not None and time == pytest.approx(start + 1000 * STEP_TIME, abs=REST + 1e-4)
        assert 1000 <= await x.counted() == bench.carriages["x"].position <= 1002

    on_bench(main, faults=Faults(seed=seed, corrupt=0.02, drop=0.02))


@pytest.mark.parametrize("seed", range(6))
def test_on_disturbed_lines_several_mcus_stop_in_time_whatever_is_lost(seed: int) -> None:
    async def main(bench: Bench) -> None:
        names = {f"s{number}": number for number in range(2)}
        steppers, endstop, trigger, _start = await bench.home(names, 1000, 60_000, by="s1", lead=5 * LEAD)
        await trigger.wait()
        outcome = await endstop.stop()
        assert outcome.reason in (Reason.HIT, Reason.EXPIRED)
        for stepper in steppers:
            assert (
                await stepper.counted() == bench.carriages[stepper.name].position <= 1000 + 1000 * SEVERAL + 5
            )

    on_bench(main, AVR, ARM, faults=Faults(seed=seed, corrupt=0.02, drop=0.02))


def test_an_mcu_that_shuts_down_ends_it() -> None:
    async def main(bench: Bench) -> None:
        names = {f"s{number}": number for number in range(2)}
        _steppers, endstop, trigger, start = await bench.home(names, 50_000, 60_000)
        await asyncio.sleep(start + 1.0 - bench.now())
        bench.mcus[1].talk.send("emergency_stop")
        await trigger.wait()
        outcome = await endstop.stop()
        assert not outcome.is_hit
        assert outcome.reasons == {"mcu": Reason.HOST}
        assert "Command request" in str(outcome.fault)
        assert bench.carriages["s0"].position <= 1000 + SEVERAL * 1000 + 10

    on_bench(main, AVR, ARM)
