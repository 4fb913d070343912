"""Which folder a command works in: an app of the workshop's, or a copy of somebody else's project.

What is placed, moved or applied in an app is meant for one that was begun here. A project from
elsewhere has other files under the same names, and a database that somebody may need.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workshop.course import stages
from workshop.course.steps import BACKEND, Step, load_steps
from workshop.errors import WorkshopError
from workshop.learner.editions import find_edition
from workshop.learner.folder import SAVED, Folder, copy_for_checks

# Bytes. An empty `__init__.py`, or one with a line in it, says nothing about where it comes from.
_TELLING = 100


@dataclass(frozen=True)
class Workplace:
    """The folder to judge."""

    folder: Folder
    # What to tell when it is a copy of a project that was not begun here; else empty.
    note: str = ""

    @property
    def is_copy(self) -> bool:
        """Whether nothing that happens here reaches the folder that was named."""
        return bool(self.note)


@contextmanager
def judged(app: Path, step: Step) -> Generator[Workplace]:
    """The app; or a copy of a strange project with what the steps up to this one would bring."""
    if is_own(app):
        yield Workplace(Folder(app))
        return
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as scratch:
        copy = Folder(Path(scratch).resolve() / "app")
        copy_for_checks(app, copy.root)
        brought = {
            path: data
            for other in load_steps()[: step.number]
            for path, data in stages.given(other).items()
            if path in other.brings
        }
        shadows = {path: found for path in brought if (found := _shadow(copy.root, path))}
        added = copy.place({path: brought[path] for path in brought if path not in shadows})
        yield Workplace(copy, _note(app, added, shadows))


def own(app: Path) -> Folder:
    """The app, to write into. Raises WorkshopError if it is a project that was not begun here."""
    if not is_own(app):
        raise WorkshopError(
            f"{app} was not begun with the workshop, and nothing in it is touched: this command "
            "would write there or change its database. To begin an app elsewhere, name an empty "
            "folder. A step can be judged there all the same: `nox -s step1 -- --app FOLDER`."
        )
    return Folder(app)


def is_own(app: Path) -> bool:
    """Whether an app was begun here, or may be: the usual folder, an empty one, or our files."""
    folder = Folder(app)
    if app.resolve() == BACKEND.resolve() or not app.exists() or (app / SAVED).is_dir():
        return True
    if all(entry.name.startswith(".") for entry in app.iterdir()):
        return True
    return _has_given(folder) or bool(find_edition(folder).outdated)


def _has_given(folder: Folder) -> bool:
    """Whether a file is as a step gives it."""
    given = {path: data for step in load_steps() for path, data in stages.given(step).items()}
    return any(
        len(data) > _TELLING and (folder.read(path) or b"").replace(b"\r\n", b"\n") == data
        for path, data in given.items()
    )


def _shadow(root: Path, path: str) -> str | None:
    """The module or file that stands where a path needs a package or folder."""
    for parent in PurePosixPath(path).parents:
        if parent.name and (root / parent.with_suffix(".py")).is_file():
            return parent.with_suffix(".py").as_posix()
        if parent.name and (root / parent).is_file():
            return parent.as_posix()
    return None


def _note(app: Path, added: list[str], shadows: dict[str, str]) -> str:
    lines = [
        f"{app} was not begun with the workshop: nothing in it is touched, and a copy is judged."
    ]
    if added:
        lines.append(f"It would need, and its copy has: {', '.join(added)}.")
    for path, found in shadows.items():
        lines.append(f"{found} stands where the workshop has {PurePosixPath(path).parent}/.")
    return "\n".join(lines)
