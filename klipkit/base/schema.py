"""The schema: the table of declared sections, which reads, checks and types a whole configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from klipkit.base.config import Config, Option, Section
from klipkit.base.declare import Declared, When, specs
from klipkit.base.errors import ConfigError, DataError, MissingSection, RemovedOption, UnknownSection
from klipkit.base.pin import Pin
from klipkit.base.reading import NAME_SHOWN, SectionReader, shown
from klipkit.base.text import did_you_mean, sanitise

C = TypeVar("C", bound=Declared)

NUMBER = "N"
PLACEHOLDERS = ("NAME", "SECTION")
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class PinPlace:
    """A pin that an option names."""

    pin: Pin
    section: str
    option: str
    where: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration in its typed form."""

    config: Config
    sections: dict[str, Declared]  # those without problems, in the order of the file
    settings: dict[str, dict[str, object]]  # section -> option -> plain value, defaults included
    pins: tuple[PinPlace, ...]
    notices: tuple[str, ...]  # deprecated names that still work
    problems: tuple[ConfigError, ...]  # in the order of the files and lines

    def all(self, kind: type[C]) -> list[C]:
        """The sections of that declaration."""
        return [section for section in self.sections.values() if isinstance(section, kind)]

    def one(self, kind: type[C]) -> C | None:
        """The first section of that declaration, if there is one."""
        return next(iter(self.all(kind)), None)

    def named(self, name: str, kind: type[C]) -> C:
        """The section of that name. Raises MissingSection when there is none of that declaration."""
        found = self.sections.get(name)
        if not isinstance(found, kind):
            raise MissingSection(f"there is no section [{shown(name)}]", where=sanitise(self.config.files[0]))
        return found


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One name of a declaration, such as "tmc2209 SECTION"."""

    text: str
    made: type[Declared]

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def is_named(self) -> bool:
        return self.words[-1] in PLACEHOLDERS

    @property
    def is_numbered(self) -> bool:
        return not self.is_named and self.text.endswith(NUMBER)

    @property
    def stem(self) -> str:
        return self.words[0] if self.is_named else self.text.removesuffix(NUMBER)

    def fits(self, name: str) -> bool:
        if self.is_named:
            return name.startswith(f"{self.stem} ") and len(name.split()) >= len(self.words)
        if self.is_numbered:
            number = name.removeprefix(self.stem)
            return name.startswith(self.stem) and number.isdecimal() and number.isascii() and number[0] != "0"
        return name == self.text


@dataclass
class Schema:
    """Declared sections by their names, and removed sections with what to write instead."""

    sections: Sequence[type[Declared]]
    removed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_stem: dict[str, list[_Pattern]] = {}
        for made in self.sections:
            for name in made.declaration.names:
                self._add(_Pattern(name, made))

    def _add(self, pattern: _Pattern) -> None:
        if "SECTION" in pattern.words and not pattern.made.declaration.refers:
            raise DataError(f"[{pattern.text}] does not say which role SECTION has (refers=...)")
        same = self._by_stem.setdefault(pattern.stem, [])
        for other in same:
            if other.text == pattern.text and _may_clash(other.made, pattern.made):
                raise DataError(f"the section [{pattern.text}] is declared twice")
        same.append(pattern)

    def check(self, config: Config) -> list[ConfigError]:
        """All problems of the configuration, in the order of its files and lines."""
        return list(self.examine(config).problems)

    def load(self, config: Config) -> Loaded:
        """The typed configuration. Raises its first problem."""
        loaded = self.examine(config)
        if loaded.problems:
            raise loaded.problems[0]
        return loaded

    def examine(self, config: Config) -> Loaded:
        """The typed sections that can be had, and all problems."""
        return _Examination(self, config).run()

    def declared(self, name: str) -> list[type[Declared]]:
        """The declarations for a section's name, whatever their conditions."""
        stems = {name, name.partition(" ")[0], name.rstrip(_DIGITS)}
        patterns = (pattern for stem in stems for pattern in self._by_stem.get(stem, ()))
        return [pattern.made for pattern in patterns if pattern.fits(name)]

    def patterns(self) -> Iterator[tuple[str, type[Declared]]]:
        """Each name as declared ("stepper_zN", "tmc2209 SECTION"), in the order of the table."""
        for made in self.sections:
            for name in made.declaration.names:
                yield name, made

    def hint(self, name: str) -> str:
        """What may have been meant by the name of an unknown section."""
        word, _, rest = name.partition(" ")
        same = self._by_stem.get(word, [])
        if named := next((pattern for pattern in same if pattern.is_named), None):
            return f"it needs a name: write [{named.text}]"
        if rest and same:
            return f"[{word}] takes no name"
        candidates = (candidate for candidate in self._candidates(name, rest) if candidate != name)
        return did_you_mean(name[:NAME_SHOWN], candidates)

    def _candidates(self, name: str, rest: str) -> Iterable[str]:
        digits = name[len(name.rstrip(_DIGITS)) :].lstrip("0")
        for patterns in self._by_stem.values():
            for pattern in patterns:
                if pattern.made.declaration.always and not specs(pattern.made):
                    continue  # nobody writes it
                if pattern.is_named:
                    yield f"{pattern.stem} {rest}" if rest else pattern.text
                elif pattern.is_numbered:
                    yield pattern.stem + (digits or "1")
                else:
                    yield pattern.text


