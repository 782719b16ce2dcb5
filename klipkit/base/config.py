"""The reader of printer.cfg: text to sections and options that know their file and line, nothing interpreted.

The dialect, line by line:

    [section name]              spaces inside the name count as one; a repeated section goes on with the first one
    name: value                 or name = value; the first of : and = parts them; names are lower case
      further line              deeper indented than its option: one more line of the value
    # comment                   from # to the end of any line; ; at the start of a line or after white space
    [include folder/*.cfg]      read in this place, relative to the file it stands in, sorted by name
    #*# <--- SAVE_CONFIG --->   to the end of the main file: options that win over the same ones above
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from klipkit.base.errors import ConfigSyntax, FileError, IncludeError
from klipkit.base.files import normalised, read_text
from klipkit.base.text import sanitise

BLOCK_MARK = "#*#"
INCLUDE_FILES = 1000  # files read for one config: an include of an include that doubles each time ends here
INCLUDE_DEPTH = 40  # files inside one another
SHOWN = 60  # characters of a wrong line in an error

_SEMICOLON = re.compile(r"(?:^|\s);")


def _place(file: str, line: int) -> str:
    return f"{sanitise(file)}:{line}"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its lines joined by newlines, without comments and indentation, and where it stands."""

    name: str  # lower case
    value: str
    file: str
    line: int  # counted from 1
    lines: tuple[int, ...]  # the line number of each line of `value`

    @property
    def where(self) -> str:
        """The place as "file:line", safe to show."""
        return _place(self.file, self.line)

    def where_of(self, index: int) -> str:
        """The place of line `index` (from 0) of the value."""
        return _place(self.file, self.lines[index])


@dataclass(slots=True)
class Section:
    """One section, repeated ones merged; file and line are those of the first.

    `repeated`: options that one file sets twice, the value that does not count and the one that does.
    """

    name: str  # as written, white space normalised to single spaces
    file: str
    line: int
    options: dict[str, Option] = field(default_factory=dict)
    repeated: list[tuple[Option, Option]] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The place as "file:line", safe to show."""
        return _place(self.file, self.line)


@dataclass(frozen=True, slots=True)
class Include:
    """One [include ...] line."""

    pattern: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """The place as "file:line", safe to show."""
        return _place(self.file, self.line)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration.

    `autosave` has the sections of the SAVE_CONFIG block alone (their options are in `sections` too), `block_line` the
    line of its header (0: the main file has none), `shadowed` each (section name, option) that the block overrides.
    """

    sections: dict[str, Section]  # in the order of their first lines
    files: tuple[str, ...]  # the main file first, then the included ones as they were read
    includes: tuple[Include, ...] = ()
    autosave: dict[str, Section] = field(default_factory=dict)
    block_line: int = 0
    shadowed: tuple[tuple[str, Option], ...] = ()


def read_config(path: str | Path, *, instead: Mapping[str, str] | None = None) -> Config:
    """The configuration in the file `path`, with what it includes.

    `instead`: texts of files by name that count in the place of what the files hold. Raises FileError (the main file
    cannot be read), ConfigSyntax, IncludeError.
    """
    name, instead = str(path), instead or {}
    text = normalised(instead[name]) if name in instead else read_text(path)
    return _Reader(follow=True, instead=instead).config(text, name)


def parse_config(text: str, name: str, *, folder: str | Path | None = None) -> Config:
    """The configuration in `text`, called `name` in errors; includes are followed only when `folder` is given.

    Raises ConfigSyntax, IncludeError.
    """
    return _Reader(follow=folder is not None, folder="" if folder is None else str(folder)).config(text, name)


@dataclass(frozen=True, slots=True)
class _Header:
    """A [section] line."""

    name: str
    file: str
    line: int


_Item = _Header | Option


class _Value:
    """An option while its further lines are read."""

    def __init__(self, name: str, first: str, indent: int, line: int) -> None:
        self.name, self.indent = name, indent
        self.texts, self.lines = [first], [line]

    def add(self, text: str, line: int) -> None:
        self.texts.append(text)
        self.lines.append(line)

    def option(self, file: str) -> Option:
        while len(self.texts) > 1 and not self.texts[-1]:
            del self.texts[-1], self.lines[-1]
        return Option(self.name, "\n".join(self.texts), file, self.lines[0], tuple(self.lines))


