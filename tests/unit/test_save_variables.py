"""Variables that outlive the host: what is written is read again, by whole files only."""

import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.config import parse_config
from klipkit.base.errors import ConfigError
from klipkit.base.faults import GcodeError
from klipkit.cli.sections import SCHEMA
from klipkit.gcode.commands import Commands, carried_out
from klipkit.gcode.words import parse_line
from klipkit.machine.commands.save_variables import SaveVariables, SaveVariablesConfig, read, write


def made(path: Path) -> SaveVariables:
    loaded = SCHEMA.examine(parse_config(f"[save_variables]\nfilename: {path}\n", "printer.cfg"))
    return SaveVariables(loaded.named("save_variables", SaveVariablesConfig))


def run(part: SaveVariables, text: str) -> None:
    line = parse_line(text, "console:1")
    assert line is not None
    carried_out(Commands([part]).run(line))


def test_a_variable_is_kept_in_a_file_that_is_made_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "variables.cfg"
    part = made(path)
    assert part.status().variables == {}
    run(part, "SAVE_VARIABLE VARIABLE=currentextruder VALUE='\"extruder1\"'")
    run(part, "SAVE_VARIABLE VARIABLE=a VALUE=\"{'x': [1, 2.5, None]}\"")
    assert path.read_text() == "[Variables]\na = {'x': [1, 2.5, None]}\ncurrentextruder = 'extruder1'\n"
    assert made(path).status().variables == {"currentextruder": "extruder1", "a": {"x": [1, 2.5, None]}}
    assert [each.name for each in tmp_path.iterdir()] == ["variables.cfg"]


def test_a_file_of_another_host_is_read(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_text("# mine\n[Variables]\nA_b = 1\n\n; old\nlist: [1,\t2]\nt = 'a=b; c # d'\n")
    assert read(path) == {"a_b": 1, "list": [1, 2], "t": "a=b; c # d"}


@pytest.mark.parametrize("line", ["a = red", "a", "a = [1,", "= 1", "a = 1e999"])
def test_a_file_that_cannot_be_read_is_refused_with_the_line_and_stays(tmp_path: Path, line: str) -> None:
    path = tmp_path / "v"
    path.write_text(f"[Variables]\nb = 1\n{line}\n")
    with pytest.raises(ConfigError, match=f"{path}:3: Unable to parse existing variable file"):
        made(path)
    assert path.read_text() == f"[Variables]\nb = 1\n{line}\n"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used: No such file or directory") as caught:
        made(tmp_path / "none" / "v")
    assert caught.value.where == "printer.cfg:2"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "SAVE_VARIABLE VARIABLE=Upper VALUE=1",
            "'Upper' is no name of a variable; small letters, digits and _",
        ),
        ("SAVE_VARIABLE VARIABLE='a b' VALUE=1", "'a b' is no name"),
        ("SAVE_VARIABLE VARIABLE=a=b VALUE=1", "'a=b' is no name"),
        ("SAVE_VARIABLE VARIABLE=a VALUE=red", "Unable to parse 'red' as a literal"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_changes(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "v"
    part = made(path)
    with pytest.raises(GcodeError, match=what):
        run(part, text)
    assert path.read_text() == "[Variables]\n"
    assert part.status().variables == {}


def test_a_file_that_cannot_be_replaced_leaves_the_old_one_and_the_old_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = made(tmp_path / "v")
    run(part, "SAVE_VARIABLE VARIABLE=a VALUE=1")

    def full(self: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(GcodeError, match="Unable to save variable: No space left on device"):
        run(part, "SAVE_VARIABLE VARIABLE=a VALUE=2")
    assert part.status().variables == read(tmp_path / "v") == {"a": 1}


def test_a_link_and_the_rights_of_the_file_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    write(real, {})
    real.chmod(0o600)
    link.symlink_to(real)
    write(link, {"a": 1})
    assert link.is_symlink() and read(real) == {"a": 1}
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


NAMES = st.from_regex(r"[a-z0-9_]{1,9}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_all_that_is_written_is_read_again(variables: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "v"), variables)
        assert read(Path(folder, "v")) == variables
