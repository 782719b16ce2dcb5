"""The deadman matrix: whatever becomes of the host and the link, in whatever state, the microcontroller alone turns
heaters off within 3 s and motors off within 6 s; and as long as refreshes pass, nothing changes."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from klipkit._core import ffi, lib
from klipkit.base.config import parse_config
from klipkit.base.errors import KlipkitError
from klipkit.base.schema import Loaded
from klipkit.boards.mcuchips import chips_of
from klipkit.cli.sections import SCHEMA
from klipkit.cli.simulate import OBJECT
from klipkit.daemon.daemon import Daemon, Request, State
from klipkit.daemon.host import Host
from klipkit.parts.heaters.heater import Heater
from klipkit.sim.avr.emulation import emulations_of
from klipkit.sim.firmware import build
from klipkit.sim.loop import run_virtual
from klipkit.sim.printer import SimulatedPrinter
from tests.reference import TOP
from tests.unit.firmware_surround import frame

CONFIG = (TOP / "config-examples" / "cartesian.cfg").read_text()
HEATERS_OFF, MOTORS_OFF = 3.0, 6.0  # s from the last refresh that arrives
AFTER = 9.0  # s for which the printer is watched
FREQUENCY = 16e6  # Hz
BYTE_TIME = 40e-6  # s, at 250000 baud
PIECE = 0.02  # s of a flood put at a time
PART = "G28\nG1 X10 Y10 Z2 F6000\n" + "G1 X150 F1800\nG1 X10\n" * 40  # 4.7 s a move
TASKS: list[asyncio.Future[None]] = []  # that nobody waits for
WARM = 45.0  # degrees C: soon reached


class Dead(Exception):
    """The host is no more."""


class Cell:
    """One printer, brought into a state; then something befalls it at `begun`, s of virtual time."""

    def __init__(self, folder: Path, *, emulated: bool = False) -> None:
        (folder / "part.gcode").write_text(PART)
        self.config = CONFIG + f"\n[virtual_sdcard]\npath: {folder}\n"
        self.loaded = self._load()
        chips = chips_of(self.loaded.config, ("mcu=atmega2560",))
        emulations = emulations_of(chips, ("mcu",)) if emulated else None
        self.printer = SimulatedPrinter(
            self.loaded, chips, build(OBJECT), emulations=emulations, begin=(60, 60, 20)
        )
        self.cosim, self.mcu = self.printer.cosim, self.printer.numbers["mcu"]
        self.begun, self.begun_clock = 0.0, 0
        self.heaters, self.enables = self._pins()

    def _load(self) -> Loaded:
        return SCHEMA.load(parse_config(self.config, "printer.cfg"))

    def _pins(self) -> tuple[dict[int, int], dict[int, int]]:
        """Pin and the level at which it is off."""
        heaters: dict[int, int] = {}
        enables: dict[int, int] = {}
        for name, config in self.loaded.sections.items():
            for option, found in (("heater_pin", heaters), ("enable_pin", enables)):
                pin = getattr(config, option, None)
                if pin is not None:
                    _, number = self.printer.place(pin, name)
                    self.cosim.watch(self.mcu, number)
                    found[number] = int(pin.invert)
        return heaters, enables

    def live(self, act: Callable[["Cell", Daemon], object]) -> None:
        """`act` on the daemon of this printer until the host is dead or `act` is done."""

        async def whole() -> None:
            self.daemon = daemon = Daemon(self._load, lambda loaded: self.printer.reaches())
            running = asyncio.ensure_future(daemon.run())
            await act(self, daemon)  # type: ignore[misc]
            daemon.ask(Request.STOP)
            await running

        with contextlib.suppress(Dead):
            run_virtual(whole(), self.cosim)

    def watch(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """The printer goes on alone."""
        end = self.cosim.now() + seconds
        while self.cosim.now() < end:
            each()
            until = min(end, self.cosim.now() + PIECE)
            while self.cosim.now() < until:
                self.cosim.run(until)

    def assert_off_in_time(self) -> None:
        """No heater is on 3 s after `begun`, no motor 6 s after, nor at any time later."""
        off = {pin: (level, HEATERS_OFF) for pin, level in self.heaters.items()}
        off |= {pin: (level, MOTORS_OFF) for pin, level in self.enables.items()}
        before: dict[int, int] = {}  # level at the deadline
        for edge in self.cosim.edges():
            if edge.pin in off:
                level, limit = off[edge.pin]
                if (edge.clock - self.begun_clock) / FREQUENCY < limit:
                    before[edge.pin] = edge.level
                else:
                    assert edge.level == level == before[edge.pin], edge
        for pin, (level, _) in off.items():
            assert self.cosim.share(self.mcu, pin) == level, f"pin {pin} is on at the end"

    def are_on(self) -> tuple[bool, bool]:
        """Whether a heater's target is set, and whether a motor is on."""
        host = machine(self.daemon)
        hot = any(isinstance(part, Heater) and part.target > 0 for part in host.parts.values())
        return hot, host.toolhead.is_on


