"""The stepper drivers of a simulated printer: a chip for each driver section, between its stepper's pins and motor."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from klipkit._core import ffi, lib
from klipkit.base.errors import UnknownBus
from klipkit.base.pin import Pin
from klipkit.base.schema import Loaded
from klipkit.base.text import did_you_mean
from klipkit.machine.config import StepperOptions
from klipkit.parts.drivers.config import SOFTWARE, DriverOptions, SpiBusOptions
from klipkit.parts.drivers.settings import check_microsteps
from klipkit.sim.cosim import Carriage, Cosim
from klipkit.sim.models import Place

CHIPS = {
    "tmc2130": lib.COSIM_TMC2130,
    "tmc2208": lib.COSIM_TMC2208,
    "tmc2209": lib.COSIM_TMC2209,
    "tmc2240": lib.COSIM_TMC2240,
    "tmc2660": lib.COSIM_TMC2660,
    "tmc5160": lib.COSIM_TMC5160,
}

Find = Callable[[Pin, str], Place]


class Trouble(IntEnum):
    """What befalls a driver: see enum cosim_driver_fault."""

    WARM = lib.COSIM_DRIVER_WARM
    OVERHEATED = lib.COSIM_DRIVER_OVERHEATED
    SHORTED = lib.COSIM_DRIVER_SHORTED
    UNDERVOLTED = lib.COSIM_DRIVER_UNDERVOLTED
    RESET = lib.COSIM_DRIVER_RESET
    UNPOWERED = lib.COSIM_DRIVER_UNPOWERED


class DriverTruth(NamedTuple):
    """What a driver is and has seen: see struct cosim_driven of sim/drivers.h."""

    mscnt: int
    datagrams: int
    misread: int
    unmoved: int
    stalls: int
    falls: int
    is_driving: bool
    is_silent: bool


class SimDriver:
    """A chip that moves a carriage; the truth about it. `microsteps`: those that the carriage counts."""

    def __init__(self, cosim: Cosim, carriage: Carriage, chip: str, microsteps: int) -> None:
        self._cosim = cosim
        self._number = int(lib.cosim_add_driver(cosim.handle, carriage.number, CHIPS[chip], microsteps))
        cosim.check(
            self._number, f"no {chip} with {microsteps} microsteps can move carriage {carriage.number}"
        )

    @property
    def truth(self) -> DriverTruth:
        """All that is known of it."""
        seen = ffi.new("struct cosim_driven *")
        self._cosim.check(lib.cosim_see_driver(self._cosim.handle, self._number, seen), "no such driver")
        return DriverTruth(
            int(seen.mscnt),
            int(seen.datagrams),
            int(seen.misread),
            int(seen.unmoved),
            int(seen.stalls),
            int(seen.falls),
            bool(seen.is_driving),
            bool(seen.is_silent),
        )

    def register(self, address: int) -> int:
        """What a register holds, whether it can be read or not."""
        value = int(lib.cosim_driver_register(self._cosim.handle, self._number, address))
        self._cosim.check(min(value, 0), f"no register {address:#x}")
        return value

    def befall(self, trouble: Trouble, on: bool = True) -> None:
        """It happens, or is over."""
        result = lib.cosim_fault_driver(self._cosim.handle, self._number, trouble, on)
        self._cosim.check(result, "no such driver")

    def enabled_by(self, place: Place, level: int) -> None:
        """The pin that has this level while the power stage is on."""
        result = lib.cosim_driver_enable(self._cosim.handle, self._number, *place, level)
        self._cosim.check(result, f"pin {place[1]} of MCU {place[0]} cannot enable")

    def on_uart(self, rx: Place, tx: Place, address: int = 0) -> None:
        """Its line, as the MCU reads and drives it."""
        result = lib.cosim_driver_uart(self._cosim.handle, self._number, rx[0], rx[1], tx[1], address)
        self._cosim.check(result, f"pin {rx[1]} of MCU {rx[0]} cannot be its line")

    def selected_by(self, place: Place, level: int) -> None:
        """A pin that connects it to its line by this level."""
        result = lib.cosim_driver_select(self._cosim.handle, self._number, *place, level)
        self._cosim.check(result, f"pin {place[1]} of MCU {place[0]} cannot select it")

    def on_spi(self, select: Place, bus: int) -> None:
        """Its chip select, and the bus by the firmware's number."""
        result = lib.cosim_driver_spi(self._cosim.handle, self._number, *select, bus)
        self._cosim.check(result, f"pin {select[1]} of MCU {select[0]} cannot be its chip select")

    def on_spi_pins(self, select: Place, clock: Place, mosi: Place, miso: Place) -> None:
        """Its chip select, and the pins of its bus."""
        result = lib.cosim_driver_spi_pins(
            self._cosim.handle, self._number, *select, clock[1], mosi[1], miso[1]
        )
        self._cosim.check(result, f"pin {select[1]} of MCU {select[0]} cannot be its chip select")

    def tells(self, diag: int, place: Place) -> None:
        """The input pin on one of its DIAG outputs."""
        result = lib.cosim_driver_diag(self._cosim.handle, self._number, diag, *place)
        self._cosim.check(result, f"pin {place[1]} of MCU {place[0]} cannot be a DIAG's")


