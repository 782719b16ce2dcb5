"""Why a build failed is told from its log: the first error, the package that is missing, that it does not fit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.base.buildfaults import BuildFailed, DoesNotFit, ToolMissing
from klipkit.toolchain.programs import failure, first_error

COMPILER = """avr-gcc -c -o x.o core/sched.c
core/sched.c: In function 'sched_add':
core/sched.c:12:5: warning: unused variable 'a' [-Wunused-variable]
core/sched.c:14:9: error: 'b' undeclared (first use in this function)
core/sched.c:15:9: error: 'c' undeclared (first use in this function)
make: *** [Makefile:60: x.o] Error 1
"""
LINKER = """/usr/lib/avr/bin/ld: klipkit.elf section `.text' will not fit in region `text'
/usr/lib/avr/bin/ld: region `text' overflowed by 11250 bytes
collect2: error: ld returned 1 exit status
make: *** [ports/avr/rules.mk:8: klipkit.elf] Error 1
"""
SCRIPT = """python3 dictionary.py --output build core/sched.i
core: identify is declared twice
make: *** [Makefile:44: build/declared.stamp] Error 1
"""
NO_LIBRARY = "core/x.c:3:10: fatal error: avr/io.h: No such file or directory\ncompilation terminated.\n"


@pytest.mark.parametrize(
    ("log", "first"),
    [
        (COMPILER, "core/sched.c:14:9: error: 'b' undeclared (first use in this function)"),
        (LINKER, "/usr/lib/avr/bin/ld: klipkit.elf section `.text' will not fit in region `text'"),
        (SCRIPT, "core: identify is declared twice"),
        ("make: *** No rule to make target 'x'.  Stop.\n", "make: *** No rule to make target 'x'.  Stop."),
        ("", "make said nothing"),
    ],
)
def test_the_first_line_that_says_what_is_wrong_is_found(log: str, first: str) -> None:
    assert first_error(log) == first


@given(st.text(max_size=400))
def test_whatever_is_logged_is_told_in_one_safe_line(log: str) -> None:
    assert first_error(log).isprintable()


@pytest.mark.parametrize(
    ("log", "kind", "words"),
    [
        (COMPILER, BuildFailed, "error: 'b' undeclared"),
        (LINKER, DoesNotFit, "will not fit"),
        (NO_LIBRARY, ToolMissing, "apt install avr-libc"),
    ],
)
def test_a_failure_has_its_kind_and_names_log_or_package(
    tmp_path: Path, log: str, kind: type[Exception], words: str
) -> None:
    path = tmp_path / "log"
    path.write_text(log)
    error = failure(path)
    assert type(error) is kind
    assert words in str(error)
    assert str(path) in str(error) or kind is ToolMissing
