"""Where a setting of the learner's own comes from: a line of their `.env`, or their shell."""

import io
from dataclasses import dataclass

from dotenv.parser import parse_stream

from workshop.probes.learner_app import DOTENV, OWN_DOTENV, LearnerApp


@dataclass(frozen=True)
class Source:
    """What gives a setting its value."""

    # `DATABASE_URL in .env, line 3`, or `DATABASE_URL in your shell`.
    said: str
    # For `fail(at=…, line=…)`: the file, None for the shell, which has none.
    at: str | None = None
    line: int | None = None


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
