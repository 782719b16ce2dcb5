"""`klipkit pins` as a person types it: pipes, bytes, bad input, what it loads, what it completes."""

import io
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klipkit.cli import main
from tests.command import HANG, KLIPKIT, modules_of, shell
from tests.reference import reference_path

CONFIGS = "generic-ramps.cfg", "generic-melzi.cfg", "generic-ruramps-v1.3.cfg", "generic-re-arm.cfg"
BOARDS = "ramps", "melzi", "due", "skr-1.3"


def filtered(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `klipkit pins convert ARGUMENTS...` on the bytes of a file."""
    command = [str(KLIPKIT), "pins", "convert", *arguments]
    return subprocess.run(command, input=data, capture_output=True, timeout=HANG, check=False)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("D23 --board mega", "PA1"),
        ("D21 --board mega", "PD0"),
        ("A14 --board mega", "PK6"),
        ("D23 --board sanguino", "PC7"),
        ("D13 --board due", "PB27"),
        ("PA1 --board mega --to arduino", "D23"),
        ("'^!D3' --board atmega2560", "^!PE5"),
    ],
)
def test_the_answer_is_the_pin_and_nothing_else(arguments: str, answer: str) -> None:
    result = shell(f"klipkit pins convert {arguments}")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{answer}\n", "")


def test_every_board_that_has_the_name_is_listed() -> None:
    result = shell("klipkit pins convert D23")
    assert result.returncode == 0
    rows = dict(line.split("\t") for line in result.stdout.splitlines())
    assert rows["mega"] == "PA1" and rows["sanguino"] == "PC7" and rows["due"] == "PA14"


def test_names_come_out_in_the_order_they_went_in() -> None:
    names = [f"ar{number}" for number in range(70)]
    forth = filtered("\n".join(names).encode(), "--board", "mega")
    back = filtered(forth.stdout, "--board", "mega", "--to", "arduino")
    again = filtered(back.stdout, "--board", "mega")
    assert len(forth.stdout.splitlines()) == 70
    assert again.stdout == forth.stdout
    assert {forth.returncode, back.returncode, again.returncode} == {0}


@pytest.mark.parametrize(("name", "board"), list(zip(CONFIGS, BOARDS, strict=True)))
def test_a_whole_config_goes_back_and_comes_forth_byte_for_byte(name: str, board: str) -> None:
    data = (reference_path("configs") / name).read_bytes()
    back = filtered(data, "--board", board, "--to", "arduino")
    assert back.stdout != data and back.returncode == 0
    forth = filtered(back.stdout, "--board", board)
    assert (forth.stdout, forth.stderr, forth.returncode) == (data, b"", 0)


def test_line_ends_strange_bytes_and_a_missing_last_newline_are_kept() -> None:
    data = b"\xef\xbb\xbf[fan]\r\npin: ar3 # \xe9\xff\r\n\r\n# \x1b[31m\r\rpins: ar4,\n\t!ar5"
    expected = data.replace(b"ar3", b"PE5").replace(b"!ar5", b"!PE3").replace(b"ar4", b"PG5")
    result = filtered(data, "--board", "mega")
    assert (result.stdout, result.returncode) == (expected, 0)


def test_a_line_of_ten_megabytes_passes() -> None:
    data = b"[a]\n# " + b"x" * 10_000_000 + b"\npin: ar3\n"
    result = filtered(data, "--board", "mega")
    assert result.returncode == 0
    assert result.stdout == data.replace(b"ar3", b"PE5")


@pytest.mark.parametrize(
    "line",
    [
        "klipkit pins convert D23 | head -1",
        "klipkit pins list | head -1",
        "klipkit pins list --board linux | true",
        "yes D23 | head -50000 | klipkit pins convert --board mega | head -1",
        "(echo '[a]'; yes 'pin: ar3' | head -50000) | klipkit pins convert --board mega | head -1",
    ],
)
def test_a_closed_pipe_is_no_error(line: str) -> None:
    result = shell(line + '; echo "${PIPESTATUS[*]}"')
    assert result.stderr == ""
    statuses = result.stdout.splitlines()[-1].split()
    assert set(statuses) <= {"0", "141"} and statuses[-2] == "0"  # 141: yes or head met the closed pipe


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("klipkit pins convert --board mega </dev/null", 2, "usage"),
        ("klipkit pins convert --board mega <&-", 2, "usage"),
        ("printf 'a\\0b' | klipkit pins convert --board mega", 2, "file"),
        ("klipkit pins convert $'\\x1b[31mD23'", 1, "unknown-pin"),
        ("klipkit pins convert D23 --board $'me\\x07ga'", 2, "unknown-board"),
        ("klipkit pins convert D24 --board sanguino", 1, "ambiguous-pin"),
        ("klipkit pins list --board nothing", 2, "unknown-board"),
        ("klipkit pins check /", 2, "file"),
        ("klipkit pins check /dev/null --mcu nothing", 2, "unknown-chip"),
        ("klipkit pins check $KLIPKIT_TEST_BINARY --mcu rp2040", 2, "file"),
    ],
)
def test_bad_input_is_one_clear_line(line: str, status: int, code: str) -> None:
    result = shell(line, {"KLIPKIT_TEST_BINARY": sys.executable})
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.strip().isprintable() and result.stderr.endswith(f"[{code}]\n")


def test_a_config_that_may_not_be_read_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied")):
        assert main.run(["pins", "check", "printer.cfg", "--mcu", "rp2040"]) == 2
    assert capsys.readouterr().err == (
        "klipkit pins check: error: printer.cfg: may not be read; check its owner and mode [file]\n"
    )


def test_a_stdin_that_fails_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    stdin = mock.Mock(isatty=lambda: False)
    stdin.buffer.readline.side_effect = OSError(5, "Input/output error")
    with mock.patch("sys.stdin", stdin):
        assert main.run(["pins", "convert", "--board", "mega"]) == 2
    assert capsys.readouterr().err == (
        "klipkit pins convert: error: stdin: cannot be read: Input/output error [file]\n"
    )


def test_a_terminal_as_stdin_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch("sys.stdin", mock.Mock(isatty=lambda: True)):
        assert main.run(["pins", "convert", "--board", "mega"]) == 2
    assert "no pin is named" in capsys.readouterr().err


def test_an_empty_config_is_clean() -> None:
    result = shell("klipkit pins check /dev/null --mcu rp2040")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("/dev/null: no problem")


def test_the_check_follows_includes_and_gives_each_place(tmp_path: Path) -> None:
    (tmp_path / "printer.cfg").write_text("[mcu]\n[mcu z]\n[include parts/*.cfg]\n[fan]\npin: z:PQ1\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.cfg").write_text("[heater_bed]\nsensor_pin: PA0\n")
    result = shell(f"cd {tmp_path} && klipkit pins check printer.cfg --mcu atmega2560 --mcu z=stm32f446")
    assert result.returncode == 1
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:2] for row in rows] == [
        ["printer.cfg:5", "unknown-pin"],
        ["parts/a.cfg:2", "not-an-adc-pin"],
    ]
    assert all(len(row) == 3 for row in rows)
    document = json.loads(
        shell(f"klipkit pins check --json {tmp_path}/printer.cfg --mcu atmega2560 --mcu z=rp2040").stdout
    )
    assert [problem["code"] for problem in document["problems"]] == ["unknown-pin", "not-an-adc-pin"]


FLOOR = {
    f"klipkit.boards.{name}" for name in ("chips", "families", "pinuse", "pincheck", "pinlist", "pinfilter")
}
UNWANTED = FLOOR | {
    "rich",
    "cffi",
    "jinja2",
    "serial",
    "difflib",
    "json",
    "klipkit._core",
    "klipkit.base.config",
}


@pytest.mark.parametrize("arguments", [["D23"], ["D23", "--board", "mega"], ["PA1", "--to", "arduino"]])
def test_a_conversion_loads_the_pin_tables_and_little_else(arguments: list[str]) -> None:
    loaded = modules_of(["pins", "convert", *arguments])
    assert "klipkit.boards.tables" in loaded
    assert loaded & UNWANTED == set()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("klipkit pins convert --board san", "sanguino"),
        ("klipkit pins convert --board ram", "ramps"),
        ("klipkit pins convert --to ard", "arduino"),
        ("klipkit pins list --board octo", "octopus"),
        ("klipkit pins check x --mcu stm32f4", "stm32f446"),
        ("klipkit pins check x --mcu zboard=rp", "zboard=rp2040"),
    ],
)
def test_boards_and_chips_are_completed(words: str, expected: str) -> None:
    environment = {
        "_KLIPKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    answers = shell("klipkit", environment).stdout
    assert f"plain,{expected}" in answers.splitlines()


def played(arguments: list[str], data: bytes) -> tuple[int, str, str]:
    """Run the tool in this process with `data` on stdin; gives status, stdout, stderr."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape", newline="")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape", newline="")
    with (
        mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(data))),
        mock.patch("sys.stdout", out),
        mock.patch("sys.stderr", err),
    ):
        status = main.run(arguments)
        texts = []
        for stream in (out, err):
            stream.flush()
            stream.seek(0)
            texts.append(stream.read())
    return status, texts[0], texts[1]


