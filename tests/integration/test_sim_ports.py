"""`klipkit sim`: microcontrollers behind terminals for any host, with the printer's models on their pins."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.test_firmware_pty import WAIT, Client
from tests.reference import TOP

CONFIG = TOP / "config-examples"


@contextmanager
def simulated(
    tmp_path: Path, config: str, *options: str, ended_by: signal.Signals = signal.SIGINT
) -> Iterator[dict[str, dict[str, str]]]:
    """The microcontrollers by name; afterwards the tool ended well and took the links away."""
    folder = tmp_path / "desk"
    command = ["bin/klipkit", "sim", str(config), "--mcu", "atmega2560", "--folder", str(folder), "--json"]
    process = subprocess.Popen([*command, *options], cwd=TOP, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield {row["mcu"]: row for row in json.loads(line)["mcus"]}
    finally:
        process.send_signal(ended_by)
        process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert not any(folder.iterdir())


def test_each_microcontroller_is_its_chip_behind_its_link(tmp_path: Path) -> None:
    with simulated(tmp_path, f"{CONFIG}/two-boards.cfg", ended_by=signal.SIGTERM) as mcus:
        assert list(mcus) == ["mcu", "zboard"]
        for row in mcus.values():
            assert Path(row["link"]).readlink() == Path(row["terminal"])
            client = Client(Path(row["link"]))
            assert client.identify().raw["config"]["MCU"] == row["chip"]
            client.close()


def test_sensors_and_endstops_of_the_printer_are_on_the_pins_and_survive_a_client(tmp_path: Path) -> None:
    with simulated(tmp_path, f"{CONFIG}/ramps-corexy.cfg") as mcus:
        client = Client(Path(mcus["mcu"]["link"]))
        client.identify()
        client.ask(
            "allocate_oids count=2",
            "config_analog_in oid=0 pin=PK5",
            "config_endstop oid=1 pin=PE5 pull_up=1",
            "finalize_config crc=1",
        )
        now = int(client.ask("get_clock")[-1].rpartition("=")[2]) + 1_600_000
        ask = f"query_analog_in oid=0 clock={now & 0xFFFFFFFF} sample_ticks=16000 sample_count=8"
        client.ask(
            ask + " rest_ticks=1600000 bytes_per_report=2 min_value=0 max_value=8184 range_check_count=4"
        )
        state = client.ask("endstop_query_state oid=1")[-1]
        assert state.startswith("endstop_state oid=1 homing=0") and "pin_value=0" in state
        values: list[str] = []
        while not values:
            values = [text for text in client.ask("get_clock") if text.startswith("analog_in_state")]
        share = int.from_bytes(bytes.fromhex(values[0].rpartition("=")[2]), "little") / (8 * 1023)
        assert share == pytest.approx(100_000 / 104_700, abs=0.002)  # 25 degrees C
        client.close()
        again = Client(Path(mcus["mcu"]["link"]))
        again.identify()
        assert "is_config=1 crc=1" in again.ask("get_config")[-1]
        again.close()


def test_an_unplugged_microcontroller_is_silent(tmp_path: Path) -> None:
    with simulated(tmp_path, f"{CONFIG}/ramps-corexy.cfg", "--fault", "unplug:mcu") as mcus:
        descriptor = os.open(mcus["mcu"]["link"], os.O_RDWR | os.O_NOCTTY)
        client = Client.__new__(Client)
        client.descriptor, client.buffer = descriptor, b""
        os.write(descriptor, b"\x7e\x05\x10\x82\xe4\x7e")
        assert client.read_frame(0.5) is None
        client.close()


def test_wrong_words_are_one_line_and_what_stands_in_the_way_is_left(tmp_path: Path) -> None:
    (tmp_path / "mcu").write_text("mine")
    for options, status, what in (
        (["--fault", "lost-steps"], 2, "fault 'lost-steps'"),
        (["--fault", "unplug:zboard"], 2, "no 'zboard'"),
        (["--emulate", "nobody"], 2, "no [mcu nobody]"),
        (["--folder", str(tmp_path)], 3, "cannot make the link: File exists"),
    ):
        command = ["bin/klipkit", "sim", f"{CONFIG}/ramps-corexy.cfg", "--mcu", "atmega2560", *options]
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False, timeout=WAIT)
        assert (done.returncode, done.stderr.count("\n")) == (status, 1), done.stderr
        assert what in done.stderr and done.stderr.startswith("klipkit sim: error: ")
    assert (tmp_path / "mcu").read_text() == "mine"