def _scan(numbered: Iterable[tuple[int, str]], file: str) -> Iterator[_Item]:
    """Headers and options of one text, in order."""
    section: str | None = None
    value: _Value | None = None
    for number, raw in numbered:
        line, is_remark = without_comment(raw)
        text = line.strip()
        if not text:
            # An empty line belongs to a value that goes on below it; a ; comment leaves no line behind.
            if value is not None and not is_remark:
                value.add("", number)
            continue
        indent = len(line) - len(line.lstrip())
        if value is not None and indent > value.indent:
            value.add(text, number)
            continue
        if value is not None:
            yield value.option(file)
            value = None
        if text[0] == "[":
            section = _section_name(text, file, number)
            yield _Header(section, file, number)
        else:
            value = _option_line(text, indent, section, file, number)
    if value is not None:
        yield value.option(file)


def without_comment(line: str) -> tuple[str, bool]:
    """The line without its comment (white space before it stays), and whether a ; comment was taken off."""
    sharp = line.find("#")
    if sharp >= 0:
        line = line[:sharp]
    found = _SEMICOLON.search(line)
    return (line, False) if found is None else (line[: found.end() - 1], True)


def _quote(text: str) -> str:
    return f"'{sanitise(text, SHOWN)}'"


def _section_name(text: str, file: str, number: int) -> str:
    where = _place(file, number)
    end = text.find("]")
    if end < 0:
        raise ConfigSyntax(
            f"the section {_quote(text)} lacks its closing bracket", where=where, hint="write [name]"
        )
    name = " ".join(text[1:end].split())
    if not name:
        raise ConfigSyntax("a section without a name", where=where, hint="write [name]")
    rest = text[end + 1 :]
    if ":" in rest or "=" in rest:
        raise ConfigSyntax(
            f"{_quote(rest.strip())} stands behind [{sanitise(name, SHOWN)}]",
            where=where,
            hint="write the option on a line of its own",
        )
    return name


def _option_line(text: str, indent: int, section: str | None, file: str, number: int) -> _Value:
    where = _place(file, number)
    if section is None:
        raise ConfigSyntax(
            f"{_quote(text)} stands before the first [section]",
            where=where,
            hint="begin the file with a section such as [mcu]",
        )
    if _is_include(section):
        raise ConfigSyntax(
            f"{_quote(text)} stands below [{sanitise(section, SHOWN)}], which has no options",
            where=where,
            hint="put the include above the section, or write the [section] again below it",
        )
    ends = [end for end in (text.find(":"), text.find("=")) if end >= 0]
    if not ends:
        raise ConfigSyntax(
            f"{_quote(text)} is neither a [section] nor an option",
            where=where,
            hint="write `name: value`; the further lines of a long value begin with a space",
        )
    name = text[: min(ends)].strip().lower()
    if not name:
        raise ConfigSyntax(f"{_quote(text)} has no option name", where=where, hint="write `name: value`")
    return _Value(name, text[min(ends) + 1 :].strip(), indent, number)


def _is_include(section: str) -> bool:
    return section.startswith("include ")


def _split_block(lines: list[str], file: str) -> int:
    """The index of the SAVE_CONFIG block's header in `lines`, or their count when there is none."""
    for index, line in enumerate(lines):
        if line.startswith(BLOCK_MARK) and "SAVE_CONFIG" in line and "<-" in line:
            return index
    for index, line in enumerate(lines):
        if line.startswith(f"{BLOCK_MARK} ["):
            raise ConfigSyntax(
                f"{_quote(line)} belongs to a SAVE_CONFIG block whose header line is missing",
                where=_place(file, index + 1),
                hint="put back the line `#*# <---------------------- SAVE_CONFIG ---------------------->` above the "
                "block, or move its options into the sections above",
            )
    return len(lines)


def _block_lines(lines: list[str], start: int, file: str) -> Iterator[tuple[int, str]]:
    """The lines of the block below its header, without their marks."""
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if line.startswith(f"{BLOCK_MARK} "):
            yield index + 1, "" if "DO NOT EDIT THIS BLOCK" in line else line[len(BLOCK_MARK) + 1 :]
        elif line.strip() not in (BLOCK_MARK, ""):
            raise ConfigSyntax(
                f"{_quote(line)} stands inside the SAVE_CONFIG block, whose lines begin with `#*# `",
                where=_place(file, index + 1),
                hint=f"move it above line {start + 1}; the block goes on to the end of the file",
            )
        else:
            yield index + 1, ""


