"""A line of G-code as words, and commands as typed methods."""

import asyncio
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.errors import KlipkitError
from klipkit.base.faults import GcodeError
from klipkit.gcode.commands import Command, Commands, gcode
from klipkit.gcode.words import parse_line


@pytest.mark.parametrize(
    ("text", "command", "parameters"),
    [
        ("G1 X10 F6000 ; away", "G1", {"X": "10", "F": "6000"}),
        ("g1x10y-.5", "G1", {"X": "10", "Y": "-.5"}),
        ("N12 G1X10Y-.5*87", "G1", {"X": "10", "Y": "-.5"}),
        ("  G28 X Y", "G28", {"X": "", "Y": ""}),
        ("T0", "T0", {}),
        ("M117 it's; raw", "M117", {}),
        ("SET_PIN PIN=fan value=.5 # off", "SET_PIN", {"PIN": "fan", "VALUE": ".5"}),
        ('RESPOND MSG="two words" TYPE=echo', "RESPOND", {"MSG": "two words", "TYPE": "echo"}),
        ("\ufeffG28\r\n", "G28", {}),
        ("M204 S500*33", "M204", {"S": "500"}),
        ("n7 m105 *37", "M105", {}),
        ('N3 RESPOND MSG="a; b # c"*55', "RESPOND", {"MSG": "a; b # c"}),
        ("set_display_text msg=Done;now", "SET_DISPLAY_TEXT", {"MSG": "Done"}),
        ("PRINT_END;bye", "PRINT_END", {}),
        ("SET_KINEMATIC_POSITION SET_HOMED= X=1", "SET_KINEMATIC_POSITION", {"SET_HOMED": "", "X": "1"}),
        ("_OWN_MACRO2 A='x=y z'", "_OWN_MACRO2", {"A": "x=y z"}),
        ("G1 X1 ; stra\u00dfe", "G1", {"X": "1"}),
        ("M23 /usb/3 benches (2).gcode", "M23", {}),
    ],
)
def test_a_line_becomes_command_and_parameters(text: str, command: str, parameters: dict[str, str]) -> None:
    line = parse_line(text)
    assert line is not None
    assert (line.command, line.parameters) == (command, parameters)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("M117 Hello; World", "Hello; World"),
        ("N4 M118 it's 5 * 3 = \u00bd*101", "it's 5 * 3 = \u00bd"),
        ("m23 /usb/3 benches (2).gcode", "/usb/3 benches (2).gcode"),
        ("m117", ""),
    ],
)
def test_texts_and_names_of_files_are_as_they_were_written(text: str, raw: str) -> None:
    line = parse_line(text)
    assert line is not None
    assert (line.raw, line.parameters) == (raw, {})


@pytest.mark.parametrize("text", ["", "   ", "; note", "%", "\ufeff", "(note)", "N5", "N5*33"])
def test_empty_lines_and_notes_are_nothing(text: str) -> None:
    assert parse_line(text) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("?", "not a G-code command: '?'"),
        ("G1 =", "malformed parameters of G1: '='"),
        ("SET_PIN fan", "SET_PIN: malformed parameter 'fan'"),
        ('SET_PIN A="b', "SET_PIN: no closing quotation"),
        ("SET-PIN A=1", "malformed command 'SET-PIN A=1'"),
        ("G1 X1\0", "a NUL byte in the line"),
        ("G1 " + " " * 70000, "a line of 70003 characters"),
    ],
)
def test_what_is_not_gcode_is_refused_with_its_place(text: str, what: str) -> None:
    with pytest.raises(GcodeError) as caught:
        parse_line(text, "a.gcode:7")
    assert (caught.value.what, caught.value.where) == (what, "a.gcode:7")


@given(st.text())
def test_any_text_is_a_line_nothing_or_a_clear_error(text: str) -> None:
    try:
        parse_line(text, "x:1")
    except KlipkitError as error:
        assert str(error).isprintable()


