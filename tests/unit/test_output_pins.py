"""Pins that SET_PIN sets, on a simulated microcontroller."""

import asyncio

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError, RemovedOption
from klipkit.base.faults import GcodeError
from klipkit.cli.sections import SCHEMA
from tests.unit.parts_bench import PRINTER, Bench

PINS = ("PH4", "PH5", "PH6", "PH3")


def bench_of(text: str) -> Bench:
    bench = Bench(text)
    for pin in PINS:
        bench.watch(pin)
    return bench


def levels(bench: Bench, pin: str) -> list[int]:
    return [level for _, level in bench.edges_of(pin)]


def test_a_pin_is_set_by_its_name_when_the_moves_end() -> None:
    bench = bench_of("[output_pin light]\npin: PH4\n[output_pin other]\npin: !PH5\nvalue: 1\n")

    async def act() -> float:
        assert bench.parts["output_pin other"].status().value == 1.0
        bench.clock.moves = 0.9
        await bench.gcode("SET_PIN PIN=light VALUE=1")
        asked = bench.clock.now()
        assert bench.parts["output_pin light"].status().value == 1.0
        await asyncio.sleep(2)
        await bench.gcode("SET_PIN PIN=light VALUE=0")
        await asyncio.sleep(2)
        return asked

    asked = bench.run(act)
    assert levels(bench, "PH4") == [1, 0]
    assert bench.edges_of("PH4")[0][0] - asked == pytest.approx(0.9, abs=0.001)
    assert levels(bench, "PH5")[-1:] in ([], [0])  # inverted: on is low


def test_a_pwm_pin_has_the_share_of_its_scale_and_its_first_value() -> None:
    bench = bench_of("[output_pin vref]\npin: PH4\npwm: True\nscale: 2\nvalue: 0.5\ncycle_time: 0.01\n")

    async def act() -> None:
        await asyncio.sleep(3)
        await bench.gcode("SET_PIN PIN=vref VALUE=1.5")
        await asyncio.sleep(3)

    bench.run(act)
    now = bench.cosim.now()
    assert bench.duty("PH4", now - 5, now - 3.1) == pytest.approx(0.25, abs=0.01)
    assert bench.duty("PH4", now - 2, now) == pytest.approx(0.75, abs=0.01)


def test_a_hardware_pin_has_first_value_changes_and_shutdown_value() -> None:
    bench = bench_of(
        "[output_pin hard]\npin: PH6\npwm: True\nhardware_pwm: True\nvalue: 0.2\nshutdown_value: 0.6\n"
    )

    async def act() -> None:
        await bench.gcode("SET_PIN PIN=hard VALUE=1")
        await asyncio.sleep(1)
        bench.mcu.talk.send("emergency_stop")
        await asyncio.sleep(1)

    with pytest.raises(Exception, match="Command request"):
        bench.run(act)
    assert [value for value, _ in runs_of(levels(bench, "PH6"))][-3:] == [51, 255, 153]


def runs_of(values: list[int]) -> list[tuple[int, int]]:
    """Each run of equal values, with its length."""
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs


@pytest.mark.parametrize("shutdown", [0, 1])
def test_a_digital_pin_has_its_shutdown_value_in_shutdown(shutdown: int) -> None:
    bench = bench_of(f"[output_pin light]\npin: PH4\nvalue: {1 - shutdown}\nshutdown_value: {shutdown}\n")

    async def act() -> None:
        await asyncio.sleep(8)  # it is not refreshed, and may be so for ever
        bench.mcu.talk.send("emergency_stop")
        await asyncio.sleep(1)

    with pytest.raises(Exception, match="Command request"):
        bench.run(act)
    assert levels(bench, "PH4")[-1] == shutdown


def test_the_cycle_time_of_a_pin_changes_with_its_value() -> None:
    bench = bench_of("[pwm_cycle_time buzz]\npin: PH4\ncycle_time: 0.1\n")
    starts = []

    async def act() -> None:
        for text in ("VALUE=0.5", "VALUE=0.5 CYCLE_TIME=0.02", "VALUE=0.25 CYCLE_TIME=0.05", "VALUE=0.5"):
            await bench.gcode(f"SET_PIN PIN=buzz {text}")
            starts.append(bench.cosim.now() + 0.2)
            await asyncio.sleep(2)

    bench.run(act)
    found = []
    for start in starts:
        rises = [time for time, level in bench.edges_of("PH4") if level and start < time < start + 1.7]
        cycle = (rises[-1] - rises[0]) / (len(rises) - 1)
        found.append((round(cycle, 4), round(bench.duty("PH4", rises[0], rises[-1]), 3)))
    assert found == [(0.1, 0.5), (0.02, 0.5), (0.05, 0.25), (0.1, 0.5)]


def test_a_tool_is_refreshed_while_the_host_is_there_and_off_when_it_is_gone() -> None:
    bench = bench_of("[pwm_tool laser]\npin: PH4\ncycle_time: 0.01\nmaximum_mcu_duration: 2\n")

    async def act() -> None:
        await bench.gcode("SET_PIN PIN=laser VALUE=0.3")
        await asyncio.sleep(15)
        bench.mcu.pipe.unplug()  # type: ignore[attr-defined]

    bench.run(act)
    gone = bench.cosim.now()
    assert bench.duty("PH4", gone - 10, gone) == pytest.approx(0.3, abs=0.01)
    bench.wait(4)
    last, level = bench.edges_of("PH4")[-1]
    assert level == 0 and last - gone < 2.2


def test_static_pins_are_high_or_low_with_a_mark() -> None:
    bench = bench_of("[static_digital_output x]\npins: PH4, !PH5\n")

    async def act() -> None:
        await asyncio.sleep(1)

    bench.run(act)
    assert levels(bench, "PH4") == [1]
    assert levels(bench, "PH5")[-1:] in ([], [0])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SET_PIN PIN=light VALUE=0.5", "must be 0 or 1"),
        ("SET_PIN PIN=vref VALUE=2.1", "between 0 and 2"),
        ("SET_PIN PIN=vref", "VALUE must be given"),
        ("SET_PIN PIN=lihgt VALUE=1", "did you mean 'light'"),
        ("SET_PIN PIN=buzz VALUE=1 CYCLE_TIME=0", "CYCLE_TIME=0 must be above 0"),
    ],
)
def test_wrong_values_are_refused(line: str, words: str) -> None:
    pins = "[output_pin light]\npin: PH4\n[output_pin vref]\npin: PH5\npwm: True\nscale: 2\n"
    bench = bench_of(pins + "[pwm_cycle_time buzz]\npin: PH3\n")
    with pytest.raises(GcodeError, match=words):
        bench.run(lambda: bench.gcode(line))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[output_pin x]\npin: PH4\nvalue: 0.5\n",
            "'value' in section 'output_pin x' must be 0 or 1; pwm: True",
        ),
        ("[output_pin x]\npin: PH4\npwm: True\nscale: 2\nvalue: 3\n", "must be at most 2"),
        ("[output_pin x]\npin: PH4\npwm: True\nshutdown_value: 0.5\n", "nothing or all with software PWM"),
    ],
)
def test_wrong_sections_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SCHEMA.load(parse_config(PRINTER + text, "printer.cfg"))


def test_an_option_of_another_section_is_named() -> None:
    with pytest.raises(RemovedOption, match="static_digital_output"):
        SCHEMA.load(parse_config(f"{PRINTER}[output_pin x]\npin: PH4\nstatic_value: 1\n", "printer.cfg"))
