"""The manual pages are what the code says, and are sound."""

import subprocess
from pathlib import Path

import pytest

from klipkit.cli.reference import pages, write
from tests.reference import TOP

MAN = TOP / "man"
PAGES = pages()


def test_no_page_has_drifted_from_the_code() -> None:
    standing = {path.name: path.read_text() for path in MAN.glob("klipkit*.[157]")}
    assert sorted(standing) == sorted(PAGES), "run `make man`"
    assert [name for name in PAGES if standing[name] != PAGES[name]] == [], "run `make man`"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_each_page_formats_without_a_warning(name: str) -> None:
    result = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8"],
        input=PAGES[name],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_pages_of_tools_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "man").mkdir()
    stale, other = tmp_path / "man" / "klipkit-gone.1", tmp_path / "man" / "notes.txt"
    stale.write_text("")
    other.write_text("")
    written = write(tmp_path)
    assert not stale.exists() and other.exists()
    assert {path.name for path in written} == set(PAGES)


def test_every_option_of_every_tool_is_on_a_page() -> None:
    text = "".join(PAGES.values()).replace("\\-", "-")
    assert all(option in text for option in ("--json", "--board", "--timeout", "--root", "--numbering"))
