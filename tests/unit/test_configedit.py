"""Options changed in a configuration's own text: the law that nothing else changes, and what the text looks like."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klipkit.base.config import Config, parse_config, read_config
from klipkit.base.configedit import edited
from klipkit.base.errors import ConfigError, FileError, KlipkitError
from klipkit.daemon import saveconfig

NOW = datetime(2026, 11, 24, 15, 45, 0)
HEADER = (
    "#*# <---------------------- SAVE_CONFIG ---------------------->\n"
    "#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.\n"
    "#*#\n"
)


def values(config: Config) -> dict[str, dict[str, str]]:
    return {
        name: {option.name: option.value for option in section.options.values()}
        for name, section in config.sections.items()
    }


def edit(folder: Path, text: str, changes: dict[str, dict[str, str]]) -> str:
    path = folder / "printer.cfg"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return edited(str(path), changes).get(str(path), text)


def test_an_option_is_changed_where_it_stands_and_its_remark_stays(tmp_path: Path) -> None:
    text = "[extruder]\npid_Kp: 22.2  # mine\npid_Ki=1.0 ; his\n[fan]\npin: PA1\n"
    new = edit(tmp_path, text, {"extruder": {"pid_Kp": "24.125", "pid_ki": "1.25"}})
    assert new == "[extruder]\npid_Kp: 24.125  # mine\npid_Ki=1.25 ; his\n[fan]\npin: PA1\n"


def test_remarks_inside_a_value_stay_below_it(tmp_path: Path) -> None:
    text = "[a]\npoints:\n# near\n  1, 2\n# the far corner\n  3, 4\n  # empty\n[b]\n"
    new = edit(tmp_path, text, {"a": {"points": "\n5, 6\n7, 8"}})
    assert new == "[a]\npoints:\n  5, 6\n  7, 8\n# near\n# the far corner\n  # empty\n[b]\n"


def test_what_stands_nowhere_gets_a_block_at_the_end(tmp_path: Path) -> None:
    new = edit(tmp_path, "[a]\nx: 1", {"a": {"y": "2"}, "mesh m": {"points": "\n1, 2\n3, 4"}})
    assert new == (
        f"[a]\nx: 1\n\n{HEADER}#*# [a]\n#*# y = 2\n#*#\n#*# [mesh m]\n#*# points =\n#*#   1, 2\n#*#   3, 4\n"
    )


def test_what_stands_in_the_block_is_changed_there_and_new_options_join_their_section(tmp_path: Path) -> None:
    text = f"[a]\nx: 1\n\n{HEADER}#*# [a]\n#*# x = 2\n#*#\n#*# [b]\n#*# p =\n#*# \t1\n#*# \t2\n"
    new = edit(tmp_path, text, {"a": {"x": "3", "y": "4"}, "b": {"p": "\n5\n6\n7"}, "c": {"z": "8"}})
    assert new == (
        f"[a]\nx: 1\n\n{HEADER}#*# [a]\n#*# x = 3\n#*# y = 4\n#*#\n"
        "#*# [b]\n#*# p =\n#*# \t5\n#*# \t6\n#*# \t7\n#*#\n#*# [c]\n#*# z = 8\n"
    )


def test_an_option_of_an_included_file_is_changed_in_that_file(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "hot.cfg").write_text("[extruder]\npid_kp: 1\n")
    path = tmp_path / "printer.cfg"
    path.write_text("[include parts/*.cfg]\n[extruder]\npid_ki: 2\n")
    changes = {"extruder": {"pid_kp": "3", "pid_ki": "4"}}
    assert sorted(saveconfig.save(str(path), changes, NOW)) == [str(tmp_path / "parts/hot.cfg"), str(path)]
    assert (tmp_path / "parts" / "hot.cfg").read_text() == "[extruder]\npid_kp: 3\n"
    assert path.read_text() == "[include parts/*.cfg]\n[extruder]\npid_ki: 4\n"
    # The copies are there, and what includes *.cfg does not take one for a part of the configuration.
    assert (tmp_path / "parts" / "hot-20261124_154500.cfg.bak").read_text() == "[extruder]\npid_kp: 1\n"
    assert (tmp_path / "printer-20261124_154500.cfg").exists()
    assert values(read_config(path)) == {"extruder": {"pid_kp": "3", "pid_ki": "4"}}


def test_line_ends_byte_order_mark_and_bytes_that_are_no_text_stay(tmp_path: Path) -> None:
    path = tmp_path / "printer.cfg"
    path.write_bytes(b"\xef\xbb\xbf[a]\r\nx: 1 # \xfc\r\ny: 2\r\n")
    saveconfig.save(str(path), {"a": {"x": "5"}, "b": {"z": "6"}}, NOW)
    block = HEADER.replace("\n", "\r\n").encode()
    assert path.read_bytes() == (
        b"\xef\xbb\xbf[a]\r\nx: 5 # \xfc\r\ny: 2\r\n\r\n" + block + b"#*# [b]\r\n#*# z = 6\r\n"
    )


def test_mode_and_symbolic_link_stay_and_two_copies_of_one_second_have_two_names(tmp_path: Path) -> None:
    real = tmp_path / "real.cfg"
    real.write_text("[a]\nx: 1\n")
    real.chmod(0o640)
    path = tmp_path / "printer.cfg"
    path.symlink_to(real)
    saveconfig.save(str(path), {"a": {"x": "2"}}, NOW)
    saveconfig.save(str(path), {"a": {"x": "3"}}, NOW)
    assert path.is_symlink() and real.read_text() == "[a]\nx: 3\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "printer-20261124_154500.cfg").read_text() == "[a]\nx: 1\n"
    assert (tmp_path / "printer-20261124_154500-1.cfg").read_text() == "[a]\nx: 2\n"


def test_what_cannot_be_written_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "printer.cfg"
    path.write_text("[a]\nx: 1\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saveconfig, "_copy", full)
    with pytest.raises(FileError, match="No space left"):
        saveconfig.save(str(path), {"a": {"x": "2"}}, NOW)
    assert [each.name for each in tmp_path.iterdir()] == ["printer.cfg"]
    assert path.read_text() == "[a]\nx: 1\n"


def test_a_value_that_the_dialect_would_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[a\] x: 'red # blue'"):
        edit(tmp_path, "[a]\n", {"a": {"x": "red # blue"}})


NAMES = st.sampled_from(["x", "y", "Zz"])
SECTIONS = st.sampled_from(["a", "b c", "d"])
LINE = st.sampled_from(["1", "2.5, 3", "text : more", "-", "%"])
VALUES = st.one_of(
    LINE,
    st.just(""),
    st.lists(st.one_of(LINE, st.just("")), min_size=1, max_size=3).map(
        lambda lines: "\n" + "\n".join([*lines, "end"])
    ),
)
PIECES = st.sampled_from(
    [
        "[a]",
        "[b c]",
        "[d]",
        "x: 1",
        "y=2 # c",
        "  Zz :\n    3\n  # c\n\n    4",
        "# remark",
        "",
        "; r",
        "x:\n  7 ; r",
    ]
)
BLOCKS = st.sampled_from(
    [
        "",
        HEADER,
        f"{HEADER}#*# [a]\n#*# x = 5\n",
        f"{HEADER}#*# [d]\n#*# zz =\n#*# \t1\n#*#\n#*# \t2\n#*#\n#*# [a]\n",
    ]
)


@settings(max_examples=400)
@given(
    st.lists(PIECES, max_size=12),
    BLOCKS,
    st.dictionaries(SECTIONS, st.dictionaries(NAMES, VALUES, min_size=1), min_size=1),
)
def test_the_new_text_has_the_new_values_and_all_others(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[str],
    block: str,
    changes: dict[str, dict[str, str]],
) -> None:
    text = "\n".join(["[a]", *pieces, ""]) + block
    try:
        before = values(parse_config(text, "p.cfg"))
    except KlipkitError:
        return
    new = edit(tmp_path_factory.getbasetemp(), text, changes)
    for section, options in changes.items():
        before.setdefault(section, {}).update({name.lower(): value for name, value in options.items()})
    assert values(parse_config(new, "p.cfg")) == before
    assert all(line in new for line in text.split("\n") if line.startswith(("# remark", "; r")))
