"""The reference of a declared section as plain data, for the manual page and for tools."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from klipkit.base.declare import Declared, GroupSpec, OptionSpec, PrefixSpec, VariantSpec, specs
from klipkit.base.reading import plain
from klipkit.base.values import said_choices

REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class OptionDoc:
    """What the reference says about one option."""

    name: str  # a prefix ends in *: "variable_*"
    words: str  # the kind of value
    unit: str
    range: str
    default: str  # "required" when there is none, "none" when it may be left out
    sentence: str
    condition: str = ""  # "control: pid" when only that variant has it


@dataclass(frozen=True, slots=True)
class SectionDoc:
    """What the reference says about one section."""

    names: tuple[str, ...]
    sentence: str
    text: str  # the rest of the description, paragraphs parted by empty lines
    condition: str  # "[printer] kinematics: delta" when only then the section exists
    required: bool
    options: tuple[OptionDoc, ...]
    removed: Mapping[str, str]  # option -> what to write instead

    def record(self) -> dict[str, object]:
        """The same as plain dictionaries and lists."""
        return asdict(self)


def describe(made: type[Declared]) -> SectionDoc:
    """The reference of a declaration, options in the order in which they are declared."""
    declaration = made.declaration
    sentence, _, text = inspect.cleandoc(made.__doc__ or "").partition("\n\n")
    return SectionDoc(
        names=declaration.names,
        sentence=" ".join(sentence.split()),
        text=text,
        condition=str(declaration.when or ""),
        required=declaration.required,
        options=tuple(_options(made, "")),
        removed=dict(declaration.removed),
    )


def _options(made: type[Declared], condition: str) -> Iterator[OptionDoc]:
    for field, spec in specs(made):
        if isinstance(spec, OptionSpec):
            yield _option(spec.name or field, spec, condition)
        elif isinstance(spec, PrefixSpec):
            kind = spec.kind
            name = f"{spec.prefix}*"
            yield OptionDoc(name, kind.words, spec.unit, kind.range, "none", spec.sentence, condition)
        elif isinstance(spec, GroupSpec):
            yield from _options(spec.options, _both(condition, f"with {spec.present}"))
        elif isinstance(spec, VariantSpec):
            yield from _variants(spec, condition)


def _option(name: str, spec: OptionSpec, condition: str) -> OptionDoc:
    kind = spec.kind
    return OptionDoc(name, kind.words, spec.unit, kind.range, _default(spec), spec.sentence, condition)


def _default(spec: OptionSpec) -> str:
    if spec.said:
        return spec.said
    if spec.compute is not None:
        return spec.compute.said
    if spec.fallback:
        return f"that of [{spec.fallback}]"
    return _said(plain(spec.default)) if spec.has_default else REQUIRED


def _said(value: object) -> str:
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    return ", ".join(_said(item) for item in value) if isinstance(value, list) else str(value)


def _variants(spec: VariantSpec, condition: str) -> Iterator[OptionDoc]:
    variants = spec.variants
    words = said_choices([*variants.table, *(f"NAME of a [{word} NAME]" for word in variants.named)])
    default = spec.default or REQUIRED
    yield OptionDoc(variants.option, words, "", "", default, spec.sentence, condition)
    by_class: dict[type[Declared], list[str]] = {}
    for choice, made in variants.table.items():
        by_class.setdefault(made, []).append(choice)
    for word, made in variants.named.items():
        by_class.setdefault(made, []).append(f"NAME of a [{word} NAME]")
    for made, choices in by_class.items():
        yield from _options(made, _both(condition, f"{variants.option}: {' or '.join(choices)}"))


def _both(outer: str, inner: str) -> str:
    return f"{outer}, {inner}" if outer else inner
