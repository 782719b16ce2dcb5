"""One section's written options into its typed form, with every problem on the way."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

from klipkit.base.config import Config, Option, Section
from klipkit.base.declare import (
    BAD,
    ChosenSpec,
    Declared,
    GroupSpec,
    Known,
    OptionSpec,
    PrefixSpec,
    Problem,
    Source,
    Spec,
    Unknown,
    VariantSpec,
    specs,
)
from klipkit.base.errors import ConfigError, MissingOption, RemovedOption, UnknownOption
from klipkit.base.pin import Pin
from klipkit.base.text import did_you_mean, sanitise
from klipkit.base.values import Reference, Scope, Template, Text, Wrong, not_a_choice

NAME_SHOWN = 60  # characters of a section's or option's name in an error


class Whole(Scope, Protocol):
    """What reading a section needs of the whole configuration."""

    config: Config

    def find(self, name: str) -> Declared | None:
        """The typed section of that name, None when it is absent or wrong."""

    def report(self, error: ConfigError, file: str, line: int) -> None:
        """Keeps a problem."""

    def notice(self, text: str) -> None:
        """Keeps a remark that is no problem."""

    def use_pin(self, pin: Pin, section: str, option: Option) -> None:
        """Keeps a pin that an option names."""


def shown(name: str) -> str:
    """A name from a file, safe to show and cut."""
    return sanitise(name, NAME_SHOWN)


def plain(value: object) -> object:
    """A value as JSON would have it, for the status of the configuration."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Template):
        return value.text
    if isinstance(value, Reference):
        return value.section
    if isinstance(value, Pin):
        return str(value)
    return [plain(item) for item in value] if isinstance(value, tuple) else value


