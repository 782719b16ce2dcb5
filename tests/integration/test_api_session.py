"""Both kinds of session hear the same of a daemon: one transcript for the socket and for the same process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from klipkit.base.errors import KlipkitError, PrinterError
from klipkit.base.faults import MoveError, RequestError
from klipkit.daemon.daemon import Daemon, State
from klipkit.daemon.session import Conversation
from tests.daemon_bench import by_socket, live, local, until

Talk = Callable[[Conversation, Daemon], Awaitable[None]]


def by_both(talk: Talk) -> None:
    async def in_process(daemon: Daemon) -> None:
        async with local(daemon) as session:
            await talk(session, daemon)

    async def over_socket(daemon: Daemon) -> None:
        async with by_socket(daemon) as session:
            await talk(session, daemon)

    live(in_process)
    live(over_socket, paced=True)


async def refused(kind: type[KlipkitError], work: Awaitable[Any]) -> str:
    """The words of an error, whose class passes the socket, too."""
    with pytest.raises(kind) as caught:
        await work
    assert type(caught.value) is kind
    return str(caught.value)


def test_both_sessions_give_the_same_transcript() -> None:
    transcripts: list[list[str]] = []

    async def talk(session: Conversation, daemon: Daemon) -> None:
        said: list[str] = []
        transcripts.append(said)
        await until(daemon, State.READY)
        said.append((await session.request("info"))["state"])
        said += await session.gcode("M115\nG28 X\nG1 X20 F6000\nNO_SUCH_COMMAND")
        said.append(str((await session.query("toolhead", "nothing"))["toolhead"]["position"]))
        said.append(await refused(MoveError, session.gcode("G1 X9999\nG1 X10")))
        said.append(await refused(RequestError, session.request("gcode/script", script=["G28"])))
        said.append(await refused(RequestError, session.request("no/such")))
        said.append(str(await session.request("query_endstops/status")))
        said.append(str(await session.request("emergency_stop")))
        await until(daemon, State.SHUTDOWN)
        said.append(await refused(PrinterError, session.gcode("G28")))
        said += await session.gcode("FIRMWARE_RESTART")
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        said += await session.gcode("G28 X")
        said.append(str(await session.query("nothing")))

    by_both(talk)
    assert transcripts[0] == transcripts[1]
    state, firmware, unknown, position, move, script, method, endstops, stopped, shut, nothing = transcripts[
        0
    ]
    assert state == "ready"
    assert firmware.startswith("FIRMWARE_NAME:Klipper")
    assert unknown.startswith('// Unknown command:"NO_SUCH_COMMAND"')
    assert position == "[20.0, 0.0, 0.0, 0.0]"
    assert move.startswith("API:1: Move out of range: 9999")
    assert script == "gcode/script: 'script' must be a text, not a list; lines of G-code"
    assert method.startswith("there is no endpoint 'no/such'")
    assert endstops == "{'x': 'open', 'y': 'open', 'z': 'open'}"
    assert stopped == nothing == "{}"
    assert "Shutdown due to webhooks request" in shut


def test_a_restart_ends_what_is_being_carried_out_and_the_session_goes_on() -> None:
    async def talk(session: Conversation, daemon: Daemon) -> None:
        await until(daemon, State.READY)
        waiting = [asyncio.ensure_future(session.gcode(script)) for script in ("G4 P60000", "G28 X", "G28 Y")]
        await asyncio.sleep(0.5)
        await session.request("gcode/restart")
        for each in waiting:
            assert "restarted" in await refused(PrinterError, each)
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        told = await asyncio.gather(*(session.request("info") for _ in range(5)))
        assert [each["state"] for each in told] == ["ready"] * 5
        await session.gcode("G28 X")

    by_both(talk)


def test_a_subscription_tells_everything_once_and_then_what_changes() -> None:
    async def talk(session: Conversation, daemon: Daemon) -> None:
        await until(daemon, State.READY)
        updates = session.updates("gcode_move", "stepper_enable", "configfile", "nothing")
        first = await anext(updates)
        assert first["nothing"] == {}
        assert "position" in first["gcode_move"] and "stepper_x" in first["configfile"]["config"]
        await asyncio.sleep(1)
        await session.gcode("G28 X")
        second = await anext(updates)
        assert {name for status in second.values() for name in status} <= {
            "position",
            "gcode_position",
            "steppers",
        }
        await session.request("gcode/restart")
        assert [update async for update in updates if "configfile" in update] == []
        assert await session.gcode("STATUS") == [
            "// Klipper state: Startup",
            "// Printer is not ready: it is being restarted",
        ]

    by_both(talk)


def test_the_configuration_is_seen_before_the_machine_is() -> None:
    async def talk(session: Conversation, daemon: Daemon) -> None:
        while (await session.request("objects/list"))["objects"] == ["webhooks"]:
            await asyncio.sleep(0.01)
        assert daemon.state is State.STARTUP
        seen = await session.query("configfile", "toolhead")
        assert list(seen) == ["configfile"]
        configfile = seen["configfile"]
        assert configfile["config"]["printer"]["max_velocity"] == "300"
        assert configfile["settings"]["printer"]["max_velocity"] == 300.0
        assert (
            configfile["settings"]["stepper_x"]["endstop_pin"]
            == configfile["config"]["stepper_x"]["endstop_pin"]
        )
        assert configfile["save_config_pending"] is False and configfile["warnings"] == []
        await until(daemon, State.READY)
        assert daemon.host is not None
        daemon.host.unsaved.set("stepper_z", "position_endstop", "0.75")
        configfile = (await session.query("configfile"))["configfile"]
        assert configfile["save_config_pending"] is True
        assert configfile["save_config_pending_items"] == {"stepper_z": {"position_endstop": "0.75"}}

    by_both(talk)
