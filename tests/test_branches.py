"""The branches of the steps: the same everywhere, made beside the learner's work, never over it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workbench import clone, run, type_in_app
from workshop import entrances
from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.learner import journey

STEPS = load_steps()
NAMES = [f"step-{step.number:02}-{kind}" for step in STEPS for kind in ("start", "done")]
APPLIED = next(step.number for step in STEPS if step.slug == journey.APPLY)
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | AUTHOR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(folder: Path) -> Path:
    """A repository with one commit that holds the workshop."""
    clone(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=The workshop")
    return folder


def ids(folder: Path) -> dict[str, str]:
    listed = git(folder, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/")
    return dict(line.split() for line in listed.splitlines())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with its branches; tests do not change it."""
    folder = repository(tmp_path_factory.mktemp("made"))
    assert run("branches", cwd=folder).status == 0
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A copy of that repository to do as one likes with."""
    git(tmp_path, "clone", "--quiet", "--mirror", str(made), "copy/.git")
    folder = tmp_path / "copy"
    git(folder, "config", "core.bare", "false")
    git(folder, "config", "--unset", "remote.origin.mirror")
    git(folder, "checkout", "--quiet", "main")
    return folder


def test_there_is_a_branch_for_the_start_and_the_end_of_every_step(made: Path) -> None:
    assert set(ids(made)) == {"main", *NAMES}


def test_the_branches_are_one_line_of_history_from_main(made: Path) -> None:
    history = git(made, "log", "--format=%H", "--reverse", f"main..{NAMES[-1]}").splitlines()
    branches = ids(made)
    assert history == [branches[name] for name in NAMES]


def test_a_branch_holds_the_workshop_and_the_stage(made: Path) -> None:
    for step in STEPS:
        for kind, stage in (("start", stages.start), ("done", stages.done)):
            name = f"step-{step.number:02}-{kind}"
            files = git(made, "ls-tree", "-r", "--name-only", name, "backend").splitlines()
            expected = {*stage(step.number), *entrances.FILES}
            assert set(files) == {f"backend/{path}" for path in expected}
            rest = git(made, "diff", "--stat", "main", name, "--", ".", ":!backend")
            assert rest == ""


def test_the_answer_to_a_step_is_the_diff_of_its_two_branches(made: Path) -> None:
    for step in STEPS:
        names = [f"step-{step.number:02}-{kind}" for kind in ("start", "done")]
        changed = git(made, "diff", "--name-only", *names).splitlines()
        expected = {*step.writes, *step.makes, *step.edits}
        assert set(changed) == {f"backend/{path}" for path in expected}


def another_python() -> str:
    """A Python of another version, on the path or kept by pyenv; this one where there is none."""
    for version in (f"3.{minor}" for minor in (13, 12, 11) if minor != sys.version_info.minor):
        for candidate in (f"python{version}", f"{output('pyenv', 'prefix', version)}/bin/python"):
            if path := output(candidate, "-c", "import sys; print(sys.executable)"):
                return path
    return sys.executable


def output(*command: str) -> str:
    """What a program prints; nothing if it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


# What differs between machines, and may not show in the branches.
STRANGE_SETTINGS = {
    "core.autocrlf": "true",
    "core.abbrev": "5",
    "commit.gpgsign": "true",
    "log.showSignature": "true",
    "user.name": "Grace",
    "user.email": "grace@example.com",
    "i18n.commitEncoding": "ISO-8859-1",
    "i18n.logOutputEncoding": "ISO-8859-1",
}
STRANGE_VARIABLES = {
    "PYTHONHASHSEED": "4711",
    "PYTHONUTF8": "0",
    "LC_ALL": "C",
    "TZ": "Pacific/Auckland",
    "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Grace",
}


