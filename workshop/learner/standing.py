"""How far a step is written, as far as its files tell. No check is run: that is `progress`."""

from enum import IntEnum

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.learner import migrations
from workshop.learner.folder import Folder


class Standing(IntEnum):
    """From nothing to something that may hold. `WRITTEN` says nothing about right or wrong."""

    MISSING = 0
    # The starter, as it was given.
    UNTOUCHED = 1
    # Something was written, and a line of the starter still says `raise NotImplementedError`.
    UNFINISHED = 2
    WRITTEN = 3


def standing(folder: Folder, step: Step) -> Standing:
    """The least of what the files of a step are."""
    if not step.writes and not step.makes:
        return _database(folder)
    files = [_file(folder, step, path) for path in step.writes]
    return min([*files, _revisions(folder, step)])


def files_to_write(folder: Folder, step: Step) -> list[str]:
    """The files of a step that are missing, or still have a part that the starter left open."""
    return [path for path in step.writes if _file(folder, step, path) < Standing.WRITTEN]


def _file(folder: Folder, step: Step, path: str) -> Standing:
    data = folder.read(path)
    if data is None:
        return Standing.MISSING
    if data.replace(b"\r\n", b"\n") == stages.given(step)[path]:
        return Standing.UNTOUCHED
    left = f'raise NotImplementedError("step {step.number}:'.encode()
    return Standing.UNFINISHED if left in data else Standing.WRITTEN


def _revisions(folder: Folder, step: Step) -> Standing:
    """A revision of the learner's own has a name of its own: they are counted."""
    wanted = sum(len(other.makes) for other in load_steps() if other.number <= step.number)
    enough = not step.makes or len(migrations.history(folder)) >= wanted
    return Standing.WRITTEN if enough else Standing.MISSING


def _database(folder: Folder) -> Standing:
    """The step that only applies revisions: is there a file that they may be applied to?"""
    try:
        path = migrations.database_file(folder)
    except WorkshopError:  # a .env that cannot be read
        return Standing.WRITTEN
    return Standing.WRITTEN if path is None or folder.has(path) else Standing.MISSING