class _Reader:
    """Reads one configuration: the main text, what it includes, then the block."""

    def __init__(self, *, follow: bool, folder: str = "", instead: Mapping[str, str] | None = None) -> None:
        self.follow = follow
        self.folder = folder
        self.instead = instead or {}
        self.files: list[str] = []
        self.includes: list[Include] = []
        self.items: list[_Item] = []
        self.chain: list[
            tuple[str, str]
        ] = []  # (real path, shown name) of the files being read, the main file first

    def config(self, text: str, name: str) -> Config:
        lines = text.split("\n")
        start = _split_block(lines, name)
        self._read(lines[:start], name)
        block = list(_scan(_block_lines(lines, start, name), name))
        autosave = _merged(block)
        shadowed = _shadowed(self.items, autosave)
        return Config(
            sections=_merged([*self.items, *block]),
            files=tuple(self.files),
            includes=tuple(self.includes),
            autosave=autosave,
            block_line=start + 1 if start < len(lines) else 0,
            shadowed=tuple(shadowed),
        )

    def _read(self, lines: list[str], name: str) -> None:
        self.files.append(name)
        self.chain.append((os.path.realpath(self._inside(name)) if "\0" not in name else name, name))
        for item in _scan(enumerate(lines, 1), name):
            if isinstance(item, _Header) and _is_include(item.name):
                self._include(Include(item.name.removeprefix("include "), item.file, item.line))
            else:
                self.items.append(item)
        self.chain.pop()

    def _inside(self, name: str) -> str:
        return str(Path(self.folder, name))

    def _include(self, include: Include) -> None:
        self.includes.append(include)
        if self.follow:
            for name in _matches(include, self.folder):
                self._check(name, include)
                self._read(self._text(name, include).split("\n"), name)

    def _check(self, name: str, include: Include) -> None:
        real = os.path.realpath(self._inside(name))
        if real in (path for path, _ in self.chain):
            names = " > ".join(sanitise(shown) for _, shown in self.chain)
            raise IncludeError(
                f"recursive include: {names} > {sanitise(name)}",
                where=include.where,
                hint="a file must not include itself; take out one of the includes",
            )
        if len(self.chain) >= INCLUDE_DEPTH or len(self.files) >= INCLUDE_FILES:
            raise IncludeError(
                f"too many includes: at most {INCLUDE_FILES} files, {INCLUDE_DEPTH} inside one another",
                where=include.where,
                hint="include the files from the main file",
            )

    def _text(self, name: str, include: Include) -> str:
        if name in self.instead:
            return normalised(self.instead[name])
        try:
            return read_text(self._inside(name))
        except FileError as error:
            raise IncludeError(
                f"the included file '{sanitise(name)}' {error.what}", where=include.where, hint=error.hint
            ) from error


def _matches(include: Include, folder: str) -> list[str]:
    """The files an include names, as paths relative to `folder`."""
    beside = str(Path(include.file).parent)
    plain = str(Path(beside, include.pattern))
    if _is_there(Path(folder, plain)):
        return [plain]
    if glob.has_magic(include.pattern):
        # Path.glob takes no absolute pattern, and its * finds hidden files
        found = glob.glob(include.pattern, root_dir=str(Path(folder, beside)))  # noqa: PTH207
        return sorted(str(Path(beside, name)) for name in found)
    raise IncludeError(
        f"the included file '{sanitise(include.pattern)}' does not exist",
        where=include.where,
        hint=f"it was looked for as {sanitise(str(Path(folder, plain)))}",
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _merged(items: Iterable[_Item]) -> dict[str, Section]:
    """The items as sections: repeated ones go on with the first, later options win."""
    sections: dict[str, Section] = {}
    current: Section | None = None
    for item in items:
        if isinstance(item, _Header):
            current = sections.setdefault(item.name, Section(item.name, item.file, item.line))
        elif current is not None:
            earlier = current.options.get(item.name)
            if earlier is not None and earlier.file == item.file:
                current.repeated.append((earlier, item))
            current.options[item.name] = item
    return sections


def _shadowed(items: Iterable[_Item], block: dict[str, Section]) -> Iterator[tuple[str, Option]]:
    """Each option among the items that the block sets too, with its section's name."""
    name = ""
    for item in items:
        if isinstance(item, _Header):
            name = item.name
        elif name in block and item.name in block[name].options:
            yield name, item
