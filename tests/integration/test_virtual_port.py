"""The virtual serial port, as OctoPrint and terminals use it: lines in, "ok" out, whatever comes and goes."""

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from klipkit.base.errors import ConfigError, UsageError
from klipkit.base.schema import Loaded
from klipkit.daemon.console import AHEAD_MOST, WAITING_MOST, Console
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.gcode.words import LINE_LIMIT
from tests.daemon_bench import live, until
from tests.machine_bench import CARD, CARTESIAN

HANG = 60  # s


class Client:
    """What opens the port, as a program on a serial port does."""

    def __init__(self, port: Path) -> None:
        self._file = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._heard = b""
        self._loop = asyncio.get_running_loop()
        self._come = asyncio.Event()
        self.listen()

    def listen(self) -> None:
        """Read what comes."""
        self._loop.add_reader(self._file, self._read)

    def be_deaf(self) -> None:
        """Read nothing."""
        self._loop.remove_reader(self._file)

    def close(self) -> None:
        """Go away."""
        self.be_deaf()
        os.close(self._file)

    async def write(self, data: bytes | str) -> None:
        """All of it, as fast as it is taken."""
        left = data.encode() if isinstance(data, str) else data
        while left:
            try:
                left = left[os.write(self._file, left) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)

    async def line(self) -> str:
        """The line that comes next."""
        async with asyncio.timeout(HANG):
            while b"\n" not in self._heard:
                self._come.clear()
                await self._come.wait()
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode()

    async def ask(self, text: str) -> list[str]:
        """What is answered to one line, to its "ok"."""
        await self.write(text + "\n")
        lines = [await self.line()]
        while not lines[-1].startswith("ok"):
            lines.append(await self.line())
        return lines

    def _read(self) -> None:
        self._heard += os.read(self._file, 1 << 16)
        self._come.set()


Act = Callable[[Client, Daemon, Path], Awaitable[None]]


def with_port(folder: Path, act: Act) -> None:
    """Run `act` with a client at the port of a printer that is ready."""

    async def serve(daemon: Daemon) -> None:
        await until(daemon, State.READY)
        console = Console(daemon, str(folder / "port"))
        try:
            client = Client(folder / "port")
            await act(client, daemon, folder / "port")
            client.close()
        finally:
            await console.close()

    live(serve, CARTESIAN + CARD.format(folder=folder), paced=True)


def without_printer(folder: Path, act: Act) -> None:
    """Run `act` with a client at the port of a daemon that has no machine."""

    def load() -> Loaded:
        raise ConfigError("there is no printer here")

    async def serve() -> None:
        daemon = Daemon(load, lambda loaded: {})
        running = asyncio.ensure_future(daemon.run())
        await until(daemon, State.ERROR)
        console = Console(daemon, str(folder / "port"))
        client = Client(folder / "port")
        async with asyncio.timeout(HANG):
            await act(client, daemon, folder / "port")
        client.close()
        await console.close()
        daemon.ask(Request.STOP)
        await running

    asyncio.run(serve())


