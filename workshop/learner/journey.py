"""Moving a learner's app from step to step: placing, solving, resetting and catching up."""

from dataclasses import dataclass, field
from pathlib import Path

from workshop.course import stages
from workshop.course.stages import Files
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.learner import migrations, promise
from workshop.learner.folder import Folder

# The step that has nothing to write: it applies the revisions to the learner's own database.
APPLY = "apply_migration"


@dataclass
class Change:
    """What was done to the learner's folder, to be told."""

    # Steps whose files were taken from the solution because the learner has none.
    filled: list[Step] = field(default_factory=list[Step])
    # Files that are new, and files whose old version is in `saved`.
    written: list[str] = field(default_factory=list[str])
    moved: list[str] = field(default_factory=list[str])
    saved: Path | None = None
    notes: list[str] = field(default_factory=list[str])


def place(folder: Folder, step: Step) -> Change:
    """Give the learner what a step begins with, and earlier steps' files where there are none.

    Nothing that exists is touched, except that a registry gets the line of a model that is new.
    """
    change = Change()
    beyond = _is_beyond_apply(folder)
    for earlier in load_steps()[: step.number - 1]:
        own = stages.done(step.number - 1)
        missing = [path for path in earlier.writes if not folder.has(path)]
        if earlier.makes and not migrations.history(folder):
            missing += earlier.makes
        wanted = {path: own[path] for path in (*missing, *earlier.brings)}
        placed = folder.place(wanted)
        change.written += placed
        nothing_to_write = not earlier.writes and not earlier.makes
        if missing or (nothing_to_write and placed):
            change.filled.append(earlier)
            _edit(folder, earlier, change)
    change.written += folder.place(stages.given(step))
    if step == load_steps()[-1]:
        promise.note_beginning(folder)
    if (change.filled and step.number > _apply_step().number) or beyond:
        _make_missing_database(folder, change)
    change.saved = folder.saved
    return change


def solve(folder: Folder, step: Step) -> Change:
    """Put the solution of one step in place of what the learner has; everything old is kept."""
    change = place(folder, step)
    own = {path: stages.done(step.number)[path] for path in step.writes + step.brings}
    change.written += folder.replace(own)
    _edit(folder, step, change)
    if step.makes:
        _replace_revisions(folder, step, change)
    if step.slug == APPLY or (step.makes and step.number > _apply_step().number):
        _make_database(folder, change)
    change.saved = folder.saved
    return change


def reset(folder: Folder, step: Step) -> Change:
    """Put the starters of one step in place of what the learner has; everything old is kept."""
    change = place(folder, step)
    change.written += folder.replace(stages.given(step))
    _unedit(folder, step, change)
    if step.makes:
        users = _revisions_before(step)
        change.moved += migrations.move_strangers_away(folder, users)
        _note(change, migrations.fit_database(folder))
    if step.slug == APPLY and migrations.move_database_away(folder):
        change.notes.append("Your database is kept beside the other files; the app has none now.")
    change.saved = folder.saved
    return change


def catch_up(folder: Folder, step: Step) -> Change:
    """Make the app what it is when a step begins; what the learner wrote differently is kept."""
    change = Change(filled=list(load_steps()[: step.number - 1]))
    change.written += folder.replace(stages.done(step.number - 1))
    change.written += folder.place(stages.given(step))
    if folder.has(migrations.VERSIONS + "/0001_create_users.py"):
        change.moved += migrations.move_strangers_away(folder, _revisions_before(step))
        _note(change, migrations.fit_database(folder))
    if step.number > _apply_step().number:
        _make_database(folder, change)
    change.saved = folder.saved
    return change


def _apply_step() -> Step:
    return next(step for step in load_steps() if step.slug == APPLY)


def _revisions_before(step: Step) -> set[str]:
    return {path for earlier in load_steps()[: step.number - 1] for path in earlier.makes}


