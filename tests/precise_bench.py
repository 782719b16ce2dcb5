"""A daemon of a simulated printer for the precision tools: virtual time, noisy switches, motors with limits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from klipkit.base.configedit import Changes
from klipkit.base.schema import Loaded
from klipkit.daemon.daemon import Daemon, State
from klipkit.daemon.host import Host
from klipkit.daemon.saveconfig import save
from klipkit.daemon.session import LocalSession
from klipkit.sim.printer import SimulatedPrinter
from klipkit.sim.rails import SwitchQuality
from tests.daemon_bench import living, until
from tests.machine_bench import loaded_of
from tests.reference import TOP

EXAMPLES = TOP / "config-examples"
TOGETHER = "[mcu]\nrestart_method: rpi_usb\n"  # drivers and MCU are reset together: steps tell the phase

Act = Callable[[LocalSession, Host, SimulatedPrinter], Awaitable[None]]


def config(name: str, more: str = "", edits: Mapping[str, str] | None = None) -> str:
    """The text of an example whose drivers are reset with the MCU, with some texts replaced and more sections."""
    text = (EXAMPLES / f"{name}.cfg").read_text().replace("[mcu]\n", TOGETHER)
    for old, new in (edits or {}).items():
        assert old in text
        text = text.replace(old, new)
    return f"{text}\n{more}"


def quality(deviation: float, cut: float, seed: int, *rails: str) -> SwitchQuality:
    """Switches with normal noise, mm; those of these rails, or all."""
    return SwitchQuality(noise=cut, deviation=deviation, seed=seed, rails=frozenset(rails) or None)


class Machines(LocalSession):
    """A session that knows the daemon: its machine is another one after a restart."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon)
        self._of = daemon

    async def host(self) -> Host:
        """The machine, once it is ready."""
        await until(self._of, State.READY)
        assert self._of.host is not None
        return self._of.host

    async def restarted(self, command: str) -> Host:
        """The machine after a command that restarts it."""
        await self.gcode(command)
        await until(self._of, State.STARTUP)
        return await self.host()


def live(
    act: Act,
    text: str,
    *,
    switches: SwitchQuality | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
    seed: int = 0,
    kind: type[LocalSession] = Machines,
    chip: str = "atmega2560",
    file: Path | None = None,
    begin: tuple[float, float, float] | None = None,
) -> list[str]:
    """Run `act` on a ready daemon with a session in the same process; gives what the machine said.

    With `file` its configuration is read from there, and SAVE_CONFIG writes it.
    """

    def load() -> Loaded:
        return loaded_of(text if file is None else file.read_text())

    def write(changes: Changes) -> Sequence[str]:
        assert file is not None
        return save(str(file), changes, datetime(2026, 11, 24, 16, 0, 0))

    async def whole(daemon: Daemon, printer: SimulatedPrinter) -> None:
        session = kind(daemon)
        try:
            await until(daemon, State.READY)
            assert daemon.host is not None
            await act(session, daemon.host, printer)
        finally:
            await session.close()

    return living(
        load,
        whole,
        loaded_of(text),
        log=lambda line: None,  # what is printed is the tools'
        save=write,
        chips=(f"mcu={chip}",),
        seed=seed,
        switches=switches,
        limits=limits,
        begin=begin,
    )


def places(host: Host, printer: SimulatedPrinter, *names: str) -> list[int]:
    """Where each motor's body is (steps) when its coordinate is 0 by the host: the truth of how it was homed."""
    found = []
    for name in names:
        stepper = host.steppers[name]
        exact = printer.carriages[name].position - stepper.position() / stepper.step_distance
        found.append(round(exact * 1000))
    return found
