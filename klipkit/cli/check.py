"""`klipkit check`: what would stop or spoil a print, before it begins."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from klipkit.base.config import read_config
from klipkit.base.output import Column, Output
from klipkit.base.schema import Loaded
from klipkit.base.text import sanitise
from klipkit.boards.chips import Chip
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.estimate import progress
from klipkit.cli.estimation import Estimation
from klipkit.cli.printoptions import CHIPS, CONFIG, FILES, SEED
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.cli.tool import tool
from klipkit.machine.check import Finding, Findings
from klipkit.sim.firmware import build
from klipkit.sim.printer import SimulatedPrinter

COLUMNS = (
    Column("place", "Place"),
    Column("verdict", "Verdict"),
    Column("kind", "Kind"),
    Column("what", "What"),
    Column("count", "Lines"),
    Column("hint", "What to do"),
)
FAULT, REMARK = "fault", "remark"


@tool(
    "check",
    examples=(
        ("klipkit check part.gcode -c printer.cfg", "lists what is wrong, with the line of each"),
        ("klipkit check *.gcode -c printer.cfg --json", "the same of many files, as one JSON document"),
        (
            "klipkit check part.gcode -c printer.cfg -q && klipkit estimate part.gcode -c printer.cfg",
            "only if it is clean",
        ),
    ),
)
@FILES
@CONFIG
@CHIPS
@SEED
def check(out: Output, files: tuple[str, ...], config_file: str, told: tuple[str, ...], seed: int) -> int:
    """The file is carried out by the host itself, in a hurry, on a simulated printer: macros run, heaters warm, axes
    are homed. A line that is refused is passed over, so that the list is whole: moves out of range or before homing,
    cold or too much extrusion, temperatures out of range, unknown commands and macros, errors in macros, more
    steps than a chip can make, more bytes than a wire can carry, heaters that are left on. Printed for each
    cause: the first line, whether it is a fault or a remark, what, how many lines have it, and what to do.

    Exit status 1 when a file has a fault.
    """
    loaded = SCHEMA.load(read_config(config_file))
    chips = chips_of(loaded.config, told)
    found = {file: _checked(out, loaded, chips, file, seed) for file in files}
    rows = [_row(file, finding) for file, findings in found.items() for finding in findings]
    documents = [_document(file, findings) for file, findings in found.items()]
    out.records(COLUMNS, rows, files=documents)
    clean = [file for file, findings in found.items() if not findings.has_faults]
    for file in clean:
        out.note(f"{sanitise(file)}: nothing would stop or spoil it")
    return 0 if len(clean) == len(files) else 1


def _checked(out: Output, loaded: Loaded, chips: Mapping[str, Chip], file: str, seed: int) -> Findings:
    findings = Findings()
    printer = SimulatedPrinter(loaded, chips, build(OBJECT), seed=seed)
    try:
        with progress(out, file) as shown:
            Estimation(loaded, chips, printer, file, findings=findings, shown=shown).run()
    finally:
        printer.close()
    return findings


def _row(file: str, finding: Finding) -> dict[str, Any]:
    verdict = FAULT if finding.is_fault else REMARK
    return {**asdict(finding), "place": f"{file}:{finding.line}", "verdict": verdict}


def _document(file: str, findings: Findings) -> dict[str, Any]:
    return {
        "file": file,
        "clean": not findings.has_faults,
        "findings": [asdict(finding) for finding in findings],
    }


COMMAND = check
