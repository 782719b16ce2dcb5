"""One line of G-code to one pin with the atmega2560's own firmware, executed instruction by instruction."""

import json
import math
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from klipkit.boards.mcuchips import chips_of
from klipkit.cli.simulation import Simulation
from klipkit.sim.avr.emulation import emulation_of
from klipkit.sim.cosim import Faults
from klipkit.sim.printer import SimulatedPrinter
from tests.command import shell
from tests.integration.test_simulate import (
    BOUND,
    DIAGONAL,
    FREQUENCY,
    LINE,
    RAMPS,
    TWO_BOARDS,
    assert_line_is_exact,
    assert_on_time,
    configured,
    crossings,
    firmware,
    steps,
)

# How much later than another a step of one stepper can come: by an interrupt that was being served (a byte received
# takes some 100 cycles), or a stretch of the main loop without interrupts.
LATE = 12e-6  # s
# What the estimate of one clock by the other leaves over a move: answers are late by up to LATE, many are averaged.
MAPPED = 4e-6  # s


@lru_cache
def emulated_run(
    text: str, config: Path = RAMPS, faults: Faults | None = None, names: str = "mcu"
) -> Simulation:
    """The simulation of a text with these MCUs emulated, its edges kept."""
    loaded = configured(config)
    chips = chips_of(
        loaded.config, ["atmega2560", *(f"{name}=atmega2560" for name in names.split() if name != "mcu")]
    )
    emulations = {name: emulation_of(chips[name]) for name in names.split()}
    printer = SimulatedPrinter(loaded, chips, firmware(), emulations=emulations, begin=(0.0, 0.0, 0.0))
    try:
        simulation = Simulation(loaded, printer, faults, keep=True)
        simulation.run(text, "line.gcode")
        assert printer.cosim.overruns(printer.numbers["mcu"]) == 0
    finally:
        printer.close()
    return simulation


def test_each_edge_of_a_line_is_an_exact_step() -> None:
    assert_line_is_exact(emulated_run(LINE), LATE)


def test_the_way_back_has_the_other_direction_and_ends_where_it_began() -> None:
    simulation = emulated_run(LINE + "G1 X2.5\nG1 X0\n")
    assert [level for _, level in steps(simulation, "stepper_x")] == [1] * 800 + [0] * 800
    assert simulation.rows[0]["position"] == 0.0


def test_three_steppers_make_each_step_and_keep_their_directions() -> None:
    simulation = emulated_run(DIAGONAL)
    assert [(row["lost"], row["violations"]) for row in simulation.rows] == [(0, 0)] * 3
    assert all(row["counted"] == row["steps"] == 0 for row in simulation.rows)
    assert [row["pulses"] for row in simulation.rows] == [2400, 3200, 800]


def test_damaged_and_lost_frames_change_no_step() -> None:
    want = [clock for clock, _ in steps(emulated_run(LINE), "stepper_x")]
    for seed in range(1, 21):
        simulation = emulated_run(LINE, faults=Faults(seed, 0.01, 0.01))
        got = [clock for clock, _ in steps(simulation, "stepper_x")]
        assert len(got) == 800, seed
        assert simulation.rows[0]["lost"] == 0 and simulation.rows[0]["counted"] == 800, seed
        assert np.abs(np.diff(got) - np.diff(want)).max() <= 2 * (BOUND + LATE) * FREQUENCY["mcu"], seed


def test_an_emulated_chip_steps_together_with_one_that_is_not() -> None:
    simulation = emulated_run("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 Y10 F6000\n", TWO_BOARDS)
    x, y = steps(simulation, "stepper_x"), steps(simulation, "stepper_y", both_edges=True)
    assert len(x) == len(y) == 800
    along = crossings(math.hypot(10, 10), 100, 3000, 0.0125 * math.sqrt(2))
    assert_on_time(np.array([clock for clock, _ in x], dtype=float), along, FREQUENCY["mcu"], LATE)
    assert_on_time(np.array([clock for clock, _ in y], dtype=float), along, FREQUENCY["zboard"], MAPPED)
    assert [(row["position"], row["lost"]) for row in simulation.rows] == [(10.0, 0), (10.0, 0), (0.0, 0)]


def test_two_emulated_chips_step_together(tmp_path: Path) -> None:
    before, rail, after = RAMPS.read_text().partition("[stepper_y]")
    own = re.sub(r"(_pin: [!^]*)(\w+)", r"\1second:\2", after.partition("[")[0])
    config = tmp_path / "printer.cfg"
    config.write_text(f"[mcu second]\nserial: /dev/ttyUSB9\n{before}{rail}{own}[{after.partition('[')[2]}")
    simulation = emulated_run(
        "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 Y10 F6000\n", config, None, "mcu second"
    )
    x, y = steps(simulation, "stepper_x"), steps(simulation, "stepper_y")
    assert len(x) == len(y) == 800
    along = crossings(math.hypot(10, 10), 100, 3000, 0.0125 * math.sqrt(2))
    for made in (x, y):
        assert_on_time(np.array([clock for clock, _ in made], dtype=float), along, 16e6, LATE + MAPPED)
    assert [(row["position"], row["lost"]) for row in simulation.rows] == [(10.0, 0), (10.0, 0), (0.0, 0)]


def test_twice_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.gcode").write_text(DIAGONAL)
    answers = []
    for number, seed in ((1, "0"), (2, "77")):
        line = f"klipkit simulate a.gcode -c {RAMPS} --mcu atmega2560 --emulate mcu --json -q --edges edges{number}"
        result = shell(f"cd {tmp_path} && {line}", {"PYTHONHASHSEED": seed})
        assert (result.returncode, result.stderr) == (0, "")
        answers.append(json.loads(result.stdout))
    assert answers[0] == answers[1]
    assert (tmp_path / "edges1").read_bytes() == (tmp_path / "edges2").read_bytes()
    compiled = shell(f"cd {tmp_path} && klipkit simulate a.gcode -c {RAMPS} --mcu atmega2560 --json -q")
    assert json.loads(compiled.stdout)["wires"] != answers[0]["wires"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("--mcu atmega2560 --emulate mcv", "there is no [mcu mcv]; did you mean 'mcu'?"),
        ("--mcu stm32f103 --emulate mcu", "a chip 'stm32f103' cannot be emulated; these can: atmega2560"),
    ],
)
def test_what_cannot_be_emulated_is_one_clear_error(tmp_path: Path, options: str, what: str) -> None:
    (tmp_path / "a.gcode").write_text(LINE)
    result = shell(f"cd {tmp_path} && klipkit simulate a.gcode -c {RAMPS} {options}")
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert what in result.stderr
