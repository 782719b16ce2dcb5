"""`klipkit console` as a process: an AVR's firmware, strangers, a port that is held or goes, a terminal, a pipe."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from klipkit.sim.avr.runner import build
from tests.bench.avr_session import BAUD, BUILD, Target
from tests.bench.avr_session import firmware as avr_firmware
from tests.command import HANG, KLIPKIT
from tests.console_peers import firmware, peer, running
from tests.unit.link_toy import frame

MOVE = tuple(
    word
    for command in (
        "allocate_oids count=1",
        "config_stepper oid=0 step_pin=PF0 dir_pin=PF1 invert_step=0 step_pulse_ticks=32",
        "finalize_config crc=5",
        "reset_step_clock oid=0 clock={clock + freq * 2}",
        "set_next_step_dir oid=0 dir=1",
        "queue_step oid=0 interval={freq / 1000} count=400 add=0",
        "delay 3",
        "stepper_get_position oid=0",
    )
    for word in ("-c", command)
)
TRIES = 3
QUICK = ("--timeout", "0.3")


def console(port: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [str(KLIPKIT), "console", port, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=HANG, check=False)


def test_the_firmware_of_an_avr_is_identified_and_moves_a_stepper(tmp_path: Path) -> None:
    """Steps are queued 2 s ahead by the clock in an expression, so that a slow computer is still in time."""
    target, link = Target(), tmp_path / "mcu"
    program = [
        str(build(BUILD)),
        target.chip,
        str(target.frequency),
        str(BAUD),
        str(avr_firmware(target)),
        str(link),
    ]
    with running(program, link):
        told = console(str(link), "--json", "--timeout", "30", "-c", "get_config")
        assert told.returncode == 0, told.stderr
        identified, sent, answer = map(json.loads, told.stdout.splitlines())
        assert identified["identified"]["mcu"] == "atmega2560"
        assert identified["identified"]["constants"]["CLOCK_FREQ"] == 16_000_000
        assert sent["sent"] == "get_config"
        assert answer["values"]["is_config"] == 0
        moved = [console(str(link), "--timeout", "30", *MOVE)]
        while moved[-1].returncode == 4 and len(moved) < TRIES:  # the computer stalled for 2 s
            moved.append(console(str(link), "--timeout", "30", "-c", "reset", *MOVE))
    assert moved[-1].stdout.split("\t")[0] == "stepper_position oid=0 pos=400", moved
    assert (moved[-1].returncode, moved[-1].stderr) == (0, "")


@pytest.mark.parametrize(
    ("greeting", "reply", "code", "account"),
    [
        (b"", b"", "no-answer", "; not one byte came back; is it powered"),
        (b"start\r\necho:Marlin 2.1.2\r\n", b"", "protocol", "this board runs Marlin, not klipkit"),
        (b"", b"\x80\xf8\x00\xff\x78\x86", "protocol", "they look like another speed"),
        (b"\x1b\x01\x00\x02\x0e\x11\x00\x06", b"", "protocol", "they are a boot loader's"),
        (
            frame(5, b"\x7f\x12") * 3,
            b"\x00\xfe" * 400,
            "protocol",
            "frames, none of them the answer; its firmware",
        ),
        (b"\x1b]0;evil\x07 login: ", b"", "protocol", "'\\x1b]0;evil\\x07 login:'; this board runs Linux"),
    ],
)
def test_a_stranger_is_told_for_what_it_is(greeting: bytes, reply: bytes, code: str, account: str) -> None:
    with peer(lambda data: reply, greeting) as port:
        told = console(port, *QUICK, "--baud", "115200", "-c", "get_uptime")
    assert (told.returncode, told.stdout) == (3, "")
    assert told.stderr.startswith(
        f"klipkit console: error: MCU '{port}': Unable to obtain 'identify' response: asked "
    )
    assert " times in 0.3 s at 115200 baud; " in told.stderr
    assert account in told.stderr
    assert told.stderr.endswith(f"[{code}]\n")


def test_a_port_that_echoes_is_told() -> None:
    with peer(lambda data: data) as port:
        told = console(port, *QUICK, "-c", "get_uptime")
    assert told.returncode == 3
    assert "they are our own; RX and TX are joined" in told.stderr


def test_a_held_port_names_its_holder(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, _):
        with open(port, "rb+", buffering=0) as held:  # noqa: PTH123
            fcntl.flock(held, fcntl.LOCK_EX)
            told = console(port, "-c", "get_uptime")
            assert told.returncode == 3
            assert f"(pid {os.getpid()}) has it open; stop that program first [port-held]" in told.stderr
        assert console(port, "-c", "get_uptime").returncode == 0


def test_a_second_console_is_kept_out_while_one_runs(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, _):
        command = [str(KLIPKIT), "console", port]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
            assert first.stdin
            assert first.stdout
            first.stdin.write("get_uptime\n")
            first.stdin.flush()
            assert first.stdout.readline().startswith("uptime high=")
            second = console(port, "-c", "get_uptime")
            assert (second.returncode, f"klipkit (pid {first.pid}) has it open" in second.stderr) == (3, True)
            first.stdin.close()
            assert first.wait(HANG) == 0


def test_lines_from_a_pipe_are_done_one_by_one_up_to_the_first_error(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, _):
        told = console(port, stdin="# remark\n\nget_config\ndebug_ping data=01\nfoo\nget_uptime\n")
        assert [line.split("\t")[0] for line in told.stdout.splitlines()] == [
            "config is_config=0 crc=0 is_shutdown=0 move_count=0",
            "pong data=01",
        ]
        assert told.returncode == 2
        assert "no command 'foo'" in told.stderr
        assert console(port, stdin="get_config\nquit\nfoo").returncode == 0
        assert console(port, "--json", stdin="emergency_stop").returncode == 4


@pytest.mark.parametrize("arguments", [(), ("-c", "delay 1000"), ("-c", "repeat 100000 get_clock")])
def test_a_link_that_goes_away_ends_the_console_at_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with firmware(tmp_path) as (port, process):
        command = [str(KLIPKIT), "console", port, "--json", *arguments]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running_console:
            assert running_console.stdout
            assert "identified" in running_console.stdout.readline()
            process.send_signal(signal.SIGKILL)
            running_console.wait(
                HANG
            )  # its standard input stays open: the end of that would be an end as well
            out, errors = running_console.communicate()
    assert running_console.returncode == 3, (out, errors)
    error = json.loads(errors)["error"]
    assert (error["code"], error["where"]) == ("link", port)
    assert error["hint"] == "the program that serves it has ended"


def test_ctrl_c_ends_a_script_with_130(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, _):
        command = [str(KLIPKIT), "console", port, "--json", "-c", "delay 1000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=HANG)
        assert (process.returncode, errors.strip()) == (130, "")
        assert console(port, "-c", "get_uptime").returncode == 0


class Person:
    """Somebody who types at `klipkit console` on a terminal."""

    def __init__(self, port: str, home: Path) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ |= {"XDG_STATE_HOME": str(home), "TERM": "xterm", "COLUMNS": "100", "NO_COLOR": "1"}
            os.execv(KLIPKIT, ["klipkit", "console", port])
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def sees(self, text: str) -> str:
        """Wait until `text` appears; gives what came up to it, and forgets that."""
        end = time.monotonic() + HANG
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            assert self.more(), self.seen
        before, _, self.seen = self.seen.partition(text)
        return before

    def more(self) -> bool:
        """Read what came in the last moment; False at the end."""
        if not select.select([self.terminal], [], [], 0.1)[0]:
            return True
        with contextlib.suppress(OSError):
            data = os.read(self.terminal, 4096)
            self.seen += data.decode()
            return bool(data)
        return False

    def leaves(self) -> int:
        """Wait for the end; gives the exit status."""
        end = time.monotonic() + HANG
        while self.more():
            assert time.monotonic() < end, self.seen
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def test_a_person_types_completes_and_finds_the_lines_of_last_time_again(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, _):
        person = Person(port, tmp_path)
        assert "mcu             klipkit sim" in person.sees("Ctrl-D ends")
        person.sees("> ")
        person.type("debug_pi\tdata=42\r")
        person.sees("pong data=42")
        person.sees("> ")
        person.type("foo\r")
        person.sees("error: its firmware has no command 'foo'")
        person.type("emergency_stop\r")
        person.sees("shutdown: Command request [emergency-stop]")
        person.type("reset\r")
        person.type("get_config\r")
        person.sees("config is_config=0")
        person.sees("> ")  # Ctrl-D is an end at the prompt only
        person.type("\x04")
        assert person.leaves() == 0
        person = Person(port, tmp_path)
        person.sees("> ")
        person.type("\x1b[A\r")
        person.sees("config is_config=0")
        person.type("\x03")
        assert person.leaves() == 130


@pytest.mark.parametrize("part", range(4))
def test_ctrl_c_typed_at_any_moment_ends_the_console_with_130(tmp_path: Path, part: int) -> None:
    """While it looks for the board, at the prompt, with an answer on its way, while a word is completed."""
    typed = ("", "get_uptime\r", "get_config\r\t", "delay 1000\r")[part]
    with firmware(tmp_path) as (port, _):
        for number in range(3):
            person = Person(port, tmp_path)
            person.sees("mcu             klipkit sim" if not typed else "> ")
            person.type(typed)
            time.sleep(0.002 * number)
            person.type("\x03")
            assert person.leaves() == 130


def test_a_person_at_the_prompt_is_told_when_the_board_is_gone(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, process):
        person = Person(port, tmp_path)
        person.sees("> ")
        process.send_signal(signal.SIGKILL)
        person.sees(f"error: {port}: the link broke")
        assert person.leaves() == 3


def test_what_comes_while_a_line_is_typed_stands_above_it(tmp_path: Path) -> None:
    with firmware(tmp_path) as (port, _):
        person = Person(port, tmp_path)
        person.sees("> ")
        for line in ("allocate_oids count=1", "config_trsync oid=0", "finalize_config crc=1"):
            person.type(line + "\r")
        person.type(
            "trsync_start oid=0 report_clock={clock+freq*3} report_ticks={freq/4} expire_reason=1\rget_up"
        )
        for _ in range(2):
            person.sees("\r\x1b[K")
            person.sees("trsync_state oid=0 can_trigger=1")
            person.sees("\n> get_up")
        person.type("time\r")
        person.sees("uptime high=")
        person.type("quit\r")
        assert person.leaves() == 0
