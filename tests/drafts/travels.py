"""The learner's loop away from home: CRLF line endings, odd folders, no home, other encodings."""

from pathlib import Path

import pytest

from tests.test_branches import git, repository
from tests.workbench import clone, run, snapshot
from workshop import stages
from workshop.steps import load_steps

# The last step only repeats the others for a second feature.
STEPS = load_steps()[:12]
BINARY = {".png", ".ico", ".woff2", ".db"}


def walk(folder: Path) -> None:
    """Do every step in a clone as a learner does, and see that the verdicts are the right ones."""
    for step in STEPS:
        began = run("check", str(step.number), "--json", cwd=folder)
        assert began.status == 1, began.out + began.err
        first = next(check for check in began.json["checks"] if check["outcome"] != "passed")
        assert first["id"] == step.fails_first, first
        solved = run("check", str(step.number), "--solve", cwd=folder)
        assert solved.status == 0, solved.out + solved.err


def test_a_learner_in_a_folder_with_spaces_and_umlauts(tmp_path: Path) -> None:
    walk(clone(tmp_path / "Ünï cödé path"))


@pytest.fixture(scope="module")
def windows_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as git makes it on Windows: every text file has CRLF line endings."""
    home = tmp_path_factory.mktemp("windows")
    repository(home / "origin")
    git(home, "clone", "--quiet", "--config=core.autocrlf=true", "origin", "clone")
    return home / "clone"


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
    walk(windows_clone)
    # The same app, once every file was saved by an editor that prefers CRLF.
    app = windows_clone / "backend"
    for name, data in snapshot(app).items():
        if not name.endswith(".db"):
            (app / name).write_bytes(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    measured = run("progress", "--json", cwd=windows_clone, timeout=300).json
    assert [step["ok"] for step in measured["steps"]][: len(STEPS)] == [True] * len(STEPS)
    assert "No difference" in run("check", "1", "--diff", cwd=windows_clone).out


def test_what_the_learner_gets_from_a_clone_with_crlf_is_the_same_as_from_any(
    windows_clone: Path, tmp_path: Path
) -> None:
    app = tmp_path / "backend"
    assert run("catchup", "5", "--app", str(app), cwd=windows_clone).status == 0
    assert snapshot(app) == stages.start(5)


@pytest.mark.parametrize("home", ["no_such_folder/home", None], ids=["missing", "not set"])
def test_a_home_is_not_needed(home: str | None, tmp_path: Path) -> None:
    variables = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA")
    places = dict.fromkeys(variables, str(tmp_path / home) if home else "")
    ran = run("check", "3", "--solve", "--app", str(tmp_path / "backend"), env=places)
    assert ran.status == 0, ran.out + ran.err
    assert not (tmp_path / "no_such_folder").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_pipe_gets_utf_8_whatever_the_locale_says(encoding: str, tmp_path: Path) -> None:
    for arguments in (["check", "1", "--json"], ["check", "1"], ["progress"], ["doctor"]):
        app = str(tmp_path / "backend")
        ran = run(*arguments, "--app", app, env={"PYTHONIOENCODING": encoding})
        assert ran.status in (0, 1), ran.err
        assert "\N{REPLACEMENT CHARACTER}" not in ran.out
    assert "✓" in ran.out
