"""What the daemon costs: time to ready, memory, and CPU while nothing happens, with the simulation and without."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from klipkit.base.errors import KlipkitError
from klipkit.daemon.session import SocketSession
from tests.reference import TOP

EXAMPLE = TOP / "config-examples" / "cartesian.cfg"
KLIPKIT = [sys.executable, "-m", "klipkit"]
CHIP = ("--mcu", "atmega2560")
IDLE = 20.0  # s
HANG = 60.0  # s
OBJECTS = (
    "webhooks",
    "toolhead",
    "gcode_move",
    "motion_report",
    "extruder",
    "heater_bed",
    "print_stats",
    "mcu",
)
PERCENT = 100


@dataclass
class Cost:
    """Of a daemon: s of wall and CPU to ready, MB, percent of a core without clients and with one who is told all."""

    ready: float
    ready_cpu: float
    megabytes: float
    idle: float
    watched: float


@contextmanager
def running(words: list[str]) -> Iterator[int]:
    """A klipkit process; its id."""
    process = subprocess.Popen([*KLIPKIT, *words, "-q"], stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(HANG)


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def ready(path: str) -> SocketSession:
    """A session with a daemon that is ready."""
    async with asyncio.timeout(HANG):
        while True:
            try:
                session = await SocketSession.open(path)
                if (await session.request("info"))["state"] == "ready":
                    return session
                await session.close()
            except KlipkitError:
                pass
            await asyncio.sleep(0.005)


async def spent(pid: int) -> float:
    """Percent of a core over a while."""
    before, begun = cpu(pid), time.monotonic()
    await asyncio.sleep(IDLE)
    return (cpu(pid) - before) / (time.monotonic() - begun) * PERCENT


async def watched(session: SocketSession, pid: int) -> float:
    """The same with a subscription to what front ends look at."""
    updates = session.updates(*OBJECTS)
    await anext(updates)

    async def read() -> None:
        async for _ in updates:
            pass

    reading = asyncio.ensure_future(read())
    share = await spent(pid)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return share


def cost(config: Path, folder: Path, *more: str) -> Cost:
    """What a daemon costs."""

    async def measure(pid: int, begun: float) -> Cost:
        session = await ready(str(folder / "port-api"))
        took, took_cpu = time.monotonic() - begun, cpu(pid)
        idle, size = await spent(pid), megabytes(pid)
        share = await watched(session, pid)
        await session.close()
        return Cost(took, took_cpu, size, idle, share)

    begun = time.monotonic()
    with running(["run", str(config), "-I", str(folder / "port"), *more]) as pid:
        return asyncio.run(measure(pid, begun))


def alone(folder: Path) -> Cost:
    """A daemon whose MCU is simulated by another process."""
    config = folder / "printer.cfg"
    config.write_text(f"[include {EXAMPLE}]\n[mcu]\nserial: {folder / 'mcu'}\n")
    with running(["sim", str(EXAMPLE), *CHIP, "--folder", str(folder)]):
        end = time.monotonic() + HANG
        while not (folder / "mcu").exists() and time.monotonic() < end:
            time.sleep(0.05)
        return cost(config, folder)


def main() -> None:
    """Print the table."""
    print(f"{'daemon':32}{'ready s':>10}{'CPU s':>8}{'MB':>8}{'idle %':>8}{'told all %':>12}")
    with TemporaryDirectory() as folder:
        rows = {"host and simulation": cost(EXAMPLE, Path(folder), "--sim", *CHIP)}
    with TemporaryDirectory() as folder:
        rows["host alone, MCU behind a pty"] = alone(Path(folder))
    for name, row in rows.items():
        numbers = (
            f"{row.ready:10.2f}{row.ready_cpu:8.2f}{row.megabytes:8.1f}{row.idle:8.2f}{row.watched:12.2f}"
        )
        print(f"{name:32}{numbers}")


if __name__ == "__main__":
    main()
