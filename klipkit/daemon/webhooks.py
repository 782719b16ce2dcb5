"""The object `webhooks`: the state of the daemon's machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from klipkit.parts.part import Part


@dataclass(frozen=True, slots=True)
class WebhooksStatus:
    """Of the object `webhooks`."""

    state: Annotated[str, "startup, ready, shutdown or error."]
    state_message: Annotated[str, "The same in words; why, and what to do."]


class Webhooks(Part):
    """The daemon as it is seen. `state` gives its state and message."""

    def __init__(self, state: Callable[[], tuple[str, str]]) -> None:
        self._state = state

    def status(self) -> WebhooksStatus:
        """State and message."""
        return WebhooksStatus(*self._state())
