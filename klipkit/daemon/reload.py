"""RELOAD: what has changed in the configuration is taken on while the printer runs, as far as its parts can.

old and new sections --compare--> same
                                  changed, in options that the part takes on live   --> part.reload(...)
                                  added, removed, of parts that come and go         --> made, taken away
                                  anything else                                     --> told: it needs a restart

All that can fail comes first: an error in the new configuration changes nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from klipkit.base.declare import ChosenSpec, Declared, GroupSpec, OptionSpec, PrefixSpec, VariantSpec, specs
from klipkit.base.errors import ConfigError, KlipkitError
from klipkit.base.reading import plain
from klipkit.base.schema import Loaded
from klipkit.daemon.configfile import ConfigfileObject
from klipkit.daemon.host import Host
from klipkit.gcode.commands import gcode, names_declared
from klipkit.gcode.templates import problems
from klipkit.parts.part import Apply, Part


class Action(Enum):
    """What is done about a section."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    RESTART = "restart"  # it takes effect at the next start only


@dataclass(frozen=True, slots=True)
class Change:
    """A section that is not what it was. `options`: those that make it so; `where`: the place of the first one."""

    section: str
    action: str
    options: tuple[str, ...]
    where: str

    def __str__(self) -> str:
        options = f": {', '.join(self.options)}" if self.options else ""
        needs = "needs a restart" if self.action == Action.RESTART.value else self.action
        where = f" ({self.where})" if self.where else ""
        return f"[{self.section}] {needs}{options}{where}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a reload has done."""

    changes: tuple[Change, ...]

    @property
    def needs_restart(self) -> bool:
        """Whether something has not taken effect."""
        return any(change.action == Action.RESTART.value for change in self.changes)

    def lines(self) -> list[str]:
        """For a person."""
        return [str(change) for change in self.changes] or ["nothing has changed"]

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"changes": [asdict(change) for change in self.changes], "needs_restart": self.needs_restart}


class ReloadCommands:
    """What a machine that is ready has besides its parts' commands."""

    def __init__(self, host: Host, load: Callable[[], Loaded]) -> None:
        self._host, self._load = host, load

    @gcode("RELOAD", yields=True)
    async def reload(self) -> None:
        """Take on what has changed in the configuration without a restart, and tell what needs one."""
        report = await reload(self._host, self._load)
        self._host.responses.note("\n".join(f"RELOAD: {line}" for line in report.lines()))


async def reload(host: Host, load: Callable[[], Loaded]) -> Report:
    """Within a turn of the caller's. Raises KlipkitError, and nothing has changed then."""
    loaded = load()
    for problem in problems(loaded.sections):
        raise problem
    await asyncio.sleep(0)
    return await _Reload(host, loaded).run()


