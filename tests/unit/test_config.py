"""The printer.cfg reader: the dialect, the places it reports, and each error literally."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klipkit.base.config import Config, Section, parse_config, read_config
from klipkit.base.errors import ConfigSyntax, FileError, IncludeError, KlipkitError
from tests.reference import reference_path


def values(config: Config) -> dict[str, dict[str, str]]:
    return {
        name: {option.name: option.value for option in section.options.values()}
        for name, section in config.sections.items()
    }


def parsed(text: str) -> dict[str, dict[str, str]]:
    return values(parse_config(text, "p.cfg"))


def config_files() -> list[Path]:
    return sorted([*reference_path("configs").glob("*.cfg"), *reference_path("klippy-tests").glob("*.cfg")])


# The dialect


def test_both_delimiters_part_name_and_value_and_the_first_one_counts() -> None:
    assert parsed("[a]\nx: 1\ny = 2\nz=a:b\nw : c = d") == {
        "a": {"x": "1", "y": "2", "z": "a:b", "w": "c = d"}
    }


def test_option_names_are_lower_case_and_section_names_as_written() -> None:
    assert parsed("[gcode_macro   MY Macro]\nVariable_Foo: Bar") == {
        "gcode_macro MY Macro": {"variable_foo": "Bar"}
    }


def test_comments_end_a_line() -> None:
    text = "# top\n; top\n[a] # c\nx: 1 # c\ny: 2 ; c\nz: 3;4\n#w: 5\n;v: 6\nu:#7"
    assert parsed(text) == {"a": {"x": "1", "y": "2", "z": "3;4", "u": ""}}


def test_indented_lines_go_on_with_the_value_and_empty_lines_stay_inside_it() -> None:
    text = "[m]\ngcode:\n  G1 X1\n\n\t G1: Y1\n  # c\n  ; c\n  [b]\n\n\n[c]\nx: 1"
    assert parsed(text) == {"m": {"gcode": "\nG1 X1\n\nG1: Y1\n\n[b]"}, "c": {"x": "1"}}


def test_options_indented_alike_are_options_and_only_deeper_lines_go_on() -> None:
    assert parsed("[a]\n  x: 1\n  y: 2\n   3\n z: 4") == {"a": {"x": "1", "y": "2\n3", "z": "4"}}


def test_repeated_sections_go_on_and_later_options_win() -> None:
    config = parse_config("[a]\nx: 1\ny: 1\n[b]\n[a]\nX: 2\n", "p.cfg")
    assert values(config) == {"a": {"x": "2", "y": "1"}, "b": {}}
    assert (config.sections["a"].where, config.sections["a"].options["x"].where) == ("p.cfg:1", "p.cfg:6")


def test_words_behind_a_section_are_ignored_but_an_option_there_is_not() -> None:
    assert parsed("[a] the first\nx: 1") == {"a": {"x": "1"}}
    with pytest.raises(ConfigSyntax) as error:
        parsed("[a] x: 1")
    assert str(error.value) == "p.cfg:1: 'x: 1' stands behind [a]; write the option on a line of its own"


def test_each_line_of_a_value_knows_its_line() -> None:
    option = parse_config("[a]\nx: 1\n\n  # c\n  ; c\n  2\n\n", "p.cfg").sections["a"].options["x"]
    assert (option.value, option.lines, option.where_of(3)) == ("1\n\n\n2", (2, 3, 4, 6), "p.cfg:6")


# The SAVE_CONFIG block

HEADER = "#*# <---------------------- SAVE_CONFIG ---------------------->\n"
NOTICE = "#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.\n#*#\n"
ABOVE = "[probe]\nz_offset: 1\npin: PA1\n[probe]\nz_offset: 2\n\n"


def test_the_block_wins_over_the_options_above_it() -> None:
    text = (
        ABOVE
        + HEADER
        + NOTICE
        + "#*# [probe]\n#*# z_offset = 3\n#*#\n#*# [mesh]\n#*# points =\n#*# \t  1, 2\n"
    )
    config = parse_config(text, "p.cfg")
    assert values(config) == {"probe": {"z_offset": "3", "pin": "PA1"}, "mesh": {"points": "\n1, 2"}}
    assert {name: list(section.options) for name, section in config.autosave.items()} == {
        "probe": ["z_offset"],
        "mesh": ["points"],
    }
    assert [(name, option.value, option.line) for name, option in config.shadowed] == [
        ("probe", "1", 2),
        ("probe", "2", 5),
    ]
    assert (config.block_line, config.sections["probe"].options["z_offset"].line) == (7, 11)


def test_a_file_without_block_says_so() -> None:
    config = parse_config(ABOVE, "p.cfg")
    assert (config.block_line, config.autosave, config.shadowed) == (0, {}, ())


def test_a_line_written_into_the_block_is_an_error() -> None:
    with pytest.raises(ConfigSyntax) as error:
        parse_config("[a]\n" + HEADER + "#*# [b]\n\nx: 1\n", "p.cfg")
    assert str(error.value) == (
        "p.cfg:5: 'x: 1' stands inside the SAVE_CONFIG block, whose lines begin with `#*# `; "
        "move it above line 2; the block goes on to the end of the file"
    )


def test_a_block_that_lost_its_header_is_an_error() -> None:
    with pytest.raises(ConfigSyntax, match="header line is missing") as error:
        parse_config("[a]\n#*# [b]\n#*# x = 1\n", "p.cfg")
    assert error.value.where == "p.cfg:2"


def test_a_wrong_line_of_the_block_is_reported_in_its_place() -> None:
    with pytest.raises(ConfigSyntax) as error:
        parse_config("[a]\n" + HEADER + "#*# [b]\n#*# x 1\n", "p.cfg")
    assert error.value.where == "p.cfg:4"


# Includes


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.cfg").write_text(text)
    return folder / "printer.cfg"


def test_an_include_is_read_in_its_place_and_later_options_win(tmp_path: Path) -> None:
    main = write(tmp_path, printer="[a]\nx: 1\ny: 1\n[include b.cfg]\n[a]\ny: 3\n", b="[a]\nx: 2\ny: 2\n")
    config = read_config(main)
    assert values(config) == {"a": {"x": "2", "y": "3"}}
    assert config.sections["a"].options["x"].where == f"{tmp_path / 'b.cfg'}:2"
    assert config.files == (str(main), str(tmp_path / "b.cfg"))
    assert [(include.pattern, include.line) for include in config.includes] == [("b.cfg", 4)]


def test_a_pattern_takes_its_files_by_name_and_may_match_none(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write(tmp_path / "parts", b="[a]\nx: b", a="[a]\nx: a\n[include ../common.cfg]")
    (tmp_path / "parts" / ".hidden.cfg").write_text("[a]\nx: hidden")
    write(tmp_path, common="[c]")
    main = write(tmp_path, printer="[include none/*.cfg]\n[include parts/*.cfg]\n")
    config = read_config(main)
    assert values(config) == {"a": {"x": "b"}, "c": {}}
    assert [Path(name).name for name in config.files] == ["printer.cfg", "a.cfg", "common.cfg", "b.cfg"]


def test_an_absolute_include_and_a_name_with_brackets_are_found(tmp_path: Path) -> None:
    other = tmp_path / "a[1].cfg"
    other.write_text("[b]")
    assert values(read_config(write(tmp_path, printer=f"[include {tmp_path}/a*.cfg]"))) == {"b": {}}


def test_a_missing_include_names_both_places(tmp_path: Path) -> None:
    main = write(tmp_path, printer="[a]\n[include sub/b.cfg]\n")
    with pytest.raises(IncludeError) as error:
        read_config(main)
    assert str(error.value) == (
        f"{main}:2: the included file 'sub/b.cfg' does not exist; it was looked for as {tmp_path / 'sub/b.cfg'}"
    )


def test_a_recursive_include_names_the_chain_also_through_a_link(tmp_path: Path) -> None:
    main = write(tmp_path, printer="[include b.cfg]", b="[b]\n[include again.cfg]")
    (tmp_path / "again.cfg").symlink_to(main)
    with pytest.raises(IncludeError) as error:
        read_config(main)
    b = tmp_path / "b.cfg"
    assert str(error.value) == (
        f"{b}:2: recursive include: {main} > {b} > {tmp_path / 'again.cfg'}; "
        "a file must not include itself; take out one of the includes"
    )


def test_the_same_file_may_be_included_twice_side_by_side(tmp_path: Path) -> None:
    main = write(tmp_path, printer="[include b.cfg]\n[include b.cfg]", b="[b]\nx: 1")
    assert values(read_config(main)) == {"b": {"x": "1"}}


def test_includes_that_double_each_time_end_in_an_error(tmp_path: Path) -> None:
    texts = {f"f{n}": f"[include f{n + 1}.cfg]\n[include f{n + 1}.cfg]\n" for n in range(12)}
    main = write(tmp_path, printer="[include f0.cfg]", f12="[a]", **texts)
    with pytest.raises(IncludeError, match="too many includes: at most 1000 files, 40 inside one another"):
        read_config(main)


def test_an_included_folder_or_binary_file_is_reported_where_it_is_included(tmp_path: Path) -> None:
    (tmp_path / "b.cfg").write_bytes(b"\0\1")
    with pytest.raises(IncludeError) as error:
        read_config(write(tmp_path, printer="\n[include b.cfg]"))
    assert error.value.where == f"{tmp_path / 'printer.cfg'}:2"
    assert error.value.what == f"the included file '{tmp_path / 'b.cfg'}' is a binary file, text was expected"


def test_an_option_below_an_include_is_an_error() -> None:
    with pytest.raises(ConfigSyntax) as error:
        parsed("[include b.cfg]\nx: 1")
    assert str(error.value) == (
        "p.cfg:2: 'x: 1' stands below [include b.cfg], which has no options; "
        "put the include above the section, or write the [section] again below it"
    )


def test_without_a_folder_includes_are_listed_and_not_followed() -> None:
    config = parse_config("[include b.cfg]\n[a]", "p.cfg")
    assert (list(config.sections), config.includes[0].where) == (["a"], "p.cfg:1")


# Files


def test_byte_order_mark_line_ends_and_latin_1_comments_are_read(tmp_path: Path) -> None:
    main = tmp_path / "printer.cfg"
    main.write_bytes(b"\xef\xbb\xbf[a]\r\nx: 1 # 60\xb0\r\ny:\r\n  2\r\n")
    assert values(read_config(main)) == {"a": {"x": "1", "y": "\n2"}}


def test_a_missing_main_file_is_a_file_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        read_config(tmp_path / "printer.cfg")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nx: 1",
            "p.cfg:2: 'x: 1' stands before the first [section]; begin the file with a section such as [mcu]",
        ),
        ("[a\nx: 1", "p.cfg:1: the section '[a' lacks its closing bracket; write [name]"),
        ("[ ]", "p.cfg:1: a section without a name; write [name]"),
        ("[a]\n: 1", "p.cfg:2: ': 1' has no option name; write `name: value`"),
        (
            "[a]\ngcode:\nG28",
            "p.cfg:3: 'G28' is neither a [section] nor an option; "
            "write `name: value`; the further lines of a long value begin with a space",
        ),
        (
            "[a]\n\t\x1b[2Jx",
            "p.cfg:2: '\\x1b[2Jx' is neither a [section] nor an option; "
            "write `name: value`; the further lines of a long value begin with a space",
        ),
    ],
)
def test_a_wrong_line_is_shown_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigSyntax) as error:
        parsed(text)
    assert str(error.value) == message


def test_a_wrong_line_is_cut() -> None:
    with pytest.raises(ConfigSyntax) as error:
        parsed("[a]\n" + "x" * 10_000_000)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("path", config_files(), ids=lambda path: path.name)
def test_each_config_of_the_corpus_reads_and_its_lines_hold_the_names(path: Path) -> None:
    config = read_config(path)
    lines = path.read_text().split("\n")
    assert config.sections or path.name == "example.cfg"  # which has nothing but comments
    for section in config.sections.values():
        assert f"[{section.name}]" in " ".join(lines[section.line - 1].split())
        for option in section.options.values():
            assert option.name in lines[option.line - 1].lower()
            shown = [lines[number - 1] for number in option.lines]
            assert all(text in line for text, line in zip(option.value.split("\n"), shown, strict=True))


# Laws

word = st.text(st.characters(categories=["L", "N"], include_characters="_."), min_size=1, max_size=8)
line = st.text(
    st.characters(categories=["L", "N", "P"], include_characters=" :=[]", exclude_characters="#;"),
    max_size=12,
)
body = st.lists(line.map(str.strip), min_size=1, max_size=5)


def as_value(lines: list[str]) -> str:
    return "\n".join([lines[0], "\n".join(lines[1:]).rstrip()]) if any(lines[1:]) else lines[0]


option_maps = st.dictionaries(word.map(str.lower), body.map(as_value), max_size=4)
config_maps = st.dictionaries(st.lists(word, min_size=1, max_size=2).map(" ".join), option_maps, max_size=5)


def rendered(sections: dict[str, dict[str, str]]) -> str:
    out = []
    for name, options in sections.items():
        out.append(f"[{name}]")
        out.extend(f"{key}: " + value.replace("\n", "\n  ") for key, value in options.items())
    return "\n".join(out)


@given(config_maps)
def test_what_is_rendered_reads_back_the_same(sections: dict[str, dict[str, str]]) -> None:
    sections = {name: options for name, options in sections.items() if not name.startswith("include ")}
    assert parsed(rendered(sections)) == sections


fragments = st.sampled_from(
    ["[", "]", "[a]", ":", "=", "#", "#*# ", ";", " ", "\t", "\n", "x", "[include ", "*", "\0", HEADER]
)


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(fragments | st.text(max_size=3), max_size=30).map("".join)))
def test_any_text_reads_or_fails_with_an_error_of_ours(text: str) -> None:
    try:
        config = parse_config(text, "p.cfg", folder=os.devnull)
    except KlipkitError as error:
        assert str(error).isprintable()
        return
    assert all(isinstance(section, Section) for section in config.sections.values())
