"""Parts are made from their sections, leaves first, with what they ask for by type."""

from collections.abc import Sequence

import pytest

from klipkit.base.config import parse_config
from klipkit.base.declare import Declared, option, section
from klipkit.base.errors import ConfigError, MissingSection
from klipkit.base.schema import Schema
from klipkit.base.values import Reference, number, reference
from klipkit.daemon.wiring import Wiring, config_of
from klipkit.parts.part import Part


class Bench:
    """Something that the machine provides."""


@section("oven NAME", roles=["oven"])
class OvenConfig(Declared):
    """An oven."""

    power: float = option(number(), "Its power.", unit="W", default=40.0)


@section("vent NAME", roles=["oven"])
class VentConfig(Declared):
    """A vent of an oven."""

    oven: Reference = option(reference("oven"), "Its oven.")


@section("sum", always=True)
class SumConfig(Declared):
    """Always there."""

    least: float = option(number(), "The least.", default=1.0)


@section("thermostat NAME")
class ThermostatConfig(Declared):
    """Needs what is always there."""


class Oven(Part):
    """An oven."""

    def __init__(self, config: OvenConfig, bench: Bench) -> None:
        self.config = config
        self.bench = bench


class Vent(Part):
    """A vent."""

    def __init__(self, config: VentConfig, oven: Part) -> None:
        self.oven = oven


class Sum(Part):
    """Over all ovens."""

    def __init__(self, config: SumConfig, ovens: Sequence[Oven], only: Vent | None) -> None:
        self.ovens = ovens
        self.only = only
        self.least = config.least


class Thermostat(Part):
    """Needs a part without a section of its own."""

    def __init__(self, config: ThermostatConfig, total: Sum) -> None:
        self.total = total


MAKERS: tuple[type[Part], ...] = (Oven, Vent, Sum, Thermostat)
SCHEMA = Schema([config_of(maker) for maker in MAKERS])


def wired(text: str, bench: Bench | None = None) -> dict[str, Part]:
    wiring = Wiring(SCHEMA.load(parse_config(text, "printer.cfg")), MAKERS)
    wiring.provide(Bench, bench or Bench())
    return dict(wiring.make_all())


def test_a_part_has_its_section_and_what_the_machine_provides() -> None:
    bench = Bench()
    oven = wired("[oven left]\npower: 30\n", bench)["oven left"]
    assert isinstance(oven, Oven)
    assert (oven.config.power, oven.bench, oven.name, oven.section) == (30.0, bench, "left", "oven left")


def test_an_option_that_names_a_section_gives_its_part_made_before() -> None:
    parts = wired("[vent up]\noven: left\n[oven left]\n")
    assert list(parts) == ["oven left", "vent up", "sum"]
    vent = parts["vent up"]
    assert isinstance(vent, Vent)
    assert vent.oven is parts["oven left"]


def test_a_part_without_a_section_of_its_own_has_the_defaults_and_all_of_a_kind() -> None:
    parts = wired("[oven left]\n[oven right]\n")
    total = parts["sum"]
    assert isinstance(total, Sum)
    assert (total.least, total.ovens, total.only) == (1.0, (parts["oven left"], parts["oven right"]), None)


@pytest.mark.parametrize(("own", "least"), [("", 1.0), ("[sum]\nleast: 3\n", 3.0)])
def test_a_part_that_needs_no_section_is_given_to_those_who_ask_for_it(own: str, least: float) -> None:
    parts = wired(f"[thermostat a]\n{own}")
    thermostat = parts["thermostat a"]
    assert isinstance(thermostat, Thermostat)
    assert thermostat.total is parts["sum"]
    assert thermostat.total.least == least


def test_sections_that_need_one_another_are_refused() -> None:
    with pytest.raises(ConfigError, match="depend on one another"):
        wired("[vent a]\noven: b\n[vent b]\noven: a\n")


def test_a_name_without_a_section_is_refused_by_the_schema() -> None:
    with pytest.raises(MissingSection, match="names the oven 'left'"):
        wired("[vent a]\noven: left\n")
