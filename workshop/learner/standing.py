"""How far a step is written, as far as its files tell. No check is run: that is `progress`."""

from enum import IntEnum

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.learner import editions, migrations
from workshop.learner.folder import Folder


class Standing(IntEnum):
    """From nothing to something that may hold. `WRITTEN` says nothing about right or wrong."""

    MISSING = 0
    # The starter, as it was given.
    UNTOUCHED = 1
    # Something was written, and a line of the starter still says `raise NotImplementedError`.
    UNFINISHED = 2
    WRITTEN = 3


def is_untouched(folder: Folder, path: str) -> bool:
    """Whether a file is the starter that the learner was given, today or by an older edition."""
    step = next(step for step in load_steps() if path in step.writes)
    found = _file(folder, step, path)
    if found in (Standing.MISSING, Standing.UNTOUCHED):
        return found is Standing.UNTOUCHED
    # An older starter has lines of today's that no solution has. Only then is git worth its time.
    starter, solution = stages.starters(step)[path], stages.done(step.number)[path]
    marks = {*starter.splitlines()} - {*solution.splitlines()}
    text = (folder.read(path) or b"").replace(b"\r\n", b"\n")
    return not marks.isdisjoint(text.splitlines()) and editions.was_given(folder, step, path)


def unfinished(folder: Folder, before: int) -> list[tuple[Step, str]]:
    """The files of the steps before this number in which a starter's exception is still raised."""
    return [
        (step, path)
        for step in load_steps()[: before - 1]
        for path in step.writes
        if _has_exception(folder, step, path)
    ]


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
    return Standing.UNFINISHED if _has_exception(folder, step, path) else Standing.WRITTEN


def _has_exception(folder: Folder, step: Step, path: str) -> bool:
    left = f'raise NotImplementedError("step {step.number}:'.encode()
    return left in (folder.read(path) or b"")


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
