"""Which edition of the workshop a learner's app was begun from, as far as its files can tell.

Nothing is remembered: a file of the app that is, byte for byte, what an older commit gave and not
what is given today is older. Files that the learner changed say nothing; the checks measure those.
"""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workshop.course import stages
from workshop.course.steps import ROOT, SOLUTION, Step, load_steps, owner_of
from workshop.errors import WorkshopError
from workshop.learner.folder import Folder

# Seconds that git may take to look through the history.
PATIENCE = 20.0


# The commits that changed each path of the repository, newest first, with their days.
_History = dict[str, list[tuple[str, str]]]
# What a path was in a commit: (commit, path) → bytes.
_Blobs = dict[tuple[str, str], bytes]


@dataclass(frozen=True)
class Outdated:
    """A file of the app that an older edition gave."""

    step: Step
    path: str
    # The newest commit that gave it like this, and the day on which the next one changed it.
    commit: str
    changed_on: str
    # Whether it is the solution of then, not something that the learner was given to begin with.
    solved: bool


@dataclass(frozen=True)
class Edition:
    """What the files of an app tell of the edition that they came from."""

    outdated: tuple[Outdated, ...] = ()
    # Given files that are not as given today and as no older edition in this clone gave them.
    own: tuple[str, ...] = ()
    # What changed in the steps since the oldest of `outdated`: step number → what.
    changes: tuple[tuple[int, tuple[str, ...]], ...] = ()
    # Whether git could be asked; without it, an older file looks like one that the learner changed.
    has_history: bool = True


@dataclass(frozen=True)
class _Given:
    """A file of the app that is not as today's edition gives it, and where editions keep it."""

    step: Step
    path: str
    data: bytes

    @property
    def sources(self) -> tuple[str, ...]:
        solution = f"solution/{self.path}"
        if self.path in self.step.brings:
            return (solution,)
        return (f"steps/{self.step.folder.name}/{self.path}", solution)


def find_edition(folder: Folder) -> Edition:
    """Compare what the learner was given with today's edition, and with those before it."""
    different = list(_different(folder))
    brought = [given for given in different if given.path in given.step.brings]
    try:
        outdated = list(_outdated(different))
        changes = _changes(_oldest(outdated)) if outdated else {}
    except _NoHistoryError:
        return Edition(own=tuple(given.path for given in brought), has_history=False)
    older = {found.path for found in outdated}
    return Edition(
        outdated=tuple(outdated),
        own=tuple(given.path for given in brought if given.path not in older),
        changes=tuple((number, tuple(changes[number])) for number in sorted(changes)),
    )


def was_given(folder: Folder, step: Step, path: str) -> bool:
    """Whether an older edition gave a file as it is, to begin with; False where git can't tell."""
    data = folder.read(path)
    if data is None:
        return False
    given = _Given(step, path, data.replace(b"\r\n", b"\n"))
    try:
        return any(not found.solved for found in _outdated([given]))
    except _NoHistoryError:
        return False


def _different(folder: Folder) -> Iterator[_Given]:
    for step in load_steps():
        for path in step.writes + step.brings:
            data = folder.read(path)
            if data is None:
                continue
            text = data.replace(b"\r\n", b"\n")
            today = (stages.given(step)[path], (SOLUTION / path).read_bytes())
            if text not in _forms(path, step, today):
                yield _Given(step, path, text)


def _forms(path: str, step: Step, sources: Iterable[bytes]) -> set[bytes]:
    """Every form in which a file may be given: as it is, and as the stages leave it."""
    forms: set[bytes] = set()
    for source in sources:
        text = source.replace(b"\r\n", b"\n")
        forms.add(text)
        for number in range(step.number, load_steps()[-1].number + 1):
            try:
                forms.add(stages.render(path, text, number, step.number))
            except (WorkshopError, UnicodeDecodeError):
                break  # an older edition may have had other steps, and so other markers
    return forms


