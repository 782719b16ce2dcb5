"""The mapping of an MCU goes with its clock for as long as the machine is on, but not while its steppers move."""

import asyncio

import pytest

from tests.unit.homing_bench import Bench, on_bench

LONG = 900.0  # s


@pytest.mark.parametrize("drifts", [(100e-6, -100e-6), (-100e-6, 100e-6)])
def test_an_mcu_that_nobody_moves_on_still_keeps_print_time(drifts: tuple[float, float]) -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        main, other = bench.mcus
        other.follow(main)
        errors = []
        for _ in range(20):
            await asyncio.sleep(LONG / 20)
            print_time = bench.cosim.clock(0) / main.frequency
            clock = other.mapping.clock(print_time)
            errors.append((clock - bench.cosim.clock(1)) / other.frequency)
        assert max(map(abs, errors)) < 20e-6

    on_bench(main, "atmega2560", "stm32f446", drifts=drifts)


def test_while_its_steppers_move_the_mapping_is_left_alone() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        main, other = bench.mcus
        moving = True
        other.follow(main, unless=lambda: moving)
        before = other.mapping
        await asyncio.sleep(10)
        assert other.mapping is before
        moving = False
        await asyncio.sleep(2)
        assert other.mapping is not before

    on_bench(main, "atmega2560", "stm32f446", drifts=(100e-6, -100e-6))
