"""`klipkit lost-steps` over a session, in virtual time: losses are found with stepper and count, noise is none."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from klipkit.base.errors import KlipkitError
from klipkit.base.output import Output
from klipkit.cli.homings import Homings
from klipkit.cli.lost_steps import checked, compared, noted, swept
from klipkit.cli.lost_steps_check import Check
from klipkit.cli.lost_steps_sweep import Grid, Limit, Sweep, Trial
from klipkit.daemon.host import Host
from klipkit.daemon.session import LocalSession
from klipkit.machine.losses import Verdict
from klipkit.sim.printer import SimulatedPrinter
from tests.precise_bench import Machines, config, live, quality

UM = 0.001  # mm
CYCLE = 64  # microsteps
QUICK = {
    "max_z_velocity: 5": "max_z_velocity: 30",
    "max_z_accel: 100": "max_z_accel: 1000",
    "rotation_distance: 8\n": "rotation_distance: 8\nhoming_speed: 20\nhoming_retract_dist: 1\n",
}
QUICK_COREXY = {
    "max_z_velocity: 15": "max_z_velocity: 30",
    "max_z_accel: 100": "max_z_accel: 1000",
    "rotation_distance: 8\n": "rotation_distance: 8\nhoming_speed: 20\nhoming_retract_dist: 1\n",
    "rotation_distance: 40\n": "rotation_distance: 40\nhoming_speed: 50\n",
}
MACHINES: Mapping[str, tuple[Mapping[str, str], Sequence[str], float]] = {
    "ramps-cartesian": (QUICK, ("stepper_x", "stepper_y", "stepper_z"), 16 * UM),
    "ramps-corexy": (QUICK_COREXY, ("stepper_x", "stepper_y", "stepper_z"), 16 * UM),
    "ramps-delta": ({}, ("stepper_a", "stepper_b", "stepper_c"), 40 * UM),
}
CARTESIAN = config("ramps-cartesian", edits=QUICK)


class Losing(LocalSession):
    """A session during whose dwells something happens."""

    happens: Callable[[], None] = lambda: None

    async def gcode(self, script: str) -> Sequence[str]:
        lines = await super().gcode(script)
        if "G4" in script:
            type(self).happens()
        return lines


async def check_with(
    session: LocalSession, lines: list[str] | None, **more: Any
) -> tuple[int, dict[str, Any]]:
    """The exit status of `check` and its rows by stepper."""
    written = io.StringIO()
    status = await checked(session, Output(json=True, stdout=written), lines, **more)
    return status, {row["stepper"]: row for row in json.loads(written.getvalue())["steppers"]}


@pytest.mark.parametrize("name", list(MACHINES))
def test_injected_losses_of_one_to_five_cycles_are_found_with_stepper_and_count(name: str) -> None:
    edits, steppers, deviation = MACHINES[name]
    wrong: list[tuple[str, int, Any]] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        homings = Homings(session, 2, 4)
        for number in range(15):
            loser, cycles = steppers[number % 3], (number // 3 + 1) * (1 if number % 2 else -1)
            check = Check(homings)
            await check.note()
            printer.carriages[loser].slip(-cycles * CYCLE)  # it falls behind in the direction of the sign
            for row in await check.compare():
                told = cycles if row.stepper.name == loser else 0
                verdict = Verdict.LOST if told else Verdict.KEPT
                if (row.loss.verdict, row.loss.cycles) != (verdict, told):
                    wrong.append((loser, cycles, row))

    live(act, config(name, edits=edits), switches=quality(deviation, 4 * deviation, 1))
    assert wrong == []


def noisy_checks(count: int, seed: int) -> list[Verdict]:
    verdicts: list[Verdict] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await session.gcode("G28")
        homings = Homings(session, 0.5, 1)
        for _ in range(count):
            check = Check(homings, "z")
            await check.note()
            verdicts.extend(row.loss.verdict for row in await check.compare())

    live(act, CARTESIAN, switches=quality(16 * UM, 50 * UM, seed, "stepper_z"), seed=seed)
    return verdicts


def test_two_hundred_noisy_checks_without_losses_raise_no_false_alarm() -> None:
    verdicts = noisy_checks(200, 1)
    assert len(verdicts) == 200
    assert set(verdicts) <= {Verdict.KEPT, Verdict.UNSURE}
    assert verdicts.count(Verdict.UNSURE) <= 2


@pytest.mark.long
def test_ten_thousand_noisy_checks_without_losses_raise_no_false_alarm() -> None:
    for seed in range(10):
        assert set(noisy_checks(1000, seed)) <= {Verdict.KEPT, Verdict.UNSURE}


def test_check_runs_a_file_and_tells_steppers_steps_mm_and_cause() -> None:
    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        Losing.happens = lambda: printer.carriages["stepper_y"].slip(-2 * CYCLE)
        status, rows = await check_with(session, ["G28", "G1 X50 Y60 F6000", "G4 P10", "G1 X10 Y10"])
        assert status == 1
        assert [rows[name]["verdict"] for name in rows] == ["no steps lost", "steps lost", "no steps lost"]
        lost = rows["stepper_y"]
        assert (lost["microsteps"], lost["full_steps"], lost["mm"], lost["cycles"]) == (128, 8, 1.6, 2)
        assert "fell behind in positive direction" in lost["cause"]
        assert 0 <= lost["error"] < 1e-6

    live(act, CARTESIAN, kind=Losing)


def test_what_is_no_whole_cycle_is_no_loss_of_steps() -> None:
    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        Losing.happens = lambda: printer.carriages["stepper_x"].slip(-23)
        status, rows = await check_with(session, ["G4 P10"])
        assert (status, rows["stepper_x"]["verdict"], rows["stepper_x"]["cycles"]) == (1, "moved", None)
        assert "a pulley" in rows["stepper_x"]["cause"]

    live(act, CARTESIAN, kind=Losing)


def test_a_switch_too_noisy_for_twenty_homings_cannot_tell() -> None:
    homed: list[int] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        status, rows = await check_with(session, ["M400"])
        homed.extend(row["homings"] for row in rows.values())
        assert status == 3
        assert (rows["stepper_z"]["verdict"], rows["stepper_x"]["verdict"]) == (
            "cannot tell",
            "no steps lost",
        )

    live(act, CARTESIAN, switches=quality(60 * UM, 200 * UM, 3, "stepper_z"))
    assert max(homed) <= 20


def test_with_endstop_phase_the_least_number_of_homings_tells() -> None:
    homed: list[int] = []

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        status, rows = await check_with(session, ["M400"])
        homed.append(rows["stepper_z"]["homings"])
        assert status == 0

    noise = quality(16 * UM, 50 * UM, 4, "stepper_z")
    live(act, CARTESIAN, switches=noise)
    live(act, CARTESIAN + "\n[endstop_phase stepper_z]\n", switches=noise)
    assert homed[0] > 8
    assert homed[1] == 6


@pytest.mark.parametrize("name", list(MACHINES))
def test_the_built_in_moves_stay_within_reach_and_find_a_motor_that_is_too_weak(name: str) -> None:
    edits, steppers, _ = MACHINES[name]
    weak = steppers[0]
    limits = {stepper: (130.0 if stepper == weak else 1000.0, 50_000.0) for stepper in steppers}
    speed = {}

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        before = (await session.query("toolhead"))["toolhead"]["max_velocity"]
        fine, _ = await check_with(session, None, speed=60, accel=1000)
        status, rows = await check_with(session, None, speed=200, accel=3000)
        assert (fine, status) == (0, 1)
        assert rows[weak]["cycles"]
        for stepper, row in rows.items():  # when it runs into an end of a rail, others lose steps, too
            assert row["cycles"] * CYCLE == -printer.carriages[stepper].slipped
        speed["before"], speed["after"] = (
            before,
            (await session.query("toolhead"))["toolhead"]["max_velocity"],
        )

    live(act, config(name, edits=edits), limits=limits)
    assert speed["before"] == speed["after"]


def test_baseline_and_compare_frame_what_somebody_else_does(tmp_path: Path) -> None:
    file = tmp_path / "state" / "baseline.json"

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        clock = printer.cosim.now
        quiet = Output(json=True, stdout=io.StringIO(), verbosity=-1)
        await noted(session, quiet, file, clock)
        await session.gcode("G1 X100 F6000\nM84\nG4 P60000")
        printer.carriages["stepper_x"].slip(3 * CYCLE)
        written = io.StringIO()
        assert await compared(session, Output(json=True, stdout=written), file, clock) == 1
        rows = {row["stepper"]: row["cycles"] for row in json.loads(written.getvalue())["steppers"]}
        assert rows == {"stepper_x": -3, "stepper_y": 0, "stepper_z": 0}
        assert isinstance(session, Machines)
        await session.restarted("RESTART")  # the MCU goes on counting
        assert await compared(session, quiet, file, clock) == 1
        await session.restarted("FIRMWARE_RESTART")
        with pytest.raises(KlipkitError, match="was reset since the baseline"):
            await compared(session, quiet, file, clock)

    live(act, CARTESIAN)


@pytest.mark.parametrize("text", ["", "{}", '{"time": 1, "steppers": {"stepper_x": {}}}', "[1]", "\x00"])
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        with pytest.raises(KlipkitError, match="is no baseline"):
            await compared(session, Output(json=True, stdout=io.StringIO()), file)

    live(act, CARTESIAN)


@pytest.mark.parametrize("limit", [(137.0, 3300.0), (124.0, 2100.0), (185.0, 4300.0)])
def test_sweep_finds_the_motors_limit_within_one_step_of_its_search(limit: tuple[float, float]) -> None:
    """Each trial's verdict is the truth, and the limits found are those of the motor."""
    trials: list[tuple[Trial, int]] = []
    found: list[Limit] = []
    speeds, accels = Grid(50, 250, 10), Grid(1000, 8000, 500)

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        lost = 0

        def show(trial: Trial) -> None:
            nonlocal lost
            cycles = printer.carriages["stepper_x"].truth.cycles
            trials.append((trial, cycles - lost))
            lost = cycles

        found.extend(await Sweep(Homings(session), "x", show).run(speeds, accels))
        toolhead = (await session.query("toolhead"))["toolhead"]
        assert (toolhead["max_velocity"], toolhead["max_accel"]) == (300, 1000)

    live(act, CARTESIAN.replace("max_accel: 3000", "max_accel: 1000"), limits={"stepper_x": limit})
    assert [trial.is_safe for trial, _ in trials] == [lost == 0 for _, lost in trials]
    speed, accel = found
    assert speed.safe is not None
    assert speed.lost == speed.safe + 10
    assert speed.safe - 10 <= limit[0] <= speed.lost + 10
    assert accel.safe is not None
    assert accel.lost == accel.safe + 500
    assert accel.safe - 500 <= limit[1] <= accel.lost + 500
    tried = {trial.accel: lost for trial, lost in trials if trial.velocity == speed.safe - 10}
    assert (tried[accel.safe], tried[accel.lost] > 0) == (0, True)


