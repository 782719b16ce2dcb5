"""The simulated way to an MCU: a Pipe whose session the co-simulator drives in virtual time."""

from collections.abc import Sequence

from klipkit._core import ffi, lib
from klipkit.base.faults import LinkError
from klipkit.link.pipe import Pipe
from klipkit.link.way import Shown
from klipkit.sim.cosim import Cosim, Faults


class SimPipe(Pipe):
    """Connects a new session to an MCU of `cosim` by a wire on which a byte takes `byte_time` s.

    `ready` is set by the co-simulator's run(), which the event loop of sim/loop.py calls while it waits.
    """

    def __init__(self, cosim: Cosim, mcu: int, byte_time: float = 0.0, faults: Faults | None = None) -> None:
        super().__init__()
        self._cosim = cosim
        self._mcu = mcu
        lib.session_set_wire(self.session, byte_time, 0)
        cosim.connect(mcu, self.session, byte_time, faults)
        cosim.listeners.append(self._look)

    def wake(self) -> None:
        """Nothing to do: each run of the co-simulator asks the session first, and time passes in no other way."""

    def now(self) -> float:
        """Virtual time, s."""
        return self._cosim.now()

    def unplug(self) -> None:
        """Pull the plug: what is on the wire is lost, and the pipe has failed."""
        if self.error is None and not self.closed:
            self._disconnect()
            self.fail(LinkError("the link broke: unplugged", where=f"simulated MCU {self._mcu}"))

    def _look(self) -> None:
        if lib.session_waiting(self.session):
            self.ready.set()

    def _disconnect(self) -> None:
        self._cosim.listeners.remove(self._look)
        self._cosim.connect(self._mcu, ffi.NULL, 0.0)

    def _stop(self) -> None:
        if self.error is None:
            self._disconnect()


class SimWay:
    """The way to a simulated MCU, over and over (link/way.py). It has no DTR: firmware resets itself by command.

    `faults` are those of pipes opened from now on.
    """

    def __init__(
        self, cosim: Cosim, mcu: int, byte_time: float = 0.0, faults: Faults | None = None, *, where: str = ""
    ) -> None:
        self.where = where or f"simulated MCU {mcu}"
        self.faults = faults
        self._cosim, self._mcu, self._byte_time = cosim, mcu, byte_time

    async def open(self) -> Pipe:
        """A new pipe; the one before must be closed."""
        return SimPipe(self._cosim, self._mcu, self._byte_time, self.faults)

    async def show(self, steps: Sequence[Shown]) -> bool:
        """There are no outputs to show anything."""
        return False

    async def cycle_power(self) -> None:
        """Raises LinkError: there is no USB here."""
        raise LinkError("has no USB power to switch", where=self.where, hint="take another restart_method")
