"""The kinds of values: what they read, and how they refuse."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.base.declare import Declared, option, section
from klipkit.base.errors import ConfigError, OptionRange, OptionValue, PinError
from klipkit.base.pin import Pin, PinUse, pin
from klipkit.base.schema import Schema
from klipkit.base.values import (
    Kind,
    boolean,
    checked,
    integer,
    lines_of,
    list_of,
    mapped,
    number,
    pair,
    point3,
    text,
)


def read(kind: Kind[Any], value: str) -> Any:
    """The value of `x: value`; raises the problem."""

    @section("s")
    class One(Declared):
        """One option."""

        x: Any = option(kind, "X.", unit="mm")

    return Schema([One]).load(parse_config(f"[s]\nx: {value}", "p.cfg")).named("s", One).x


def refusal(kind: Kind[Any], value: str) -> str:
    with pytest.raises(ConfigError) as error:
        read(kind, value)
    return str(error.value).removeprefix("p.cfg:2: ")


@pytest.mark.parametrize("word", ["1", "yes", "True", "ON"])
def test_the_dialect_s_words_for_true(word: str) -> None:
    assert read(boolean(), word) is True


@pytest.mark.parametrize("word", ["0", "no", "False", "OFF"])
def test_the_dialect_s_words_for_false(word: str) -> None:
    assert read(boolean(), word) is False


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (number(), "1e3", 1000.0),
        (number(minimum=0, below=1), "0", 0.0),
        (integer(), "-3", -3),
        (text(), "a b", "a b"),
        (text(may_be_empty=True), "", ""),
        (list_of(integer()), "1, 2,\n 3,", (1, 2, 3)),
        (list_of(text(), minimum=0), "", ()),
        (lines_of(list_of(text())), "a, b\n c", (("a", "b"), ("c",))),
        (pair(number(), number(), ":"), "5 : 1", (5.0, 1.0)),
        (point3(), "1,2,3", (1.0, 2.0, 3.0)),
        (mapped({"low": 1, "high": 2}), "high", 2),
        (checked(integer(), lambda value: value % 2 == 0, "an even number"), "4", 4),
    ],
)
def test_kinds_read(kind: Kind[Any], value: str, result: object) -> None:
    assert read(kind, value) == result


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (number(), "fast", "unable to parse option 'x' in section 's': expected a number, found 'fast'"),
        (number(), "", "unable to parse option 'x' in section 's': expected a number, found ''"),
        (number(), "nan", "unable to parse option 'x' in section 's': expected a finite number, found 'nan'"),
        (
            number(),
            "-inf",
            "unable to parse option 'x' in section 's': expected a finite number, found '-inf'",
        ),
        (
            number(),
            "1,5",
            "unable to parse option 'x' in section 's': expected a number, found '1,5'; "
            "write the decimals behind a point",
        ),
        (
            number(),
            "50 mm/s",
            "unable to parse option 'x' in section 's': expected a number, found '50 mm/s'; leave out the unit",
        ),
        (number(minimum=1), "0", "option 'x' in section 's' must have minimum of 1 mm, found '0'"),
        (number(maximum=1), "2", "option 'x' in section 's' must have maximum of 1 mm, found '2'"),
        (number(above=0), "0", "option 'x' in section 's' must be above 0 mm, found '0'"),
        (number(below=1), "1", "option 'x' in section 's' must be below 1 mm, found '1'"),
        (integer(), "1.5", "unable to parse option 'x' in section 's': expected a whole number, found '1.5'"),
        (
            boolean(),
            "maybe",
            "unable to parse option 'x' in section 's': "
            "expected true or false (or yes, no, on, off, 1, 0), found 'maybe'",
        ),
        (text("file name"), "", "unable to parse option 'x' in section 's': expected file name, found ''"),
        (
            mapped({"low": 1, "high": 2}),
            "hihg",
            "option 'x' in section 's' has 'hihg', which is not a valid choice: expected one of low, high; "
            "did you mean 'high'?",
        ),
        (
            list_of(integer(), minimum=2, maximum=2),
            "1",
            "unable to parse option 'x' in section 's': "
            "expected 2 values (list of whole number, separated by ','), found '1'",
        ),
        (
            pair(text("NAME"), text("PIN"), "="),
            "a",
            "unable to parse option 'x' in section 's': expected NAME=PIN, found 'a'",
        ),
        (point3(), "1,2", "unable to parse option 'x' in section 's': expected x, y, z, found '1,2'"),
        (
            checked(integer(), lambda value: value % 2 == 0, "an even number"),
            "3",
            "unable to parse option 'x' in section 's': expected an even number, found '3'",
        ),
        (
            pin(PinUse.ADC),
            "^PA1",
            "option 'x' in section 's' has '^PA1', but this pin (analog input) takes no '^'; "
            "write the pin's name, as PA1 or NAME:PA1 for a pin of [mcu NAME]",
        ),
        (
            pin(PinUse.INPUT),
            "!^PA1",
            "option 'x' in section 's' has '!^PA1', which is not a pin; write ^ (pull-up) or ~ (pull-down), then "
            "! (inverted), then the pin's name, as PA1 or NAME:PA1 for a pin of [mcu NAME]",
        ),
    ],
)
def test_kinds_refuse(kind: Kind[Any], value: str, message: str) -> None:
    assert refusal(kind, value) == message


def test_refusals_have_their_classes() -> None:
    for kind, value, error in (
        (number(), "x", OptionValue),
        (number(above=0), "0", OptionRange),
        (pin(PinUse.OUTPUT), "", PinError),
    ):
        with pytest.raises(error):
            read(kind, value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("PA1", Pin("mcu", "PA1")),
        ("^!ar3", Pin("mcu", "ar3", invert=True, pull=1)),
        ("~ z : PB2", Pin("z", "PB2", pull=-1)),
        ("! probe:z_virtual_endstop", Pin("probe", "z_virtual_endstop", invert=True)),
        ("host:gpiochip0/gpio17", Pin("host", "gpiochip0/gpio17")),
    ],
)
def test_pins_have_modifiers_and_a_microcontroller(value: str, result: Pin) -> None:
    found = read(pin(PinUse.INPUT), value)
    assert (found.chip, found.name, found.invert, found.pull) == (
        result.chip,
        result.name,
        result.invert,
        result.pull,
    )


@pytest.mark.parametrize("value", ["", "!", "a b", "a:b:c", ":PA1", "z:", "PA1,PA2", "!!PA1"])
def test_what_is_no_pin_is_refused(value: str) -> None:
    assert "which is not a pin" in refusal(pin(PinUse.INPUT), value)


@given(
    st.sampled_from(["", "z", "EBB-1"]),
    st.sampled_from(["PA1", "gpio12"]),
    st.booleans(),
    st.sampled_from([-1, 0, 1]),
)
def test_a_pin_is_written_as_it_is_read(chip: str, name: str, invert: bool, pull: int) -> None:
    made = Pin(chip or "mcu", name, invert, pull, PinUse.INPUT)
    assert read(pin(PinUse.INPUT), str(made)) == made


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), min_size=1))
def test_lists_of_lists_are_read_as_written(rows: list[list[float]]) -> None:
    written = "".join("\n  " + ", ".join(map(repr, row)) for row in rows)
    assert read(lines_of(list_of(number())), written) == tuple(map(tuple, rows))
