"""Where a setting of the learner's comes from: their shell, a line of their `.env`, or neither."""

import os
import re
from dataclasses import dataclass

from workshop.probes.checking import fail
from workshop.probes.learner_app import DOTENV, LearnerApp

BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Source:
    """The place of a value: in words, where to look, and how to do without it."""

    words: str
    # As `fail` takes it: empty for the shell, which is no file.
    at: str
    line: int | None
    without: str


def source_of(app: LearnerApp, name: str) -> Source | None:
    """Where the learner's own environment sets a setting; None if it is left to the code.

    To be asked after `use_own_environment`. A variable wins over a line of `.env`, and of several
    lines the last one counts.
    """
    if name in os.environ:
        command = f"Remove-Item Env:{name}" if os.name == "nt" else f"unset {name}"
        return Source(f"{name} in your shell", "", None, f"type `{command}`")
    setting = re.compile(rf"\s*(?:export\s+)?{re.escape(name)}\s*=", re.IGNORECASE)
    lines = _dotenv(app).decode("utf-8", "replace").splitlines()
    found = [number for number, line in enumerate(lines, 1) if setting.match(line)]
    if not found:
        return None
    words = f"{name} in {DOTENV}, line {found[-1]},"
    return Source(words, DOTENV, found[-1], "take that line out")


def expect_readable_dotenv(app: LearnerApp) -> None:
    """Fail the check, and say what the file is, unless the learner's `.env` is text in UTF-8."""
    data = _dotenv(app)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        utf16 = data.startswith(BYTE_ORDER_MARKS)
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


def _dotenv(app: LearnerApp) -> bytes:
    file = app.root / DOTENV
    return file.read_bytes() if file.is_file() else b""
