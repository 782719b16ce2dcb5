"""Whatever is asked of the API, the answer is an answer: no traceback, no hang, no growth, never a shutdown."""

import asyncio
import json
import sys
from collections import Counter
from typing import Any

import pytest

from klipkit.base.endpoint import Client, Result
from klipkit.daemon.api import Api
from klipkit.daemon.apitext import encoded
from klipkit.daemon.daemon import Daemon, State
from tests.api_fuzz import NEVER, requests
from tests.daemon_bench import live, until

MANY, ALL = 100_000, 1_000_000  # requests: of each run, of the long one
ROUND = 500  # between pauses in which answers come
BLOCKS = 20_000  # of memory that may come and go: about 1.5 MB
FAULT = "a fault of klipkit"


class Listener(Client):
    """Counts what it is told, and reads it as a client would."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Counter[str] = Counter()
        self.faults: list[Any] = []

    def send(self, message: Result) -> None:
        """A message."""
        heard = json.loads(encoded(message))
        kind = next((each for each in ("result", "error") if each in heard), "later")
        self.told[kind] += 1
        if FAULT in str(heard.get("error", "")):
            self.faults.append(heard)

    def hang_up(self) -> None:
        """The machine has ended."""
        self.told["ended"] += 1


def ask(count: int, seed: int) -> Counter[str]:
    """Ask so many random requests of a printer that is ready; gives what was answered."""
    client = Listener()
    logged: list[str] = []

    async def act(daemon: Daemon) -> None:
        await until(daemon, State.READY)
        api = Api(daemon)
        api.welcome(client)
        methods = (*(name for name in api.endpoints() if name not in NEVER), "no/such", "")
        following, blocks = requests(seed, methods), 0
        for number in range(count // ROUND):
            for _ in range(ROUND):
                api.take(client, following())
            await asyncio.sleep(0.5)
            logged.clear()
            if number == count // ROUND // 4:
                blocks = sys.getallocatedblocks()
        assert sys.getallocatedblocks() - blocks < BLOCKS
        assert daemon.state is State.READY
        client.gone()
        await api.close()

    live(act, log=logged.append)
    assert client.faults == []
    assert client.told["ended"] == 0
    return client.told


def test_any_requests_are_answered_and_do_no_harm() -> None:
    told = ask(MANY, seed=1)
    assert told["result"] > MANY / 10 and told["error"] > MANY / 10


@pytest.mark.long
def test_any_requests_are_answered_and_do_no_harm_a_million_times() -> None:
    ask(ALL, seed=2)