def _replace_revisions(folder: Folder, step: Step, change: Change) -> None:
    """Put the solution's revisions of a step where the learner's own were."""
    before = _revisions_before(step)
    theirs = _users_history(folder, step)
    files: Files = {}
    for path in step.makes:
        files[path] = stages.done(step.number)[path]
        if theirs:
            files[path] = migrations.graft(files[path], theirs[-1].id)
    stale = [
        revision.path
        for revision in migrations.history(folder)
        if revision not in theirs and revision.path not in files and revision.path not in before
    ]
    folder.move_away(stale)
    change.moved += stale
    change.written += folder.replace(files)
    ours = {revision.path for revision in theirs} | set(files)
    change.moved += migrations.move_strangers_away(folder, ours)
    _note(change, migrations.fit_database(folder))


def _users_history(folder: Folder, step: Step) -> list[migrations.Revision]:
    """The learner's revisions of earlier steps, which the step's own revision continues."""
    if not _revisions_before(step):
        return []
    return [
        revision
        for revision in migrations.history(folder)
        if revision.path not in step.makes
        and b"products" not in (folder.read(revision.path) or b"")
    ]


def _is_beyond_apply(folder: Folder) -> bool:
    """Whether the app has files of steps that come after the database was made."""
    later = load_steps()[_apply_step().number :]
    return any(folder.has(path) for step in later for path in step.writes)


def _make_missing_database(folder: Folder, change: Change) -> None:
    """Make the SQLite database where there is none, as in a clone of a later step's branch."""
    path = migrations.database_file(folder)
    if path is not None and not folder.has(path):
        _make_database(folder, change)


def _make_database(folder: Folder, change: Change) -> None:
    path = migrations.database_file(folder)
    _note(change, migrations.fit_database(folder) if path else None)
    try:
        migrations.upgrade(folder)
    except WorkshopError as error:
        change.notes.append(str(error))  # the checks that follow say more about the cause
    else:
        change.notes.append(f"Applied the revisions to the database ({path or 'DATABASE_URL'}).")


def _edit(folder: Folder, step: Step, change: Change) -> None:
    """Add the step's lines to the registries of earlier steps, where they are missing."""
    for path in step.edits:
        text = (folder.read(path) or b"").decode("utf-8-sig").replace("\r\n", "\n")
        edited = _with_lines(text, stages.added_lines(path, step))
        if edited is None:
            edited = stages.done(step.number)[path].decode()
        if edited != text:
            change.written += folder.replace({path: edited.encode()})


def _unedit(folder: Folder, step: Step, change: Change) -> None:
    """Take the step's lines out of the registries, as far as they are there word for word."""
    for path in step.edits:
        text = (folder.read(path) or b"").decode("utf-8-sig").replace("\r\n", "\n")
        edited = text
        for _, block in stages.added_lines(path, step):
            edited = edited.replace("\n".join(block).strip("\n") + "\n", "", 1)
        if edited != text:
            change.written += folder.replace({path: edited.encode()})


def _with_lines(text: str, blocks: list[tuple[list[str], list[str]]]) -> str | None:
    """`text` with each block of lines in its place; None where no place can be told."""
    lines = text.splitlines()
    for before, block in blocks:
        wanted = [line for line in block if line.strip()]
        if all(line in lines for line in wanted):
            continue
        position = _position(lines, before, wanted)
        if position is None:
            return None
        lines[position:position] = block
    return "\n".join(lines) + "\n"


def _position(lines: list[str], before: list[str], block: list[str]) -> int | None:
    """Behind the nearest earlier line that the learner has once; an import behind the imports."""
    if all(line.startswith(("import ", "from ")) for line in block):
        imports = [
            index for index, line in enumerate(lines) if line.startswith(("import ", "from "))
        ]
        # Not into the middle of an import that goes over several lines.
        single = [index for index in imports if not lines[index].rstrip().endswith(("(", "\\"))]
        return single[-1] + 1 if single else None
    for line in reversed(before):
        if line.strip() and lines.count(line) == 1:
            return lines.index(line) + 1
        if line.strip():
            return None
    return None


def _note(change: Change, note: str | None) -> None:
    if note:
        change.notes.append(note)
