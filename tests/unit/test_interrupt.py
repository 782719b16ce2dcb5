"""Ctrl-C at any moment ends the wait for a line, also when Python or readline drops what the signal caused."""

import contextlib
import os
import pty
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from klipkit.cli.interrupt import Interrupts, Recalled
from tests.command import HANG
from tests.reference import TOP

ROUNDS = 500
STEP = 2e-6  # s: how much later each Ctrl-C is typed
CHILD = """
import readline, sys
from klipkit.cli.interrupt import Interrupts
for number in range(int(sys.argv[1])):
    with Interrupts() as interrupts:
        try:
            print("ready", number, flush=True)
            interrupts.wait(lambda: input("> "))
        except KeyboardInterrupt:
            print("ended", number, flush=True)
"""


@pytest.fixture(autouse=True)
def _hang_guard() -> Iterator[None]:
    """A wait that is never ended fails instead of keeping the suite."""

    def fail(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(int(HANG))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_ctrl_c_typed_at_any_moment_around_a_prompt_ends_it() -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(TOP)
        os.execv(sys.executable, [sys.executable, "-c", CHILD, str(ROUNDS)])
    seen = ""

    def sees(text: str) -> None:
        nonlocal seen
        end = time.monotonic() + HANG
        while text not in seen:
            assert time.monotonic() < end, seen[-200:]
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 4096).decode()
        seen = seen.partition(text)[2]

    for number in range(ROUNDS):
        sees(f"ready {number}\r\n")
        until = time.monotonic() + number * STEP
        while time.monotonic() < until:
            pass
        os.write(terminal, b"\x03")
        sees(f"ended {number}\r\n")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)


def test_ctrl_c_whose_exception_is_dropped_ends_the_wait_all_the_same() -> None:
    def deaf() -> None:
        with contextlib.suppress(KeyboardInterrupt):  # as readline does while it completes a word
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(HANG)
        signal.pause()
        time.sleep(2 * HANG)

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        interrupts.wait(deaf)


def test_another_thread_ends_the_wait_or_the_next_one() -> None:
    with Interrupts() as interrupts:
        caller = threading.Timer(0.01, interrupts.recall)
        caller.start()
        with pytest.raises(Recalled):
            interrupts.wait(lambda: time.sleep(2 * HANG))
        caller.join()
        with pytest.raises(Recalled):
            interrupts.wait(lambda: "line")


def test_what_is_not_waited_for_is_not_disturbed_and_the_signals_are_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGURG)]
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGURG)
        assert interrupts.wait(lambda: "line") == "line"
        interrupts.recall()
        time.sleep(0.05)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGURG)] == before
