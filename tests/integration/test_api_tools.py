"""The tools that talk to a running daemon: klipkit gcode, status, print, cancel; their answers and exit statuses."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from klipkit.daemon.daemon import Daemon, Request, State
from tests.daemon_bench import live, served, until
from tests.machine_bench import CARD, CARTESIAN

PART = "G90\nG92 X0\nG1 X10 F6000\nM400\n"
Tool = Callable[..., Awaitable[tuple[int, str, str]]]
Act = Callable[[Tool, Daemon], Awaitable[None]]


def with_tools(folder: Path, act: Act) -> None:
    """Run `act` with a printer whose card is `folder`; it is given a way to call tools: exit status, stdout, stderr."""

    async def serve(daemon: Daemon) -> None:
        async with served(daemon) as path:
            await until(daemon, State.READY)

            async def tool(*words: str, stdin: str = "") -> tuple[int, str, str]:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "klipkit", words[0], "-a", path, *words[1:]),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                out, err = await process.communicate(stdin.encode())
                return await process.wait(), out.decode(), err.decode()

            await act(tool, daemon)

    live(serve, CARTESIAN + CARD.format(folder=folder), paced=True)


def test_gcode_prints_the_answers_and_tells_the_first_error(tmp_path: Path) -> None:
    async def act(tool: Tool, daemon: Daemon) -> None:
        assert await tool("gcode", "M114", "G92 X5", "M114") == (
            0,
            "X:0.000 Y:0.000 Z:0.000 E:0.000\nX:5.000 Y:0.000 Z:0.000 E:0.000\n",
            "",
        )
        assert await tool("gcode", stdin="M117 hi\n; nothing\nECHO A=1\n") == (0, "// ECHO A=1\n", "")
        assert await tool("gcode", "--json", "ECHO A=\x1b[31m") == (
            0,
            '{"lines": ["// ECHO A=\\u001b[31m"]}\n',
            "",
        )
        status, out, err = await tool("gcode", "ECHO A=\x1b[31m", "G1 X9 F6000", "M114")
        assert (status, out) == (1, "// ECHO A=\\x1b[31m\n")
        assert err.startswith("klipkit gcode: error: API:2: Must home axis first: X") and err.endswith(
            "[move]\n"
        )
        daemon.emergency_stop("Shutdown due to a test")
        await until(daemon, State.SHUTDOWN)
        status, out, err = await tool("gcode", "G28")
        assert (status, out) == (4, "")
        assert err.startswith("klipkit gcode: error: Shutdown due to a test")

    with_tools(tmp_path, act)


def test_without_a_daemon_the_tools_say_so(tmp_path: Path) -> None:
    async def act(tool: Tool, daemon: Daemon) -> None:
        nowhere = str(tmp_path / "none")
        for words in (["gcode", "G28"], ["status"], ["print", "x"], ["cancel"]):
            status, out, err = await tool(words[0], "-a", nowhere, *words[1:])
            assert (status, out) == (3, "")
            assert (
                f"error: {nowhere}: no daemon answers there: No such file or directory; start `klipkit run`"
                in err
            )

    with_tools(tmp_path, act)


def test_status_tells_what_is_asked_for(tmp_path: Path) -> None:
    async def act(tool: Tool, daemon: Daemon) -> None:
        status, out, _ = await tool("status")
        rows = [line.split("\t") for line in out.splitlines()]
        assert status == 0
        assert rows[:3] == [
            ["webhooks", "state", "ready"],
            ["webhooks", "state_message", "Printer is ready"],
            ["print_stats", "state", "standby"],
        ]
        assert ["toolhead", "position", "[0.0, 0.0, 0.0, 0.0]"] in rows
        status, out, _ = await tool("status", "--json", "pause_resume", "webhooks")
        assert json.loads(out)["status"]["pause_resume"] == {"is_paused": False}
        status, out, err = await tool("status", "toolhed")
        assert (status, out) == (1, "")
        assert "there is no object 'toolhed'; did you mean 'toolhead'" in err

    with_tools(tmp_path, act)


def test_status_watches_until_the_printer_is_restarted(tmp_path: Path) -> None:
    async def act(tool: Tool, daemon: Daemon) -> None:
        watching = asyncio.ensure_future(tool("status", "--watch", "--json", "display_status"))
        said: list[int] = []
        while not watching.done():
            await daemon.execute(f"M117 {len(said)}", "test")
            said.append(len(said))
            await asyncio.sleep(0.3)
            if len(said) == 15:
                daemon.ask(Request.RESTART)
                await until(daemon, State.STARTUP)
                break
        status, out, err = await watching
        assert status == 3
        assert "the daemon has closed the connection" in err
        changes = [json.loads(line)["status"]["display_status"] for line in out.splitlines()]
        assert len(changes) > 1 and set(changes[0]) == {"message", "progress"}
        assert all(set(change) == {"message"} for change in changes[1:])

    with_tools(tmp_path, act)


def test_print_starts_and_follows_a_file_of_the_card(tmp_path: Path) -> None:
    async def act(tool: Tool, daemon: Daemon) -> None:
        await daemon.execute("G28 X", "test")
        (tmp_path / "a part.gcode").write_text(PART)
        (tmp_path / "wrong.gcode").write_text(PART + "G1 X9999\n")
        assert await tool("print", "a part.gcode", "--follow") == (0, "", "a part.gcode is being printed\n")
        assert daemon.objects.status("print_stats")["state"] == "complete"
        path = str(tmp_path / "a part.gcode")
        assert (await tool("print", path, "-f", "-q", "--json"))[:2] == (
            0,
            json.dumps({"file": path, "complete": True}) + "\n",
        )
        status, out, err = await tool("print", "wrong.gcode", "-f", "-q")
        assert (status, out) == (1, "")
        assert "wrong.gcode:5: Move out of range" in err

    with_tools(tmp_path, act)


def test_print_takes_no_file_from_elsewhere(tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    (tmp_path / "part.gcode").write_text(PART)

    async def act(tool: Tool, daemon: Daemon) -> None:
        for file in (str(tmp_path / "part.gcode"), "../part.gcode", "/etc/passwd"):
            status, out, err = await tool("print", file)
            assert (status, out) == (2, "")
            assert f"it is outside of the printer's virtual SD card, {card}; copy it there" in err
        status, out, err = await tool("print", "none.gcode")
        assert (status, out) == (2, "")
        assert "there is no such file" in err

    with_tools(card, act)


def test_cancel_ends_the_print_and_with_wait_only_what_it_waits_for(tmp_path: Path) -> None:
    (tmp_path / "slow.gcode").write_text("G4 P600000\nM117 after\nG4 P600000\n")

    async def act(tool: Tool, daemon: Daemon) -> None:
        await daemon.execute("SDCARD_PRINT_FILE FILENAME=slow.gcode", "test")
        assert await tool("cancel", "--wait") == (0, "", "")
        while daemon.objects.status("display_status")["message"] != "after":
            await asyncio.sleep(0.1)
        assert daemon.objects.status("print_stats")["state"] == "printing"
        assert await tool("cancel") == (0, "", "")
        assert daemon.objects.status("print_stats")["state"] == "cancelled"

    with_tools(tmp_path, act)
