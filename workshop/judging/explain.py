"""What an exception means to a learner: one verdict, in plain words, with their file and line."""

import linecache
import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from workshop.probes.checking import CheckFailed, CheckInfo, show

Outcome = Literal["passed", "failed", "error", "timeout"]


@dataclass(frozen=True)
class Verdict:
    """How a check ended, and where in the learner's app to look."""

    outcome: Outcome
    message: str = ""
    # `path:symbol`, or `path` alone; `line` when it is known.
    at: str | None = None
    line: int | None = None
    # The learner's own frames, for --verbose.
    trace: list[str] = field(default_factory=list[str])

    def as_event(self) -> dict[str, Any]:
        """The verdict as part of an event of the worker."""
        return {
            "outcome": self.outcome,
            "message": self.message,
            "at": self.at,
            "line": self.line,
            "trace": self.trace,
        }


# Where Pydantic and SQLAlchemy tell more; half of a message would be the address.
_ADDRESSES = re.compile(
    r"\s*(?:For further information visit https?://\S+|\(Background on this error at: \S+\))"
)

UNFINISHED = Verdict(
    "error",
    "Your code ended the process in which it ran (os._exit, a signal, or KeyboardInterrupt). "
    "A server goes on after every request: return, or raise an exception.",
)


def explain(error: BaseException, info: CheckInfo, root: Path) -> Verdict:
    """The verdict on a check that ended with `error`; `root` is the copy of the app that ran."""
    frames = _learners_frames(error, root)
    trace = [
        f"{path}:{line} in {name}\n    {linecache.getline(str(root / path), line).strip()}"
        for path, line, name in frames
    ]
    path, line, function = frames[-1] if frames else (None, None, "")
    called = getattr(error, "called_by_check", "")

    def verdict(outcome: Outcome, summary: str, **rows: str) -> Verdict:
        message = str(CheckFailed(summary, **rows)).replace(str(root), "backend")
        return Verdict(outcome, message, path or info.at, line, trace)

    match error:
        case CheckFailed():
            message = str(error).replace(str(root), "backend")
            at = info.at if error.at is None else error.at  # "": it is in no file
            return Verdict("failed", message, at, error.line, trace)
        case SyntaxError() | UnicodeError() if _is_not_text(error):
            return verdict(
                "failed",
                f"{_file_of(error, root) or info.at.partition(':')[0]} is not text in UTF-8: "
                "save it with that encoding.",
            )
        case SyntaxError() if error.filename and Path(error.filename).is_relative_to(root):
            return _syntax_verdict(error, root)
        case NotImplementedError() if frames:
            task = str(error).partition(": ")[2] or str(error)
            return verdict(
                "failed", f"{function}() is not written yet.", called=called, expected=task
            )
        case SystemExit():
            return verdict(
                "error",
                "Your code ended the whole program (sys.exit, exit or quit). "
                "Return or raise an exception instead.",
                called=called,
            )
        case EOFError() if frames:
            return verdict(
                "error",
                "Your code waits for somebody to type (input). A server has nobody to ask: "
                "take the value from the settings or as an argument.",
                called=called,
            )
        case ModuleNotFoundError() if frames:
            return verdict("failed", _missing_module(error), called=called)
        case RecursionError() if frames:
            return verdict("failed", f"{function}() calls itself without an end.", called=called)
        case _ if frames or called:
            got = f"{type(error).__name__}: {show_text(str(error))}"
            summary = "Your code raised an exception."
            if "coroutine" in str(error):
                summary = "Your code has a coroutine instead of its result: an await is missing."
            return verdict("failed", summary, called=called, got=got)
        case _:
            own = traceback.extract_tb(error.__traceback__)[-1]
            return verdict(
                "error",
                f"The check itself stumbled ({type(error).__name__}: {error}; "
                f"{Path(own.filename).name}, line {own.lineno}). "
                "If your app looks right to you, that is a bug of the workshop: please report it.",
            )


def show_text(text: str) -> str:
    """The text of an exception: its first lines, cut when long."""
    text = _ADDRESSES.sub("", text)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return show(_Lines("; ".join(lines[:4])))[1:-1] if lines else "(no text)"


class _Lines(str):
    """Text whose repr is itself in quotation marks, without escapes."""

    def __repr__(self) -> str:
        return f"'{self}'"


def _is_not_text(error: SyntaxError | UnicodeError) -> bool:
    signs = ("null bytes", "(unicode error) 'utf-8'", "Non-UTF-8 code", "as UTF-8")
    return any(sign in str(error) for sign in signs)


def _file_of(error: BaseException, root: Path) -> str | None:
    name = getattr(error, "filename", None)
    if isinstance(name, str) and Path(name).is_relative_to(root):
        return Path(name).relative_to(root).as_posix()
    return None


def _syntax_verdict(error: SyntaxError, root: Path) -> Verdict:
    path = Path(error.filename or "").relative_to(root).as_posix()
    text = (error.text or "").strip()
    end = "" if error.msg.endswith("?") else "."  # "Perhaps you forgot a comma?"
    message = str(
        CheckFailed(
            f"{path} is not valid Python, line {error.lineno}: {error.msg}{end}",
            got=text,
            expected="Python that can be read; the mistake is often on the line before",
        )
    )
    return Verdict("failed", message, path, error.lineno, [])


def _missing_module(error: ModuleNotFoundError) -> str:
    name = error.name or "?"
    if name == "app" or name.startswith("app."):
        return f"There is no module {name} in your app: is the name spelled as the file is?"
    return f"There is no package {name} in the workshop's environment: is its name misspelled?"


def _inner(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error.__cause__


def _learners_frames(error: BaseException, root: Path) -> list[tuple[str, int, str]]:
    """The frames of the learner's files: path in the app, line, function; outermost first."""
    frames: list[tuple[str, int, str]] = []
    seen: BaseException | None = error
    while seen is not None:
        frames = [
            (Path(frame.filename).relative_to(root).as_posix(), frame.lineno or 1, frame.name)
            for frame in traceback.extract_tb(seen.__traceback__)
            if Path(frame.filename).is_relative_to(root)
        ]
        if frames:
            break
        # An exception group or a wrapped exception may carry the frame that counts.
        seen = _inner(seen)
    return frames
