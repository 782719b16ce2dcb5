"""Files with known faults, each found with its line and cause, and clean ones; and what the simulation says of them."""

import re
from functools import lru_cache
from pathlib import Path

import pytest

from klipkit.base.config import read_config
from klipkit.base.errors import KlipkitError
from klipkit.base.schema import Loaded
from klipkit.boards.chips import Chip
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimation import Estimation
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.simulation import Simulation
from klipkit.machine import estimatejob
from klipkit.machine.check import Findings
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter

FOLDER = Path(__file__).with_name("check")
FAULTY = sorted((FOLDER / "faulty").glob("*.gcode"))
CLEAN = sorted((FOLDER / "clean").glob("*.gcode"))
FAULT = re.compile(r"; FAULT ([a-z-]+): ?(.*)$")
CONFIG = re.compile(r"^; config: (\w+)")


@lru_cache
def configured(name: str) -> tuple[Loaded, dict[str, Chip]]:
    loaded = SCHEMA.load(read_config(FOLDER / f"{name}.cfg"))
    return loaded, chips_of(loaded.config, ("mcu=atmega2560",))


def config_of(file: Path) -> tuple[Loaded, dict[str, Chip]]:
    told = CONFIG.match(file.read_text(errors="replace"))
    return configured(told[1] if told else "printer")


def wanted_of(file: Path) -> list[tuple[int, str, str]]:
    """Line, kind and words of each fault, as the file itself tells."""
    lines = file.read_text(errors="replace").splitlines()
    return [
        (number, found[1], found[2]) for number, line in enumerate(lines, 1) if (found := FAULT.search(line))
    ]


def checked(file: Path) -> Findings:
    loaded, chips = config_of(file)
    printer = SimulatedPrinter(loaded, chips, build(OBJECT))
    findings = Findings()
    try:
        Estimation(loaded, chips, printer, str(file), findings=findings).run()
    finally:
        printer.close()
    return findings


def is_stopped(file: Path) -> bool:
    """Whether the simulation of it ends with an error."""
    loaded, chips = config_of(file)
    printer = SimulatedPrinter(loaded, chips, build(OBJECT))
    try:
        Simulation(loaded, printer).print_file(str(file))
    except KlipkitError:
        return True
    finally:
        printer.close()
    return False


def test_there_are_enough_of_them() -> None:
    assert len(FAULTY) >= 30 and len(CLEAN) >= 10


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_each_fault_is_found_with_its_line_and_cause_and_nothing_else(file: Path) -> None:
    wanted = wanted_of(file)
    found = [finding for finding in checked(file) if finding.is_fault]
    assert wanted
    assert [(finding.line, finding.kind) for finding in found] == [
        (line, kind) for line, kind, _ in wanted
    ], found
    for finding, (_, _, words) in zip(found, wanted, strict=True):
        assert words in finding.what


@pytest.mark.parametrize("file", CLEAN, ids=lambda file: file.stem)
def test_in_a_clean_file_no_fault_is_found(file: Path) -> None:
    assert not [finding for finding in checked(file) if finding.is_fault]


@pytest.mark.parametrize("file", CLEAN, ids=lambda file: file.stem)
def test_a_clean_file_is_not_stopped_by_the_simulation(file: Path) -> None:
    assert not is_stopped(file)


# What spoils a print, but does not stop it.
GOES_ON = {"unknown-command", "heater-left-on", "step-rate"}


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_the_simulation_stops_at_a_fault_unless_it_only_spoils_the_print(file: Path) -> None:
    kinds = {kind for _, kind, _ in wanted_of(file)}
    assert is_stopped(file) == bool(kinds - GOES_ON)


def test_a_line_that_waits_for_what_never_comes_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimatejob, "LONGEST", 60.0)
    file = tmp_path / "waits.gcode"
    file.write_text("G28\nTEMPERATURE_WAIT SENSOR=extruder MINIMUM=100\nG1 X500\n")
    found = list(checked(file))
    assert [(finding.line, finding.kind) for finding in found] == [(2, "gcode"), (3, "move")]
    assert "waits for more than" in found[0].what
