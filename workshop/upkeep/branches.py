"""`nox -s branches`: a local branch for the start and the end of every step, derived from a commit.

The branches are one linear history on top of the commit they were made from. Git writes them by
itself (`git fast-import`), so that neither the working tree nor the index is touched, and names and
dates are fixed, so that the same commit gives the same ids on every machine.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from workshop import entrances
from workshop.course import stages
from workshop.course.stages import Files
from workshop.course.steps import ROOT, Step, load_steps
from workshop.errors import WorkshopError

AUTHOR = "Layer by Layer <branches@layer-by-layer.invalid>"
# Where new branches are written first, to be compared with those that exist.
DRAFTS = "refs/workshop/drafts/"
HEADS = "refs/heads/"


@dataclass(frozen=True)
class Branch:
    """A stage as a branch."""

    name: str
    files: Files
    message: str


def make(*, force: bool = False) -> list[str]:
    """Make or renew every branch, and return a line about each. Raises WorkshopError.

    A branch to which somebody committed is left alone; with `force` it is renewed, and what it was
    is kept as `NAME-kept`, `NAME-kept-2`, …
    """
    _expect_clean()
    base = _git("rev-parse", "HEAD")
    _write_drafts(base)
    try:
        return [_publish(branch.name, force=force) for branch in planned()]
    finally:
        for ref in _refs(DRAFTS):
            _git("update-ref", "-d", DRAFTS + ref)


def delete() -> list[str]:
    """Delete the branches to which nobody committed, and return a line about each."""
    lines: list[str] = []
    heads = _refs(HEADS)
    for branch in planned():
        if branch.name not in heads:
            continue
        if branch.name == _current():
            lines.append(f"{branch.name}: you are on it; switch to another branch first")
        elif not _is_generated(heads[branch.name]):
            lines.append(f"{branch.name}: somebody committed to it, so it stays")
        else:
            _git("update-ref", "-d", HEADS + branch.name, heads[branch.name])
            lines.append(f"{branch.name}: deleted")
    return lines


def existing() -> list[str]:
    """A line about each branch that there is."""
    heads = _refs(HEADS)
    return [
        f"{branch.name}  {heads[branch.name][:10]}  {branch.message.splitlines()[0]}"
        for branch in planned()
        if branch.name in heads
    ]


def push(remote: str) -> list[str]:
    """Publish the branches as they were made, and return a line about each. Raises WorkshopError.

    A branch made from an older commit is replaced there. One to which somebody committed, here or
    there, is left alone.
    """
    here, there = _refs(HEADS), _heads_of(remote)
    lines: list[str] = []
    leases: list[str] = []
    names: list[str] = []
    for name in [branch.name for branch in planned() if branch.name in here]:
        old = there.get(name, "")
        if old == here[name]:
            lines.append(f"{name}: as it was on {remote}")
        elif not _is_generated(here[name]):
            lines.append(f"{name}: somebody committed to it here, so it is not pushed")
        elif old and not _is_generated(old):
            lines.append(f"{name}: somebody committed to it on {remote}, so it stays there")
        else:
            # Git refuses, should the branch have moved on since we looked.
            leases.append(f"--force-with-lease={HEADS}{name}:{old}")
            names.append(f"{HEADS}{name}")
            lines.append(f"{name}: {'renewed' if old else 'new'} on {remote}")
    if names:
        _git("push", "--quiet", "--atomic", *leases, remote, *names)
    return lines


def _heads_of(remote: str) -> dict[str, str]:
    """The branches of the steps on a remote. Their commits are fetched, and no branch is moved."""
    listed = _git("ls-remote", "--heads", remote, f"{HEADS}step-*")
    there = {
        name.removeprefix(HEADS): commit for commit, name in map(str.split, listed.splitlines())
    }
    if there:
        _git(
            "fetch", "--quiet", "--no-tags", "--refmap=", remote, *(HEADS + name for name in there)
        )
    return there


def planned() -> Iterator[Branch]:
    """The branches in their order: start 1, done 1, start 2, …"""
    for step in load_steps():
        name = f"step-{step.number:02}"
        yield Branch(f"{name}-start", stages.start(step.number), _message(step, "start"))
        yield Branch(f"{name}-done", stages.done(step.number), _message(step, "done"))


def _message(step: Step, kind: str) -> str:
    if kind == "start":
        given = sorted(stages.given(step))
        body = f"Where step {step.number} begins. {step.summary}"
        listed = "What the step gives:" if given else "The step gives no file."
    else:
        given = sorted({*step.writes, *step.makes, *step.edits})
        body = f"The {step.layer} layer, as the solution has it. {step.summary}"
        listed = "What it adds or changes:" if given else "It changes no file."
    if step.commands and kind == "done":
        listed = "\n".join(["Run in backend/:", *(f"    {c}" for c in step.commands), "", listed])
    files = "\n".join(f"    backend/{path}" for path in given)
    return f"Step {step.number}, {kind}: {step.title}\n\n{body}\n\n{listed}\n{files}\n"


def _write_drafts(base: str) -> None:
    date = _git("show", "--no-patch", "--format=%ct", base)
    stream: list[bytes] = []
    parent = base
    for mark, branch in enumerate(planned(), 1):
        message = branch.message.encode()
        stream.append(
            f"commit {DRAFTS}{branch.name}\nmark :{mark}\n"
            f"author {AUTHOR} {date} +0000\ncommitter {AUTHOR} {date} +0000\n"
            f"data {len(message)}\n".encode()
            + message
            + f"\nfrom {parent}\nD backend\n".encode()
        )
        for path, data in sorted({**branch.files, **entrances.FILES}.items()):
            mode = "100755" if path.endswith(".sh") else "100644"
            head = f"M {mode} inline backend/{path}\ndata {len(data)}\n"
            stream.append(head.encode() + data + b"\n")
        parent = f":{mark}"
    _git("fast-import", "--quiet", "--force", "--date-format=raw", data=b"".join(stream))


def _publish(name: str, *, force: bool) -> str:
    new = _git("rev-parse", DRAFTS + name)
    heads = _refs(HEADS)
    old = heads.get(name)
    if old == new:
        return f"{name}: as it was"
    if old is not None and name == _current():
        return f"{name}: you are on it, so it stays; switch to another branch first"
    kept = ""
    if old is not None and not _is_generated(old):
        if not force:
            return f"{name}: somebody committed to it, so it stays (--force renews it)"
        backup = next(
            candidate
            for candidate in (f"{name}-kept", *(f"{name}-kept-{n}" for n in range(2, 1000)))
            if candidate not in heads
        )
        _git("update-ref", HEADS + backup, old, "")
        kept = f"; what it was is {backup}"
    _git("update-ref", HEADS + name, new, *([old] if old else []))
    return f"{name}: {'renewed' if old else 'made'}{kept}"


def _is_generated(commit: str) -> bool:
    return (
        _git("show", "--no-patch", "--format=%an <%ae>|%cn <%ce>", commit) == f"{AUTHOR}|{AUTHOR}"
    )


def _current() -> str:
    return _git("branch", "--show-current")


def _refs(prefix: str) -> dict[str, str]:
    listed = _git("for-each-ref", "--format=%(refname) %(objectname)", prefix)
    pairs = (line.split() for line in listed.splitlines())
    return {name.removeprefix(prefix): commit for name, commit in pairs}


def _expect_clean() -> None:
    if _git("status", "--porcelain", "--", "solution", "steps"):
        raise WorkshopError(
            "solution/ or steps/ has changes that are not committed, and branches are made from a "
            "commit: commit them (or stash them) and run the same command again."
        )


def _git(*arguments: str, data: bytes | None = None) -> str:
    try:
        # Whoever likes to see signatures would get them in between what is asked for here.
        done = subprocess.run(
            ["git", "-c", "log.showSignature=false", *arguments],
            cwd=ROOT,
            input=data,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise WorkshopError(
            "There is no git on this machine: install it from https://git-scm.com"
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise WorkshopError(f"git {arguments[0]} failed: {said}")
    return done.stdout.decode("utf-8").strip()
