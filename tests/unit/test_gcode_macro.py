"""Macros on a whole machine in virtual time: parameters, variables, renamed commands, errors and the way to them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError, KlipkitError
from klipkit.cli.sections import SCHEMA
from klipkit.daemon.host import Host
from klipkit.gcode.commands import Commands, gcode
from klipkit.gcode.remote import RemoteMethods
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.templates import Templates
from klipkit.gcode.words import parse_line
from klipkit.machine.commands.gcode_macro import GcodeMacro, GcodeMacroConfig
from klipkit.sim.printer import SimulatedPrinter
from tests.machine_bench import AT_ZERO, CARTESIAN, live, said_by

RESPOND = CARTESIAN + "[respond]\n[display_status]\n"


class Machine:
    """Some commands of its own; `done` are those that were given."""

    def __init__(self) -> None:
        self.done: list[str] = []

    @gcode("G1", "G0")
    async def move(self, *, x: float = 0.0) -> None:
        """Move."""
        self.done.append(f"G1 {x:g}")

    @gcode("PAUSE")
    async def pause(self) -> None:
        """Rest."""
        self.done.append("PAUSE")

    @gcode("EXTRA", yields=True)
    async def extra(self) -> None:
        """What no other host has."""
        self.done.append("EXTRA")

    @gcode("SAY")
    async def say(self, *, msg: str) -> None:
        """Say it."""
        self.done.append(msg)


class Bench:
    """Macros of a machine without a printer."""

    def __init__(self, text: str) -> None:
        loaded = SCHEMA.examine(parse_config(text, "printer.cfg"))
        of_macros = [error for error in loaded.problems if "must be specified" not in error.what]
        if of_macros:
            raise of_macros[0]
        self.machine = Machine()
        self.commands = Commands([self.machine])
        responses = Responses()
        self.said: list[str] = []
        responses.listen(self.said.append)
        self.scripts = Scripts(self.commands, responses)
        self.templates = Templates(self.scripts, responses, RemoteMethods(), lambda error: None)
        self.macros = [
            GcodeMacro(each, self.templates, self.commands) for each in loaded.all(GcodeMacroConfig)
        ]
        for macro, each in zip(self.macros, loaded.all(GcodeMacroConfig), strict=True):
            macro.name = each.source.short
            self.commands.add(macro)
        for macro in self.macros:
            macro.enter()

    def run(self, *lines: str) -> list[str]:
        """What the machine's own commands were given."""
        for text in lines:
            self._carry_out(text)
        return self.machine.done

    def refused(self, text: str) -> str:
        """What a line is refused with."""
        with pytest.raises(KlipkitError) as caught:
            self._carry_out(text)
        return str(caught.value)

    def _carry_out(self, text: str) -> None:
        line = parse_line(text, "console:1")
        assert line is not None
        work = self.scripts.carry_out(line).__await__()
        with pytest.raises(StopIteration):
            while True:
                next(work)


def test_a_macro_is_a_command_in_any_letters_with_its_parameters_as_texts() -> None:
    bench = Bench("[gcode_macro Say_It]\ngcode: SAY MSG=\"{params.A + params.B|default('0')} {rawparams}\"\n")
    assert bench.run("SAY_IT A=1", "say_it a=2 b=3") == ["10 A=1", "23 a=2 b=3"]


def test_a_traditional_name_has_parameters_of_a_letter() -> None:
    bench = Bench("[gcode_macro M900]\ngcode: SAY MSG={params.K}/{params.S|default('-')}\n")
    assert bench.run("M900 K.5", "M900K2S3") == [".5/-", "2/3"]


def test_a_parameter_that_is_missing_is_nothing() -> None:
    bench = Bench("[gcode_macro AB]\ngcode:\n  SAY MSG={params.A is defined},{'B' in params}\n")
    assert bench.run("AB", "AB A=1 B=2") == ["False,False", "True,True"]


def test_a_macro_takes_the_place_of_a_command_that_goes_on_under_another_name() -> None:
    bench = Bench(
        "[gcode_macro PAUSE]\nrename_existing: BASE_PAUSE\ndescription: rest and park\ngcode:\n"
        "  BASE_PAUSE\n  G1 X5\n[gcode_macro G1]\nrename_existing: G1.1\ngcode:\n"
        "  G1.1 X{params.X|float * 2}\n"
    )
    assert bench.run("PAUSE", "G0 X7") == ["PAUSE", "G1 10", "G1 7"]
    assert bench.commands.by_name["PAUSE"].text == "rest and park"
    assert bench.commands.changed == {"PAUSE", "G1"}


def test_a_command_that_the_dialect_does_not_know_makes_room_for_a_macro_of_its_name() -> None:
    bench = Bench("[gcode_macro EXTRA]\ngcode: SAY MSG=mine\n")
    assert bench.run("EXTRA") == ["mine"]
    bench.macros[0].leave()
    assert bench.run("EXTRA") == ["mine", "EXTRA"]