def _outdated(different: list[_Given]) -> Iterator[Outdated]:
    """The files that an older commit gave, with the newest such commit."""
    sources = sorted({source for given in different for source in given.sources})
    if not sources:
        return
    history = _history(sources)
    blobs = _blobs([(commit, path) for path in history for commit, _ in history[path]])
    for given in different:
        found = (_found(given, source, history, blobs) for source in given.sources)
        yield from list(filter(None, found))[:1]


def _found(given: _Given, source: str, history: _History, blobs: _Blobs) -> Outdated | None:
    """The newest commit in which a source gave the learner's file, if there is one."""
    following, changed_on = "", "today"  # what changed the source after the commit in question
    for commit, day in history.get(source, []):
        blob = blobs.get((commit, source))
        if blob is not None and given.data in _forms(given.path, given.step, [blob]):
            newest = f"{following}^" if following else "HEAD"
            solved = source.startswith("solution/") and given.path in given.step.writes
            return Outdated(given.step, given.path, newest, changed_on, solved)
        following, changed_on = commit, day
    return None


def _oldest(outdated: list[Outdated]) -> str:
    """The commit from which the oldest of the files came."""
    order = _git("rev-list", "--topo-order", "HEAD").decode().split()
    commits = {_git("rev-parse", found.commit).decode().strip() for found in outdated}
    return max(commits, key=order.index)


def _changes(base: str) -> dict[int, list[str]]:
    """What changed in the steps since a commit, by the number of the step."""
    changed = _git("diff", "--name-only", base, "--", "steps", "checks", "solution").decode()
    found: dict[int, list[str]] = {}
    for name in changed.splitlines():
        number, what = _meaning(name)
        if number and what not in found.setdefault(number, []):
            found[number].append(what)
    return found


def _meaning(name: str) -> tuple[int, str]:
    """The step that a file of the repository belongs to, and what it is there; 0 for none."""
    top, _, rest = name.partition("/")
    if top == "solution":
        owner = owner_of(rest)
        if owner is None:
            return 0, ""
        return owner.number, "given files" if rest in owner.brings else "solution"
    for step in load_steps():
        if top == "checks" and rest == step.checks.name:
            return step.number, "checks"
        if top == "steps" and rest.startswith(f"{step.folder.name}/"):
            file = rest.partition("/")[2]
            if file == "README.md":
                return step.number, "brief"
            return (step.number, "starter") if file in step.writes else (0, "")
    return 0, ""


def _history(paths: list[str]) -> _History:
    prefix = _git("rev-parse", "--show-prefix").strip()
    if prefix:  # the workshop lies inside somebody else's repository
        raise _NoHistoryError
    listed = _git("log", "--format=%x00%H %cs", "--name-only", "HEAD", "--", *paths).decode()
    found: _History = {}
    for entry in listed.split("\0")[1:]:
        head, *names = entry.split("\n")
        commit, day = head.split()
        for name in filter(None, names):
            found.setdefault(name, []).append((commit, day))
    return found


def _blobs(wanted: list[tuple[str, str]]) -> _Blobs:
    # One run of git for all of them: a process takes longer than a hundred files.
    asked = "".join(f"{commit}:{path}\n" for commit, path in wanted).encode()
    answer = _git("cat-file", "--batch", data=asked)
    blobs: _Blobs = {}
    position = 0
    for key in wanted:
        end = answer.index(b"\n", position)
        head = answer[position:end].split()
        position = end + 1
        if head[-1] == b"missing":  # the commit deleted the file
            continue
        size = int(head[-1])
        blobs[key] = answer[position : position + size]
        position += size + 1
    return blobs


class _NoHistoryError(Exception):
    """There is no git, or no history of the workshop."""


def _git(*arguments: str, data: bytes | None = None) -> bytes:
    command = ["git", "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(
            command, cwd=ROOT, input=data, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise _NoHistoryError from None
    if done.returncode:
        raise _NoHistoryError
    return done.stdout
