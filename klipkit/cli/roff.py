"""Manual pages as text: a page of headed sections, rendered in the man(7) macros."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Page:
    """A manual page: `klipkit-ports` of section 1, say, with its parts in order."""

    name: str
    section: int
    summary: str
    source: str
    parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section, such as OPTIONS."""
        self.parts.append(f".SH {escape(text)}")

    def subheading(self, text: str) -> None:
        """Begin a subsection."""
        self.parts.append(f".SS {escape(text)}")

    def paragraphs(self, text: str) -> None:
        """Running text; blank lines part the paragraphs, and a paragraph that begins with \\b keeps its lines."""
        for block in re.split(r"\n\s*\n", text.strip()):
            if block.lstrip().startswith("\b"):
                self.verbatim(block.split("\n")[1:])
            elif block.strip():
                self.parts.append(".PP\n" + inline(" ".join(block.split())))

    def verbatim(self, lines: Iterable[str]) -> None:
        """Lines as they stand, indented."""
        body = "\n".join(escape(line) for line in lines)
        self.parts.append(f".PP\n.RS 4\n.nf\n{body}\n.fi\n.RE")

    def item(self, term: str, text: str) -> None:
        """A term, in bold, and what it means."""
        self.parts.append(f".TP\n\\fB{escape(term)}\\fR\n{inline(' '.join(text.split())) or '.'}")

    def render(self) -> str:
        """The whole page as roff."""
        title = f'.TH "{self.name.upper()}" "{self.section}" "" "{self.source}" "klipkit manual"'
        name = f".SH NAME\n{escape(self.name)} \\- {inline(self.summary)}"
        return "\n".join([title, ".nh", ".ad l", name, *self.parts]) + "\n"


def escape(text: str) -> str:
    """Text that roff prints as it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in text.split("\n"))


def inline(text: str) -> str:
    """Running text: what stands between backquotes becomes bold."""
    parts = text.split("`")
    marked = (f"\\fB{escape(part)}\\fR" if number % 2 else escape(part) for number, part in enumerate(parts))
    joined = "".join(marked)
    return "\\&" + joined if joined.startswith((".", "'")) else joined
