"""Lines of G-code that the configuration holds, as options with templates: those without expressions.

Expressions come with macros; until then what has any is refused when the configuration is read.
"""

from collections.abc import Sequence

from klipkit.base.errors import ConfigError
from klipkit.base.values import Template
from klipkit.gcode.words import Line, parse_line

OPENS = "{"


def plain_lines(template: Template, where: str) -> Sequence[Line]:
    """The commands of a template, each with its place in the file. Raises ConfigError and GcodeError.

    `where` is the option's place, for what has no lines of its own.
    """
    found = []
    for number, text in enumerate(template.text.split("\n")):
        place = f"{template.file}:{template.lines[number]}" if number < len(template.lines) else where
        if OPENS in text:
            raise ConfigError(
                "templates with expressions are not supported yet", where=place, hint="write plain G-code"
            )
        line = parse_line(text, place)
        if line is not None:
            found.append(line)
    return found
