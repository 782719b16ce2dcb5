"""The object `configfile`: the configuration as it was read, and what SAVE_CONFIG would write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from klipkit.base.declare import Declared, section
from klipkit.base.schema import Loaded
from klipkit.daemon.objects import Plain
from klipkit.daemon.unsaved import Unsaved
from klipkit.parts.part import Part

Settings = Mapping[str, Mapping[str, Any]]


@section("configfile", always=True)
class ConfigfileConfig(Declared):
    """What is seen of the configuration. The section has no options and need not be written."""


@dataclass(frozen=True, slots=True)
class ConfigfileStatus:
    """Of the object `configfile`."""

    config: Annotated[Settings, "The options as they are written, by section, all of them text."]
    settings: Annotated[Settings, "The options as they are understood, defaults too; names are lower case."]
    warnings: Annotated[
        Sequence[Mapping[str, str]], "What works and should be changed: `type` and `message`."
    ]
    save_config_pending: Annotated[bool, "Whether there is something for SAVE_CONFIG to write."]
    save_config_pending_items: Annotated[
        Mapping[str, Mapping[str, str]], "What SAVE_CONFIG will write, by section."
    ]


class ConfigfileObject(Part):
    """The configuration as it is seen; it changes by RELOAD only."""

    def __init__(self, config: ConfigfileConfig, loaded: Loaded, unsaved: Unsaved) -> None:
        self._unsaved = unsaved
        self.see(loaded)

    def see(self, loaded: Loaded) -> None:
        """Options have changed while the machine goes on."""
        written = loaded.config.sections.values()
        self._config = Plain(
            {each.name: {name: one.value for name, one in each.options.items()} for each in written}
        )
        self._settings = Plain({name.lower(): values for name, values in loaded.settings.items()})
        self._warnings = [{"type": "deprecated_option", "message": notice} for notice in loaded.notices]

    def status(self) -> ConfigfileStatus:
        """The configuration, and what changed of it."""
        pending = {name: dict(values) for name, values in self._unsaved.values.items()}
        return ConfigfileStatus(self._config, self._settings, self._warnings, bool(pending), pending)
