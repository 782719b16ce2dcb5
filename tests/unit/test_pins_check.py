"""The offline check of pins: the corpus is clean, each kind of mistake is found at its line."""

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klipkit.base.config import Config, parse_config, read_config
from klipkit.base.errors import DataError, KlipkitError, PinError
from klipkit.boards import datafile, pinuse
from klipkit.boards.chips import Chip, chip, chip_names
from klipkit.boards.pincheck import check, chip_in_serial, mcus_in_use
from klipkit.boards.pinuse import Kind, uses
from tests.reference import reference_path

# Real mistakes of the corpus: neither pin is an analog input of a SAM3X8E (data sheet, section ADC).
KNOWN = {"generic-alligator-r3.cfg": ["not-an-adc-pin 76", "not-an-adc-pin 112"]}
SNIPPETS = {
    "example-generic-caretesian.cfg": "mcu=atmega2560",
    "sample-bigtreetech-ebb-canbus-v1.1.cfg": "EBBCan=stm32g0b1",
    "sample-bigtreetech-ebb-sb-canbus-v1.0.cfg": "EBBCan=stm32g0b1",
    "sample-corexyuv.cfg": "mcu=atmega2560",
    "sample-raspberry-pi.cfg": "host=linux",
}
MEGA = {"mcu": chip("atmega2560")}


def corpus() -> list[tuple[Path, dict[str, Chip]]]:
    """Each config of the reference data whose chips are known, with its chips."""
    folder = reference_path("configs")
    rows = list(csv.DictReader((folder / "mcu.tsv").open(), delimiter="\t"))
    named = {row["config"]: row["mcu"] for row in rows if row["mcu"] != "-"} | SNIPPETS
    found = [(folder / name, chips_of(words)) for name, words in named.items()]
    tests = sorted(reference_path("klippy-tests").glob("*.cfg"))  # all of them are for this chip
    return found + [(path, MEGA) for path in tests]


def chips_of(words: str) -> dict[str, Chip]:
    """The chips of a line such as "atmega2560 z=atmega2560"."""
    pairs = [word.rpartition("=") for word in words.split()]
    return {name or "mcu": chip(kind) for name, _, kind in pairs}


def found_in(text: str, chips: Mapping[str, Chip] = MEGA) -> list[str]:
    """The problems of a config as "code line"."""
    return shown(check(parse_config(text, "f"), chips))


def shown(problems: list[PinError]) -> list[str]:
    """Problems as "code line"."""
    return [f"{problem.code} {problem.where.rpartition(':')[2]}" for problem in problems]


@pytest.mark.parametrize(
    ("path", "chips"), corpus(), ids=lambda item: item.name if isinstance(item, Path) else ""
)
def test_a_config_of_the_corpus_is_clean(path: Path, chips: dict[str, Chip]) -> None:
    config = read_config(path)
    assert set(mcus_in_use(config)) <= set(chips)
    assert shown(check(config, chips)) == KNOWN.get(path.name, [])


def test_the_corpus_is_nearly_all_of_the_reference_configs() -> None:
    assert len(corpus()) > 135
    assert sum(len(list(uses(read_config(path)))) for path, _ in corpus()) > 3000


def test_the_rules_know_each_section_of_the_corpus() -> None:
    for path, _ in corpus():
        assert [name for name in read_config(path).sections if pinuse.is_addon(name.split()[0])] == []


