"""Changes options of a configuration in its own text: what SAVE_CONFIG writes, without touching anything else.

    option in the SAVE_CONFIG block     its lines in the block        #*# pid_kp = 22.2   -->   #*# pid_kp = 24.1
    option that stands in a file        its lines in that file        pid_Kp: 22.2  # mine -->  pid_Kp: 24.1  # mine
    option that stands nowhere          new lines in the block        (the block comes at the end of the main file)

Comments, order, indentation and line ends stay as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from klipkit.base.config import BLOCK_MARK, Config, Option, read_config, without_comment
from klipkit.base.errors import ConfigError
from klipkit.base.files import decode
from klipkit.base.text import sanitise

HEADER = (
    f"{BLOCK_MARK} <---------------------- SAVE_CONFIG ---------------------->",
    f"{BLOCK_MARK} DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.",
    BLOCK_MARK,
)
FURTHER = "  "  # the indentation of the further lines of a value, where there were none
_MARKED = f"{BLOCK_MARK} "
BOM = "\ufeff"

Changes = Mapping[str, Mapping[str, str]]  # section -> option -> value


@dataclass(slots=True)
class _Text:
    """A file while it is edited; `lines` that are taken out become None, so that numbers stay right."""

    lines: list[str | None]
    end: str
    start: str

    def text(self) -> str:
        return self.start + self.end.join(line for line in self.lines if line is not None)


def edited(path: str, changes: Changes) -> dict[str, str]:
    """The new text of each file that has to change so that `path` has those values.

    The files are read now: what a person has changed meanwhile stays. Raises what read_config raises, and ConfigError
    when a value cannot be written in the dialect.
    """
    config = read_config(path)
    texts: dict[str, _Text] = {}
    fresh: dict[str, list[str]] = {}
    for section, options in changes.items():
        for name, value in options.items():
            _refuse(section, name, value)
            place = _place(config, section, name.lower())
            if place is None:
                fresh.setdefault(section, []).extend(_lines(f"{name} = ", value.split("\n"), FURTHER))
            elif place.value != value:
                file = texts.setdefault(place.file, _read(place.file))
                _replace(file, place, value.split("\n"), is_block=_in_block(config, section, place))
    if fresh:
        _append(texts.setdefault(path, _read(path)), config, fresh)
    return _checked(config, changes, {name: text.text() for name, text in texts.items()})


def _refuse(section: str, name: str, value: str) -> None:
    lines = value.split("\n")
    if any(without_comment(line)[0] != line or line.strip() != line for line in lines):
        what = (
            f"[{section}] {name}: {sanitise(value, 60)!r} cannot be written: it has a comment sign or blanks"
        )
        raise ConfigError(what)


def _place(config: Config, section: str, name: str) -> Option | None:
    """Where the value stands that counts."""
    found = config.sections.get(section)
    return found.options.get(name) if found is not None else None


def _in_block(config: Config, section: str, option: Option) -> bool:
    block = config.autosave.get(section)
    return block is not None and block.options.get(option.name) is option


def _read(name: str) -> _Text:
    data = Path(name).read_bytes()
    text = decode(data, sanitise(name))
    return _Text(
        list(text.split("\n")),
        "\r\n" if b"\r\n" in data else "\n",
        BOM if data.startswith(BOM.encode()) else "",
    )


def _lines(opening: str, values: list[str], further: str) -> list[str]:
    first, *rest = values
    return [(opening + first).rstrip(), *(further + line if line else "" for line in rest)]


def _replace(file: _Text, option: Option, values: list[str], *, is_block: bool) -> None:
    """Put the new lines in the place of the old ones; remarks on lines of their own in between come to stand below."""
    numbers = [number - 1 for number in option.lines]
    first, *others = [_bare(file.lines[number] or "", is_block=is_block) for number in numbers]
    written = without_comment(first)[0]
    remark = first[len(written.rstrip()) :] if first != written else ""
    further = next((_indent(line) for line in others if line.strip() and not _is_remark(line)), FURTHER)
    new, *rest = _lines(_opening(written), values, further)
    lines = [new + remark, *rest]
    for number, line in zip(numbers[1:], others, strict=True):
        if not _is_remark(line):
            file.lines[number] = None
    file.lines[numbers[0]] = file.end.join(_marked(line) if is_block else line for line in lines)


def _is_remark(line: str) -> bool:
    return line.strip().startswith("#")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _opening(written: str) -> str:
    """An option's line up to its value."""
    start = min(end for end in (written.find(":"), written.find("=")) if end >= 0) + 1
    rest = written[start:]
    return written[: start + len(rest) - len(rest.lstrip())] if rest.strip() else written[:start] + " "


def _marked(line: str) -> str:
    return _MARKED + line if line else BLOCK_MARK


def _bare(line: str, *, is_block: bool) -> str:
    return line.removeprefix(_MARKED).removeprefix(BLOCK_MARK) if is_block else line


def _append(file: _Text, config: Config, fresh: Mapping[str, list[str]]) -> None:
    """New options below those of their section in the block, new sections at its end."""
    added: list[str] = []
    for section, lines in fresh.items():
        marked = [_marked(line) for line in lines]
        known = config.autosave.get(section)
        below = (
            max((option.lines[-1] for option in known.options.values()), default=known.line) if known else 0
        )
        if below:
            file.lines[below - 1] = file.end.join([file.lines[below - 1] or "", *marked])
        else:
            added += [BLOCK_MARK] if added else []
            added += [f"{_MARKED}[{section}]", *marked]
    if not added:
        return
    while file.lines and not (file.lines[-1] or "").strip():
        file.lines.pop()
    if config.block_line == 0:
        file.lines += ["", *HEADER]
    elif file.lines[-1] != BLOCK_MARK:
        file.lines.append(BLOCK_MARK)
    file.lines += [*added, ""]


def _checked(config: Config, changes: Changes, texts: dict[str, str]) -> dict[str, str]:
    """The texts, when they are read as they are meant. An error here is a fault of the program, and nothing is lost."""
    again = read_config(config.files[0], instead=texts)
    wanted = {name: dict(_values(config, name)) for name in config.sections}
    for section, options in changes.items():
        wanted.setdefault(section, {}).update({name.lower(): value for name, value in options.items()})
    if wanted != {name: dict(_values(again, name)) for name in again.sections}:
        raise ConfigError(
            "the new configuration would not be read as it is meant: nothing was written",
            where=sanitise(config.files[0]),
            hint="write the values by hand; `klipkit status configfile` has them",
        )
    return texts


def _values(config: Config, section: str) -> Iterator[tuple[str, str]]:
    for name, option in config.sections[section].options.items():
        yield name, option.value
