"""Buttons of a simulated printer: the firmware looks at the pins, the host carries out their G-code."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.machine.commands.gcode_button import Resistances
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import AT_ZERO, CARTESIAN, live

PIN = "PL1"
BUTTON = f"""
[respond]
[gcode_button stop]
pin: ^!{PIN}
press_gcode:
  M118 pressed {{printer["gcode_button stop"].state}}
release_gcode: M118 released
"""
Press = Callable[[int], None]


def pressed_by(config: str, act: Callable[[Host, Press], Awaitable[None]]) -> list[str]:
    """What a printer says while `act` drives the pin's level; the pull-up has it high first."""

    async def whole(host: Host, printer: SimulatedPrinter) -> None:
        number, pins = printer.numbers["mcu"], printer.personas["mcu"].pins
        printer.cosim.drive(number, pins[PIN], 1)
        await asyncio.sleep(1)
        await act(host, lambda level: printer.cosim.drive(number, pins[PIN], level))

    return live(CARTESIAN + config, whole)


def test_each_press_and_release_carries_out_its_g_code_once() -> None:
    async def act(host: Host, press: Press) -> None:
        for level in (0, 1, 0, 1):
            press(level)
            await asyncio.sleep(0.3)
        await host.run(["QUERY_BUTTON BUTTON=stop"], "a")
        press(0)
        await asyncio.sleep(0.3)
        await host.run(["QUERY_BUTTON BUTTON=stop"], "a")

    pressed, released = "echo: pressed PRESSED", "echo: released"
    both = [pressed, released]
    assert pressed_by(BUTTON, act) == [*both, *both, "// stop: RELEASED", pressed, "// stop: PRESSED"]


def test_a_burst_of_presses_comes_in_order_and_none_twice() -> None:
    async def act(host: Host, press: Press) -> None:
        for _ in range(20):  # faster than a report is answered
            press(0)
            await asyncio.sleep(0.006)
            press(1)
            await asyncio.sleep(0.006)
        await asyncio.sleep(1)

    assert pressed_by(BUTTON, act) == ["echo: pressed PRESSED", "echo: released"] * 20


def test_reports_that_are_repeated_while_the_host_stalls_count_once() -> None:
    async def whole(host: Host, printer: SimulatedPrinter) -> None:
        number, pins = printer.numbers["mcu"], printer.personas["mcu"].pins
        heard: list[str] = []
        host.mcus["mcu"].talk.listen("buttons_state", lambda report: heard.append(str(report.message)))
        printer.cosim.drive(number, pins[PIN], 1)
        await asyncio.sleep(1)
        for level in (0, 1, 0, 1):
            printer.cosim.drive(number, pins[PIN], level)
            printer.cosim.stall(0.15)
        await asyncio.sleep(0.5)
        assert len(heard) > 4

    pressed, released = "echo: pressed RELEASED", "echo: released"  # it is, when its turn comes
    assert live(CARTESIAN + BUTTON, whole) == [pressed, released] * 2


@pytest.mark.parametrize(("seconds", "said"), [(0.3, []), (0.7, ["echo: pressed PRESSED", "echo: released"])])
def test_a_press_that_is_too_short_is_nothing(seconds: float, said: list[str]) -> None:
    async def act(host: Host, press: Press) -> None:
        press(0)
        await asyncio.sleep(seconds)
        press(1)
        await asyncio.sleep(2)

    assert pressed_by(BUTTON + "debounce_delay: 0.5\n", act) == said


def test_an_error_is_told_with_its_line_and_the_button_goes_on() -> None:
    async def act(host: Host, press: Press) -> None:
        for level in (0, 1) * 2:
            press(level)
            await asyncio.sleep(0.3)

    config = BUTTON.replace("M118 released", "G1 X{1 / 0}")
    first, second, *_ = pressed_by(config, act)[1::2]
    assert first == second
    assert first.startswith("!! printer.cfg:") and "(release_gcode of gcode_button stop)" in first


def test_a_press_waits_for_what_is_being_done_and_too_many_are_told() -> None:
    async def act(host: Host, press: Press) -> None:
        await host.run([AT_ZERO], "a")
        work = asyncio.ensure_future(host.run(["G1 X100 F600", "M400", "M118 there"], "b"))
        await asyncio.sleep(0.1)
        for level in (0, 1) * 20:
            press(level)
            await asyncio.sleep(0.05)
        await work
        await asyncio.sleep(1)

    said = pressed_by(BUTTON, act)
    late = said.index("echo: there")
    assert all("presses wait for their turn; one is left out" in line for line in said[:late])
    assert said[late + 1 :] == ["echo: pressed RELEASED", "echo: released"] * 8 + ["echo: pressed RELEASED"]


def test_an_analog_button_is_pressed_within_its_range_of_resistance() -> None:
    told: list[bool] = []
    button = Resistances(900, 1100, 4700, told.append)

    def read(*ohms: float) -> None:
        for each in ohms:
            button.read(each / (4700 + each))

    read(0, 0, 1000)
    assert told == []
    read(1000, 1090, 910, 1200, 1000)
    assert told == [True]
    read(1e9, 1e9, 0)
    button.read(1.0)
    assert told == [True, False]


def test_an_analog_button_on_a_printer() -> None:
    async def whole(host: Host, printer: SimulatedPrinter) -> None:
        number, pin = printer.numbers["mcu"], printer.personas["mcu"].pins["PK3"]
        for share in (1.0, 0.176, 0.3, 1.0):
            printer.cosim.set_analog(number, pin, round(share * 1023))
            await asyncio.sleep(1)

    config = BUTTON.replace(f"^!{PIN}", "PK3") + "analog_range: 900, 1100\n"
    assert live(CARTESIAN + config, whole) == ["echo: pressed PRESSED", "echo: released"]


def test_a_range_that_is_none_is_refused() -> None:
    loaded = SCHEMA.examine(
        parse_config("[gcode_button a]\npin: PA1\npress_gcode:\nanalog_range: 9, 1\n", "p.cfg")
    )
    assert any(
        isinstance(error, ConfigError) and "must be two resistances" in str(error)
        for error in loaded.problems
    )
