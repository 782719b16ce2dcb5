"""The co-simulator as Python sees it: MCUs, carriages, pins and edges in virtual time (sim/cosim.h)."""

import heapq
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from klipkit._core import ffi, lib
from klipkit.base.errors import DeviceError
from klipkit.sim.emulation import Emulation
from klipkit.sim.persona import Persona

EDGES_AT_ONCE = 4096


class Edge(NamedTuple):
    """A change of a watched pin: 64-bit clock of its MCU (ticks), MCU, pin number, new level or PWM value."""

    clock: int
    mcu: int
    pin: int
    level: int


class Faults(NamedTuple):
    """Faults of a wire: the share of frames, each way, in which a byte is changed or lost; same seed, same faults."""

    seed: int = 0
    corrupt: float = 0.0
    drop: float = 0.0
    delay: float = 0.0  # s, at most, by which a frame comes late


class Damaged(NamedTuple):
    """Frames that were changed, lost and delayed."""

    corrupted: int
    dropped: int
    delayed: int


class Due(NamedTuple):
    """What is to be done at a virtual time, s; `order` among those of one time."""

    time: float
    order: int
    action: Callable[[], None]


class Cosim:
    """Owns the co-simulator's memory until close(). `start` is the time at which it begins, s.

    `listeners` are called within run() when messages came into a session or an MCU was reset.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._cosim: Any = lib.cosim_new(start)
        if self._cosim == ffi.NULL:
            raise MemoryError("no memory for a co-simulator")
        self._personas: list[Persona] = []  # the C side keeps pointers into them
        self._due: list[Due] = []
        self._asked = 0
        self.listeners: list[Callable[[], None]] = []

    @property
    def handle(self) -> Any:
        """The pointer for the functions of cosim.h; not after close()."""
        return self._cosim

    def close(self) -> None:
        """Switch all off and give the memory back; more than once does no harm. Sessions stay their owners'."""
        cosim, self._cosim = self._cosim, ffi.NULL
        lib.cosim_free(cosim)
        self._personas.clear()

    def add_mcu(self, firmware: Path, persona: Persona, offset: int = 0, drift: float = 0.0) -> int:
        """Power on an MCU that runs the firmware's shared object; gives its number.

        `offset` is its clock at the start, ticks; `drift` its real frequency over the nominal one, minus 1.
        Raises DeviceError when the object can't be loaded.
        """
        number = lib.cosim_add_mcu(self._cosim, os.fsencode(firmware), persona.pointer, offset, drift)
        self.check(number, f"cannot run {firmware} as {persona.name}")
        self._personas.append(persona)
        return int(number)

    def add_chip(self, emulation: Emulation, persona: Persona, offset: int = 0, drift: float = 0.0) -> int:
        """Power on an emulated chip, which executes the firmware's ELF file; gives its number.

        `persona` says which chip it is. It was switched on `offset` ticks before the start, which are executed here.
        Raises DeviceError when it can't be made.
        """
        elf = emulation.elf
        files = os.fsencode(emulation.emulator), os.fsencode(elf)
        number = lib.cosim_add_chip(self._cosim, *files, persona.pointer, offset, drift)
        self.check(number, f"cannot run {elf} in an emulated {persona.name}")
        self._personas.append(persona)
        return int(number)

    def run(self, until: float) -> int:
        """Let time pass to `until` (s) at most; less when messages come, an MCU is reset, or something is done at().
        Gives COSIM_TIME, COSIM_MESSAGES or COSIM_RESET of cosim.h. Raises DeviceError when an MCU can't be started
        again."""
        if not self._due or self._due[0].time > until:
            return self._run(until)
        why = self._run(max(self._due[0].time, self.now()))
        if why != lib.COSIM_TIME:
            return why
        heapq.heappop(self._due).action()
        return int(lib.COSIM_MESSAGES)

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do something when virtual time gets there, s, in the order of time, then of asking."""
        heapq.heappush(self._due, Due(time, self._asked, action))
        self._asked += 1

    def stall(self, seconds: float) -> None:
        """Let that much time pass in which the host's computer stands still: it neither sends nor hears."""
        end = self.now() + seconds
        lib.cosim_stall(self._cosim, 1)
        while self._run(end) != lib.COSIM_TIME:
            pass
        lib.cosim_stall(self._cosim, 0)
        self._listen()

    def reset(self, mcu: int) -> None:
        """Reset an MCU from outside, as by its button. Raises DeviceError when it can't be started again."""
        self.check(lib.cosim_reset(self._cosim, mcu), f"cannot reset MCU {mcu}")

    def damage(self, mcu: int, faults: Faults) -> None:
        """The wire of an MCU has these faults from now on."""
        given = ffi.new("struct cosim_faults *", faults._asdict())
        self.check(lib.cosim_damage(self._cosim, mcu, given), f"there is no MCU {mcu}")

    def damaged(self, mcu: int) -> Damaged:
        """Frames that were damaged on the wire of an MCU so far, both ways."""
        seen = ffi.new("struct cosim_damaged *")
        self.check(lib.cosim_see_damage(self._cosim, mcu, seen), f"there is no MCU {mcu}")
        return Damaged(int(seen.corrupted), int(seen.dropped), int(seen.delayed))

    def _run(self, until: float) -> int:
        why = lib.cosim_run(self._cosim, until)
        self.check(why, "cannot restart an MCU")
        if why != lib.COSIM_TIME:
            self._listen()
        return int(why)

    def _listen(self) -> None:
        for listener in self.listeners:
            listener()

    def now(self) -> float:
        """Virtual time, s."""
        return float(lib.cosim_now(self._cosim))

    def next_event(self) -> float:
        """When something happens next, s; inf when nothing will."""
        due = self._due[0].time if self._due else math.inf
        return min(float(lib.cosim_next(self._cosim)), due)

    def clock(self, mcu: int) -> int:
        """The MCU's 64-bit clock, ticks."""
        return int(lib.cosim_clock(self._cosim, mcu))

    def resets(self, mcu: int) -> int:
        """How often the MCU was reset."""
        return int(lib.cosim_resets(self._cosim, mcu))

    def flash(self, mcu: int) -> bytes:
        """The image of an emulated chip's flash, as its firmware may have changed it; whole, 0xff where nothing is.

        Raises DeviceError for firmware that was compiled for this computer.
        """
        size = ffi.new("size_t *")
        image = lib.cosim_flash(self._cosim, mcu, size)
        if image == ffi.NULL:
            raise DeviceError(f"MCU {mcu} has no flash: it is not emulated", where="simulator")
        return bytes(ffi.buffer(image, size[0]))

    def overruns(self, mcu: int) -> int:
        """Bytes to the MCU that were lost because its firmware was too late for them."""
        return int(lib.cosim_overruns(self._cosim, mcu))

    def wire_digest(self, mcu: int) -> str:
        """A digest of all bytes on the MCU's wire so far, those to it and those from it: equal for equal bytes."""
        down, up = (int(lib.cosim_wire_digest(self._cosim, mcu, way)) for way in (0, 1))
        return f"{down:016x}{up:016x}"

    def watch(self, mcu: int, pin: int) -> None:
        """Note the edges of a pin from now on."""
        self.check(lib.cosim_watch(self._cosim, mcu, pin), f"MCU {mcu} has no pin {pin}")

    def share(self, mcu: int, pin: int) -> float | None:
        """The share of the time that a pin is driven high: its level or its PWM value; None while it is not driven."""
        share = float(lib.cosim_pin_share(self._cosim, mcu, pin))
        return None if share < 0 else share

    def drive(self, mcu: int, pin: int, level: int | None) -> None:
        """Drive an input from outside, None: let go of it."""
        wanted = -1 if level is None else level
        self.check(lib.cosim_drive(self._cosim, mcu, pin, wanted), f"MCU {mcu} has no pin {pin}")

    def set_analog(self, mcu: int, pin: int, value: int) -> None:
        """What conversions of an analog input give from now on, 0..ADC_MAX of the chip."""
        error = lib.cosim_set_analog(self._cosim, mcu, pin, value)
        self.check(error, f"MCU {mcu} has no pin {pin} that can read {value}")

    def edges(self) -> list[Edge]:
        """Take all edges and PWM values noted so far, in order of time."""
        edges: list[Edge] = []
        block = ffi.new("struct cosim_edge[]", EDGES_AT_ONCE)
        while count := lib.cosim_edges(self._cosim, block, EDGES_AT_ONCE):
            edges += [Edge(edge.clock, edge.mcu, edge.pin, edge.level) for edge in block[0:count]]
        return edges

    def connect(self, mcu: int, session: Any, byte_time: float, faults: Faults | None = None) -> None:
        """Connect a session by a wire on which a byte takes `byte_time` s; ffi.NULL pulls the plug."""
        if self._cosim == ffi.NULL:
            return  # all wires went with it
        given = ffi.new("struct cosim_faults *", faults._asdict()) if faults else ffi.NULL
        self.check(lib.cosim_connect(self._cosim, mcu, session, byte_time, given), f"there is no MCU {mcu}")

    def add_carriage(
        self,
        mcu: int,
        step: int,
        direction: int,
        *,
        step_inverted: bool = False,
        both_edges: bool = False,
        direction_inverted: bool = False,
    ) -> "Carriage":
        """A carriage that the pins `step` and `direction` of an MCU move."""
        number = lib.cosim_add_carriage(
            self._cosim, mcu, step, step_inverted, both_edges, direction, direction_inverted
        )
        self.check(number, f"MCU {mcu} has no pins {step} and {direction}")
        return Carriage(self, int(number))

    def check(self, result: int, what: str) -> None:
        """Raises DeviceError with `what` when the result of a function of cosim.h or models.h is an error."""
        if result < 0:
            raise DeviceError(f"{what}: {os.strerror(-result)}", where="simulator")


