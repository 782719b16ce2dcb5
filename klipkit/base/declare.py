"""How a config section is declared: a frozen dataclass whose fields are its options.

    @section("tmc2209 SECTION", refers="stepper")
    class Tmc2209Config(Declared):
        '''A TMC2209 stepper driver on a UART.'''

        uart_pin: Pin = option(pin(PinUse.UART), "The pin connected to PDN_UART.")
        run_current: float = option(number(above=0, maximum=2), "Current while moving.", unit="A RMS")
        driver: Mapping[str, int] = prefixed("driver_", integer(), "A field of the driver's registers.")

Names of sections: words as written, then NAME (free), SECTION (the name of another section) or, joined to the last
word, N (1, 2, ...). Options that several sections share stand in a class made with @options, and are inherited.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast, dataclass_transform, overload

from klipkit.base.config import Option, Section
from klipkit.base.errors import ConfigError
from klipkit.base.values import Kind

T = TypeVar("T")
C = TypeVar("C", bound="Declared")

SPEC = "klipkit"  # key of the specification in a dataclass field's metadata


@dataclass(frozen=True, slots=True)
class Source:
    """Where a section's values came from."""

    name: str = ""
    section: Section | None = None

    @property
    def short(self) -> str:
        """The name behind the section's first word ("oven" of [heater_generic oven]), or all of a single word."""
        return self.name.partition(" ")[2] or self.name

    def where(self, option: str = "") -> str:
        """The place of an option as "file:line"; of the section when the option is not written."""
        if self.section is None:
            return ""
        written = self.section.options.get(option)
        return written.where if written else self.section.where


@dataclass(frozen=True, slots=True)
class When:
    """Holds when an option of another section has one of these values, as `[printer] kinematics: delta`."""

    section: str
    option: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        *first, last = self.values
        return f"[{self.section}] {self.option}: {', '.join(first)}{' or ' if first else ''}{last}"


def when(section: str, option: str, *values: str) -> When:
    """The condition that `option` of `section` is one of `values`."""
    return When(section, option, values)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule or check found wrong about an option; the schema adds the place."""

    option: str
    what: str  # goes on after the words "option 'x' in section 'y'"
    hint: str = ""
    error: type[ConfigError] = ConfigError


Rule = Callable[[Mapping[str, Option]], Iterable[Problem]]  # over the written options
Check = Callable[[Any], Iterable[Problem]]  # over the typed section


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is said about a section as a whole."""

    names: tuple[str, ...] = ()
    required: bool = False
    always: bool = False  # it works without its section, with the defaults
    when: When | None = None
    refers: str = ""  # the role of the section that SECTION names
    roles: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    checks: tuple[Check, ...] = ()
    removed: Mapping[str, str] = dataclasses.field(default_factory=dict)  # option -> what to write instead


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A typed section or part of one."""

    declaration: ClassVar[Declaration] = Declaration()
    source: Source = dataclasses.field(default=Source(), repr=False, compare=False)


class Unknown(Exception):
    """A value that a default depends on could not be read, or (`section`) the section that has it is missing."""

    def __init__(self, section: str = "") -> None:
        super().__init__(section)
        self.section = section


class Bad:
    """Stands for a value that could not be read and was reported."""


BAD = Bad()


class Known:
    """What a computed default may look at: the values declared above, and other sections.

    Asking for what could not be read raises Unknown: the first error is enough.
    """

    def __init__(
        self, source: Source, values: Mapping[str, Any], find: Callable[[str], Declared | None]
    ) -> None:
        self.source = source
        self._values = values
        self._find = find

    def __getitem__(self, name: str) -> Any:
        if self._values[name] is BAD:
            raise Unknown
        return self._values[name]

    def has(self, name: str) -> bool:
        """Whether there is a section of that name that can be read."""
        return self._find(name) is not None

    def section(self, name: str, kind: type[C]) -> C:
        """The section of that name and declaration."""
        found = self._find(name)
        if not isinstance(found, kind):
            raise Unknown(name)
        return found


@dataclass(frozen=True)
class Computed(Generic[T]):
    """A default that depends on other options; `said` describes it in the reference."""

    function: Callable[[Known], T]
    said: str


def computed(said: str, function: Callable[[Known], T]) -> Computed[T]:
    """A default worked out from options that are declared above, or from other sections."""
    return Computed(function, said)


@dataclass(frozen=True)
class OptionSpec:
    """One option."""

    kind: Kind[Any]
    sentence: str
    unit: str = ""
    has_default: bool = False
    default: Any = None
    said: str = ""  # words for the default
    compute: Computed[Any] | None = None
    fallback: str = ""  # the section whose value is taken
    name: str = ""  # when it differs from the field's
    formerly: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrefixSpec:
    """All options that begin alike."""

    prefix: str
    kind: Kind[Any]
    sentence: str
    unit: str = ""
    known: frozenset[str] | None = None  # the allowed rests of the names, lower case


@dataclass(frozen=True)
class GroupSpec:
    """Options of another class in the same section, all absent unless `present` is written."""

    options: type[Declared]
    present: str


class Variants(Generic[T]):
    """Classes of options, one of which another option chooses; made once, used by each section that has the choice.

    `named` are sections by which the user defines further names: {"thermistor": Custom} makes X of [thermistor X] one.
    """

    def __init__(
        self, option: str, table: Mapping[str, type[T]], *, named: Mapping[str, type[T]] | None = None
    ) -> None:
        self.option = option
        self.table = table
        self.named = named or {}


@dataclass(frozen=True)
class VariantSpec:
    """The options of the chosen variant."""

    variants: Variants[Any]
    sentence: str
    default: str = ""


@dataclass(frozen=True)
class ChosenSpec:
    """The field of a variant that takes the name by which it was chosen, or the section [WORD NAME] that defines it."""

    word: str = ""


Spec = OptionSpec | PrefixSpec | GroupSpec | VariantSpec | ChosenSpec


@overload
def option(
    kind: Kind[T], sentence: str, *, unit: str = "", name: str = "", formerly: Sequence[str] = ()
) -> T: ...
@overload
def option(
    kind: Kind[T],
    sentence: str,
    *,
    default: None,
    said: str = "",
    unit: str = "",
    name: str = "",
    formerly: Sequence[str] = (),
) -> T | None: ...
@overload
def option(
    kind: Kind[T],
    sentence: str,
    *,
    default: T,
    said: str = "",
    unit: str = "",
    name: str = "",
    formerly: Sequence[str] = (),
) -> T: ...
@overload
def option(
    kind: Kind[T],
    sentence: str,
    *,
    compute: Computed[T],
    unit: str = "",
    name: str = "",
    formerly: Sequence[str] = (),
) -> T: ...
@overload
def option(
    kind: Kind[T],
    sentence: str,
    *,
    fallback: str,
    unit: str = "",
    name: str = "",
    formerly: Sequence[str] = (),
) -> T: ...
def option(kind: Kind[Any], sentence: str, **more: Any) -> Any:
    """An option; without default, compute or fallback it must be written.

    `said` words the default for the reference, `formerly` are older names, `fallback` is the section whose value of the
    same option is the default (in that section itself the option is required).
    """
    more["formerly"] = tuple(more.get("formerly", ()))
    spec = OptionSpec(kind, sentence, has_default="default" in more, **more)
    return _field(spec, more["default"]) if spec.has_default else _field(spec)


def prefixed(
    prefix: str, kind: Kind[T], sentence: str, *, unit: str = "", known: Iterable[str] | None = None
) -> Mapping[str, T]:
    """All options that begin with `prefix`, by the rest of their names (of which only the `known` are allowed)."""
    names = None if known is None else frozenset(name.lower() for name in known)
    spec = PrefixSpec(prefix, kind, sentence, unit, names)
    return cast(Mapping[str, T], dataclasses.field(default_factory=dict, metadata={SPEC: spec}))


def group(options: type[C], *, present: str) -> C | None:
    """The options of another class in this section, or None when its option `present` is not written."""
    return cast(C, _field(GroupSpec(options, present), None))


def variant(variants: Variants[T], sentence: str, *, default: str = "") -> T:
    """The options of the class that the variants' option chooses; `default` is the name taken when none is written."""
    return cast(T, _field(VariantSpec(variants, sentence, default)))


