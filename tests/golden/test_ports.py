"""`klipkit ports` as people see it: a transcript for each computer that bites somebody."""

from pathlib import Path

import pytest

from tests.golden.ports.tree import Tree, ch340, firmware, mega
from tests.golden.transcript import Transcript

FOLDER = Path(__file__).parent / "ports"
ROOTED = "klipkit ports --root ROOT"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A computer without ports, but with what must not be taken for one."""
    tree = Tree(tmp_path / "root")
    tree.terminal("tty1")
    tree.uart("ttyS3", kind="0")
    tree.net("eth0", tree.usb("1-9", "0bda:8153", product="USB 10/100/1000 LAN"), kind="1")
    return tree


def transcript(tree: Tree, name: str, *commands: str, terminal: str = "") -> None:
    """Run the commands, the last one `terminal` on a terminal, and compare with the golden file."""
    places = {"ROOT": str(tree.root), "FOLDER": str(tree.root.parent)}
    script = Transcript(FOLDER / f"{name}.txt", places)
    for command in commands:
        script.run(command)
    if terminal:
        script.run(terminal, terminal=True)
    script.check()


def test_an_arduino_and_a_klipper_board_piped_as_json_and_on_a_terminal(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    firmware(tree, "ttyACM1", "1-2.1")
    tree.uart("ttyAMA0")
    transcript(tree, "usual", ROOTED, f"{ROOTED} --json", f"{ROOTED} -v", terminal=f"{ROOTED} --no-color")


def test_two_ch340_share_a_by_id_name_and_get_their_by_path_names(tree: Tree) -> None:
    ch340(tree, "ttyUSB0", "1-1.1", by_id=False)
    ch340(tree, "ttyUSB1", "1-1.2")
    transcript(tree, "ch340-twice", ROOTED, f"{ROOTED} -q", f"{ROOTED} --json")


def test_two_ch340_without_by_path_links_are_still_told_apart(tree: Tree) -> None:
    ch340(tree, "ttyUSB0", "1-1.1", by_id=False, by_path=False)
    ch340(tree, "ttyUSB1", "1-1.2", by_path=False)
    transcript(tree, "ch340-no-by-path", ROOTED)


def test_one_ch340_is_named_by_its_by_id_link(tree: Tree) -> None:
    ch340(tree, "ttyUSB0", "1-1.1")
    transcript(tree, "ch340-once", ROOTED, f"{ROOTED} -v")


def test_boards_in_their_bootloaders(tree: Tree) -> None:
    firmware(tree, "ttyACM0", "1-1", maker="katapult")
    tree.usb("1-2", "2e8a:0003", manufacturer="Raspberry Pi", product="RP2 Boot", serial="E0C9125B0D9B")
    tree.usb("1-3", "0483:df11", manufacturer="STMicroelectronics", product="STM32  BOOTLOADER", serial="356")
    tree.usb("1-4", "16c0:0478")
    tree.usb("1-5", "1209:beba", manufacturer="Serasidis", product="HID Bootloader")
    tree.process(812, "dfu-util", "dfu-util -d ,0483:df11", ("/dev/bus/usb/001/006",))
    transcript(tree, "bootloaders", ROOTED, f"{ROOTED} --one", f"{ROOTED} --one --board skr-pico")


def test_a_klipper_rp2040_runs_its_firmware(tree: Tree) -> None:
    firmware(tree, "ttyACM0", "1-1", chip="rp2040", serial="E6609CB2D3545B27")
    transcript(tree, "rp2040", ROOTED, f"{ROOTED} --one --board pico", f"{ROOTED} --one --board octopus")


def test_klipkit_firmware_is_told_from_klipper_firmware(tree: Tree) -> None:
    firmware(tree, "ttyACM0", "1-1", maker="klipkit", chip="stm32f103xe")
    transcript(tree, "klipkit-firmware", ROOTED)


def test_can_interfaces_and_their_state(tree: Tree) -> None:
    tree.net("can0", tree.usb("1-1", "1d50:606f", manufacturer="Klipper", product="stm32g0b1xx"))
    tree.net("can1", tree.usb("1-2", "1d50:606f", product="candleLight USB to CAN adapter"), flags="0x40080")
    tree.net("can2", tree.usb("1-3", "1d50:606f"), queue="10")
    transcript(tree, "can", ROOTED, f"{ROOTED} --json")


def test_links_whose_device_is_gone(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    tree.link("dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10K5JHX-if00-port0", "../../ttyUSB7")
    transcript(tree, "broken-link", ROOTED)


def test_no_dev_serial_at_all(tree: Tree) -> None:
    usb = tree.usb("1-1", "0403:6001", manufacturer="FTDI", product="FT232R USB UART", serial="A10K5JHX")
    tree.tty("ttyUSB0", usb)
    transcript(tree, "no-dev-serial", ROOTED, f"{ROOTED} --json")


def test_a_by_id_link_that_is_missing_beside_others(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    usb = tree.usb("1-2", "0403:6001", manufacturer="FTDI", product="FT232R USB UART", serial="A10K5JHX")
    tree.tty("ttyUSB0", usb, by_path="pci-0000:00:14.0-usb-0:2:1.0-port0")
    transcript(tree, "no-by-id", ROOTED)


def test_a_port_that_programs_hold_open(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    klippy = "/home/pi/klippy-env/bin/python /home/pi/klipper/klippy/klippy.py /home/pi/printer.cfg"
    tree.process(1234, "python", klippy, ("/dev/ttyACM0", "/dev/ttyACM0"))
    tree.process(77, "picocom", "picocom -b 115200 /dev/ttyACM0", ("/dev/ttyACM0",))
    transcript(tree, "held", ROOTED, f"{ROOTED} --json", terminal=f"{ROOTED} --no-color")


def test_modemmanager_and_brltty(tree: Tree) -> None:
    ch340(tree, "ttyUSB0", "1-1")
    tree.process(500, "ModemManager")
    tree.process(501, "brltty")
    transcript(tree, "programs", ROOTED)


def test_modemmanager_that_is_told_to_leave_the_port_alone(tree: Tree) -> None:
    ch340(tree, "ttyUSB0", "1-1")
    tree.process(500, "ModemManager")
    tree.write("run/udev/data/c188:0", "I:1\nE:ID_MM_DEVICE_IGNORE=1")
    transcript(tree, "modemmanager-ignores", ROOTED)


def test_a_bridge_whose_serial_device_was_taken_off(tree: Tree) -> None:
    tree.usb("1-1", "1a86:7523", product="USB2.0-Serial")
    tree.process(501, "brltty")
    transcript(tree, "no-tty", ROOTED)


def test_a_container_that_lacks_the_device_file(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    (tree.root / "dev/ttyACM0").unlink()
    transcript(tree, "no-node", ROOTED)


def test_no_port_at_all(tree: Tree) -> None:
    transcript(tree, "none", ROOTED, f"{ROOTED} --json", f"{ROOTED} --one", terminal=f"{ROOTED} --no-color")


def test_one_port_for_scripts(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    firmware(tree, "ttyACM1", "1-2")
    tree.uart("ttyAMA0")
    transcript(
        tree,
        "one",
        f"{ROOTED} --one",
        f"{ROOTED} --one --board ramps",
        f"{ROOTED} --one --board Octopus --json",
        f"{ROOTED} --one --board printrboard",
        f"{ROOTED} --board ramps",
    )


def test_a_config_and_what_it_lacks(tree: Tree) -> None:
    mega(tree, "ttyACM0", "1-1")
    firmware(tree, "ttyACM1", "1-2", maker="katapult")
    tree.uart("ttyAMA0", console="Y")
    tree.write("dev/pts/7", b"")
    tree.link("tmp/klipper_host_mcu", "/dev/pts/7")
    config = """
