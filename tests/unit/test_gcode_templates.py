"""Templates alone: what they expand to, where their lines come from, what they may not do."""

import json
import string
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from klipkit.base.errors import KlipkitError, TemplateSyntax
from klipkit.base.faults import RaisedByMacro, TemplateError
from klipkit.base.values import Template
from klipkit.gcode.commands import Commands
from klipkit.gcode.literals import NoLiteral, literal
from klipkit.gcode.remote import RemoteMethods
from klipkit.gcode.responses import Responses
from klipkit.gcode.scripts import Scripts
from klipkit.gcode.templates import Gcode, Origin, Templates
from klipkit.machine.coordinate import Coordinate

OBJECTS: dict[str, dict[str, Any]] = {
    "toolhead": {"position": Coordinate(1, 2, 3, 4), "homed_axes": "xy"},
    "gcode_macro START": {"temperature": 200, "list": [1]},
    "extruder": {"temperature": 21.5},
}


class Table:
    """Objects of a machine."""

    def names(self) -> list[str]:
        return list(OBJECTS)

    def has(self, name: str) -> bool:
        return name in OBJECTS

    def seen(self, name: str) -> Mapping[str, Any]:
        return OBJECTS[name]


class Bench:
    """Templates of a machine that does nothing."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stopped: list[KlipkitError] = []
        self.log: list[str] = []
        self.remote = RemoteMethods(self.log.append)
        responses = Responses()
        responses.listen(self.said.append)
        scripts = Scripts(Commands(), responses)
        self.templates = Templates(scripts, responses, self.remote, self.stopped.append)
        self.templates.objects = Table

    def gcode(self, text: str, first: int = 10) -> Gcode:
        """A template whose lines stand in printer.cfg from a line on."""
        lines = tuple(range(first, first + text.count("\n") + 1))
        origin = Origin("gcode_macro X", "gcode", "macro X")
        return self.templates.of(Template(text, "printer.cfg", lines), origin)


def expanded(text: str, **variables: Any) -> list[str]:
    return [line.strip() for _, line in Bench().gcode(text).lines(variables)]


def error_of(text: str, **variables: Any) -> KlipkitError:
    with pytest.raises(KlipkitError) as caught:
        Bench().gcode(text).lines(variables, "console:1")
    return caught.value


def test_what_has_no_expressions_is_as_it_is_written() -> None:
    assert expanded("G28\n\n  M117 100% }\n") == ["G28", "M117 100% }"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("M117 {params.A|float * 100}%", ["M117 20.0%"]),
        ("M140 S{params.B|default(40)|float}", ["M140 S40.0"]),
        ("M117 {rawparams}", ["M117 A=.2 ; note"]),
        ("{% if 'toolhead' in printer and 'fan' not in printer %}G28{% endif %}", ["G28"]),
        ("G1 X{printer.toolhead.position.x} Y{printer.toolhead.position[1]}", ["G1 X1 Y2"]),
        ('M104 S{printer["gcode_macro START"].temperature}', ["M104 S200"]),
        ("{% for name in printer %}M118 {name}\n{% endfor %}", [f"M118 {name}" for name in OBJECTS]),
        ("{% set a = [] %}{% do a.append(3) %}M118 {a|length}", ["M118 1"]),
        ("{% if printer.fan is defined %}A{% else %}B{% endif %}", ["B"]),
        ("{% for i in range(3) %}\nG1 X{i}{% if loop.last %} F{loop.length}{% endif %}\n{% endfor %}",
         ["G1 X0", "G1 X1", "G1 X2 F3"]),
        ("{% set ns = namespace(s=0) %}{% for i in [1, 2] %}{% set ns.s = ns.s + i %}{% endfor %}M118 {ns.s}",
         ["M118 3"]),
        ("{% macro twice(a) %}{a * 2}{% endmacro %}M118 {twice(2)|int + 1}", ["M118 5"]),
        ("{% set t %}abc{% endset %}{% if t == 'abc' %}M118 {t ~ 1}{% endif %}", ["M118 abc1"]),
        ("M118 { 'a\nM118 b' }", ["M118 a", "M118 b"]),
        ("M118 {none} {params.nothing}.", ["M118 None ."]),
    ],
)  # fmt: skip
def test_the_template_language(text: str, lines: list[str]) -> None:
    assert expanded(text, params={"A": ".2"}, rawparams="A=.2 ; note") == lines


def test_each_line_has_the_place_of_the_line_that_made_it() -> None:
    text = (
        "{% set n = 2 %}\nG28\n{% for x in range(n) %}\n  G1 X{x} Y{\n  x}\n  M117 {loop.last}\n{% endfor %}\n"
        "{% macro two() %}M118\nM118{% endmacro %}\n\n{two()} a\nG4"
    )
    found = Bench().gcode(text, 20).lines({}, "part.gcode:7")
    assert [(where.partition(" ")[0], line.strip()) for where, line in found] == [
        ("printer.cfg:21", "G28"),
        ("printer.cfg:23", "G1 X0 Y0"),
        ("printer.cfg:25", "M117 False"),
        ("printer.cfg:23", "G1 X1 Y1"),
        ("printer.cfg:25", "M117 True"),
        ("printer.cfg:30", "M118"),
        ("printer.cfg:30", "M118 a"),
        ("printer.cfg:31", "G4"),
    ]
    assert found[0][0] == "printer.cfg:21 (macro X) from part.gcode:7"


WORDS = st.text(string.ascii_letters + string.digits + " =._-+*/'\"", max_size=12)


@given(st.lists(st.tuples(WORDS, st.integers(0, 3)), min_size=1, max_size=8))
def test_lines_keep_their_places_whatever_stands_between_them(rows: list[tuple[str, int]]) -> None:
    """Each row is a line of its own and a loop around another one; the values tell where they are from."""
    source, expected = [], []
    for text, turns in rows:
        source.append(f"M118 a{text}")
        expected.append((f"M118 a{text}".strip(), len(source)))
        source.append(f"{{% for i in range({turns}) %}}")
        source.append(f"M118 b{text}{{i}}")
        expected += [(f"M118 b{text}{turn}", len(source)) for turn in range(turns)]
        source.append("{% endfor %}")
    found = Bench().gcode("\n".join(source), 1).lines({})
    assert [(line.strip(), where) for where, line in found] == [
        (line, f"printer.cfg:{number} (macro X)") for line, number in expected
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("G28\nM117 {printer.", 11),
        ("{% if x %}\nG28\n", 10),
        ("G28\n{% for x in y %}\n{% endif %}", 12),
        ("G28\n{% wait %}", 11),
        ("M117 {a|nofilter}", 10),
        ("G28\n\nM117 { 1 + }", 12),
    ],
)
def test_a_malformed_template_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(TemplateSyntax, match="Error loading template 'gcode_macro X:gcode'") as caught:
        Bench().gcode(text)
    assert caught.value.where == f"printer.cfg:{line}"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("G28\nG1 X{params.X|float}\nG1 Y{1 / params.Y|int}", 12, "ZeroDivisionError: division by zero"),
        ("G28\n{printer.extrude.temperature}", 11, "there is no printer object 'extrude'"),
        ("G28\n\nM117 {printer.extruder.temp.x}", 12, "'dict object' has no attribute 'temp'"),
        ("{% for i in range(2) %}\n{% if i %}\n{i.a.b}\n{% endif %}\n{% endfor %}", 12,
         "'int object' has no attribute 'a'"),
        ("{% macro f() %}\n{1 // 0}\n{% endmacro %}\nG28\n{f()}", 11,
         "ZeroDivisionError: integer division or modulo by zero"),
        ("\n{% include 'x' %}", 11, "TypeError: no loader for this environment specified"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_with_its_line_and_the_way_there(text: str, line: int, what: str) -> None:
    error = error_of(text, params={"X": "1", "Y": "0"})
    assert isinstance(error, TemplateError)
    assert error.where == f"printer.cfg:{line} (macro X) from console:1"
    assert error.what == f"Error evaluating 'gcode_macro X:gcode': {what}"


def test_an_object_that_is_not_there_is_guessed() -> None:
    assert error_of("{printer.extrudr.temperature}").hint == "did you mean 'extruder'?"


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{f(n - 1)}{f(n - 1)}{% endif %}{% endmacro %}{f(50)}",
        "{% macro f() %}{f()}{% endmacro %}{f()}",
        "{% for a in [[[1] * 99] * 99] * 99 recursive %}{% if a is iterable %}{loop(a)}{% endif %}{% endfor %}",
        "{% for i in range(9999) %}M117 0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789\n{% endfor %}",
        "{'x' * 10 ** 10}",
        "{[0] * 10 ** 10}",
        "{10 ** (10 ** 9) % 7}",
        "{% set ns = namespace(a=7 ** 999) %}{% for i in range(99) %}{% set ns.a = ns.a * ns.a %}{% endfor %}",
        "{% set ns = namespace(a='ab') %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
        "{% set ns = namespace(a='ab') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
        "{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{ns.a}",
        "{% set a = [1] %}{% for i in range(99) %}{% do a.extend(a) %}{% endfor %}",
        "{% set a = [1] %}{% do a.append(a) %}{% if a == a|list %}{% endif %}{a}",
        "{% set a = [0] * 9999 %}{% for i in range(9999) %}{% if 1 in a %}{% endif %}{% endfor %}",
        "{% set a = [] %}{% for i in range(9999) %}{% do a.append(([0] * 9999)[:]) %}{% endfor %}",
        "{% for i in range(9999) %}{range(9999)|sum}{range(9999)|list|sum}{% endfor %}",
        "{'%999999999d' % 1}",
        "{'%*d' % (10 ** 9, 1)}",
        "{'%999999999d'|format(1)}",
        "{'{:999999999}'.format(1)}",
        "{'{:{}}'.format(1, 10 ** 9)}",
        "{'{:{a}}'.format_map({'a': 10 ** 9})}",
        "{'x'.zfill(10 ** 10)}",
        "{'x'|center(10 ** 10)}",
        "{'x\nx'|indent(10 ** 10)}",
        "{1.5|round(10 ** 9)}",
        "{[1]|batch(10 ** 9, 0)|list|length}",
        "{[1]|slice(10 ** 9)|list|length}",
        "{('x' * 9999).replace('x', 'y' * 99999)}",
        "{('x' * 9999)|replace('x', 'y' * 99999)}",
        "{('y' * 99999).join('x' * 9999)}",
        "{('x' * 9999)|join('y' * 99999)}",
        "{('x' * 9999).translate({120: 'y' * 99999})}",
        "{(1).to_bytes(10 ** 10, 'big')}",
        "{range(10 ** 12)|length}",
    ],
)
def test_a_template_that_would_not_end_or_make_too_much_ends_with_an_error(text: str) -> None:
    assert isinstance(error_of("G28\n" + text), TemplateError)


def test_what_real_macros_need_is_within_the_bounds() -> None:
    lines = expanded("{% for a in range(10000) %}G1 X{(a * 0.1)|round(3)} Y{a % 7}\n{% endfor %}")
    assert len(lines) == 10000


@pytest.mark.parametrize(
    "text",
    [
        "{''.__class__.__mro__}",
        "{printer.__init__.__globals__}",
        "{printer._Printer__objects.names()}",
        "{action_respond_info.__globals__.x}",
        "{'{0.__class__.__mro__}'.format(1)}",
        "{printer['__class__']['x']}",
        "{cycler.__init__.__globals__.os}",
        "{(printer|attr('_Printer__objects')).names()}",
    ],
)
def test_a_template_cannot_get_out_of_its_sandbox(text: str) -> None:
    assert isinstance(error_of(text), TemplateError)


def test_actions_respond_raise_stop_and_call() -> None:
    bench = Bench()
    bench.gcode('{action_respond_info("a\nb")}{action_emergency_stop("too hot")}').lines({})
    assert bench.said == ["// a", "// b"]
    assert [error.what for error in bench.stopped] == ["Shutdown due to too hot"]
    with pytest.raises(RaisedByMacro) as caught:
        bench.gcode('G28\n{action_raise_error("no filament\nload some")}').lines({}, "a:1")
    assert str(caught.value) == "no filament\nload some\nat printer.cfg:11 (macro X) from a:1"


def test_a_remote_method_is_called_by_name_and_logged_when_there_is_none() -> None:
    bench = Bench()
    calls: list[Mapping[str, Any]] = []
    bench.remote.register("beep", bench, calls.append)
    bench.gcode('{action_call_remote_method("beep", frequency=300)}').lines({})
    bench.gcode('{action_call_remote_method("boop")}').lines({})
    assert calls == [{"frequency": 300}]
    assert bench.log == ["no client has registered the remote method 'boop'"]


def test_what_was_looked_at_once_stays_the_same_within_an_expansion() -> None:
    class Changing(Table):
        times = 0

        def seen(self, name: str) -> Mapping[str, Any]:
            self.times += 1
            return {"a": self.times}

    bench = Bench()
    changing = Changing()
    bench.templates.objects = lambda: changing
    gcode = bench.gcode("M118 {printer.x.a} {printer['x'].a}")
    assert [gcode.lines({})[0][1] for _ in range(2)] == ["M118 1 1", "M118 2 2"]


PIECES = st.sampled_from(
    ["{", "}", "{%", "%}", "{#", "#}", "for ", "in ", "if ", "else", "endfor", "endif", "set ", "do ", "macro ",
     "endmacro", "block ", "include ", "import ", "recursive", "range(9)", "printer", ".", "[", "]", "(", ")", "x",
     "|", "list", "join", "'", '"', "\n", " ", "-", "*", "**", "~", "9", "%", "\\", "\0", "é", "raw", "endraw", "="]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=40))
@example("\0" + "1\0{x}")
@example("{% for a in range(9) %}" * 30)
@example("{" + "(" * 300 + ")" * 300 + "}")
@example("{" + "not " * 3000 + "1}")
@example("{% block x %}{self.x()}{% endblock %}")
def test_a_random_template_expands_or_is_refused(text: str) -> None:
    expand_or_refuse(text)


@pytest.mark.long
@settings(max_examples=10_000)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_many_random_templates_expand_or_are_refused(text: str) -> None:
    expand_or_refuse(text)


def expand_or_refuse(text: str) -> None:
    try:
        for where, line in Bench().gcode("{}" + text).lines({"x": [1]}):
            assert where and line
    except (TemplateSyntax, TemplateError) as error:
        assert error.where


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_as_python_writes_it_is_read_back(value: Any) -> None:
    assert literal(repr(value)) == value
    json.dumps(literal(repr(value)), allow_nan=False)


@given(
    st.text(max_size=30)
    | st.sampled_from(["1e999", "-1e999", "{1, 2}", "b'a'", "1j", "{(1, 2): 3}", "[" * 400])
)
def test_any_text_is_a_value_for_clients_or_refused(text: str) -> None:
    try:
        json.dumps(literal(text), allow_nan=False)
    except NoLiteral:
        return


def test_the_template_language_is_not_loaded_where_no_template_needs_it() -> None:
    script = (
        "import sys\nfrom klipkit.cli.sections import SCHEMA\nimport klipkit.daemon.daemon\n"
        "from klipkit.base.config import parse_config\nfrom klipkit.gcode.templates import problems\n"
        "text = '[gcode_macro AB]\\ngcode:\\n  G28\\n{}'\n"
        "for rest in ('', '  M117 {1}\\n'):\n"
        "    list(problems(SCHEMA.examine(parse_config(text.replace('{}', rest), 'a')).sections))\n"
        "    print('jinja2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
