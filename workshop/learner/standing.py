"""How far a step is, as far as one can tell without running a check. That is for `progress`."""

from enum import IntEnum

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.learner import editions, migrations
from workshop.learner.folder import Folder


class Standing(IntEnum):
    """From nothing to something that holds. Only a run of the checks tells the last two."""

    MISSING = 0
    # The starter, as it was given.
    UNTOUCHED = 1
    # Something was written, and a line of a starter still says `raise NotImplementedError`.
    UNFINISHED = 2
    # Says nothing about right or wrong.
    WRITTEN = 3
    # Where a look does not tell, as at a database server.
    UNKNOWN = 4
    FAILS = 5
    HOLDS = 6


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
    """What the files of a step say, or the database, where the step has nothing to write."""
    own = step.writes + step.makes
    if not own:
        return _database(folder, step)
    if not any(folder.has(path) for path in step.writes or own):
        return Standing.MISSING
    files = [_file(folder, step, path) or Standing.UNFINISHED for path in step.writes]
    return min([*files, _revisions(folder, step)])


def files_to_write(folder: Folder, step: Step) -> list[str]:
    """The files of a step that are missing, or still have a part that the starter left open."""
    return [path for path in step.writes if _file(folder, step, path) < Standing.WRITTEN]


def _file(folder: Folder, step: Step, path: str) -> Standing:
    data = (folder.read(path) or b"").replace(b"\r\n", b"\n")
    if not data.strip():
        return Standing.MISSING
    if data == stages.given(step)[path]:
        return Standing.UNTOUCHED
    return Standing.UNFINISHED if _has_exception(folder, step, path) else Standing.WRITTEN


def _has_exception(folder: Folder, step: Step, path: str) -> bool:
    left = f'raise NotImplementedError("step {step.number}:'.encode()
    return left in (folder.read(path) or b"")


def _revisions(folder: Folder, step: Step) -> Standing:
    """A revision of the learner's own has a name of its own: they are counted."""
    wanted = sum(len(other.makes) for other in load_steps() if other.number <= step.number)
    enough = not step.makes or len(migrations.history(folder)) >= wanted
    return Standing.WRITTEN if enough else Standing.UNFINISHED


def _database(folder: Folder, step: Step) -> Standing:
    """The step that only applies revisions: is the learner's database at the newest one?"""
    if not any(folder.has(path) for path in step.brings):
        return Standing.MISSING
    applied = migrations.is_up_to_date(folder)
    if applied is None:
        return Standing.UNKNOWN
    return Standing.WRITTEN if applied else Standing.UNFINISHED
