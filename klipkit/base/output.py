"""How tools answer: JSON for programs, a table on a terminal, tab-separated records in a pipe.

Data goes to stdout, everything else to stderr. One Output object is made by the top of a tool and passed to it.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

from klipkit.base.text import sanitise

NOTHING = "-"  # an empty field
CELL_LIMIT = 4000  # characters of one table cell or tab-separated field


class Column(NamedTuple):
    """One column of an answer: the key in the records, and its heading on a terminal."""

    key: str
    heading: str


Record = Mapping[str, Any]


def cell(value: object) -> str:
    """A value as one field: "-" for nothing, "yes"/"no", lists joined by commas, control characters escaped."""
    if value is None or value == "" or value == [] or value == ():
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(cell(item) for item in value)
    return sanitise(str(value), CELL_LIMIT)


class Output:
    """Where a tool's answer goes, as the common options say (--json, -q, -v, --no-color)."""

    def __init__(
        self,
        *,
        json: bool = False,
        verbosity: int = 0,
        color: bool = True,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.json = json
        self.verbosity = verbosity
        self.color = color and not os.environ.get("NO_COLOR")
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr

    @property
    def terminal(self) -> bool:
        """True when a person looks at stdout: a terminal, and not --json."""
        return not self.json and self.stdout.isatty()

    def line(self, text: str) -> None:
        """One line of data."""
        self.stdout.write(text + "\n")

    def text(self, text: str) -> None:
        """Data as it stands, for filters: nothing is escaped or added."""
        self.stdout.write(text)

    def document(self, value: object) -> None:
        """One JSON document (indented for a terminal, else on one line)."""
        import json

        indent = 2 if self.stdout.isatty() else None
        self.line(json.dumps(value, indent=indent, ensure_ascii=True))

    def records(self, columns: Sequence[Column], rows: Iterable[Record], **document: object) -> None:
        """The answer `rows`: a table, tab-separated lines without heading, or a JSON document.

        The document has one key, `document`'s first, for all rows with all their keys, followed by the others as given.
        Example: records(COLUMNS, rows, ports=rows, warnings=[...]).
        """
        if self.json:
            self.document(document)
        elif self.terminal:
            self._table(columns, rows)
        else:
            for row in rows:
                self.line("\t".join(cell(row.get(column.key)) for column in columns))

    def event(self, columns: Sequence[Column], row: Record) -> None:
        """One record of a stream, shown at once: a JSON object a line, or fields separated by tabs."""
        if self.json:
            import json

            self.line(json.dumps(dict(row)))
        else:
            self.line("\t".join(cell(row.get(column.key)) for column in columns))
        self.stdout.flush()

    def note(self, text: str) -> None:
        """A remark for people on stderr; silent with -q."""
        if self.verbosity >= 0:
            self._say(text)

    def detail(self, text: str) -> None:
        """A remark on stderr that only -v shows."""
        if self.verbosity > 0:
            self._say(text)

    def warn(self, text: str) -> None:
        """A warning on stderr; silent with -q."""
        if self.verbosity >= 0:
            self._say(f"warning: {text}")

    def _say(self, text: str) -> None:
        self.stdout.flush()
        self.stderr.write(sanitise(text, CELL_LIMIT) + "\n")

    def _table(self, columns: Sequence[Column], rows: Iterable[Record]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self.stdout, no_color=not self.color, highlight=False)
        lines = [[cell(row.get(column.key)) for column in columns] for row in rows]
        if _width([[column.heading for column in columns], *lines]) > console.width:
            for line in lines:
                self._block(columns, line)
            return
        table = Table(box=None, pad_edge=False, header_style="bold" if self.color else "")
        for column in columns:
            table.add_column(column.heading)
        for line in lines:
            table.add_row(*(Text(text) for text in line))
        console.print(table)

    def _block(self, columns: Sequence[Column], line: Sequence[str]) -> None:
        """A record too wide for a row: the first field, which is to be copied, in one piece, the others below it."""
        self.line(line[0])
        indent = max(len(column.heading) for column in columns[1:]) if columns[1:] else 0
        for column, text in zip(columns[1:], line[1:], strict=True):
            if text != NOTHING:
                self.line(f"    {column.heading:{indent}}  {text}")


def _width(lines: Sequence[Sequence[str]]) -> int:
    """Columns of a terminal that a table of these lines takes."""
    return sum(max(map(len, column)) + 2 for column in zip(*lines, strict=True)) - 2
