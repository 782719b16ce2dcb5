"""How an MCU is reached and reset: with patience, by its method, and with a clear account when it fails."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import EmergencyStop, LinkError, NoAnswer, NotReset, PortHeld, Shutdown
from klipkit.base.pin import Pin
from klipkit.boards.chips import chip
from klipkit.cli.sections import SCHEMA
from klipkit.link.pipe import Pipe
from klipkit.link.serial import ModemLines
from klipkit.link.way import Shown
from klipkit.mcu.config import McuConfig, RestartMethod
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.restart import ARDUINO_STEPS, CHEETAH_STEPS, Reach, reach_of
from klipkit.sim.cosim import Cosim, Faults
from klipkit.sim.loop import run_virtual
from klipkit.sim.persona import persona_of
from klipkit.sim.pipe import SimWay
from tests.unit.test_sim_firmware import firmware

AVR, ARM = "atmega2560", "stm32f446"


class Board(SimWay):
    """The way to a simulated MCU. `fails`: what the next tries to open it come to. `deaf`: no frame comes through."""

    def __init__(self, cosim: Cosim, name: str = AVR) -> None:
        self.persona = persona_of(chip(name))
        self.number = cosim.add_mcu(firmware(), self.persona)
        super().__init__(cosim, self.number, self.persona.byte_time, where="/dev/ttyS7")
        self.fails: list[KlipkitError] = []
        self.shown: list[Shown] = []
        self.opened = 0
        self.has_lines = False
        self.power: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> Pipe:
        self.opened += 1
        if self.fails:
            raise self.fails.pop(0)
        return await super().open()

    async def show(self, steps: Sequence[Shown]) -> bool:
        self.shown += steps
        return self.has_lines

    async def cycle_power(self) -> None:
        assert self.power is not None
        await self.power()

    def go_deaf(self) -> None:
        self.faults = Faults(drop=1.0)


Main = Callable[[Cosim, Board], Awaitable[Any]]


def virtually(main: Main, name: str = AVR) -> Any:
    cosim = Cosim()
    way = Board(cosim, name)

    async def run() -> Any:
        return await main(cosim, way)

    try:
        return run_virtual(run(), cosim)
    finally:
        cosim.close()


async def configured(reach: Reach, pin: str) -> Mcu:
    mcu = await reach.connect()
    Endstop(mcu, Pin("mcu", pin))
    await mcu.configure()
    return mcu


def missing() -> LinkError:
    return LinkError("cannot open: No such file or directory", where="/dev/ttyS7")


def test_a_port_that_is_not_there_yet_is_waited_for_and_told_once() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        said: list[str] = []
        way.fails = [missing(), missing(), missing()]
        mcu = await Reach("mcu", way, say=said.append).connect()
        assert way.opened == 4
        assert said == ["MCU 'mcu': /dev/ttyS7: cannot open: No such file or directory; trying again"]
        await mcu.close()

    virtually(main)


def test_what_was_tried_in_vain_is_told_in_one_line() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.fails = [missing(), missing(), *(LinkError("cannot open: Input/output error") for _ in range(99))]
        with pytest.raises(LinkError) as raised:
            await Reach("mcu", way).connect(10)
        assert str(raised.value) == (
            "cannot open: Input/output error (tried 11 times in 10 s; before that: 2 x cannot open: No such file or "
            "directory)"
        )
        assert cosim.now() < 11

    virtually(main)


def test_a_port_that_another_program_keeps_is_given_up_soon() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.fails = [PortHeld("octoprint (pid 7) has it open", where="/dev/ttyS7") for _ in range(99)]
        with pytest.raises(PortHeld, match="octoprint"):
            await Reach("mcu", way).connect()
        assert 5 < cosim.now() < 15

    virtually(main)


def test_a_silent_board_is_asked_again_for_a_while() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.go_deaf()
        with pytest.raises(
            LinkError, match=r"Unable to obtain 'identify' response.*\(tried 6 times in 35 s[;)]"
        ):
            await Reach("mcu", way).connect(30)

    virtually(main)


@pytest.mark.parametrize("chip_name", [AVR, ARM])
@pytest.mark.parametrize("method", [None, RestartMethod.COMMAND, RestartMethod.ARDUINO])
def test_another_configuration_is_cleared_by_a_reset(chip_name: str, method: RestartMethod | None) -> None:
    """On this wire DTR does not reset: what has no such lines is reset by command in any case."""

    async def main(cosim: Cosim, way: Board) -> None:
        reach = Reach("mcu", way, method)
        await (await configured(reach, "PA0")).close()
        assert cosim.resets(way.number) == 0
        await (await configured(reach, "PA0")).close()
        assert cosim.resets(way.number) == 0
        mcu = await configured(reach, "PA1")
        assert cosim.resets(way.number) == 1
        assert not mcu.fault.done()
        await asyncio.sleep(5)  # its clock is asked for all the while
        assert not mcu.fault.done()
        assert mcu.sync.line.clock(mcu.pipe.now()) == pytest.approx(cosim.clock(way.number), abs=20_000)
        await mcu.close()

    virtually(main, chip_name)


def test_a_shutdown_is_told_at_once_and_left_by_a_restart() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        reach = Reach("mcu", way, RestartMethod.COMMAND)
        mcu = await configured(reach, "PA0")
        mcu.talk.send("emergency_stop")
        await mcu.fault
        await mcu.close()
        before = cosim.now()
        with pytest.raises(EmergencyStop) as raised:
            await reach.connect()
        assert str(raised.value) == (
            "Previous MCU 'mcu' shutdown: Command request; FIRMWARE_RESTART, or press the board's reset button"
        )
        assert cosim.now() < before + 3
        await reach.restart()
        mcu = await reach.connect()
        assert cosim.resets(way.number) == 1
        assert not mcu.was_configured
        await mcu.close()

    virtually(main)


def test_a_running_mcu_is_restarted_over_its_own_pipe() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        reach = Reach("mcu", way, RestartMethod.COMMAND)
        mcu = await configured(reach, "PA0")
        await reach.restart(mcu)
        assert mcu.pipe.closed and not mcu.fault.done()
        assert way.opened == 1
        assert cosim.resets(way.number) == 1
        await (await reach.connect()).close()

    virtually(main)


@pytest.mark.parametrize(
    ("method", "steps"), [(RestartMethod.ARDUINO, ARDUINO_STEPS), (RestartMethod.CHEETAH, CHEETAH_STEPS)]
)
def test_a_port_with_dtr_is_reset_by_it(method: RestartMethod, steps: tuple[Shown, ...]) -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.has_lines = True
        reach = Reach("mcu", way, method)
        await (await configured(reach, "PA0")).close()
        await reach.restart()
        assert tuple(way.shown) == steps
        assert way.opened == 1  # no firmware is asked

    virtually(main)


def test_the_dtr_steps_reset_and_leave_what_the_next_open_needs() -> None:
    levels = [lines.dtr for lines, _ in ARDUINO_STEPS]
    assert levels == [False, True, False]  # a pulse now; and one more by the open that turns it on
    assert [(lines.dtr, lines.rts) for lines, _ in CHEETAH_STEPS] == [(False, False), (True, False)] * 2


def test_a_board_that_keeps_its_configuration_through_the_reset_is_told() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.has_lines = True  # yet they do nothing
        reach = Reach("mcu", way, RestartMethod.ARDUINO)
        await (await configured(reach, "PA0")).close()
        with pytest.raises(NotReset) as raised:
            await configured(reach, "PA1")
        assert str(raised.value).startswith(
            "/dev/ttyS7: Failed automated reset of MCU 'mcu': it still holds its configuration after a reset by DTR; "
        )
        assert reach.mcu is not None
        await reach.mcu.close()

    virtually(main)


@pytest.mark.parametrize(("chip_name", "named"), [(AVR, True), (ARM, False)])
def test_an_avr_that_does_not_come_back_after_a_reset_by_command_names_the_boot_loader(
    chip_name: str, named: bool
) -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        reach = Reach("mcu", way, RestartMethod.COMMAND)
        await (await configured(reach, "PA0")).close()
        mcu = await reach.connect()
        Endstop(mcu, Pin("mcu", "PA1"))
        way.go_deaf()
        with pytest.raises(NoAnswer) as raised:
            await mcu.configure()
        text = str(raised.value)
        assert "MCU 'mcu' does not come back after a reset by command" in text
        assert ("watchdog" in text and "restart_method: arduino" in text) is named
        await mcu.close()

    virtually(main, chip_name)


CONFIG = """
[mcu]
serial: {serial}
{more}
[printer]
kinematics: none
max_velocity: 1
max_accel: 1
"""


def section(serial: str, more: str = "") -> McuConfig:
    loaded = SCHEMA.load(parse_config(CONFIG.format(serial=serial, more=more), "printer.cfg"))
    return loaded.named("mcu", McuConfig)


def test_the_method_is_that_of_the_config_and_a_program_has_no_lines() -> None:
    assert reach_of("mcu", section("/dev/ttyACM0"))._method is None
    assert (
        reach_of("mcu", section("/dev/ttyACM0", "restart_method: rpi_usb"))._method is RestartMethod.RPI_USB
    )
    told = section("/tmp/klipper_host_mcu", "restart_method: arduino")
    assert reach_of("mcu", told)._method is RestartMethod.COMMAND


def test_a_cheetah_is_opened_with_rts_off_for_its_boot_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[ModemLines] = []

    async def open_pipe(path: str, baud: int, lines: ModemLines) -> None:
        assert (path, baud) == ("/dev/ttyUSB0", 115_200)
        opened.append(lines)

    monkeypatch.setattr("klipkit.link.way.open_pipe", open_pipe)
    for method in ("cheetah", "arduino"):
        config = section("/dev/ttyUSB0", f"baud: 115200\nrestart_method: {method}")
        asyncio.run(reach_of("mcu", config).way.open())
    assert opened == [ModemLines(dtr=True, rts=False), ModemLines(dtr=True, rts=True)]


def test_a_shutdown_that_a_reset_does_not_end_is_told() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.has_lines = True  # yet they do nothing
        reach = Reach("mcu", way)
        mcu = await configured(reach, "PA0")
        mcu.emergency_stop()
        await mcu.fault
        await mcu.close()
        await reach.restart()
        with pytest.raises(NotReset, match="it still is in shutdown after a reset by DTR"):
            await reach.connect()
        with pytest.raises(Shutdown):
            await reach.connect()

    virtually(main)


@pytest.mark.parametrize("has_lines", [True, False])
def test_a_board_that_hangs_is_reset_by_dtr_where_its_port_has_one(has_lines: bool) -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        way.has_lines = has_lines
        way.go_deaf()
        reach = Reach("mcu", way)
        if has_lines:
            await reach.restart()
            way.faults = None
            await (await reach.connect()).close()
            assert tuple(way.shown) == ARDUINO_STEPS
        else:
            with pytest.raises(LinkError, match="Unable to obtain 'identify' response"):
                await reach.restart()

    virtually(main)


@pytest.mark.parametrize(("chip_name", "named"), [(AVR, True), (ARM, False)])
def test_a_board_that_stays_away_after_a_restart_is_given_up_soon(chip_name: str, named: bool) -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        reach = Reach("mcu", way, RestartMethod.COMMAND)
        await reach.restart(await configured(reach, "PA0"))
        begun = cosim.now()
        way.fails = [missing() for _ in range(99)]
        with pytest.raises(
            NoAnswer, match="does not come back after a reset by command: cannot open"
        ) as raised:
            await reach.connect()
        assert ("watchdog" in str(raised.value)) is named
        assert cosim.now() < begun + 25

    virtually(main, chip_name)


def test_power_is_taken_away_with_the_port_closed() -> None:
    async def main(cosim: Cosim, way: Board) -> None:
        reach = Reach("mcu", way, RestartMethod.RPI_USB)
        mcu = await configured(reach, "PA0")
        states: list[bool] = []

        async def power() -> None:
            states.append(mcu.pipe.closed)

        way.power = power
        await reach.restart()
        assert states == [True]

    virtually(main)
