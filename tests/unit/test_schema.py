"""Which sections there are, which options they have, and where defaults come from; messages literally."""

import pytest

from klipkit.base.config import parse_config
from klipkit.base.errors import MissingOption, UnknownSection
from klipkit.base.pin import Pin, PinUse
from tests.unit.schema_example import (
    DELTA,
    NONE,
    RAIL,
    SCHEMA,
    Cartesian,
    CartesianRail,
    Extruder,
    FurtherZ,
    Heater,
    Macro,
    Pid,
    Printer,
    Thermistor,
    Tmc,
    Tower,
    load,
    problems,
)

# Section families


def test_numbered_sections_belong_to_their_family() -> None:
    stepper = "step_pin: PA1\nmicrosteps: 16\n"
    loaded = load(f"{NONE}[stepper_z1]\n{stepper}[stepper_z12]\n{stepper}")
    assert [found.source.name for found in loaded.all(FurtherZ)] == ["stepper_z1", "stepper_z12"]
    assert problems(f"{NONE}[stepper_z0]\n{stepper}") == [
        "p.cfg:4: section 'stepper_z0' is not a valid config section; did you mean 'stepper_z' or 'stepper_z1' or "
        "'stepper_y'?"
    ]


def test_free_names_keep_their_case_and_spaces() -> None:
    loaded = load(f"{NONE}[gcode_macro My  Macro]\ngcode:\n")
    assert loaded.named("gcode_macro My Macro", Macro).source.short == "My Macro"


def test_a_section_named_after_another_needs_that_one() -> None:
    tmc = "uart_pin: ^PA3\n"
    assert load(f"{DELTA}arm_length: 1\n[stepper_b]\n{RAIL}[tmc2209 stepper_a]\n{tmc}").one(Tmc) is not None
    assert problems(f"{NONE}[stepper_z1]\nstep_pin: PA1\nmicrosteps: 1\n[tmc2209 stepper_z2]\n{tmc}") == [
        "p.cfg:7: section 'tmc2209 stepper_z2' belongs to the stepper 'stepper_z2', which does not exist; "
        "did you mean 'stepper_z1'?"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tmc2209", "'tmc2209' is not a valid config section; it needs a name: write [tmc2209 SECTION]"),
        ("printer big", "'printer big' is not a valid config section; [printer] takes no name"),
        ("gcode_marco M", "'gcode_marco M' is not a valid config section; did you mean 'gcode_macro M'?"),
        (
            "stepper_z1b",
            "'stepper_z1b' is not a valid config section; did you mean 'stepper_z1' or 'stepper_z' or",
        ),
        ("quite else", "'quite else' is not a valid config section"),
    ],
)
def test_an_unknown_section_gets_the_nearest_name(name: str, message: str) -> None:
    found = SCHEMA.check(parse_config(f"{NONE}[{name}]\nx: 1\n", "p.cfg"))
    assert [type(error) for error in found] == [UnknownSection]
    assert str(found[0]).startswith(f"p.cfg:4: section {message}")


# Prefixes


def test_options_by_prefix_are_a_mapping() -> None:
    loaded = load(f"{NONE}[gcode_macro M]\ngcode:\nvariable_A: 1\nvariable_b: 'x'\n")
    assert loaded.named("gcode_macro M", Macro).variables == {"a": "1", "b": "'x'"}


def test_a_prefix_may_have_a_list_of_known_rests() -> None:
    stepper = f"{NONE}[stepper_z1]\nstep_pin: PA1\nmicrosteps: 1\n[tmc2209 stepper_z1]\nuart_pin: PA3\n"
    assert load(f"{stepper}driver_TBL: 2").all(Tmc)[0].fields == {"tbl": 2}
    assert problems(f"{stepper}driver_TBLL: 2") == [
        "p.cfg:9: option 'driver_tbll' is not valid in section 'tmc2209 stepper_z1'; "
        "did you mean 'driver_tbl' or 'driver_iholddelay'?"
    ]


# Variants and conditions


def test_another_option_chooses_the_variant() -> None:
    text = f"{NONE}[heater_bed]\nheater_pin: PA1\nsensor_type: EPCOS 100K\nsensor_pin: PA2\ncontrol: pid\npid_kp: 3\n"
    heater = load(text).named("heater_bed", Heater)
    assert heater.control == Pid(pid_kp=3.0)
    assert heater.sensor == Thermistor(kind="EPCOS 100K", sensor_pin=Pin("mcu", "PA2", use=PinUse.ADC))


def test_an_option_of_another_variant_is_named_as_such() -> None:
    text = f"{NONE}[heater_bed]\nheater_pin: PA1\nsensor_type: temperature_host\nsensor_pin: PA2\npid_kp: 3\n"
    assert problems(text) == [
        "p.cfg:7: option 'sensor_pin' is not valid in section 'heater_bed'; "
        "it belongs to sensor_type: EPCOS 100K or sensor_type: [thermistor NAME]",
        "p.cfg:8: option 'pid_kp' is not valid in section 'heater_bed'; it belongs to control: pid",
    ]