class SectionReader:
    """Reads one section by its declaration; `settings` are the plain values, defaults included."""

    def __init__(self, section: Section, whole: Whole) -> None:
        self.section = section
        self.whole = whole
        self.source = Source(section.name, section)
        self.settings: dict[str, object] = {}
        self.failed: set[str] = set()  # options that were reported
        self._used: set[str] = set()
        self._removed: dict[str, str] = {}

    def read(self, made: type[Declared]) -> Declared | None:
        """The typed section; None when something is wrong with it, which is then reported."""
        result = self._build(made, "", {})
        for option in self.section.options.values():
            if option.name not in self._used:
                self._unknown(option, made)
        return None if self.failed else result

    def _build(self, made: type[Declared], name: str, outer: Mapping[str, Any]) -> Declared | None:
        """The options of one class; `outer` are the values around it, which computed defaults may use."""
        values: dict[str, Any] = {}
        self._removed.update(made.declaration.removed)
        for field, spec in specs(made):
            values[field] = self._field(field, spec, name, {**outer, **values})
        for rule in made.declaration.rules:
            self._problems(rule(self.section.options))
        if any(value is BAD for value in values.values()):
            return None
        result = made(source=self.source, **values)
        for check in made.declaration.checks:
            self._problems(check(result))
        return result

    def _field(self, field: str, spec: Spec, name: str, known: Mapping[str, Any]) -> Any:
        if isinstance(spec, ChosenSpec):
            return self._chosen(spec, name)
        if isinstance(spec, OptionSpec):
            return self._option(spec.name or field, spec, known)
        if isinstance(spec, PrefixSpec):
            return self._prefixed(spec)
        if isinstance(spec, GroupSpec):
            return self._group(spec, known)
        return self._variant(spec, known)

    # Single options

    def _option(self, name: str, spec: OptionSpec, known: Mapping[str, Any]) -> Any:
        written = self._written(name, spec.formerly)
        value = self._default(name, spec, known) if written is None else self._value(written, spec)
        if value is not BAD:
            self.settings[name] = plain(value)
        return value

    def _written(self, name: str, formerly: tuple[str, ...]) -> Option | None:
        """The option as written, under its name or an older one."""
        written = self.section.options.get(name)
        self._used.add(name)
        for old in formerly:
            option = self.section.options.get(old)
            self._used.add(old)
            if option is None:
                continue
            if written is not None:
                problem = Problem(
                    old, f"is an older name of '{name}', which is written too", f"take out '{old}'"
                )
                self._problems([problem])
                continue
            written = option
            place = f"{option.where}: option '{old}' in section '{shown(self.section.name)}'"
            self.whole.notice(f"{place} is deprecated; it is called '{name}' now")
        return written

    def _value(self, written: Option, spec: OptionSpec | PrefixSpec) -> Any:
        try:
            value = spec.kind.read(Text(written.value.strip(), written, _lead(written)), self.whole)
        except Wrong as wrong:
            unit = f" {spec.unit}" if wrong.error.code == "config-range" and spec.unit else ""
            self._wrong(written, wrong, unit)
            return BAD
        self._pins(value, written)
        return value

    def _wrong(self, written: Option, wrong: Wrong, unit: str) -> None:
        if wrong.what.startswith("expected "):
            what = f"unable to parse {self._called(written.name)}: {wrong.what}"
        else:
            first, comma, rest = wrong.what.partition(", found ")
            what = f"{self._called(written.name)} {first}{unit if comma else ''}{comma}{rest}"
        place = written.where_of(min(wrong.text.line, len(written.lines) - 1))
        self._report(written.name, wrong.error(what, where=place, hint=wrong.hint))

    def _pins(self, value: object, written: Option) -> None:
        if isinstance(value, Pin):
            self.whole.use_pin(value, self.section.name, written)
        elif isinstance(value, tuple):
            for item in value:
                self._pins(item, written)

    def _default(self, name: str, spec: OptionSpec, known: Mapping[str, Any]) -> Any:
        if spec.has_default:
            return spec.default
        if spec.fallback and spec.fallback != self.section.name:
            return self._attempt(name, spec, lambda: getattr(self._other(spec.fallback), name))
        compute = spec.compute
        if compute is not None:
            return self._attempt(
                name, spec, lambda: compute.function(Known(self.source, known, self.whole.find))
            )
        self._missing(name, spec.sentence)
        return BAD

    def _other(self, name: str) -> Declared:
        found = self.whole.find(name)
        if found is None:
            raise Unknown(name)
        return found

    def _attempt(self, name: str, spec: OptionSpec, work: Callable[[], Any]) -> Any:
        """A default; BAD without a report of its own when what it depends on was reported."""
        try:
            return work()
        except Unknown as unknown:
            self.failed.add("")
            if unknown.section and unknown.section not in self.whole.config.sections:
                self._missing(name, spec.sentence)
            return BAD

    def _missing(self, name: str, sentence: str) -> None:
        where = self.section.where
        error = MissingOption(f"{self._called(name)} must be specified", where=where, hint=_first(sentence))
        self._report(name, error)

    # Options by prefix, groups, variants

    def _prefixed(self, spec: PrefixSpec) -> Any:
        values: dict[str, Any] = {}
        for name, written in self.section.options.items():
            rest = name.removeprefix(spec.prefix)
            if (
                name in self._used
                or rest in ("", name)
                or (spec.known is not None and rest not in spec.known)
            ):
                continue
            self._used.add(name)
            values[rest] = self._value(written, spec)
            self.settings[name] = plain(values[rest])
        return BAD if any(value is BAD for value in values.values()) else values

    def _group(self, spec: GroupSpec, known: Mapping[str, Any]) -> Any:
        if spec.present in self.section.options:
            return self._build(spec.options, "", known) or BAD
        orphans = names_of(spec.options) & set(self.section.options)
        for name in sorted(orphans):
            self._used.add(name)
            self._problems([Problem(name, f"needs the option '{spec.present}' too", f"add {spec.present}")])
        return BAD if orphans else None

    def _variant(self, spec: VariantSpec, known: Mapping[str, Any]) -> Any:
        variants = spec.variants
        self._used.add(variants.option)
        written = self.section.options.get(variants.option)
        name = written.value.strip() if written else spec.default
        if not name and written is None:
            self._missing(variants.option, spec.sentence)
        made = variants.table.get(name) or self._user_defined(name, spec)
        if made is None:
            if written is not None:
                self._not_chosen(written, spec)
            for other in (*variants.table.values(), *variants.named.values()):
                self._used |= names_of(other)
            return BAD
        self.settings[variants.option] = name
        return self._build(made, name, known) or BAD

    def _chosen(self, spec: ChosenSpec, name: str) -> Any:
        """The name, or the section that defines it; BAD when that one is wrong, which it was reported for itself."""
        if not spec.word:
            return name
        found = self.whole.find(f"{spec.word} {name}")
        if found is None:
            self.failed.add("")
            return BAD
        return found

    def _user_defined(self, name: str, spec: VariantSpec) -> type[Declared] | None:
        sections = self.whole.config.sections
        return next(
            (made for word, made in spec.variants.named.items() if f"{word} {name}" in sections), None
        )

    def _not_chosen(self, written: Option, spec: VariantSpec) -> None:
        prefixes = tuple(f"{word} " for word in spec.variants.named)
        own = [name.partition(" ")[2] for name in self.whole.config.sections if name.startswith(prefixes)]
        names = [*spec.variants.table, *(own if prefixes else ())]
        self._wrong(written, not_a_choice(Text(written.value.strip(), written, _lead(written)), names), "")

    # Problems

    def _unknown(self, option: Option, made: type[Declared]) -> None:
        name, section = shown(option.name), shown(self.section.name)
        if instead := self._removed.get(option.name):
            what = f"option '{name}' in section '{section}' has been removed"
            self._report(option.name, RemovedOption(what, where=option.where, hint=instead))
            return
        choices = variant_names(made).get(option.name, [])
        hint = f"it belongs to {' or '.join(choices)}" if choices else ""
        hint = hint or did_you_mean(option.name[:NAME_SHOWN], self._names(made))
        what = f"option '{name}' is not valid in section '{section}'"
        self._report(option.name, UnknownOption(what, where=option.where, hint=hint))

    def _names(self, made: type[Declared]) -> list[str]:
        """The names that could have been meant, also those that the section has (an included file may have them)."""
        return sorted(names_of(made) | self._used)

    def _problems(self, problems: Any) -> None:
        for problem in problems:
            written = self.section.options.get(problem.option)
            where = written.where if written else self.section.where
            what = f"{self._called(problem.option)} {problem.what}"
            self._report(problem.option, problem.error(what, where=where, hint=problem.hint))

    def _called(self, option: str) -> str:
        return f"option '{shown(option)}' in section '{shown(self.section.name)}'"

    def _report(self, name: str, error: ConfigError) -> None:
        self.failed.add(name)
        written = self.section.options.get(name)
        place = written or self.section
        self.whole.report(error, place.file, place.line)


