"""What a check is made of: its decorator, its verdicts, and the words for them.

A check is a pytest test whose docstring's first line is the sentence that the learner reads::

    @check(at="app/core/config.py:get_settings", hints=("…", "…", "…"))
    def test_settings_are_cached(app: LearnerApp) -> None:
        \"\"\"get_settings() reads the environment once.\"\"\"
        get_settings = app.take("app.core.config", "get_settings")
        expect(get_settings() is get_settings(), "It made new settings.", called="get_settings()")
"""

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

# Longer values are cut in the middle: a message is read, not searched.
MAX_VALUE = 300


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
        lines = [summary, *(f"{label:<9} {text}" for label, text in rows if text)]
        # A value may hold half of a surrogate pair, which no terminal can print.
        super().__init__("\n".join(lines).encode("utf-8", "backslashreplace").decode())
        # Where to look instead of where the check says: `path:symbol`, and the line if known.
        # Empty when the cause is in no file, such as the shell or a database.
        self.at: str | None = None
        self.line: int | None = None


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
) -> NoReturn:
    """Fail the check. `at` (`path:symbol`) when the cause is elsewhere than the check says.

    An empty `at` says that the cause is in no file.
    """
    error = CheckFailed(summary, called, got, expected)
    error.at, error.line = at, line
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
        fail(summary, called=called, got=show(got), expected=show(expected))


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
    """A value as a learner would write it, cut in the middle when it is long."""
    text = value if isinstance(value, _Plain) else repr(value)
    if len(text) <= MAX_VALUE:
        return text
    half = MAX_VALUE // 2
    return f"{text[:half]} … {text[-half:]}"


class _Plain(str):
    """Text to be shown without quotation marks."""


def plain(text: str) -> str:
    """Text that `show` shows as it is."""
    return _Plain(text)
