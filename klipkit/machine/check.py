"""What is wrong with a print, found by carrying it out: each cause once, with its first line and how often it comes.

A fault stops a print or spoils it; a remark does neither, such as a command of other printers that may be passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import UnknownCommand
from klipkit.machine.checkload import Overload

# What slicers write for printers of other makes and is no loss here: progress and the machine's limits (M73, M201 to
# M205), objects' labels (M486), the time left for displays, checks of the printer's model.
PASSED_OVER = frozenset({"M73", "M201", "M202", "M203", "M205", "M486", "M115", "M862", "M531", "M532"})
NUMBER = re.compile(r"-?\d+(\.\d+)?")
COMMAND = re.compile(r'"([A-Za-z_]+\d*)')
OFF = "M104 S0, M140 S0 or TURN_OFF_HEATERS at the end of the file"
STEPS, BYTES = "step-rate", "bandwidth"
LEFT_ON = "heater-left-on"


@dataclass(slots=True)
class Finding:
    """`line` is the first of `count` lines (`last` the last one); 0: no line of its own."""

    line: int
    kind: str
    what: str
    hint: str
    is_fault: bool = True
    count: int = 1
    last: int = 0


class Findings:
    """The list of a file, in the order of lines."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Finding] = {}

    def __iter__(self) -> Iterator[Finding]:
        return iter(sorted(self._all.values(), key=lambda finding: finding.line))

    @property
    def has_faults(self) -> bool:
        """Whether something would stop or spoil the print."""
        return any(finding.is_fault for finding in self._all.values())

    def error(self, line: int, error: KlipkitError) -> None:
        """A line was refused, or the machine has stopped at it."""
        way = error.where.rpartition(" from ")[0]  # through macros, to the line of the file
        what = f"{error.what} at {way}" if way else error.what
        self._add(Finding(line, error.code, what, error.hint), NUMBER.sub("", what))

    def passed_over(self, line: int, error: UnknownCommand) -> None:
        """A command that nobody knows."""
        named = COMMAND.search(error.what)
        known = named is not None and named[1].upper() in PASSED_OVER
        hint = (
            "nothing is lost"
            if known
            else error.hint or "its section or macro is missing in the configuration"
        )
        self._add(Finding(line, error.code, error.what, hint, is_fault=not known), error.what)

    def overload(self, over: Overload) -> None:
        """An MCU cannot keep up."""
        percent = f"{100 * over.share:.0f} %"
        if over.is_bytes:
            what = (
                f"the wire of MCU '{over.mcu}' would carry {over.rate:.0f} bytes/s, {percent} of what it can"
            )
            hint = "a higher baud, USB, or fewer and longer moves (arcs, a coarser model)"
        else:
            what = f"MCU '{over.mcu}' would make {over.rate:.0f} steps/s with {over.motors} motors, {percent} of what "
            what += "its chip can"
            hint = "lower the speed or the microsteps"
        self._add(Finding(over.line, BYTES if over.is_bytes else STEPS, what, hint), over.mcu)

    def left_on(self, line: int, targets: Mapping[str, float]) -> None:
        """What the heaters are set to when the file has ended."""
        for section, target in targets.items():
            if target:
                self._add(
                    Finding(line, LEFT_ON, f"[{section}] is left at {target:g} C at the end", OFF), section
                )

    def _add(self, finding: Finding, same: str) -> None:
        """Findings of a kind with the same words are one."""
        before = self._all.setdefault((finding.kind, same), finding)
        before.last = max(before.last, finding.line)
        if before is not finding:
            before.count += 1
            before.line = min(before.line, finding.line)