def test_each_line_has_one_ok_behind_what_is_said_of_it(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        assert await client.ask("M110 N0") == ["ok"]
        assert (await client.ask("M115"))[0].startswith("ok FIRMWARE_NAME:Klipper FIRMWARE_VERSION:klipkit-")
        assert await client.ask("M114") == ["ok X:0.000 Y:0.000 Z:0.000 E:0.000"]
        assert await client.ask("M105") == ["ok T:0"]
        assert await client.ask("") == ["ok"]
        assert await client.ask("; a comment") == ["ok"]
        assert await client.ask("ECHO A=1") == ["// ECHO A=1", "ok"]
        assert await client.ask("NO_SUCH") == ['// Unknown command:"NO_SUCH" (console:1)', "ok"]
        error, ok = await client.ask("G1 X10")
        assert error.startswith("!! console:1: Must home axis first: X") and ok == "ok"
        assert await client.ask("(") == ["ok"]
        error, ok = await client.ask("G1 X'")
        assert error.startswith("!! console:1: ") and ok == "ok"

    with_port(tmp_path, act)


def test_line_numbers_and_checksums_are_taken_off_and_never_asked_for_again(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        assert await client.ask("N0 M110 N0*125") == ["ok"]
        assert await client.ask("N1 G92 X7*99") == ["ok"]  # a wrong checksum: the line has no noise
        assert await client.ask("N17M114*37") == ["ok X:7.000 Y:0.000 Z:0.000 E:0.000"]

    with_port(tmp_path, act)


def test_lines_come_in_any_pieces(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        for byte in b"G92 X3\r\nM1":
            await client.write(bytes([byte]))
            await asyncio.sleep(0)
        await client.write("14\nM105\rM110\n")
        assert [await client.line() for _ in range(5)] == [
            "ok",
            "ok",  # between \r and \n
            "ok X:3.000 Y:0.000 Z:0.000 E:0.000",
            "ok T:0",
            "ok",
        ]

    with_port(tmp_path, act)


def test_what_others_are_told_comes_here_too(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        await daemon.execute("ECHO A=1\nM114", "elsewhere")
        assert [await client.line(), await client.line()] == [
            "// ECHO A=1",
            "X:0.000 Y:0.000 Z:0.000 E:0.000",
        ]

    with_port(tmp_path, act)


def test_a_print_that_was_begun_here_answers_to_everybody(tmp_path: Path) -> None:
    (tmp_path / "part.gcode").write_text("M114\n")

    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        lines = await client.ask("SDCARD_PRINT_FILE FILENAME=part.gcode")
        while lines[-1] != "Done printing file":
            lines.append(await client.line())
        assert "X:0.000 Y:0.000 Z:0.000 E:0.000" in lines

    with_port(tmp_path, act)


def test_an_emergency_stop_goes_ahead_of_lines_that_wait_and_the_port_stays(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        await client.write("G4 P600000\n" + "M114\n" * 100 + "N5 m112*37\n")
        lines = [await client.line()]
        while sum(line.startswith("ok") for line in lines) < 102:
            lines.append(await client.line())
        assert daemon.state is State.SHUTDOWN
        assert any(line.startswith("!! Shutdown due to M112") for line in lines)
        assert (await client.ask("M105"))[-1] == "ok T:0"
        assert (await client.ask("M112"))[-1] == "ok"
        assert (await client.ask("STATUS"))[0] == "// Klipper state: Shutdown"
        error, *_, ok = await client.ask("G28")
        assert error.startswith("!! Shutdown due to M112") and ok == "ok"
        assert (await client.ask("FIRMWARE_RESTART"))[-1] == "ok"
        await until(daemon, State.STARTUP)
        await until(daemon, State.READY)
        assert await client.line() == "// Klipper state: Ready"
        assert (await client.ask("M114"))[-1] == "ok X:0.000 Y:0.000 Z:0.000 E:0.000"

    with_port(tmp_path, act)


def test_clients_come_and_go(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        for number in range(20):
            other = Client(port)
            client.be_deaf()
            assert (await other.ask(f"ECHO A={number}"))[-1] == "ok"
            other.close()
            client.listen()
        assert (await client.ask("M110"))[-1] == "ok"

    with_port(tmp_path, act)


def test_a_client_that_does_not_read_loses_lines_and_holds_up_nobody(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        client.be_deaf()
        for number in range(WAITING_MOST // 4):
            daemon.responses.note(f"line {number}")
        client.listen()
        assert await client.line() == "// line 0"
        await client.write("M110\n")
        last = 0
        while (line := await client.line()) != "ok":
            last = int(line.split()[-1])
        assert 0 < last < WAITING_MOST // 4 - 1

    without_printer(tmp_path, act)


def test_a_flood_of_lines_is_carried_out_in_order_and_read_within_bounds(tmp_path: Path) -> None:
    count = 20_000
    text = "M117 " + "a" * (3 * AHEAD_MOST // count) + "\n"

    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        writing = asyncio.ensure_future(client.write(text * count + "ECHO A=1\n"))
        for _ in range(count):
            line = await client.line()
            while not line.startswith("ok"):
                line = await client.line()
        await writing
        assert await client.line() == "// ECHO A=1"

    with_port(tmp_path, act)


@pytest.mark.parametrize(
    "noise",
    [b"\xff\xfe\n", b"\x00\x01\x02\n", b"M117 \xf0\x9f\n", b"G1 X\xd9\xa1\n", b"ECHO A=\xed\xa0\x80\n"],
)
def test_noise_is_answered(tmp_path: Path, noise: bytes) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        await client.write(noise)
        while not (await client.line()).startswith("ok"):
            pass
        assert (await client.ask("M110"))[-1] == "ok"

    without_printer(tmp_path, act)


def test_a_line_that_is_too_long_is_refused_whole(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        await client.write("M117 " + "a" * (2 * LINE_LIMIT))
        error, ok = await client.ask("")
        assert error.startswith("!! console:1: a line of ") and ok == "ok"
        assert daemon.objects.status("display_status")["message"] is None

    with_port(tmp_path, act)


def test_a_fault_of_ours_ends_one_line_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wrong(text: str, name: str) -> None:
        raise ZeroDivisionError("so it goes")

    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(daemon, "execute", wrong)
            error, ok = await client.ask("M114")
        assert "internal error, a fault of klipkit: ZeroDivisionError: so it goes" in error and ok == "ok"
        assert (await client.ask("M110"))[-1] == "ok"

    without_printer(tmp_path, act)


def test_the_port_is_a_link_for_its_group_and_goes_with_the_daemon(tmp_path: Path) -> None:
    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        assert port.is_symlink()
        assert stat.S_IMODE(port.stat().st_mode) == 0o660

    without_printer(tmp_path, act)
    assert not list(tmp_path.iterdir())


def test_a_link_that_an_earlier_run_has_left_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "port").symlink_to("/dev/pts/9999")

    async def act(client: Client, daemon: Daemon, port: Path) -> None:
        assert (await client.ask("M110"))[-1] == "ok"
        (tmp_path / "file").write_text("mine")
        (tmp_path / "elsewhere").symlink_to(tmp_path / "file")
        for name in ("file", "elsewhere"):
            with pytest.raises(UsageError, match="the virtual serial port cannot be made: File exists"):
                Console(daemon, str(tmp_path / name))

    without_printer(tmp_path, act)
    assert (tmp_path / "elsewhere").read_text() == "mine"
