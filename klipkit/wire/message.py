"""Message formats such as "queue_step oid=%c interval=%u": values to bytes, bytes to values, and both to text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from klipkit.base.errors import DeviceError
from klipkit.base.faults import FirmwareMismatch
from klipkit.base.text import did_you_mean, sanitise
from klipkit.wire.vlq import LEAST, MOST, signed, vlq_decode, vlq_encode

PAYLOAD_MOST = 59  # bytes of a frame that hold messages

Value = int | bytes
Given = int | bytes | str

_SIGNED = frozenset(("%i", "%hi"))
_BYTES = frozenset(("%*s", "%.*s", "%s"))
_CODES = frozenset(("%c", "%u", "%hu")) | _SIGNED | _BYTES
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CODE = re.compile(r"%(?:\.?\*s|hu|hi|[cuis])")
_NO_NAMES: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a message; `names` are the words that stand for numbers, empty when it is a plain number."""

    name: str
    code: str  # as in the dictionary: %c %u %hu are read without a sign, %i %hi with one, the rest are bytes
    names: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def is_bytes(self) -> bool:
        """Whether it holds bytes, not a number."""
        return self.code in _BYTES

    def encode(self, value: Given) -> bytes:
        """The bytes on the wire: a VLQ, or a length byte and the bytes. Raises DeviceError for what does not fit."""
        if self.is_bytes:
            data = self._bytes(value)
            if len(data) >= PAYLOAD_MOST:
                raise DeviceError(
                    f"{self.name} is {len(data)} bytes long; a message holds {PAYLOAD_MOST} at most"
                )
            return bytes([len(data)]) + data
        number = self._number(value)
        if not LEAST <= number <= MOST:
            raise DeviceError(f"{self.name}={number} does not fit in 32 bits")
        return vlq_encode(number)

    def decode(self, data: bytes, at: int) -> tuple[Value, int]:
        """The value that begins at `at` and where it ends; raises DeviceError when the bytes end before."""
        if not self.is_bytes:
            number, end = vlq_decode(data, at)
            return (signed(number) if self.code in _SIGNED else number), end
        end = at + 1 + data[at] if at < len(data) else at + 1
        if end > len(data):
            raise DeviceError(
                f"a message was cut off within {self.name}", hint="it is not one of this firmware's"
            )
        return data[at + 1 : end], end

    def text(self, value: Value) -> str:
        """The value as it stands in a text command: a word, a number or hexadecimal bytes."""
        if isinstance(value, bytes):
            return value.hex() or '""'
        word = self.word(value)
        return word if re.fullmatch(r"[!-~]+", word) and '"' not in word else f'"{word}"'

    def word(self, value: int) -> str:
        """The enumeration's word for a number, safe to show; "?17" when it has none; plain numbers as they are."""
        if not self.names:
            return str(value)
        words = (word for word, number in self.names.items() if number == value)
        return sanitise(next(words, f"?{value}"))

    def _bytes(self, value: Given) -> bytes:
        if isinstance(value, str):
            try:
                return bytes.fromhex(value.strip('"'))
            except ValueError:
                raise DeviceError(
                    f"{self.name}={sanitise(value, 60)} is not a row of bytes",
                    hint="write two hexadecimal digits a byte",
                ) from None
        if isinstance(value, int):
            raise DeviceError(f"{self.name} wants bytes, not the number {value}")
        return bytes(value)

    def _number(self, value: Given) -> int:
        if isinstance(value, int):
            return int(value)
        if isinstance(value, bytes):
            raise DeviceError(f"{self.name} wants a number, not bytes")
        if value in self.names:
            return self.names[value]
        if re.fullmatch(r"-?[0-9]{1,10}", value):
            return int(value)
        if not self.names:
            raise DeviceError(f"{self.name}={sanitise(value, 60)} is not a number")
        raise DeviceError(
            f"this MCU has no {self.name} '{sanitise(value, 60)}'", hint=did_you_mean(value[:60], self.names)
        )


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """One message of the dictionary. `source` is its format string; an output's name is the whole text."""

    id: int
    name: str
    source: str
    parameters: tuple[Parameter, ...]
    is_output: bool = False

    def encode(self, values: Mapping[str, Given]) -> bytes:
        """Id and parameters as bytes. Raises FirmwareMismatch for a missing or unknown parameter, DeviceError for a
        wrong value or a long message."""
        names = [parameter.name for parameter in self.parameters]
        for name in values:
            if name not in names:
                raise FirmwareMismatch(
                    f"{self.name} has no parameter {sanitise(name, 60)}",
                    hint=did_you_mean(name[:60], names) or f"its format is '{self.source}'",
                )
        missing = [name for name in names if name not in values]
        if missing:
            raise FirmwareMismatch(
                f"{self.name} lacks {', '.join(missing)}", hint=f"its format is '{self.source}'"
            )
        try:
            parts = [parameter.encode(values[parameter.name]) for parameter in self.parameters]
        except DeviceError as error:
            raise DeviceError(f"{self.name}: {error.what}", hint=error.hint) from None
        data = vlq_encode(self.id) + b"".join(parts)
        if len(data) > PAYLOAD_MOST:
            raise DeviceError(
                f"{self.name} is {len(data)} bytes long; a message holds {PAYLOAD_MOST} at most"
            )
        return data

    def encode_text(self, words: list[str]) -> bytes:
        """The same from words such as ["oid=3", "pin=PA5"]."""
        values: dict[str, Given] = {}
        for word in words:
            name, equals, value = word.partition("=")
            if not equals or name in values:
                raise DeviceError(
                    f"{self.name}: '{sanitise(word, 60)}' is not name=value, or is there twice",
                    hint=f"its format is '{self.source}'",
                )
            values[name] = value
        return self.encode(values)

    def decode(self, data: bytes, at: int) -> tuple["Message", int]:
        """The message whose parameters begin at `at`, and where it ends."""
        values: dict[str, Value] = {}
        for parameter in self.parameters:
            values[parameter.name], at = parameter.decode(data, at)
        return Message(self, values), at


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message."""

    format: MessageFormat
    values: dict[str, Value]

    @property
    def name(self) -> str:
        """Its name in the dictionary."""
        return self.format.name

    def number(self, name: str) -> int:
        """A parameter that is a number; raises DeviceError when there is none such."""
        value = self.values.get(name)
        if not isinstance(value, int):
            raise self._differs(name, "number")
        return value

    def data(self, name: str) -> bytes:
        """A parameter that is bytes; raises DeviceError when there is none such."""
        value = self.values.get(name)
        if not isinstance(value, bytes):
            raise self._differs(name, "row of bytes")
        return value

    def word(self, name: str) -> str:
        """A number as the enumeration's word for it, "?17" when the enumeration lacks it."""
        value = self.number(name)
        return next(item.word(value) for item in self.format.parameters if item.name == name)

    def text(self) -> str:
        """The message as text, safe to show."""
        if self.format.is_output:
            return self._output()
        shown = (f"{item.name}={item.text(self.values[item.name])}" for item in self.format.parameters)
        return " ".join((self.format.name, *shown))

    def _differs(self, name: str, kind: str) -> DeviceError:
        return DeviceError(
            f"its message '{sanitise(self.format.source, 120)}' has no {kind} '{name}'",
            hint="host and firmware are of different versions: flash the MCU with a firmware of this version",
        )

    def _output(self) -> str:
        parts = _CODE.split(self.format.source)
        values = [self.values[item.name] for item in self.format.parameters]
        shown = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values]
        return sanitise("".join(part + value for part, value in zip(parts, [*shown, ""], strict=True)))