def _joined(whens: Iterable[When]) -> Iterable[When]:
    """Those on one option as one condition."""
    values: dict[tuple[str, str], list[str]] = {}
    for when in whens:
        values.setdefault((when.section, when.option), []).extend(when.values)
    return [When(*place, tuple(dict.fromkeys(each))) for place, each in values.items()]


def _may_clash(one: type[Declared], other: type[Declared]) -> bool:
    """Whether two declarations of the same name could both hold."""
    a, b = one.declaration.when, other.declaration.when
    if a is None or b is None:
        return True
    return (a.section, a.option) == (b.section, b.option) and bool(set(a.values) & set(b.values))


class _Examination:
    """Reads one configuration by a schema; it is the `Whole` of each section's reader."""

    def __init__(self, schema: Schema, config: Config) -> None:
        self.schema = schema
        self.config = config
        self._typed: dict[str, Declared | None] = {}
        self._reading: set[str] = set()
        self._failed: dict[str, set[str]] = {}
        self._settings: dict[str, dict[str, object]] = {}
        self._roles: dict[str, dict[str, str]] = {}
        self._pins: list[PinPlace] = []
        self._notices: list[str] = []
        self._problems: list[tuple[tuple[int, int], ConfigError]] = []

    def run(self) -> Loaded:
        for name in self.config.sections:
            self.find(name)
        for pattern, made in self.schema.patterns():
            self._require(pattern, made)
        typed = ((name, self._typed[name]) for name in self.config.sections)
        problems = sorted(self._problems, key=lambda placed: placed[0])
        return Loaded(
            config=self.config,
            sections={name: section for name, section in typed if section is not None},
            settings={name: self._settings.get(name, {}) for name in self.config.sections},
            pins=tuple(self._pins),
            notices=tuple(self._notices),
            problems=tuple(error for _, error in problems),
        )

    def find(self, name: str) -> Declared | None:
        if name in self._typed or name not in self.config.sections:
            return self._typed.get(name)
        if name in self._reading:
            raise DataError(f"the defaults of section [{shown(name)}] depend on themselves")
        self._reading.add(name)
        self._typed[name] = self._read(self.config.sections[name])
        self._reading.discard(name)
        return self._typed[name]

    def named(self, role: str) -> Mapping[str, str]:
        if role not in self._roles:
            names: dict[str, str] = {}
            for name in self.config.sections:
                if any(role in made.declaration.roles for made in self._holding(name)):
                    names.setdefault(name, name)
                    names.setdefault(name.partition(" ")[2] or name, name)
            self._roles[role] = names
        return self._roles[role]

    def report(self, error: ConfigError, file: str, line: int) -> None:
        order = self.config.files.index(file) if file in self.config.files else 0
        self._problems.append(((order, line), error))

    def notice(self, text: str) -> None:
        self._notices.append(text)

    def use_pin(self, pin: Pin, section: str, option: Option) -> None:
        self._pins.append(PinPlace(pin, section, option.name, option.where))

    def _holding(self, name: str) -> list[type[Declared]]:
        return [made for made in self.schema.declared(name) if self._holds(made.declaration.when)]

    def _holds(self, when: When | None) -> bool:
        if when is None:
            return True
        written = self._deciding(when)
        return written is not None and written.value.strip() in when.values

    def _deciding(self, when: When) -> Option | None:
        section = self.config.sections.get(when.section)
        return section.options.get(when.option) if section else None

    def _read(self, section: Section) -> Declared | None:
        holding = self._holding(section.name)
        if not holding:
            self._not_valid(section)
            return None
        reader = SectionReader(section, self)
        typed = reader.read(holding[0])
        self._failed[section.name] = reader.failed
        self._settings[section.name] = reader.settings
        return typed if self._has_owner(section, holding[0]) else None

    def _has_owner(self, section: Section, made: type[Declared]) -> bool:
        """Whether the section that SECTION names is there."""
        role = made.declaration.refers
        owner = section.name.partition(" ")[2]
        if not role or not owner or owner in self.named(role):
            return True
        what = f"section '{shown(section.name)}' belongs to the {role} '{shown(owner)}', which does not exist"
        hint = (
            did_you_mean(owner[:NAME_SHOWN], self.named(role))
            or f"add [{shown(owner)}], or take this section out"
        )
        self.report(MissingSection(what, where=section.where, hint=hint), section.file, section.line)
        return False

    def _not_valid(self, section: Section) -> None:
        error: ConfigError
        name, where = section.name, section.where
        instead = self.schema.removed.get(name) or self.schema.removed.get(name.partition(" ")[0])
        conditions = [made.declaration.when for made in self.schema.declared(name)]
        whens = [when for when in conditions if when is not None]
        if instead:
            error = RemovedOption(f"section '{shown(name)}' has been removed", where=where, hint=instead)
        elif whens:
            if all(self._undecided(when) for when in whens):
                return
            needs = " or ".join(str(when) for when in _joined(whens))
            what = f"section '{shown(name)}' is not a valid config section here: it belongs to {needs}"
            error = UnknownSection(what, where=where, hint="take it out, or correct that option")
        else:
            what = f"section '{shown(name)}' is not a valid config section"
            error = UnknownSection(what, where=where, hint=self.schema.hint(name))
        self.report(error, section.file, section.line)

    def _undecided(self, when: When) -> bool:
        """Whether the deciding option is itself missing or wrong, which is then the problem to tell of."""
        self.find(when.section)
        return self._deciding(when) is None or when.option in self._failed.get(when.section, ())

    def _require(self, name: str, made: type[Declared]) -> None:
        declaration = made.declaration
        pattern = _Pattern(name, made)
        if (
            not declaration.required
            or pattern.is_named
            or pattern.is_numbered
            or name in self.config.sections
        ):
            return
        if not self._holds(declaration.when):
            return
        deciding = self._deciding(declaration.when) if declaration.when else None
        what = f"section '{name}' must be specified"
        if deciding is None:
            self.report(
                MissingSection(what, where=sanitise(self.config.files[0]), hint=f"add [{name}]"), "", 0
            )
        else:
            what = f"{what} with {declaration.when}"
            error = MissingSection(what, where=deciding.where, hint=f"add [{name}]")
            self.report(error, deciding.file, deciding.line)
