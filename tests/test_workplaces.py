"""Where the workshop runs besides a laptop's terminal: GitHub, a Codespace, VS Code.

The workflows and the compose files are held to their public schemas, which check-jsonschema brings.
For devcontainer.json and VS Code's files no registry has one: their shape is described here.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.test_branches import commit_to, git, ids, repository
from tests.workbench import run
from workshop import environment
from workshop.course import stages
from workshop.course.steps import ROOT, load_steps
from workshop.learner.folder import Folder

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
COMPOSE = [ROOT / ".devcontainer/compose.yaml", ROOT / "solution/postgres_db/compose.yaml"]
SETTINGS = sorted((ROOT / ".vscode").glob("*.json"))
CI = (ROOT / ".ci/run").read_text("utf-8")


def load(file: Path) -> Any:
    if file.suffix == ".json":
        return json.loads(file.read_text("utf-8"))
    return YAML(typ="safe").load(file.read_text("utf-8"))


def steps_of(workflow: str) -> dict[str, dict[str, Any]]:
    """The steps of a workflow with a single job, by their names."""
    (job,) = load(ROOT / ".github/workflows" / workflow)["jobs"].values()
    return {step["name"]: step for step in job["steps"] if "name" in step}


# --- GitHub


@pytest.mark.parametrize(
    ("file", "schema"),
    [(file, "vendor.github-workflows") for file in WORKFLOWS]
    + [(file, "vendor.compose-spec") for file in COMPOSE],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_a_file_is_as_its_public_schema_says(file: Path, schema: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_none_of_these_files_is_ignored_by_git() -> None:
    names = [file.relative_to(ROOT).as_posix() for file in [*WORKFLOWS, *COMPOSE, *SETTINGS]]
    names += [".devcontainer/devcontainer.json", ".gitattributes"]
    done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True)
    assert done.stdout == b""


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_has_few_rights_one_run_at_a_time_and_an_end(file: Path) -> None:
    workflow = load(file)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        assert job.get("permissions", {}) in ({}, {"contents": "write"})
        for step in job["steps"]:
            assert re.fullmatch(r"actions/(checkout|setup-python)@v\d+", step.get("uses", "")) or (
                "run" in step
            ), step


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_types_only_commands_that_there_are(file: Path) -> None:
    named = re.findall(r"-m workshop (\w+)", file.read_text("utf-8"))
    assert named
    helped = run("--help").out
    for name in named:
        assert re.search(rf"^ +{name}\b", helped, re.MULTILINE) or re.fullmatch(r"step\d+", name)


def test_the_tests_workflow_runs_what_ci_runs() -> None:
    text = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
    for command in ("workshop step1", "workshop verify"):
        assert command in CI
        assert command in text
    for name in re.findall(r"tests/\w+\.py", text):
        assert (ROOT / name).exists(), name


def test_the_same_pythons_are_named_everywhere() -> None:
    supported = [name.removeprefix("python") for name in reversed(environment.CANDIDATES)]
    assert supported[0] == "{}.{}".format(*environment.OLDEST)
    for job in load(ROOT / ".github/workflows/tests.yml")["jobs"].values():
        assert job["strategy"]["matrix"]["python"] == supported
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"You need Python {supported[0]} to {supported[-1]} and git." in readme


def bash(script: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a workflow's script as the runner does, with `python` meaning this one."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=cwd,
        env=os.environ
        | {"WORKSHOP_VENV": sys.prefix, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("solved", [0, 2])
def test_a_forks_progress_is_measured_drawn_and_never_a_failure(
    solved: int, tmp_path: Path
) -> None:
    folder = repository(tmp_path / "fork")
    Folder(folder / "backend").place(stages.start(solved + 1))
    places = {"RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    steps = steps_of("progress.yml")
    for name in ("Measure", "Draw the tower"):
        script = steps[name]["run"]
        if steps[name].get("shell") == "python":
            (tmp_path / "step.py").write_text(script, "utf-8")
            script = f"python '{tmp_path / 'step.py'}'"
        done = bash(script, folder, **places)
        assert done.returncode == 0, done.stdout + done.stderr
    summary = (tmp_path / "summary.md").read_text("utf-8")
    assert summary.startswith(f"{solved} of {len(load_steps())} steps hold.")
    assert summary.count("🟩") == solved
    assert "| ⬜ | 13 new_feature | not begun |" in summary
    assert summary.index("12 main") < summary.index("1 config")


def test_a_release_publishes_the_branches_and_leaves_other_peoples_commits(tmp_path: Path) -> None:
    origin, runner = tmp_path / "origin.git", tmp_path / "runner"
    first = repository(tmp_path / "first")
    git(tmp_path, "clone", "--quiet", "--bare", str(first), "origin.git")
    git(first, "remote", "add", "origin", str(origin))
    assert run("branches", "--push", "origin", cwd=first).status == 0
    mine = commit_to(first, "step-07-start")
    git(first, "push", "--quiet", "origin", "step-07-start")
    (first / "LICENSE").write_text("Changed.\n", "utf-8")
    git(first, "commit", "--quiet", "--all", "--message=The next edition")
    git(first, "push", "--quiet", "origin", "main")

    # As actions/checkout leaves it: every branch fetched, none of them local, no branch current.
    git(tmp_path, "clone", "--quiet", str(origin), "runner")
    git(runner, "checkout", "--quiet", "--detach")
    git(runner, "branch", "--quiet", "-D", "main")
    before = ids(origin)
    done = bash(steps_of("branches.yml")["Make and publish them"]["run"], runner)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "step-07-start: somebody committed to it on origin" in done.stdout
    assert "step-07-done: renewed on origin" in done.stdout
    after = ids(origin)
    assert after["step-07-start"] == mine
    unchanged = {name for name in before if before[name] == after[name]}
    assert unchanged == {"main", "step-07-start"}


# --- Codespaces


def test_the_dev_container_is_made_of_what_is_there() -> None:
    container = load(ROOT / ".devcontainer/devcontainer.json")
    # The keys of a dev container with a compose file, as containers.dev describes them.
    shape = {
        "name": str,
        "dockerComposeFile": str,
        "service": str,
        "workspaceFolder": str,
        "postCreateCommand": str,
        "forwardPorts": list,
        "portsAttributes": dict,
        "customizations": dict,
    }
    assert {key: type(value) for key, value in container.items()} == shape
    compose = load(ROOT / ".devcontainer" / container["dockerComposeFile"])
    service = compose["services"][container["service"]]
    assert service["volumes"] == [f"..:{container['workspaceFolder']}:cached"]
    assert container["postCreateCommand"] == "python3 -m workshop doctor"
    recommended = load(ROOT / ".vscode/extensions.json")["recommendations"]
    assert container["customizations"]["vscode"]["extensions"] == recommended


def test_the_codespaces_database_is_that_of_step_2() -> None:
    ours, theirs = (load(file)["services"]["db"] for file in COMPOSE)
    for key in ("image", "environment", "volumes", "healthcheck"):
        assert ours[key] == theirs[key]


# --- VS Code


def test_the_settings_of_vs_code_are_of_known_kinds() -> None:
    settings = load(ROOT / ".vscode/settings.json")
    assert settings["python.defaultInterpreterPath"] == "${workspaceFolder}/.venv"
    assert settings["python.testing.pytestEnabled"] is True
    assert all((ROOT / name).exists() for name in settings["python.testing.pytestArgs"])
    kinds = ("python.", "files.", "search.", "[python]")
    assert [name for name in settings if not name.startswith(kinds)] == []


@pytest.mark.parametrize("name", ["My app", "The finished app"])
def test_f5_runs_an_app_that_answers(name: str, tmp_path: Path) -> None:
    launch = load(ROOT / ".vscode/launch.json")
    assert launch["version"] == "0.2.0"
    assert launch["configurations"][0]["name"] == "My app"
    (how,) = [one for one in launch["configurations"] if one["name"] == name]
    assert (how["type"], how["request"]) == ("debugpy", "launch")
    assert how["cwd"] in ("${workspaceFolder}/backend", "${workspaceFolder}/solution")
    Folder(tmp_path).place(stages.done(12))
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    arguments = [port if text in ("8000", "8001") else text for text in how["args"]]
    process = subprocess.Popen(
        [sys.executable, "-m", how["module"], *arguments],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert answer_of(f"http://127.0.0.1:{port}/health") == 200
    finally:
        process.terminate()
        process.wait(20)


def answer_of(url: str) -> int:
    """The status of an answer, once there is one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return response.status
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_imports_in_the_learners_app_are_their_own_in_an_editor(tmp_path: Path) -> None:
    """Pyright is what Pylance runs: `app` in backend/ is not the solution's."""
    folder = repository(tmp_path / "clone")
    Folder(folder / "backend").place(stages.done(2))
    (folder / "backend/app/core/only_mine.py").write_text("ANSWER = 42\n", "utf-8")
    probe = folder / "backend/app/probe.py"
    probe.write_text(
        "from app.core.only_mine import ANSWER\nfrom app.main import create_app\n"
        "print(ANSWER, create_app)\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(probe)],
        cwd=folder,
        # An editor's interpreter knows no PYTHONPATH; that of the tests names the solution.
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert "app.core.only_mine" not in done.stdout, "a module of the learner's is not found"
    assert "app.main" in done.stdout, "a module that only the solution has is found"
