"""The part of the tree of errors that tells of building firmware."""

from klipkit.base.errors import KlipkitError, UsageError


class NoPort(KlipkitError):
    """The board is known, but klipkit has no firmware for its chip yet.

    `klipkit build --list` shows the boards that can be built. A board can be used with
    the stock Klipper firmware that is on it.
    """

    code = "no-port"


class ToolMissing(KlipkitError):
    """A program that builds firmware is not installed.

    The message names the Debian packages that bring it; other systems have packages of a like name.
    """

    code = "tool-missing"


class WrongSetting(UsageError):
    """A firmware setting does not exist, cannot have that value, or does not go together with the others.

    `klipkit build --menu` shows all settings with what they mean; so does the klipkit.config beside a built firmware.
    """

    code = "setting"


class BuildFailed(KlipkitError):
    """The firmware could not be compiled or linked.

    The message has the first error and names the log. With unchanged sources it is a fault of klipkit: report it with
    the log.
    """

    code = "build-failed"


class DoesNotFit(BuildFailed):
    """The firmware is larger than the chip's flash or RAM.

    Leave out modules that the printer does not need, in `klipkit build --menu` or with `--set MODULE_name=n`.
    """

    code = "does-not-fit"
    classic = ("region `text' overflowed", "will not fit in region", "address out of range")