BASE = """[mcu]
serial: /dev/ttyACM0
[stepper_x]
step_pin: PF0
endstop_pin: ^PE5
[extruder]
heater_pin: PB4
sensor_type: EPCOS 100K B57560G104F
sensor_pin: PK5
[fan]
pin: PH6
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("PF0", "PF9", "unknown-pin 4"),
        ("PF0", "PFO", "unknown-pin 4"),
        ("PF0", "pf0", "unknown-pin 4"),
        ("PF0", "ar54", "unknown-pin 4"),
        ("PF0", "P F0", "unknown-pin 4"),
        ("PF0", "", "pin 4"),
        ("PF0", "^PF0", "pin 4"),
        ("PF0", "!~PF0", "pin 4"),
        ("PF0", "PE5", "pin-used-twice 5"),
        ("PF0", "PE1", "pin-reserved 4"),
        ("^PE5", "zboard:PE5", "unknown-mcu 5"),
        ("^PE5", "probe:z_virtual_endstop", "unknown-mcu 5"),
        ("^PE5", "tmc2209_stepper_x:virtual_endstop", "unknown-mcu 5"),
        ("PK5", "PA0", "not-an-adc-pin 9"),
        ("PK5", "^PK5", "pin 9"),
        ("PK5", "!PK5", "pin 9"),
        ("PK5", "PB4", "not-an-adc-pin 9"),
        ("PH6", "PC0\nhardware_pwm: True", "not-a-pwm-pin 11"),
        ("PH6", "PB4", "pin-used-twice 11"),
        ("PH6", "multi_pin:fans", "unknown-mcu 11"),
        ("PH6", "PH6\nenable_pin: PQ1", "unknown-pin 12"),
        ("PH6", "PH6\n[adxl345]\ncs_pin: PA0\nspi_bus: spi1", "unknown-bus 14"),
        ("PH6", "PH6\n[mpu9250]\ni2c_bus: i2c1", "unknown-bus 13"),
        ("PH6", "PH6\n[mpu9250]\ni2c_mcu: toolhead", "unknown-mcu 13"),
        ("PH6", "PH6\n[static_digital_output a]\npins: PA0,\n PA1,\n  PA99", "unknown-pin 15"),
        ("PH6", "PH6\n[adxl345]\ncs_pin: PB0\nspi_bus: spi\n[output_pin x]\npin: PB2", "pin-used-twice 14"),
        ("PH6", "PH6\n[hall_filament_width_sensor]\nadc1: PF3\nadc2: PA3", "not-an-adc-pin 14"),
        ("PH6", "PH6\n[duplicate_pin_override]\npins: PZ1", "unknown-pin 13"),
        ("PH6", "G\n[board_pins]\naliases: G=<GND>", "pin-reserved 11"),
        ("PH6", "G\n[board_pins]\naliases: G=PQ3", "unknown-pin 11"),
    ],
)
def test_a_mistake_is_found_at_its_line(old: str, new: str, expected: str) -> None:
    assert found_in(BASE) == []
    assert found_in(BASE.replace(old, new)) == [expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PF0", "!PF0"),
        ("PF0", "mcu:PF0"),
        ("^PE5", "!^PE5"),
        ("^PE5", "~ ! PE5"),
        ("^PE5", "probe:z_virtual_endstop\n[probe]\npin: PE5"),
        ("^PE5", "probe:z_virtual_endstop\n[bltouch]\nsensor_pin: PE5\ncontrol_pin: PB5"),
        ("^PE5", "probe:z_virtual_endstop\n[cartographer]\nmcu: x"),
        ("^PE5", "tmc2209_stepper_x:virtual_endstop\n[tmc2209 stepper_x]\nuart_pin: PD0\ndiag_pin: ^PE5"),
        ("^PE5", "^PE5\n[stepper_z]\nendstop_pin: ^PE5\n[probe]\npin: ^PE5"),
        ("^PE5", "^PE5\nenable_pin: !PD7\n[stepper_y]\nenable_pin: !PD7"),
        (
            "^PE5",
            "^PE5\n[tmc2209 stepper_x]\nuart_pin: ^PD0\ntx_pin: PD1\n[tmc2209 stepper_y]\nuart_pin: ^PD0\ntx_pin: PD1",
        ),
        (
            "^PE5",
            "^PE5\n[tmc2208 a]\nuart_pin: PD0\nselect_pins: PD1, !PD2\n[tmc2208 b]\nuart_pin: PD0\nselect_pins: !PD1",
        ),
        ("EPCOS 100K B57560G104F\nsensor_pin: PK5", "MAX6675\nsensor_pin: PA0"),
        ("EPCOS 100K B57560G104F\nsensor_pin: PK5", "temperature_mcu\nsensor_pin: PA0"),
        ("PH6", "PH6\nhardware_pwm: True"),
        ("PH6", "PH6\n[output_pin x]\npin: PC0\nhardware_pwm: True"),
        ("PH6", "multi_pin:fans\n[multi_pin fans]\npins: PH6, PH5"),
        ("PH6", "sx1509_x:PIN_3\n[sx1509 x]\ni2c_bus: twi"),
        ("PH6", "LAMP\n[board_pins]\nmcu: mcu, z\naliases: LAMP=FAN, FAN=PH6"),
        ("PH6", "PB4\n[duplicate_pin_override]\npins: PC0, PB4"),
        ("PH6", "PH6\n[adxl345]\ncs_pin: PB0\nspi_bus: spi\n[lis2dw]\ncs_pin: PC0\nspi_bus: spi"),
        (
            "PH6",
            "PH6\n[gcode_button a]\npin: PF1\nanalog_range: 0, 1\n[gcode_button b]\npin: PF1\nanalog_range: 2, 3",
        ),
        ("PH6", "PH6\n[gcode_macro x]\nvariable_a_pin: PZ9\ngcode:\n  pin: PZ9"),
        ("PH6", "PH6\n[some_addon]\nsensor_pin: what ever\npin: PF0"),
    ],
)
def test_what_is_allowed_is_no_problem(old: str, new: str) -> None:
    assert found_in(BASE.replace(old, new)) == []


def test_pins_of_each_microcontroller_are_checked_with_its_own_chip() -> None:
    more = "[mcu z]\n[output_pin a]\npin: z:gpio5\n[output_pin b]\npin: z:PA5\n[heater_bed]\nsensor_pin: z:gpio2\n"
    text = BASE + more
    assert found_in(text, {**MEGA, "z": chip("rp2040")}) == ["unknown-pin 16", "not-an-adc-pin 18"]


def test_pins_behind_a_scaled_adc_are_checked_on_its_microcontroller() -> None:
    text = "[adc_scaled v]\nvref_pin: PF0\nvssa_pin: PF1\n[heater_bed]\nsensor_pin: v:{}\n"
    assert found_in(text.format("PF2")) == []
    assert found_in(text.format("PA2")) == ["not-an-adc-pin 5"]
    assert found_in(text.format("PF1")) == ["pin-used-twice 5"]


def test_a_usb_pin_is_free_where_the_serial_port_is_no_usb() -> None:
    text = "[mcu]\nserial: {}\n[fan]\npin: PA12\n"
    board = {"mcu": chip("stm32f103")}
    assert found_in(text.format("/dev/ttyAMA0"), board) == []
    assert found_in(text.format("/dev/serial/by-id/usb-Klipper_stm32f103xe_1-if00"), board) == [
        "pin-reserved 4"
    ]


def test_the_first_linux_gpio_chip_may_be_named_or_not() -> None:
    text = "[output_pin a]\npin: gpio5\n[output_pin b]\npin: gpiochip0/gpio5\n"
    assert found_in(text, {"mcu": chip("linux")}) == ["pin-used-twice 4"]


def test_problems_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    (tmp_path / "b.cfg").write_text("[output_pin b]\npin: PQ1\n\n[fan]\npin: PQ4\n")
    main = tmp_path / "a.cfg"
    main.write_text("[include b.cfg]\n[fan]\nenable_pin: PQ2\n\n[output_pin a]\npin: PQ3\n")
    places = [problem.where.removeprefix(f"{tmp_path}/") for problem in check(read_config(main), MEGA)]
    assert places == ["a.cfg:3", "a.cfg:6", "b.cfg:2", "b.cfg:5"]


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        ("/dev/serial/by-id/usb-Klipper_stm32f446xx_1234-if00", "stm32f446xx"),
        ("/dev/serial/by-id/usb-klipkit_rp2040_E66-if00", "rp2040"),
        ("/tmp/klipper_host_mcu", "linux"),
        ("/dev/ttyUSB0", ""),
    ],
)
def test_the_chip_is_told_by_the_serial_port(serial: str, expected: str) -> None:
    config = parse_config(f"[mcu]\nserial: {serial}\n[mcu a b]\nserial: {serial}\n", "f")
    assert (chip_in_serial(config, "mcu"), chip_in_serial(config, "a b")) == (expected, expected)
    assert chip_in_serial(config, "none") == ""


def test_only_microcontrollers_whose_pins_are_used_need_a_chip() -> None:
    text = "[mcu]\n[mcu a]\n[mcu b]\n[mcu c]\n[fan]\npin: !a:PA1\n[lis2dw]\ni2c_mcu: c\ni2c_bus: x\n"
    assert mcus_in_use(parse_config(text, "f")) == ("a", "c")


def test_a_damaged_rule_table_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(datafile.FOLDER) / "pinuse.toml").read_text()
    monkeypatch.setattr(datafile, "FOLDER", str(tmp_path))
    pinuse.rules.cache_clear()
    try:
        (tmp_path / "pinuse.toml").write_text(text.replace("enable =", "enabel ="))
        with pytest.raises(DataError, match=r"pinuse.toml: unknown use 'enabel'"):
            pinuse.rules()
    finally:
        pinuse.rules.cache_clear()


def mutable_uses(config: Config) -> list[pinuse.Use]:
    """The uses of plain pins, each on a line of its own."""
    return [use for use in uses(config) if ":" not in use.text and not use.option.name.endswith("pins")]


@lru_cache(maxsize=1)
def mutable() -> list[tuple[Path, dict[str, Chip], list[pinuse.Use]]]:
    """The configs that can be spoilt, with their chips and uses."""
    found = [
        (path, chips, mutable_uses(read_config(path))) for path, chips in corpus() if path.name not in KNOWN
    ]
    return [item for item in found if item[2]]


def spoilt(path: Path, use: pinuse.Use, value: str, chips: Mapping[str, Chip]) -> list[str]:
    """The problems of a config whose use of a pin was replaced."""
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    lines[use.option.line - 1] = f"{use.option.name}: {value}"
    return shown(check(parse_config("\n".join(lines), "f", folder=path.parent), chips))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_misspelt_pin_anywhere_in_the_corpus_is_found_at_its_line(data: st.DataObject) -> None:
    path, chips, found = data.draw(st.sampled_from(mutable()))
    use = data.draw(st.sampled_from(found))
    wrong = data.draw(st.sampled_from([f"{use.text}9999", "PQ77", "PO5"]))
    assert f"unknown-pin {use.option.line}" in spoilt(path, use, wrong, {"mcu": MEGA["mcu"], **chips})


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_analog_sensor_on_any_other_pin_is_found_at_its_line(data: st.DataObject) -> None:
    with_sensors = [
        (path, chips, sensors)
        for path, chips, found in mutable()
        if "mcu" in chips and (sensors := [use for use in found if use.kind is Kind.ADC])
    ]
    path, chips, sensors = data.draw(st.sampled_from(with_sensors))
    use = data.draw(st.sampled_from(sensors))
    pin = data.draw(st.sampled_from(sorted(set(chips["mcu"].pins) - chips["mcu"].adc)))
    assert f"not-an-adc-pin {use.option.line}" in spoilt(path, use, pin, chips)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_pin_of_another_part_is_found_to_be_used_twice(data: st.DataObject) -> None:
    path, chips, found = data.draw(st.sampled_from(mutable()))
    owned = [
        use
        for use in found
        if use.kind in (Kind.OUTPUT, Kind.PWM) and use.section.name != "duplicate_pin_override"
    ]
    if len(owned) < 2 or "duplicate_pin_override" in read_config(path).sections:
        return
    first, second = data.draw(st.permutations(owned))[:2]
    problems = spoilt(path, second, first.text.lstrip("^~! "), chips)
    later = max((first, second), key=found.index)
    assert f"pin-used-twice {later.option.line}" in problems


WORDS = st.one_of(
    st.sampled_from(
        ["PA1", "PF0", "^!PE5", "z:PA1", "ar3", "probe:x", "a:b:c", "<X>", "a=b", "spi", "True", "", "é\x1b"]
    ),
    st.text(max_size=10),
)
OPTIONS = st.sampled_from(
    [
        "pin",
        "pins",
        "step_pin",
        "sensor_pin",
        "aliases",
        "spi_bus",
        "i2c_bus",
        "i2c_mcu",
        "mcu",
        "hardware_pwm",
        "vref_pin",
    ]
)
SECTIONS = st.sampled_from(
    [
        "mcu",
        "mcu z",
        "fan",
        "extruder",
        "board_pins",
        "duplicate_pin_override",
        "adc_scaled s",
        "multi_pin m",
        "x",
        "probe",
    ]
)


@given(
    st.lists(st.tuples(SECTIONS, OPTIONS, st.lists(WORDS, max_size=3)), max_size=8),
    st.sampled_from(chip_names()),
)
def test_any_config_gives_problems_with_clean_lines_and_nothing_else(
    entries: list[tuple[str, str, list[str]]], kind: str
) -> None:
    text = "".join(f"[{name}]\n{option}: {', '.join(words)!s}\n" for name, option, words in entries)
    try:
        config = parse_config(text, "f")
    except KlipkitError:
        return
    for problem in check(config, {"mcu": chip(kind), "z": chip("rp2040")}):
        assert str(problem).isprintable()
        assert problem.where.startswith("f:")
