"""What Python warned of during a check: evidence that no exception carries.

A coroutine that is never awaited raises nothing. Python says so when it throws the coroutine away,
to nobody in particular, and knows the line that made it.
"""

import gc
import re
import sys
import traceback
import warnings
from typing import TextIO

from workshop.probes.checking import harmless
from workshop.probes.learner_app import LearnerApp

# Frames that are kept of the making of each coroutine: a learner's line, and what it called.
ORIGIN_DEPTH = 4

_NEVER_AWAITED = re.compile(r"coroutine '(?P<name>[^']+)' was never awaited")
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


class Warned:
    """Notes warnings about the learner's own lines, within a `with`, in `found`."""

    def __init__(self, app: LearnerApp) -> None:
        self.found: list[str] = []
        self._app = app

    def __enter__(self) -> "Warned":
        self._catching = warnings.catch_warnings()
        self._catching.__enter__()
        warnings.simplefilter("always")
        warnings.showwarning = self._note
        sys.set_coroutine_origin_tracking_depth(ORIGIN_DEPTH)
        return self

    def __exit__(self, *_: object) -> None:
        sys.set_coroutine_origin_tracking_depth(0)
        self._catching.__exit__(None, None, None)

    def look_closer(self, error: BaseException) -> None:
        """Let go of what the frames of an exception hold: coroutines are told when they go."""
        seen: BaseException | None = error
        while seen is not None:
            traceback.clear_frames(seen.__traceback__)
            for frame, _ in traceback.walk_tb(seen.__traceback__):
                # Before Python 3.13 a look at the locals, as pytest takes, leaves a copy of them,
                # which only another look brings up to date.
                _ = frame.f_locals
            seen = seen.__cause__ or seen.__context__
        gc.collect()

    def _note(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = harmless(str(message))
        awaited = _NEVER_AWAITED.match(text)
        if awaited:
            # Of the frames that made it, the innermost that is the learner's.
            places = [(found["file"], int(found["line"])) for found in _FRAME.finditer(text)]
            said = f"{awaited['name'].replace('.<locals>', '')}() was never awaited"
        else:
            places = [(filename, lineno)]
            said = f"{category.__name__}: {text.splitlines()[0] if text else '(no text)'}"
        own = [(path, number) for file, number in places if (path := self._app.own_path(file))]
        if own:
            words = f"{said}, {own[-1][0]}:{own[-1][1]}"
            if words not in self.found:
                self.found.append(words)
