"""The MCU's data dictionary: the messages, enumerations and constants of its firmware; messages to and from bytes.

Layout: one JSON object, zlib-compressed, with commands, responses, output ({format: id}), enumerations, config
(constants), version, build_versions (Klipper Protocol.md, "Data Dictionary"). It comes from a device: nothing in it is
trusted. Names in it that reach a person go through sanitise.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from klipkit import __version__
from klipkit.base.errors import DeviceError
from klipkit.base.faults import FirmwareMismatch, ProtocolError
from klipkit.base.text import did_you_mean, sanitise
from klipkit.wire.message import Message, MessageFormat, read_format, read_output
from klipkit.wire.vlq import LEAST, MOST, signed, vlq_decode

SIZE_MOST = 1 << 20  # bytes of JSON; stock dictionaries have 3 to 12 kB
NAMES_MOST = 1 << 16  # words of all enumerations, ranges counted out
IDENTIFY = "identify offset=%u count=%c"
IDENTIFY_RESPONSE = "identify_response offset=%u data=%.*s"
FIXED = {IDENTIFY: 1, IDENTIFY_RESPONSE: 0}

Key = TypeVar("Key", str, int)

_OTHER_FIRMWARE = "the firmware is damaged, or speaks another protocol: flash it again"


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A parsed dictionary. `where` names the MCU in errors."""

    where: str
    version: str
    build_versions: str
    commands: Mapping[str, MessageFormat]  # by name
    responses: Mapping[str, MessageFormat]  # by name; outputs by their text
    enumerations: Mapping[str, Mapping[str, int]]
    constants: Mapping[str, int | str]
    _commands_by_id: Mapping[int, MessageFormat]
    _responses_by_id: Mapping[int, MessageFormat]

    def command(self, name: str) -> MessageFormat:
        """A command by name; raises DeviceError when the firmware has none of that name."""
        found = self.commands.get(name)
        if found is None:
            raise self._lacks(f"no command '{sanitise(name, 60)}'", name, self.commands)
        return found

    def response(self, name: str) -> MessageFormat:
        """A response by name; raises DeviceError when the firmware has none of that name."""
        found = self.responses.get(name)
        if found is None:
            raise self._lacks(f"no response '{sanitise(name, 60)}'", name, self.responses)
        return found

    def require(self, source: str) -> MessageFormat:
        """The command or response of exactly this format; raises FirmwareMismatch when it is absent or differs."""
        name = source.split(" ")[0]
        found = self.commands.get(name) or self.response(name)
        if found.source != source:
            raise FirmwareMismatch(
                f"its '{sanitise(found.source, 120)}' should be '{source}'",
                where=self.where,
                hint="host and firmware are of different versions: flash the MCU with a firmware of this version",
            )
        return found

    def number(self, name: str, default: int | None = None) -> int:
        """A constant that is a number; raises DeviceError when it is absent without a default, or text."""
        value = self.constants.get(name, default)
        if value is None:
            raise self._lacks(f"no constant '{name}'", name, self.constants)
        if isinstance(value, str):
            raise DeviceError(
                f"its constant '{name}' is not a number", where=self.where, hint=_OTHER_FIRMWARE
            )
        return value

    def encode(self, text: str) -> bytes:
        """A text command such as "config_digital_out oid=1 pin=PA5 ..." as bytes."""
        return self.encode_words(text.split())

    def encode_words(self, words: list[str]) -> bytes:
        """The same from its words, such as ["config_digital_out", "oid=1", "pin=PA5"]."""
        form = self.command(words[0] if words else "")
        try:
            return form.encode_text(words[1:])
        except DeviceError as error:
            raise type(error)(error.what, where=self.where, hint=error.hint) from None

    def decode_response(self, payload: bytes) -> Message:
        """The one message that a frame from the MCU holds; raises DeviceError for an unknown or damaged one."""
        message, end = self._decoded(payload, 0, self._responses_by_id)
        if end != len(payload):
            raise DeviceError(
                f"{len(payload) - end} bytes too many after {sanitise(message.name, 60)}: {payload[:64].hex()}",
                where=self.where,
            )
        return message

    def decode_commands(self, payload: bytes) -> Iterator[Message]:
        """The messages that a frame to the MCU holds."""
        at = 0
        while at < len(payload):
            message, at = self._decoded(payload, at, self._commands_by_id)
            yield message

    def _decoded(self, payload: bytes, at: int, known: Mapping[int, MessageFormat]) -> tuple[Message, int]:
        try:
            number, at = vlq_decode(payload, at)
            form = known.get(signed(number))
            if form is not None:
                return form.decode(payload, at)
        except DeviceError as error:
            raise DeviceError(error.what, where=self.where, hint=error.hint) from None
        raise ProtocolError(
            f"the message {payload[:64].hex()} has the id {signed(number)}, which its dictionary lacks",
            where=self.where,
            hint="it is left over from another session, or the firmware was replaced: connect again",
        )

    def _lacks(self, what: str, name: str, known: Mapping[str, object]) -> FirmwareMismatch:
        near = did_you_mean(name[:60], [key for key in known if key.isidentifier()])
        version = sanitise(self.version, 60) or "unknown"
        hint = (
            near
            or f"its version is {version}, built without that feature or other than klipkit's, {__version__}"
        )
        return FirmwareMismatch(f"its firmware has {what}", where=self.where, hint=hint)


