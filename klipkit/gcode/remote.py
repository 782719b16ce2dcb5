"""Methods of clients that macros can call: action_call_remote_method("paneldue_beep", frequency=300).

A client registers a method over the API; several may register the same one, and all of them are called.
"""

from collections.abc import Callable, Mapping
from typing import Any

from klipkit.base.text import sanitise

Method = Callable[[Mapping[str, Any]], None]


class RemoteMethods:
    """The table of methods by name. `log` takes lines for the log."""

    def __init__(self, log: Callable[[str], None] = lambda line: None) -> None:
        self._methods: dict[str, dict[object, Method]] = {}
        self._log = log

    def register(self, name: str, owner: object, method: Method) -> None:
        """Have calls of `name` go to `method`, too; a further one of the same owner takes the place of its first."""
        self._methods.setdefault(name, {})[owner] = method

    def forget(self, owner: object) -> None:
        """The owner has gone, with all its methods."""
        for name, owners in list(self._methods.items()):
            owners.pop(owner, None)
            if not owners:
                del self._methods[name]

    def count(self, owner: object) -> int:
        """How many methods the owner has."""
        return sum(owner in owners for owners in self._methods.values())

    def call(self, name: str, params: Mapping[str, Any]) -> bool:
        """Call it, and give whether anybody has it. Nobody is told else than the log: a macro goes on."""
        methods = self._methods.get(name)
        if not methods:
            self._log(f"no client has registered the remote method '{sanitise(name, 60)}'")
            return False
        for method in list(methods.values()):
            method(params)
        return True