[mcu]
serial: /dev/serial/by-id/usb-Arduino__www.arduino.cc__0042_75330303035351F0C1E1-if00
[mcu octopus]
serial: /dev/serial/by-id/usb-Klipper_stm32f446xx_2A003B000A51373330333137-if00
[mcu uart]
serial: /dev/ttyAMA0
[mcu host]
serial: /tmp/klipper_host_mcu
[mcu toolboard]
canbus_uuid: 11aa22bb33cc
[mcu nowhere]
baud: 250000
"""
    file = tree.root.parent / "printer.cfg"
    file.write_text(config, "utf-8")
    with_config = f"{ROOTED} --config FOLDER/printer.cfg"
    transcript(tree, "config", with_config, f"{with_config} --json", terminal=f"{with_config} --no-color")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/dev/ttyACM0", ""),
        ("/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0", ""),
        ("/dev/printer", ""),
        ("/dev/ttyACM4", "not used by the config: /dev/serial/by-id/usb-Arduino"),
        (
            "/dev/serial/by-id/usb-Klipper_rp2040_E6609CB2D3545B27-if00",
            "not used by the config: /dev/serial/by-id",
        ),
        (
            "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10K5JHX-if00-port0",
            "only the link is missing: write /dev/se",
        ),
        ("/dev/other-printer", "not used by the config: "),
        ("/run/sim/mcu", "start the program that makes it"),
        ("ttyACM0", "start the program that makes it"),
    ],
)
def test_the_hint_for_each_way_to_name_a_port(
    tree: Tree, capsys: pytest.CaptureFixture[str], value: str, expected: str
) -> None:
    from klipkit.cli.main import run

    mega(tree, "ttyACM0", "1-1")
    usb = tree.usb("1-2", "0403:6001", manufacturer="FTDI", product="FT232R USB UART", serial="A10K5JHX")
    tree.tty("ttyUSB0", usb, by_path="pci-0000:00:14.0-usb-0:2:1.0-port0")
    tree.link("dev/printer", "ttyACM0")
    config = tree.write("printer.cfg", f"[mcu]\nserial: {value}")
    status = run(["ports", "--root", str(tree.root), "--config", str(config)])
    out, err = capsys.readouterr()
    assert status == (1 if expected else 0)
    assert expected in err
    assert ("\tmcu\t" in out) == (not expected)


def test_wrong_usage(tree: Tree) -> None:
    (tree.root.parent / "binary.cfg").write_bytes(b"\x7fELF\0\0")
    transcript(
        tree,
        "usage",
        "klipkit ports --root FOLDER/missing",
        "klipkit ports --root FOLDER/binary.cfg",
        f"{ROOTED} --config FOLDER",
        f"{ROOTED} --config FOLDER/binary.cfg",
        f"{ROOTED} --config FOLDER/missing.cfg",
        f"{ROOTED} --board rampz",
        f"{ROOTED} --wait --timeout -1",
        f"{ROOTED} --wait --timeout nan",
        f"{ROOTED} --wait --timeout soon",
        f"{ROOTED} --timeout 5",
        f"{ROOTED} --watch --one",
        f"{ROOTED} surplus",
    )


def test_a_short_serial_number_is_no_proof_of_the_same_board(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many CP2102 carry 0001, which stands in other boards' names by chance."""
    from klipkit.cli.main import run

    usb = tree.usb("1-1", "10c4:ea60", manufacturer="Silicon Labs", product="CP2102", serial="0001")
    tree.tty("ttyUSB0", usb, by_id="usb-Silicon_Labs_CP2102_0001-if00-port0")
    config = tree.write("printer.cfg", "[mcu]\nserial: /dev/serial/by-id/usb-Klipper_rp2040_E60001B2-if00")
    assert run(["ports", "--root", str(tree.root), "--config", str(config)]) == 1
    error = capsys.readouterr().err
    assert "this serial number" not in error
    assert "not used by the config: /dev/serial/by-id/usb-Silicon_Labs_CP2102_0001-if00-port0" in error


def test_the_one_name_is_safe_on_a_terminal(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    from klipkit.cli.main import run

    tree.tty("ttyUSB0", tree.usb("1-1", "0403:6001"), by_id="usb-\x1b[2Jx")
    assert run(["ports", "--root", str(tree.root), "--one"]) == 0
    assert capsys.readouterr().out == "/dev/serial/by-id/usb-\\x1b[2Jx\n"
