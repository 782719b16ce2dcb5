"""`klipkit endstop-phase` over a session, in virtual time: what it stores is right, and what it refuses."""

import io
import json
import math
from typing import Any

import pytest

from klipkit.base.errors import KlipkitError
from klipkit.base.output import Output
from klipkit.cli.endstop_phase import calibrated, status_told
from klipkit.cli.endstop_phase_picture import draw, histogram
from klipkit.cli.endstop_phase_wizard import Found, calibrate, store
from klipkit.cli.homings import Homings
from klipkit.daemon.host import Host
from klipkit.daemon.session import LocalSession
from klipkit.machine.circular import apart
from klipkit.machine.endstop_phase.judge import Quality
from klipkit.sim.models import Stuck
from klipkit.sim.printer import SimulatedPrinter
from tests.precise_bench import config, live, places, quality

UM = 0.001  # mm
STEP, PHASES, DEVIATION = 2.5 * UM, 64, 16 * UM
QUICK = {
    "max_z_velocity: 5": "max_z_velocity: 30",
    "max_z_accel: 100": "max_z_accel: 1000",
    "rotation_distance: 8\n": "rotation_distance: 8\nhoming_speed: 20\nhoming_retract_dist: 1\n",
}
TEXT = config("ramps-cartesian", edits=QUICK)


def true_phase(printer: SimulatedPrinter) -> float:
    """The mean phase at the trigger, which is seen half a step late on the average: Z goes down to its switch."""
    begin = printer.rails.toolhead()[2] / STEP - printer.carriages["stepper_z"].position
    return (0.5 / STEP - begin - 0.5) % PHASES


class Tally:
    """Runs of the wizard, each followed by homings."""

    def __init__(self) -> None:
        self.runs = 0
        self.outside: list[float] = []  # deviations from the truth, in standard errors

    async def run(self, session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        homings = Homings(session, 1.0, 2.0)
        [found] = await calibrate(homings, ["stepper_z"], 10, lambda found: None)
        assert found.judgement.quality is Quality.GOOD
        await store(session, [found])
        stored = host.unsaved.values["endstop_phase stepper_z"]["trigger_phase"]
        assert stored == f"{found.judgement.phase}/64"
        error = DEVIATION / STEP / math.sqrt(len(found.triggers))
        off = apart(found.judgement.phase, true_phase(printer), PHASES)
        self.runs += 1
        if abs(off) > 3 * error + 0.5:  # the stored phase is a whole one
            self.outside.append(off / error)
        homed = set()
        for _ in range(50):
            await homings.home("z")
            homed.update(places(host, printer, "stepper_z"))
        assert len(homed) == 1


def test_a_hundred_calibrations_find_the_phase_and_fifty_homings_after_each_agree_exactly() -> None:
    tally = Tally()

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        for _ in range(10):
            await tally.run(session, host, printer)

    for seed in range(10):
        live(act, TEXT, switches=quality(DEVIATION, 50 * UM, seed, "stepper_z"), seed=seed)
    assert (tally.runs, tally.outside) == (100, [])


def told(text: str, names: tuple[str, ...], **more: Any) -> tuple[int, dict[str, Any]]:
    """The exit status of `calibrate` and its JSON."""
    written, status = io.StringIO(), []
    count = more.pop("count", 10)

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        status.append(await calibrated(session, Output(json=True, stdout=written), names, count))
        assert not host.unsaved.values  # --save was not given

    live(act, text, **more)
    return status[0], json.loads(written.getvalue())


def test_calibrate_tells_the_spread_the_confidence_and_the_gain_as_json() -> None:
    status, answer = told(TEXT, (), switches=quality(DEVIATION, 50 * UM, 5, "stepper_z"), count=20)
    [row] = answer["steppers"]
    assert (status, answer["stored"], row["stepper"], row["verdict"]) == (0, False, "stepper_z", "good")
    assert 10 < row["deviation_um"] < 24
    assert row["error_microsteps"] == pytest.approx(row["deviation_microsteps"] / math.sqrt(20), abs=0.002)
    assert row["allowed_um"] == 80
    assert 0 < row["beyond"] < 1e-3
    assert row["spread_before_um"] > 30
    assert row["spread_after_um"] == 2.5
    assert len(row["phases"]) == 20


def test_calibrate_refuses_a_switch_that_is_worse_than_two_full_steps() -> None:
    status, answer = told(TEXT, ("stepper_z",), switches=quality(60 * UM, 150 * UM, 6, "stepper_z"))
    [row] = answer["steppers"]
    assert (status, answer["stored"], row["verdict"]) == (1, False, "bad")
    assert "two full steps" in row["reason"]


def test_calibrate_says_that_few_homings_tell_too_little_and_makes_more() -> None:
    status, answer = told(TEXT, ("stepper_z",), switches=quality(DEVIATION, 50 * UM, 5, "stepper_z"), count=2)
    assert (status, answer["steppers"][0]["verdict"]) == (0, "good")
    assert answer["steppers"][0]["homings"] >= 5


def test_calibrate_makes_a_deltas_towers_at_once() -> None:
    text = config("ramps-delta")
    status, answer = told(text, (), switches=quality(40 * UM, 200 * UM, 7))
    assert status == 0
    assert [row["stepper"] for row in answer["steppers"]] == ["stepper_a", "stepper_b", "stepper_c"]
    assert {row["homings"] for row in answer["steppers"]} == {10}


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (config("ramps-corexy"), "stepper_x", "more than the position along x turns it"),
        (config("ramps-corexy"), "stepper_y", "more than the position along y turns it"),
        (
            TEXT.replace("restart_method: rpi_usb", "restart_method: arduino"),
            "stepper_z",
            "cannot tell its phase",
        ),
        (TEXT, "stepper_q", "there is no stepper 'stepper_q'"),
    ],
)
def test_calibrate_refuses_a_set_up_that_is_not_valid_with_the_reason(
    text: str, name: str, reason: str
) -> None:
    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        with pytest.raises(KlipkitError, match=reason):
            await calibrated(session, Output(json=True, stdout=io.StringIO()), [name], 10)
        if name != "stepper_q":
            with pytest.raises(KlipkitError, match=reason):
                await session.gcode(f"ENDSTOP_PHASE_CALIBRATE STEPPER={name}")

    live(act, text)


