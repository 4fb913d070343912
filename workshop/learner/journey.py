"""Moving a learner's app from step to step: placing, solving, resetting and catching up.

Whatever is done for one step leaves the others as they are: their files, their lines in files that
they share with it, their revisions, and a database that fits those.
"""

from collections.abc import Callable

from workshop.course import stages
from workshop.course.stages import Files
from workshop.course.steps import Step, load_steps
from workshop.learner import migrations, promise, registries, saved, standing
from workshop.learner.change import Change
from workshop.learner.folder import Folder

# The step that has nothing to write: it applies the revisions to the learner's own database.
APPLY = "apply_migration"


def place(folder: Folder, step: Step) -> Change:
    """Give the learner what a step begins with, and earlier steps' files where nothing is written.

    What the learner wrote is not touched, except that a registry gets the line of a model that is
    new.
    """
    change = Change()
    folder.reason = step.name
    _fill(folder, step, change)
    change.written += folder.place(stages.given(step))
    if step == load_steps()[-1]:
        promise.note_beginning(folder)
    if step.number > _apply_step().number and (change.filled or _is_beyond(folder, _apply_step())):
        _make_missing_database(folder, change)
    _note_unfinished(folder, step, change)
    change.saved = folder.saved
    return change


def solve(folder: Folder, step: Step) -> Change:
    """Put the solution of one step in place of what the learner has; everything old is kept."""
    change = Change()
    folder.reason = f"{step.name} --solve"
    _fill(folder, step, change)
    if step == load_steps()[-1]:
        folder.place(stages.given(step))
        promise.note_beginning(folder)
    _take(folder, step, change)
    if step.number > _apply_step().number or (step.makes and _is_beyond(folder, _apply_step())):
        _make_missing_database(folder, change)
    change.saved = folder.saved
    return change


def reset(folder: Folder, step: Step) -> Change:
    """Put the starters of one step in place of what the learner has; everything old is kept."""
    change = Change()
    folder.reason = f"{step.name} --reset"
    _fill(folder, step, change)
    for path in step.edits:
        _take_out(folder, path, step, change)
    _write(folder, step, stages.given(step), change)
    if step.makes:
        _take_revisions_out(folder, step, change)
    if step.slug == APPLY and migrations.move_database_away(folder):
        change.note("Your database is kept beside the other files; the app has none now.")
    elif step.slug == APPLY and migrations.database_file(folder) is None:
        change.note("Your DATABASE_URL names a database that only you should change: it stays.")
    elif not step.makes and migrations.history(folder):
        change.note("Your revisions and your database are as they were.")
    change.saved = folder.saved
    return change


def catch_up(folder: Folder, step: Step, holds: Callable[[Step], bool]) -> Change:
    """Bring the app to where a step begins: an earlier step that does not hold gets our solution.

    `holds` looks whether a step holds. It is asked step by step, each on top of those mended before
    it, and only where the learner has written something.
    """
    change = Change()
    folder.reason = f"catchup {step.number}"
    for earlier in load_steps()[: step.number - 1]:
        if _is_begun(folder, earlier) and holds(earlier):
            change.kept.append(earlier)
            change.written += folder.place(stages.given(earlier))
        else:
            change.filled.append(earlier)
            _take(folder, earlier, change)
    change.written += folder.place(stages.given(step))
    change.saved = folder.saved
    return change


def begin_at(folder: Folder, step: Step) -> Change:
    """Make the app what it is when a step begins; what is otherwise or later is kept and goes."""
    change = Change(filled=list(load_steps()[: step.number - 1]))
    folder.reason = f"catchup {step.number} --all"
    before = {path for earlier in change.filled for path in earlier.files}
    later = [path for other in load_steps()[step.number - 1 :] for path in other.files]
    given = stages.given(step)
    gone = [path for path in later if path not in given and folder.has(path)]
    folder.move_away(gone)
    change.moved += gone
    change.written += folder.replace(stages.start(step.number))
    strangers = [r.path for r in migrations.history(folder) if r.path not in before]
    folder.move_away(strangers)
    change.moved += strangers
    if step.number > _apply_step().number:
        change.note(migrations.fit_database(folder))
        change.note(migrations.make_database(folder))
    elif migrations.move_database_away(folder):
        change.note("Your database is kept beside the other files; the app has none now.")
    change.saved = folder.saved
    return change


