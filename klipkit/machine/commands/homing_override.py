"""G-code of one's own in G28's place: [homing_override]."""

from collections.abc import Set

from klipkit.base.declare import Declared, option, section
from klipkit.base.errors import ConfigError
from klipkit.base.schema import Loaded
from klipkit.base.values import Template, number, template, text
from klipkit.gcode.commands import Commands, gcode
from klipkit.gcode.templates import Gcode, Templates
from klipkit.gcode.words import Line
from klipkit.machine.commands.safe_z_home import HOME, LETTERS, SafeZHomeConfig
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.part import Apply, Part


@section("homing_override")
class HomingOverrideConfig(Declared):
    """What G28 does instead of homing."""

    gcode: Template = option(
        template(), "The G-code; a G28 in it homes as ever. All axes are to be homed by it."
    )
    axes: str = option(text("letters of axes"), "The axes for which it stands.", default="xyz")
    set_position_x: float | None = option(
        number(), "Where X is taken to be before, without homing.", unit="mm", default=None
    )
    set_position_y: float | None = option(
        number(), "Where Y is taken to be before, without homing.", unit="mm", default=None
    )
    set_position_z: float | None = option(
        number(), "Where Z is taken to be before, without homing.", unit="mm", default=None
    )


class HomingOverride(Part):
    """Carries out its own G-code for G28."""

    live = frozenset(("gcode", "axes", "set_position_x", "set_position_y", "set_position_z"))

    def __init__(
        self,
        config: HomingOverrideConfig,
        loaded: Loaded,
        toolhead: Toolhead,
        commands: Commands,
        templates: Templates,
    ) -> None:
        other = loaded.one(SafeZHomeConfig)
        if other is not None:
            raise ConfigError(
                "homing_override and safe_z_home cannot be used simultaneously",
                where=config.source.where(),
                hint=f"take one of them out; the other is at {other.source.where()}",
            )
        self._templates = templates
        self._take_on(config, templates.of_option(config.gcode, config))
        self._toolhead = toolhead
        self._home = commands.take(HOME)
        self._is_within = False

    def reload(self, config: HomingOverrideConfig, changed: Set[str]) -> Apply:
        """All of it is what the next G28 does."""
        compiled = self._templates.of_option(config.gcode, config)
        return lambda: self._take_on(config, compiled)

    @gcode(HOME)
    async def home(self, *, line: Line) -> None:
        """Home the axes that are named (X, Y, Z), or all, by the G-code of [homing_override]."""
        told = {letter for letter in LETTERS if letter in line.parameters}
        if self._is_within or (told and not told & self._letters):
            await self._home.call(line)
            return
        await self._take_place()
        self._is_within = True
        try:
            given = {"params": dict(line.parameters), "rawparams": line.raw}
            await self._gcode.carry_out(given, line.where)
        finally:
            self._is_within = False

    def _take_on(self, config: HomingOverrideConfig, compiled: Gcode) -> None:
        self._gcode = compiled
        self._letters = set(config.axes.upper())
        self._told = (config.set_position_x, config.set_position_y, config.set_position_z)

    async def _take_place(self) -> None:
        """Axes with a set_position are there, and may be moved."""
        taken = [axis for axis, place in enumerate(self._told) if place is not None]
        if not taken:
            return
        planner = self._toolhead.planner
        now = planner.position
        x, y, z = (old if place is None else place for old, place in zip(now, self._told, strict=True))
        await self._toolhead.set_position((x, y, z))
        planner.know(sorted({*planner.known, *taken}))
