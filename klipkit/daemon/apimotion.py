"""What moves, as it was sent: motion_report/dump_trapq, dump_stepper, from the histories that the core keeps."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any

from klipkit._core import lib
from klipkit.base.endpoint import Client, Result, Template, endpoint, message_of
from klipkit.base.faults import RequestError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.daemon.daemon import Daemon
from klipkit.daemon.host import Host
from klipkit.mcu.stepper import Stepper

TICK = 0.25  # s
TOOLHEAD = "toolhead"
STEPPER_HEADER = ["interval", "count", "add"]
TRAPQ_HEADER = ["time", "duration", "start_velocity", "acceleration", "start_position", "direction"]

Source = Callable[[], Result | None]  # what has come since it was asked last


class MotionEndpoints:
    """Sends what was moved to those who asked for it, each TICK."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._dumps: dict[tuple[Client, str, str], tuple[Source, Template]] = {}
        self._task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Nothing more is sent."""
        self._dumps.clear()
        self._stop()

    @endpoint("motion_report/dump_trapq")
    async def dump_trapq(
        self,
        client: Client,
        *,
        name: Annotated[str, "toolhead or extruder"],
        response_template: Template = None,
    ) -> Result:
        """The moves of a queue from now on, and those before that are still known."""
        host = self._daemon.ready()
        planner = host.planner
        queues = {TOOLHEAD: planner.trapq}
        queues |= {name: filament.trapq for name, filament in planner.filaments.items()}
        self._begin(client, "trapq", name, TrapqReader(host, _chosen(name, queues)).read, response_template)
        return {"header": TRAPQ_HEADER}

    @endpoint("motion_report/dump_stepper")
    async def dump_stepper(
        self,
        client: Client,
        *,
        name: Annotated[str, "the stepper's section"],
        response_template: Template = None,
    ) -> Result:
        """The runs of steps of a motor from now on, and those before that are still known."""
        steppers = self._daemon.ready().steppers
        self._begin(client, "stepper", name, StepperReader(_chosen(name, steppers)).read, response_template)
        return {"header": STEPPER_HEADER}

    def _begin(self, client: Client, kind: str, name: str, source: Source, template: Template) -> None:
        self._dumps[client, kind, name] = source, template
        client.parting[self] = lambda: self._forget(client)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tick())

    def _forget(self, client: Client) -> None:
        self._dumps = {key: dump for key, dump in self._dumps.items() if key[0] is not client}
        if not self._dumps:
            self._stop()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if not self._daemon.has_objects:  # the queues have gone with their machine
                self._dumps.clear()
                self._stop()
                return
            for (client, _, _), (source, template) in list(self._dumps.items()):
                came = source()
                if came is not None:
                    client.send(message_of(template, came))


class TrapqReader:
    """Reads the moves of a queue as they end; what is stopped on its way is not seen."""

    def __init__(self, host: Host, trapq: Any) -> None:
        self._host = host
        self._trapq = trapq
        self._next = int(lib.trapq_begin(trapq))

    def read(self) -> Result | None:
        """The moves that have ended since the last time."""
        rows: list[list[Any]] = []
        now, end = self._host.toolhead.now(), int(lib.trapq_end(self._trapq))
        number = max(self._next, int(lib.trapq_begin(self._trapq)))
        while number < end:
            move = lib.trapq_get(self._trapq, number)
            if lib.trapq_move_end(move) > now:
                break
            rows += _phases(move)
            number += 1
        self._next = number
        return {"data": rows} if rows else None


class StepperReader:
    """Reads the runs of a stepper as they are sent."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._last = 0  # clock of the last step that was read

    def read(self) -> Result | None:
        """The runs that were sent since the last time."""
        runs = self._stepper.sent(self._last)
        if not runs:
            return None
        first, last, mapping = runs[0], runs[-1], self._stepper.mcu.mapping
        self._last = last.last
        return {
            "first_clock": first.first,
            "first_step_time": mapping.print_time(first.first),
            "last_clock": last.last,
            "last_step_time": mapping.print_time(last.last),
            "start_position": self._stepper.place_of(first.before),
            "start_mcu_position": first.before,
            "step_distance": self._stepper.step_distance,
            "data": [[run.interval, run.count, run.add] for run in runs],
        }


def _phases(move: Any) -> Iterator[list[Any]]:
    """A move as its times of acceleration, cruise and deceleration, those that it has."""
    start, direction = list(move.start), list(move.direction)
    begin, velocity = move.print_time, move.start_v
    phases = ((move.accel_t, move.accel), (move.cruise_t, 0.0), (move.decel_t, -move.accel))
    if not any(duration for duration, _ in phases):
        yield [begin, 0.0, 0.0, 0.0, start, direction]
    for duration, accel in phases:
        if duration:
            yield [begin, duration, velocity, accel, start, direction]
            way = (velocity + accel * duration / 2) * duration
            start = [at + way * towards for at, towards in zip(start, direction, strict=True)]
            begin += duration
            velocity += accel * duration


def _chosen(name: str, choices: dict[str, Any]) -> Any:
    """What is called `name`. Raises RequestError."""
    if name not in choices:
        hint = did_you_mean(name[:60], choices) or f"one of {', '.join(choices)}"
        raise RequestError(f"The value '{sanitise(name, 60)}' is not valid for name", hint=hint)
    return choices[name]
