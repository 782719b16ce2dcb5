"""Reads the declarations from the preprocessed sources; writes the dispatch table and the data dictionary as C.

    dictionary.py --output build/sim --form json --version v1-2-gabc --build-versions "gcc: 12" core/sched.i ...

The sources are preprocessed with reading/core/declare.h in the place of core/declare.h, which leaves each
declaration as DECLARED(word, ...). Numbers are given in the order of the sources, texts' from 2 up;
0 is identify_response, 1 identify. Only the standard library is used; same sources give the same bytes.
"""

import argparse
import json
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

FIRST_TEXT = 2
ONE_BYTE = 0x80  # numbers below it travel in one byte
NEGATIVE = 0x60  # of these, the ones from here on are read as negative by a host
NO_BYTES = "COMMAND_NO_BYTES"
VALUES_MOST = 7  # RESPONSE_VALUES_MOST of core/command.c
ARGUMENTS_MOST = 16  # COMMAND_VALUES_MOST of core/command.h
INTEGERS = {"%u": "uint32_t", "%i": "int32_t", "%hu": "uint16_t", "%hi": "int16_t", "%c": "uint8_t"}
BYTES = {"%*s", "%.*s"}
SIZES = {"%u": 3, "%i": 3, "%hu": 2, "%hi": 3, "%c": 1, "%*s": 0, "%.*s": 0}  # enum response_size

PACKED = {1: "uint8_t", 2: "uint16_t", 3: "uint32_t"}

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(),]|[^\s"(),]+')
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*$")


class DeclarationError(Exception):
    """A declaration that cannot be turned into C: what and where."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a message: its name and its conversion, as written."""

    name: str
    conversion: str

    @property
    def is_bytes(self) -> bool:
        return self.conversion in BYTES


@dataclass(frozen=True)
class Message:
    """A command or a response."""

    name: str
    format: str
    parameters: tuple[Parameter, ...]
    always: bool = False
    kind: str = ""  # of the object that a command is for: oid_kind_<kind>

    @property
    def key(self) -> str:
        """The dictionary's name of it."""
        return f"{self.name} {self.format}".rstrip()

    @property
    def sizes(self) -> int:
        """What struct response_row says of the parameters."""
        word = 1
        for parameter in reversed(self.parameters):
            word = word << 2 | SIZES[parameter.conversion]
        return word

    @property
    def bytes_at(self) -> str:
        places = [str(place) for place, parameter in enumerate(self.parameters) if parameter.is_bytes]
        return places[0] if places else NO_BYTES


@dataclass
class Declarations:
    """All that the sources declare, in their order."""

    commands: list[Message] = field(default_factory=list)
    responses: list[Message] = field(default_factory=list)
    constants: dict[str, int | str] = field(default_factory=dict)
    enumerations: dict[str, dict[str, int | list[int]]] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)  # TEXT_<unit>_<line>: number of the text
    functions: dict[str, list[str]] = field(
        default_factory=lambda: {"startup": [], "task": [], "on_shutdown": []}
    )
    zeroed: set[str] = field(default_factory=set)  # startup functions that only make static data zero


# --- reading ---


def arguments(tokens: Iterator[str]) -> list[list[str]]:
    """The arguments of a call, each a list of tokens; the opening bracket was taken."""
    found: list[list[str]] = [[]]
    depth = 1
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth == 0:
            return found
        if token == "," and depth == 1:
            found.append([])
        else:
            found[-1].append(token)
    raise DeclarationError("a declaration does not end")


