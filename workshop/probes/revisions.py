"""The learner's revisions as they stand in their files: whether each follows the one before it."""

import ast
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from workshop.probes.checking import fail
from workshop.probes.learner_alembic import VERSIONS
from workshop.probes.learner_app import LearnerApp


class Revision(NamedTuple):
    """A file of the history, and the lines in which it says its place."""

    path: str
    id: str
    # The ids of those before it: none for the first, several for one that joins branches.
    follows: tuple[str, ...]
    lines: Mapping[str, int]

    @property
    def file(self) -> str:
        """The name of the file."""
        return Path(self.path).name


def expect_one_line(app: LearnerApp) -> None:
    """The check fails unless the revisions follow one another, from the first to the newest."""
    revisions = _revisions(app)
    _expect_different_ids(revisions)
    known = {revision.id for revision in revisions}
    for revision in revisions:
        for parent in revision.follows:
            if parent not in known:
                others = sorted(known - {revision.id})
                _fail(
                    revision,
                    f"{revision.file} follows a revision that is in no file of {VERSIONS}.",
                    got=f'down_revision = "{parent}"',
                    expected=f"the id of the revision before it, one of {', '.join(others)}",
                )
    roots = [revision for revision in revisions if not revision.follows]
    if len(roots) > 1:
        first, second = roots[:2]
        _fail(
            second,
            f"{second.file} follows no other revision, as if there was no {first.file}.",
            got="down_revision = None",
            expected=f'down_revision = "{first.id}", if that is the one before it',
        )
    followers: dict[str, list[Revision]] = defaultdict(list)
    for revision in revisions:
        for parent in revision.follows:
            followers[parent].append(revision)
    for parent, following in followers.items():
        if len(following) > 1 and not _are_joined(revisions, following):
            first, second = following[:2]
            _fail(
                second,
                f"{first.file} and {second.file} follow the same revision, so Alembic does not "
                "know which is the newest. Is one of them left from an earlier try?",
                got=f'down_revision = "{parent}" in both',
                expected=f'only one of the two files, or down_revision = "{first.id}" in '
                f"{second.file}",
            )


def _expect_different_ids(revisions: list[Revision]) -> None:
    by_id: dict[str, Revision] = {}
    for revision in revisions:
        if (other := by_id.setdefault(revision.id, revision)) is not revision:
            fail(
                f"{other.file} and {revision.file} have the same id, so Alembic sees only one of "
                "them.",
                called=f"the variable revision in {VERSIONS}",
                got=f'revision = "{revision.id}" in both',
                expected="an id of its own in each; the later one has the id of the earlier as "
                "its down_revision",
                at=revision.path,
                line=revision.lines["revision"],
            )


def _fail(revision: Revision, summary: str, *, got: str, expected: str) -> None:
    line = revision.lines.get("down_revision")
    fail(summary, called=revision.path, got=got, expected=expected, at=revision.path, line=line)


def _are_joined(revisions: list[Revision], branches: list[Revision]) -> bool:
    """Whether a later revision follows all of these, as `alembic merge` makes it."""
    ids = {branch.id for branch in branches}
    return any(ids <= set(revision.follows) for revision in revisions)


def _revisions(app: LearnerApp) -> list[Revision]:
    """The revisions that can be read, by the names of their files."""
    found: list[Revision] = []
    for file in sorted((app.root / VERSIONS).glob("*.py")):
        path = f"{VERSIONS}/{file.name}"
        values, lines = _variables(app.tree(path))
        follows: Any = values.get("down_revision") or ()
        if isinstance(values.get("revision"), str):
            follows = (follows,) if isinstance(follows, str) else tuple(follows)
            found.append(Revision(path, values["revision"], follows, lines))
    # The file of a feature comes after those before it, whatever its name.
    return sorted(found, key=lambda revision: "products" in app.text(revision.path))


def _variables(tree: ast.Module) -> tuple[dict[str, Any], dict[str, int]]:
    """The variables of a module that have a plain value, and the lines of these."""
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        try:
            values[name], lines[name] = ast.literal_eval(value), node.lineno
        except ValueError:
            continue
    return values, lines
