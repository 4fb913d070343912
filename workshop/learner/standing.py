"""How far each step is, as far as one can tell without running a check."""

import re
from enum import Enum, auto

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.learner import migrations
from workshop.learner.folder import Folder

# What a starter has in the place of an answer.
_UNWRITTEN = re.compile(rb"NotImplementedError\(\s*[\"']step \d")


class Standing(Enum):
    """What is known of a step. Only a run of its checks says that it holds, or does not."""

    HOLDS = auto()
    FAILS = auto()
    IN_PLACE = auto()
    UNFINISHED = auto()
    NOT_BEGUN = auto()
    UNKNOWN = auto()


def look(folder: Folder, step: Step) -> Standing:
    """What the files of a step say, or the database, where the step has nothing to write."""
    own = step.writes + step.makes
    if not own:
        return _look_at_database(folder, step)
    if not any(folder.has(path) for path in step.writes or own):
        return Standing.NOT_BEGUN
    written = all(_is_written(folder, step, path) for path in step.writes)
    return Standing.IN_PLACE if written and _is_made(folder, step) else Standing.UNFINISHED


def _is_written(folder: Folder, step: Step, path: str) -> bool:
    data = (folder.read(path) or b"").replace(b"\r\n", b"\n")
    untouched = data == stages.starters(step)[path]
    return bool(data.strip()) and not untouched and not _UNWRITTEN.search(data)


def _is_made(folder: Folder, step: Step) -> bool:
    """Whether there are as many revisions as the steps so far make; their names are anybody's."""
    if not step.makes:
        return True
    so_far = [path for other in load_steps()[: step.number] for path in other.makes]
    return len(migrations.history(folder)) >= len(so_far)


def _look_at_database(folder: Folder, step: Step) -> Standing:
    if not any(folder.has(path) for path in step.brings):
        return Standing.NOT_BEGUN
    up_to_date = migrations.is_up_to_date(folder)
    if up_to_date is None:
        return Standing.UNKNOWN
    return Standing.IN_PLACE if up_to_date else Standing.UNFINISHED
