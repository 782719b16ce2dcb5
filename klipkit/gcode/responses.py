"""What the machine says to whoever listens: answers of commands, notes and errors, as lines of the dialect.

ok T:200.1 /200.0          say()       an answer as it is
// Probe samples ...       note()      for a person
!! Move out of range ...   error()     something went wrong
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]
_answers: ContextVar[list[str] | None] = ContextVar("answers", default=None)


@contextmanager
def answered() -> Iterator[list[str]]:
    """What commands that run within answer, for a source that puts it behind its "ok"."""
    answers: list[str] = []
    token = _answers.set(answers)
    try:
        yield answers
    finally:
        _answers.reset(token)


class Responses:
    """Hands each line to all listeners, in their order."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each line from now on; what it gives ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def say(self, text: str) -> None:
        """Lines as they are."""
        for line in text.splitlines() or [""]:
            for listener in tuple(self._listeners):
                listener(line)

    def answer(self, text: str) -> None:
        """The one line that a command was asked for."""
        answers = _answers.get()
        if answers is None:
            self.say(text)
        else:
            answers.append(text)

    def note(self, text: str) -> None:
        """Lines for a person."""
        self.say("\n".join(f"// {line}" for line in text.splitlines()))

    def error(self, text: str) -> None:
        """An error; its first line counts, the others are notes."""
        first, _, rest = text.partition("\n")
        self.say(f"!! {first}")
        if rest:
            self.note(rest)
