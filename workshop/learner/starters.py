"""Starters as they stand in the learner's folder: untouched, or with a part still to be written."""

import re
from dataclasses import dataclass

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.learner import editions
from workshop.learner.folder import Folder

# What a starter raises where the learner has something to write.
_TO_WRITE = re.compile(r"^\s*raise NotImplementedError\(\s*[\"']step (?P<step>\d+):", re.MULTILINE)


@dataclass(frozen=True)
class Unfinished:
    """A file in which something that a starter leaves to the learner is still to be written."""

    step: Step
    path: str


def is_untouched(folder: Folder, path: str) -> bool:
    """Whether a file is the starter that the learner was given, today or by an older edition."""
    text = _text(folder, path)
    step = next(step for step in load_steps() if path in step.writes)
    starter = stages.starters(step)[path]
    if text is None or text == starter:
        return text is not None
    # An older starter has lines of today's that no solution has. Only then is git worth its time.
    hints = set(starter.splitlines()) - set(stages.done(step.number)[path].splitlines())
    if not hints & set(text.splitlines()):
        return False
    return editions.was_given(folder, step, path)


def find_unfinished(folder: Folder, before: int) -> list[Unfinished]:
    """The files of the steps before this number in which a starter's exception is still raised."""
    return [
        Unfinished(step, path)
        for step in load_steps()[: before - 1]
        for path in step.writes
        if _TO_WRITE.search((_text(folder, path) or b"").decode("utf-8", "replace"))
    ]


def _text(folder: Folder, path: str) -> bytes | None:
    data = folder.read(path)
    return None if data is None else data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