def test_sweep_answers_with_limits_and_trials_as_json() -> None:
    written = io.StringIO()

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        out = Output(json=True, stdout=written, verbosity=-1)
        assert await swept(session, out, ["z"], Grid(5, 200, 5), Grid(500, 9000, 500)) == 0

    live(act, CARTESIAN, limits={"stepper_z": (24.0, 5000.0)})
    answer = json.loads(written.getvalue())
    [found] = answer["axes"]
    assert (found["axis"], found["safe_velocity"], found["lost_velocity"]) == ("z", 20, 25)
    assert (found["safe_accel"], found["lost_accel"]) == (1000, None)  # max_z_accel: no more is ever driven
    lost = [trial for trial in answer["trials"] if trial["verdict"] == "steps lost"]
    assert lost
    assert all(each.startswith("stepper_z:") for trial in lost for each in trial["lost_cycles"])


def test_sweep_says_when_a_motor_does_not_even_do_the_lowest() -> None:
    written = io.StringIO()

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        out = Output(json=True, stdout=written, verbosity=-1)
        assert await swept(session, out, ["x"], Grid(100, 150, 50), Grid(1000, 1000, 250)) == 1

    live(act, CARTESIAN, limits={"stepper_x": (80.0, 5000.0)})
    [found] = json.loads(written.getvalue())["axes"]
    assert (found["safe_velocity"], found["lost_velocity"], found["safe_accel"]) == (None, 100, None)
