"""What clients are told of the motion: the moves of the toolhead, and each motor's steps as its MCU gets them."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from klipkit.base.endpoint import Client, Result
from klipkit.base.errors import KlipkitError
from klipkit.daemon.api import Api
from klipkit.daemon.apitext import encoded
from klipkit.daemon.daemon import Daemon, Request, State
from tests.daemon_bench import live, until

AFTER = 2.0  # s after the last move in which all is told


class Listener(Client):
    """Keeps what it is told, by the key of its templates."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.told: dict[str, list[Any]] = {}
        self._api = api
        api.welcome(self)

    def send(self, message: Result) -> None:
        """A message."""
        heard = json.loads(encoded(message))
        self.told.setdefault(heard.get("id") or heard["key"], []).append(heard.get("params", heard))

    def hang_up(self) -> None:
        """The machine has ended."""
        self.gone()

    def ask(self, key: str, method: str, **params: Any) -> None:
        """Ask; what comes later has this key, and the answer too."""
        params["response_template"] = {"key": key}
        self._api.take(self, json.dumps({"id": f"{key}?", "method": method, "params": params}))


def test_each_move_is_told_in_its_phases_and_they_follow_on_each_other() -> None:
    async def act(daemon: Daemon) -> None:
        await until(daemon, State.READY)
        api = Api(daemon)
        client = Listener(api)
        await daemon.execute("G28 X", "test")
        client.ask("trapq", "motion_report/dump_trapq", name="toolhead")
        await daemon.execute("G1 X50 F6000\nG1 X20\nM400", "test")
        await asyncio.sleep(AFTER)
        header = client.told["trapq?"][0]["result"]["header"]
        assert header == ["time", "duration", "start_velocity", "acceleration", "start_position", "direction"]
        rows = [row for each in client.told["trapq"] for row in each["data"]]
        moved = [row for row in rows if row[1] and any(row[5])][-6:]
        assert moved[0][4][0] == pytest.approx(0) and moved[3][4][0] == pytest.approx(50)
        for (time, duration, velocity, accel, start, direction), following in pairwise(moved):
            assert following[0] == pytest.approx(time + duration)
            assert following[2] == pytest.approx(velocity + accel * duration, abs=1e-6)
            way = (velocity + accel * duration / 2) * duration
            assert following[4][0] == pytest.approx(start[0] + way * direction[0])
        await api.close()

    live(act)


def test_the_steps_that_are_told_are_those_that_were_made() -> None:
    async def act(daemon: Daemon) -> None:
        await until(daemon, State.READY)
        api = Api(daemon)
        client = Listener(api)
        await daemon.execute("G28 X\nG1 X10 F6000", "test")
        client.ask("steps", "motion_report/dump_stepper", name="stepper_x")
        await daemon.execute("G1 X50 F1200\nG1 X20\nM400", "test")
        await asyncio.sleep(AFTER)
        assert client.told["steps?"][0]["result"] == {"header": ["interval", "count", "add"]}
        history, *told = client.told["steps"]
        assert len(told) > 2 and history["last_clock"] < told[0]["first_clock"]
        for before, after in pairwise(told):
            assert after["first_clock"] > before["last_clock"]
            assert after["first_step_time"] > before["last_step_time"]
            made = sum(count for _, count, _ in before["data"])
            assert after["start_mcu_position"] == before["start_mcu_position"] + made
        last = told[-1]
        clock = last["first_clock"] - last["data"][0][0]
        for interval, count, add in last["data"]:
            clock += interval * abs(count) + add * abs(count) * (abs(count) - 1) // 2
        assert clock == last["last_clock"]
        assert daemon.host is not None
        made = sum(count for _, count, _ in last["data"])
        stepper = daemon.host.steppers["stepper_x"]
        assert last["start_mcu_position"] + made == stepper.commanded() == await stepper.counted()
        assert last["start_position"] + made * last["step_distance"] == pytest.approx(20)
        await api.close()

    live(act)


def test_a_wrong_name_is_refused_and_a_dump_ends_with_its_machine() -> None:
    async def act(daemon: Daemon) -> None:
        await until(daemon, State.READY)
        api = Api(daemon)
        client = Listener(api)
        client.ask("a", "motion_report/dump_stepper", name="stepper_q")
        client.ask("b", "motion_report/dump_trapq", name="")
        client.ask("c", "motion_report/dump_stepper", name="stepper_x")
        await asyncio.sleep(1)
        assert "did you mean 'stepper_" in client.told["a?"][0]["error"]["message"]
        assert "one of toolhead" in client.told["b?"][0]["error"]["message"]
        daemon.ask(Request.RESTART)
        await until(daemon, State.STARTUP)
        assert client.is_gone
        await until(daemon, State.READY)
        await daemon.execute("G28 X", "test")
        assert "c" not in client.told
        with pytest.raises(KlipkitError):
            await daemon.execute("G1 X9999", "test")
        await api.close()

    live(act)
