"""Which lines of the learner's are behind an exception, or behind a value that got lost."""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypedDict

from workshop.course.steps import load_steps
from workshop.probes.learner_app import LearnerApp


class Place(TypedDict):
    """Where to look, in the words of `fail`."""

    at: str | None
    line: int | None


class Silent(NamedTuple):
    """A function of the learner's that returned None."""

    name: str
    place: Place


def raised_at(
    app: LearnerApp,
    error: BaseException | None,
    otherwise: str | None = None,
    *,
    file: str = "",
) -> Place:
    """The innermost line of the learner's that an exception came through, or `otherwise`.

    What came with a step, such as the middleware around every request, is not the learner's.
    With `file`, a path in the app, the innermost line of that file.
    """
    while error is not None:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if Path(frame.filename).is_relative_to(app.root / file):
                path = _path(app, frame.filename)
                if not _is_given(path):
                    return {"at": path, "line": frame.lineno}
        error = error.__cause__
    return {"at": otherwise, "line": None}


def returned_none(app: LearnerApp, call: Callable[[], object]) -> Silent | None:
    """The one function of the learner's that returns None while `call` runs; None for no such.

    Seen with Python's trace, because a library that calls a function leaves no frame behind when
    it goes on with what it got.
    """
    found: dict[CodeType, Silent] = {}
    raising: set[FrameType] = set()

    def inside(frame: FrameType, event: str, value: Any) -> Any:
        if event == "exception":
            raising.add(frame)
        elif event == "line":
            raising.discard(frame)  # it was caught
        elif event == "return" and value is None and frame not in raising:
            code = frame.f_code
            place: Place = {"at": _path(app, code.co_filename), "line": code.co_firstlineno}
            found[code] = Silent(code.co_name, place)
        return inside

    def enter(frame: FrameType, _event: str, _value: Any) -> Any:
        code = frame.f_code
        ours = Path(code.co_filename).is_relative_to(app.root)
        return inside if ours and not code.co_name.startswith(("<", "__")) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        with suppress(Exception):
            call()
    finally:
        sys.settrace(before)
    return next(iter(found.values())) if len(found) == 1 else None


def _is_given(path: str) -> bool:
    return any(path in step.brings for step in load_steps())


def _path(app: LearnerApp, file: str) -> str:
    return Path(file).relative_to(app.root).as_posix()
