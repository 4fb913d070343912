"""INSTRUCTORS.md: the agenda is what the steps say, and what it names can be shown and typed."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.workbench import clone, run
from workshop.course import agenda
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging.mistakes import load_mistakes

FILE = ROOT / "INSTRUCTORS.md"
STEPS = load_steps()
every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


def section(step: Step) -> str:
    """What the file says of a step."""
    title = re.escape(f"### Step {step.number} · {step.title}")
    found = re.search(rf"^{title}\n(.+?)(?=^##)", FILE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found, f"INSTRUCTORS.md has no section '### Step {step.number} · {step.title}'"
    return found[1]


def test_the_agenda_is_what_the_steps_say(request: pytest.FixtureRequest) -> None:
    text = FILE.read_text("utf-8")
    if request.config.getoption("--record"):
        FILE.write_text(agenda.renewed(text), "utf-8", newline="\n")
    assert FILE.read_text("utf-8") == agenda.renewed(text), "pytest --record renews the agenda"


def test_the_agenda_has_every_step_once_in_two_evenings() -> None:
    _, *evenings = agenda.SESSIONS
    numbers = [number for evening in evenings for number in evening.steps]
    assert numbers == [step.number for step in STEPS]


@pytest.mark.parametrize("session", agenda.SESSIONS, ids=lambda session: session.title)
def test_a_session_fits_into_half_a_day(session: agenda.Session) -> None:
    assert agenda.length(session) <= 4 * 60


@every_step
def test_a_step_has_what_an_instructor_needs(step: Step) -> None:
    text = section(step)
    for part in ("**Say.**", "**Break.**", "**Expect.**", "**They ask.**"):
        assert part in text, part
    assert re.search(rf"-m workshop {step.name} --mistake \w+", text)


@every_step
def test_every_mistake_that_is_named_exists(step: Step) -> None:
    text = section(step)
    named = re.findall(r"-m workshop (\w+) --mistake (\w+)", text)
    named += [(step.name, name) for name in re.findall(r"^- `([a-z0-9_]+)`: ", text, re.MULTILINE)]
    known = {mistake.name for mistake in load_mistakes(step)}
    assert len(named) > 2
    assert [pair for pair in named if pair[0] != step.name or pair[1] not in known] == []


# -- commands

# What no command has: it is refused for this alone, before it does anything, if all else is right.
UNKNOWN = "--not-an-option"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("fresh"))


def commands(file: str) -> set[str]:
    """The commands of the workshop in a file, one for each kind; N is 7."""
    text = (ROOT / file).read_text("utf-8")
    found = re.findall(r"(?:python3|py|python) -m workshop ([^`|\n]+)", text)
    # A screen in README says "run … again."
    typed = {each.strip().removesuffix(" again.") for each in found} - {"…"}
    kinds = {re.sub(r"\bstep(\d+|N)\b", "step7", each) for each in typed}
    return {
        re.sub(r"\bN\b", "7", re.sub(r"--mistake \w+", "--mistake NAME", kind)) for kind in kinds
    }


@pytest.mark.parametrize("command", sorted(commands("README.md") | commands("INSTRUCTORS.md")))
def test_a_command_that_is_named_is_taken_in_a_fresh_clone_without_nox(
    command: str, fresh: Path
) -> None:
    ran = run(*command.split(), UNKNOWN, cwd=fresh, env={"PATH": ""})
    assert ran.status == 2
    refused = ran.err.splitlines()[-1]
    assert UNKNOWN in refused
    assert not [word for word in command.split() if word.startswith("--") and word in refused]


def test_instructors_need_no_nox() -> None:
    """Before a clone has its `.venv`, activated, there is none."""
    text = FILE.read_text("utf-8")
    assert re.findall(r"nox -s [\w -]+", text.replace("Messages say `nox -s step1`", "")) == []


def test_what_goes_on_the_wall_brings_an_unfinished_app_to_the_step(fresh: Path) -> None:
    run("step1", cwd=fresh, env={"PATH": ""})  # at home; and then nothing was written
    caught_up = run("catchup", "4", cwd=fresh, env={"PATH": ""})
    assert caught_up.status == 0, caught_up.err
    assert all(
        run(f"step{number}", cwd=fresh, env={"PATH": ""}).status == 0 for number in (1, 2, 3)
    )


def test_handing_in_from_a_clone_leaves_the_workshop_its_origin(tmp_path: Path) -> None:
    def git(folder: Path, *arguments: str) -> str:
        named = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        command = ["git", "-C", str(folder), *named, "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    workshop, fork, own = (tmp_path / name for name in ("workshop", "fork.git", "own"))
    git(tmp_path, "init", "--initial-branch=main", str(workshop))
    git(workshop, "commit", "--allow-empty", "--message=An edition")
    git(tmp_path, "clone", "--bare", str(workshop), str(fork))
    git(tmp_path, "clone", str(workshop), str(own))
    (own / "backend").mkdir()
    (own / "backend/app.py").write_text("# Ada's\n")
    handing_in = FILE.read_text("utf-8").partition("## Handing in\n")[2]
    for typed in re.findall(r"^    git (.+)$", handing_in, re.MULTILINE):
        git(
            own,
            *re.sub(r"https://\S+", fork.as_posix(), typed).replace('"Steps 1 to 4"', "S").split(),
        )
    assert git(fork, "ls-tree", "-r", "--name-only", "main") == "backend/app.py"
    git(workshop, "commit", "--allow-empty", "--message=A newer edition")
    git(own, "pull", "--no-rebase", "--no-edit")
    assert "A newer edition" in git(own, "log", "--format=%s")