def test_a_macro_that_leaves_gives_the_command_its_name_back() -> None:
    bench = Bench(
        "[gcode_macro PAUSE]\nrename_existing: BASE_PAUSE\ngcode: G1 X1\n[gcode_macro AB]\ngcode:\n"
    )
    for macro in bench.macros:
        macro.leave()
    assert bench.run("PAUSE") == ["PAUSE"]
    assert bench.commands.changed == set()
    assert {"AB", "BASE_PAUSE"} & set(bench.commands.by_name) == set()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[gcode_macro PAUSE]\ngcode: G1\n",
         "printer.cfg:1: gcode command PAUSE already registered; take another name, or write rename_existing: "
         "BASE_PAUSE"),
        ("[gcode_macro G1]\ngcode: G0\n",
         "printer.cfg:1: gcode command G1 already registered; take another name, or write rename_existing: G1.1"),
        ("[gcode_macro AB]\ngcode: G1\n[gcode_macro ab]\ngcode: G1\n",
         "printer.cfg:3: gcode command AB already registered; take another name, or write rename_existing: BASE_AB"),
        ("[gcode_macro PAUS]\nrename_existing: BASE\ngcode: G1\n",
         "printer.cfg:2: Existing command 'PAUS' not found in gcode_macro rename; did you mean 'PAUSE'?"),
        ("[gcode_macro PAUSE]\nrename_existing: say\ngcode: G1\n",
         "printer.cfg:2: gcode command SAY already registered; rename to a name that is free"),
        ("[gcode_macro PAUSE]\nrename_existing: G9\ngcode: G1\n",
         "printer.cfg:2: option 'rename_existing' in section 'gcode_macro PAUSE' renames to a name of a different type "
         "than PAUSE has; write for example BASE_PAUSE"),
        ("[gcode_macro G1]\nrename_existing: BASE_G1\ngcode: G1\n",
         "printer.cfg:2: option 'rename_existing' in section 'gcode_macro G1' renames to a name of a different type "
         "than G1 has; write for example G1.1"),
        ("[gcode_macro two words]\ngcode: G1\n",
         "printer.cfg:2: option 'gcode' in section 'gcode_macro two words' is of a name that no command can have; "
         "a letter with a number, or at least two letters or _ with digits behind them"),
        ("[gcode_macro AB]\nvariable_x: green\ngcode: G1\n",
         "printer.cfg:2: unable to parse option 'variable_x' in section 'gcode_macro AB': expected a Python literal, "
         "found 'green'; it is no number, text in quotes, list or dictionary; a text stands in quotes"),
    ],
)  # fmt: skip
def test_names_and_variables_that_cannot_be_are_refused_with_their_line(text: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Bench(text)
    assert str(caught.value) == what


def test_a_macro_that_calls_itself_is_refused_at_the_place_and_can_be_called_again() -> None:
    bench = Bench(
        "[gcode_macro AB]\ngcode:\n  SAY MSG=a\n  CD\n"
        "[gcode_macro CD]\ngcode:\n  SAY MSG=b\n  {% if 1 %}AB{% endif %}\n"
    )
    for _ in range(2):
        said = bench.refused("AB")
        assert said == (
            "printer.cfg:8 (macro CD) from printer.cfg:4 (macro AB) from console:1: Macro AB called recursively"
        )
    assert bench.machine.done == ["a", "b"] * 2


def test_a_long_chain_of_macros_ends_with_an_error() -> None:
    bench = Bench("".join(f"[gcode_macro M{n}]\ngcode: M{n + 1}\n" for n in range(1000, 1100)))
    assert "40 macros call one another" in bench.refused("M1000")
    bench.run("M1061")
    assert bench.said == ['// Unknown command:"M1100" (' + bench.said[0].partition(" (")[2]]


def test_lines_before_a_wrong_one_are_carried_out_and_those_behind_it_are_not() -> None:
    bench = Bench("[gcode_macro AB]\ngcode:\n  SAY MSG=a\n  SAY\n  SAY MSG=c\n")
    assert bench.refused("AB") == "printer.cfg:4 (macro AB) from console:1: SAY: MSG must be given"
    assert bench.machine.done == ["a"]


def test_all_of_a_macro_is_worked_out_before_its_first_line() -> None:
    bench = Bench(
        "[gcode_macro AB]\nvariable_n: 1\ngcode:\n  SET_GCODE_VARIABLE MACRO=AB VARIABLE=n VALUE=2\n  SAY MSG={n}\n"
    )
    assert bench.run("AB", "AB") == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("SET_GCODE_VARIABLE MACRO=AB VARIABLE=m VALUE=1",
         "console:1: Unknown gcode_macro variable 'm'; add variable_m"),
        ("SET_GCODE_VARIABLE MACRO=AB VARIABLE=long_nam VALUE=1",
         "console:1: Unknown gcode_macro variable 'long_nam'; did you mean 'long_name'?"),
        ("SET_GCODE_VARIABLE MACRO=AC VARIABLE=n VALUE=1",
         "console:1: SET_GCODE_VARIABLE: The value 'AC' is not valid for MACRO; one of AB"),
        ("SET_GCODE_VARIABLE MACRO=AB VARIABLE=n VALUE=red",
         "console:1: Unable to parse 'red' as a literal: it is no number, text in quotes, list or dictionary; "
         "a text stands in quotes"),
        ("SET_GCODE_VARIABLE MACRO=AB VARIABLE=n VALUE=1e999",
         "console:1: Unable to parse '1e999' as a literal: it is not finite"),
        ("SET_GCODE_VARIABLE MACRO=AB VARIABLE=n", "console:1: SET_GCODE_VARIABLE: VALUE must be given; "
         "a Python literal: 1.5, 'a text', [1, 2]"),
    ],
)  # fmt: skip
def test_a_variable_is_set_to_what_can_be_read_only(line: str, what: str) -> None:
    bench = Bench("[gcode_macro AB]\nvariable_n: 5\nvariable_long_name: 1\ngcode: G1\n")
    assert bench.refused(line) == what
    assert bench.macros[0].status() == {"n": 5, "long_name": 1}