def read_dictionary(data: bytes, where: str = "mcu") -> Dictionary:
    """A dictionary as it came from the MCU (zlib) or as the build writes it (JSON); raises DeviceError for all else."""
    try:
        return _read(_loaded(data), where)
    except DeviceError as error:
        what = f"the data dictionary cannot be used: {error.what}"
        raise DeviceError(what, where=where, hint=error.hint or _OTHER_FIRMWARE) from None


def _loaded(data: bytes) -> dict[str, object]:
    text = data if data[:1] == b"{" else _inflated(data)
    if len(text) > SIZE_MOST:
        raise DeviceError(f"it is larger than {SIZE_MOST} bytes")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise DeviceError("it is not JSON") from None
    if not isinstance(found, dict):
        raise DeviceError("it is not a JSON object")
    return found


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, SIZE_MOST + 1)
    except zlib.error as error:
        raise DeviceError(f"it is not zlib data ({error})") from None
    if len(text) <= SIZE_MOST and (not inflater.eof or inflater.unused_data):
        raise DeviceError("its zlib data is cut off or has more behind it")
    return text


def _read(found: dict[str, object], where: str) -> Dictionary:
    enumerations = _enumerations(_table(found, "enumerations"))
    answers = _ids(found, "responses", IDENTIFY_RESPONSE)
    commands = [read_format(number, text, enumerations) for text, number in _ids(found, "commands", IDENTIFY)]
    responses = [read_format(number, text, enumerations) for text, number in answers]
    responses += [read_output(number, text) for text, number in _ids(found, "output", "")]
    return Dictionary(
        where=where,
        version=_text(found, "version"),
        build_versions=_text(found, "build_versions"),
        commands=_unique({form.name: form for form in commands}, commands),
        responses=_unique({form.name: form for form in responses}, responses),
        enumerations=enumerations,
        constants=_constants(_table(found, "config")),
        _commands_by_id=_unique({form.id: form for form in commands}, commands),
        _responses_by_id=_unique({form.id: form for form in responses}, responses),
    )


def _unique(table: dict[Key, MessageFormat], forms: list[MessageFormat]) -> dict[Key, MessageFormat]:
    if len(table) != len(forms):
        raise DeviceError("two of its messages have one name or one id")
    return table


def _table(found: dict[str, object], key: str) -> dict[str, object]:
    value = found.get(key, {})
    if not isinstance(value, dict):
        raise DeviceError(f"its '{sanitise(key, 60)}' are not a JSON object")
    return value


def _text(found: dict[str, object], key: str) -> str:
    value = found.get(key, "")
    return value if isinstance(value, str) else ""


def _is_number(value: object) -> bool:
    return type(value) is int and LEAST <= value <= MOST


def _whole(value: object, what: str) -> int:
    if not _is_number(value):
        raise DeviceError(f"{what} is not a whole number of 32 bits")
    assert isinstance(value, int)
    return value


def _ids(found: dict[str, object], key: str, fixed: str) -> Iterator[tuple[str, int]]:
    """Formats and ids of one table; identify and its response are there with their fixed ids in any case."""
    table = _table(found, key)
    if fixed and table.setdefault(fixed, FIXED[fixed]) != FIXED[fixed]:
        raise DeviceError(f"'{fixed.split()[0]}' must have the id {FIXED[fixed]}")
    for text, number in table.items():
        yield text, signed(_whole(number, f"the id of '{sanitise(text, 80)}'") & MOST)


def _enumerations(table: dict[str, object]) -> dict[str, dict[str, int]]:
    room = NAMES_MOST
    read: dict[str, dict[str, int]] = {}
    for name in table:
        read[name] = {}
        for word, value in _table(table, name).items():
            first, count = value if isinstance(value, list) and len(value) == 2 else (value, 1)
            room -= _whole(count, f"the count of '{sanitise(word, 60)}'")
            if room < 0 or count < 0:
                raise DeviceError("its enumerations have too many words")
            read[name].update(_counted(word, _whole(first, f"the value of '{sanitise(word, 60)}'"), count))
    return read


def _counted(word: str, first: int, count: int) -> Iterator[tuple[str, int]]:
    """A range of words: the trailing digits of the first are counted up."""
    if count == 1:
        yield word, first
        return
    parts = re.fullmatch(r"(.*?)([0-9]{1,9})", word, re.DOTALL)
    if parts is None:
        raise DeviceError(f"the range of '{sanitise(word, 60)}' has no number to count up")
    for place in range(count):
        yield f"{parts[1]}{int(parts[2]) + place}", first + place


def _constants(table: dict[str, object]) -> dict[str, int | str]:
    constants: dict[str, int | str] = {}
    for name, value in table.items():
        constants[name] = (
            value if isinstance(value, str) else _whole(value, f"the constant '{sanitise(name, 60)}'")
        )
    return constants
