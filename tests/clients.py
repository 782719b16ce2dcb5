"""Real OctoPrint and Moonraker against `klipkit run --sim`: `make clients`.

Each is installed into a virtual environment of its own under build/clients, and driven by a check script of the folder
KLIPKIT_CLIENTS (default ../shared/tools/clients): moonraker_check.py SOCKET, octoprint_check.py PORT.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.daemon import ready
from tests.reference import TOP

CHECKS = Path(os.environ.get("KLIPKIT_CLIENTS", TOP.parent / "shared" / "tools" / "clients"))
HOME = TOP / "build" / "clients"
MOST = 900  # s for a check
END = 30  # s for the daemon to end
PRINTER = """[include {example}]
[extruder]
min_extrude_temp: 30
[virtual_sdcard]
path: {card}
[respond]
[gcode_macro REMOTETEST]
gcode:
    {{action_call_remote_method("harness_beep", frequency=300, duration=1.0)}}
"""


def installed(name: str, *packages: str) -> Path | None:
    """The bin folder of a virtual environment with these packages; None when they cannot be had."""
    place = HOME / name
    if not (place / "bin" / name).exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        done = subprocess.run([place / "bin" / "pip", "install", "--quiet", *packages], check=False)
        if done.returncode:
            return None
    return place / "bin"


@contextmanager
def printer(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A simulated printer with its files in a folder; its port and its socket."""
    card, port = folder / "gcodes", folder / "port"
    card.mkdir()
    config = folder / "printer.cfg"
    config.write_text(PRINTER.format(example=TOP / "config-examples" / "cartesian.cfg", card=card))
    command = [TOP / "bin" / "klipkit", "run", config, "--sim", "--mcu", "atmega2560", "-q"]
    command += ["-I", port, "-l", folder / "klipkit.log"]
    process = subprocess.Popen([str(word) for word in command], start_new_session=True)
    socket = Path(f"{port}-api")
    try:
        asyncio.run(_until_ready(str(socket)))
        yield port, socket
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(END)


async def _until_ready(socket: str) -> None:
    await (await ready(socket)).close()


def check(program: str, packages: tuple[str, ...]) -> bool:
    """Run one check; gives whether nothing failed. A program that cannot be installed fails nothing."""
    found = installed(program, *packages)
    if found is None:
        print(f"{program} cannot be installed here: it is not checked")
        return True
    with TemporaryDirectory() as folder, printer(Path(folder)) as (port, socket):
        place = str(socket if program == "moonraker" else port)
        command = [
            found / "python",
            CHECKS / f"{program}_check.py",
            place,
            "--base",
            Path(folder) / "data",
        ]
        environment = {**os.environ, program.upper(): str(found / program)}
        done = subprocess.run([*map(str, command)], env=environment, timeout=MOST, check=False)
    return done.returncode == 0


def main() -> int:
    """Both of them, or those that are named."""
    if not CHECKS.is_dir():
        print(f"there are no check scripts at {CHECKS}: set KLIPKIT_CLIENTS")
        return 1
    wanted = sys.argv[1:] or ["moonraker", "octoprint"]
    packages = {"moonraker": ("moonraker==0.11.0",), "octoprint": ("OctoPrint==1.11.8", "requests")}
    passed = [check(name, packages[name]) for name in wanted]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
