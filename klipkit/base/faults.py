"""The part of the tree of errors that tells of the running machine: G-code, the link, microcontrollers, shutdowns.

The classic texts are those that the firmware sends and people search for; an MCU's own reason becomes the class
whose words it begins with (`shutdown_reason`).
"""

from typing import ClassVar

from klipkit.base.errors import DeviceError, KlipkitError, PrinterError


class GcodeError(KlipkitError):
    """A line of G-code cannot be read or carried out.

    The message gives the file and line, and what was wrong with it.
    """

    code = "gcode"
    classic: ClassVar[tuple[str, ...]] = (
        "Malformed command",
        "Unable to parse move",
        "Error on '",
    )


class UnknownCommand(GcodeError):
    """A command of G-code that nothing of this configuration knows.

    It is told and passed over, as slicers write commands for many printers. Look at its spelling, and at the section
    that brings it.
    """

    code = "unknown-command"
    classic: ClassVar[tuple[str, ...]] = ("Unknown command:",)


class RequestError(KlipkitError):
    """A request to the API of the daemon cannot be carried out.

    The message names the parameter, or what is missing. Clients find the endpoints by `list_endpoints`.
    """

    code = "request"
    classic: ClassVar[tuple[str, ...]] = ("webhooks: No registered callback", "Missing Argument")


class TemplateError(GcodeError):
    """An expression in G-code of the configuration went wrong when it was worked out.

    The message names the line and the way there. A parameter that was not given, or an object that this printer does
    not have, is the usual cause: look at the names, and give parameters a default (params.X|default(0)|float).
    """

    code = "template"
    classic: ClassVar[tuple[str, ...]] = ("Error evaluating '",)


class RaisedByMacro(GcodeError):
    """A macro has ended with an error of its own words, by action_raise_error.

    What it says is the macro's; the macro stands in the configuration.
    """

    code = "raised-by-macro"

    def __str__(self) -> str:
        return f"{self.what}\nat {self.where}" if self.where else self.what


class MoveError(GcodeError):
    """A move was refused because it leaves the machine's reach, or the axis has not been homed.

    Compare the position with position_min and position_max of the axis; home first; look at offsets and the slicer's
    bed size.
    """

    code = "move"
    classic: ClassVar[tuple[str, ...]] = ("Move out of range", "Must home axis first", "Must home before")


class GivenUp(GcodeError):
    """A script or a print was cancelled while it waited, for a temperature or a dwell.

    Nothing is wrong: somebody asked for it, with CANCEL_PRINT.
    """

    code = "given-up"


class HomingError(GcodeError):
    """A homing or probing move did not find its endstop, or found it when it should not.

    Look at the switch with QUERY_ENDSTOPS, pressed and released; at its wires; at the direction of the motor, and
    whether it moves.
    """

    code = "homing"
    classic: ClassVar[tuple[str, ...]] = (
        "No trigger on",
        "still triggered after retract",
        "Communication timeout during homing",
    )


class EndstopPhaseError(HomingError):
    """An endstop triggered at a phase of the stepper at which it should not: [endstop_phase SECTION].

    The switch triggers at places that are farther apart than endstop_accuracy, or was moved or replaced since it was
    calibrated. `klipkit endstop-phase calibrate` measures its spread and finds the phase anew.
    """

    code = "endstop-phase"
    classic: ClassVar[tuple[str, ...]] = ("incorrect phase",)


class LinkError(DeviceError):
    """The link to a microcontroller could not be opened, or broke.

    Look at cable and power, and at who else holds the port: `klipkit ports`.
    """

    code = "link"
    classic: ClassVar[tuple[str, ...]] = (
        "Lost communication with MCU",
        "Timeout with MCU",
        "Serial connection closed",
    )


class PortHeld(LinkError):
    """Another program has the port open, and a port serves one program at a time.

    The message names the program when it may be seen; `sudo klipkit ports` sees those of other users too. Usually it is
    the printer's own host (stop its service first), OctoPrint, or a terminal program that was left open.
    """

    code = "port-held"
    classic: ClassVar[tuple[str, ...]] = ("Could not exclusively lock port", "Device or resource busy")


class ProtocolError(LinkError):
    """What came from the microcontroller is not what the protocol allows.

    A wrong baud rate, another program's firmware, or a damaged line. `klipkit ports` shows what the board seems to run.
    """

    code = "protocol"
    classic: ClassVar[tuple[str, ...]] = (
        "Protocol error",
        "Unable to extract params from",
        "Got EOF when reading from device",
    )


class FirmwareMismatch(LinkError):
    """The firmware lacks a command that the host needs, or has it with other parameters.

    Build and flash the firmware that belongs to this version of klipkit.
    """

    code = "firmware-mismatch"
    classic: ClassVar[tuple[str, ...]] = ("Command format mismatch", "Firmware constant")


