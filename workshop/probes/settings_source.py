"""Where a setting of the learner's own comes from: a line of their `.env`, or their shell."""

import codecs
import io
import os
from dataclasses import dataclass

from dotenv.parser import parse_stream

from workshop.probes.checking import fail
from workshop.probes.learner_app import DOTENV, OWN_DOTENV, LearnerApp


@dataclass(frozen=True)
class Source:
    """What gives a setting its value."""

    # `DATABASE_URL in .env, line 3`, or `DATABASE_URL in your shell`.
    said: str
    # For `fail(at=…, line=…)`: the file; empty for the shell, which is none.
    at: str = ""
    line: int | None = None

    @property
    def clause(self) -> str:
        """`said` in the middle of a sentence: a line number stands between commas."""
        return f"{self.said}," if self.line else self.said


def source_of(app: LearnerApp, name: str) -> Source | None:
    """What sets this name for the learner's own app; None when its default holds.

    The shell wins over `.env`, upper and lower case are one, and the last line of a name counts:
    so does Pydantic read them.
    """
    variable = next((each for each in app.own_environment if each.upper() == name.upper()), None)
    if variable is not None:
        return Source(f"{variable} in your shell")
    lines = _lines(app)
    if name.upper() not in lines:
        return None
    line = lines[name.upper()]
    return Source(f"{name} in {DOTENV}, line {line}", DOTENV, line)


def without(source: Source, name: str) -> str:
    """How to do without it: what to type, or which line to take out."""
    if source.at:
        return "take that line out" if source.line else "change it"
    command = f"Remove-Item Env:{name}" if os.name == "nt" else f"unset {name}"
    return f"type `{command}`"


def expect_readable_dotenv(app: LearnerApp) -> None:
    """Fail the check, and say what the file is, unless the learner's `.env` is text in UTF-8."""
    file = app.root / OWN_DOTENV
    data = file.read_bytes() if file.is_file() else b""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        fail(
            f"{DOTENV} is not text in UTF-8, so your settings cannot read it."
            + (" It is UTF-16, which PowerShell's `>` writes." if utf16 else "")
            + " Open it in your editor and save it with the encoding UTF-8.",
            called="get_settings() with your own .env",
            got="UTF-16" if utf16 else f"the byte 0x{data[error.start]:02x}",
            expected="text in UTF-8",
            at=DOTENV,
            line=1 if utf16 else data[: error.start].count(b"\n") + 1,
        )


def _lines(app: LearnerApp) -> dict[str, int]:
    """The line of each name in the learner's `.env`; nothing of a file that is not text."""
    file = app.root / OWN_DOTENV
    if not file.is_file():
        return {}
    text = file.read_text("utf-8-sig", "replace")
    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None:
            # The blank lines above a name count as a part of it.
            written = binding.original.string
            blank = written[: -len(written.lstrip())]
            lines[binding.key.upper()] = binding.original.line + blank.count("\n")
    return lines