def test_the_same_commit_gives_the_same_ids_elsewhere(made: Path, tmp_path: Path) -> None:
    """In another folder, by another Python if there is one, with other settings throughout."""
    other = tmp_path / "an öther plâce"
    settings = [f"--config={name}={value}" for name, value in STRANGE_SETTINGS.items()]
    git(tmp_path, "clone", "--quiet", "--branch=main", *settings, str(made), str(other))
    assert b"\r\n" in (other / "solution/app/main.py").read_bytes()
    # Not the command line: a Python that has no packages can make branches.
    ran = subprocess.run(
        [another_python(), "-c", "from workshop.upkeep import branches; branches.make()"],
        cwd=other,
        env=os.environ | STRANGE_VARIABLES,
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ids(other) == ids(made)


def test_neither_the_work_nor_the_index_nor_the_branch_is_touched(own: Path) -> None:
    for name in NAMES:
        git(own, "branch", "--quiet", "-D", name)
    (own / "README.md").write_text("changed and staged\n")
    git(own, "add", "README.md")
    (own / "CONTRIBUTING.md").write_text("changed\n")
    before = git(own, "status", "--porcelain=v2", "--branch")
    assert run("branches", cwd=own).status == 0
    assert git(own, "status", "--porcelain=v2", "--branch") == before
    assert set(ids(own)) == {"main", *NAMES}


def test_a_second_run_changes_nothing(own: Path) -> None:
    before = ids(own)
    ran = run("branches", cwd=own)
    assert ids(own) == before
    assert ran.out.count("as it was") == len(NAMES)


def commit_to(folder: Path, branch: str) -> str:
    before = git(folder, "branch", "--show-current")
    git(folder, "switch", "--quiet", branch)
    (folder / "backend/mine.txt").write_text("my work\n")
    git(folder, "add", "backend/mine.txt")
    git(folder, "commit", "--quiet", "--message=My work")
    mine = git(folder, "rev-parse", "HEAD")
    git(folder, "switch", "--quiet", before)
    return mine


def test_a_branch_with_somebodys_commit_is_not_moved(own: Path) -> None:
    mine = commit_to(own, "step-07-start")
    ran = run("branches", cwd=own)
    assert "step-07-start: somebody committed to it, so it stays" in ran.out
    assert ids(own)["step-07-start"] == mine
    run("branches", "--delete", cwd=own)
    assert ids(own)["step-07-start"] == mine


def test_with_force_it_is_kept_under_another_name(own: Path) -> None:
    before = ids(own)["step-07-start"]
    mine = commit_to(own, "step-07-start")
    ran = run("branches", "--force", cwd=own)
    assert "what it was is step-07-start-kept" in ran.out
    assert ids(own)["step-07-start"] == before
    assert ids(own)["step-07-start-kept"] == mine


def test_branches_follow_the_solution(own: Path) -> None:
    before = ids(own)
    file = own / "solution/app/core/config.py"
    file.write_text(file.read_text("utf-8").replace("1.0.0", "1.0.1"), "utf-8")
    refused = run("branches", cwd=own)
    assert refused.status == 2
    assert "not committed" in refused.err
    git(own, "commit", "--quiet", "--all", "--message=A new version")
    assert run("branches", cwd=own).out.count("renewed") == len(NAMES)
    assert "1.0.1" in git(own, "show", "step-01-done:backend/app/core/config.py")
    assert ids(own)["step-01-done"] != before["step-01-done"]


def test_listing_and_deleting(own: Path) -> None:
    assert len(run("branches", "--list", cwd=own).out.splitlines()) == len(NAMES)
    assert run("branches", "--delete", cwd=own).status == 0
    assert set(ids(own)) == {"main"}
    assert run("branches", "--list", cwd=own).out.strip() == ""


@pytest.fixture
def remote(own: Path, tmp_path: Path) -> Path:
    """An empty repository that is the origin of `own`."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    git(own, "remote", "set-url", "origin", str(tmp_path / "remote.git"))
    return tmp_path / "remote.git"


def test_pushing_publishes_every_branch_and_a_second_time_nothing(own: Path, remote: Path) -> None:
    assert run("branches", "--push", "origin", cwd=own).out.count("new on origin") == len(NAMES)
    assert ids(remote).items() == {name: ids(own)[name] for name in NAMES}.items()
    again = run("branches", "--push", "origin", cwd=own)
    assert again.out.count("as it was on origin") == len(NAMES)


def test_pushing_renews_what_was_made_from_an_older_commit(own: Path, remote: Path) -> None:
    assert run("branches", "--push", "origin", cwd=own).status == 0
    git(own, "commit", "--quiet", "--allow-empty", "--message=The next edition")
    assert run("branches", "--push", "origin", cwd=own).out.count("renewed on") == len(NAMES)
    assert ids(remote) == {name: ids(own)[name] for name in NAMES}


def test_pushing_leaves_commits_of_others_on_both_sides(
    own: Path, remote: Path, tmp_path: Path
) -> None:
    assert run("branches", "--push", "origin", cwd=own).status == 0
    git(tmp_path, "clone", "--quiet", "--branch=step-03-start", str(remote), "theirs")
    theirs = commit_to(tmp_path / "theirs", "step-03-start")
    git(tmp_path / "theirs", "push", "--quiet", "origin", "step-03-start")
    commit_to(own, "step-07-start")
    before = ids(remote)
    git(own, "commit", "--quiet", "--allow-empty", "--message=The next edition")
    ran = run("branches", "--push", "origin", cwd=own)
    assert ran.status == 0
    assert "step-03-start: somebody committed to it on origin, so it stays there" in ran.out
    assert "step-07-start: somebody committed to it here, so it is not pushed" in ran.out
    assert ids(remote)["step-03-start"] == theirs
    assert {name for name in NAMES if ids(remote)[name] == before[name]} == {
        "step-03-start",
        "step-07-start",
    }


def test_a_remote_that_is_not_there_is_told_in_git_s_words(own: Path) -> None:
    ran = run("branches", "--push", "nowhere", cwd=own)
    assert ran.status == 2
    assert "nowhere" in ran.err


def test_switching_to_a_branch_never_overwrites_work_in_backend(own: Path) -> None:
    (own / "backend/app/core").mkdir(parents=True)
    (own / "backend/app/core/config.py").write_text("mine = True\n")
    refused = subprocess.run(
        ["git", "switch", "step-07-start"], cwd=own, capture_output=True, check=False
    )
    assert refused.returncode != 0
    assert (own / "backend/app/core/config.py").read_text() == "mine = True\n"


@pytest.fixture(scope="module")
def strangers(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A fresh clone of one branch, as somebody finds it who never saw the others."""

    def check_out(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        git(folder, "clone", "--quiet", f"--branch={name}", str(made), "clone")
        return folder / "clone"

    return check_out


def expect_held(folder: Path, numbers: range) -> None:
    """See that these steps hold and no other, as the clone's own `progress` says."""
    # It runs two steps at a time, and so may pytest: more than a check's time limit is made for.
    measured = run("progress", "--json", cwd=folder, env={"WORKSHOP_TIME_LIMIT": "30"}, timeout=600)
    steps = measured.json["steps"]
    broken = [
        f"{step['slug']}: {check['id']}: {check['outcome']}: {check['message']}"
        for step in steps
        if step["step"] in numbers
        for check in step.get("checks", [])
        if check["outcome"] != "passed"
    ]
    assert not broken, "\n".join(broken)
    assert [step["step"] for step in steps if step["ok"]] == list(numbers)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stranger_at_the_start_of_a_step(step: Step, strangers: Callable[[str], Path]) -> None:
    """The step fails where it says, and every step before it holds, untouched by the starters."""
    folder = strangers(f"step-{step.number:02}-start")
    ran = run("check", str(step.number), "--json", cwd=folder)
    first = next(check for check in ran.json["checks"] if check["outcome"] != "passed")
    assert (ran.status, first["id"], first["outcome"]) == (1, step.fails_first, "failed")
    if step.number > 1:
        expect_held(folder, range(1, step.number))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stranger_at_the_end_of_a_step(step: Step, strangers: Callable[[str], Path]) -> None:
    """Every step up to this one holds, once the database is made where step 6 has passed."""
    folder = strangers(f"step-{step.number:02}-done")
    if step.number >= APPLIED:
        type_in_app(folder / "backend", "alembic upgrade head")
    expect_held(folder, range(1, step.number + 1))