def declarations(source: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Each DECLARED(word, ...) of a preprocessed text: the word, and the other arguments."""
    tokens = (match.group() for match in TOKEN.finditer(source))
    for token in tokens:
        if token.endswith("DECLARED") and next(tokens) == "(":
            word, *rest = arguments(tokens)
            yield word[0], rest


def text_of(tokens: list[str]) -> str:
    """A string literal, of several pieces perhaps."""
    if not tokens or not all(token.startswith('"') for token in tokens):
        raise DeclarationError(f"expected a string literal, not {' '.join(tokens)}")
    return "".join(json.loads(token) for token in tokens)


def number_of(tokens: list[str]) -> int:
    """An integer literal."""
    match = NUMBER.match("".join(tokens))
    if not match:
        raise DeclarationError(f"expected an integer literal, not {' '.join(tokens)}")
    return int(match.group(1), 0)


def message_of(name: str, text: str, always: bool = False) -> Message:
    """A message from its name and format; at most one parameter is bytes."""
    parameters = []
    for word in text.split():
        parameter, equals, conversion = word.partition("=")
        if not equals or not parameter.isidentifier() or conversion not in {*INTEGERS, *BYTES}:
            raise DeclarationError(f"{name}: '{word}' is not name=%u, %i, %hu, %hi, %c or %*s")
        parameters.append(Parameter(parameter, conversion))
    if sum(parameter.is_bytes for parameter in parameters) > 1:
        raise DeclarationError(f"{name}: more than one parameter is bytes")
    return Message(name, " ".join(text.split()), tuple(parameters), always)


class Reader:
    """Gathers declarations."""

    def __init__(self) -> None:
        self.found = Declarations()

    def read(self, source: str) -> None:
        """Take the declarations of one preprocessed source."""
        for word, rest in declarations(source):
            getattr(self, f"take_{word}")(*rest)

    def take_command(self, name: list[str], text: list[str], always: bool = False) -> None:
        message = message_of(name[0], text_of(text), always)
        if len(message.parameters) >= ARGUMENTS_MOST:
            raise DeclarationError(f"{message.name}: too many parameters")
        self.add(self.found.commands, message)

    def take_command_to(self, kind: list[str], name: list[str], text: list[str]) -> None:
        self.take_command(name, text)
        message = self.found.commands.pop()
        if not message.format.startswith("oid=%c"):
            raise DeclarationError(f"{message.name}: the first parameter of a command to an object is oid=%c")
        self.found.commands.append(replace(message, kind=kind[0]))

    def take_command_always(self, name: list[str], text: list[str]) -> None:
        self.take_command(name, text, always=True)

    def take_response(self, name: list[str], text: list[str]) -> None:
        message = message_of(name[0], text_of(text))
        if len(message.parameters) > VALUES_MOST:
            raise DeclarationError(f"{message.name}: too many parameters")
        if any(parameter.is_bytes for parameter in message.parameters[:-1]):
            raise DeclarationError(f"{message.name}: the bytes of a response are its last parameter")
        self.add(self.found.responses, message)

    def take_constant(self, name: list[str], value: list[str]) -> None:
        if name[0] in self.found.constants:
            raise DeclarationError(f"constant {name[0]} is declared twice")
        is_text = value[0].startswith('"')
        self.found.constants[name[0]] = text_of(value) if is_text else number_of(value)

    def take_enumeration(self, table: list[str], name: list[str], value: list[str]) -> None:
        self.found.enumerations.setdefault(text_of(table), {})[text_of(name)] = number_of(value)

    def take_range(self, table: list[str], name: list[str], first: list[str], count: list[str]) -> None:
        value: int | list[int] = [number_of(first), number_of(count)]
        self.found.enumerations.setdefault(text_of(table), {})[text_of(name)] = value

    def take_text(self, unit: list[str], line: list[str], text: list[str]) -> None:
        number = self.found.texts.setdefault(text_of(text), len(self.found.texts) + FIRST_TEXT)
        if self.found.places.setdefault(f"TEXT_{unit[0]}_{line[0]}", number) != number:
            raise DeclarationError(f"{unit[0]}:{line[0]}: two texts on one line")

    def take_startup(self, name: list[str]) -> None:
        self.found.functions["startup"].append(name[0])

    def take_startup_zero(self, name: list[str]) -> None:
        self.take_startup(name)
        self.found.zeroed.add(name[0])

    def take_task(self, name: list[str]) -> None:
        self.found.functions["task"].append(name[0])

    def take_on_shutdown(self, name: list[str]) -> None:
        self.found.functions["on_shutdown"].append(name[0])

    @staticmethod
    def add(messages: list[Message], message: Message) -> None:
        if any(other.name == message.name for other in messages):
            raise DeclarationError(f"{message.name} is declared twice")
        messages.append(message)


# --- numbering ---


def numbered(found: Declarations) -> tuple[dict[int, Message], dict[int, Message]]:
    """Commands and responses by their number on the wire, as bare 7-bit groups."""
    commands = {message.name: message for message in found.commands}
    responses = {message.name: message for message in found.responses}
    try:
        by_command = {1: commands.pop("identify")}
        by_response = {0: responses.pop("identify_response")}
    except KeyError as error:
        raise DeclarationError(f"{error.args[0]} is not declared") from None
    by_command.update(enumerate(sorted(commands.values(), key=lambda message: not message.always), 2))
    by_response.update(enumerate(responses.values(), 2 + len(commands)))
    return by_command, by_response


def dictionary_id(number: int) -> int:
    """What a host reads in a number on the wire."""
    return number - ONE_BYTE if NEGATIVE <= number < ONE_BYTE else number


def dictionary(found: Declarations, version: str, build_versions: str) -> dict[str, object]:
    """The data dictionary, as the JSON object that a host reads."""
    commands, responses = numbered(found)
    return {
        "app": "klipkit",
        "build_versions": build_versions,
        "commands": {message.key: dictionary_id(number) for number, message in commands.items()},
        "config": found.constants,
        "enumerations": {**found.enumerations, "static_string_id": found.texts},
        "license": "GPL-3.0-or-later",
        "responses": {message.key: dictionary_id(number) for number, message in responses.items()},
        "version": version,
    }


# --- writing ---


def compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def send_function(place: int, message: Message) -> list[str]:
    """The typed send function of a response, as lines of C."""
    signature, members, names, data = [], [], [], "NULL, 0"
    for parameter in message.parameters:
        if parameter.is_bytes:
            signature += [f"uint8_t {parameter.name}_count", f"const void *{parameter.name}"]
            data = f"{parameter.name}, {parameter.name}_count"
        else:
            signature.append(f"{INTEGERS[parameter.conversion]} {parameter.name}")
            members.append(f"{PACKED[SIZES[parameter.conversion]]} {parameter.name};")
            names.append(f"({PACKED[SIZES[parameter.conversion]]}){parameter.name}")
    packed = f"const struct __attribute__((packed)) {{ {' '.join(members)} }} args = {{{', '.join(names)}}};"
    return [
        f"static inline void send_{message.name}({', '.join(signature) or 'void'})",
        "{",
        *([f"    {packed}"] if members else []),
        f"    command_respond(&declared_responses[{place}], {'&args' if members else 'NULL'}, {data});",
        "}",
    ]


def header(found: Declarations, form: str) -> str:
    """The text of declared.h."""
    commands, responses = numbered(found)
    kinds = sorted({message.kind for message in commands.values() if message.kind})
    lines = [
        "/* Declarations gathered from the sources by firmware/dictionary.py. */",
        "#ifndef DECLARED_H",
        "#define DECLARED_H",
        "#include <stddef.h>",
        "#include <stdint.h>",
        '#include "core/command.h"',
        "enum {",
        *(f"    {place} = {number}," for place, number in found.places.items()),
        f"    declared_command_count = {max(commands) + 1},",
        f"    declared_always_count = {1 + sum(message.always for message in found.commands)}",
        "};",
        "extern const FLASH struct command_row declared_commands[];",
        "extern const FLASH struct response_row declared_responses[];",
        *(
            f"void command_{message.name}(const uint32_t *args, void *object);"
            for message in commands.values()
        ),
        *(f"extern const struct oid_kind oid_kind_{kind};" for kind in kinds),
    ]
    for kind, names in found.functions.items():
        lines += [f"void {kind}_{name}(void);" for name in names]
        lines.append(f"void {RUN_ALL[kind]}(void);")
    if form == "json":
        lines += [f"extern const char declared_json_{part}[];" for part in JSON_PARTS]
    else:
        lines += [
            "extern const FLASH uint8_t declared_dictionary[];",
            "extern const uint16_t declared_dictionary_size;",
        ]
    for place, message in enumerate(responses.values()):
        lines += send_function(place, message)
    return "\n".join([*lines, "#endif", ""])


RUN_ALL = {"startup": "declared_startup", "task": "declared_tasks", "on_shutdown": "declared_on_shutdown"}
JSON_PARTS = ("head", "middle", "tail")


def functions(found: Declarations, form: str) -> list[str]:
    """The functions that call all of a kind; on a chip static data are zero at each start."""
    lines = []
    for kind, names in found.functions.items():
        calls = [name for name in names if form == "json" or kind != "startup" or name not in found.zeroed]
        lines += [f"void {RUN_ALL[kind]}(void)", "{", *(f"    {kind}_{name}();" for name in calls), "}"]
    return lines


def tables(found: Declarations) -> list[str]:
    """Dispatch table and responses."""
    commands, responses = numbered(found)
    lines = ["const FLASH struct command_row declared_commands[] = {"]
    for number, message in commands.items():
        row = f"{len(message.parameters)}, {message.bytes_at}"
        kind = f"&oid_kind_{message.kind}" if message.kind else "NULL"
        lines.append(f"    [{number}] = {{command_{message.name}, {kind}, {row}}},")
    lines += ["};", "const FLASH struct response_row declared_responses[] = {"]
    for number, message in responses.items():
        lines.append(f"    {{{number}, {message.sizes}}},")
    return [*lines, "};"]


def json_parts(found: Declarations, version: str, build_versions: str) -> tuple[str, str, str]:
    """The dictionary's text in three: a port adds to "config" after the first, to "enumerations" after the next."""
    whole = dictionary(found, version, build_versions)
    head = {key: value for key, value in whole.items() if key < "config"}
    tail = {key: value for key, value in whole.items() if key > "enumerations"}
    return (
        compact(head)[:-1] + ',"config":' + compact(whole["config"])[:-1],
        '},"enumerations":' + compact(whole["enumerations"])[:-1],
        "}," + compact(tail)[1:],
    )


def c_text(name: str, text: str) -> list[str]:
    pieces = [text[start : start + 100] for start in range(0, len(text), 100)]
    return [f"const char {name}[] =", *(f"    {json.dumps(piece)}" for piece in pieces), "    ;"]


def c_bytes(name: str, data: bytes) -> list[str]:
    rows = [data[start : start + 20] for start in range(0, len(data), 20)]
    return [
        f"const FLASH uint8_t {name}[] = {{",
        *("    " + "".join(f"{byte}," for byte in row) for row in rows),
        "};",
        f"const uint16_t {name}_size = {len(data)};",
    ]


def source(found: Declarations, form: str, version: str, build_versions: str) -> str:
    """The text of declared.c."""
    lines = ['#include "declared.h"', *tables(found), *functions(found, form)]
    if form == "json":
        parts = json_parts(found, version, build_versions)
        for name, part in zip(JSON_PARTS, parts, strict=True):
            lines += c_text(f"declared_json_{name}", part)
    else:
        text = compact(dictionary(found, version, build_versions))
        lines += c_bytes("declared_dictionary", zlib.compress(text.encode(), 9))
    return "\n".join([*lines, ""])


def write_changed(path: Path, text: str) -> None:
    """Write a file, but leave its time alone when it has that text already: nothing is compiled anew."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main() -> None:
    """Read the sources named on the command line, write declared.h and declared.c."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for declared.h and declared.c")
    parser.add_argument("--form", choices=["json", "zlib"], required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--build-versions", required=True)
    parser.add_argument(
        "sources", type=Path, nargs="+", help="preprocessed sources, in the order of numbering"
    )
    options = parser.parse_args()
    reader = Reader()
    for path in options.sources:
        try:
            reader.read(path.read_text())
        except DeclarationError as error:
            sys.exit(f"{path}: {error}")
    try:
        head = header(reader.found, options.form)
        body = source(reader.found, options.form, options.version, options.build_versions)
    except DeclarationError as error:
        sys.exit(f"{options.sources[0].parent}: {error}")
    write_changed(options.output / "declared.h", head)
    write_changed(options.output / "declared.c", body)


if __name__ == "__main__":
    main()
