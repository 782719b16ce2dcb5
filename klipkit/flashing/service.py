"""Stopping the service that holds the port, and starting it again, by systemctl."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from klipkit.base.flashfaults import FlashError
from klipkit.base.text import sanitise
from klipkit.flashing.tools import need

PATIENCE = 60.0  # s for a service to stop or start: it may have heaters to switch off first


def command(verb: str, name: str) -> tuple[str, ...]:
    """The command that stops or starts it."""
    return ("systemctl", verb, name)


@contextmanager
def stopped(name: str, seconds: float = PATIENCE) -> Iterator[None]:
    """The service is stopped meanwhile, and started again whatever happens. One that did not run stays so.

    Raises FlashError when it cannot be stopped or started.
    """
    need("systemctl")
    if _run(command("is-active", name), seconds).returncode != 0:
        yield
        return
    _must(command("stop", name), seconds)
    try:
        yield
    finally:
        _must(command("start", name), seconds)


def _must(words: tuple[str, ...], seconds: float) -> None:
    done = _run(words, seconds)
    if done.returncode:
        said = sanitise(done.stderr.strip() or f"status {done.returncode}", 300)
        raise FlashError(f"'{' '.join(words)}' failed: {said}", hint="try it with sudo")


def _run(words: tuple[str, ...], seconds: float) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise FlashError(
            f"'{' '.join(words)}' did not end within {seconds:.0f} s", hint="look at `systemctl status`"
        ) from None
