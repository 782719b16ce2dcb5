"""What a silent or strange device is taken for, from its first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klipkit.link.stranger import account
from tests.unit.link_toy import frame

ASKED = b"\x01\x00\x28"  # identify offset=0 count=40


@pytest.mark.parametrize(
    ("heard", "frames", "what", "hint"),
    [
        (b"", 0, "not one byte came back", "is it powered"),
        (
            b"start\r\necho:Marlin 2.1.2\r\n",
            0,
            "26 bytes came, and they are text, such as 'start'",
            "this board runs Marlin, not klipkit",
        ),
        (b"\x00echo:Unknown command\nok\n", 0, "such as 'echo:Unknown command'", "runs Marlin"),
        (b"\r\nGrbl 1.1h ['$' for help]\r\n", 0, "'Grbl 1.1h", "runs Grbl"),
        (b"printer login: ", 0, "'printer login:'", "runs Linux"),
        (b"hello \x1b[31mworld\n" * 4, 0, "'hello \\x1b[31mworld'", "another program's firmware"),
        (b"\x80\xf8\x00\xff\x78\x80\x86" * 9, 0, "63 bytes came, but not one frame", "another speed (--baud"),
        (b"\x1b\x01\x00\x02\x0e\x11\x00\x06", 0, "boot loader's", "waits for a firmware"),
        (b"\x01\x88\xa0\x00\x12\x34\x99\x03", 0, "boot loader's", "waits for a firmware"),
        (frame(1, ASKED), 1, "8 bytes came, and they are our own", "RX and TX are joined"),
        (frame(1, b"") * 3, 3, "15 bytes came with 3 frames, none of them the answer", "reset the board"),
    ],
)
def test_the_first_bytes_tell_what_it_is(heard: bytes, frames: int, what: str, hint: str) -> None:
    told = account(heard, len(heard), frames, ASKED)
    assert what in told.what
    assert hint in told.hint


@given(st.binary(max_size=1024), st.integers(0, 3))
def test_any_bytes_give_words_that_are_safe_to_show(heard: bytes, frames: int) -> None:
    told = account(heard, len(heard), frames, ASKED)
    assert told.what.isprintable()
    assert told.hint.isprintable()
    assert 10 < len(told.what) < 200
