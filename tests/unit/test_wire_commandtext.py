"""Commands as people type them: words, expressions, and one clear error for everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import CommandText
from klipkit.wire.answers import ANSWERS
from klipkit.wire.commandtext import EXPRESSION_MOST, encode, evaluate, fill, split, uses_clock
from klipkit.wire.dictionary import read_dictionary
from tests.reference import reference_path

DICTIONARY = read_dictionary(
    b'{"commands": {"get_uptime": 2, "set_pin pin=%u value=%c": 3, "send data=%*s": 4},'
    b' "responses": {"uptime high=%u clock=%u": 70},'
    b' "enumerations": {"pin": {"PA0": [0, 8], "odd name": 9}}, "config": {"CLOCK_FREQ": 16000000}}'
)
VALUES = {"clock": 5_000_000_000, "freq": 16_000_000}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  get_uptime ", ["get_uptime"]),
        ("a b=1\tc=2", ["a", "b=1", "c=2"]),
        ("a b={clock + freq * 0.1} c=3", ["a", "b={clock + freq * 0.1}", "c=3"]),
        ('a pin="odd name" data=""', ["a", "pin=odd name", "data="]),
        ("", []),
    ],
)
def test_words_end_at_blanks_outside_of_braces_and_quotes(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize("text", ["a b={clock", "a b=clock}", 'a b="x', "a {b{c}}", 'a {"}'])
def test_a_brace_or_quote_without_its_partner_is_told(text: str) -> None:
    with pytest.raises(CommandText, match="has no partner"):
        split(text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("freq/1000", 16_000),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-3", -3),
        ("2.5 + 0.2", 3),
        ("clock", 5_000_000_000 - (1 << 32)),
        ("clock + freq * 0.1", 5_001_600_000 - (1 << 32)),
        ("clock - clock - 1", (1 << 32) - 1),
        ("freq * 1000", 16_000_000_000),
    ],
)
def test_an_expression_has_the_four_operations_and_clocks_wrap(expression: str, value: int) -> None:
    assert evaluate(expression, VALUES) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1/0", "divides by zero"),
        ("freqq", "no 'freqq'; did you mean 'freq'"),
        ("x", "no 'x'; there are clock and freq"),
        ("2**99", "is not an expression; it may have numbers, clock, freq, "),
        ("1e999", "is not an expression"),
        ("1 if 1 else 2", "is not an expression"),
        ("__import__('os')", "is not an expression"),
        ("clock.real", "is not an expression"),
        ("True", "is not an expression"),
        ("", "is not an expression"),
        ("(" * 150, "is not an expression"),
        ("9" * 150 + "*" + "1e300", "is not an expression"),
        ("1" * (EXPRESSION_MOST + 1), "longer than"),
    ],
)
def test_what_is_no_expression_is_one_clear_error(expression: str, reason: str) -> None:
    with pytest.raises(CommandText) as caught:
        evaluate(expression, VALUES)
    assert reason in str(caught.value)


def test_expressions_stand_anywhere_in_a_word() -> None:
    words = split("set_pin pin={1+1} value={freq/16000000}{2}")
    assert fill(words, VALUES) == ["set_pin", "pin=2", "value=12"]
    assert not uses_clock(words)
    assert uses_clock(split("a clock={ clock }"))
    assert not uses_clock(["clock=3"])


def test_a_command_becomes_its_bytes() -> None:
    form, data = encode(DICTIONARY, split('set_pin pin="odd name" value=3'))
    assert (form.name, data) == ("set_pin", bytes([3, 9, 3]))
    assert encode(DICTIONARY, ["send", "data=0aff"])[1] == bytes([4, 2, 0x0A, 0xFF])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("get_uptim", "no command 'get_uptim'; did you mean 'get_uptime'"),
        ("uptime", "no command 'uptime'; that is a response; did you mean 'get_uptime'"),
        ("set_pin pin=PA3", "set_pin lacks value; its format is 'set_pin pin=%u value=%c'"),
        ("set_pin pin=PA9 value=1", "this MCU has no pin 'PA9'; did you mean 'PA"),
        ("set_pin pin=PA1 valu=1", "set_pin has no parameter valu; did you mean 'value'?"),
        ("set_pin pin=PA1 value=1 value=2", "'value=2' is not name=value, or is there twice"),
        ("set_pin pin=PA1 value={freq*1000}", "value=16000000000 is not a number"),
        ("send data=0", "data=0 is not a row of bytes; write two hexadecimal digits a byte"),
        ("send data=" + "00" * 80, "80 bytes long"),
        ("", "no command ''"),
        ("\x1b[2J", "no command '\\x1b[2J'"),
    ],
)
def test_a_command_that_the_firmware_does_not_have_or_take_is_explained(text: str, reason: str) -> None:
    with pytest.raises(CommandText) as caught:
        encode(DICTIONARY, fill(split(text), VALUES))
    assert reason in str(caught.value)
    assert caught.value.exit_status == 2
    assert str(caught.value).isprintable()


PIECES = st.sampled_from(
    ["set_pin", "get_uptime", "send", "pin=", "value=", "data=", "PA1", "{", "}", '"', " ", "clock", "freq"]
)
NUMBERS = st.sampled_from(["0", "1e9", "+", "-", "*", "/", "(", ")", ".", "0x", "_", "é", "\0", "if", "ab"])


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, NUMBERS, st.characters())).map("".join)))
def test_any_text_gives_a_command_or_one_clear_error(text: str) -> None:
    try:
        form, data = encode(DICTIONARY, fill(split(text), VALUES))
    except CommandText as error:
        assert str(error).isprintable()
        return
    assert form.name in DICTIONARY.commands
    assert 1 <= len(data) <= 59
    [message] = DICTIONARY.decode_commands(data)
    again = fill(split(message.text()), VALUES)
    assert encode(DICTIONARY, again)[1] == data  # what is shown can be typed


@given(st.integers(-(2**31), 2**32 - 1), st.integers(0, 1000), st.sampled_from("+-*"))
def test_arithmetic_is_that_of_whole_numbers(first: int, second: int, sign: str) -> None:
    exact = {"+": first + second, "-": first - second, "*": first * second}[sign]
    assert evaluate(f"{first} {sign} {second}", {"freq": 1}) == exact


def test_the_table_of_answers_names_what_the_stock_firmware_has() -> None:
    """Commands and responses of the table stand in the list of 40 stock builds; three exist on other builds only."""
    lines = reference_path("wire/commands.txt").read_text().splitlines()
    commands = {line.split()[1] for line in lines if line.startswith("> ")}
    responses = {line.split()[1] for line in lines if line.startswith("< ")}
    others = {"get_canbus_id", "get_canbus_status", "i2c_read"}
    assert {name for name in ANSWERS if name not in commands} == others
    assert {answer.response for name, answer in ANSWERS.items() if name not in others} <= responses
