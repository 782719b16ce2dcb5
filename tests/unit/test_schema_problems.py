"""Values in their sections, rules, old names, and all problems at once; messages literally."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.base.declare import Declared, Known, computed, option, section
from klipkit.base.errors import (
    ConfigSyntax,
    DataError,
    MissingSection,
    OptionValue,
    RemovedOption,
    UnknownOption,
    UnknownSection,
)
from klipkit.base.pin import PinUse
from klipkit.base.schema import Schema
from klipkit.base.values import Reference, Template, number
from tests.unit.schema_example import (
    DELTA,
    NONE,
    RAIL,
    SCHEMA,
    Bed,
    Extruder,
    Fan,
    Macro,
    Order,
    Tmc,
    load,
    problems,
)

# Values


def test_lists_points_and_lists_of_lists() -> None:
    loaded = load(f"{NONE}[bed]\npoints:\n  1,2\n  # a comment\n  3, 4.5\nrows: 1, 2\n  3, 4\n")
    bed = loaded.named("bed", Bed)
    assert (bed.points, bed.rows) == (((1, 2), (3, 4.5)), ((1, 2), (3, 4)))
    assert loaded.settings["bed"]["points"] == [[1, 2], [3, 4.5]]


def test_an_error_points_into_the_list() -> None:
    assert problems(f"{NONE}[bed]\npoints:\n  1,2\n\n  # 9\n  3,x\n") == [
        "p.cfg:9: unable to parse option 'points' in section 'bed': expected a number, found 'x'"
    ]
    assert problems(f"{NONE}[bed]\npoints:\n  1,2\n") == [
        "p.cfg:6: unable to parse option 'points' in section 'bed': "
        "expected at least 2 values (list of number,number, one a line), found '1,2'"
    ]


def test_a_template_keeps_its_text_and_lines() -> None:
    macro = load(f"{NONE}[gcode_macro M]\ngcode:\n  G28\n\n  {{% if x %}}\norder: last\n").all(Macro)[0]
    assert macro.gcode == Template("G28\n\n{% if x %}", "p.cfg", (6, 7, 8))
    assert macro.order is Order.LAST


def test_a_reference_finds_its_section_by_full_or_short_name() -> None:
    oven = "[heater_generic oven]\nheater_pin: PA1\nsensor_type: temperature_host\n"
    for name in ("oven", "heater_generic oven"):
        assert load(f"{NONE}{oven}[fan f]\nheater: {name}").all(Fan)[0].heater == Reference(
            "heater_generic oven"
        )
    found = SCHEMA.check(parse_config(f"{NONE}{oven}[fan f]\nheater: ofen", "p.cfg"))
    assert [str(error) for error in found] == [
        "p.cfg:8: option 'heater' in section 'fan f' names the heater 'ofen', for which there is no section; "
        "did you mean 'oven'?"
    ]
    assert isinstance(found[0], MissingSection)


def test_a_group_is_there_when_its_option_is() -> None:
    text = f"{NONE}[extruder]\nheater_pin: PA1\nsensor_type: temperature_host\nnozzle_diameter: 0.5\n"
    assert load(text).named("extruder", Extruder).stepper is None
    stepper = (
        load(f"{text}step_pin: !PB1\nmicrosteps: 16\ngear_ratio: 57:11, 2:1")
        .named("extruder", Extruder)
        .stepper
    )
    assert stepper is not None
    assert list(stepper.gear_ratio) == [(57.0, 11.0), (2.0, 1.0)]
    assert problems(f"{text}microsteps: 16") == [
        "p.cfg:8: option 'microsteps' in section 'extruder' needs the option 'step_pin' too; add step_pin"
    ]


def test_pins_can_be_found_with_their_use() -> None:
    text = f"{NONE}[heater_bed]\nheater_pin: !z:PA1\nsensor_type: EPCOS 100K\nsensor_pin: PA2\n"
    found = [(str(place.pin), place.pin.use, place.option, place.where) for place in load(text).pins]
    assert found == [
        ("!z:PA1", PinUse.PWM, "heater_pin", "p.cfg:5"),
        ("PA2", PinUse.ADC, "sensor_pin", "p.cfg:7"),
    ]


# Rules, old names


TMC = f"{NONE}[stepper_z1]\nstep_pin: PA1\nmicrosteps: 16\n[tmc2209 stepper_z1]\n"


def test_options_exclude_and_need_one_another() -> None:
    assert problems(f"{TMC}uart_pin: PA3\nuart_address: 1\nselect_pins: PA1\nsense: 0.1\n") == [
        "p.cfg:10: option 'select_pins' in section 'tmc2209 stepper_z1' cannot stand beside 'uart_address'; "
        "take out one of the two",
        "p.cfg:11: option 'sense' in section 'tmc2209 stepper_z1' needs the option 'run' too; add run to the section",
    ]


def test_a_check_looks_at_the_typed_values_also_when_inherited() -> None:
    rail = f"{RAIL}position_endstop: 201\narm_length: 1\n"
    assert problems(f"{DELTA}arm_length: 1\n[stepper_b]\n{rail}") == [
        "p.cfg:14: option 'position_endstop' in section 'stepper_b' is above position_max 200; correct one of the two"
    ]


def test_a_renamed_option_is_read_and_noticed() -> None:
    loaded = load(f"{TMC}serial_pin: PA3")
    assert loaded.all(Tmc)[0].uart_pin.name == "PA3"
    assert loaded.notices == (
        "p.cfg:8: option 'serial_pin' in section 'tmc2209 stepper_z1' is deprecated; it is called 'uart_pin' now",
    )
    assert problems(f"{TMC}serial_pin: PA3\nuart_pin: PA3") == [
        "p.cfg:8: option 'serial_pin' in section 'tmc2209 stepper_z1' is an older name of 'uart_pin', "
        "which is written too; take out 'serial_pin'"
    ]


def test_removed_options_and_sections_say_what_to_write() -> None:
    found = SCHEMA.check(
        parse_config(
            f"{NONE}max_accel_to_decel: 1\n[bed_tilt]\nx: 1\n"
            "[stepper_z1]\nstep_pin: PA1\nmicrosteps: 1\nstep_distance: 1\n",
            "p.cfg",
        )
    )
    assert [str(error) for error in found] == [
        "p.cfg:4: option 'max_accel_to_decel' in section 'printer' has been removed; write minimum_cruise_ratio",
        "p.cfg:5: section 'bed_tilt' has been removed; write [z_tilt]",
        "p.cfg:10: option 'step_distance' in section 'stepper_z1' has been removed; "
        "write rotation_distance, the travel of a whole turn",
    ]
    assert {type(error) for error in found} == {RemovedOption}


# All problems at once


def test_all_problems_are_told_in_the_order_of_the_lines() -> None:
    found = SCHEMA.check(
        parse_config(
            "[bed]\npoint: 1\n[printre]\n[printer]\nmax_velocity: fast\nkinematics: none\n[bed]\npoints: 1",
            "p.cfg",
        )
    )
    assert [(type(error), error.where) for error in found] == [
        (UnknownOption, "p.cfg:2"),
        (UnknownSection, "p.cfg:3"),
        (OptionValue, "p.cfg:5"),
        (OptionValue, "p.cfg:8"),
    ]


def test_load_raises_the_first_problem_and_examine_gives_the_rest() -> None:
    config = parse_config(f"{NONE}[bed]\npoints: x\n[gcode_macro M]\ngcode:\n", "p.cfg")
    with pytest.raises(OptionValue):
        SCHEMA.load(config)
    assert list(SCHEMA.examine(config).sections) == ["printer", "gcode_macro M"]


def test_a_section_knows_its_place_and_the_places_of_its_options() -> None:
    macro = load(f"{NONE}[gcode_macro M]\n\ngcode: G28\n").all(Macro)[0]
    assert [macro.source.where(), macro.source.where("gcode"), macro.source.where("order")] == [
        "p.cfg:4",
        "p.cfg:6",
        "p.cfg:4",
    ]


def test_named_refuses_a_section_that_is_not_of_that_declaration() -> None:
    with pytest.raises(MissingSection, match=r"p\.cfg: there is no section \[bed\]"):
        load(NONE).named("bed", Bed)


def test_names_from_the_file_are_safe_to_show() -> None:
    for problem in problems(f"{NONE}[a\x1b]\n[bed]\n\x1b: \x1b\npoints: \x1b\n[fan \x1b]\nheater: \x9b"):
        assert problem.isprintable()


# The table itself


def test_a_table_that_declares_a_section_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"the section \[bed\] is declared twice"):
        Schema([Bed, Bed])


def test_defaults_that_depend_on_themselves_are_refused() -> None:
    def itself(known: Known) -> float:
        known.section("loop", Declared)
        return 1.0

    @section("loop")
    class Loop(Declared):
        """A loop."""

        x: float = option(number(), "X.", compute=computed("itself", itself))

    with pytest.raises(DataError, match=r"the defaults of section \[loop\] depend on themselves"):
        Schema([Loop]).check(parse_config("[loop]", "p.cfg"))


headers = ["[printer]\n", "[extruder]\n", "[tmc2209 extruder]\n", "[fan f]\n", "[bed]\n", "[stepper_b]\n"]
lines = ["kinematics: delta\n", "control: pid\n", "sensor_type: x\n", "points: 1\n 2\n", "heater: extruder\n"]
halves = ["step_pin: ", "driver_tbl: ", "driver_: 1\n", "\n", "9" * 5000]
pieces = st.sampled_from(headers + lines + halves)


@given(st.lists(pieces | st.text(max_size=4), max_size=20).map("".join))
def test_any_config_is_read_or_refused_with_errors_of_ours(text: str) -> None:
    try:
        loaded = SCHEMA.examine(parse_config(text, "p.cfg"))
    except ConfigSyntax:
        return
    assert all(str(error).isprintable() and error.where for error in loaded.problems)
    assert set(loaded.sections) == set(loaded.config.sections) or loaded.problems