def _lead(option: Option) -> int:
    """How many lines of the value are empty before its text begins."""
    return option.value[: len(option.value) - len(option.value.lstrip())].count("\n")


def _first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def names_of(made: type[Declared]) -> set[str]:
    """The names of all options that a declaration may have, those of all its variants included."""
    names: set[str] = set()
    for field, spec in specs(made):
        if isinstance(spec, OptionSpec):
            names.add(spec.name or field)
        elif isinstance(spec, PrefixSpec):
            names |= {spec.prefix + rest for rest in spec.known or ()}
        elif isinstance(spec, GroupSpec):
            names |= names_of(spec.options)
        elif isinstance(spec, VariantSpec):
            names |= {spec.variants.option, *variant_names(made)}
    return names


def variant_names(made: type[Declared]) -> dict[str, list[str]]:
    """Option -> the choices that have it, such as "control: pid", for the variants of a declaration."""
    found: dict[str, list[str]] = {}
    for _, spec in specs(made):
        if isinstance(spec, VariantSpec):
            named = {f"[{word} NAME]": made for word, made in spec.variants.named.items()}
            for choice, options in {**spec.variants.table, **named}.items():
                for name in names_of(options):
                    found.setdefault(name, []).append(f"{spec.variants.option}: {choice}")
        elif isinstance(spec, GroupSpec):
            found.update(variant_names(spec.options))
    return found