NAMES = st.from_regex(r"[A-Z_][A-Z_][A-Z0-9_]{0,8}", fullmatch=True)
PLAIN = st.text(
    st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="\"\\'{}%#;= "),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, PLAIN, max_size=4))
def test_parameters_come_as_they_were_written(given_: dict[str, str]) -> None:
    bench = Bench("[gcode_macro AB]\nvariable_seen: ''\ngcode:\n  {% do params.update({'_': '1'}) %}\n"
                  "  SET_GCODE_VARIABLE MACRO=AB VARIABLE=seen VALUE=\"{params}\"\n")  # fmt: skip
    bench.run(" ".join(["AB", *(f'{name}="{value}"' for name, value in given_.items())]))
    assert bench.macros[0].status() == {"seen": {**given_, "_": "1"}}


@settings(max_examples=60)
@given(st.recursive(st.none() | st.booleans() | st.integers() | PLAIN, lambda each: st.lists(each) |
                    st.dictionaries(PLAIN, each), max_leaves=6))  # fmt: skip
def test_a_variable_is_what_it_was_set_to(value: Any) -> None:
    bench = Bench("[gcode_macro AB]\nvariable_n: 0\ngcode: G1\n")
    bench.run(f'SET_GCODE_VARIABLE MACRO=ab VARIABLE=n VALUE="{value!r}"')
    assert bench.macros[0].status() == {"n": value}


def test_a_macro_sees_the_machine_and_help_lists_it() -> None:
    said = said_by(
        RESPOND + "[gcode_macro WHERE]\ndescription: tells the place\ngcode:\n"
        "  {% set at = printer.toolhead.position %}\n  M118 {at.x} {at[1]} {printer.toolhead.homed_axes}\n"
        "  {action_respond_info('%.1f' % printer.gcode_move.gcode_position.z)}\n",
        AT_ZERO,
        "G1 X10 Y20 Z1.25 F6000",
        "WHERE",
        "HELP",
    )
    assert said[:2] == ["// 1.2", "echo: 10.0 20.0 xyz"]
    assert "// WHERE       : tells the place" in said


def test_a_macro_in_the_place_of_m117_has_the_text_as_it_was_written() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        await host.run(["M117 50% of it; done"], "a")
        status = host.parts["display_status"].status()
        assert status.message == "> 50% of it; done"

    live(RESPOND + "[gcode_macro M117]\nrename_existing: M117.1\ngcode: M117.1 > {rawparams}\n", act)


def test_an_emergency_stop_of_a_macro_stops_the_machine_and_a_wrong_macro_does_not() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        with pytest.raises(KlipkitError, match="ZeroDivisionError"):
            await host.run(["BAD"], "a")
        assert not host.fault.done()
        await host.run(["M118 still here"], "a")
        with pytest.raises(KlipkitError, match="Shutdown due to too hot"):
            await host.run(["STOP"], "a")
        assert host.fault.done()

    config = (
        RESPOND
        + "[gcode_macro BAD]\ngcode: {1/0}\n[gcode_macro STOP]\ngcode: {action_emergency_stop('too hot')}\n"
    )
    assert "echo: still here" in live(config, act)


def test_a_macro_that_does_much_lets_the_rest_of_the_host_go_on() -> None:
    async def act(host: Host, printer: SimulatedPrinter) -> None:
        import asyncio

        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        await host.run(["MANY"], "a")
        task.cancel()
        assert turns > 50

    live(CARTESIAN + "[gcode_macro MANY]\ngcode:\n  {% for a in range(3200) %}\n  G90\n  {% endfor %}\n", act)
