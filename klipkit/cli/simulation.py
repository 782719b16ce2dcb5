"""A rehearsal: a file printed by the host on a simulated printer in virtual time, and what came of it."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from klipkit.base.errors import KlipkitError
from klipkit.base.schema import Loaded
from klipkit.daemon.host import Host
from klipkit.machine.job import Job
from klipkit.machine.kinematics import Motor, motors
from klipkit.parts.heaters.heater import Heater
from klipkit.sim.cosim import Edge, Faults
from klipkit.sim.faults import FaultPlan
from klipkit.sim.loop import run_virtual
from klipkit.sim.path import Path, PathPoint
from klipkit.sim.printer import HostKilled, SimulatedPrinter

LOOK = 1.0  # s of virtual time between looks at the progress
AFTER = 10.0  # s that go on when the host has ended by a fault: what the microcontrollers do alone

Progress = Callable[[Job, float, str], None]


class Simulation:
    """One run; afterwards what came of it. `keep`: note each edge of the stepper pins, in `lines`."""

    def __init__(
        self,
        loaded: Loaded,
        printer: SimulatedPrinter,
        faults: Faults | None = None,
        *,
        plan: FaultPlan | None = None,
        keep: bool = False,
        path: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.loaded = loaded
        self.printer = printer
        self.seconds = 0.0  # of virtual time, in all
        self.rows: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.digest = hashlib.sha256()  # of the edges, when they are kept
        self.wires: dict[str, str] = {}  # digest of the bytes on the wire, by MCU
        self.report: dict[str, Any] = {}
        self.said: list[str] = []  # by the machine
        self.error: KlipkitError | HostKilled | None = None
        self.points: list[PathPoint] = []  # where the toolhead was, when the path is recorded
        self._faults, self._plan, self._keep, self._progress = faults, plan, keep, progress
        self._path = path

    def run(self, text: str, name: str) -> None:
        """Carry out lines of G-code. Raises KlipkitError."""
        self._run(lambda host: host.run(text.split("\n"), name))

    def print_file(self, path: str) -> None:
        """Print a file. Raises KlipkitError, and HostKilled when a fault has killed the host; the results are there."""
        self._run(lambda host: self._print(host, path))

    def _run(self, work: Callable[[Host], Any]) -> None:
        self._names = self.printer.watch_steppers(self.loaded) if self._keep else {}
        if self._plan is not None:
            self._plan.begin(self.printer)
        cosim = self.printer.cosim
        try:
            run_virtual(self._live(work), cosim)
        except (KlipkitError, HostKilled) as error:
            self.error = error
            self._go_on_without_host()
        self._take(cosim.edges())
        self.points += self._path.points() if self._path is not None else ()
        self.seconds = cosim.now()
        self.wires = {mcu: cosim.wire_digest(number) for mcu, number in self.printer.numbers.items()}
        if self.error is not None:
            raise self.error

    async def _live(self, work: Callable[[Host], Any]) -> None:
        host = Host(self.loaded, self.printer.reaches(self._faults))
        host.responses.listen(self.said.append)
        try:
            await host.start()
            begun = self.printer.cosim.now()
            await work(host)
            await self._look_back(host, begun)
        finally:
            await host.stop()

    async def _print(self, host: Host, path: str) -> None:
        job = host.job(path)
        watch = asyncio.ensure_future(self._watch(host, job))
        try:
            await host.guarded(job.run())
            await host.guarded(host.toolhead.drain())
        finally:
            watch.cancel()
            self.report["line"] = job.line

    async def _watch(self, host: Host, job: Job) -> None:
        while True:
            if self._progress is not None:
                self._progress(job, self.printer.cosim.now(), _temperatures(host))
            if self._path is not None:
                self.points += self._path.points()
            await asyncio.sleep(LOOK)

    async def _look_back(self, host: Host, begun: float) -> None:
        for motor in motors(self.loaded):
            self.rows.append(await self._row(host, motor))
        toolhead = host.toolhead
        heaters = [part for part in host.parts.values() if isinstance(part, Heater)]
        self.report |= {
            "start_seconds": begun,
            "print_seconds": self.printer.cosim.now() - begun,
            "steps": sum(row["pulses"] for row in self.rows),
            "least_lead": toolhead.least_lead,
            "standstills": toolhead.stalls,
            "position": list(toolhead.position),
            "true_position": list(self.printer.rails.toolhead()),
            "temperatures": {part.section: round(part.temperature, 2) for part in heaters},
        }

    async def _row(self, host: Host, motor: Motor) -> dict[str, Any]:
        stepper, truth = host.steppers[motor.name], self.printer.carriages[motor.name].truth
        commanded = stepper.commanded()
        return {
            "stepper": motor.name,
            "steps": commanded,
            "position": round(stepper.position(), 9),
            "pulses": truth.pulses,
            "lost": commanded - truth.position,
            "counted": await stepper.counted(),
            "violations": truth.violations,
            "step_distance": motor.config.step_distance,
        }

    def _go_on_without_host(self) -> None:
        cosim = self.printer.cosim
        end = cosim.now() + AFTER
        while cosim.now() < end:
            cosim.run(end)

    def _take(self, edges: list[Edge]) -> None:
        for edge in edges:
            line = f"{edge.clock}\t{edge.mcu}\t{self._names[edge.mcu, edge.pin]}\t{edge.level}"
            self.digest.update(line.encode())
            self.lines.append(line)


def _temperatures(host: Host) -> str:
    heaters = [part for part in host.parts.values() if isinstance(part, Heater)]
    return " ".join(f"{part.name} {part.temperature:.0f}/{part.target:.0f}" for part in heaters)