def later_files(folder: Folder, step: Step) -> list[tuple[Step, str]]:
    """The files of this step and of later ones in which the learner has written something."""
    return [
        (other, path)
        for other in load_steps()[step.number - 1 :]
        for path in (*other.writes, *other.makes)
        if folder.has(path) and not (path in other.writes and standing.is_untouched(folder, path))
    ]


def is_begun(folder: Folder) -> bool:
    """Whether the learner has written anything."""
    return bool(later_files(folder, load_steps()[0]))


def _apply_step() -> Step:
    return next(step for step in load_steps() if step.slug == APPLY)


def _is_begun(folder: Folder, step: Step) -> bool:
    """Whether the learner may have done a step: nothing of it is missing or as it was given."""
    if step.makes and not _revisions(folder, step):
        return False
    database = migrations.database_file(folder)
    if step.slug == APPLY and database is not None and not folder.has(database):
        return False
    return all(folder.has(path) and not standing.is_untouched(folder, path) for path in step.writes)


def _is_beyond(folder: Folder, step: Step) -> bool:
    """Whether the app has files of later steps."""
    later = load_steps()[step.number :]
    return any(folder.has(path) for other in later for path in other.writes)


def _fill(folder: Folder, step: Step, change: Change) -> None:
    """Take from the solution what is missing of the steps before one.

    Where the step begins, starters in which nothing was written are missing too. Later they are
    not: somebody who resets an earlier step means to write it.
    """
    begins = not any(folder.has(path) for path in step.writes or step.brings)
    for earlier in load_steps()[: step.number - 1]:
        own = stages.done(step.number - 1)
        untouched = [
            path
            for path in earlier.writes
            if begins and folder.has(path) and standing.is_untouched(folder, path)
        ]
        missing = [path for path in earlier.writes if not folder.has(path)]
        if earlier.makes and not migrations.history(folder):
            missing += earlier.makes
        placed = folder.place({path: own[path] for path in (*missing, *earlier.brings)})
        change.written += placed
        _write(
            folder, earlier, {path: stages.done(earlier.number)[path] for path in untouched}, change
        )
        nothing_to_write = not earlier.writes and not earlier.makes
        if missing or untouched or (nothing_to_write and placed):
            change.filled.append(earlier)
            for path in earlier.edits:
                if not registries.is_there(folder, path, earlier):
                    _put_in(folder, path, earlier, change)
        if untouched:
            change.untouched.append(earlier)


def _take(folder: Folder, step: Step, change: Change) -> None:
    """Put one step's solution in place of what the learner has of it."""
    for path in step.edits:
        if not registries.has_our_part(folder, path, step):
            _take_out(folder, path, step, change)
    solution = stages.done(step.number)
    _write(folder, step, {path: solution[path] for path in step.writes + step.brings}, change)
    for path in step.edits:
        _put_in(folder, path, step, change)
    if step.makes:
        _put_revisions_in(folder, step, change)
    if step.slug == APPLY:
        change.note(migrations.fit_database(folder))
        change.note(migrations.make_database(folder))


def _write(folder: Folder, step: Step, files: Files, change: Change) -> None:
    """Write a step's own files, with what later steps have in them."""
    for path, data in files.items():
        text, shared = registries.merge(folder, path, data, step)
        written = folder.replace({path: text})
        change.written += written
        if written and shared:
            change.note(
                f"{path}: `{shared[0]}` belongs to later steps too. Our lines stand there now."
            )


def _put_in(folder: Folder, path: str, step: Step, change: Change) -> None:
    """Add a step's lines to a file of an earlier step."""
    text = registries.text_of(folder, path)
    _write_text(folder, path, registries.with_part(text, path, step), change)


def _take_out(folder: Folder, path: str, step: Step, change: Change) -> None:
    """Take a step's lines out of a file of an earlier step."""
    text, shared = registries.without_part(folder, path, step)
    _write_text(folder, path, text, change)
    if shared:
        change.note(
            f"{path}: `{shared[0]}` is not of step {step.number} alone. Our lines stand there now."
        )


def _write_text(folder: Folder, path: str, text: str, change: Change) -> None:
    if text != registries.text_of(folder, path):
        change.written += folder.replace({path: text.encode()})


def _revisions(folder: Folder, step: Step) -> list[migrations.Revision]:
    owners = migrations.owners(folder)
    return [revision for revision in migrations.history(folder) if owners[revision.path] == step]


