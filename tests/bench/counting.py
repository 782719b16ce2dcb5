"""Counts the instructions of a command under valgrind: the same on a busy machine as on an idle one."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence

ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def instructions(command: Sequence[str], extra: Mapping[str, str] | None = None) -> int:
    """Instructions that `command` takes, its start included; its output is thrown away.

    Raises RuntimeError with the output of valgrind when no count came back.
    """
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment | ENVIRONMENT | dict(extra or {}),
        timeout=300,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", result.stderr)
    if found is None:
        raise RuntimeError(f"valgrind gave no count: {result.stderr[-500:]}")
    return int(found[1])
