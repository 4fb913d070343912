"""What an exception means to a learner: one verdict, in plain words, with their file and line."""

import linecache
import re
import traceback
from bdb import BdbQuit
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from workshop.probes.checking import CheckFailed, CheckInfo, Kind, harmless, plain, show, show_text
from workshop.probes.learner_app import LearnerApp

if TYPE_CHECKING:
    from pydantic_core import ValidationError

Outcome = Literal["passed", "failed", "error", "timeout"]

# Exceptions that say that a line does not mean what its author believes.
_SLIPS = (NameError, AttributeError, TypeError, LookupError, ArithmeticError, AssertionError)


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
    kind: Kind = Kind.CHECK

    def as_event(self) -> dict[str, Any]:
        """The verdict as part of an event of the worker."""
        return {
            "outcome": self.outcome,
            "message": self.message,
            "at": self.at,
            "line": self.line,
            "trace": self.trace,
            "kind": self.kind,
        }


class Breakpoint(BaseException):
    """The learner's code stops at `breakpoint()` where nobody can type."""


class _Frame(NamedTuple):
    """A frame of the learner's: a path in the app, a line, a function."""

    path: str
    line: int
    function: str


UNFINISHED = Verdict(
    "error",
    "Your code ended the process in which it ran (os._exit, a signal, or KeyboardInterrupt). "
    "A server goes on after every request: return, or raise an exception.",
    kind=Kind.ENDED,
)


def explain(error: BaseException, info: CheckInfo, app: LearnerApp, session: str) -> Verdict:
    """The verdict on a check of a step, with this session, that ended with `error`."""
    frames = _learners_frames(error, app)
    trace = [
        f"{path}:{line} in {name}\n    {linecache.getline(str(app.root / path), line).strip()}"
        for path, line, name in frames
    ]
    path, line, function = frames[-1] if frames else (None, None, "")
    called = getattr(error, "called_by_check", "")

    def verdict(kind: Kind, summary: str, **rows: str) -> Verdict:
        message = str(CheckFailed(summary, **rows)).replace(str(app.root), "backend")
        outcome: Outcome = "error" if kind in (Kind.ENDED, Kind.WORKSHOP) else "failed"
        return Verdict(outcome, message, path or info.at, line, trace, kind)

    got = f"{type(error).__name__}: {show_text(str(error))}"
    match error:
        case CheckFailed():
            message = str(error).replace(str(app.root), "backend")
            at = info.at if error.at is None else error.at  # "": it is in no file
            return Verdict("failed", message, at, error.line, trace, error.kind)
        case SyntaxError() | UnicodeError() if _is_not_text(error):
            file = _file_of(error, app) or info.at.partition(":")[0]
            text = f"{file} is not text in UTF-8: save it with that encoding."
            return Verdict("failed", text, file, trace=trace, kind=Kind.SYNTAX)
        case SyntaxError() if file := _file_of(error, app):
            return _syntax_verdict(error, file)
        case NotImplementedError() if frames and _is_the_starters(error, app):
            task = str(error).partition(": ")[2] or str(error)
            summary = f"{function}() is not written yet."
            return verdict(Kind.UNWRITTEN, summary, called=called, expected=task)
        case SystemExit():
            return verdict(
                Kind.ENDED,
                "Your code ended the whole program (sys.exit, exit or quit). "
                "Return or raise an exception instead.",
                called=called,
            )
        case Breakpoint() | BdbQuit():
            return verdict(
                Kind.ENDED,
                "Your code stops for a debugger (breakpoint or pdb), and nobody can type here. "
                f"`nox -s {session} -- --debug {info.id}` runs this check where you can.",
                called=called,
            )
        case EOFError() if frames:
            return verdict(
                Kind.ENDED,
                "Your code waits for somebody to type (input). A server has nobody to ask: "
                "take the value from the settings or as an argument.",
                called=called,
            )
        case ImportError() | AttributeError() if frames and _is_circular(error):
            return _circular_verdict(error, app, frames, trace, called)
        case ModuleNotFoundError() if frames:
            summary = _missing_module(error, app)
            # What was looked for on behalf of a library stands in no line of the learner's.
            rows = {"called": called} if _raised_by_learner(error, app) else {"got": got}
            return verdict(Kind.IMPORT, summary, **rows)
        case ImportError() if frames:
            summary = f"{path} cannot be loaded: {_first_line(error)}."
            return verdict(Kind.IMPORT, summary, called=called)
        case RecursionError() if frames:
            return verdict(Kind.LOOP, f"{function}() calls itself without an end.", called=called)
        case _ if frames or called:
            kind = Kind.SLIP if isinstance(error, _SLIPS) else Kind.RAISED
            summary = _summary(error, path, function)
            if frames and frames != _own_frames(error, app) and kind is Kind.RAISED:
                summary = f"An exception in {function}() comes out as {type(error).__name__}: "
                summary += f"{_first_line(error)}."
            # Not twice: the summary has the whole of a text of one line.
            rows = {} if f"{got}." in summary else {"got": got}
            return verdict(kind, summary, called=called, **rows)
        case _:
            own = traceback.extract_tb(error.__traceback__)[-1]
            return verdict(
                Kind.WORKSHOP,
                f"The check itself stumbled ({type(error).__name__}: {error}; "
                f"{Path(own.filename).name}, line {own.lineno}). "
                "If your app looks right to you, that is a bug of the workshop: please report it.",
            )


