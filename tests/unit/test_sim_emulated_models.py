"""The models of the machine on the pins of an emulated chip: heat, sensors, rails, and a reset from outside."""

import asyncio
import math

import pytest

from klipkit._core import lib
from klipkit.sim.cosim import Cosim
from klipkit.sim.models import Fan, FanLaw, Heat, HeatLaw, Rail
from tests.unit.avr_bench import BOOT, Double, simulate

LAW = HeatLaw(power=3.0, loss=1 / 150, lag=0.001)


def linear(temperature: float) -> float:
    """A sensor that is easy to tell: full range at 1000 degrees C."""
    return min(1.0, max(0.0, temperature / 1000))


async def celsius(double: Double) -> float:
    """What the chip's own converter reads of channel 0."""
    answer = await double.ask(b"A\0\0")
    return int.from_bytes(answer[1:3], "little") / 1023 * 1000


def test_hardware_pwm_of_the_chip_heats_and_its_converter_reads_it_at_its_own_time() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        heat = Heat(cosim, LAW)
        heat.heated_by((0, doubles[0].pin("PB4")))
        heat.add_sensor((0, doubles[0].pin("PF0")), linear)
        assert await celsius(doubles[0]) == pytest.approx(25.0, abs=0.6)
        await doubles[0].ask(b"P\x80")  # half power
        begun, before = cosim.now(), heat.now.heating
        for seconds in (1.0, 4.0):
            await asyncio.sleep(begun + seconds - cosim.now())
            end = 25 + LAW.power / LAW.loss * 128 / 255
            warm = end + (25 - end) * math.exp(-LAW.loss * seconds)
            assert heat.now.body == pytest.approx(warm, abs=0.05)
            assert await celsius(doubles[0]) == pytest.approx(warm, abs=0.6)
        await doubles[0].ask(b"P\0")
        spent = heat.now.heating
        assert spent - before == pytest.approx((cosim.now() - begun) * 128 / 255, rel=0.01)
        await asyncio.sleep(1.0)
        assert heat.now.heating == pytest.approx(spent, abs=1e-3)

    simulate(main)


def test_an_inverted_heater_is_off_at_full_pwm_and_on_at_none() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        heat = Heat(cosim, LAW)
        heat.heated_by((0, doubles[0].pin("PB4")), inverted=True)
        await doubles[0].ask(b"P\xff")
        before = heat.now.heating
        await asyncio.sleep(1.0)
        assert heat.now.heating == before
        await doubles[0].ask(b"P\0")
        begun = cosim.now()
        await asyncio.sleep(1.0)
        assert heat.now.heating - before == pytest.approx(cosim.now() - begun, abs=0.01)

    simulate(main)


def test_a_fan_turns_by_the_chips_pwm() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        fan = Fan(cosim, FanLaw(full=50.0, inertia=0.1), (0, doubles[0].pin("PB4")))
        fan.add_tachometer((0, doubles[0].pin("PE4")))
        cosim.watch(0, doubles[0].pin("PE4"))
        await doubles[0].ask(b"P\x33")  # a fifth
        await asyncio.sleep(5.0)
        assert fan.speed == pytest.approx(10.0, rel=1e-3)
        assert len(cosim.edges()) == pytest.approx(4 * fan.turns, abs=1)

    simulate(main)


def test_a_rail_stops_the_chips_stepper_at_its_end() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        carriage = cosim.add_carriage(0, doubles[0].pin("PF0"), doubles[0].pin("PF1"))
        rail = Rail(cosim, 5.0, 0.0, 10.0)
        rail.moved_by(carriage, 0.1)
        await doubles[0].ask(b"S\1\x64")
        assert rail.position == pytest.approx(10.0)
        assert (carriage.truth.commanded, carriage.truth.stalled, carriage.slipped) == (100, 50, -50)

    simulate(main)


def test_a_chip_that_is_reset_from_outside_has_lost_its_memory_and_its_heater() -> None:
    async def main(cosim: Cosim, doubles: list[Double]) -> None:
        double = doubles[0]
        heat = Heat(cosim, LAW)
        heat.heated_by((0, double.pin("PB4")))
        await double.ask(b"P\xff")
        assert (await double.ask(b"M\0\0"))[1:] == b"\1\1"  # started once
        cosim.reset(0)
        heating = heat.now.heating
        assert (cosim.resets(0), cosim.clock(0)) == (1, 0)
        await asyncio.sleep(0.06)
        assert heat.now.heating == heating
        await asyncio.sleep(0.01 + BOOT)
        double.pipe.close()
        double.connect()
        assert (await double.ask(b"M\0\0"))[1:] == b"\1\1"
        assert lib.cosim_pin_share(cosim.handle, 0, double.pin("PB4")) <= 0

    simulate(main)
