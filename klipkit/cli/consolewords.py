"""What a line of `klipkit console` may say, and how what comes of it is shown.

A line is a command of the firmware, or begins with one of the console's own words (WORDS); # begins a remark.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, NamedTuple

from klipkit.base.errors import CommandText, KlipkitError
from klipkit.base.output import Column, Output
from klipkit.base.text import did_you_mean, sanitise
from klipkit.mcu.conversation import Heard
from klipkit.mcu.dialogue import Dialogue
from klipkit.wire.answers import ANSWERS

COUNT_MOST = 100_000  # commands of one repeat or flood
DELAY_MOST = 86_400.0  # s
SHOWN_MOST = 2000  # characters of one line
RESPONSE_COLUMNS = (Column("text", "Response"), Column("time", "Time"))
LIST_COLUMNS = (Column("kind", "Kind"), Column("name", "Name"), Column("value", "Value"))
KINDS = ("commands", "responses", "outputs", "enumerations", "constants")
PERIODIC = "stats"  # comes by itself
PERIOD_OF_STATS = 5.0  # s (core/stats.c, and the stock firmware)

Action = Callable[[], Coroutine[None, None, None]]


class Word(NamedTuple):
    """One of the console's own commands."""

    usage: str
    what: str


WORDS = {
    "help": Word("help [COMMAND]", "what can be typed, or a command's parameters and answer"),
    "list": Word("list [KIND] [TEXT]", f"the firmware's {', '.join(KINDS)} whose name has TEXT in it"),
    "info": Word("info", "the firmware's version, chip and clock"),
    "stats": Word("stats", "bytes, repeats and round trip of the link, load of the microcontroller"),
    "clock": Word("clock", "its clock now, and its frequency as measured"),
    "delay": Word("delay S", "wait S seconds"),
    "repeat": Word("repeat N COMMAND", "send it N times, each after the answer to the one before"),
    "flood": Word(
        "flood N COMMAND",
        "send it N times without a pause (answers for which the microcontroller has no room are lost)",
    ),
    "quit": Word("quit", "end"),
}


class Quit(Exception):
    """The person has had enough."""


class Show:
    """Where the dialogue is shown: lines for people, records separated by tabs, or a JSON object a line."""

    def __init__(self, out: Output, line: Callable[[str], None] | None = None) -> None:
        self.out = out
        self.began = 0.0  # times count from here, s
        self._line = line or out.line

    def response(self, heard: Heard) -> None:
        """A response, as it comes."""
        if heard.message.name == PERIODIC and self.out.verbosity <= 0:
            return
        text, time = heard.message.text(), round(heard.received - self.began, 6)
        if self.out.terminal:
            self._line(f"{time:10.3f}  {sanitise(text, SHOWN_MOST)}")
            return
        values = {each.name: _plain(heard, each.name) for each in heard.message.format.parameters}
        record = {"response": sanitise(heard.message.name), "time": time, "text": text, "values": values}
        self.out.event(RESPONSE_COLUMNS, record)

    def sent(self, text: str, time: float) -> None:
        """A command that was sent."""
        if self.out.json:
            self.out.event((), {"sent": text, "time": round(time - self.began, 6)})
        else:
            self.out.detail(f"sent: {text}")

    def facts(self, name: str, facts: Mapping[str, Any]) -> None:
        """An answer of the console's own: a few names with their values."""
        if self.out.json:
            self.out.event((), {name: dict(facts)})
            return
        width = max(map(len, facts))
        for key, value in facts.items():
            shown = sanitise("-" if value is None else str(value), SHOWN_MOST)
            self._line(f"{key:{width}}  {shown}" if self.out.terminal else f"{key}\t{shown}")
        self.out.stdout.flush()

    def rows(self, rows: Iterator[dict[str, Any]]) -> None:
        """An answer of the console's own: many records."""
        for row in rows:
            if self.out.terminal:
                self._line(
                    f"{row['kind']:11}  {sanitise(str(row['name']))}  {sanitise(str(row['value']))}".rstrip()
                )
            else:
                self.out.event(LIST_COLUMNS, row)

    def error(self, error: KlipkitError) -> None:
        """An error after which the dialogue goes on."""
        if self.out.json:
            self.out.event((), {"error": error.record()})
        else:
            self._line(sanitise(f"error: {error} [{error.code}]", SHOWN_MOST))


