"""The command line as a user types it, on devices played by umockdev: no --root, the real paths of /sys and /dev."""

import json
import os
import subprocess
from pathlib import Path

from tests.reference import TOP

DEVICES = Path(__file__).with_name("ports.umockdev")


def klipkit(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run bin/klipkit in the test bed."""
    command = ["umockdev-run", "-d", str(DEVICES), "--", str(TOP / "bin/klipkit"), *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "KLIPKIT_SYSROOT"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


def test_all_devices_are_listed_with_the_names_for_printer_cfg() -> None:
    done = klipkit("ports")
    assert done.returncode == 0
    assert [line.split("\t")[:5] for line in done.stdout.splitlines()] == [
        [
            "/dev/serial/by-id/usb-Arduino__www.arduino.cc__0042_75330303035351F0C1E1-if00",
            "/dev/ttyACM0",
            "board",
            "Arduino Mega 2560 R3",
            "2341:0042",
        ],
        [
            "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0",
            "/dev/ttyUSB0",
            "bridge",
            "CH340",
            "1a86:7523",
        ],
        [
            "/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0-port0",
            "/dev/ttyUSB1",
            "bridge",
            "CH340",
            "1a86:7523",
        ],
        ["-", "usb:1-4", "bootloader", "RP2040 BOOTSEL", "2e8a:0003"],
        ["can0", "can0", "can", "CAN interface, up: USB to CAN bridge (gs_usb)", "1d50:606f"],
    ]
    assert done.stderr.count("[same-by-id]") == 1


def test_json_holds_the_links_as_they_stand_in_dev() -> None:
    done = klipkit("ports", "--json")
    ports = {port["device"]: port for port in json.loads(done.stdout)["ports"]}
    assert ports["/dev/ttyUSB1"]["by_id"] == ["/dev/serial/by-id/usb-1a86_USB2.0-Serial-if00-port0"]
    assert ports["/dev/ttyUSB0"]["by_id"] == []
    assert ports["/dev/ttyACM0"]["by_id_expected"] == ports["/dev/ttyACM0"]["name"]


def test_a_script_gets_the_one_port_of_a_board() -> None:
    done = klipkit("ports", "--one", "--board", "pico")
    assert (done.returncode, done.stdout) == (0, "usb:1-4\n")
    assert klipkit("ports", "--one", "--board", "ramps").returncode == 1


def test_waiting_in_real_time_ends_with_the_timeout() -> None:
    done = klipkit("ports", "--wait", "--timeout", "0.3")
    assert (done.returncode, done.stdout) == (1, "")
    assert "[timed-out]" in done.stderr