def _summary(error: BaseException, path: str | None, function: str) -> str:
    """What happened, as far as it is known: whose function raised what, or a call from outside."""
    if "'coroutine' object" in str(error) or "coroutine object" in str(error):
        return "Your code has a coroutine instead of its result: an await is missing."
    name = type(error).__name__
    said = _first_line(error)
    raised = name if said == name else f"{name}: {said}"
    if function == "<module>":
        return f"{path} cannot be loaded: a line of it raises {raised}."
    if function.isidentifier():
        return f"{function}() raises {raised}."
    return f"Your code raises {raised}." if function else f"The call raises {raised}."


def _first_line(error: BaseException) -> str:
    """The first sentence of an error, without the folder of the copy that ran.

    Pydantic's text begins with a count; its first fault says more.
    """
    from pydantic_core import ValidationError  # loaded by now, and not needed outside of a worker

    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, fault["loc"]))
        return f"{field}: {fault['msg']}" if field else fault["msg"]
    text = str(error).partition(" (/")[0].partition(" (\\")[0]
    line = text.splitlines()[0].partition(". ")[0] if text else type(error).__name__
    return show(plain(line)).rstrip(".")


def _is_the_starters(error: NotImplementedError, app: LearnerApp) -> bool:
    """Whether it is the learner's own "not yet", and no library's "I cannot do that"."""
    return re.match(r"step \d+:", str(error)) is not None or _raised_by_learner(error, app)


def _raised_by_learner(error: BaseException, app: LearnerApp) -> bool:
    """Whether the line that raised is the learner's; Python's own way to a module is no line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if not frame.filename.startswith("<frozen importlib")]
    return bool(lines) and app.own_path(lines[-1].filename) is not None


def _is_circular(error: ImportError | AttributeError) -> bool:
    return "partially initialized module" in str(error) or "circular import" in str(error)


def _circular_verdict(
    error: ImportError | AttributeError,
    app: LearnerApp,
    frames: list[_Frame],
    trace: list[str],
    called: str,
) -> Verdict:
    """A circle of imports: the layer that an import of it breaks is the cause, where one does."""
    from workshop.probes.architecture import broken_rule

    got = f"{type(error).__name__}: {_first_line(error)}"
    modules = [_module_of(path) for path in dict.fromkeys(frame.path for frame in frames)]
    half = re.search(r"partially initialized module '([\w.]+)'", str(error))
    if half and half[1] in modules:
        modules = modules[modules.index(half[1]) :]  # what led to the circle is no part of it
    broken = broken_rule(app, modules)
    if broken is not None:
        summary, _, rows = str(broken).partition("\n")
        message = f"{summary} So modules import each other in a circle, and none can be loaded."
        row = str(CheckFailed("", got=got)).strip()
        message = "\n".join(text for text in (message, rows, row) if text)
        return Verdict("failed", message, broken.at, broken.line, trace, Kind.LAYER)
    way = " → ".join([*modules, modules[0]] if len(modules) > 1 else modules)
    message = str(
        CheckFailed(f"Modules import each other in a circle: {way}.", called=called, got=got)
    )
    path, line, _ = frames[-1]
    return Verdict("failed", message, path, line, trace, Kind.CIRCULAR)


def _module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _is_not_text(error: SyntaxError | UnicodeError) -> bool:
    signs = ("null bytes", "(unicode error) 'utf-8'", "Non-UTF-8 code", "as UTF-8")
    return any(sign in str(error) for sign in signs)


def _file_of(error: BaseException, app: LearnerApp) -> str | None:
    name = getattr(error, "filename", None)
    return app.own_path(name) if isinstance(name, str) else None


def _syntax_verdict(error: SyntaxError, path: str) -> Verdict:
    text = harmless((error.text or "").strip())
    end = "" if error.msg.endswith("?") else "."  # "Perhaps you forgot a comma?"
    message = str(
        CheckFailed(
            f"{path} is not valid Python, line {error.lineno}: {error.msg}{end}",
            got=text,
            expected="Python that can be read; the mistake is often on the line before",
        )
    )
    return Verdict("failed", message, path, error.lineno, [], Kind.SYNTAX)


def _missing_module(error: ModuleNotFoundError, app: LearnerApp) -> str:
    name = error.name or "?"
    if name == "app" or name.startswith("app."):
        return f"There is no module {name} in your app: is the name spelled as the file is?"
    if _raised_by_learner(error, app):
        return f"There is no package {name} in the workshop's environment: is its name misspelled?"
    if any(frame.name == "import_dbapi" for frame in traceback.extract_tb(error.__traceback__)):
        return (
            f"The database URL asks for the driver {name}, which is not installed. This app's are "
            "sqlite+aiosqlite:// and postgresql+asyncpg://."
        )
    return f"A library needs the package {name}, which the workshop's environment does not have."


def _learners_frames(error: BaseException, app: LearnerApp) -> list[_Frame]:
    """The frames of the learner's files; outermost first."""
    from pydantic_core import ValidationError  # loaded by now, and not needed outside of a worker

    frames: list[_Frame] = []
    seen: BaseException | None = error
    while seen is not None:
        frames = _own_frames(seen, app)
        if isinstance(seen, ValidationError):
            frames += _validators_frames(seen, app)
        if frames:
            break
        # An exception group or a wrapped exception may carry the frame that counts.
        seen = _inner(seen)
    return frames


def _own_frames(error: BaseException, app: LearnerApp) -> list[_Frame]:
    return [
        _Frame(path, frame.lineno or 1, frame.name)
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := app.own_path(frame.filename)) is not None
    ]


def _validators_frames(error: "ValidationError", app: LearnerApp) -> list[_Frame]:
    """Where a validator refused: Pydantic keeps what it raised, and says nothing of the line."""
    for details in error.errors():
        refusal = details.get("ctx", {}).get("error")
        if isinstance(refusal, BaseException) and (frames := _own_frames(refusal, app)):
            return frames
    return []


def _inner(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error.__cause__