NAMES = st.one_of(
    st.from_regex(r"[\^!~]?(ar|D|A|ml|analog|)[0-9]{1,3}", fullmatch=True),
    st.text(st.characters(exclude_characters="\0"), max_size=20).filter(
        lambda text: not text.startswith("-")
    ),
)
ROUTES = st.sampled_from([[], ["--board", "mega"], ["--board", "sanguino"], ["--to", "marlin"], ["--json"]])


@settings(deadline=None, max_examples=150)
@given(st.lists(NAMES, min_size=1, max_size=4), ROUTES)
def test_any_names_give_rows_or_clean_error_lines(names: list[str], route: list[str]) -> None:
    status, out, err = played(["pins", "convert", *route, *names], b"")
    assert status in (0, 1)
    assert (status == 1) == bool(err)
    for line in (out + err).splitlines():
        assert line.replace("\t", "").isprintable()


@settings(deadline=None, max_examples=150)
@given(
    st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace"))),
    ROUTES,
)
def test_any_bytes_on_stdin_give_an_answer_or_one_clear_line(data: bytes, route: list[str]) -> None:
    status, _, err = played(["pins", "convert", *route], data)
    assert status in (0, 1, 2)
    assert status or not err
    for line in err.splitlines():
        assert line.isprintable()


@settings(deadline=None, max_examples=100)
@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=120).map(lambda text: f"[fan]\npin: {text}".encode()))
)
def test_any_file_to_check_gives_problems_or_one_clear_line(data: bytes) -> None:
    with mock.patch.object(Path, "open", return_value=io.BytesIO(data)):
        status, out, err = played(["pins", "check", "printer.cfg", "--mcu", "rp2040"], b"")
    assert status in (0, 1, 2)
    assert err.count("\n") == (status != 1)
    for line in (out + err).splitlines():
        assert line.replace("\t", "").isprintable()
