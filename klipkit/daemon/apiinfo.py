"""What the daemon says of itself: info, list_endpoints; emergency_stop."""

import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import klipkit
from klipkit import __version__
from klipkit.base.endpoint import Result, endpoint
from klipkit.base.text import sanitise
from klipkit.daemon.daemon import Daemon

CPUINFO = Path("/proc/cpuinfo")
NAMES = ("model name", "Model", "Hardware")  # of the processor there, by architecture


@dataclass(frozen=True, slots=True)
class Places:
    """The daemon's files."""

    config_file: str = ""
    log_file: str | None = None


class InfoEndpoints:
    """Of the daemon itself. `names` gives the names of all endpoints."""

    def __init__(self, daemon: Daemon, places: Places, names: Callable[[], Sequence[str]]) -> None:
        self._daemon = daemon
        self._names = names
        self._facts = {
            "hostname": platform.node(),
            "klipper_path": str(Path(klipkit.__file__).resolve().parent.parent),
            "python_path": sys.executable,
            "process_id": os.getpid(),
            "user_id": os.getuid(),
            "group_id": os.getgid(),
            "log_file": places.log_file,
            "config_file": places.config_file,
            "software_version": f"klipkit-{__version__}",
            "cpu_info": cpu_info(),
        }

    @endpoint("info")
    async def info(
        self, *, client_info: Annotated[dict[str, Any] | None, "name and version of the client"] = None
    ) -> Result:
        """State, version and places of the daemon."""
        if client_info:
            said = ", ".join(
                f"{str(key)[:20]} {str(value)[:40]}" for key, value in list(client_info.items())[:4]
            )
            self._daemon.log(f"API: a client has come: {sanitise(said)}")
        return {"state": self._daemon.state.value, "state_message": self._daemon.message, **self._facts}

    @endpoint("list_endpoints")
    async def list_endpoints(self) -> Result:
        """The names of all endpoints."""
        return {"endpoints": self._names()}

    @endpoint("emergency_stop")
    async def emergency_stop(self) -> Result:
        """Stop everything at once: motors, heaters and fans go to their safe state."""
        self._daemon.emergency_stop("Shutdown due to webhooks request")
        return {}


def cpu_info() -> str:
    """The computer's processors in a few words."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        lines = []
    fields = [[word.strip() for word in line.partition(":")[::2]] for line in lines]
    named = [value for key, value in fields if key in NAMES and value]
    count = sum(key == "processor" for key, _ in fields) or os.cpu_count() or 1
    return f"{count} core {named[0] if named else platform.machine()}"