class _Reload:
    """One reload. `_replaced`: sections of parts that come and go, with changes that these do not take on live."""

    def __init__(self, host: Host, loaded: Loaded) -> None:
        self._host, self._loaded = host, loaded
        self._changes: list[Change] = []
        self._same: list[str] = []
        self._changed: dict[str, Set[str]] = {}
        self._replaced: list[str] = []

    async def run(self) -> Report:
        for name in dict.fromkeys((*self._host.loaded.sections, *self._loaded.sections)):
            self._compare(name)
        applies = list(self._live())
        gone = [*self._sections(Action.REMOVED), *self._replaced]
        come = [*self._sections(Action.ADDED), *self._replaced]
        await self._exchange([self._host.parts[name] for name in gone], come)
        for apply in applies:
            apply()
        self._note()
        return Report(tuple(self._changes))

    def _compare(self, name: str) -> None:
        old, new = self._old(name), self._new(name)
        if old is None and new is not None:
            self._add(name, Action.ADDED if self._comes_and_goes(new) else Action.RESTART, new)
        elif old is not None and new is None:
            self._add(name, Action.REMOVED if self._may_go(name, old) else Action.RESTART, old)
        elif old is not None and new is not None:
            self._compare_options(name, old, new)

    def _compare_options(self, name: str, old: Declared, new: Declared) -> None:
        before, after = _options(old), _options(new)
        changed = [each for each in {**before, **after} if before.get(each, _NONE) != after.get(each, _NONE)]
        part = self._host.parts.get(name)
        others = [each for each in changed if part is None or not _is_live(part, each)]
        if not changed and type(old) is type(new):
            self._same.append(name)
        elif not others and type(old) is type(new):
            self._changed[name] = frozenset(changed)
            self._add(name, Action.CHANGED, new, _written(old, new, changed))
        elif self._may_go(name, old) and self._comes_and_goes(new):
            self._replaced.append(name)
            self._add(name, Action.CHANGED, new, _written(old, new, changed))
        else:
            self._add(name, Action.RESTART, new, _written(old, new, others or changed))

    def _live(self) -> Iterator[Apply]:
        """What parts are to take on. Raises KlipkitError."""
        for name in (*self._same, *self._changed):
            part = self._host.parts.get(name)
            if part is not None:
                yield part.reload(self._new(name), self._changed.get(name, frozenset()))

    async def _exchange(self, gone: Sequence[Part], come: Iterable[str]) -> None:
        """Take parts away, and make others. Raises ConfigError when these cannot be, and all is as it was."""
        host = self._host
        for part in gone:
            await self._take_away(part)
        made: list[Part] = []
        try:
            for name in come:
                config = self._new(name)
                assert config is not None
                self._check_names(config)
                made.append(host.wiring.add(name, config))
            for part in made:
                await part.begin()
        except KlipkitError:
            for part in made:
                await self._take_away(part)
            for part in gone:
                host.wiring.restore(part)
            for part in gone:
                await part.begin()
            raise

    async def _take_away(self, part: Part) -> None:
        await part.end()
        self._host.commands.remove(part)
        self._host.wiring.drop(part.section)

    def _check_names(self, config: Declared) -> None:
        """A macro may be called like a command that now comes."""
        maker = self._host.wiring.maker(config)
        assert maker is not None
        known = self._host.commands.by_name
        for name in sorted(names_declared(maker)):
            if name in known and isinstance(known[name], Part):
                what = f"gcode command {name} already registered"
                raise ConfigError(what, where=config.source.where(), hint="a macro has that name")

    def _note(self) -> None:
        """What took effect is the machine's configuration now."""
        host, new = self._host, self._loaded
        kept = set(self._sections(Action.RESTART))
        pairs: list[tuple[dict[str, Any], Mapping[str, Any]]] = [
            (host.loaded.sections, new.sections),
            (host.loaded.settings, new.settings),
            (host.loaded.config.sections, new.config.sections),
        ]
        for before, after in pairs:
            merged = {**after, **before}  # in the order of the file
            for name in merged:
                merged[name] = (before if name in kept else after).get(name)
            before.clear()
            before.update({name: value for name, value in merged.items() if value is not None})
        for part in host.parts.values():
            if isinstance(part, ConfigfileObject):
                part.see(host.loaded)

    def _old(self, name: str) -> Declared | None:
        return self._host.loaded.sections.get(name) or self._host.wiring.unwritten(name)

    def _new(self, name: str) -> Declared | None:
        return self._loaded.sections.get(name) or self._host.wiring.unwritten(name)

    def _comes_and_goes(self, config: Declared) -> bool:
        maker = self._host.wiring.maker(config)
        return maker is not None and maker.comes_and_goes

    def _may_go(self, name: str, config: Declared) -> bool:
        """Whether its part can be taken away: none of its commands was renamed."""
        part = self._host.parts.get(name)
        return (
            part is not None
            and self._comes_and_goes(config)
            and not names_declared(type(part)) & self._host.commands.changed
        )

    def _sections(self, action: Action) -> list[str]:
        return [change.section for change in self._changes if change.action == action.value]

    def _add(self, name: str, action: Action, config: Declared, options: Sequence[str] = ()) -> None:
        places = [config.source.where(option) for option in options] or [config.source.where()]
        self._changes.append(Change(name, action.value, tuple(options), places[0]))


_NONE = object()  # where there is no such option


def _is_live(part: Part, option: str) -> bool:
    return option in part.live or any(
        option.startswith(live[:-1]) for live in part.live if live.endswith("*")
    )


def _written(old: Declared, new: Declared, options: Sequence[str]) -> Sequence[str]:
    """Those of the options that were edited, without others whose defaults follow them; all when none is written."""
    texts = [each.source.section.options if each.source.section else {} for each in (old, new)]
    return [option for option in options if any(option in text for text in texts)] or options


def _choice(chosen: Declared) -> list[object]:
    """What tells one variant from another: its options, and the name by which it was chosen where several have them."""
    names = [getattr(chosen, field) for field, spec in specs(type(chosen)) if isinstance(spec, ChosenSpec)]
    return [type(chosen), *(name for name in names if isinstance(name, str))]


def _options(config: Declared) -> dict[str, object]:
    """All options of a section by name, defaults and those of its variants and groups, too."""
    found: dict[str, object] = {}
    for field, spec in specs(type(config)):
        value = getattr(config, field)
        if isinstance(spec, OptionSpec):
            found[spec.name or field] = plain(value)
        elif isinstance(spec, PrefixSpec):
            found.update({f"{spec.prefix}{name}": plain(each) for name, each in value.items()})
        elif isinstance(spec, VariantSpec):
            found[spec.variants.option] = _choice(value)
        if isinstance(spec, (GroupSpec, VariantSpec)) and isinstance(value, Declared):
            found.update(_options(value))
    return found
