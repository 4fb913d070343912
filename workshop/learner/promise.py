"""What an app was before its last step began, so that the step can tell what else was changed.

That a feature touches no file of an earlier step shows in a comparison and nowhere else. So the
modules are noted as long as the learner has written nothing of the feature, and again whenever an
earlier step is run and holds: whoever mends that step meanwhile breaks no promise. It is the one
thing that is remembered. Where it is missing, as in an app from elsewhere, the check sees less.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import cast

from workshop.course import stages
from workshop.course.stages import Files
from workshop.course.steps import Step, load_steps, owner_of
from workshop.errors import WorkshopError
from workshop.learner import migrations
from workshop.learner.folder import NOTE, Folder


def note_beginning(folder: Folder) -> None:
    """Note the modules of the earlier steps, unless the feature has been begun."""
    feature = load_steps()[-1]
    given = stages.given(feature)
    if all(_is_unchanged(folder, path, given) for path in feature.writes):
        _note(folder, _modules(folder))


def accept(folder: Folder, step: Step) -> None:
    """Note how a step's modules are now that it holds, if there is a note already."""
    before = noted(folder.root)
    if not before or step == load_steps()[-1]:
        return
    now = _modules(folder)
    # A revision of the learner's own is of no step. One that is new is likely to be the feature's.
    unowned = {path for path in before if owner_of(path) is None}
    kept = {path: text for path, text in before.items() if path in now or path not in unowned}
    _note(
        folder,
        kept | {path: now[path] for path in now if owner_of(path) == step or path in unowned},
    )


def noted(root: Path) -> dict[str, str]:
    """The modules that were noted in the app in a folder, by their path; empty without a note."""
    try:
        found = json.loads((root / NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    items = cast("dict[str, object]", found).items() if isinstance(found, dict) else ()
    return {path: text for path, text in items if isinstance(text, str)}


def earlier_modules() -> list[str]:
    """The modules that belong to the steps before the feature, by their path in the app."""
    paths = (path for step in load_steps()[:-1] for path in step.files)
    return [
        path for path in paths if path.endswith(".py") and path.startswith(("app/", "alembic/"))
    ]


def _is_unchanged(folder: Folder, path: str, given: Files) -> bool:
    data = folder.read(path)
    return data is None or data.replace(b"\r\n", b"\n") == given[path]


def _modules(folder: Folder) -> dict[str, str]:
    """The modules of the earlier steps, and the revisions that are not the feature's."""
    revisions = {revision.path for revision in migrations.history(folder)}
    paths = {*earlier_modules(), *revisions} - {*load_steps()[-1].makes}
    found = {path: folder.read(path) for path in sorted(paths)}
    return {
        path: data.decode("utf-8", "replace") for path, data in found.items() if data is not None
    }


def _note(folder: Folder, modules: dict[str, str]) -> None:
    if modules != noted(folder.root):
        # A folder that cannot be written to is no reason to run no checks.
        with suppress(WorkshopError):
            folder.write_note(NOTE, json.dumps(modules, ensure_ascii=False, indent=1).encode())
