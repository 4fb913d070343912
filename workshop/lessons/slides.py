"""Slides of a notebook: one HTML file that needs neither a network nor another file.

A heading begins a slide. What does not fit the screen goes on on the next one: that is decided in
the browser, which knows how large the screen is.
"""

import json
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
from pygments.util import ClassNotFound

from workshop.course.steps import ROOT
from workshop.lessons.notebooks import Cell, find_notebooks, read

SLIDES = ROOT / "slides"
STYLE = Path(__file__).with_name("slides.css")
SCRIPT = Path(__file__).with_name("slides.js")

_FORMATTER: Any = HtmlFormatter(nowrap=True, style="friendly")  # pyright: ignore


def make_slides(numbers: Sequence[int] = ()) -> list[Path]:
    """Write the slides of these notebooks, or of all, from what is committed. Returns the files."""
    SLIDES.mkdir(exist_ok=True)
    written: list[Path] = []
    for path in find_notebooks(numbers):
        target = SLIDES / f"{path.stem}.html"
        target.write_text(render(read(path)["cells"]), "utf-8")
        written.append(target)
    return written


def render(cells: Sequence[Cell]) -> str:
    """The HTML of a notebook's slides."""
    sections: list[list[str]] = [[]]
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for part in re.split(r"^(?=#{1,3} )", source, flags=re.MULTILINE):
                if part.startswith("#"):
                    sections.append([])
                if part.strip():
                    sections[-1].append(_block("prose", _markdown(part)))
        elif cell["cell_type"] == "code":
            code = _block("code", _code(source, "python"))
            outputs = [_block("output", _output(output)) for output in cell["outputs"]]
            sections[-1].append(f'<div class="group">{code}{"".join(outputs)}</div>')
    title = re.search(r"^# (.+)$", "".join(cells[0]["source"]), re.MULTILINE)
    body = "".join(f"<section>{''.join(blocks)}</section>" for blocks in sections if blocks)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title[1] if title else 'Slides')}</title>"
        f"<style>{STYLE.read_text('utf-8')}{_FORMATTER.get_style_defs()}</style></head>"
        f"<body><main>{body}</main><script>{SCRIPT.read_text('utf-8')}</script></body></html>\n"
    )


def _block(kind: str, content: str) -> str:
    return f'<div class="block {kind}">{content}</div>'


def _plain(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def _output(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return f"<pre>{escape(''.join(output['text']))}</pre>"
    data: dict[str, Any] = output.get("data", {})
    for kind, make in (
        ("text/markdown", _markdown),
        ("image/svg+xml", str),
        ("text/html", str),
        ("text/plain", _plain),
    ):
        if kind in data:
            return make("".join(data[kind]))
    return f"<pre>{escape(json.dumps(data))}</pre>"


def _markdown(text: str) -> str:
    return str(_reader.render(text))


def _code(text: str, language: str, _attributes: str = "") -> str:
    try:
        lexer = get_lexer_by_name(language or "text")
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return f"<pre><code>{highlight(text, lexer, _FORMATTER).rstrip()}</code></pre>"


_reader = MarkdownIt("commonmark", {"html": False, "highlight": _code}).enable("table")