def machine(daemon: Daemon) -> Host:
    assert daemon.host is not None
    return daemon.host


# --- states ---


async def idle(daemon: Daemon) -> None:
    """Ready, nothing on."""


async def heating(daemon: Daemon) -> None:
    await daemon.execute("M104 S200\nM140 S60", "a")
    await asyncio.sleep(2)


async def holding(daemon: Daemon) -> None:
    await daemon.execute(f"M140 S{WARM}\nM109 S{WARM}\nG28 X\nG4 S3", "a")


async def standing(daemon: Daemon) -> None:
    """Motors on, heaters off: no heater's deadline turns the motors off, too."""
    await daemon.execute("G28 X\nM400", "a")


async def homing(daemon: Daemon) -> None:
    await daemon.execute(f"M109 S{WARM}", "a")
    TASKS.append(asyncio.ensure_future(quietly(daemon.execute("G28", "a"))))
    await asyncio.sleep(0.9)


async def printing(daemon: Daemon) -> None:
    await daemon.execute(f"M109 S{WARM}\nSDCARD_PRINT_FILE FILENAME=part.gcode", "a")
    while machine(daemon).toolhead.position[2] < 1:
        await asyncio.sleep(0.1)
    await asyncio.sleep(7)


async def paused(daemon: Daemon) -> None:
    await printing(daemon)
    await daemon.execute("PAUSE", "b")
    await machine(daemon).toolhead.drain()


async def quietly(work: object) -> None:
    """Somebody's line, whose end is of no interest."""
    with contextlib.suppress(KlipkitError):
        await work  # type: ignore[misc]


STATES = {state.__name__: state for state in (idle, standing, heating, holding, homing, printing, paused)}
ON = {  # heaters, motors
    "idle": (False, False),
    "standing": (False, True),
    "heating": (True, False),
    "holding": (True, True),
    "homing": (True, True),
    "printing": (True, True),
    "paused": (True, True),
}


async def ready(daemon: Daemon) -> None:
    while daemon.state is not State.READY:
        await asyncio.sleep(0.1)


# --- what befalls it ---


async def killed(cell: Cell) -> None:
    """kill -9: nothing is sent any more."""
    cell.printer.unplug("mcu")
    raise Dead


async def stopped(cell: Cell) -> None:
    """kill -STOP: nothing is sent for a while, and what comes waits."""
    cell.cosim.stall(AFTER)
    await asyncio.sleep(AFTER)


async def cut(cell: Cell) -> None:
    """The cable is pulled out; the host lives."""
    cell.printer.unplug("mcu")
    await asyncio.sleep(AFTER)


def noise() -> Iterator[bytes]:
    """Any bytes."""
    source = random.Random(7)
    while True:
        yield source.randbytes(round(PIECE / BYTE_TIME))


def questions(cell: Cell) -> Iterator[bytes]:
    """Frames as they should be, in the order of their numbers, with a command that changes nothing."""
    number, payload = 0, machine(cell.daemon).main.dictionary.encode("get_uptime") * 3
    while True:
        found = b""
        while len(found) < PIECE / BYTE_TIME:
            found += frame(number % 16, payload)
            number += 1
        yield found


async def flooded_with_noise(cell: Cell) -> None:
    await flooded(cell, noise())


async def flooded_with_frames(cell: Cell) -> None:
    await flooded(cell, questions(cell))


