"""Makes the parts of a machine from its configuration, leaves first: who needs another part has it in its constructor.

[heater_fan hotend]  heater: extruder      HeaterFan(config: HeaterFanConfig, pins: Pins, heater: Heater)
                        |                               |                     |           |
                        |                        this section        provided by     the part of the section
                        `-----------------------------------------   the host        that the option names
"""

import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Union, get_args, get_origin, get_type_hints

from klipkit.base.declare import Declared
from klipkit.base.errors import ConfigError, MissingSection
from klipkit.base.schema import Loaded
from klipkit.base.values import Reference
from klipkit.parts.part import Part


class Wiring:
    """Makes each part once, within `making` of its section, and tells `made` of it.

    A wrong table of `makers` is a fault of the program.
    """

    def __init__(
        self,
        loaded: Loaded,
        makers: Iterable[type[Part]],
        made: Callable[[Part], None] = lambda part: None,
        making: Callable[[str], AbstractContextManager[None]] = lambda section: nullcontext(),
    ) -> None:
        self._loaded = loaded
        self._made = made
        self._around = making
        self._makers: Mapping[type[Declared], type[Part]] = {config_of(maker): maker for maker in makers}
        self._provided: dict[type, object] = {}
        self._parts: dict[str, Part] = {}
        self._making: list[str] = []

    def provide(self, kind: type, thing: object) -> None:
        """A constructor that asks for `kind` is given `thing`."""
        self._provided[kind] = thing

    def make_all(self) -> Mapping[str, Part]:
        """All parts by section, each behind those it needs. Raises ConfigError."""
        for section in self._loaded.sections:
            if self._maker(section) is not None:
                self._part(section)
        for section, _ in self._unwritten():
            self._part(section)
        return self._parts

    def maker(self, config: Declared) -> type[Part] | None:
        """The kind of part that is made from that section, if one is."""
        return self._makers.get(type(config))

    def unwritten(self, name: str) -> Declared | None:
        """The defaults of a section that works without being written."""
        always = (config for config in self._makers if config.declaration.always)
        return next((config() for config in always if config.declaration.names[0] == name), None)

    def add(self, section: str, config: Declared) -> Part:
        """One more part, made from a section that has come."""
        return self._make(section, self._makers[type(config)], config)

    def drop(self, section: str) -> None:
        """A part is one no more."""
        del self._parts[section]

    def restore(self, part: Part) -> None:
        """A part that was dropped is one again."""
        self._parts[part.section] = part
        self._made(part)

    def _unwritten(self) -> list[tuple[str, type[Declared]]]:
        """The sections that work without being written, and are not."""
        always = [config for config in self._makers if config.declaration.always]
        return [(config.declaration.names[0], config) for config in always if not self._loaded.all(config)]

    def _config(self, section: str) -> Declared:
        """The section, or the defaults of one that works without being written."""
        found = self._loaded.sections.get(section)
        return found if found is not None else dict(self._unwritten())[section]()

    def _maker(self, section: str) -> type[Part] | None:
        return self._makers.get(type(self._config(section)))

    def _part(self, section: str) -> Part:
        made = self._parts.get(section)
        if made is not None:
            return made
        config, maker = self._config(section), self._maker(section)
        if section in self._making:
            ring = " needs ".join(f"[{name}]" for name in [*self._making, section])
            raise ConfigError(f"sections depend on one another: {ring}", where=config.source.where())
        if maker is None:
            raise MissingSection(f"[{section}] makes no part", where=config.source.where())
        self._making.append(section)
        try:
            return self._make(section, maker, config)
        finally:
            self._making.pop()

    def _make(self, section: str, maker: type[Part], config: Declared) -> Part:
        hints = get_type_hints(maker.__init__)
        wanted = [name for name in inspect.signature(maker.__init__).parameters if name != "self"]
        values = {name: self._value(maker, name, hints[name], config) for name in wanted}
        with self._around(f"[{section}]"):
            part = maker(**values)
        part.name = part.name or config.source.short or section
        part.section = section
        self._parts[section] = part
        self._made(part)
        return part

    def _value(self, maker: type[Part], name: str, hint: Any, config: Declared) -> Any:
        written = getattr(config, name, None)
        if isinstance(written, Reference):
            return self._part(written.section)
        if isinstance(written, tuple) and all(isinstance(each, Reference) for each in written):
            return tuple(self._part(each.section) for each in written)
        if isinstance(hint, type) and issubclass(hint, Declared) and isinstance(config, hint):
            return config
        if hint in self._provided:
            return self._provided[hint]
        return self._of_kind(maker, name, hint)

    def _of_kind(self, maker: type[Part], name: str, hint: Any) -> Any:
        """All parts of a kind for a Sequence; the only one, or None where that is allowed."""
        if get_origin(hint) in (list, tuple, Sequence):
            return tuple(self._all(get_args(hint)[0]))
        kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        found = [part for kind in kinds if kind is not types.NoneType for part in self._all(kind)]
        if len(found) == 1:
            return found[0]
        if not found and types.NoneType in kinds:
            return None
        if not found and issubclass(kinds[0], Part):
            raise MissingSection(f"[{self._making[-1]}] needs a {kinds[0].__name__}, and there is none")
        raise AssertionError(f"{maker.__name__}: nobody provides {name}: {hint}")

    def _all(self, kind: type) -> list[Part]:
        makers = {config: maker for config, maker in self._makers.items() if issubclass(maker, kind)}
        written = [name for name, section in self._loaded.sections.items() if type(section) in makers]
        unwritten = [name for name, config in self._unwritten() if config in makers]
        return [self._part(section) for section in (*written, *unwritten)]


def config_of(maker: type[Part]) -> type[Declared]:
    """The section that a part is made from: the first parameter of its constructor."""
    hints = get_type_hints(maker.__init__)
    first = next(name for name in inspect.signature(maker.__init__).parameters if name != "self")
    kind = hints[first]
    assert isinstance(kind, type) and issubclass(kind, Declared)
    return kind
