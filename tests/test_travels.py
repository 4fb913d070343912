"""The learner's loop away from home: CRLF line endings, odd folders, no home, other encodings.

The walk in `test_learner_loop.py` goes through such a folder too, with LF, `--solve` and step 13.
"""

from pathlib import Path

import pytest

from tests.test_branches import git, repository
from tests.workbench import run, snapshot, type_in_app
from workshop.course import stages
from workshop.course.steps import Step, load_steps

# The last step only repeats the others for a second feature.
STEPS = load_steps()[:12]
BINARY = {".png", ".ico", ".woff2", ".db"}


@pytest.fixture(scope="module")
def windows_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as git makes it on Windows: every text file has CRLF line endings."""
    home = tmp_path_factory.mktemp("windows")
    repository(home / "origin")
    git(home, "clone", "--quiet", "--config=core.autocrlf=true", "origin", "Ünï cödé path")
    return home / "Ünï cödé path"


def test_git_gives_crlf_to_text_and_leaves_scripts_notebooks_and_pictures(
    windows_clone: Path,
) -> None:
    listed = git(windows_clone, "ls-files", "--eol", "-z").split("\0")
    endings = {line.split("\t")[1]: line.split()[:2] for line in listed if line}
    assert endings["noxfile.py"] == ["i/lf", "w/crlf"]
    assert endings["solution/migrate.sh"] == ["i/lf", "w/lf"]
    assert endings[".ci/run"] == ["i/lf", "w/lf"]
    for name, (index, work) in endings.items():
        if Path(name).suffix in BINARY:
            assert (index, work) == ("i/-text", "w/-text"), name
        elif Path(name).suffix == ".ipynb":
            assert work == "w/lf", name
        else:
            assert index in ("i/lf", "i/none"), f"{name} is committed with other line endings"


def test_a_learner_in_a_clone_with_crlf_line_endings(windows_clone: Path) -> None:
    """Every step as it goes by hand: the starter, a solution in CRLF, the commands, the verdict."""
    for step in STEPS:
        began = run("check", str(step.number), "--json", cwd=windows_clone)
        assert began.status == 1, began.out + began.err
        first = next(check for check in began.json["checks"] if check["outcome"] != "passed")
        assert first["id"] == step.fails_first, first
        work_by_hand(windows_clone / "backend", step)
        ended = run("check", str(step.number), cwd=windows_clone)
        assert ended.status == 0, ended.out + ended.err
    assert "No difference" in run("check", "1", "--diff", cwd=windows_clone).out


def work_by_hand(app: Path, step: Step) -> None:
    """Do a step with an editor that saves every file with CRLF, and with the step's commands."""
    solution = stages.done(step.number)
    for path in (*step.writes, *step.edits):
        (app / path).write_bytes(solution[path])
    for name, data in snapshot(app).items():
        if not name.endswith((".db", ".sh")):
            (app / name).write_bytes(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    for command in step.commands:
        type_in_app(app, command)


def test_what_the_learner_gets_from_a_clone_with_crlf_is_the_same_as_from_any(
    windows_clone: Path, tmp_path: Path
) -> None:
    app = tmp_path / "backend"
    assert run("catchup", "5", "--app", str(app), cwd=windows_clone).status == 0
    assert snapshot(app) == stages.start(5)


@pytest.mark.parametrize("home", ["no_such_folder/home", ""], ids=["missing", "empty"])
def test_a_home_is_not_needed(home: str, tmp_path: Path) -> None:
    variables = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA")
    places = {name: str(tmp_path / home) if home else "" for name in variables}
    ran = run("check", "3", "--solve", "--app", str(tmp_path / "backend"), env=places)
    assert ran.status == 0, ran.out + ran.err
    assert not (tmp_path / "no_such_folder").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_pipe_gets_utf_8_whatever_the_locale_says(encoding: str, tmp_path: Path) -> None:
    config = tmp_path / "backend/app/core/config.py"
    config.parent.mkdir(parents=True)
    config.write_text('def get_settings():\n    raise ValueError("Grüße aus Köln")\n', "utf-8")
    for command, app, shown in (
        ("doctor", "none yet", "✓ Python"),
        ("progress", "none yet", "·· 13 new_feature"),
        ("check 1", "backend", "✗ The app starts"),
        ("check 1 --json", "backend", "Grüße aus Köln"),
    ):
        places = ["--app", str(tmp_path / app)]
        ran = run(*command.split(), *places, env={"PYTHONIOENCODING": encoding})
        assert ran.status in (0, 1), ran.err
        assert shown in ran.out
        assert "\N{REPLACEMENT CHARACTER}" not in ran.out
