"""`klipkit run` as a person starts it: several printers at once, a log, a wrong configuration, the end."""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.command import KLIPKIT
from tests.reference import TOP

CARTESIAN = TOP / "config-examples" / "cartesian.cfg"
HANG = 60.0  # s, a guard


class Printer:
    """A running `klipkit run CONFIG --sim`, and somebody at its virtual serial port."""

    def __init__(self, config: Path, name: str, *options: str) -> None:
        command = [str(KLIPKIT), "run", str(config), "--sim", "--mcu", "atmega2560", "--name", name, *options]
        self.port = Path(f"/tmp/printer-{name}")
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.guard = threading.Timer(HANG, self.process.kill)
        self.guard.start()
        self.told: list[str] = []
        self._rest = b""

    def hears(self, words: str) -> None:
        """Wait until the program says it."""
        assert self.process.stderr is not None
        while not self.told or words not in self.told[-1]:
            line = self.process.stderr.readline()
            assert line, self.told
            self.told.append(line.rstrip())

    def says(self, line: str) -> list[str]:
        """What is answered to a line, up to its "ok"."""
        with contextlib.ExitStack() as stack:
            port = os.open(self.port, os.O_RDWR | os.O_NOCTTY)
            stack.callback(os.close, port)
            os.write(port, line.encode() + b"\n")
            answers: list[str] = []
            end = time.monotonic() + HANG
            while not any(answer.startswith("ok") for answer in answers):
                assert time.monotonic() < end, answers
                if select.select([port], [], [], 0.1)[0]:
                    *whole, self._rest = (self._rest + os.read(port, 4096)).split(b"\n")
                    answers += [each.decode() for each in whole]
        return answers


@contextlib.contextmanager
def running(config: Path, name: str, *options: str) -> Iterator[Printer]:
    printer = Printer(config, f"{name}{os.getpid()}", *options)
    try:
        printer.hears("Printer is ready")
        yield printer
    finally:
        printer.process.send_signal(signal.SIGTERM)
        _, rest = printer.process.communicate()
        printer.guard.cancel()
        assert "Traceback" not in rest, rest
    assert printer.process.returncode == 0
    assert not printer.port.exists() and not printer.port.is_symlink()


def test_several_printers_run_at_once_each_at_its_own_port(tmp_path: Path) -> None:
    with running(CARTESIAN, "left") as left, running(CARTESIAN, "right") as right:
        left.says("G92 X10 Y20 Z30")
        assert left.says("M114")[-1].startswith("ok X:10.000 Y:20.000 Z:30.000")
        assert right.says("M114")[-1].startswith("ok X:0.000 Y:0.000 Z:0.000")


def test_a_log_tells_versions_and_why_a_printer_has_stopped(tmp_path: Path) -> None:
    log = tmp_path / "printer.log"
    with running(CARTESIAN, "log", "-l", str(log)) as printer:
        printer.says("M112")
        printer.hears("FIRMWARE_RESTART")
    text = log.read_text()
    assert "MCU 'mcu': " in text and "16000000 Hz" in text
    assert "ready: Printer is ready" in text
    assert "Shutdown due to M112 command" in text
    assert "commands before it, by age in s:" in text


def test_a_wrong_configuration_is_told_and_mended_while_the_program_runs(tmp_path: Path) -> None:
    path = tmp_path / "printer.cfg"
    path.write_text(CARTESIAN.read_text())
    with running(path, "mend") as printer:
        path.write_text(CARTESIAN.read_text().replace("microsteps: 16", "microsteps: many", 1))
        printer.says("RESTART")
        printer.hears("microsteps")
        assert any("printer.cfg:" in line and "microsteps" in line for line in printer.says("G28"))
        path.write_text(CARTESIAN.read_text())
        printer.says("RESTART")
        printer.hears("Printer is ready")
