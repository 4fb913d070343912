"""What `.saved/` keeps, moment by moment, and how it comes back.

A moment is what one command replaced or took away. Revisions and a database only work together, so
they come back together, as they were at that moment.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from workshop.course.stages import Files
from workshop.errors import WorkshopError
from workshop.learner import migrations
from workshop.learner.change import Change
from workshop.learner.folder import MOMENT, SAVED, Folder

_NAME = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(_\d+)?")


@dataclass(frozen=True)
class Moment:
    """What a command kept."""

    name: str
    # As it was typed, without `nox -s`; empty if an older edition kept it.
    command: str
    # By their path in the app.
    files: tuple[str, ...]
    # The revisions that there were; None if an older edition kept it.
    revisions: tuple[str, ...] | None


def is_time(text: str) -> bool:
    """Whether a text is the beginning of a moment's name, not a path."""
    return re.match(r"\d{4}(-|$)", text) is not None


def path_in(folder: Folder, word: str) -> str:
    """A file by its path in the app, whether it is named from where a person is or as in the list.

    Of two readings it is the one of which something is kept.
    """
    file, root = Path(word).resolve(), folder.root.resolve()
    readings = [file.relative_to(root).as_posix()] if file.is_relative_to(root) else []
    readings.append(Path(word).as_posix())
    kept = {path for moment in moments(folder) for path in moment.files}
    return next((path for path in readings if path in kept), readings[0])


def moments(folder: Folder) -> list[Moment]:
    """Every moment, oldest first."""
    found = [path for path in (folder.root / SAVED).glob("*") if _NAME.fullmatch(path.name)]
    # The second one of a second is _2, the tenth _10.
    found.sort(key=lambda path: (path.name[:19], int(path.name[20:] or 1)))
    return [moment for path in found if (moment := _read(path)).files]


def find_moment(folder: Folder, name: str) -> Moment:
    """The moment of this name or beginning. Raises WorkshopError if there is none, or several."""
    found = moments(folder)
    exact = [moment for moment in found if moment.name == name]
    fitting = exact or [moment for moment in found if moment.name.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{len(fitting)} moments begin with" if fitting else "There is no moment"
    raise WorkshopError(f"{what} {name}. {_there_is(fitting or found)}")


def newest_with_command(folder: Folder, command: str) -> Moment | None:
    """The last moment that a command made."""
    found = [moment for moment in moments(folder) if moment.command == command]
    return found[-1] if found else None


def revisions_in(folder: Folder, moment: Moment) -> Files:
    """The revisions that a moment keeps."""
    return _contents(folder, moment, [path for path in moment.files if _is_revision(path)])


def restore_moment(folder: Folder, moment: Moment) -> Change:
    """Put back everything that a moment keeps; what stands there now is kept first."""
    folder.reason = f"restore {moment.name}"
    change = Change()
    plain = [path for path in moment.files if not _is_of_history(folder, path)]
    change.written += folder.replace(_contents(folder, moment, plain))
    if len(plain) < len(moment.files):
        _restore_history(folder, moment, change)
    change.saved = folder.saved
    return change


def restore_file(folder: Folder, path: str, moment: Moment | None = None) -> Change:
    """Put one file back: the newest version that is not the one that is there, or a moment's.

    A revision or the database brings the other with it. Raises WorkshopError if nothing is kept.
    """
    having = [one for one in moments(folder) if path in one.files]
    if moment is not None:
        having = [one for one in having if one == moment]
    now = folder.read(path)
    other = [one for one in having if _contents(folder, one, [path])[path] != now]
    if not other:
        raise WorkshopError(_nothing(folder, path, moment, having))
    folder.reason = f"restore {path}"
    change = Change()
    if _is_of_history(folder, path):
        _restore_history(folder, other[-1], change)
    else:
        change.written += folder.replace(_contents(folder, other[-1], [path]))
    change.saved = folder.saved
    return change


def _nothing(folder: Folder, path: str, moment: Moment | None, having: list[Moment]) -> str:
    if having:
        return f"{path} is as it was kept, in {having[-1].name}: there is nothing to put back."
    if moment is not None:
        return f"{moment.name} keeps no {path}. It has: {', '.join(moment.files)}."
    every = sorted({file for one in moments(folder) for file in one.files})
    return f"Nothing is kept of {path}. " + (
        f"There is something of: {', '.join(every)}."
        if every
        else "No command replaced anything yet."
    )


def _there_is(found: list[Moment]) -> str:
    if not found:
        return "No command replaced anything yet."
    return f"There are: {', '.join(moment.name for moment in found)}."


def _restore_history(folder: Folder, moment: Moment, change: Change) -> None:
    """Bring back the revisions of a moment, and the database that it keeps, or one that fits."""
    since = [one for one in moments(folder) if one.name >= moment.name]
    names = moment.revisions
    if names is None:
        names = tuple(path for path in moment.files if _is_revision(path))
    back: Files = {}
    for path in names:
        # As it was then: kept by the first command since that changed it, or changed by none.
        one = next((one for one in since if path in one.files), None)
        if one is not None:
            back |= _contents(folder, one, [path])
    gone = [r.path for r in migrations.history(folder) if r.path not in names]
    folder.move_away(gone)
    change.moved += gone
    change.written += folder.replace(back)
    database = migrations.database_file(folder)
    kept = [path for path in moment.files if database and _is_database(path, database)]
    had_one = database is not None and folder.has(database)
    if kept:
        migrations.move_database_away(folder)
        change.written += folder.replace(_contents(folder, moment, kept))
    note = migrations.fit_database(folder)
    change.note(note)
    if note and had_one and database and not folder.has(database):
        change.note(migrations.make_database(folder))


def _is_of_history(folder: Folder, path: str) -> bool:
    database = migrations.database_file(folder)
    return _is_revision(path) or (database is not None and _is_database(path, database))


def _is_revision(path: str) -> bool:
    return path.startswith(f"{migrations.VERSIONS}/")


def _is_database(path: str, database: str) -> bool:
    return path in {database + side for side in migrations.SIDES}


def _contents(folder: Folder, moment: Moment, paths: list[str]) -> Files:
    found = {path: folder.read(f"{SAVED}/{moment.name}/{path}") for path in paths}
    return {path: data for path, data in found.items() if data is not None}


def _read(path: Path) -> Moment:
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    names = (file.relative_to(path).as_posix() for file in files)
    note: dict[str, object] = {}
    try:
        found = json.loads((path / MOMENT).read_bytes())
        note = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    except (OSError, ValueError):
        pass  # the files are there all the same
    command, revisions = note.get("command"), note.get("revisions")
    return Moment(
        path.name,
        command if isinstance(command, str) else "",
        tuple(name for name in names if name != MOMENT and not name.endswith(".partial")),
        tuple(map(str, cast("list[object]", revisions))) if isinstance(revisions, list) else None,
    )
