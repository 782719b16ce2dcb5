"""Transcripts of `klipkit endstop-phase` and `klipkit lost-steps` against a simulated printer in virtual time."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from klipkit.cli import endstop_phase, lost_steps
from klipkit.daemon.host import Host
from klipkit.daemon.session import LocalSession
from klipkit.sim.printer import SimulatedPrinter
from tests.golden.transcript import Transcript
from tests.precise_bench import config, live, quality

FOLDER = Path(__file__).with_name("precise")
QUICK = {
    "max_z_velocity: 5": "max_z_velocity: 30",
    "max_z_accel: 100": "max_z_accel: 1000",
    "rotation_distance: 8\n": "rotation_distance: 8\nhoming_speed: 20\nhoming_retract_dist: 1\n",
}
CARTESIAN = config("ramps-cartesian", "[endstop_phase stepper_z]", edits=QUICK)


class Printers:
    """Stands for the daemon that is talked to: a printer is switched on for each command."""

    def __init__(self) -> None:
        self.text = CARTESIAN
        self.more: dict[str, Any] = {}
        self.slip: tuple[str, int] | None = None

    def talk(self, socket: str, work: Callable[[LocalSession], Awaitable[Any]]) -> Any:
        results: list[Any] = []

        async def act(session: LocalSession, host: Host, printer: SimulatedPrinter) -> None:
            if self.slip is not None:
                name, steps = self.slip
                printer.cosim.at(printer.cosim.now() + 120, lambda: printer.carriages[name].slip(steps))
            results.append(await work(session))

        live(act, self.text, **self.more)
        return results[0]


@pytest.fixture
def printers(monkeypatch: pytest.MonkeyPatch) -> Printers:
    made = Printers()
    monkeypatch.setattr(endstop_phase, "talk", made.talk)
    monkeypatch.setattr(lost_steps, "talk", made.talk)
    return made


def test_status_on_a_terminal_and_piped(printers: Printers) -> None:
    script = Transcript(FOLDER / "status.txt")
    script.run("klipkit endstop-phase status")
    script.run("klipkit endstop-phase status --no-color", terminal=True)
    script.check()


def test_calibrate_piped_and_refused(printers: Printers) -> None:
    script = Transcript(FOLDER / "calibrate.txt")
    printers.more = {"switches": quality(0.016, 0.05, 1, "stepper_z")}
    script.run("klipkit endstop-phase calibrate")
    script.run("klipkit endstop-phase calibrate stepper_z --json")
    printers.more = {"switches": quality(0.06, 0.15, 1, "stepper_z")}
    script.run("klipkit endstop-phase calibrate -q")
    script.run("klipkit endstop-phase calibrate stepper_q")
    printers.text = config("ramps-corexy")
    script.run("klipkit endstop-phase calibrate stepper_x")
    script.check()


def test_lost_steps(printers: Printers, tmp_path: Path) -> None:
    script = Transcript(FOLDER / "lost-steps.txt", {"FOLDER": str(tmp_path)})
    (tmp_path / "part.gcode").write_text("G1 X20 F6000\nG4 P200000\nG1 X10\n")
    script.run("klipkit lost-steps check")
    script.run("klipkit lost-steps check FOLDER/none.gcode")
    script.run("klipkit lost-steps check FOLDER/part.gcode")
    printers.slip = ("stepper_x", -128)
    script.run("klipkit lost-steps check FOLDER/part.gcode")
    script.run("klipkit lost-steps compare --file FOLDER/none.json")
    script.run("klipkit lost-steps sweep --speed 400:50")
    printers.slip = None
    printers.more = {"limits": {"stepper_x": (130.0, 6000.0)}}
    script.run(
        "klipkit lost-steps sweep --axis x --speed 60:160 --speed-step 20 --accel 1000:2000 --accel-step 500"
    )
    script.check()
