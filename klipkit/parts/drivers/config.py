"""The options that stepper drivers have alike: currents, modes, and the wires to the MCU."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from klipkit.base.declare import Declared, Problem, computed, option, options, prefixed
from klipkit.base.pin import Pin, PinMaker, PinUse, pin
from klipkit.base.rules import needs
from klipkit.base.values import Kind, Scope, Text, boolean, integer, list_of, number, text
from klipkit.base.values import expected as expected_kind
from klipkit.parts.drivers.registers import RegisterMap

WORDS = ("tmc2130", "tmc2208", "tmc2209", "tmc2240", "tmc2660", "tmc5160")  # first words of their sections
VIRTUAL_ENDSTOP = "virtual_endstop"
_TRUTHS = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}


class _FieldValue(Kind[int]):
    words = "integer (of a single bit also True or False)"

    def read(self, text: Text, scope: Scope) -> int:
        truth = _TRUTHS.get(text.text.lower())
        if truth is not None:
            return truth
        try:
            return int(text.text)
        except ValueError:
            raise expected_kind(self.words, text) from None


@options(removed={"microsteps": "write it into the section of the stepper"})
class DriverOptions(PinMaker, Declared):
    """A stepper driver with registers."""

    interpolate: bool = option(
        boolean(), "Let the driver make 256 microsteps of each step, in between.", default=True
    )

    @property
    def stepper(self) -> str:
        """The section of its stepper."""
        return self.source.short

    @property
    def fields(self) -> Mapping[str, int]:
        """The fields of its registers that are written, by their names in lower case."""
        driver: Mapping[str, int] = getattr(self, "driver", {})
        return {name.lower(): value for name, value in driver.items()}

    @property
    def diag(self) -> Pin | None:
        """The input pin that tells of a stall."""
        return None

    @property
    def pin_maker(self) -> str:
        """As tmc2209_stepper_x."""
        return self.source.name.replace(" ", "_")

    def made_pins(self) -> Mapping[str, Pin]:
        """The diag pin, as the endstop that it is when the motor stalls."""
        return {} if self.diag is None else {VIRTUAL_ENDSTOP: self.diag}


@options()
class SilentOptions(DriverOptions):
    """A driver that can drive its motor silently."""

    stealthchop_threshold: float = option(
        number(minimum=0),
        "The speed below which the motor is driven silently (stealthChop); 0: never.",
        unit="mm/s",
        default=0.0,
    )


@options()
class CoolStepOptions(DriverOptions):
    """A driver that can lower the current with the load."""

    coolstep_threshold: float | None = option(
        number(above=0),
        "The speed above which the current follows the load (CoolStep). Homing by stall must be faster.",
        unit="mm/s",
        default=None,
        said="never",
    )


@options()
class HighVelocityOptions(CoolStepOptions):
    """A driver that can change its mode at high speed."""

    high_velocity_threshold: float | None = option(
        number(above=0),
        "The speed above which CoolStep and stealthChop end (THIGH).",
        unit="mm/s",
        default=None,
        said="none",
    )


@options(rules=[needs("tx_pin", "uart_pin"), needs("select_pins", "uart_pin")])
class LineOptions(DriverOptions):
    """A driver that may be on a UART."""

    tx_pin: Pin | None = option(
        pin(PinUse.PLAIN),
        "The pin to send on, where it is another one than uart_pin.",
        default=None,
        said="uart_pin",
    )
    select_pins: tuple[Pin, ...] = option(
        list_of(pin(PinUse.OUTPUT)),
        "Pins to set before the driver is talked to, as those of an analog multiplexer.",
        default=(),
    )


@options()
class UartOptions(LineOptions):
    """A driver on a UART."""

    uart_pin: Pin = option(pin(PinUse.UART), "The pin connected to PDN_UART of the driver.")


SPI_SPEED = 4_000_000  # Hz
SOFTWARE = ("spi_software_sclk_pin", "spi_software_mosi_pin", "spi_software_miso_pin")


@options(
    rules=[needs(one, *(other for other in SOFTWARE if other != one)) for one in SOFTWARE],
)
class SpiBusOptions(Declared):
    """The SPI bus of a device."""

    spi_speed: int = option(integer(minimum=100_000), "The speed of the bus.", unit="Hz", default=SPI_SPEED)
    spi_bus: str | None = option(
        text(), "The bus, by the microcontroller's name for it.", default=None, said="its first"
    )
    spi_software_sclk_pin: Pin | None = option(
        pin(PinUse.PLAIN), "The clock of a bus made of any pins.", default=None
    )
    spi_software_mosi_pin: Pin | None = option(
        pin(PinUse.PLAIN), "The data to the device of such a bus.", default=None
    )
    spi_software_miso_pin: Pin | None = option(
        pin(PinUse.PLAIN), "The data from the device of such a bus.", default=None
    )


def _chain(driver: Any) -> Iterable[Problem]:
    position, length = driver.chain_position, driver.chain_length
    if (position is None) != (length is None):
        yield Problem("chain_position", "and chain_length must be written together")
    elif position is not None and position > length:
        yield Problem("chain_position", f"is {position}, but the chain has {length} drivers")


@options(checks=[_chain])
class ChainOptions(SpiBusOptions, DriverOptions):
    """A driver on an SPI bus, alone or in a daisy chain."""

    chain_position: int | None = option(
        integer(minimum=1),
        "The driver's place in a daisy chain; 1 is connected to MOSI.",
        default=None,
        said="no chain",
    )
    chain_length: int | None = option(
        integer(minimum=2), "The number of drivers in the chain.", default=None, said="no chain"
    )


@options()
class DiagOptions(DriverOptions):
    """A driver with two outputs that can tell of a stall."""

    diag0_pin: Pin | None = option(
        pin(PinUse.INPUT),
        "The pin connected to DIAG0, active low: then tmcNNNN_stepper_x:virtual_endstop is an endstop that feels the "
        "rail's end.",
        default=None,
    )
    diag1_pin: Pin | None = option(
        pin(PinUse.INPUT), "The pin connected to DIAG1, in place of DIAG0.", default=None
    )

    @property
    def diag(self) -> Pin | None:
        return self.diag0_pin if self.diag0_pin is not None else self.diag1_pin


def cs_pin() -> Pin:
    """The option of the chip select of a driver on SPI."""
    return option(pin(PinUse.OUTPUT), "The chip select of the driver's SPI.")


def driver_fields(names: Mapping[str, int]) -> Mapping[str, int]:
    """The options driver_NAME for these fields (with what they are when not written)."""
    said = ", ".join(f"{name.upper()} {value}" for name, value in names.items())
    sentence = f"A field of the driver's registers, by the data sheet's name. Not written they are: {said}."
    return prefixed("driver_", _FieldValue(), sentence, known=names)


def run_current(maximum: float) -> float:
    """The option of the current of a chip that takes so much at most."""
    return option(number(above=0, maximum=maximum), "The current while the motor moves.", unit="A RMS")


def hold_current() -> float:
    """The option of the current at standstill; it stands behind run_current."""
    return option(
        number(above=0),
        "The current at standstill.",
        unit="A RMS",
        compute=computed("run_current", lambda known: float(known["run_current"])),
    )


def sense_resistor(usual: float | None = None) -> float:
    """The option of the sense resistors; `usual`: what most boards have."""
    if usual is None:
        return option(number(above=0, maximum=2), "The motor's sense resistors.", unit="ohm")
    return option(number(above=0, maximum=2), "The motor's sense resistors.", unit="ohm", default=usual)


def fit(table: RegisterMap) -> Callable[[Any], Iterable[Problem]]:
    """A check that the values of driver_NAME have room in their fields."""

    def check(driver: DriverOptions) -> Iterable[Problem]:
        for name, value in driver.driver.items():  # type: ignore[attr-defined]
            field = table[name.lower()][1]
            if not field.least <= value <= field.most:
                yield Problem(f"driver_{name}", f"is {value}, but must be {field.least} to {field.most}")

    return check
