"""The figures of an MCU: load from its reports, the link's counts, the clock's frequency."""

import asyncio
import math

import pytest

from klipkit.base.faults import LinkError
from klipkit.mcu.statistics import LastStats, Load, load_of
from klipkit.sim.cosim import Faults
from tests.unit.homing_bench import Bench, on_bench


def test_the_load_is_mean_and_deviation_of_the_passes() -> None:
    passes = [100, 300, 200, 1000, 150] * 400  # ticks
    squares = sum(ticks**2 for ticks in passes) // 256
    load = load_of(len(passes), sum(passes), squares, 16e6)
    mean = sum(passes) / len(passes)
    deviation = math.sqrt(sum((ticks - mean) ** 2 for ticks in passes) / len(passes))
    assert load.mcu_awake == pytest.approx(sum(passes) / 16e6 / 5)
    assert load.mcu_task_avg == pytest.approx(mean / 16e6)
    assert load.mcu_task_stddev == pytest.approx(deviation / 16e6, rel=1e-3)


def test_a_report_of_nothing_is_no_load() -> None:
    assert load_of(0, 0, 0, 16e6) == Load()
    assert load_of(10, 1000, 0, 16e6).mcu_task_stddev == 0  # squares rounded away


@pytest.mark.parametrize("drift", [0.0, 150e-6, -150e-6])
def test_a_running_mcu_reports_its_load_and_its_frequency(drift: float) -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        await asyncio.sleep(30)
        stats = bench.mcus[0].statistics()
        assert 0 < stats.mcu_awake < 0.2
        assert 0 < stats.mcu_task_avg < 1e-3
        assert abs(stats.freq - 16e6 * (1 + drift)) < 16e6 * 5e-6
        assert stats.adj == 16_000_000
        assert stats.bytes_retransmit <= 9  # the number of the first frame is a guess
        assert (stats.ready_bytes, stats.upcoming_bytes) == (0, 0)
        assert stats.bytes_write > 100 and stats.bytes_read > 100
        assert 0 < stats.srtt < 0.01 and stats.rto == 0.025
        assert stats.send_seq == stats.receive_seq > 40

    on_bench(main, drifts=[drift])


def test_damage_on_the_line_is_counted() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        await asyncio.sleep(20)
        stats = bench.mcus[0].statistics()
        assert stats.bytes_retransmit > 0
        assert stats.bytes_invalid > 0
        assert 1 < stats.retransmit_seq <= stats.send_seq

    on_bench(main, faults=Faults(seed=4, corrupt=0.05, drop=0.05))


def test_another_mcus_adjusted_frequency_is_that_over_print_time() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        await asyncio.sleep(30)
        bench.map()
        stats = bench.mcus[1].statistics()
        assert stats.adj == pytest.approx(180e6 * (1 - 200e-6), rel=10e-6)  # the main one's 100 ppm fast

    on_bench(main, "atmega2560", "stm32f446", drifts=[100e-6, -100e-6])


def test_the_status_has_version_and_constants_and_the_line_all_figures() -> None:
    async def main(bench: Bench) -> None:
        await bench.ready()
        status = bench.mcus[0].status()
        assert status.mcu_version == bench.mcus[0].dictionary.version
        assert status.mcu_constants["MCU"] == "atmega2560"
        assert status.last_stats == bench.mcus[0].statistics()
        await bench.mcus[0].close()
        with pytest.raises(LinkError):
            bench.mcus[0].statistics()

    on_bench(main)
    stats = LastStats(mcu_awake=0.0123, mcu_task_avg=0.0000117, bytes_write=120, srtt=0.0011, freq=16000123)
    assert stats.line("mcu") == (
        "mcu: mcu_awake=0.012 mcu_task_avg=0.000012 mcu_task_stddev=0.000000 bytes_write=120 bytes_read=0 "
        "bytes_retransmit=0 bytes_invalid=0 send_seq=0 receive_seq=0 retransmit_seq=0 srtt=0.001 rttvar=0.000 "
        "rto=0.000 ready_bytes=0 upcoming_bytes=0 freq=16000123 adj=0"
    )
