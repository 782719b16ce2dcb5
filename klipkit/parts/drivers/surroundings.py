"""What a driver finds around it: the MCUs' wires, its motor, and who is to be told."""

from dataclasses import dataclass, field

from klipkit.base.errors import PinError
from klipkit.base.pin import Pin
from klipkit.gcode.responses import Responses
from klipkit.mcu.mcu import Mcu
from klipkit.mcu.pins import Pins
from klipkit.mcu.spi import SoftwareBus, SpiDevice, SpiDevices, SpiForm
from klipkit.mcu.tmcuart import TmcUart, UartLines
from klipkit.parts.alarm import Alarm
from klipkit.parts.approach import Approaches
from klipkit.parts.drivers.config import SOFTWARE, ChainOptions, LineOptions, SpiBusOptions
from klipkit.parts.drivers.datagrams import Place, TmcSpi
from klipkit.parts.motors import Motors
from klipkit.parts.schedule import Schedule

SPI_MODE = 3  # all of them


@dataclass(frozen=True)
class Surroundings:
    """Made once for all drivers: those on one line or chip select share it."""

    pins: Pins
    motors: Motors
    schedule: Schedule
    alarm: Alarm
    responses: Responses
    approaches: Approaches
    lines: UartLines = field(default_factory=UartLines)
    devices: SpiDevices = field(default_factory=SpiDevices)

    def uart(self, config: LineOptions, pin: Pin, address: int = 0) -> TmcUart:
        """The way to a driver on a UART, whose `uart_pin` is this. Raises PinError."""
        where = config.source.where
        mcu, rx = self.pins.place(pin, where("uart_pin"))
        tx = rx
        if config.tx_pin is not None:
            other, tx = self.pins.place(config.tx_pin, where("tx_pin"))
            if other is not mcu:
                raise PinError("tx_pin is on another microcontroller than uart_pin", where=where("tx_pin"))
        line = self.lines.line(mcu, rx, tx)
        levels = self._levels(config, mcu)
        select = self.lines.select(mcu, list(levels)) if levels else None
        return TmcUart(config.stepper, line, address, select, list(levels.values()))

    def _levels(self, config: LineOptions, mcu: Mcu) -> dict[str, int]:
        """The levels of the select pins, in the order of their names: another driver may name them in another order."""
        where, found = config.source.where("select_pins"), {}
        for select in config.select_pins:
            other, pin = self.pins.place(select, where)
            if other is not mcu:
                raise PinError("select_pins are on another microcontroller than uart_pin", where=where)
            found[pin.name] = int(not pin.invert)
        return dict(sorted(found.items()))

    def spi(self, config: SpiBusOptions, select: Pin) -> SpiDevice:
        """The device of a chip select on the bus of a section. Raises PinError, UnknownBus."""
        where = config.source.where
        mcu, pin = self.pins.place(select, where("cs_pin"))
        form = SpiForm(SPI_MODE, config.spi_speed, self._bus(config))
        return self.devices.device(mcu, pin, form, where("spi_bus"))

    def chained(self, config: ChainOptions, select: Pin) -> TmcSpi:
        """The way to a driver on SPI, alone or in a chain. Raises PinError, UnknownBus."""
        place = Place(config.chain_position or 1, config.chain_length or 1)
        return TmcSpi(config.stepper, self.spi(config, select), place)

    def _bus(self, config: SpiBusOptions) -> str | SoftwareBus | None:
        written = (config.spi_software_sclk_pin, config.spi_software_mosi_pin, config.spi_software_miso_pin)
        places = [
            self.pins.place(pin, config.source.where(name))[1]
            for name, pin in zip(SOFTWARE, written, strict=True)
            if pin is not None
        ]
        return SoftwareBus(*places) if places else config.spi_bus
