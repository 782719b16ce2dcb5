"""The firmware of each AVR, and of the template port, compiles without warnings and fits into its chip."""

import re
import subprocess

import pytest

from klipkit.boards.chips import chip as board_chip
from tests.bench.avr_session import FIRMWARE, Target, firmware

KB = 1024
CHIPS = {  # flash for the program without a boot loader, RAM
    Target("atmega2560"): (248 * KB, 8 * KB),
    Target("atmega1280"): (124 * KB, 8 * KB),
    Target("atmega1284p"): (124 * KB, 16 * KB),
    Target("atmega1284p", 20_000_000): (124 * KB, 16 * KB),
    Target("atmega644p"): (60 * KB, 4 * KB),
    Target("atmega644p", 20_000_000): (60 * KB, 4 * KB),
    Target("atmega328p"): (30 * KB, 2 * KB),
    Target("atmega328p", 20_000_000): (30 * KB, 2 * KB),
    Target("atmega168"): (15 * KB, 1 * KB),
    Target("atmega168", 20_000_000): (15 * KB, 1 * KB),
    Target("at90usb1286"): (120 * KB, 8 * KB),
    Target("atmega32u4"): (28 * KB, 2560),
}
STACK_LEAST = 256  # bytes
NO_PIN = 0xFF  # ports/avr/pins.h
PWM_ROW = 8  # bytes of a row of OUTPUTS, the pin first: ports/avr/pwm.c


@pytest.mark.parametrize(
    "target", CHIPS, ids=lambda target: f"{target.chip}-{target.frequency // 1_000_000}MHz"
)
def test_the_firmware_fits_into_the_chip(target: Target) -> None:
    done = subprocess.run(["avr-size", str(firmware(target))], capture_output=True, text=True, check=True)
    text, data, bss = map(int, re.findall(r"\d+", done.stdout.splitlines()[1])[:3])
    flash, ram = CHIPS[target]
    assert text + data <= flash
    assert data + bss + STACK_LEAST < ram


def table(target: Target, name: str) -> bytes:
    """The bytes of a static table in the firmware's flash."""
    elf = firmware(target)
    done = subprocess.run(["avr-nm", "-S", str(elf)], capture_output=True, text=True, check=True)
    match = re.search(rf"^(\w+) (\w+) t {name}\b", done.stdout, re.MULTILINE)
    assert match
    image = elf.with_suffix(".bin")
    subprocess.run(
        ["avr-objcopy", "-j", ".text", "-O", "binary", str(elf), str(image)], capture_output=True, check=True
    )
    return image.read_bytes()[int(match[1], 16) :][: int(match[2], 16)]


def pins(numbers: bytes) -> set[str]:
    return {f"P{'ABCDEFGHIJKL'[number // 8]}{number % 8}" for number in numbers if number != NO_PIN}


@pytest.mark.parametrize("chip", sorted({target.chip for target in CHIPS} - {"atmega168"}))
def test_analog_inputs_and_pwm_outputs_are_the_pins_that_the_chip_has(chip: str) -> None:
    data = board_chip(chip)
    assert pins(table(Target(chip), "PINS")) == set(data.adc)
    assert pins(table(Target(chip), "OUTPUTS")[::PWM_ROW]) == set(data.pwm)


def test_the_template_port_has_all_functions_of_the_contract() -> None:
    command = ["make", "-s", "-C", str(FIRMWARE), "PORT=template"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_small_chip_names_the_modules_that_it_leaves_out() -> None:
    firmware(Target("atmega168"))
    elf = "build/avr-atmega168/klipkit.elf"
    command = ["make", "-n", "-C", str(FIRMWARE), "PORT=avr", "CHIP=atmega168", "-W", "core/sched.c", elf]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(r"atmega168: no room for the modules .*\btmcuart\b", done.stdout)