def chosen() -> str:
    """In a variant's class: the name by which it was chosen."""
    return cast(str, _field(ChosenSpec()))


def chosen_section(word: str, kind: type[C]) -> C:
    """In the class of a variant that the user defines in [WORD NAME]: that section, of that declaration."""
    return cast(C, _field(ChosenSpec(word)))


def _field(spec: Spec, default: Any = dataclasses.MISSING) -> Any:
    return dataclasses.field(default=default, metadata={SPEC: spec})


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(option, prefixed, group, variant, chosen, chosen_section),
)
def section(
    *names: str,
    required: bool = False,
    always: bool = False,
    when: When | None = None,
    refers: str = "",
    roles: Sequence[str] = (),
    rules: Sequence[Rule] = (),
    checks: Sequence[Check] = (),
    removed: Mapping[str, str] | None = None,
) -> Callable[[type[C]], type[C]]:
    """Declares the sections of these names.

    `required`: each must be there (with `when`: if that holds); `always`: what it is of works without it too, with the
    defaults of its options. `roles` are the words by which reference() finds it.
    """
    said = Declaration(
        names, required, always, when, refers, tuple(roles), tuple(rules), tuple(checks), removed or {}
    )
    return lambda made: _declared(made, said)


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(option, prefixed, group, variant, chosen, chosen_section),
)
def options(
    *, rules: Sequence[Rule] = (), checks: Sequence[Check] = (), removed: Mapping[str, str] | None = None
) -> Callable[[type[C]], type[C]]:
    """Declares options that sections share: inherited, in a group, or as a variant."""
    said = Declaration(rules=tuple(rules), checks=tuple(checks), removed=removed or {})
    return lambda made: _declared(made, said)


def _declared(made: type[C], said: Declaration) -> type[C]:
    """The class as a dataclass, with its own declaration and the rules of those it inherits from."""
    parents = [base.declaration for base in made.__bases__ if issubclass(base, Declared)]
    removed: dict[str, str] = {}
    for parent in parents:
        removed.update(parent.removed)
    made.declaration = dataclasses.replace(
        said,
        rules=tuple(rule for parent in parents for rule in parent.rules) + said.rules,
        checks=tuple(check for parent in parents for check in parent.checks) + said.checks,
        removed={**removed, **said.removed},
    )
    return dataclass(frozen=True, kw_only=True)(made)


def specs(made: type[Declared]) -> list[tuple[str, Spec]]:
    """The fields of a declaration with what they say, as declared."""
    fields = dataclasses.fields(made)
    return [(field.name, field.metadata[SPEC]) for field in fields if SPEC in field.metadata]
