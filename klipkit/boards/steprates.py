"""How many steps a second a chip can make: data/steprates.toml."""

from functools import lru_cache

from klipkit.boards import datafile
from klipkit.boards.chips import Chip

FULL = 3  # steppers: more share what these have


@lru_cache(maxsize=1)
def _ticks() -> dict[str, tuple[int, int]]:
    """Of chips by the beginning of their names: ticks between steps with one stepper, and with three."""
    fields = datafile.read("", "steprates")
    table = fields.table("ticks")
    found = {}
    for name in table.remaining():
        one, three = table.text(name).split()
        found[name] = (int(one), int(three))
    fields.end()
    return found


def step_rates(chip: Chip) -> tuple[float, float, float]:
    """Steps a second of all its motors together, of which one, two, three or more step at once; 0: not known."""
    for name, (one, three) in _ticks().items():
        if chip.name.startswith(name):
            between = (one + three) / 2
            return chip.clock / one, 2 * chip.clock / between, FULL * chip.clock / three
    return 0.0, 0.0, 0.0
