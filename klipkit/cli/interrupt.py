"""Ends the main thread's wait for a line: at Ctrl-C, or when another thread calls it back.

Python looks for signals between its instructions and when a system call was interrupted. One that comes after the
last look and before the call (readline's select, the wait for a lock) would be seen at the next key only; an exception
that it causes while input() flushes its streams or a word is completed is dropped. So a thread repeats it, as a signal
that means nothing by itself and that no process dies of, until the wait is over.
"""

import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self, TypeVar

PAUSE = 0.05  # s before each repeat
REPEAT = signal.SIGURG  # ignored where nobody asks for it

Line = TypeVar("Line")


class Recalled(BaseException):
    """The wait was ended by recall()."""


class Interrupts:
    """The signals of the main thread, while it is entered."""

    def __init__(self) -> None:
        self._is_waiting = False
        self._is_recalled = False
        self._is_signalled = False  # SIGINT came
        self._is_interrupted = False  # and Python has seen it
        self._left = threading.Event()
        self._read, self._write = socket.socketpair()
        self._thread = threading.Thread(target=self._repeat, name="interrupts", daemon=True)

    def __enter__(self) -> Self:
        self._write.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._before = [(number, signal.signal(number, self._signal)) for number in (signal.SIGINT, REPEAT)]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        signal.set_wakeup_fd(self._wakeup)
        for number, before in self._before:
            signal.signal(number, before)
        self._write.close()
        self._thread.join()
        self._read.close()

    def wait(self, read: Callable[[], Line]) -> Line:
        """What `read` gives, in the main thread. Raises KeyboardInterrupt after Ctrl-C, Recalled after recall()."""
        try:
            self._is_waiting = True
            if self._is_recalled:
                raise Recalled
            return read()
        except SystemError:  # input() looks for signals once more with the exception of one in its hands
            if self._is_interrupted:
                raise KeyboardInterrupt from None
            if self._is_recalled:
                raise Recalled from None
            raise
        finally:
            self._is_waiting = False

    def recall(self) -> None:
        """End the main thread's wait, or the next one. From any thread."""
        self._is_recalled = True
        self._write.send(b"\0")

    def _signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self._is_interrupted = True
            raise KeyboardInterrupt
        if self._is_waiting and self._is_interrupted:
            raise KeyboardInterrupt
        if self._is_waiting and self._is_recalled:
            raise Recalled

    def _is_missed(self) -> bool:
        if self._is_signalled and not self._is_interrupted:
            return True
        return self._is_waiting and (self._is_interrupted or self._is_recalled)

    def _repeat(self) -> None:
        """Each signal writes its number to the socket when it comes, whatever Python does then."""
        main = threading.main_thread().ident or 0
        while numbers := self._read.recv(64):
            self._is_signalled |= signal.SIGINT in numbers
            while self._is_missed() and not self._left.wait(PAUSE):
                if self._is_missed():
                    signal.pthread_kill(main, REPEAT)
