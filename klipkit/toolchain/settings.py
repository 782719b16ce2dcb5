"""The settings of a firmware: those of firmware/Kconfig, chosen by a board, a saved file, or one by one."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from klipkit.base.buildfaults import NoPort, WrongSetting
from klipkit.base.errors import DataError, FileError
from klipkit.base.files import read_text
from klipkit.base.text import did_you_mean, nearest, sanitise
from klipkit.boards.board import Board
from klipkit.toolchain.portkconfig import port_kconfig
from klipkit.toolchain.sources import Facts, facts, modules, ports, sources

MODULE = "MODULE_"
HEADER = "# The settings of this firmware. `klipkit build --config` and `make -C firmware CONFIG=` build it again.\n"
FOLLOWING = ("CAN_", "WANTS_")  # what follows from port and chip, and nobody sets
PREFIX = "CONFIG_"  # of a setting in a saved file
SHOWN = 60  # characters of a wrong setting in an error
NUMBER_DIGITS = 12
TRUTH = {"y": "y", "yes": "y", "on": "y", "1": "y", "n": "n", "no": "n", "off": "n", "0": "n"}
SETTABLE_TEXT = ("PORT", "CHIP")  # made by a choice: CHIP=x chooses CHIP_x
QUOTE = '"'
_SET = re.compile(rf"{PREFIX}(\w+)=(.*)", re.ASCII)
_NOT_SET = re.compile(rf"# {PREFIX}({MODULE}\w+) is not set", re.ASCII)
_IN_THE_WAY = (
    "CONFIG_",
    "KCONFIG_CONFIG_HEADER",
    "KCONFIG_WARN_UNDEF",
    "KCONFIG_WARN_UNDEF_ASSIGN",
    "KCONFIG_STRICT",
)


class LeftOut(NamedTuple):
    """A module that is not built, and why."""

    module: str
    why: str


class Settings:
    """The settings of one firmware; they begin with the defaults."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` has the firmware's sources, the usual ones when it is None."""
        self.folder = folder or sources()
        self.kconfig: Any = _parse(self.folder)
        missing = set(modules(self.folder)) - {
            name.removeprefix(MODULE) for name in self.kconfig.syms if name.startswith(MODULE)
        }
        if missing:
            raise DataError(f"has no setting {MODULE}{min(missing)}", where=str(self.folder / "Kconfig"))

    @classmethod
    def of(cls, board: Board, folder: Path | None = None) -> "Settings":
        """The settings of a board. Raises NoPort when klipkit has no firmware for its chip yet."""
        check_port(board, folder or sources())
        settings = cls(folder)
        wanted = {"PORT": board.port, "CHIP": board.chip, "FREQUENCY": board.frequency, "BAUD": board.baud}
        settings.apply(f"{key}={value}" for key, value in wanted.items() if value)
        return settings

    @classmethod
    def saved(cls, path: Path, folder: Path | None = None) -> "Settings":
        """The settings of a file that write() or the menu made. Raises FileError, WrongSetting."""
        settings = cls(folder)
        wanted = []
        for number, line in enumerate(read_text(path).splitlines(), 1):
            if (match := _SET.fullmatch(line)) and match[1].startswith(FOLLOWING):
                continue
            if match:
                wanted.append(f"{match[1]}={match[2].strip(QUOTE)}")
            elif match := _NOT_SET.fullmatch(line):
                wanted += [f"{match[1]}=n"] if match[1] in settings.kconfig.syms else []
            elif line.strip() and not line.startswith("#"):
                raise WrongSetting(
                    f"{sanitise(line, SHOWN)!r} is not a setting", where=f"{sanitise(str(path))}:{number}"
                )
        try:
            settings.apply(wanted)
        except WrongSetting as error:
            error.where = sanitise(str(path))
            raise
        return settings

    def apply(self, assignments: Iterable[str]) -> None:
        """Take KEY=VALUE texts, in order. Raises WrongSetting, also when the settings do not go together."""
        last = {key: (symbol, value) for key, symbol, value in map(self._assign, assignments)}
        for symbol, value in last.values():
            if symbol.str_value != value:
                raise WrongSetting(f"{symbol.name} cannot be {value!r} {self._conflict(symbol, value)}")

    def _assign(self, text: str) -> tuple[str, Any, str]:
        key, equals, value = text.partition("=")
        if not equals:
            raise WrongSetting(
                f"{sanitise(text, SHOWN)!r} is not KEY=VALUE",
                hint="for example BAUD=115200 or MODULE_neopixel=n",
            )
        setting = name = self._name(key.strip())
        value = value.strip()
        if setting in SETTABLE_TEXT:
            name, value = self._choice(setting, value), "y"
        symbol = self.kconfig.syms[name]
        value = _number(symbol, value) if symbol.ranges else _truth(name, value)
        symbol.set_value(value)
        return setting, symbol, value

    def _name(self, key: str) -> str:
        """The setting that is meant; case does not matter."""
        names = self._names()
        found = names.get(key.upper().removeprefix(PREFIX))
        if found is None:
            bare = {name.removeprefix(MODULE): name for name in names.values()}
            near = [bare[name] for name in nearest(key.upper().removeprefix(MODULE), bare)]
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
            hint = hint or f"the settings are {', '.join(self._general())} and {MODULE}..."
            raise WrongSetting(f"unknown setting {sanitise(key, SHOWN)!r}", hint=hint)
        return found

    def _names(self) -> Mapping[str, str]:
        """The settings that can be given a value, by their names in capitals."""
        symbols = (symbol for symbol in self.kconfig.unique_defined_syms if symbol.nodes)
        with_prompt = [symbol.name for symbol in symbols if any(node.prompt for node in symbol.nodes)]
        return {name.upper(): name for name in (*SETTABLE_TEXT, *with_prompt)}

    def _general(self) -> list[str]:
        return [
            name for name in self._names().values() if name in SETTABLE_TEXT or self.kconfig.syms[name].ranges
        ]

    def _choice(self, key: str, value: str) -> str:
        """The symbol that chooses `value` for PORT or CHIP."""
        start = f"{key}_"
        names = [name for name in self._names().values() if name.startswith(start)]
        choices = {name.removeprefix(start): name for name in names}
        if value.lower() not in choices:
            hint = did_you_mean(value, choices) or f"{key} is one of {', '.join(choices)}"
            raise WrongSetting(f"{key} cannot be {sanitise(value, SHOWN)!r}", hint=hint)
        return choices[value.lower()]

    def _conflict(self, symbol: Any, value: str) -> str:
        """Why a setting did not take a value."""
        if symbol.name.startswith(MODULE) and value == "y":
            module = symbol.name.removeprefix(MODULE)
            return f"here: {self._cannot(module) or self._needs(module)}"
        return f"for {self.title()}"

    @property
    def port(self) -> str:
        """The port's name."""
        return str(self.kconfig.syms["PORT"].str_value)

    @property
    def chip(self) -> str:
        """The chip's name, "" for the simulator."""
        return str(self.kconfig.syms["CHIP"].str_value)

    def number(self, name: str) -> int:
        """The value of FREQUENCY or BAUD, 0 where the port does not ask for it."""
        return int(self.kconfig.syms[name].str_value or 0)

    def title(self) -> str:
        """The port and chip, for a person."""
        return f"{self.chip or 'any chip'} (port {self.port})"

    def facts(self) -> Facts:
        """What the port offers the chip."""
        return facts(self.folder, self.port, self.chip)

    def left_out(self) -> tuple[LeftOut, ...]:
        """The modules that are not built, and why."""
        syms = self.kconfig.syms
        names = [name for name in modules(self.folder) if syms[f"{MODULE}{name}"].str_value != "y"]
        return tuple(LeftOut(name, self._why(name)) for name in names)

    def _why(self, module: str) -> str:
        if cannot := self._cannot(module):
            return cannot
        if module not in self.facts().modules:
            return f"no room in the {self.chip}"
        return self._needs(module) or "switched off"

    def _cannot(self, module: str) -> str:
        """What the port lacks for the module, "" when nothing."""
        lacks = self.facts().lacks(module)
        return f"the {self.port} port provides no {' and no '.join(lacks)}" if lacks else ""

    def _needs(self, module: str) -> str:
        """The modules that it depends on and that are not built, "" when none."""
        import kconfiglib

        symbol = self.kconfig.syms[f"{MODULE}{module}"]
        items = (
            item for item in kconfiglib.expr_items(symbol.direct_dep) if isinstance(item, kconfiglib.Symbol)
        )
        off = sorted(item.name for item in items if item.name.startswith(MODULE) and item.str_value != "y")
        return f"it needs {' and '.join(off)}" if off else ""

    def text(self) -> str:
        """The settings, one a line; the same settings give the same text."""
        symbols = self.kconfig.unique_defined_syms
        return "".join(each.config_string for each in symbols if not each.name.startswith(FOLLOWING))

    def document(self) -> str:
        """The text of a saved file: a sentence of what it is, and text()."""
        return HEADER + self.text()

    def save(self, path: Path) -> None:
        """Write document() to a file. Raises FileError."""
        try:
            path.write_text(self.document(), encoding="utf-8")
        except OSError as error:
            reason = sanitise(error.strerror or str(error))
            raise FileError(f"cannot be written: {reason}", where=sanitise(str(path))) from None

    def open_menu(self, scratch: Path) -> None:
        """Let a person change the settings in a menu on the terminal; `scratch` is the file it works on.

        Leaving without saving keeps the settings as they were. Raises WrongSetting, curses.error.
        """
        import menuconfig

        self.kconfig.write_config(
            str(scratch), save_old=False
        )  # with all symbols: the menu asks to save what differs
        with environment(KCONFIG_CONFIG=str(scratch.absolute())):
            menuconfig.menuconfig(self.kconfig)
        self.kconfig = Settings.saved(scratch, self.folder).kconfig