async def flooded(cell: Cell, bytes_of: Iterator[bytes]) -> None:
    """The host is dead, and something else talks to the microcontroller all the time."""
    cell.printer.unplug("mcu")
    cell.cosim.check(lib.cosim_connect_bytes(cell.cosim.handle, cell.mcu, BYTE_TIME, ffi.NULL), "no wire")
    cell.watch(AFTER, lambda: put(cell, next(bytes_of)))
    raise Dead


def put(cell: Cell, data: bytes) -> None:
    lib.cosim_put(cell.cosim.handle, cell.mcu, data, len(data))
    lib.cosim_take(cell.cosim.handle, cell.mcu, ffi.new("uint8_t[65536]"), 65536)


FATES = {fate.__name__: fate for fate in (killed, stopped, cut, flooded_with_noise, flooded_with_frames)}


def befall(folder: Path, state: str, fate: str, *, emulated: bool = False) -> Cell:
    cell = Cell(folder, emulated=emulated)

    async def act(cell: Cell, daemon: Daemon) -> None:
        await ready(daemon)
        await STATES[state](daemon)
        assert cell.are_on() == ON[state]
        assert (
            any(cell.cosim.share(cell.mcu, pin) != off for pin, off in cell.enables.items()) == ON[state][1]
        )
        cell.begun = cell.cosim.now()
        cell.begun_clock = int(lib.cosim_clock(cell.cosim.handle, cell.mcu))
        await FATES[fate](cell)

    try:
        cell.live(act)
        if cell.cosim.now() < cell.begun + AFTER:
            cell.watch(cell.begun + AFTER - cell.cosim.now())
        cell.assert_off_in_time()
    finally:
        cell.printer.close()
    return cell


# --- what it lives through ---


async def stalled_shortly(cell: Cell) -> None:
    """The host stands still for less than what is sent ahead, again and again."""
    for _ in range(6):
        cell.cosim.stall(0.2)
        await asyncio.sleep(1)


async def a_tenth_of_noise(cell: Cell) -> None:
    """Any bytes among the host's."""
    await among(cell, lambda source: source.randbytes(50))


async def a_tenth_of_wrong_frames(cell: Cell) -> None:
    """Frames among the host's that have another number than is expected."""
    payload = machine(cell.daemon).main.dictionary.encode("get_uptime")
    await among(cell, lambda source: frame(source.randrange(16), payload) * 6)


async def among(cell: Cell, data: Callable[[random.Random], bytes]) -> None:
    source = random.Random(3)
    for _ in range(300):
        foreign = data(source)
        lib.cosim_put(cell.cosim.handle, cell.mcu, foreign, len(foreign))
        await asyncio.sleep(PIECE)


LIVES = {fate.__name__: fate for fate in (stalled_shortly, a_tenth_of_noise, a_tenth_of_wrong_frames)}


@pytest.mark.parametrize("fate", LIVES)
@pytest.mark.parametrize("state", STATES)
def test_as_long_as_refreshes_pass_nothing_changes(state: str, fate: str, tmp_path: Path) -> None:
    cell = Cell(tmp_path)

    async def act(cell: Cell, daemon: Daemon) -> None:
        await ready(daemon)
        await STATES[state](daemon)
        await LIVES[fate](cell)
        assert daemon.state is State.READY, daemon.message
        assert cell.are_on() == ON[state]
        host = machine(daemon)
        if state in ("printing", "paused"):
            await daemon.execute("CANCEL_PRINT", "c")
        await asyncio.gather(*TASKS)
        await daemon.execute("M400", "c")
        for name, stepper in host.steppers.items():
            assert await stepper.counted() == stepper.commanded() == cell.printer.carriages[name].position

    try:
        cell.live(act)
    finally:
        TASKS.clear()
        cell.printer.close()


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("state", STATES)
def test_without_refreshes_heaters_and_motors_go_off_in_time(state: str, fate: str, tmp_path: Path) -> None:
    befall(tmp_path, state, fate)


@pytest.mark.parametrize(
    ("state", "fate"),
    [("heating", "killed"), ("holding", "flooded_with_noise"), ("homing", "flooded_with_frames")],
)
def test_the_avrs_own_firmware_turns_them_off_too(state: str, fate: str, tmp_path: Path) -> None:
    befall(tmp_path, state, fate, emulated=True)