def _put_revisions_in(folder: Folder, step: Step, change: Change) -> None:
    """Put the solution's revisions of a step where the learner's own were, in one history."""
    owners = migrations.owners(folder)
    history = migrations.history(folder)
    before = [r for r in history if owners[r.path].number < step.number]
    after = [r for r in history if owners[r.path].number > step.number]
    mine = [r for r in history if owners[r.path] == step]
    files = {path: stages.done(step.number)[path] for path in step.makes}
    first = step.makes[0]
    if before:
        files[first] = migrations.graft(files[first], before[-1].id)
    same = all(folder.read(path) == data for path, data in files.items())
    stale = [] if same else [r.id for r in mine]
    had_database = migrations.is_made_by(folder, set(stale))
    gone = [r.path for r in mine if r.path not in files]
    folder.move_away(gone)
    change.moved += gone
    change.written += folder.replace(files)
    _continue(folder, step, after or _kept_revisions(folder, step), change)
    if had_database:
        migrations.move_database_away(folder)
        change.note("Your database was made by other revisions, and is kept beside them.")
    else:
        change.note(migrations.fit_database(folder))
    if had_database or step.number > _apply_step().number:
        change.note(migrations.make_database(folder))


def _take_revisions_out(folder: Folder, step: Step, change: Change) -> None:
    """Move a step's revisions away, and those that can't be without them."""
    owners = migrations.owners(folder)
    history = migrations.history(folder)
    gone = [r for r in history if owners[r.path].number >= step.number]
    had_database = migrations.is_made_by(folder, {r.id for r in gone})
    paths = [r.path for r in gone]
    folder.move_away(paths)
    change.moved += paths
    for revision in gone:
        if owners[revision.path] != step:
            change.note(
                f"{revision.path} continues what is gone, and is kept too: "
                f"`nox -s {step.name} -- --solve` puts it back."
            )
    if had_database and migrations.move_database_away(folder):
        change.note("Your database was made by what is moved away, and is kept beside it.")
        if migrations.history(folder):
            change.note(migrations.make_database(folder))
    else:
        change.note(migrations.fit_database(folder))


def _kept_revisions(folder: Folder, step: Step) -> list[migrations.Revision]:
    """Put back what later steps had of the history, if a reset of this one took it out."""
    later = [other for other in load_steps()[step.number :] if other.makes]
    begun = any(
        folder.has(path) and not standing.is_untouched(folder, path)
        for other in later
        for path in other.writes
    )
    moment = saved.newest_with_command(folder, f"{step.name} --reset") if begun else None
    if moment is None:
        return []
    back = saved.revisions_in(folder, moment)
    folder.place(back)
    owners = migrations.owners(folder)
    return [
        r
        for r in migrations.history(folder)
        if r.path in back and owners[r.path].number > step.number
    ]


def _continue(folder: Folder, step: Step, after: list[migrations.Revision], change: Change) -> None:
    """Let later steps' revisions follow on those of a step."""
    last = step.makes[-1]
    ids = {revision.path: revision.id for revision in migrations.history(folder)}
    known = {revision.id for revision in after}
    for revision in after:
        if revision.down not in known and revision.down != ids[last]:
            data = folder.read(revision.path) or b""
            change.written += folder.replace({revision.path: migrations.graft(data, ids[last])})
    ours = {*step.makes, *(revision.path for revision in after)}
    before = {
        path for path, owner in migrations.owners(folder).items() if owner.number < step.number
    }
    change.moved += migrations.move_strangers_away(folder, ours | before)


def _make_missing_database(folder: Folder, change: Change) -> None:
    """Make the SQLite database where there is none, as in a clone of a later step's branch."""
    path = migrations.database_file(folder)
    if path is not None and not folder.has(path):
        change.note(migrations.fit_database(folder))
        change.note(migrations.make_database(folder))


def _note_unfinished(folder: Folder, step: Step, change: Change) -> None:
    """Say which earlier step is begun and not finished: what comes later builds on it."""
    unfinished = standing.unfinished(folder, step.number)
    if unfinished:
        earlier, path = unfinished[0]
        change.note(
            f"Step {earlier.number} is not finished: {path}. `nox -s {earlier.name}` goes on with "
            f"it, `nox -s catchup -- {step.number}` takes what does not hold from ours."
        )