def test_a_calibration_that_fails_leaves_what_was_there() -> None:
    """The endstop sticks meanwhile: the homing fails, and the stored phase holds again."""

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await session.gcode("G28")
        assert (await Homings(session).steppers())["stepper_z"].is_corrected
        switch = printer.rails.switches["stepper_z"]
        printer.cosim.at(printer.cosim.now() + 20, lambda: switch.stick(Stuck.OPEN))
        with pytest.raises(KlipkitError, match="No trigger on z"):
            await calibrated(session, Output(json=True, stdout=io.StringIO()), ["stepper_z"], 100)
        assert (await Homings(session).steppers())["stepper_z"].is_corrected

    text = TEXT + "\n[endstop_phase stepper_z]\n"
    live(act, text, switches=quality(DEVIATION, 50 * UM, 8, "stepper_z"))


def test_status_tells_which_endstops_are_corrected_and_why_others_are_not() -> None:
    written = io.StringIO()

    async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
        await session.gcode("G28")
        await status_told(session, Output(json=True, stdout=written))

    live(act, config("ramps-corexy", "[endstop_phase stepper_z]"))
    x, y, z = json.loads(written.getvalue())["steppers"]
    assert (x["is_corrected"], y["is_corrected"], z["is_corrected"]) == (False, False, True)
    assert "more than the position along x" in x["reason"]
    assert (z["reason"], z["phases"], z["late"], z["rail"]) == ("", 64, 0, "stepper_z")
    assert z["trigger_phase"] == f"{z['last_phase']}/64"


def test_the_picture_shows_each_phase_the_mean_and_what_is_two_full_steps_away(tmp_path: Any) -> None:
    from klipkit.cli.homings import Stepper
    from klipkit.machine.endstop_phase.judge import Trigger

    stepper = Stepper(
        "stepper_z", "z", 5.0, 64, 0.0025, 0.0, 1.0, "", "", False, None, 0.16, "stepper_z", 12, 12, None
    )
    found = Found(stepper, [Trigger(phase, phase, 0) for phase in (10, 11, 12, 12, 12, 13, 14)])
    lines = histogram(found)
    assert lines[-2] == "-" * 12 + "^" + "-" * 31 + "|" + "-" * 19
    assert lines[-3] == " " * 10 + "▆▆█▆▆".replace("▆", lines[-3][10])
    assert lines[0] == " " * 12 + "█"
    draw([found, found], str(tmp_path / "phases.png"))
    assert (tmp_path / "phases.png").stat().st_size > 1000
