"""How text is fitted to a terminal: between words, and never inside a command.

A command that was broken by a line end cannot be copied. One that is longer than a line is left to
the terminal, which wraps it without a line end.
"""

import os
import re
import shutil
import sys

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

# Columns: longer lines are hard to read, and a pipe has no width of its own.
WIDTH = 100
# What is kept whole: code in backticks, and a command as `terminal.command` writes it.
_ARGUMENT = r"(?: (?:--[\w-]*|\d+|start|stop|status))"
_WHOLE = re.compile(rf"`[^`\n]+`[.,:;)]*|(?:nox -s|(?:python3?|py) -m workshop) [\w-]+{_ARGUMENT}*")
_JOIN = "\ue000"


def width() -> int:
    """The columns of the terminal, or of a page where there is none."""
    return min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)


def print_text(console: Console, text: str | Text, style: str = "") -> None:
    """Print a text. What a line wraps to is indented as the line is."""
    whole = Text(text, style) if isinstance(text, str) else text
    for line in whole.split("\n", allow_blank=True):
        indent = len(line.plain) - len(line.plain.lstrip())
        print_hanging(console, line[:indent], line[indent:])


def print_hanging(console: Console, head: Text, text: Text) -> None:
    """Print a text behind its head, and the lines that it wraps to below its own beginning.

    A command that has no room there gets a line of its own, as far to the right as it goes.
    """
    for line in wrap(text, console.width - head.cell_len):
        room = console.width - line.cell_len
        if room < head.cell_len and head.plain.strip():
            console.print(head, soft_wrap=True)
        if room < head.cell_len:
            console.print(Text.assemble(" " * room, line), soft_wrap=True)
        else:
            console.print(Text.assemble(head, line), soft_wrap=True)
        head = Text(" " * head.cell_len)


def wrap(text: Text, columns: int) -> list[Text]:
    """The lines of a text. No word and no command is broken; what is too long has its own line."""
    joined = _WHOLE.sub(lambda found: found[0].replace(" ", _JOIN), text.plain)
    breaks: list[int] = []
    begin = 0
    for word in re.finditer(r"\S+", joined):
        if cell_len(joined[begin : word.end()]) > columns and word.start() > begin:
            breaks.append(word.start())
            begin = word.start()
    lines = list(text.divide(breaks))
    for line in lines:
        line.rstrip()
    return lines


def fit_error(message: str) -> str:
    """A message for standard error, wrapped where a terminal would wrap it."""
    if not (sys.stderr.isatty() or os.environ.get("COLUMNS")):
        return message
    paragraphs = [wrap(Text(paragraph), width()) for paragraph in message.split("\n")]
    return "\n".join(line.plain for paragraph in paragraphs for line in paragraph)
