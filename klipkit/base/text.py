"""Untrusted text made safe to show, and words for near misses."""

from collections.abc import Iterable

_ESCAPED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def sanitise(text: str, limit: int = 400) -> str:
    """One line that is safe on a terminal: control and format characters become escapes, the rest stays.

    `limit` is the most characters returned; a longer text ends in "...". Covers C0, DEL, C1 (terminal escapes),
    lone surrogates (undecodable file names) and the bidirectional controls that can reorder a line.
    """
    out = "".join(_shown(char) for char in text[: limit + 1])
    return out if len(out) <= limit else out[: limit - 3] + "..."


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return _ESCAPED.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def nearest(word: str, choices: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of the choices that look like `word`, best first; compares without regard to case."""
    import difflib  # only needed once something went wrong

    by_lower = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(word.lower(), by_lower, n=count, cutoff=0.6)
    return [by_lower[name] for name in found]


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A hint such as "did you mean 'mega'?", or "" when nothing is near."""
    names = nearest(word, choices)
    return f"did you mean {' or '.join(repr(name) for name in names)}?" if names else ""


def clock_text(seconds: float) -> str:
    """A time as "1:02:03", or "2:03" under an hour."""
    whole = round(seconds)
    minutes, hours = whole // 60 % 60, whole // 3600
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
