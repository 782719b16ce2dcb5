"""`klipkit simulate`: a G-code file printed on simulated microcontrollers that run the real firmware."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from klipkit.base.config import read_config
from klipkit.base.errors import UsageError
from klipkit.base.files import read_text
from klipkit.base.output import Column, Output
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.tool import tool
from klipkit.daemon.host import Host
from klipkit.machine.kinematics import Motor, motors
from klipkit.sim.avr.emulation import emulations_of
from klipkit.sim.cosim import Edge, Faults
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from klipkit.sim.rails import middle

OBJECT = "klipkit-sim.so"
PERCENT = 100
COLUMNS = (
    Column("stepper", "Stepper"),
    Column("steps", "Steps"),
    Column("position", "Position"),
    Column("pulses", "Pulses"),
    Column("lost", "Lost steps"),
    Column("violations", "Timing faults"),
)


@tool(
    "simulate",
    examples=(
        (
            "klipkit simulate part.gcode -c printer.cfg",
            "prints the file on the simulated printer, as fast as it goes",
        ),
        (
            "klipkit simulate line.gcode -c printer.cfg --edges edges.tsv",
            "writes each edge of the stepper pins",
        ),
        ("klipkit simulate line.gcode -c printer.cfg --damage 1 --seed 7", "with 1 % of the frames damaged"),
        (
            "klipkit simulate line.gcode -c printer.cfg --mcu atmega2560 --emulate mcu",
            "runs the very firmware of the atmega2560, cycle by cycle",
        ),
    ),
)
@click.argument("gcode", metavar="FILE", type=click.Path())
@click.option("-c", "--config", "config_file", metavar="CONFIG", required=True, help="The printer.cfg.")
@click.option(
    "--mcu", "told", multiple=True, metavar="[NAME=]CHIP", help="The chip of a microcontroller; repeatable."
)
@click.option(
    "--emulate",
    "emulated",
    multiple=True,
    metavar="NAME",
    help="Run this microcontroller's own firmware, built for its chip, in an emulator (AVR chips only; "
    "some ten times as fast as real time); repeatable.",
)
@click.option(
    "--edges", metavar="FILE", help="Write the edges of the stepper pins: clock, MCU, stepper and pin, level."
)
@click.option(
    "--damage",
    metavar="PERCENT",
    type=click.FloatRange(0, 50),
    default=0.0,
    help="Percent of the frames, each way, to damage.",
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Which frames are damaged.")
def simulate(
    out: Output,
    gcode: str,
    config_file: str,
    told: tuple[str, ...],
    emulated: tuple[str, ...],
    edges: str | None,
    damage: float,
    seed: int,
) -> int:
    """The host, the wire and the firmware are the real ones; time is virtual, so a print takes seconds. The same input
    gives the same result, to the last byte.

    Printed for each stepper: the steps by which it is away from where it began, its position in mm, the pulses on
    its step pin, the steps that the carriage lacks of what the host thinks, and how often the direction pin did not
    keep its set-up and hold times. Exit status 1 when steps were lost or times were not kept.
    """
    loaded = SCHEMA.load(read_config(config_file))
    text = read_text(gcode)
    chips = chips_of(loaded.config, told)
    printer = SimulatedPrinter(
        loaded, chips, build(OBJECT), emulations=emulations_of(chips, emulated), begin=middle(loaded)
    )
    try:
        result = Simulation(loaded, printer, _faults(damage, seed), keep=edges is not None)
        result.run(text, gcode)
        if edges is not None:
            _write(edges, result.lines)
        return _print(out, result)
    finally:
        printer.close()


def _faults(damage: float, seed: int) -> Faults | None:
    share = damage / PERCENT
    return Faults(seed, share / 2, share / 2) if damage else None


class Simulation:
    """One run of a file; afterwards what came of it."""

    def __init__(
        self, loaded: Loaded, printer: SimulatedPrinter, faults: Faults | None, *, keep: bool
    ) -> None:
        self.loaded = loaded
        self.printer = printer
        self.seconds = 0.0
        self.rows: list[dict[str, Any]] = []
        self.lines: list[str] = []  # the edges, when they are kept
        self.digest = hashlib.sha256()
        self.wires: dict[str, str] = {}  # digest of the bytes on the wire, by MCU
        self._faults = faults
        self._keep = keep
        self._pulses: dict[str, int] = {}

    def run(self, text: str, name: str) -> None:
        """Print the lines of `text`, a file of that name. Raises KlipkitError."""
        self._names = self.printer.watch_steppers(self.loaded)
        run_virtual(self._print(text, name), self.printer.cosim)
        self.seconds = self.printer.cosim.now()
        numbers = self.printer.numbers.items()
        self.wires = {mcu: self.printer.cosim.wire_digest(number) for mcu, number in numbers}

    async def _print(self, text: str, name: str) -> None:
        host = Host(self.loaded, self.printer.reaches(self._faults))
        try:
            await host.start()
            await host.run(text.split("\n"), name)
            self._take(self.printer.cosim.edges())
            for motor in motors(self.loaded):
                self.rows.append(await self._row(host, motor))
        finally:
            await host.stop()

    def _take(self, edges: list[Edge]) -> None:
        for edge in edges:
            name = self._names[edge.mcu, edge.pin]
            line = f"{edge.clock}\t{edge.mcu}\t{name}\t{edge.level}"
            self.digest.update(line.encode())
            if name.endswith("step"):
                self._pulses[name] = self._pulses.get(name, 0) + 1
            if self._keep:
                self.lines.append(line)

    async def _row(self, host: Host, motor: Motor) -> dict[str, Any]:
        name = motor.name
        stepper, carriage = host.steppers[name], self.printer.carriages[name]
        counted = await stepper.counted()
        commanded = stepper.commanded()
        return {
            "stepper": name,
            "steps": commanded,
            "position": round(stepper.position(), 9),
            "pulses": self._pulses.get(f"{name} step", 0),
            "lost": commanded - carriage.position,
            "counted": counted,
            "violations": carriage.violations,
            "step_distance": motor.config.step_distance,
        }


def _print(out: Output, result: Simulation) -> int:
    good = all(
        not row["lost"] and not row["violations"] and row["counted"] == row["steps"] for row in result.rows
    )
    document: Mapping[str, object] = {
        "seconds": result.seconds,
        "edges_sha256": result.digest.hexdigest(),
        "wires": result.wires,
    }
    out.records(COLUMNS, result.rows, steppers=result.rows, **document)
    out.note(f"{result.seconds:.1f} s of the printer's time")
    return 0 if good else 1


def _write(path: str, lines: list[str]) -> None:
    try:
        Path(path).write_text("".join(line + "\n" for line in lines))
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=path) from None


COMMAND = simulate
