"""Z is homed at a place where it is safe to: [safe_z_home], in G28's place."""

from klipkit.base.declare import Declared, option, section
from klipkit.base.faults import HomingError
from klipkit.base.values import boolean, number, point
from klipkit.gcode.commands import Commands, gcode
from klipkit.gcode.words import Line
from klipkit.machine.homing import Homing
from klipkit.machine.moving import go_to
from klipkit.machine.toolhead import Toolhead
from klipkit.parts.part import Part

HOME, LETTERS = "G28", "XYZ"
X, Y, Z = 0, 1, 2


@section("safe_z_home")
class SafeZHomeConfig(Declared):
    """Where Z is homed."""

    home_xy_position: tuple[float, float] = option(
        point(), "Where the toolhead is when Z is homed.", unit="mm"
    )
    speed: float = option(number(above=0), "How fast it goes there.", unit="mm/s", default=50.0)
    z_hop: float = option(
        number(minimum=0),
        "The least height above the bed with which anything is homed; 0: any.",
        unit="mm",
        default=0.0,
    )
    z_hop_speed: float = option(number(above=0), "How fast it is lifted.", unit="mm/s", default=15.0)
    move_to_previous: bool = option(
        boolean(), "Whether it goes back along X and Y when Z is homed.", default=False
    )


class SafeZHome(Part):
    """Homes with care."""

    def __init__(
        self, config: SafeZHomeConfig, homing: Homing, toolhead: Toolhead, commands: Commands
    ) -> None:
        self._config = config
        self._homing = homing
        self._toolhead = toolhead
        self._home = commands.take(HOME)

    @gcode(HOME)
    async def home(self, *, line: Line) -> None:
        """Home the axes that are named (X, Y, Z), or all; Z where it is safe."""
        told = {axis for axis, letter in enumerate(LETTERS) if letter in line.parameters} or {X, Y, Z}
        await self._hop()
        if told & {X, Y}:
            await self._call(line, sorted(told - {Z}))
        if Z in told:
            await self._home_z(line)

    async def _home_z(self, line: Line) -> None:
        known = self._toolhead.planner.known
        if not {X, Y} <= known:
            raise HomingError("Must home X and Y axes first", where=line.where, hint="G28 homes all")
        before = self._toolhead.position
        x, y = self._config.home_xy_position
        await go_to(self._toolhead, (x, y, before[Z]), self._config.speed, line.where)
        await self._call(line, [Z])
        await self._lift()
        if self._config.move_to_previous:
            end = (before[X], before[Y], self._toolhead.position[Z])
            await go_to(self._toolhead, end, self._config.speed, line.where)

    async def _hop(self) -> None:
        """Lift the toolhead: by z_hop when nobody knows how high it is."""
        planner = self._toolhead.planner
        if not self._config.z_hop:
            return
        if Z in planner.known:
            await self._lift()
            return
        x, y, _ = self._toolhead.position
        await self._toolhead.set_position((x, y, 0.0))
        await self._homing.straight((x, y, self._config.z_hop), self._config.z_hop_speed)

    async def _lift(self) -> None:
        """To z_hop at least."""
        x, y, z = self._toolhead.position
        if z < self._config.z_hop:
            await self._homing.straight((x, y, self._config.z_hop), self._config.z_hop_speed)

    async def _call(self, line: Line, axes: list[int]) -> None:
        await self._home.call(Line(HOME, {LETTERS[axis]: "0" for axis in axes}, "", line.where))
