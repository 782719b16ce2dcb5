"""The process behind a pty: a host opens it, identifies, moves, leaves, comes back."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.firmware_surround import Dictionary, built, crc16, frame, read_vlq, vlq

STK500 = bytes.fromhex("1b0100010e1104")
WAIT = 20.0  # s: for an answer on a busy machine


class Client:
    """A host of few words: opens the terminal, numbers its frames, waits for answers."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.buffer = b""
        self.number = 1
        self.dictionary: Dictionary | None = None

    def close(self) -> None:
        os.close(self.descriptor)

    def read_frame(self, wait: float) -> tuple[int, bytes] | None:
        """The next faultless frame; None when none comes in `wait` s."""
        end = time.monotonic() + wait
        while True:
            found = self.cut_frame()
            if found:
                return found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                return None
            self.buffer += os.read(self.descriptor, 4096)

    def cut_frame(self) -> tuple[int, bytes] | None:
        while len(self.buffer) >= 5:
            length = self.buffer[0]
            if 5 <= length <= 64 and len(self.buffer) < length:
                return None
            data = self.buffer[:length]
            good = 5 <= length <= 64 and crc16(data[:-3]) == int.from_bytes(data[-3:-1], "big")
            if good:
                self.buffer = self.buffer[length:]
                return data[1] & 15, data[2:-3]
            self.buffer = self.buffer[1:]
        return None

    def call(self, payload: bytes) -> list[bytes]:
        """Send a frame until it is acked, adopting the number that a nak tells; gives the responses that came."""
        responses: list[bytes] = []
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            os.write(self.descriptor, b"\x7e" + frame(self.number, payload))
            while (found := self.read_frame(0.5)) is not None:
                number, response = found
                if response:
                    responses.append(response)
                elif number == (self.number + 1) & 15:
                    self.number = number
                    return responses
                else:
                    self.number = number
                    break
        raise AssertionError("no ack")

    def identify(self) -> Dictionary:
        packed = b""
        while True:
            piece = None
            for response in self.call(b"\x01" + vlq(len(packed)) + vlq(40)):
                if response[0] == 0 and read_vlq(response, 1)[0] == len(packed):
                    piece = response[read_vlq(response, 1)[1] + 1 :]
            assert piece is not None
            if not piece:
                break
            packed += piece
        self.dictionary = Dictionary(json.loads(zlib.decompress(packed)))
        return self.dictionary

    def ask(self, *commands: str) -> list[str]:
        """The texts of the responses to a frame of commands."""
        assert self.dictionary
        payload = b"".join(self.dictionary.encode(command) for command in commands)
        texts = [self.dictionary.decode(response) for response in self.call(payload)]
        return [text for text in texts if not text.startswith("stats ")]


@contextlib.contextmanager
def running(tmp_path: Path, *options: str) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    link = tmp_path / "mcu"
    command = [str(built() / "klipkit-sim"), "--pty", str(link), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + WAIT
        while not link.exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
        yield link, process
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=WAIT)
        assert process.returncode == 0, errors
        assert errors == ""
    assert not link.is_symlink()


@contextlib.contextmanager
def connected(link: Path) -> Iterator[Client]:
    client = Client(link)
    try:
        os.write(client.descriptor, STK500)
        yield client
    finally:
        client.close()


def test_a_client_identifies_configures_and_moves(tmp_path: Path) -> None:
    with running(tmp_path) as (link, _), connected(link) as client:
        raw = client.identify().raw
        assert raw["config"]["MCU"] == "klipkit sim"
        assert raw["config"]["CLOCK_FREQ"] == 50_000_000
        assert "SERIAL_BAUD" not in raw["config"]
        assert raw["enumerations"]["pin"] == {"gpio0": [0, 64]}
        client.ask(
            "allocate_oids count=1",
            "config_stepper oid=0 step_pin=0 dir_pin=1 invert_step=-1 step_pulse_ticks=5",
            "finalize_config crc=7",
        )
        assert client.ask("get_config")[-1].startswith(
            "config is_config=1 crc=7 is_shutdown=0 move_count=1024"
        )
        now = int(client.ask("get_clock")[-1].rpartition("=")[2])
        client.ask(f"reset_step_clock oid=0 clock={now + 50_000_000}", "set_next_step_dir oid=0 dir=1")
        client.ask("queue_step oid=0 interval=500 count=20000 add=0")
        end = time.monotonic() + WAIT
        while (text := client.ask("stepper_get_position oid=0")[-1]) != "stepper_position oid=0 pos=20000":
            assert text.startswith("stepper_position") and time.monotonic() < end


def test_the_state_survives_a_client_and_a_reset_ends_it(tmp_path: Path) -> None:
    with running(tmp_path) as (link, _):
        with connected(link) as client:
            client.identify()
            client.ask("allocate_oids count=0", "finalize_config crc=99")
        with connected(link) as client:
            client.identify()
            assert "crc=99" in client.ask("get_config")[-1]
            os.write(client.descriptor, frame(client.number, client.dictionary.encode("reset")))  # type: ignore[union-attr]
        with connected(link) as client:
            client.identify()
            assert client.ask("get_config")[-1].startswith("config is_config=0 crc=0 is_shutdown=0")


