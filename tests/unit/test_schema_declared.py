"""The declarations of [mcu], [board_pins] and [duplicate_pin_override], and the reference made from a declaration."""

import pytest

from klipkit.base.config import parse_config, read_config
from klipkit.base.declare import (
    Declared,
    Variants,
    computed,
    group,
    option,
    options,
    prefixed,
    section,
    variant,
    when,
)
from klipkit.base.describe import OptionDoc, describe
from klipkit.base.pin import PinUse, pin
from klipkit.base.schema import Schema
from klipkit.base.values import Reference, integer, list_of, number
from klipkit.boards.config import BoardPinsConfig, DuplicatePinConfig
from klipkit.mcu.config import McuConfig, RestartMethod
from tests.reference import reference_path

SCHEMA = Schema([McuConfig, BoardPinsConfig, DuplicatePinConfig])
MCU = "[mcu]\nserial: /dev/ttyUSB0\n"


def problems(text: str) -> list[str]:
    return [str(error) for error in SCHEMA.check(parse_config(text, "p.cfg"))]


def test_an_mcu_has_its_defaults() -> None:
    loaded = SCHEMA.load(
        parse_config(f"{MCU}[mcu z]\ncanbus_uuid: 11aa22bb33cc\nrestart_method: command", "p.cfg")
    )
    main, other = loaded.all(McuConfig)
    assert main == McuConfig(serial="/dev/ttyUSB0")
    assert (main.baud, main.canbus_interface, main.source.short) == (250000, "can0", "mcu")
    assert (other.canbus_uuid, other.restart_method, other.source.short) == (
        "11aa22bb33cc",
        RestartMethod.COMMAND,
        "z",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mcu]", "p.cfg:1: option 'serial' in section 'mcu' (or 'canbus_uuid') must be specified"),
        (
            f"{MCU}canbus_uuid: 11aa22bb33cc",
            "p.cfg:3: option 'canbus_uuid' in section 'mcu' cannot stand beside 'serial'; take out one of the two",
        ),
        (
            f"{MCU}baud: 1200",
            "p.cfg:3: option 'baud' in section 'mcu' must have minimum of 2400 baud, found '1200'",
        ),
        (
            f"{MCU}pin_map: arduino",
            "p.cfg:3: option 'pin_map' in section 'mcu' has been removed; name the pins as the chip does "
            "(`klipkit pins convert` translates), or add aliases in [board_pins]",
        ),
        ("[duplicate_pin_override]\npins: PA1", "p.cfg: section 'mcu' must be specified; add [mcu]"),
        (
            f"{MCU}[board_pins]\nmcu: z\naliases: A=PA1",
            "p.cfg:4: option 'mcu' in section 'board_pins' names the mcu 'z', for which there is no section; "
            "the mcus are mcu",
        ),
        (
            f"{MCU}[board_pins]\naliases:\n  A=PA1,\n  C,\n  D=PA4",
            "p.cfg:6: unable to parse option 'aliases' in section 'board_pins': expected ALIAS=PIN, found 'C'",
        ),
        (
            f"{MCU}[board_pins]\naliases: A=PA1, B=PA2\naliases_b: B=PA2, A=PA3",
            "p.cfg:5: option 'aliases_b' in section 'board_pins' defines A as PA3, but it is PA1 already; "
            "take out one of the two",
        ),
    ],
)
def test_wrong_sections_are_explained(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_board_pins_collects_its_lists() -> None:
    text = f"{MCU}[mcu z]\nserial: x\n[board_pins n]\nmcu: z, mcu\naliases_exp1:\n  # c\n  A=PA1, B=<GND>,\n  C=PC1\n"
    pins = SCHEMA.load(parse_config(text, "p.cfg")).all(BoardPinsConfig)[0]
    assert pins.mcu == (Reference("mcu z"), Reference("mcu"))
    assert pins.lists() == [("aliases", ()), ("aliases_exp1", (("A", "PA1"), ("B", "<GND>"), ("C", "PC1")))]


def test_the_corpus_has_no_problem_in_these_sections() -> None:
    names = set()
    for path in reference_path("configs").glob("*.cfg"):
        loaded = SCHEMA.examine(read_config(path))
        names |= set(loaded.sections)
        wrong = [str(error) for error in loaded.problems if error.code != "config-section"]
        assert not [text for text in wrong if "section 'mcu' must be specified" not in text]
    assert {"mcu", "mcu z", "board_pins"} <= names


# The reference


@options()
class Round(Declared):
    """Round."""

    radius: float = option(number(above=0, maximum=500), "The radius.", unit="mm")


@options()
class Motor(Declared):
    """A motor."""

    steps: int = option(integer(minimum=1), "The steps.", default=200)


SHAPES = Variants[Round]("shape", {"round": Round, "circle": Round}, named={"outline": Round})


@section(
    "bed", "bed NAME", required=True, when=when("printer", "kind", "a", "b"), removed={"old": "write new"}
)
class Bed(Declared):
    """A bed
    of some shape.

    More about it.
    """

    shape: Round = variant(SHAPES, "The shape.", default="round")
    motor: Motor | None = group(Motor, present="steps")
    heated: tuple[float, ...] = option(
        list_of(number()), "Temperatures.", unit="degrees C", default=(50.0, 60.5)
    )
    twice: float = option(number(), "Twice.", compute=computed("twice the radius", lambda known: 2.0))
    same: float = option(number(), "Same.", fallback="bed")
    extra: object = prefixed("extra_", pin(PinUse.PWM), "More.")


def test_the_reference_of_a_section_is_plain_data_in_declared_order() -> None:
    doc = describe(Bed)
    assert (doc.names, doc.sentence, doc.text) == (
        ("bed", "bed NAME"),
        "A bed of some shape.",
        "More about it.",
    )
    assert (doc.condition, doc.required, doc.removed) == (
        "[printer] kind: a or b",
        True,
        {"old": "write new"},
    )
    shape = "shape: round or circle or NAME of a [outline NAME]"
    assert list(doc.options) == [
        OptionDoc("shape", "one of round, circle, NAME of a [outline NAME]", "", "", "round", "The shape."),
        OptionDoc("radius", "number", "mm", "above 0, at most 500", "required", "The radius.", shape),
        OptionDoc("steps", "whole number", "", "at least 1", "200", "The steps.", "with steps"),
        OptionDoc("heated", "list of number, separated by ','", "degrees C", "", "50, 60.5", "Temperatures."),
        OptionDoc("twice", "number", "", "", "twice the radius", "Twice."),
        OptionDoc("same", "number", "", "", "that of [bed]", "Same."),
        OptionDoc("extra_*", "pin (PWM output)", "", "", "none", "More."),
    ]


def test_the_reference_of_mcu_says_each_option() -> None:
    options = {doc.name: doc for doc in describe(McuConfig).options}
    assert list(options) == ["serial", "baud", "canbus_uuid", "canbus_interface", "restart_method"]
    assert (options["baud"].default, options["baud"].unit, options["baud"].range) == (
        "250000",
        "baud",
        "at least 2400",
    )
    assert options["serial"].default == "none"
    assert describe(McuConfig).record()["names"] == ("mcu", "mcu NAME")
