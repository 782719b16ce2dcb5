"""M73 in a file: after which line how many percent of the time are over, and how many minutes are left."""

import re
from collections.abc import Iterator, Sequence

LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
TOLD = re.compile(rb"[ \t]*M73\b")
PERCENT, MINUTE = 100, 60


def with_progress(data: bytes, reached: Sequence[tuple[int, float]], seconds: float) -> bytes:
    """A copy of a file's bytes in which M73 P R stands where they change; other M73 lines are left out.

    `reached`: lines (from 1) and the time, s, at which they were done, ascending; `seconds`: of the whole print.
    """
    end = b"\r\n" if b"\r\n" in data[:4096] else b"\n"
    lines = LINE.findall(data)
    out: list[bytes] = []
    at = 0
    for line, text in _told([(0, 0.0), *reached, (len(lines), seconds)], seconds):
        out += (each for each in lines[at:line] if not TOLD.match(each))
        at = max(at, line)
        if out and not out[-1].endswith(b"\n"):
            out.append(end)
        out.append(text + end)
    out += (each for each in lines[at:] if not TOLD.match(each))
    return b"".join(out)


def _told(reached: Sequence[tuple[int, float]], seconds: float) -> Iterator[tuple[int, bytes]]:
    """After which lines, and what."""
    last: tuple[int, int] | None = None
    for line, time in reached:
        share = min(time / seconds, 1.0) if seconds else 1.0
        now = (int(PERCENT * share), round(max(0.0, seconds - time) / MINUTE))
        if now != last:
            last = now
            yield line, b"M73 P%d R%d" % now