class SimDrivers:
    """The drivers by the section of their stepper."""

    def __init__(
        self,
        cosim: Cosim,
        loaded: Loaded,
        carriages: Mapping[str, Carriage],
        steppers: Mapping[str, StepperOptions],
        place: Find,
        buses: Callable[[str], Mapping[str, int]],
    ) -> None:
        """`buses`: the numbers of an MCU's SPI buses, by its name."""
        self.drivers: dict[str, SimDriver] = {}
        chained: list[tuple[int, str, Any]] = []
        for config in loaded.all(DriverOptions):
            stepper = steppers[config.stepper]
            check_microsteps(config, stepper.microsteps)
            chip = config.source.name.partition(" ")[0]
            driver = SimDriver(cosim, carriages[config.stepper], chip, stepper.microsteps)
            self.drivers[config.stepper] = driver
            if stepper.enable_pin is not None:
                at = place(stepper.enable_pin, stepper.source.where("enable_pin"))
                driver.enabled_by(at, int(not stepper.enable_pin.invert))
            if getattr(config, "uart_pin", None) is not None:
                _wire_uart(driver, config, place)
            elif isinstance(config, SpiBusOptions):
                chained.append((getattr(config, "chain_position", None) or 1, config.stepper, config))
            _wire_diags(driver, config, place)
        for _, name, config in sorted(chained, key=lambda each: each[:2]):  # a chain begins at MOSI
            _wire_spi(self.drivers[name], config, place, buses)


def _wire_uart(driver: SimDriver, config: Any, place: Find) -> None:
    rx = place(config.uart_pin, config.source.where("uart_pin"))
    tx = rx if config.tx_pin is None else place(config.tx_pin, config.source.where("tx_pin"))
    driver.on_uart(rx, tx, getattr(config, "uart_address", 0))
    for pin in config.select_pins:
        driver.selected_by(place(pin, config.source.where("select_pins")), int(not pin.invert))


def _wire_spi(driver: SimDriver, config: Any, place: Find, buses: Callable[[str], Mapping[str, int]]) -> None:
    where = config.source.where
    select = place(config.cs_pin, where("cs_pin"))
    pins = [getattr(config, name) for name in SOFTWARE]
    if pins[0] is not None:
        found = [place(pin, where(name)) for name, pin in zip(SOFTWARE, pins, strict=True)]
        driver.on_spi_pins(select, *found)
        return
    known = buses(config.cs_pin.chip)
    if config.spi_bus is not None and config.spi_bus not in known:
        hint = did_you_mean(config.spi_bus, known)
        raise UnknownBus(f"Unknown spi_bus '{config.spi_bus}'", where=where("spi_bus"), hint=hint)
    driver.on_spi(select, known[config.spi_bus] if config.spi_bus else min(known.values(), default=0))


def _wire_diags(driver: SimDriver, config: DriverOptions, place: Find) -> None:
    for name, diag in (("diag_pin", 0), ("diag0_pin", 0), ("diag1_pin", 1)):
        pin = getattr(config, name, None)
        if pin is not None:
            driver.tells(diag, place(pin, config.source.where(name)))
