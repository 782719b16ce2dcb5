"""The config sections [mcu] and [mcu NAME]: how a microcontroller is reached."""

from enum import Enum

from klipkit.base.declare import Declared, option, section
from klipkit.base.rules import one_of
from klipkit.base.values import checked, choice, integer, text

UUID_DIGITS = 12  # hexadecimal


class RestartMethod(Enum):
    """How the host resets a microcontroller."""

    ARDUINO = "arduino"
    CHEETAH = "cheetah"
    RPI_USB = "rpi_usb"
    COMMAND = "command"


def _is_uuid(uuid: str) -> bool:
    return len(uuid) == UUID_DIGITS and all(digit in "0123456789abcdefABCDEF" for digit in uuid)


_PIN_MAP = (
    "name the pins as the chip does (`klipkit pins convert` translates), or add aliases in [board_pins]"
)


@section(
    "mcu",
    "mcu NAME",
    required=True,
    roles=["mcu"],
    rules=[one_of("serial", "canbus_uuid")],
    removed={"pin_map": _PIN_MAP},
)
class McuConfig(Declared):
    """A microcontroller that klipkit drives.

    [mcu] is the main one. The pins of [mcu NAME] are written NAME:PIN in other sections.
    """

    serial: str | None = option(
        text("serial port"),
        "The serial port, best by its name in /dev/serial/by-id; a pty, a Unix socket, or tcp:HOST:PORT.",
        default=None,
    )
    baud: int = option(integer(minimum=2400), "Speed of the serial line.", unit="baud", default=250000)
    canbus_uuid: str | None = option(
        checked(text(), _is_uuid, f"{UUID_DIGITS} hexadecimal digits"),
        "The unique identifier of a microcontroller on a CAN bus.",
        default=None,
    )
    canbus_interface: str = option(text("network interface"), "The CAN bus it is on.", default="can0")
    restart_method: RestartMethod | None = option(
        choice(RestartMethod),
        "How it is reset: by toggling DTR (arduino), in the way of Fysetc Cheetah boards (cheetah), by switching off "
        "the USB power of a Raspberry Pi (rpi_usb; the program uhubctl does it, for all ports of the hub), or by a "
        "command to its firmware (command).",
        default=None,
        said="arduino for a serial line, command for USB and CAN bus",
    )
