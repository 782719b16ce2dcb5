"""What a firmware cannot do of what a configuration asks: all of it by name, in one line, before anything is sent."""

import json

import pytest

from klipkit import __version__
from klipkit.base.errors import DeviceError
from klipkit.base.faults import FirmwareMismatch
from klipkit.base.pin import Pin
from klipkit.mcu.endstop import Endstop
from klipkit.mcu.mismatch import check
from klipkit.wire.configuration import Configuration
from klipkit.wire.dictionary import Dictionary, read_dictionary
from tests.unit.homing_bench import Bench, on_bench

OLD = {
    "version": "v0.9.1-1",
    "commands": {
        "allocate_oids count=%c": 2,
        "finalize_config crc=%u": 3,
        "config_endstop oid=%c pin=%c pull_up=%c stepper_count=%c": 4,
        "endstop_home oid=%c clock=%u": 5,
        "config_buttons oid=%c pin=%u": 6,
    },
    "enumerations": {"pin": {"PA0": [0, 8]}},
}


def old(**more: object) -> Dictionary:
    return read_dictionary(json.dumps({**OLD, **more}).encode(), "MCU 'mcu'")


def asked() -> Configuration:
    configuration = Configuration()
    with configuration.needed_by("[stepper_x]"):
        configuration.add("config_endstop oid=0 pin=PA1 pull_up=1")
        configuration.restart.append("trsync_start oid=1 report_clock=0 report_ticks=0 expire_reason=0")
    with configuration.needed_by("[stepper_y]"):
        configuration.restart.append("trsync_start oid=2 report_clock=0 report_ticks=0 expire_reason=0")
    with configuration.needed_by("[neopixel leds]"):
        configuration.add("config_neopixel oid=3 pin=PA2")
    configuration.init.append("query_analog_in oid=4")
    return configuration


def test_all_that_is_missing_is_named_with_the_sections_that_need_it() -> None:
    with pytest.raises(FirmwareMismatch) as raised:
        check(asked(), old())
    assert str(raised.value) == (
        f"MCU 'mcu': its firmware (v0.9.1-1; klipkit is {__version__}) has config_endstop with other parameters "
        "('config_endstop oid=%c pin=%c pull_up=%c stepper_count=%c', wanted: oid pin pull_up), needed by "
        "[stepper_x]; no command config_neopixel, needed by [neopixel leds]; no command trsync_start, needed by "
        "[stepper_x], [stepper_y]; no command query_analog_in; flash the board with a firmware that has it: `klipkit "
        "build` makes one with all features that fit the chip"
    )


def test_what_is_not_asked_for_is_not_missed() -> None:
    configuration = Configuration()
    with configuration.needed_by("[gcode_button b]"):
        configuration.add("config_buttons oid=0 pin=PA7")
    check(configuration, old())


def test_a_pin_that_the_chip_lacks_is_no_mismatch_and_names_its_section() -> None:
    configuration = Configuration()
    with configuration.needed_by("[gcode_button b]"):
        configuration.add("config_buttons oid=0 pin=PA9")
    with pytest.raises(DeviceError) as raised:
        check(configuration, old())
    assert not isinstance(raised.value, FirmwareMismatch)
    assert str(raised.value).startswith(
        "MCU 'mcu', [gcode_button b]: config_buttons: this MCU has no pin 'PA9'"
    )


def test_a_board_keeps_its_configuration_when_the_new_one_does_not_fit() -> None:
    async def main(bench: Bench) -> None:
        mcu = bench.mcus[0]
        mcu.configuration.add("config_warp_drive oid=0")
        with pytest.raises(FirmwareMismatch, match="no command config_warp_drive; flash the board"):
            await mcu.configure()
        mcu.configuration.config.clear()
        Endstop(mcu, Pin("mcu", "PA0"))
        await mcu.configure()
        assert mcu.supports("queue_step", "config_endstop")
        assert not mcu.supports("queue_step", "config_warp_drive")

    on_bench(main)


def test_a_command_that_is_missing_later_names_versions_too() -> None:
    with pytest.raises(FirmwareMismatch) as raised:
        old().encode("set_pwm_out pin=1 cycle_ticks=2 value=3")
    assert str(raised.value) == (
        "MCU 'mcu': its firmware has no command 'set_pwm_out'; its version is v0.9.1-1, built without that feature or "
        f"other than klipkit's, {__version__}"
    )
