"""Whether a firmware can do what a configuration asks of it; if not, all that is missing, by name, in one error."""

from klipkit import __version__
from klipkit.base.errors import DeviceError, KlipkitError
from klipkit.base.faults import FirmwareMismatch
from klipkit.base.text import sanitise
from klipkit.wire.configuration import Configuration
from klipkit.wire.dictionary import Dictionary

FLASH = "flash the board with a firmware that has it: `klipkit build` makes one with all features that fit the chip"


def check(configuration: Configuration, dictionary: Dictionary) -> None:
    """Encode every command that may be sent. Raises FirmwareMismatch with all that the firmware lacks, or the first
    DeviceError for a value that it cannot take (a pin that the chip has not)."""
    missing: dict[str, set[str]] = {}
    for command in configuration.all():
        user = configuration.users.get(command, "")
        try:
            dictionary.encode(command)
        except FirmwareMismatch as error:
            missing.setdefault(_said(error, command, dictionary), set()).add(user)
        except DeviceError as error:
            raise _of(user, error) from None
    if missing:
        raise _mismatch(missing, dictionary)


def _said(error: FirmwareMismatch, command: str, dictionary: Dictionary) -> str:
    """What is missing, in a few words; another format as both have it."""
    name = command.split(" ", 1)[0]
    found = dictionary.commands.get(name)
    if found is None:
        return f"no command {name}"
    wanted = " ".join(word.partition("=")[0] for word in command.split(" ")[1:])
    return f"{name} with other parameters ('{sanitise(found.source, 120)}', wanted: {wanted})"


def _mismatch(missing: dict[str, set[str]], dictionary: Dictionary) -> FirmwareMismatch:
    parts = []
    for what, users in missing.items():
        named = sorted(users - {""})
        parts.append(f"{what}, needed by {', '.join(named)}" if named else what)
    version = sanitise(dictionary.version, 60) or "of unknown version"
    return FirmwareMismatch(
        f"its firmware ({version}; klipkit is {__version__}) has {'; '.join(parts)}",
        where=dictionary.where,
        hint=FLASH,
    )


def _of(user: str, error: KlipkitError) -> KlipkitError:
    where = f"{error.where}, {user}" if user and error.where else error.where or user
    return type(error)(error.what, where=where, hint=error.hint)