def _plain(heard: Heard, name: str) -> int | str:
    value = heard.message.values[name]
    if isinstance(value, bytes):
        return value.hex()
    parameter = next(each for each in heard.message.format.parameters if each.name == name)
    return heard.message.word(name) if parameter.names else value


class Words:
    """Reads lines: check() says what a line means, or raises CommandText; nothing is sent before that is called."""

    def __init__(self, dialogue: Dialogue, show: Show) -> None:
        self.dialogue = dialogue
        self.show = show
        dialogue.on_send = lambda text: show.sent(text, dialogue.pipe.now())

    def check(self, line: str) -> Action | None:
        """What to do for a line; None when there is nothing to do. Raises CommandText."""
        text = line.strip()
        if not text or text.startswith("#"):
            return None
        word, _, rest = text.partition(" ")
        if word in WORDS:
            found: Action = getattr(self, f"_{word}")(rest.strip())
            return found
        return self._command(text)

    def _command(self, text: str) -> Action:
        try:
            command = self.dialogue.check(text)
        except CommandText as error:
            word, dictionary = text.split()[0], self.dialogue.dictionary
            if word in dictionary.commands or word in dictionary.responses:
                raise
            hint = did_you_mean(word[:60], [*WORDS, *dictionary.commands])
            raise CommandText(error.what, hint=hint or "`list commands` shows the commands") from None

        async def ask() -> None:
            await self.dialogue.ask(command)

        return ask

    def _help(self, rest: str) -> Action:
        dictionary = self.dialogue.dictionary
        if rest:
            known = {**{name: word.usage for name, word in WORDS.items()}}
            known |= {
                name: form.source
                for name, form in (*dictionary.responses.items(), *dictionary.commands.items())
            }
            if rest not in known:
                raise CommandText(
                    f"nothing is known about '{sanitise(rest, 60)}'",
                    hint=did_you_mean(rest[:60], known) or "`list commands` shows the commands",
                )
            facts: dict[str, Any] = {"format": known[rest]}
            if rest in WORDS:
                facts["what"] = WORDS[rest].what
            if rest in ANSWERS and rest in dictionary.commands:
                facts["answer"] = ANSWERS[rest].response
        else:
            facts = {word.usage: word.what for word in WORDS.values()}
            facts["COMMAND [NAME=VALUE]..."] = (
                "a command of the firmware; a value is a number, a name such as PA5, hexadecimal bytes, "
                "or {clock + freq * 0.1}"
            )
        return self._told("help", lambda: facts)

    def _list(self, rest: str) -> Action:
        words = rest.split()
        kinds: tuple[str, ...] = KINDS
        if words and words[0] in KINDS:
            kinds = (words.pop(0),)
        if len(words) > 1:
            raise CommandText("list takes a kind and a text", hint=f"the kinds are {', '.join(KINDS)}")
        wanted = words[0].lower() if words else ""

        async def act() -> None:
            self.show.rows(
                row for row in self._known(kinds) if wanted in f"{row['name']} {row['value']}".lower()
            )

        return act

    def _known(self, kinds: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        dictionary = self.dialogue.dictionary
        formats = {
            "commands": dictionary.commands.values(),
            "responses": [form for form in dictionary.responses.values() if not form.is_output],
            "outputs": [form for form in dictionary.responses.values() if form.is_output],
        }
        for kind in kinds:
            for form in sorted(formats.get(kind, ()), key=lambda form: form.name):
                value = "" if form.is_output else form.source.partition(" ")[2]
                yield {"kind": kind[:-1], "name": form.name, "value": value}
            if kind == "enumerations":
                for name, values in sorted(dictionary.enumerations.items()):
                    for word, number in sorted(values.items(), key=lambda item: item[1]):
                        yield {"kind": name, "name": word, "value": number}
            if kind == "constants":
                for name, constant in sorted(dictionary.constants.items()):
                    yield {"kind": "constant", "name": name, "value": constant}

    def _info(self, rest: str) -> Action:
        _nothing("info", rest)
        return self._told("info", self.identity)

    def identity(self) -> dict[str, Any]:
        """Which firmware it is."""
        dictionary = self.dialogue.dictionary
        outputs = sum(form.is_output for form in dictionary.responses.values())
        facts: dict[str, Any] = {
            "version": dictionary.version,
            "build_versions": dictionary.build_versions,
            "mcu": dictionary.constants.get("MCU"),
            "frequency": dictionary.constants.get("CLOCK_FREQ"),
            "baud": dictionary.constants.get("SERIAL_BAUD"),
            "commands": len(dictionary.commands),
            "responses": len(dictionary.responses) - outputs,
            "outputs": outputs,
            "enumerations": len(dictionary.enumerations),
            "constants": len(dictionary.constants),
            "shutdown": str(self.dialogue.shutdown) if self.dialogue.shutdown else None,
        }
        if self.show.out.json:
            facts["constants"] = dict(dictionary.constants)
        return facts

    def _stats(self, rest: str) -> Action:
        _nothing("stats", rest)
        return self._told("stats", self._statistics)

    def _statistics(self) -> dict[str, Any]:
        stats = self.dialogue.stats()
        for name in ("round_trip", "retransmit_after"):
            stats[name] = round(stats[name], 6)
        load = self.dialogue.load
        if load is not None:
            count, total = load.message.number("count"), load.message.number("sum")
            frequency = self.dialogue.sync.nominal
            stats["mcu_task_average"] = round(total / max(count, 1) / frequency, 9)
            stats["mcu_load"] = round(total / frequency / PERIOD_OF_STATS, 4)
        else:
            stats["mcu_task_average"] = stats["mcu_load"] = None
        return stats

    def _clock(self, rest: str) -> Action:
        _nothing("clock", rest)

        async def act() -> None:
            await self.dialogue.sample()
            sync = self.dialogue.sync
            off = (sync.line.frequency / sync.nominal - 1) * 1e6
            facts = {
                "clock": self.dialogue.clock(),
                "seconds": round(self.dialogue.clock() / sync.nominal, 6),
                "nominal_frequency": round(sync.nominal),
                "frequency": round(sync.line.frequency, 1),
                "off_ppm": round(off, 2),
                "samples": sync.samples,
            }
            self.show.facts("clock", facts)

        return act

    def _delay(self, rest: str) -> Action:
        try:
            seconds = float(rest)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= DELAY_MOST:
            raise CommandText(f"delay takes seconds, 0 to {DELAY_MOST:g}: 'delay 0.5'")

        async def act() -> None:
            await asyncio.sleep(seconds)

        return act

    def _repeat(self, rest: str) -> Action:
        count, text = _counted("repeat", rest)
        command = self.dialogue.check(text)

        async def act() -> None:
            times = [(await self.dialogue.ask(command, quiet=True)).seconds for _ in range(count)]
            milliseconds = [round(time * 1e3, 3) for time in (min(times), sum(times) / count, max(times))]
            names = ("least_ms", "mean_ms", "most_ms")
            self.show.facts("repeat", {"commands": count, **dict(zip(names, milliseconds, strict=True))})

        return act

    def _flood(self, rest: str) -> Action:
        count, text = _counted("flood", rest)
        command = self.dialogue.check(text)

        async def act() -> None:
            done = await self.dialogue.flood(command, count)
            rate = round(count / done.seconds) if done.seconds > 0 else None
            facts = {**done._asdict(), "seconds": round(done.seconds, 6), "commands_per_second": rate}
            self.show.facts("flood", facts)

        return act

    def _quit(self, rest: str) -> Action:
        _nothing("quit", rest)

        async def act() -> None:
            raise Quit

        return act

    def _told(self, name: str, facts: Callable[[], Mapping[str, Any]]) -> Action:
        async def act() -> None:
            self.show.facts(name, facts())

        return act


def _nothing(word: str, rest: str) -> None:
    if rest:
        raise CommandText(f"{word} takes nothing more: '{sanitise(rest, 60)}'")


def _counted(word: str, rest: str) -> tuple[int, str]:
    """The number and the command of repeat and flood."""
    number, _, text = rest.partition(" ")
    count = int(number) if number.isdecimal() and number.isascii() and len(number) < 10 else 0
    if not 1 <= count <= COUNT_MOST or not text.strip():
        raise CommandText(f"{word} takes a number, 1 to {COUNT_MOST}, and a command: '{word} 100 get_clock'")
    return count, text.strip()
