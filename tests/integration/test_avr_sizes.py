"""Flash and RAM of the AVR firmware do not grow: the budget is in tests/budget.json, under avr_size."""

import json

import pytest

from tests.bench.avr_cycles import sizes
from tests.bench.avr_session import Target
from tests.reference import TOP

BUDGET: dict[str, dict[str, int]] = json.loads((TOP / "tests" / "budget.json").read_text())["avr_size"]
VERSION_BYTES = 40  # the version's text in the dictionary differs from commit to commit


@pytest.mark.parametrize("chip", BUDGET)
def test_the_firmware_is_no_bigger_than_its_budget(chip: str) -> None:
    flash, ram = sizes(Target(chip))
    assert flash <= BUDGET[chip]["flash"] + VERSION_BYTES
    assert ram <= BUDGET[chip]["ram"]
    assert flash > BUDGET[chip]["flash"] * 0.9, (
        "it has become much smaller: write the new size into the budget"
    )
