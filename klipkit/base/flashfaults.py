"""The part of the tree of errors that tells of flashing boards."""

from typing import ClassVar

from klipkit.base.errors import EXIT_NO, DeviceError, UsageError


class FlashError(DeviceError):
    """The firmware could not be put on the board.

    The message has the flash tool's own words. A boot loader stays on the board whatever happens, so the
    same command may be given again.
    """

    code = "flash"


class FlashToolMissing(FlashError):
    """The program that flashes this kind of board is not installed.

    The message names the Debian package that brings it; other systems have packages of a like name.
    """

    code = "flash-tool-missing"


class NoBootloader(FlashError):
    """No boot loader answered.

    Is it the right port (`klipkit ports`), is the board powered, does another program hold the port, does a jumper keep
    the board from being reset? Boards with USB of their own are often brought into the boot loader by two
    presses of the reset button.
    """

    code = "no-bootloader"
    classic: ClassVar[tuple[str, ...]] = (
        "programmer is not responding",
        "not in sync",
        "Failed to init device",
        "No device found on",
        "No DFU capable USB device available",
    )


class WrongBootloader(FlashError):
    """A boot loader answers, but not the one that was expected: another protocol or another speed.

    The message says which one answers. Usually --bootloader-baud, --method or --board is not that of this board.
    """

    code = "wrong-bootloader"


class WrongChip(FlashError):
    """The board has another chip than the firmware is for; nothing was written.

    `klipkit flash list` and `klipkit build --list` show which board has which chip.
    """

    code = "wrong-chip"
    classic: ClassVar[tuple[str, ...]] = ("Expected signature for", "Device signature")


class PortVanished(FlashError):
    """The port went away while it was used, or did not come back after the board was restarted.

    Look at cable and power (a hub without power of its own is the usual cause). When it happened during the writing,
    the firmware is incomplete: give the same command again.
    """

    code = "port-vanished"


class ReadBackDiffers(FlashError):
    """What was read back from the flash is not what was written.

    Give the command again; when it happens again, power or cable are bad, or the flash is worn out.
    """

    code = "flash-differs"
    classic: ClassVar[tuple[str, ...]] = ("verification error", "Verify failed", "verification mismatch")


class NotVerified(FlashError):
    """The flash tool reported success, but the board does not run the firmware that was meant.

    Either nothing answers: the firmware was built for another chip, crystal, speed or offset. Or another firmware
    answers: the old one is still there, because the boot loader did not take the new one.
    """

    code = "not-verified"


class FlashTimedOut(FlashError):
    """The flash tool stood still, and was ended.

    The same command may be given again. When it happens again: is it the right method (`klipkit flash list`)?
    """

    code = "flash-timed-out"


class ByHand(FlashError):
    """What is left to do needs hands: a card, a jumper or a button.

    Do what the numbered lines say; the command with --verify then says whether the board runs the firmware.
    """

    code = "by-hand"
    exit_status = EXIT_NO


class NoMethod(UsageError):
    """The board cannot be flashed that way.

    `klipkit flash list BOARD` shows the ways that it can.
    """

    code = "no-method"


class WrongImage(UsageError):
    """The file is no firmware that can be put on this board.

    It is damaged, too large, of another kind, or for another chip.
    """

    code = "wrong-image"