class Machine:
    """Commands for the test; `calls` are what was carried out."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    @gcode("G1", "G0")
    async def move(
        self,
        *,
        x: Annotated[float | None, "position, mm"] = None,
        f: Annotated[float | None, "speed, mm/min"] = None,
    ) -> None:
        """Move in a straight line."""
        self.calls.append((x, f))

    @gcode("SET_COUNT")
    async def count(self, *, count: Annotated[int, "how many"], name: str = "all") -> None:
        """Set a count."""
        self.calls.append((count, name))

    @gcode("M117")
    async def message(self, *, raw: str) -> None:
        """Show a message."""
        self.calls.append(raw)


def carried_out(*lines: str) -> list[object]:
    machine = Machine()
    commands = Commands([machine])

    async def run() -> None:
        for number, text in enumerate(lines, 1):
            line = parse_line(text, f"a:{number}")
            assert line is not None
            await commands.run(line)

    asyncio.run(run())
    return machine.calls


def test_parameters_reach_the_method_with_their_types() -> None:
    assert carried_out("G1 X1.5 F600", "G0", "SET_COUNT COUNT=3", "M117 a  b") == [
        (1.5, 600.0),
        (None, None),
        (3, "all"),
        "a  b",
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("G1 Xnan", "G1: X must be given"),
        ("G1 X", "G1: X must be given"),
        ("SET_COUNT", "SET_COUNT: COUNT must be given"),
        ("SET_COUNT COUNT=1.5", "SET_COUNT: COUNT=1.5 is not a number"),
        ("SET_COUNT COUNT=inf", "SET_COUNT: COUNT=inf is not a number"),
        ("SET_COUTN COUNT=1", 'Unknown command:"SET_COUTN"'),
    ],
)
def test_wrong_values_are_refused(text: str, what: str) -> None:
    with pytest.raises(GcodeError) as caught:
        carried_out(text)
    assert caught.value.what == what


@pytest.mark.parametrize("text", ["M107", "M106", "M106 S0", "m106 s0.0", "M21"])
def test_what_asks_for_nothing_is_done_where_there_is_nothing(text: str) -> None:
    assert carried_out(text) == []


def test_a_fan_that_is_to_turn_and_is_not_there_is_told() -> None:
    with pytest.raises(GcodeError, match=r'Unknown command: ?"M106"'):
        carried_out("M106 S127")


def test_a_command_knows_its_names_and_parameters() -> None:
    command = Commands([Machine()]).by_name["G0"]
    assert isinstance(command, Command)
    assert command.names == ("G1", "G0")
    assert [(each.name, each.kind, each.required, each.text) for each in command.parameters] == [
        ("X", float, False, "position, mm"),
        ("F", float, False, "speed, mm/min"),
    ]


def test_two_commands_of_one_name_are_a_fault() -> None:
    with pytest.raises(AssertionError, match="two commands are called"):
        Commands([Machine(), Machine()])


class Lamp:
    """One of several of its kind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.level = 0.0

    @gcode("SET_LAMP", select="LAMP")
    async def set_lamp(self, *, level: Annotated[float, "0 to 1"]) -> None:
        """Set the light."""
        self.level = level


def run(commands: Commands, text: str) -> None:
    line = parse_line(text, "a:1")
    assert line is not None
    asyncio.run(commands.run(line))


def test_a_command_of_several_owners_goes_to_the_one_that_is_named() -> None:
    left, right = Lamp("left"), Lamp("right")
    run(Commands([left, right]), "SET_LAMP LAMP=right LEVEL=0.5")
    assert (left.level, right.level) == (0.0, 0.5)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("SET_LAMP LEVEL=1", "SET_LAMP: LAMP must be given", "one of left, right"),
        (
            "SET_LAMP LAMP=lefd LEVEL=1",
            "SET_LAMP: The value 'lefd' is not valid for LAMP",
            "did you mean 'left'?",
        ),
    ],
)
def test_an_owner_that_is_not_there_is_refused_with_those_that_are(text: str, what: str, hint: str) -> None:
    with pytest.raises(GcodeError) as caught:
        run(Commands([Lamp("left"), Lamp("right")]), text)
    assert (caught.value.what, caught.value.hint) == (what, hint)


def test_two_owners_of_one_name_are_a_fault() -> None:
    with pytest.raises(AssertionError, match="two commands are called SET_LAMP LAMP=left"):
        Commands([Lamp("left"), Lamp("left")])
