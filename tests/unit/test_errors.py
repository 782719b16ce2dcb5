"""The tree of errors and `klipkit explain`."""

import re
import subprocess
import sys

import pytest

from klipkit.base import buildfaults, cautions, errors, faults, flashfaults
from klipkit.base.errors import ConfigError, KlipkitError, UnknownPin, causes, tree
from klipkit.cli.explain import find
from tests.reference import TOP


def test_each_code_is_unique_and_stable_in_form() -> None:
    codes = [kind.code for kind in tree()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", code) for code in codes)


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.code)
def test_each_error_says_what_it_means_and_keeps_its_own_code(kind: type[KlipkitError]) -> None:
    assert kind.__doc__ and kind.__doc__.strip().split("\n")[0].endswith(".")
    assert "code" in vars(kind)
    assert kind.exit_status in (0, 1, 2, 3, 4)


def test_a_message_has_where_what_and_hint() -> None:
    error = UnknownPin("unknown pin 'D99'", where="printer.cfg:12", hint="did you mean 'D9'?")
    assert str(error) == "printer.cfg:12: unknown pin 'D99'; did you mean 'D9'?"
    assert error.record() == {
        "code": "unknown-pin",
        "where": "printer.cfg:12",
        "what": "unknown pin 'D99'",
        "hint": "did you mean 'D9'?",
    }


def test_causes_are_given_from_the_consequence_to_the_first_cause() -> None:
    first, second = ValueError("first"), ConfigError("second")
    second.__cause__ = first
    first.__cause__ = second  # a loop must not hang
    assert list(causes(second)) == [second, first]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("unknown-pin", "unknown-pin"),
        ("klipkit pins: error: x: no such file [file]", "file"),
        ("Not a valid ADC pin", "not-an-adc-pin"),
        ("pin PA4 used multiple times in config", "pin-used-twice"),
        ("Option 'foo' is not valid in section 'mcu'", "config-option"),
        ("Section 'foo' is not a valid config section", "config-section"),
        ("Option 'x' in section 'y' must be specified", "config-missing"),
        ("MCU 'mcu' shutdown: Timer too close", "timer-too-close"),
        ("Move out of range: 300.0 0.0 0.0 [0.0]", "move"),
    ],
)
def test_codes_and_classic_messages_are_found(words: str, code: str) -> None:
    assert find(words)[0].code == code


def test_short_scraps_match_nothing() -> None:
    assert find("a") == find("") == []


def test_classic_words_belong_to_one_error_each() -> None:
    words = [text.lower() for kind in tree() for text in vars(kind).get("classic", ())]
    assert len(words) == len(set(words))


def test_every_class_of_the_modules_is_in_the_tree() -> None:
    modules = (errors, faults, buildfaults, flashfaults, cautions)
    values = [value for module in modules for value in vars(module).values()]
    classes = {value for value in values if isinstance(value, type) and issubclass(value, Exception)}
    assert classes == set(tree())


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Timer too close", faults.TimerTooClose),
        ("ADC out of range", faults.AdcOutOfRange),
        ("Something new", faults.Shutdown),
    ],
)
def test_a_shutdown_reason_of_an_mcu_becomes_its_class(reason: str, kind: type[faults.Shutdown]) -> None:
    error = faults.shutdown_reason("mcu", reason)
    assert type(error) is kind
    assert str(error) == f"MCU 'mcu' shutdown: {reason}"


def test_each_warning_about_a_port_can_be_explained() -> None:
    text = (TOP / "klipkit" / "link" / "nuisances.py").read_text() + (
        TOP / "klipkit" / "cli" / "ports.py"
    ).read_text()
    told = set(re.findall(r'Nuisance\(\s*"([a-z-]+)"', text))
    assert len(told) >= 8
    assert told - {kind.code for kind in tree()} == set()


@pytest.mark.parametrize("first", ["faults", "buildfaults", "cautions"])
def test_the_order_of_the_tree_does_not_hang_on_the_order_of_imports(first: str) -> None:
    program = (
        f"import klipkit.base.{first}\nfrom klipkit.base.errors import tree\nprint(*[k.code for k in tree()])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.split() == [kind.code for kind in tree()]
