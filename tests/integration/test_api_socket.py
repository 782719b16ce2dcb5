"""The API's socket: messages however they come, clients that do harm or none, and the place in the file system."""

import asyncio
import json
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from klipkit.base.errors import ConfigError, UsageError
from klipkit.base.schema import Loaded
from klipkit.daemon import apisocket
from klipkit.daemon.api import Api
from klipkit.daemon.apisocket import ApiSocket
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.daemon.session import END, MESSAGE_MOST
from tests.daemon_bench import live, served, until

HANG = 60  # s
CLIENTS = 1000
Wires = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Act = Callable[[Path, Daemon, list[str]], Awaitable[None]]


def unconfigured() -> Loaded:
    raise ConfigError("there is no printer here")


def serve(folder: Path, act: Act) -> list[str]:
    """Run `act` with the socket of a daemon that has no machine; gives its log."""
    logged: list[str] = []

    async def whole() -> None:
        daemon = Daemon(unconfigured, lambda loaded: {}, logged.append)
        running = asyncio.ensure_future(daemon.run())
        served = await ApiSocket.open(str(folder / "api"), Api(daemon), logged.append)
        await until(daemon, State.ERROR)
        async with asyncio.timeout(HANG):
            await act(folder / "api", daemon, logged)
        await served.close()
        daemon.ask(Request.STOP)
        await running

    asyncio.run(whole())
    return logged


async def connect(path: Path | str) -> Wires:
    return await asyncio.open_unix_connection(str(path), limit=2 * MESSAGE_MOST)


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + END


async def heard(reader: asyncio.StreamReader) -> Any:
    return json.loads((await reader.readuntil(END))[:-1])


async def ask(wires: Wires, method: str, number: Any = 1, **params: Any) -> Any:
    wires[1].write(message(id=number, method=method, params=params))
    return await heard(wires[0])


