"""The command as a person meets it: help, exit statuses, pipes, interrupts, completion, start-up."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from klipkit.cli.main import TOOLS
from tests.bench.startup import few_ports, ratios
from tests.command import KLIPKIT, modules_of, shell
from tests.reference import TOP


@pytest.mark.parametrize("tool", [*sorted(TOOLS), ""])
def test_help_is_there_and_names_the_tool(tool: str) -> None:
    result = shell(f"klipkit {tool} --help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: klipkit {tool}".rstrip())
    assert (TOOLS[tool].summary if tool else "ports") in " ".join(result.stdout.split())
    assert result.stderr == ""


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_each_tool_shows_examples(tool: str) -> None:
    pages = shell(f"klipkit {tool} --help").stdout + (TOP / "man" / f"klipkit-{tool}.1").read_text()
    assert f"klipkit {tool}" in pages.split("EXAMPLES")[-1].replace("\\-", "-")
    assert "EXAMPLES" in pages


def test_the_version_is_that_of_the_package() -> None:
    from klipkit import __version__

    assert shell("klipkit --version").stdout == f"klipkit {__version__}\n"


@pytest.mark.parametrize(
    "line", ["klipkit prots", "klipkit ports --jsn", "klipkit explain --no-such", "klipkit pins xyz"]
)
def test_wrong_usage_is_one_line_and_status_2(line: str) -> None:
    result = shell(line)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "--help" in result.stderr and "[usage]" in result.stderr


def test_errors_are_json_where_json_is_asked_for() -> None:
    result = shell("klipkit explain --json no-such-thing-at-all")
    assert result.returncode == 1
    assert json.loads(result.stderr)["error"]["code"] == "not-found"


@pytest.mark.parametrize(
    "line", ["klipkit explain | head -1", "klipkit --help | head -1", "klipkit explain | true"]
)
def test_a_closed_pipe_is_no_error(line: str) -> None:
    for _ in range(5):
        result = shell(f"set -o pipefail; {line}")
        assert (result.returncode, result.stderr) == (0, "")


def test_a_closed_stdout_is_no_traceback() -> None:
    result = shell("klipkit explain >&-")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_full_disk_is_an_error_line_and_status_3() -> None:
    result = shell("klipkit explain >/dev/full")
    assert result.returncode == 3
    assert result.stderr == (
        "klipkit explain: error: the answer could not be written: No space left on device [device]\n"
    )


def test_an_interrupt_ends_quietly_with_130(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "dev").mkdir()
    process = subprocess.Popen(
        [str(KLIPKIT), "ports", "--wait", "--root", str(tmp_path), "-v"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()  # it says that it waits
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == "" and "Traceback" not in err


def test_an_internal_fault_is_one_line_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from klipkit.cli import explain, main

    def fail(*_: object) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(explain, "find", fail)
    monkeypatch.delenv("KLIPKIT_DEBUG", raising=False)
    assert main.run(["explain", "words"]) == 70
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "ZeroDivisionError: broken" in error and "KLIPKIT_DEBUG" in error
    monkeypatch.setenv("KLIPKIT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main.run(["explain", "words"])


HEAVY = {"rich", "cffi", "jinja2", "_cffi_backend", "serial", "numpy", "klipkit._core"}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["ports"], ["pins", "convert", "D23"], ["pins", "convert", "D23", "--board", "mega"]],
)
def test_piped_tools_import_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_of(arguments, few_ports())
    assert "klipkit.cli.main" in loaded
    assert loaded & HEAVY == set()


def test_help_imports_no_tool() -> None:
    loaded = modules_of(["--help"])
    assert not {f"klipkit.cli.{entry.module}" for entry in TOOLS.values()} & loaded


def test_start_up_stays_within_its_budget() -> None:
    budget = json.loads((TOP / "tests" / "budget.json").read_text())["startup"]
    measured = ratios()
    assert set(measured) == set(budget)
    assert {name: ratio for name, ratio in measured.items() if ratio > budget[name]} == {}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("klipkit po", "ports"),
        ("klipkit explain not-an", "not-an-adc-pin"),
        ("klipkit pins con", "convert"),
        ("klipkit pins convert --bo", "--board"),
        ("klipkit pins convert --board meg", "mega"),
        ("klipkit completion zs", "zsh"),
    ],
)
def test_bash_completes_tools_options_and_values(words: str, expected: str) -> None:
    parts = words.split()
    result = shell(
        'eval "$(klipkit completion bash)"; '
        f"COMP_WORDS=({words}); COMP_CWORD={len(parts) - 1}; "
        'complete() { :; }; _klipkit_completion klipkit; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert expected in result.stdout.split(), result


@pytest.mark.parametrize(
    ("shell_name", "mark"), [("zsh", "#compdef klipkit"), ("fish", "complete --no-files")]
)
def test_other_shells_have_their_scripts_and_answers(shell_name: str, mark: str) -> None:
    assert mark in shell(f"klipkit completion {shell_name}").stdout
    current = "1" if shell_name == "zsh" else "po"
    answer = shell(
        f"_KLIPKIT_COMPLETE={shell_name}_complete COMP_WORDS='klipkit po' COMP_CWORD={current} klipkit"
    )
    assert "ports" in answer.stdout


def test_the_launcher_works_from_any_folder_and_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "k").symlink_to(TOP / "bin" / "klipkit")
    result = shell(f"cd / && {tmp_path}/k --version")
    assert result.stdout.startswith("klipkit ") and result.returncode == 0
