"""A print in a hurry: the host on simulated microcontrollers, moves planned but not stepped, and their sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from klipkit._core import ffi, lib
from klipkit.base.errors import KlipkitError
from klipkit.base.pin import MAIN_MCU
from klipkit.base.schema import Loaded
from klipkit.boards.chips import Chip
from klipkit.boards.steprates import step_rates
from klipkit.daemon.host import Host
from klipkit.machine.check import Findings
from klipkit.machine.checkload import Law, StepWatch
from klipkit.machine.estimatehead import QuickToolhead, Tally
from klipkit.machine.estimatejob import QuickJob, Shown
from klipkit.machine.estimateparts import LAYER_LEAST, Part, parts_of
from klipkit.mcu.config import McuConfig
from klipkit.parts.heaters.heater import Heater
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter

COOL = 45.0  # degrees C: a heater that is off and colder does not change much any more
BITS = 10  # a byte on a serial line
PERIOD = 0.5  # s between samples of the progress


@dataclass(slots=True)
class Sum:
    """Of a layer, or of a kind of lines: s and mm."""

    time: float = 0.0
    rest: float = 0.0
    lost: float = 0.0
    way: float = 0.0
    filament: float = 0.0
    z: float | None = None
    line: int = 0

    def add(self, part: Any) -> None:
        """A part of it."""
        self.time += part.time
        self.rest += part.rest
        self.lost += part.lost
        self.way += part.way
        self.filament += part.filament
        if self.z is None and part.z == part.z:
            self.z = float(part.z)
        self.line = self.line or int(part.line)


@dataclass(frozen=True, slots=True)
class Sample:
    """How far the print was: the line at a time, s, and the speeds since the sample before, mm/s."""

    line: int
    time: float
    speed: float
    speed_most: float


@dataclass(slots=True)
class Estimate:
    """What a print takes."""

    seconds: float = 0.0
    start_seconds: float = 0.0
    lines: int = 0
    total: Sum = field(default_factory=Sum)
    layers: dict[int | None, Sum] = field(default_factory=dict)
    features: dict[str, Sum] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)


class Quiet:
    """Whether the heaters stay as they are: each was at its target since it got it, or has cooled down."""

    def __init__(self, heaters: Sequence[Heater]) -> None:
        self._heaters = heaters
        self._targets = [0.0] * len(heaters)
        self._rests = [True] * len(heaters)

    def __call__(self) -> bool:
        for number, heater in enumerate(self._heaters):
            if heater.target != self._targets[number]:
                self._targets[number], self._rests[number] = heater.target, False
            if not self._rests[number]:
                self._rests[number] = heater.is_settled if heater.target else heater.temperature < COOL
        return all(self._rests)


class Estimation:
    """One run over a file. `findings`: faults go there, and steps are looked at; without, the first one is raised."""

    def __init__(
        self,
        loaded: Loaded,
        chips: Mapping[str, Chip],
        printer: SimulatedPrinter,
        path: str,
        *,
        findings: Findings | None = None,
        shown: Shown | None = None,
        period: float = PERIOD,
    ) -> None:
        self.result = Estimate()
        self.said: list[str] = []
        self._loaded, self._chips, self._printer, self._path = loaded, chips, printer, path
        self._findings, self._shown, self._period = findings, shown, period
        self._parts = parts_of(path)

    def run(self) -> Estimate:
        """Print the file. Raises KlipkitError."""
        run_virtual(self._live(), self._printer.cosim)
        return self.result

    async def _live(self) -> None:
        host = Host(self._loaded, self._printer.reaches(), make_toolhead=QuickToolhead)
        host.responses.listen(self.said.append)
        try:
            await host.start()
            await self._print(host)
        finally:
            await host.stop()

    async def _print(self, host: Host) -> None:
        toolhead = host.toolhead
        assert isinstance(toolhead, QuickToolhead)
        heaters = [part for part in host.parts.values() if isinstance(part, Heater)]
        toolhead.rests = Quiet(heaters)
        toolhead.carried = lambda name, steps: self._printer.carriages[name].slip(steps)
        by_height = LAYER_LEAST if self._parts.by_height else 0.0
        tally = toolhead.tally = Tally(host.planner, self._parts.bounds, by_height, self._period)
        tally.shift(toolhead.now())
        begun = self._printer.cosim.now()
        found = None if self._findings is None else self._findings.error
        job = QuickJob(self._path, host.planner, toolhead, host.scripts, found, self._shown, host.fault)
        try:
            await self._carry_out(host, toolhead, job)
        finally:
            self.result.start_seconds = begun
            self.result.seconds = self._printer.cosim.now() - begun + toolhead.saved
            self.result.lines = job.line
            self._sum(tally)
            toolhead.tally = None
            tally.close()
            if toolhead.watch is not None:
                toolhead.watch.close()
                toolhead.watch = None
        if self._findings is not None:
            self._findings.left_on(job.line, {heater.section: heater.target for heater in heaters})

    async def _carry_out(self, host: Host, toolhead: QuickToolhead, job: QuickJob) -> None:
        """To the end, or to what stops the machine."""
        findings = self._findings
        if findings is not None:
            host.scripts.passed_over = lambda error: findings.passed_over(toolhead.line(), error)
            toolhead.watch = StepWatch(host.planner, self._laws(host), findings.overload)
            toolhead.watch.begin(toolhead.now())
        try:
            await host.guarded(job.run())
            await host.guarded(toolhead.drain())
            toolhead.rest(job.line)
        except KlipkitError as error:
            if findings is None:
                raise
            findings.error(job.stopped_at or job.line, error)

    def _laws(self, host: Host) -> dict[str, Law]:
        """What the MCUs can do: the chips' rates, and the baud rates of those that have a serial line."""
        laws = {}
        for name, chip in self._chips.items():
            config = self._loaded.named(name if name == MAIN_MCU else f"mcu {name}", McuConfig)
            serial = self._printer.personas[name].byte_time > 0
            laws[name] = Law(
                host.mcus[name].frequency, step_rates(chip), config.baud / BITS if serial else 0.0
            )
        return laws

    def _sum(self, tally: Tally) -> None:
        count = ffi.new("size_t *")
        parts = lib.tally_parts(tally.pointer, count)
        layer, heights = -1, self._parts.by_height
        last = None
        for part in parts[0 : count[0]]:
            told: Part = self._parts.all[part.bound]
            if heights and part.z == part.z and part.z != last:
                layer, last = layer + 1, part.z
            number = (layer if layer >= 0 else None) if heights else told.layer
            self.result.total.add(part)
            self.result.layers.setdefault(number, Sum()).add(part)
            self.result.features.setdefault(told.feature, Sum()).add(part)
        samples = lib.tally_samples(tally.pointer, count)
        self.result.samples = [
            Sample(int(each.line), each.time, each.speed, each.speed_most) for each in samples[0 : count[0]]
        ]
