"""The tree of errors: one class per kind, each with a stable code, an exit status and an explanation.

A class's docstring is what `klipkit explain CODE` prints: first what it means, then what to do.
An error is raised where it is known; only the top of a tool prints it:

    klipkit pins convert: error: printer.cfg:12: unknown pin 'D99'; did you mean 'D9'? [unknown-pin]
                                 `- where        `- what         `- hint               `- code
"""

from collections.abc import Iterator
from typing import ClassVar

EXIT_DONE = 0
EXIT_NO = 1  # the answer is no: a check failed, nothing found
EXIT_USAGE = 2  # wrong usage or a wrong config
EXIT_DEVICE = 3  # a device or a link failed
EXIT_REFUSED = 4  # the printer is in shutdown, or refused
EXIT_INTERRUPTED = 130


class KlipkitError(Exception):
    """Something could not be done.

    The message says what and where. When it does not say what to do about it, that is a fault of klipkit: report it.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = EXIT_NO
    classic: ClassVar[tuple[str, ...]] = ()  # words of the classic messages that people search for

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{where}{self.what}{hint}"

    def record(self) -> dict[str, str]:
        """The error as a JSON object: code, where, what, hint."""
        return {"code": self.code, "where": self.where, "what": self.what, "hint": self.hint}


class UsageError(KlipkitError):
    """The command line is not one that the tool understands.

    `klipkit TOOL --help` lists the options with examples.
    """

    code = "usage"
    exit_status = EXIT_USAGE


class UnknownBoard(UsageError):
    """No board, board family or chip of that name is known.

    `klipkit pins list` names the boards. A board that is missing is one data file in klipkit/boards/data.
    """

    code = "unknown-board"


class UnknownChip(UsageError):
    """No chip (microcontroller) of that name is known.

    Write the name as the firmware does, for example atmega2560, stm32f446 or rp2040.
    """

    code = "unknown-chip"


class AmbiguousBoard(UsageError):
    """The name stands for several boards whose pins differ, so it was not guessed.

    Name one of the boards that the message lists.
    """

    code = "ambiguous-board"


class CommandText(UsageError):
    """A command for a microcontroller is not one of its firmware, or its parameters are wrong.

    `list` in `klipkit console` shows the commands of the firmware, `help COMMAND` one of them.
    """

    code = "mcu-command"


class FileError(KlipkitError):
    """A file could not be used: it is missing, a folder, binary, or may not be read.

    The message names the file and the reason.
    """

    code = "file"
    exit_status = EXIT_USAGE


class DataError(KlipkitError):
    """A data file that belongs to klipkit itself is damaged or inconsistent.

    Install klipkit again; when you changed or added the file, the message says what is wrong in it.
    """

    code = "data"
    exit_status = EXIT_USAGE


class ConfigError(KlipkitError):
    """Something in the printer configuration is wrong.

    The message says file, line, section and option, and what would be right.
    """

    code = "config"
    exit_status = EXIT_USAGE


class ConfigSyntax(ConfigError):
    """A line of the configuration file is neither a [section], an option, a comment nor the rest of a value.

    An option is written `name: value` or `name = value`; the further lines of a long value begin with a space.
    """

    code = "config-syntax"
    classic = ("File contains parsing errors", "File contains no section headers", "Unable to parse")


class IncludeError(ConfigError):
    """An [include ...] names a file that is not there, or that includes itself again.

    The path is relative to the file that holds the include. A pattern with * may match nothing; a plain name may not.
    """

    code = "config-include"
    classic = ("Include file", "Recursive include of config file")


class UnknownSection(ConfigError):
    """A section of that name does not exist.

    Usually a slip of spelling, or a feature that came from a plugin. `man klipkit-printer.cfg` lists the sections.
    """

    code = "config-section"
    classic = ("is not a valid config section", "Unknown config object")


class UnknownOption(ConfigError):
    """The section exists, but has no option of that name.

    Compare the spelling; look whether the option belongs to another section or was renamed.
    """

    code = "config-option"
    classic = ("is not valid in section",)


class RemovedOption(ConfigError):
    """An option or section of an older version that no longer exists.

    The message says what to write instead.
    """

    code = "config-removed"
    classic = ("has been removed", "is deprecated")


class MissingOption(ConfigError):
    """The section lacks an option that it cannot do without.

    Add the option; the message says what it means.
    """

    code = "config-missing"
    classic = ("must be specified",)


class MissingSection(ConfigError):
    """A section that the rest of the configuration needs is not there.

    Add the section, or take out the option that names it.
    """

    code = "config-missing-section"


class OptionValue(ConfigError):
    """The value of an option cannot be read as what it should be (a number, a pin, a choice, a list).

    The message says what was expected.
    """

    code = "config-value"
    classic = ("Unable to parse option", "Choice", "is not a valid choice")


class OptionRange(ConfigError):
    """The value of an option is a number outside its range.

    The message says the range and the unit.
    """

    code = "config-range"
    classic = ("must have minimum of", "must have maximum of", "must be above", "must be below")


class TemplateSyntax(ConfigError):
    """G-code in the configuration has an expression that cannot be read.

    Expressions stand in { }, statements in {% %}; each {% if %} and {% for %} has its end. The message names the line.
    """

    code = "config-template"
    classic = ("Error loading template '",)


class PinError(ConfigError):
    """A pin is written wrongly or cannot do what is asked of it."""

    code = "pin"


class UnknownPin(PinError):
    """The board or microcontroller has no pin of that name.

    Microcontroller names look like PA1, P1.23 or gpio12. Arduino and Marlin numbers (D23, ar23, 23, A14) are
    translated by `klipkit pins convert D23 --board mega`.
    """

    code = "unknown-pin"
    exit_status = EXIT_NO
    classic = (
        "Unable to translate pin",
        "Unknown pin",
        "is not a valid pin name on mcu",
        "Invalid pin description",
    )


class AmbiguousPin(PinError):
    """A pin name means different pins under Arduino's and Marlin's numbering, so it was not guessed.

    Find out which numbering the name comes from, and write arN (Arduino) or mlN (Marlin), or give --numbering.
    """

    code = "ambiguous-pin"
    exit_status = EXIT_NO


class NotAnAdcPin(PinError):
    """The pin has no analog-to-digital converter, so it cannot read a thermistor or another analog sensor.

    `klipkit pins list --board NAME` shows which pins can. On Arduino boards these are A0, A1, ..., not D0, D1.
    """

    code = "not-an-adc-pin"
    classic = ("Not a valid ADC pin",)


class NotAPwmPin(PinError):
    """The pin has no hardware PWM, but hardware_pwm was asked for.

    Leave out hardware_pwm (software PWM works on each pin) or take a pin that `klipkit pins list` shows with pwm.
    """

    code = "not-a-pwm-pin"
    classic = ("Not a valid PWM pin",)


class PinUsedTwice(PinError):
    """Two parts of the configuration use one pin.

    When it is meant so (a shared enable pin, a shared UART), the dialect needs a [duplicate_pin_override].
    """

    code = "pin-used-twice"
    classic = ("used multiple times in config",)


class PinReserved(PinError):
    """The pin is taken by the microcontroller's own link (UART or USB) or its crystal, or by a [board_pins] entry.

    Use another pin, or build a firmware that talks over another port.
    """

    code = "pin-reserved"
    classic = ("is reserved for",)


class UnknownBus(PinError):
    """The microcontroller has no SPI or I2C bus of that name.

    The message lists the buses that it has.
    """

    code = "unknown-bus"
    classic = ("Unknown spi_bus", "Unknown i2c_bus")


class UnknownMcu(PinError):
    """A pin such as `zboard:PA1` names a microcontroller for which there is no [mcu zboard] section.

    Add the section, or correct the name before the colon.
    """

    code = "unknown-mcu"
    classic = ("Unknown pin chip name",)


class NotFound(KlipkitError):
    """What was asked for is not there.

    The message says where it was looked for.
    """

    code = "not-found"


class PortNotFound(NotFound):
    """No serial port is there that matches.

    Plug the board in and look with `klipkit ports`; `klipkit ports --wait` names it as soon as it appears. A cable that
    only charges is the usual cause; after it a board in its bootloader, or one without power.
    """

    code = "port-not-found"
    classic = ("Unable to open serial port", "could not open port", "mcu 'mcu': Unable to connect")


class PortAmbiguous(NotFound):
    """Several serial ports match, so none was chosen.

    Narrow the choice with --board, or unplug the others.
    """

    code = "port-ambiguous"


class TimedOut(KlipkitError):
    """What was waited for did not happen in time.

    Give a longer --timeout, or none to wait for ever.
    """

    code = "timed-out"


class DeviceError(KlipkitError):
    """A device, or the link to it, failed.

    Look at cable and power, and at the kernel's log (`dmesg`).
    """

    code = "device"
    exit_status = EXIT_DEVICE


class PrinterError(KlipkitError):
    """The printer is in shutdown, or refused a command.

    The first cause is in the message.
    """

    code = "printer"
    exit_status = EXIT_REFUSED


def tree() -> Iterator[type[KlipkitError]]:
    """Each class of the tree, parents before children: those of this file, then of base/faults and the like."""
    from klipkit.base import buildfaults, cautions, faults, flashfaults

    order = [__name__, faults.__name__, buildfaults.__name__, flashfaults.__name__, cautions.__name__]
    return _below(KlipkitError, order)


def _below(root: type[KlipkitError], order: list[str]) -> Iterator[type[KlipkitError]]:
    yield root
    for child in sorted(root.__subclasses__(), key=lambda kind: order.index(kind.__module__)):
        yield from _below(child, order)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the consequence first and the first cause last."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
