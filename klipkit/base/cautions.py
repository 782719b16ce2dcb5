"""The part of the tree that only warns: what is worth knowing about a port before it bites."""

from klipkit.base.errors import EXIT_DONE, KlipkitError


class Caution(KlipkitError):
    """A warning: the tool goes on, but something deserves attention.

    The text says what, and what to do about it.
    """

    code = "caution"
    exit_status = EXIT_DONE


class SameById(Caution):
    """Two devices claim one name in /dev/serial/by-id, and only one of them gets it.

    Their USB chips have no serial number, or the same one (CH340 is the usual case). Use the by-path names, which go
    with the USB socket.
    """

    code = "same-by-id"


class NoById(Caution):
    """A serial device has no link in /dev/serial/by-id.

    udev makes these links: it is not running, runs in another container, or is a version that lost them (systemd 252 in
    Debian 11.7). Use the name that the message gives until then.
    """

    code = "no-by-id"


class BrokenLink(Caution):
    """A link in /dev/serial points to a device that is gone.

    The board was unplugged, or came back under another number. Plug it in again.
    """

    code = "broken-link"


class NoNode(Caution):
    """The kernel knows a device whose file in /dev is missing.

    In a container the device has to be passed through; elsewhere restart udev.
    """

    code = "no-node"


class NoTty(Caution):
    """A known USB device has no serial device.

    Its driver is missing, or another program took it off: the kernel's log says which (`dmesg`).
    """

    code = "no-tty"


class NoPermission(Caution):
    """You may not open the port.

    Add yourself to the group that owns it, usually dialout (`sudo usermod -aG dialout $USER`), and log in again.
    """

    code = "no-permission"


class ConsoleOnPort(Caution):
    """The kernel prints its messages on this port, which disturbs the board.

    Take console=... of that port out of the kernel's command line, and restart.
    """

    code = "console"


class CanDown(Caution):
    """The CAN interface is down.

    Bring it up: `sudo ip link set can0 up type can bitrate 1000000`, with the speed of your boards.
    """

    code = "can-down"


class CanQueue(Caution):
    """The CAN interface's transmit queue is short, so bursts of steps can be lost.

    `sudo ip link set can0 txqueuelen 128`
    """

    code = "can-queue"


class ModemManagerRuns(Caution):
    """ModemManager opens new serial ports to look for modems, and disturbs boards and flashing.

    `sudo systemctl disable --now ModemManager`, unless this computer has a modem.
    """

    code = "modemmanager"


class BrlttyRuns(Caution):
    """brltty, the driver of Braille displays, takes serial bridges for displays and keeps them.

    `sudo apt remove brltty`, unless this computer has a Braille display.
    """

    code = "brltty"
