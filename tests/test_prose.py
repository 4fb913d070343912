"""What the prose names exists: files, commands, packages; and it says what the steps say."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.workbench import clone, run
from workshop.course import stages
from workshop.course.steps import ROOT, load_steps

STEPS = load_steps()
PROSE = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("steps/*/README.md"), ROOT / "solution/README.md"]
    if path.exists()
)
IDS = [path.relative_to(ROOT).as_posix() for path in PROSE]
NOXFILE = (ROOT / "noxfile.py").read_text("utf-8")
SESSIONS = {step.name for step in STEPS} | set(
    re.findall(r"^@nox\.session\ndef (\w+)", NOXFILE, re.MULTILINE)
)
COMMANDS = {"check", "verify"} | SESSIONS


def git_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("path", PROSE, ids=IDS)
def test_every_link_to_a_file_of_the_repository_resolves(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PROSE, ids=IDS)
def test_every_command_that_is_named_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    named = re.findall(r"nox -s ([\w-]+)", text) + re.findall(r"-m workshop ([\w-]+)", text)
    unknown = {name for name in named if name not in COMMANDS and name != "stepN"}
    assert not unknown


def test_every_session_is_a_command_of_the_workshop() -> None:
    text = (ROOT / "workshop/commands/line.py").read_text("utf-8")
    for name in SESSIONS - {step.name for step in STEPS}:
        assert f'command("{name}"' in text, name


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_brief_has_its_parts(step) -> None:
    text = (step.folder / "README.md").read_text("utf-8")
    assert text.startswith(f"# Step {step.number} · {step.title}\n")
    for part in ("The contract", "Why it is so", "Try it and see", "Check it", "Common traps"):
        assert f"## {part}" in text, part
    assert "## Go deeper" in text
    assert f"{step.minutes} minutes" in text
    assert f"nox -s {step.name}" in text
    for path in step.writes:
        assert path in text, path
    notebook = f"notebooks/{step.folder.name}.ipynb"
    assert f"[{notebook}](../../{notebook})" in text.partition("## Go deeper")[2], "the lesson"
    assert f"`nox -s lab -- {step.number}`" in text
    words = len(re.sub(r"```.*?```|^ {4}.*$", "", text, flags=re.DOTALL | re.MULTILINE).split())
    assert words <= 900, f"{words} words are more than three minutes"


def test_the_readme_lists_the_steps_as_they_are() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert steps_table() in text, f"the table of steps should read\n{steps_table()}"


def test_the_readme_shows_what_the_terminal_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    shown = re.search(r"```text\n\$ python3 -m workshop step1\n(.+?)```", text, re.DOTALL)
    assert shown is not None
    cloned = clone(tmp_path)
    run("step1", "--solve", cwd=cloned)
    file = cloned / "backend/app/core/config.py"
    right = "BCRYPT_ROUNDS: int = Field(default=12, ge=4, le=16)"
    file.write_text(file.read_text("utf-8").replace(right, "BCRYPT_ROUNDS: int = 12"), "utf-8")
    ran = run("step1", cwd=cloned, env={"COLUMNS": "92", "PATH": ""})
    said = re.sub(r"\([\d.]+ s\)", "(0.9 s)", ran.out)
    assert [line.rstrip() for line in said.strip().splitlines()] == [
        line.rstrip() for line in shown[1].strip().splitlines()
    ]


def steps_table() -> str:
    """The table of steps in README.md, from the steps themselves."""
    rows = ["| step | | layer | minutes |", "|---|---|---|---|"]
    for step in STEPS:
        link = f"[{step.number}](steps/{step.folder.name}/README.md)"
        rows.append(f"| {link} | {step.title} | {step.layer} | {step.minutes} |")
    return "\n".join(rows)


def test_the_pins_of_the_solution_are_those_of_the_workshop() -> None:
    def pins(text: str) -> dict[str, str]:
        lines = re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", text, re.MULTILINE)
        return dict(lines)

    workshop = pins((ROOT / "requirements.txt").read_text("utf-8"))
    solution = pins((ROOT / "solution/requirements.txt").read_text("utf-8"))
    assert solution
    assert {name: workshop.get(name) for name in solution} == solution


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    direct = [re.split(r"[\[<>=~; ]", name)[0] for name in project["project"]["dependencies"]]
    pinned = (ROOT / "requirements.txt").read_text("utf-8")
    assert [name for name in direct if f"\n{name}==" not in f"\n{pinned}"] == []


def test_no_committed_file_names_a_machine_or_a_registry() -> None:
    private = re.compile("/" + "work/|/" + "root/|/" + "tmp/lab|index" + "-url [a-z]+:")
    for name in git_files():
        if Path(name).suffix in {".py", ".md", ".toml", ".txt", ".ini", ".sh", ".yaml", ".yml", ""}:
            text = (ROOT / name).read_text("utf-8", "replace")
            assert not private.search(text), name


@pytest.mark.parametrize("path", PROSE, ids=IDS)
def test_prose_keeps_calm(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
    assert not re.search(r"[\w)]!(?!\[)", text), "an exclamation mark"
    assert not re.search("[\U0001f300-\U0001faff]", text), "an emoji"


def test_every_name_of_the_contract_is_in_the_solution() -> None:
    finished = "\n".join(
        data.decode("utf-8", "replace") for data in stages.done(STEPS[-1].number).values()
    )
    for name in ("get_db", "Base", "get_user_service", "UserService", "UserCreate", "UserRead"):
        assert re.search(rf"\b{name}\b", finished)
