"""Triggers on the atmega2560's own firmware, executed instruction by instruction: alone, and beside another chip."""

import pytest

from klipkit.mcu.trsync import Reason
from tests.unit.homing_bench import STEP_TIME, Bench, on_bench

AVR, ARM = "atmega2560", "stm32f446"


@pytest.mark.parametrize(
    ("chips", "emulated"), [((AVR,), (0,)), ((AVR, ARM), (0,)), ((ARM, AVR), (1,)), ((AVR, AVR), (0, 1))]
)
def test_an_endstop_stops_the_steppers_of_all_mcus(chips: tuple[str, ...], emulated: tuple[int, ...]) -> None:
    async def main(bench: Bench) -> None:
        names = {f"s{number}": number for number in range(len(chips))}
        steppers, endstop, trigger, start = await bench.home(names, 100, 20_000, by=f"s{len(chips) - 1}")
        await trigger.wait()
        outcome = await endstop.stop()
        assert outcome.is_hit and outcome.mcu == "mcu"
        others = {mcu.name: Reason.HOST for mcu in bench.mcus[1:]}
        assert outcome.reasons == {"mcu": Reason.HIT, **others}
        time = await endstop.trigger_time()
        assert time == pytest.approx(start + 100 * STEP_TIME, abs=STEP_TIME + 5e-4)
        for stepper in steppers:
            assert 100 <= await stepper.counted() == bench.carriages[stepper.name].position <= 110

    on_bench(main, *chips, emulated=emulated, drifts=[50e-6, -50e-6])
