"""Sizes and dictionary are read from an ELF file as the compiler's own programs see it; damage is one clear error."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klipkit.base.errors import DataError
from klipkit.sim.firmware import build
from klipkit.toolchain.elf import Elf
from tests.bench.avr_session import Target, firmware


def test_sizes_are_those_of_avr_size() -> None:
    path = firmware(Target())
    done = subprocess.run(["avr-size", str(path)], capture_output=True, text=True, check=True)
    text, data, bss = map(int, re.findall(r"\d+", done.stdout.splitlines()[1])[:3])
    assert (Elf(path).flash(), Elf(path).ram()) == (text + data, data + bss)


@pytest.mark.parametrize("path", [firmware(Target()), build("klipkit-sim.so")], ids=["avr", "sim"])
def test_the_dictionary_is_in_it(path: Path) -> None:
    found = Elf(path).dictionary()
    assert found["app"] == "klipkit"
    assert any(name.startswith("queue_step ") for name in found["commands"])
    assert "gcc" in found["build_versions"]


def test_a_program_of_another_kind_has_no_dictionary() -> None:
    with pytest.raises(DataError, match="no data dictionary"):
        Elf(Path("/bin/sh")).dictionary()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_one_clear_error_or_still_readable(tmp_path: Path, data: st.DataObject) -> None:
    whole = firmware(Target("atmega328p")).read_bytes()
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for place in data.draw(st.lists(st.integers(0, 200) | st.integers(0, len(whole) - 1), max_size=4)):
        if place < len(damaged):
            damaged[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "damaged.elf"
    path.write_bytes(damaged)
    try:
        Elf(path).dictionary()
    except DataError as error:
        assert error.where == str(path)
