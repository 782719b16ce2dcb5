"""The filter that translates the pins of a whole printer.cfg or Marlin pins file and keeps every other byte.

Line by line; the kind of file shows in its lines: a [section] begins a printer.cfg, a #define or // a Marlin file.
"""

import re
from typing import NamedTuple

from klipkit.base.errors import KlipkitError, UnknownPin
from klipkit.base.text import sanitise
from klipkit.boards.pins import MODIFIERS, Translation, numbered

_BLANK = " \t"
_WORD = re.compile(r"[\w./]+", re.ASCII)
_PORT_PIN = re.compile(r"P[A-Z]\d{1,2}|P\d\.\d{1,2}", re.ASCII)  # the shape of a microcontroller's own name
_SEMICOLON = re.compile(r"(?:^|\s);")

_MARLIN_LINE = re.compile(
    r"\s*(?://|/\*|#\s*(?:define|ifdef|ifndef|undef)\s+[A-Z_][A-Z0-9_]*\s|#\s*pragma\s+once|#\s*include\s+[\"<])"
)
_COMMENT = re.compile(r"//|/\*")
_DEFINE = re.compile(r"(\s*#\s*define\s+(\w+)\s+(?:\(\s*)?)([\w.]+)(?=\s*\)?$)", re.ASCII)
_ASSIGNMENT = re.compile(r"(\b(\w+_PIN)\s*=\s*)([\w.]+)(?=\s*[;,])", re.ASCII)
_CALL = re.compile(
    r"(\b(?:pinMode|digitalWrite|digitalRead|analogWrite|digitalPinToInterrupt|SET_INPUT|SET_INPUT_PULLUP"
    r"|SET_INPUT_PULLDOWN|SET_OUTPUT|SET_PWM|OUT_WRITE|WRITE|READ|TOGGLE)\s*\(\s*)([\w.]+)(?=\s*[,)])",
    re.ASCII,
)
_PIN_NAME = re.compile(
    r"(?!HAS_|USE_|NO_)\w*_PIN|LCD_PINS_\w+|BTN_(?:EN1|EN2|ENC|BACK|UP|DWN|DOWN|LFT|LEFT|RT|RIGHT|CENTER)"
    r"|DOGLCD_(?:CS|A0|SCK|MOSI)|SDSS",
    re.ASCII,
)
# Marlin counts analog inputs here: TEMP_0_PIN 13 is A13.
_ANALOG_NAME = re.compile(
    r"TEMP_(?:\d+|BED|CHAMBER|PROBE|COOLER|BOARD|SOC|REDUNDANT)_PIN|FILWIDTH\d*_PIN|ADC_KEYPAD_PIN"
    r"|POWER_MONITOR_\w+_PIN",
    re.ASCII,
)
_OPTIONS = frozenset(("pin", "pins", "adc1", "adc2"))
_NO_PINS = ("variable_", "analog_range_")  # options that end like pins and are none


FAULTS = 1000  # faults that are told one by one


class Fault(NamedTuple):
    """A name that was left as it stands, and why."""

    name: str
    error: KlipkitError


class PinFilter:
    """Translates a text line by line; `source` names it in errors."""

    def __init__(self, translation: Translation, source: str) -> None:
        self.translation = translation
        self.source = source
        self.translated = 0
        self.number = 0
        self.untold = 0  # names left beyond the first FAULTS
        self._faults: list[Fault] = []
        self._aliases: set[str] = set()
        self._dialect: _Config | _Marlin = _Config(self)

    def line(self, text: str) -> str:
        """The next line translated, its line end kept. Raises nothing."""
        self.number += 1
        body = text.rstrip("\r\n")
        if body.lstrip("\ufeff").startswith("["):
            if not isinstance(self._dialect, _Config):
                self._dialect = _Config(self)
        elif self._undecided and (_MARLIN_LINE.match(f"{body.lstrip(chr(0xFEFF))} ") or _CALL.search(body)):
            self._dialect = _Marlin(self)
        return self._dialect.line(body) + text[len(body) :]

    @property
    def _undecided(self) -> bool:
        return isinstance(self._dialect, _Config) and not self._dialect.section

    def faults(self) -> list[KlipkitError]:
        """What was left because nothing is known about it; the aliases that the file itself declares are known."""
        return [fault.error for fault in self._faults if fault.name.lower() not in self._aliases]

    def declare(self, alias: str) -> None:
        """An alias of the file's own: no fault where it is used."""
        self._aliases.add(alias.lower())

    def name(self, name: str) -> str:
        """A name in a config translated, or as it is after noting the fault."""
        if self.translation.to is not None and name in self.translation.table.shorted:
            return self._left(name, self._shorted(name))
        try:
            return self._counted(name, self.translation.name(name))
        except KlipkitError as error:
            return self._left(name, error)

    def marlin_word(self, word: str, *, analog: bool) -> str:
        """A word of a Marlin file translated: a number, a numbered name or a pin; other identifiers stay."""
        bare = word.isdigit()
        if not (bare or numbered(word) or _PORT_PIN.fullmatch(word)):
            return word
        name = f"A{word}" if bare and analog else word
        try:
            if self.translation.to is None:
                return self._counted(word, self.translation.name(name))
            return self._counted(word, self.translation.plain_number(name, analog=analog))
        except KlipkitError as error:
            return self._left(word, error)

    def _counted(self, old: str, new: str) -> str:
        self.translated += old != new
        return new

    def _left(self, name: str, error: KlipkitError) -> str:
        error.where = f"{sanitise(self.source)}:{self.number}"
        if len(self._faults) < FAULTS:
            self._faults.append(Fault(name, error))
        else:
            self.untold += 1
        return name

    def _shorted(self, name: str) -> UnknownPin:
        # The way forward gives the other pin of the pair, so a text would not come back as it was.
        table = self.translation.table
        number = table.shorted[name]
        return UnknownPin(
            f"{name!r} is wired to {table.arduino[number]} ({number}) on {table.name}, so it was left as it is"
        )