def test_messages_come_in_any_pieces(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        reader, writer = await connect(path)
        text = message(id=1, method="objects/list") + message(id="two", method="objects/list", params=None)
        for byte in text:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        writer.write(message(id=[3], method="objects/list") * 3)
        answers = [await heard(reader) for _ in range(5)]
        assert [each["id"] for each in answers] == [1, "two", [3], [3], [3]]
        assert all(each["result"] == {"objects": ["webhooks"]} for each in answers)
        writer.close()

    serve(tmp_path, act)


WRONG = (
    b"",
    b"{",
    b"[]",
    b'{"id": 7}',
    b'{"id": 7, "method": 5}',
    b'{"id": 7, "method": "info", "params": 5}',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b"1" * 100_000,
)


def test_what_is_no_request_is_logged_and_has_no_answer(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        wires = await connect(path)
        del logged[:]
        for wrong in WRONG:
            wires[1].write(wrong + END)
        assert (await ask(wires, "info", 8))["id"] == 8
        assert len(logged) == len(WRONG)
        assert all(
            line.startswith("API: a message was passed over") and line.isprintable() for line in logged
        )

    serve(tmp_path, act)


def test_a_request_without_id_is_carried_out_and_not_answered(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        wires = await connect(path)
        wires[1].write(message(method="gcode/subscribe_output", params={"response_template": {"a": 1}}))
        wires[1].write(message(id=None, method="gcode/script", params={"script": "STATUS"}))
        assert await heard(wires[0]) == {"a": 1, "params": {"response": "// Klipper state: Error"}}
        assert (await heard(wires[0]))["params"]["response"].startswith("// there is no printer here")

    serve(tmp_path, act)


@pytest.mark.parametrize(
    ("method", "params", "told"),
    [
        ("objects/query", {}, "'objects' must be given"),
        ("objects/query", {"objects": []}, "'objects' must be an object, not a list"),
        ("objects/query", {"objects": {"toolhead": 1}}, "'toolhead' must be null or a list of fields"),
        ("objects/query", {"objects": {"toolhead": [1]}}, "'toolhead' must be null or a list of fields"),
        (
            "objects/subscribe",
            {"objects": {}, "response_template": 5},
            "'response_template' must be an object",
        ),
        ("gcode/script", {"script": None}, "'script' must be given"),
        ("gcode/script", {"script": True}, "'script' must be a text, not true or false"),
        ("motion_report/dump_trapq", {"name": ["x"]}, "'name' must be a text, not a list"),
        ("register_remote_method", {"remote_method": {}}, "'remote_method' must be a text, not an object"),
        ("info", {"client_info": "x"}, "'client_info' must be an object, not a text"),
        ("no/such", {}, "there is no endpoint 'no/such'"),
        ("", {}, "there is no endpoint ''"),
        ("gcode/scrip", {}, "did you mean 'gcode/script'"),
    ],
)
def test_what_is_wrong_about_a_request_is_its_answer(
    tmp_path: Path, method: str, params: dict[str, Any], told: str
) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        answer = await ask(await connect(path), method, **params)
        assert told in answer["error"]["message"]
        assert answer["error"]["error"] == "WebRequestError"

    serve(tmp_path, act)


def test_a_message_of_20_mb_is_taken_and_one_without_end_ends_the_connection(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        wires = await connect(path)
        frame = len(json.dumps({"id": 1, "method": "info", "params": {"x": ""}}))
        assert (await ask(wires, "info", x="a" * (MESSAGE_MOST - frame)))["result"]["state"] == "error"
        other = await connect(path)
        other[1].write(b"a" * (MESSAGE_MOST + 1))
        assert await other[0].read() == b""
        assert "more than 20971520 bytes" in logged[-1]
        assert (await ask(wires, "info"))["result"]["state"] == "error"

    serve(tmp_path, act)


def test_a_client_that_does_not_read_is_closed_and_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apisocket, "HURRY", 0.2)

    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        with socket.socket(socket.AF_UNIX) as lazy:
            lazy.setblocking(False)
            lazy.connect(str(path))
            other = await connect(path)
            loop = asyncio.get_running_loop()
            while "did not read" not in logged[-1]:
                await loop.sock_sendall(lazy, message(id=1, method="list_endpoints") * 100)
                assert (await ask(other, "info"))["id"] == 1
        assert (await ask(other, "info"))["id"] == 1

    assert "API: a client was closed: it did not read" in "\n".join(serve(tmp_path, act))


def test_a_client_that_reads_late_but_in_time_misses_nothing(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        reader, writer = await connect(path)
        count = 3000  # answers: more than the buffers of the system and of the socket
        writer.write(b"".join(message(id=number, method="list_endpoints") for number in range(count)))
        await writer.drain()
        await ask(await connect(path), "info")
        assert sorted([(await heard(reader))["id"] for _ in range(count)]) == list(range(count))

    serve(tmp_path, act)


def test_a_client_with_too_many_requests_at_once_is_refused_the_others(tmp_path: Path) -> None:
    async def act(daemon: Daemon) -> None:
        async with served(daemon) as path:
            await until(daemon, State.READY)
            reader, writer = await connect(path)
            waiting = message(id=1, method="gcode/script", params={"script": "G4 P500"})
            writer.write(waiting + message(id=2, method="gcode/script", params={"script": "M115"}) * 1500)
            answers = [await heard(reader) for _ in range(1501)]
            refused = [each for each in answers if "error" in each]
            assert len(refused) == 501
            assert "more than 1000 requests at once" in refused[0]["error"]["message"]
            writer.close()

    live(act, paced=True)


def test_a_thousand_clients_have_subscriptions_at_once(tmp_path: Path) -> None:
    async def act(daemon: Daemon) -> None:
        async with served(daemon) as path:
            await until(daemon, State.READY)
            clients = [await connect(path) for _ in range(CLIENTS)]
            for _, writer in clients:
                wanted = {"objects": {"gcode_move": ["speed_factor"], "toolhead": None}}
                writer.write(message(id=1, method="objects/subscribe", params=wanted))
            for reader, _ in clients:
                assert "toolhead" in (await heard(reader))["result"]["status"]
            await daemon.execute("M220 S50", "test")
            for reader, writer in clients:
                while "gcode_move" not in (update := (await heard(reader))["params"]["status"]):
                    pass
                assert update["gcode_move"] == {"speed_factor": 0.5}
                writer.close()

    live(act, paced=True)


def test_clients_beyond_the_most_are_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apisocket, "CLIENTS_MOST", 3)

    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        clients = [await connect(path) for _ in range(3)]
        assert [(await ask(each, "info"))["id"] for each in clients] == [1, 1, 1]
        assert await (await connect(path))[0].read() == b""
        assert "there are 3 already" in logged[-1]
        clients[0][1].close()
        await clients[0][1].wait_closed()
        await ask(clients[1], "info")
        assert (await ask(await connect(path), "info"))["id"] == 1

    serve(tmp_path, act)


def test_a_client_that_goes_takes_its_subscriptions_and_methods_along_and_not_its_script(
    tmp_path: Path,
) -> None:
    async def act(daemon: Daemon) -> None:
        async with served(daemon) as path:
            await until(daemon, State.READY)
            wires = await connect(path)
            await ask(wires, "objects/subscribe", objects={"toolhead": None})
            await ask(wires, "gcode/subscribe_output")
            await ask(wires, "register_remote_method", remote_method="beep")
            assert daemon.remote.call("beep", {"a": 1})
            wires[1].write(message(id=1, method="gcode/script", params={"script": "G4 P1500\nM220 S70"}))
            await wires[1].drain()
            assert "params" in await heard(wires[0])
            wires[1].close()
            while daemon.remote.call("beep", {}):
                await asyncio.sleep(0.01)
            assert daemon.objects.status("gcode_move")["speed_factor"] == 1.0
            while daemon.objects.status("gcode_move")["speed_factor"] == 1.0:
                await asyncio.sleep(0.01)

    live(act, paced=True)


def test_a_template_that_cannot_be_told_ends_its_client_and_nobody_else(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(940):
        deep = {"a": deep}

    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        wires, other = await connect(path), await connect(path)
        wires[1].write(message(method="gcode/subscribe_output", params={"response_template": deep}))
        await ask(other, "gcode/subscribe_output")
        for _ in range(50):  # deeper and deeper in the stack
            daemon.responses.note("hello")
            assert (await heard(other[0]))["params"]["response"] == "// hello"
        assert await ask(other, "gcode/script", script="M110") == {"id": 1, "result": {}}

    serve(tmp_path, act)


def test_a_remote_method_gets_its_parameters_in_the_template(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        wires = await connect(path)
        await ask(wires, "register_remote_method", remote_method="beep", response_template={"action": "run"})
        assert daemon.remote.call("beep", {"frequency": 300, "forever": float("inf"), "odd": {1}})
        told = await heard(wires[0])
        assert told == {"action": "run", "params": {"frequency": 300, "forever": None, "odd": "{1}"}}
        assert not daemon.remote.call("nobody", {})
        assert "nobody" in logged[-1]

    serve(tmp_path, act)


def test_the_socket_is_for_its_group_and_goes_with_its_daemon(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert list(tmp_path.iterdir()) == [path]

    serve(tmp_path, act)
    assert not list(tmp_path.iterdir())


def test_a_socket_that_an_earlier_run_has_left_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "api"))

    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        assert (await ask(await connect(path), "info"))["id"] == 1

    serve(tmp_path, act)


def test_nothing_else_is_replaced(tmp_path: Path) -> None:
    async def act(path: Path, daemon: Daemon, logged: list[str]) -> None:
        with pytest.raises(UsageError, match="another daemon serves there; give another name with -a"):
            await ApiSocket.open(str(path), Api(daemon))
        for name in ("file", "folder", "link"):
            with pytest.raises(UsageError, match="something else is there"):
                await ApiSocket.open(str(tmp_path / name), Api(daemon))
        with pytest.raises(UsageError, match="No such file"):
            await ApiSocket.open(str(tmp_path / "none" / "api"), Api(daemon))
        assert (await ask(await connect(path), "info"))["id"] == 1

    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    serve(tmp_path, act)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder", "link"]
    assert (tmp_path / "file").read_text() == "mine"