def check_port(board: Board, folder: Path) -> None:
    """Raises NoPort when klipkit has no firmware for the board's chip yet."""
    if not can_be_built(board, folder):
        raise NoPort(
            f"no port yet for {board.chip} (board {board.name})",
            hint="`klipkit build --list` shows the boards that can be built",
        )


def can_be_built(board: Board, folder: Path) -> bool:
    """Whether there is a port that serves the board's chip."""
    served = ports(folder).get(board.port)
    return served is not None and (not board.chip or board.chip in served)


def _parse(folder: Path) -> Any:
    import kconfiglib

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".kconfig") as told:
        told.write(port_kconfig(folder))
        told.flush()
        with environment(srctree=str(folder), PORT_KCONFIG=told.name):
            try:
                return kconfiglib.Kconfig("Kconfig", warn_to_stderr=False)
            except kconfiglib.KconfigError as error:
                raise DataError(sanitise(str(error)), where=str(folder / "Kconfig")) from error


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """These variables of the environment for a while: the only way to tell kconfiglib some things."""
    before = {name: os.environ.get(name) for name in (*values, *_IN_THE_WAY)}
    for name in _IN_THE_WAY:
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _number(symbol: Any, value: str) -> str:
    """A whole number in the range of the setting that applies."""
    low, high = (int(bound.str_value) for bound in symbol.ranges[0][:2])
    if not (
        value.isascii() and value.isdigit() and len(value) <= NUMBER_DIGITS and low <= int(value) <= high
    ):
        raise WrongSetting(
            f"{symbol.name} cannot be {sanitise(value, SHOWN)!r}",
            hint=f"it is a whole number from {low} to {high}",
        )
    return str(int(value))


def _truth(name: str, value: str) -> str:
    if value.lower() not in TRUTH:
        raise WrongSetting(f"{name} cannot be {sanitise(value, SHOWN)!r}", hint="it is y or n")
    return TRUTH[value.lower()]