class CarriageTruth(NamedTuple):
    """What became of a carriage's step pulses: see struct cosim_carriage of sim/models.h."""

    position: int
    commanded: int
    pulses: int
    stalled: int
    violations: int
    cycles: int


class Carriage:
    """What steps move: the truth, whatever the host thinks."""

    def __init__(self, cosim: Cosim, number: int) -> None:
        self._cosim = cosim
        self.number = number

    @property
    def position(self) -> int:
        """Steps that the body has made since it was added."""
        return int(lib.cosim_carriage_position(self._cosim.handle, self.number))

    @property
    def truth(self) -> CarriageTruth:
        """All that is known of it."""
        seen = ffi.new("struct cosim_carriage *")
        lib.cosim_see_carriage(self._cosim.handle, self.number, seen)
        return CarriageTruth(*(int(getattr(seen, name)) for name in CarriageTruth._fields))

    @property
    def slipped(self) -> int:
        """Steps by which the body is elsewhere than the pulses say: slips, and those that it stalled at an end."""
        truth = self.truth
        return truth.position - truth.commanded

    @property
    def violations(self) -> int:
        """Times that the direction was not set up or held long enough around a step."""
        return self.truth.violations

    def limit(self, cycle: int, speed: float, accel: float) -> None:
        """From now on its motor loses the electrical cycles (of so many steps) that ask for more: see sim/motor.c.

        In steps/s and steps/s^2. Raises DeviceError.
        """
        result = lib.cosim_carriage_limit(self._cosim.handle, self.number, cycle, speed, accel)
        self._cosim.check(result, f"no motor does {speed} steps/s and {accel} steps/s^2 at most")

    def slip(self, steps: int) -> None:
        """Move the body by so many steps without a pulse."""
        self._cosim.check(lib.cosim_slip(self._cosim.handle, self.number, steps), "no such carriage")

    def add_switch(self, trigger: int, mcu: int, pin: int, *, above: bool = True, level: int = 1) -> None:
        """A switch that gives `level` to an input pin while the position is at or above (below) `trigger` steps."""
        handle = self._cosim.handle
        rail = lib.cosim_add_rail(handle, float(self.position), -math.inf, math.inf)
        self._cosim.check(lib.cosim_rail_by(handle, rail, self.number, 1.0), "no such carriage")
        sign = 1 if above else -1
        law = {"trigger": trigger, "sign": sign, "mcu": mcu, "pin": pin, "level": level}
        number = lib.cosim_add_contact(handle, rail, ffi.new("struct cosim_switch *", law))
        self._cosim.check(number, f"MCU {mcu} has no pin {pin}")


def is_never(time: float) -> bool:
    """Whether a time of Cosim.next_event means that nothing is left to happen."""
    return math.isinf(time)
