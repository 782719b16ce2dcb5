"""[endstop_phase] on simulated printers: a noisy switch, and homing that is exact all the same."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from klipkit.base.faults import EndstopPhaseError
from klipkit.base.output import Output
from klipkit.cli.endstop_phase import calibrated
from klipkit.daemon.host import Host
from klipkit.daemon.session import LocalSession
from klipkit.sim.printer import SimulatedPrinter
from tests.precise_bench import EXAMPLES, Act, Machines, config, live, places, quality

UM = 0.001  # mm
TOWERS = ("stepper_a", "stepper_b", "stepper_c")
SHORT = {
    "max_z_velocity: 5": "max_z_velocity: 30",
    "max_z_accel: 100": "max_z_accel: 1000",
    "rotation_distance: 8\n": "rotation_distance: 8\nhoming_speed: 20\nhoming_retract_dist: 1\n",
}
NEAR = {"homing_speed: 50": "homing_speed: 50\nhoming_retract_dist: 2"}
Z_STEP, Z_PHASES = 2.5 * UM, 64


def z_machine(more: str = "", trigger: str = "") -> str:
    return config("ramps-cartesian", f"[endstop_phase stepper_z]\n{trigger}\n{more}", SHORT)


async def home_often(
    session: LocalSession, axis: str, count: int, seen: Callable[[], Awaitable[None] | None]
) -> None:
    """Home from places that differ, and call `seen` after each."""
    for number in range(count):
        await session.gcode(
            f"G91\nG1 Z{-1 if axis == '' else 1}{number * 37 % 100 / 100:.2f} F3000\nG90\nG28 {axis}"
        )
        waits = seen()
        if waits is not None:
            await waits


def spread(values: list[int]) -> int:
    return max(values) - min(values)


def test_a_thousand_homings_of_z_agree_to_the_microstep_after_calibration() -> None:
    before: list[int] = []
    after: list[int] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await session.gcode("G28\nENDSTOP_PHASE_CALIBRATE STEPPER=stepper_z BEGIN=1")
        await home_often(session, "Z", 40, lambda: before.extend(places(host, printer, "stepper_z")))
        await session.gcode("ENDSTOP_PHASE_CALIBRATE STEPPER=stepper_z")
        assert set(host.unsaved.values["endstop_phase stepper_z"]) == {"trigger_phase"}
        await home_often(session, "Z", 1000, lambda: after.extend(places(host, printer, "stepper_z")))

    live(act, z_machine(), switches=quality(16 * UM, 50 * UM, 1, "stepper_z"))
    assert spread(before) > 4 * 16 * UM / Z_STEP * 1000 / 2  # thousandths of microsteps: as the noise
    assert len(after) == 1000
    assert spread(after) == 0


def test_a_thousand_homings_of_a_deltas_towers_agree_to_the_microstep_after_calibration() -> None:
    before: list[list[int]] = []
    after: list[list[int]] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        begins = "\n".join(f"ENDSTOP_PHASE_CALIBRATE STEPPER={name} BEGIN=1" for name in TOWERS)
        await session.gcode(f"G28\n{begins}")
        await home_often(session, "", 40, lambda: before.append(places(host, printer, *TOWERS)))
        await session.gcode("\n".join(f"ENDSTOP_PHASE_CALIBRATE STEPPER={name}" for name in TOWERS))
        await home_often(session, "", 1000, lambda: after.append(places(host, printer, *TOWERS)))

    text = config(
        "ramps-delta", edits={**NEAR, "max_z_velocity: 150": "max_z_velocity: 150\nmax_z_accel: 3000"}
    )
    live(act, text, switches=quality(40 * UM, 200 * UM, 2))
    for tower in range(3):
        assert spread([places[tower] for places in before]) > 3000
        assert spread([places[tower] for places in after]) <= 1  # thousandths of a microstep: rounding
    assert len(after) == 1000


def test_a_switch_worse_than_two_full_steps_is_refused() -> None:
    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await session.gcode("G28\nENDSTOP_PHASE_CALIBRATE STEPPER=stepper_z BEGIN=1")
        await home_often(session, "Z", 20, lambda: None)
        with pytest.raises(Exception, match="two full steps"):
            await session.gcode("ENDSTOP_PHASE_CALIBRATE STEPPER=stepper_z")
        assert not host.unsaved.values

    live(act, z_machine(), switches=quality(60 * UM, 150 * UM, 3, "stepper_z"))


@pytest.mark.parametrize("cut", [75, 150])
def test_each_trigger_outside_endstop_accuracy_is_an_error_and_none_passes_silently(cut: int) -> None:
    """Within two full steps either way (80 um) by the phase alone; beyond, by what was counted since."""
    counts = {"fine": 0, "wrong": 0, "told": 0}
    said: list[str] = []
    half = 50 * UM

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        host.responses.listen(said.append)
        switch = printer.rails.switches["stepper_z"]
        for number in range(300):
            said.clear()
            try:
                await session.gcode(f"G28 Z\nG1 Z{2 + number * 37 % 100 / 100:.2f} F600")
            except EndstopPhaseError as error:
                assert "Endstop stepper_z incorrect phase (got " in str(error)
                counts["wrong"] += 1
                assert abs(switch.off) > half - 2 * Z_STEP
                await session.gcode("SET_KINEMATIC_POSITION Z=0.5\nG1 Z3 F600")
                continue
            cycles = round(switch.off / (Z_PHASES * Z_STEP))
            assert abs(switch.off - cycles * Z_PHASES * Z_STEP) < half + 2 * Z_STEP
            if cycles:
                assert any("from where it was when it was homed before" in line for line in said)
            counts["told" if cycles else "fine"] += 1

    # the phase at the switch's very place, from where the toolhead begins
    text = z_machine(trigger="endstop_accuracy: 0.1\ntrigger_phase: 49/64")
    live(act, text, switches=quality(60 * UM, cut * UM, 4, "stepper_z"))
    assert counts["fine"] > 50
    assert counts["wrong"] > 20
    assert (counts["told"] > 0) == (cut > 100)


@pytest.mark.parametrize("direction", ["PC5", "!PC5"])
def test_a_drivers_own_count_tells_the_phase_when_only_the_mcu_was_reset(direction: str) -> None:
    """The MCU counts anew from 0, the driver does not: MSCNT says where in its turn it is."""
    text = (EXAMPLES / "tmc2209.cfg").read_text().replace("dir_pin: PC5", f"dir_pin: {direction}")
    text += "\n[endstop_phase stepper_z]\ntrigger_phase: 30/64\n"
    homed: list[list[int]] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        assert isinstance(session, Machines)
        for _ in range(3):
            for _ in range(3):
                await session.gcode("G28 Z\nG1 Z3.3 F300")
                homed.append(places(host, printer, "stepper_z"))
            host = await session.restarted("FIRMWARE_RESTART")

    live(act, text, switches=quality(16 * UM, 50 * UM, 9, "stepper_z"), chip="stm32f103xe")
    assert len(homed) == 9
    assert {tuple(each) for each in homed} == {tuple(homed[0])}


def test_what_is_saved_holds_after_the_restart(tmp_path: Path) -> None:
    file = tmp_path / "printer.cfg"
    file.write_text(config("ramps-cartesian", edits=SHORT))
    homed: list[list[int]] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        assert isinstance(session, Machines)
        out = Output(json=True, stdout=io.StringIO())
        assert await calibrated(session, out, ["stepper_z"], 10, save=True) == 0
        await until_restarted(session)
        host = await session.host()
        for _ in range(5):
            await session.gcode("G28 Z\nG1 Z3.3 F300")
            homed.append(places(host, printer, "stepper_z"))

    live(act, file.read_text(), switches=quality(16 * UM, 50 * UM, 10, "stepper_z"), file=file)
    assert "#*# [endstop_phase stepper_z]\n#*# trigger_phase = " in file.read_text()
    assert {tuple(each) for each in homed} == {tuple(homed[0])}


async def until_restarted(session: Machines) -> None:
    await asyncio.sleep(1)
    await session.host()


def test_two_steppers_of_a_rail_are_corrected_alike() -> None:
    """One switch stops both; stepper_z1 goes on as stepper_z does, and its own phase is watched, too."""
    homed: list[list[int]] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await home_often(
            session, "Z", 30, lambda: homed.append(places(host, printer, "stepper_z", "stepper_z1"))
        )

    text = (EXAMPLES / "ramps-two-z.cfg").read_text()
    text += "\n[endstop_phase stepper_z]\n[endstop_phase stepper_z1]\n"
    live(lambda s, h, p: homed_first(act, s, h, p), text, switches=quality(16 * UM, 50 * UM, 11, "stepper_z"))
    assert {tuple(each) for each in homed} == {tuple(homed[0])}


async def homed_first(act: Act, session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
    await session.gcode("G28")
    await act(session, host, printer)


@pytest.mark.parametrize("phase", [3, 16, 40])
def test_position_zero_is_a_full_step_when_that_is_asked_for(phase: int) -> None:
    """Whatever the phase at the endstop is, z = 0 is where it is a multiple of 16."""

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await session.gcode("G28 Z\nG1 Z0.96 F300\nM400")
        stepper = host.steppers["stepper_z"]
        assert stepper.position() == pytest.approx(
            0.96, abs=1e-6
        )  # 24 full steps of 0.04 mm: a layer's height
        assert stepper.commanded() % 16 == 0
        assert printer.carriages["stepper_z"].position == stepper.commanded()
        assert (
            abs(printer.rails.toolhead()[2] - 0.96) <= (32 + 8) * Z_STEP + 1e-6
        )  # taken for late, and moved

    begin = (100.0, 100.0, 50.0)
    live(act, z_machine(trigger=f"trigger_phase: {phase}/64\nendstop_align_zero: True"), begin=begin)