def test_a_stalled_process_does_not_miss_its_timers(tmp_path: Path) -> None:
    """Stopped for a while in the midst of steps it goes on where it was: its clock has waited."""
    with running(tmp_path) as (link, process), connected(link) as client:
        client.identify()
        client.ask(
            "allocate_oids count=1",
            "config_stepper oid=0 step_pin=0 dir_pin=1 invert_step=0 step_pulse_ticks=100",
            "finalize_config crc=7",
        )
        now = int(client.ask("get_clock")[-1].rpartition("=")[2])
        client.ask(f"reset_step_clock oid=0 clock={now + 25_000_000}")
        client.ask("queue_step oid=0 interval=5000 count=8000 add=0")
        time.sleep(0.6)
        for _ in range(3):
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.02)
        end = time.monotonic() + WAIT
        while (text := client.ask("stepper_get_position oid=0")[-1]) != "stepper_position oid=0 pos=-8000":
            assert text.startswith("stepper_position") and time.monotonic() < end


def test_no_answer_names_a_clock_from_before_its_question(tmp_path: Path) -> None:
    """A question that comes while the process is stopped is answered when its clock has caught up."""
    with running(tmp_path) as (link, process), connected(link) as client:
        dictionary = client.identify()
        first = int(client.ask("get_clock")[-1].rpartition("=")[2])
        known = time.monotonic()
        for delay in (0.0, 0.15, 0.28, 0.0, 0.15):
            process.send_signal(signal.SIGSTOP)
            time.sleep(delay)
            asked = time.monotonic()
            os.write(client.descriptor, frame(client.number, dictionary.encode("get_clock")))
            time.sleep(0.3 - delay)
            process.send_signal(signal.SIGCONT)
            answers: list[str] = []
            while not any(text.startswith("clock") for text in answers):
                found = client.read_frame(WAIT)
                assert found
                answers += [dictionary.decode(found[1])] if found[1] else []
            client.call(b"")  # takes the number that comes next
            clock = int(next(text for text in answers if text.startswith("clock")).rpartition("=")[2])
            assert (clock - first) / 50e6 > asked - known - 1e-3


def test_the_persona_comes_from_options_and_file(tmp_path: Path) -> None:
    persona = tmp_path / "persona"
    persona.write_text(
        "# a chip\nmcu atmega2560\nfrequency 16000000\nserial_baud 250000\nreceive_window 192\npins PA0,PA1,,PB7\n"
        'constants "BUS_PINS_spi":"PA0,PA1,PB7"\nenumerations "spi_bus":{"spi":0}\n'
    )
    with (
        running(tmp_path, "--persona", str(persona), "--mcu", "chip") as (link, _),
        connected(link) as client,
    ):
        raw = client.identify().raw
    assert raw["config"]["MCU"] == "chip"
    assert (raw["config"]["CLOCK_FREQ"], raw["config"]["SERIAL_BAUD"]) == (16_000_000, 250_000)
    assert raw["config"]["RECEIVE_WINDOW"] == 192
    assert raw["config"]["BUS_PINS_spi"] == "PA0,PA1,PB7"
    assert raw["enumerations"]["pin"] == {"PA0": [0, 2], "PB7": 3}
    assert raw["enumerations"]["spi_bus"] == {"spi": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs --pty LINK and no other argument"),
        (["--pty", "LINK", "more"], "needs --pty LINK and no other argument"),
        (
            ["--pty", "LINK", "--frequency", "fast"],
            "frequency must be a whole number from 100000 to 715827882",
        ),
        (["--pty", "LINK", "--frequency", "-5"], "frequency must be a whole number from 100000 to 715827882"),
        (["--pty", "LINK", "--pins", 'PA0,"'], "pins: a name has printable ASCII characters"),
        (["--pty", "LINK", "--persona", "/nonexistent"], "--persona: cannot read the file: No such file"),
    ],
)
def test_a_wrong_command_line_is_one_clear_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    given = [str(tmp_path / "mcu") if word == "LINK" else word for word in arguments]
    done = subprocess.run([str(built() / "klipkit-sim"), *given], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"klipkit-sim: {message}")
    assert done.stderr.count("\n") == 1


def test_a_file_in_the_place_of_the_link_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "mcu"
    link.write_text("mine")
    done = subprocess.run(
        [str(built() / "klipkit-sim"), "--pty", str(link)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    assert done.returncode == 3
    assert "cannot make the link: File exists" in done.stderr
    assert link.read_text() == "mine"


def test_help_tells_the_options() -> None:
    done = subprocess.run(
        [str(built() / "klipkit-sim"), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert all(f"--{option}" in done.stdout for option in ("pty", "mcu", "frequency", "pins", "persona"))


def test_an_idle_process_sleeps(tmp_path: Path) -> None:
    """It wakes up about a hundred times a second at most, whatever the load of the machine."""
    with running(tmp_path) as (_, process):
        status = Path(f"/proc/{process.pid}/status")

        def switches() -> int:
            lines = status.read_text().splitlines()
            return int(next(line.split()[1] for line in lines if line.startswith("voluntary_ctxt_switches")))

        time.sleep(0.2)
        before = switches()
        time.sleep(0.5)
        assert 1 <= switches() - before <= 200