class _Config:
    """printer.cfg: pins stand in the values of certain options."""

    def __init__(self, owner: PinFilter) -> None:
        self.owner = owner
        self.section = ""
        self.option = ""
        self.indent = 0

    def line(self, body: str) -> str:
        code, comment = _split_comment(body)
        text = code.lstrip("\ufeff").strip()
        if not text:
            return body
        indent = len(code) - len(code.lstrip())
        if self.option and indent > self.indent:
            return self._value(code) + comment
        if text[0] == "[":
            self.section, self.option = text, ""
            return body
        ends = [end for end in (code.find(":"), code.find("=")) if end >= 0]
        if not ends:
            return body
        start = min(ends) + 1
        self.option, self.indent = code[: start - 1].strip().lower(), indent
        return code[:start] + self._value(code[start:]) + comment

    def _value(self, value: str) -> str:
        if self.section.startswith(("[gcode_macro", "[delayed_gcode")):
            return value
        if self.option == "aliases" or self.option.startswith("aliases_"):
            return ",".join(map(self._alias, value.split(",")))
        is_pin = self.option in _OPTIONS or self.option.endswith(("_pin", "_pins"))
        if is_pin and not self.option.startswith(_NO_PINS):
            return ",".join(map(self._item, value.split(",")))
        return value

    def _alias(self, item: str) -> str:
        left, equals, right = item.partition("=")
        self.owner.declare(left.strip())
        return f"{left}{equals}{self._item(right)}" if equals else item

    def _item(self, item: str) -> str:
        colon = item.find(":")
        before = item[colon + 1 :].lstrip(_BLANK) if colon >= 0 else item.lstrip(_BLANK + MODIFIERS)
        start = len(item) - len(before)
        word = before.rstrip()
        if not _WORD.fullmatch(word) or word.isdigit():
            return item
        if colon >= 0 and not (numbered(word) or _PORT_PIN.fullmatch(word)):
            return item  # a virtual pin: probe:z_virtual_endstop
        return item[:start] + self.owner.name(word) + item[start + len(word) :]


class _Marlin:
    """A Marlin pins file or a sketch: pins stand behind #define X_PIN and in calls such as pinMode(54, OUTPUT)."""

    def __init__(self, owner: PinFilter) -> None:
        self.owner = owner
        self.in_comment = False

    def line(self, body: str) -> str:
        out: list[str] = []
        start = 0
        while start < len(body):
            end = self._comment(body, start, out) if self.in_comment else self._code_part(body, start, out)
            start = end
        return "".join(out)

    def _comment(self, body: str, start: int, out: list[str]) -> int:
        close = body.find("*/", start)
        self.in_comment = close < 0
        end = len(body) if close < 0 else close + 2
        out.append(body[start:end])
        return end

    def _code_part(self, body: str, start: int, out: list[str]) -> int:
        found = _COMMENT.search(body, start)
        end = found.start() if found else len(body)
        out.append(self._code(body[start:end]))
        if found is None:
            return end
        self.in_comment = found[0] == "/*"
        stop = found.end() if self.in_comment else len(body)
        out.append(body[end:stop])
        return stop

    def _code(self, code: str) -> str:
        found = _DEFINE.match(code.rstrip())
        if found and _PIN_NAME.fullmatch(found[2]):
            return self._named(found) + code[found.end() :]
        if "_PIN" in code:
            code = _ASSIGNMENT.sub(self._named, code)
        return _CALL.sub(lambda call: call[1] + self.owner.marlin_word(call[2], analog=False), code)

    def _named(self, found: re.Match[str]) -> str:
        analog = _ANALOG_NAME.fullmatch(found[2]) is not None
        return found[1] + self.owner.marlin_word(found[3], analog=analog)


def _split_comment(body: str) -> tuple[str, str]:
    """The line up to its comment, and the comment: from # on, or from ; at the start or after white space."""
    cut = body.find("#")
    code = body if cut < 0 else body[:cut]
    found = _SEMICOLON.search(code)
    if found is not None:
        code = code[: found.end() - 1]
    return code, body[len(code) :]