def test_a_wrong_choice_is_the_only_problem_told() -> None:
    text = f"{NONE}[heater_bed]\nheater_pin: PA1\nsensor_type: EPCOS\nsensor_pin: PA2\n"
    assert problems(text) == [
        "p.cfg:6: option 'sensor_type' in section 'heater_bed' has 'EPCOS', which is not a valid choice: "
        "expected one of EPCOS 100K, temperature_host; did you mean 'EPCOS 100K'?"
    ]


def test_a_thermistor_of_the_user_is_a_sensor_type() -> None:
    text = (
        f"{NONE}[thermistor mine]\nbeta: 3950\n[heater_bed]\nheater_pin: PA1\nsensor_pin: PA2\nsensor_type: "
    )
    sensor = load(f"{text}mine").named("heater_bed", Heater).sensor
    assert isinstance(sensor, Thermistor)
    assert sensor.kind == "mine"
    assert problems(f"{text}mime")[0].endswith(
        "expected one of EPCOS 100K, temperature_host, mine; did you mean 'mine'?"
    )


def test_the_kinematics_decide_which_steppers_must_be_there() -> None:
    rails = f"[stepper_x]\n{RAIL}[stepper_y]\n{RAIL}"
    assert problems(f"[printer]\nkinematics: cartesian\nmax_velocity: 300\n{rails}") == [
        "p.cfg:2: section 'stepper_z' must be specified with [printer] kinematics: cartesian; add [stepper_z]"
    ]


def test_a_stepper_of_other_kinematics_is_refused() -> None:
    found = SCHEMA.check(parse_config(f"{NONE}[stepper_a]\n{RAIL}", "p.cfg"))
    assert [str(error) for error in found] == [
        "p.cfg:4: section 'stepper_a' is not a valid config section here: it belongs to [printer] kinematics: delta; "
        "take it out, or correct that option"
    ]
    assert isinstance(found[0], UnknownSection)


def test_wrong_kinematics_hide_no_cause_behind_their_consequences() -> None:
    assert problems(f"[printer]\nkinematics: detla\nmax_velocity: 300\n[stepper_a]\n{RAIL}") == [
        "p.cfg:2: option 'kinematics' in section 'printer' has 'detla', which is not a valid choice: "
        "expected one of cartesian, delta, none; did you mean 'delta'?"
    ]


def test_a_required_section_is_missed() -> None:
    assert problems("[bed]\npoints:\n 1,2\n 3,4\n") == [
        "p.cfg: section 'printer' must be specified; add [printer]"
    ]


# Defaults


def test_a_default_may_come_from_another_section() -> None:
    loaded = load(f"{DELTA}arm_length: 333\n[stepper_b]\n{RAIL}")
    assert [tower.arm_length for tower in loaded.all(Tower)] == [333, 333]
    assert [tower.angle for tower in loaded.all(Tower)] == [210, 330]
    assert loaded.settings["stepper_b"]["arm_length"] == 333


def test_where_the_default_should_come_from_it_is_required_once() -> None:
    found = SCHEMA.check(parse_config(f"{DELTA}[stepper_b]\n{RAIL}", "p.cfg"))
    assert [str(error) for error in found] == [
        "p.cfg:5: option 'arm_length' in section 'stepper_a' must be specified; length of the arms"
    ]
    assert isinstance(found[0], MissingOption)


def test_without_the_other_section_both_problems_are_told() -> None:
    head = "[printer]\nkinematics: delta\nmax_velocity: 300\ndelta_radius: 100\n"
    assert problems(f"{head}[stepper_b]\n{RAIL}") == [
        "p.cfg:2: section 'stepper_a' must be specified with [printer] kinematics: delta; add [stepper_a]",
        "p.cfg:5: option 'arm_length' in section 'stepper_b' must be specified; length of the arms",
    ]


def test_a_default_may_be_computed_from_options_and_sections() -> None:
    text = f"{NONE}[extruder]\nheater_pin: PA1\nsensor_type: temperature_host\nnozzle_diameter: 0.5\n"
    assert load(text).named("extruder", Extruder).extrude_only_velocity == 150
    rails = "".join(f"[stepper_{axis}]\n{RAIL}homing_speed: 8\n" for axis in "xyz")
    loaded = load(f"[printer]\nkinematics: cartesian\nmax_velocity: 300\n{rails}")
    assert loaded.all(CartesianRail)[0].second_homing_speed == 4
    assert loaded.named("printer", Printer).kinematics == Cartesian(max_z_velocity=300)


def test_a_default_computed_from_a_wrong_option_adds_no_problem() -> None:
    text = f"{NONE}[extruder]\nheater_pin: PA1\nsensor_type: temperature_host\nnozzle_diameter: -1\n"
    assert problems(text) == [
        "p.cfg:7: option 'nozzle_diameter' in section 'extruder' must be above 0 mm, found '-1'"
    ]