def read_format(number: int, source: str, enumerations: Mapping[str, Mapping[str, int]]) -> MessageFormat:
    """A command's or response's format string; raises DeviceError when it is none."""
    words = source.split(" ")
    parameters: dict[str, Parameter] = {}
    for word in words[1:]:
        name, _, code = word.partition("=")
        if not _NAME.fullmatch(name) or code not in _CODES or name in parameters:
            where = sanitise(word, 60)
            raise DeviceError(f"its message format '{sanitise(source, 80)}' is not understood at '{where}'")
        parameters[name] = Parameter(
            name, code, _NO_NAMES if code in _BYTES else names_for(name, enumerations)
        )
    if not _NAME.fullmatch(words[0]):
        raise DeviceError(f"its message format '{sanitise(source, 80)}' has no name")
    return MessageFormat(number, words[0], source, tuple(parameters.values()))


def read_output(number: int, source: str) -> MessageFormat:
    """The format of a debug output: free text with values in it."""
    codes = _CODE.findall(source)
    parameters = tuple(Parameter(str(place), code) for place, code in enumerate(codes))
    return MessageFormat(number, source, source, parameters, is_output=True)


def names_for(parameter: str, enumerations: Mapping[str, Mapping[str, int]]) -> Mapping[str, int]:
    """The enumeration of a parameter: the one of its name, else the longest E such that it ends in "_E"."""
    words = parameter.split("_")
    endings = ("_".join(words[place:]) for place in range(len(words)))
    return next((enumerations[ending] for ending in endings if ending in enumerations), _NO_NAMES)
