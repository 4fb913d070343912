"""What a check is made of: its decorator, its verdicts, and the words for them.

A check is a pytest test whose docstring's first line is the sentence that the learner reads::

    @check(at="app/core/config.py:get_settings", hints=("…", "…", "…"))
    def test_settings_are_cached(app: LearnerApp) -> None:
        \"\"\"get_settings() reads the environment once.\"\"\"
        get_settings = app.take("app.core.config", "get_settings")
        expect(get_settings() is get_settings(), "It made new settings.", called="get_settings()")
"""

import inspect
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any, NoReturn, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

# Longer values are cut, and say so: a message is read, not searched.
MAX_VALUE = 300
# What is kept of the end of such a value, and what is shown before two of them differ.
TAIL, LEAD = 80, 60
# Lines that are shown of an exception: those of four fields that Pydantic refuses.
MAX_LINES = 9
# Where the text of a row begins in a message, behind its label.
INDENT = 10

# Where Pydantic and SQLAlchemy tell more; half of a message would be the address.
_ADDRESSES = re.compile(
    r"\s*(?:For further information visit https?://\S+|\(Background on this error at: \S+\))"
)
# What a terminal would obey instead of showing it: colours, titles, a moved cursor, turned text.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]]|$)")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Kind(StrEnum):
    """What a failure is, which decides what helps with it: the check's hints, or general ones."""

    # The check asked its question, and the answer was another one.
    CHECK = "check"
    # The same, before the question could be put.
    UNWRITTEN = "unwritten"
    MISSING = "missing"
    SYNTAX = "syntax"
    IMPORT = "import"
    CIRCULAR = "circular"
    LAYER = "layer"
    # A NameError, TypeError or their like, and any other exception.
    SLIP = "slip"
    RAISED = "raised"
    # Time ran out in a line of the learner's, or while something was awaited.
    LOOP = "loop"
    WAIT = "wait"
    # The message says all that there is to say.
    ENDED = "ended"
    NOT_RUN = "not run"
    WORKSHOP = "workshop"


@dataclass(frozen=True)
class CheckInfo:
    """What the decorator says of a check."""

    id: str
    title: str
    # Where to look in the learner's app when no line of theirs raised: `path:symbol`.
    at: str
    # What to think about; which tool to use; almost the code.
    hints: tuple[str, str, str]
    # Seconds; None for the usual limit.
    seconds: float | None


class CheckFailed(AssertionError):
    """The app does not do what the check asks: what was called, what came back, what should."""

    def __init__(self, summary: str, called: str = "", got: str = "", expected: str = "") -> None:
        rows = [("called", called), ("got", got), ("expected", expected)]
        lines = [summary, *(_row(label, text) for label, text in rows if text)]
        # A value may hold half of a surrogate pair, which no terminal can print.
        super().__init__("\n".join(lines).encode("utf-8", "backslashreplace").decode())
        # Where to look instead of where the check says: `path:symbol`, and the line if known.
        # Empty when the cause is in no file, such as the shell or a database.
        self.at: str | None = None
        self.line: int | None = None
        self.kind = Kind.CHECK


def _row(label: str, text: str) -> str:
    return f"{label:<{INDENT}}" + text.replace("\n", "\n" + " " * INDENT)


def check(
    *, at: str, hints: tuple[str, str, str], seconds: float | None = None
) -> Callable[[Function], Function]:
    """Make a test function a check: `at` is where to look, `hints` help step by step."""

    def decorate(function: Function) -> Function:
        title = (inspect.getdoc(function) or "").split("\n")[0]
        info = CheckInfo(function.__name__.removeprefix("test_"), title, at, hints, seconds)
        function.check_info = info  # type: ignore[attr-defined]  # pyright: ignore
        return function

    return decorate


def info_of(function: Any) -> CheckInfo | None:
    """What the decorator said of a check; None for a function without it."""
    return getattr(function, "check_info", None)


def fail(
    summary: str,
    *,
    called: str = "",
    got: str = "",
    expected: str = "",
    at: str | None = None,
    line: int | None = None,
    kind: Kind = Kind.CHECK,
) -> NoReturn:
    """Fail the check. `at` (`path:symbol`) when the cause is elsewhere than the check says.

    An empty `at` says that the cause is in no file.
    """
    error = CheckFailed(summary, called, got, expected)
    error.at, error.line, error.kind = at, line, kind
    raise error


def expect(
    condition: object,
    summary: str,
    *,
    called: str = "",
    got: str = "",
    expected: str = "",
    at: str | None = None,
) -> None:
    """Fail the check unless `condition` holds."""
    if not condition:
        fail(summary, called=called, got=got, expected=expected, at=at)


def expect_equal(got: object, expected: object, summary: str, *, called: str) -> None:
    """Fail the check unless two values are equal, and show both."""
    if got != expected:
        shown, other = show_pair(got, expected)
        fail(summary, called=called, got=shown, expected=other)


@contextmanager
def calling(called: str) -> Generator[None]:
    """Say what is being called, so that an exception out of the learner's code can be told."""
    try:
        yield
    except CheckFailed:
        raise
    except BaseException as error:
        if not hasattr(error, "called_by_check"):
            error.called_by_check = called  # type: ignore[attr-defined]  # pyright: ignore
        raise


def show(value: object) -> str:
    """A value as a learner would write it; of a long one the beginning, the end and the length."""
    text = _written(value)
    if len(text) <= MAX_VALUE:
        return text
    head = text[: MAX_VALUE - TAIL]
    tail = text[-TAIL:]
    # Not in mid-word, where there is a space within reach.
    head = head[: head.rfind(" ", -TAIL) if " " in head[-TAIL:] else None]
    tail = tail[tail.find(" ", 0, TAIL // 2) + 1 :]
    return f"{head} … {tail} ({len(text):,} characters)"


def show_pair(got: object, expected: object) -> tuple[str, str]:
    """Two values as `show` shows them; long ones where they begin to differ."""
    first, second = _written(got), _written(expected)
    if max(len(first), len(second)) <= MAX_VALUE:
        return first, second
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    start = max(sum(1 for _ in same) - LEAD, 0)
    start = first.find(" ", start, start + LEAD) + 1 or start if start else 0
    return _part(first, start), _part(second, start)


def _part(text: str, start: int) -> str:
    part = text[start : start + MAX_VALUE - TAIL]
    if part == text:
        return text
    before, after = "… " if start else "", " …" if start + len(part) < len(text) else ""
    return f"{before}{part}{after} ({len(text):,} characters)"


def show_text(text: str) -> str:
    """The text of an exception or an answer: its first lines, with their indentation."""
    found = _ADDRESSES.sub("", text).splitlines()
    lines = [show(plain(line.rstrip())) for line in found if line.strip()]
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = [f"… ({len(lines) - MAX_LINES} more lines)"]
    return "\n".join(lines) or "(no text)"


def harmless(text: str) -> str:
    """Text without what a terminal would obey instead of showing it."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", _ESCAPES.sub("", text))


def _written(value: object) -> str:
    return harmless(value) if isinstance(value, _Plain) else repr(value)


class _Plain(str):
    """Text to be shown without quotation marks."""


def plain(text: str) -> str:
    """Text that `show` shows as it is."""
    return _Plain(text)