class NoAnswer(LinkError):
    """A microcontroller did not answer a question in time, although the link works.

    A restart of the board helps when its firmware hangs; a device behind it (an SPI or UART chip) may be without power.
    """

    code = "no-answer"
    classic: ClassVar[tuple[str, ...]] = ("Unable to obtain '",)


class DriverSilent(DeviceError):
    """A stepper driver does not answer over its UART or SPI.

    Look at its motor power (without it most drivers do not talk); at uart_pin, tx_pin and uart_address, or cs_pin and
    the bus; at the jumpers that put it into UART or SPI mode; on a shared bus at all others on it.
    """

    code = "driver-silent"
    classic: ClassVar[tuple[str, ...]] = (
        "Unable to read tmc uart",
        "Unable to write tmc uart",
        "Unable to read tmc spi",
        "Unable to write tmc spi",
    )


class SlowLink(LinkError):
    """The way to a microcontroller takes so long that commands would come too late.

    Moves are sent a quarter of a second before they begin. Connect the board by a cable to the computer that runs
    klipkit, not through a network.
    """

    code = "slow-link"


class NotReset(LinkError):
    """A microcontroller was reset, and still is as it was before.

    Its port has no line that resets it, or another method suits it: look at restart_method in its section.
    """

    code = "not-reset"
    classic: ClassVar[tuple[str, ...]] = ("Failed automated reset of MCU",)


class Shutdown(PrinterError):
    """A microcontroller or the host stopped the printer: motors, heaters and fans are in their safe state.

    The first cause is in the message. When it is mended, FIRMWARE_RESTART starts again.
    """

    code = "shutdown"
    classic: ClassVar[tuple[str, ...]] = ("Printer is shutdown", "MCU shutdown", "Shutdown due to")


class EmergencyStop(Shutdown):
    """The printer was stopped by M112 or by a client's emergency stop.

    Mend what made you stop it, then FIRMWARE_RESTART.
    """

    code = "emergency-stop"
    classic: ClassVar[tuple[str, ...]] = ("Command request",)


class TimerTooClose(Shutdown):
    """The microcontroller was told to do something at a time that had passed: the host was late.

    The host was overloaded or swapped, or the link lost data. Look at the load of the computer, its power supply and
    the cable.
    """

    code = "timer-too-close"
    classic: ClassVar[tuple[str, ...]] = (
        "Timer too close",
        "Missed scheduling of next",
        "Stepper too far in past",
    )


class TimerInPast(Shutdown):
    """The microcontroller itself could not keep up: steps were asked for faster than the chip can make them.

    Lower the speed or the microsteps; `klipkit steps` shows the highest step rate of a file.
    """

    code = "timer-in-past"
    classic: ClassVar[tuple[str, ...]] = ("Rescheduled timer in the past",)


class HeaterFault(Shutdown):
    """A heater does not do what it should: it does not get warm, or does not keep its temperature.

    The heater or its sensor has come loose, is broken or too weak, or a fan blows at it. Look at both before anything
    else. When the heater is just slow, [verify_heater NAME] allows for more.
    """

    code = "heater"
    classic: ClassVar[tuple[str, ...]] = ("not heating at expected rate",)


class DriverFault(Shutdown):
    """A stepper driver has switched itself off, or was reset, while its motor was needed.

    The message has what the driver says: too hot (less current, more cooling), a short (wires and plugs of the motor),
    too low a voltage or a reset (power supply and its wires).
    """

    code = "driver-fault"
    classic: ClassVar[tuple[str, ...]] = (
        "TMC '",
        "reports error: ",
    )


class AdcOutOfRange(Shutdown):
    """A temperature sensor reads outside its allowed range.

    Usually an open or shorted thermistor: look at its plug and wires.
    """

    code = "adc-out-of-range"
    classic: ClassVar[tuple[str, ...]] = ("ADC out of range",)


class MoveQueueOverflow(Shutdown):
    """The microcontroller was sent more steps than its queue holds: a fault of the host.

    Report it with the log.
    """

    code = "move-queue-overflow"
    classic: ClassVar[tuple[str, ...]] = ("Move queue overflow",)


REASONS: tuple[type[Shutdown], ...] = (
    EmergencyStop,
    TimerTooClose,
    TimerInPast,
    AdcOutOfRange,
    MoveQueueOverflow,
)


def shutdown_reason(mcu: str, reason: str, account: str = "") -> Shutdown:
    """The error for a microcontroller's own reason of shutdown, of the class whose words it begins with.

    `account` is what the host knows of it: which sensor, which output.
    """
    found = [kind for kind in REASONS if any(reason.startswith(words) for words in kind.classic)]
    kind = found[0] if found else Shutdown
    return kind(f"MCU '{mcu}' shutdown: {reason}{': ' if account else ''}{account}")
