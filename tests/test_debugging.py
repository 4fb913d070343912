"""`--debug` runs one check where code can stop, in the learner's own file and without a limit."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_blame import SESSION, app_with
from tests.workbench import learner_environment
from workshop.course.steps import ROOT

BEGIN = "    settings = get_settings()\n"


def debug(app: Path, check: str, typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workshop", "step2", "--app", str(app), "--debug", check],
        cwd=ROOT,
        env=learner_environment() | {"WORKSHOP_VENV": sys.prefix, "WORKSHOP_TIME_LIMIT": "0.01"},
        input=typed,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("stop", ["breakpoint()", "import pdb; pdb.set_trace()"])
def test_code_stops_in_the_learners_own_file(stop: str, tmp_path: Path) -> None:
    app = app_with(2, tmp_path, SESSION, BEGIN, f"{BEGIN}    {stop}\n")
    ran = debug(app, "engine_comes", "p settings.APP_NAME\nc\nc\nc\n")
    assert f"> {app / SESSION}(" in ran.stdout
    assert "(Pdb) 'Layer by Layer'" in ran.stdout
    assert "It passes." in ran.stdout
    assert ran.returncode == 0


def test_without_a_name_the_first_that_fails_is_debugged(tmp_path: Path) -> None:
    app = app_with(2, tmp_path, SESSION, BEGIN, f"{BEGIN}    settings.nonsense\n")
    ran = debug(app, "", "")
    assert "engine_comes_from_the_settings runs here" in ran.stdout
    assert "get_engine() raises AttributeError" in ran.stdout
    assert ran.returncode == 1


@pytest.mark.parametrize(
    ("name", "said"), [("nope", "is in none of them"), ("get_db", "is in 2 of them")]
)
def test_a_name_that_fits_none_or_several_is_answered_with_the_names(
    name: str, said: str, tmp_path: Path
) -> None:
    app = app_with(2, tmp_path, SESSION, BEGIN, BEGIN)
    ran = debug(app, name, "")
    assert f"'{name}' {said}" in ran.stderr
    assert "  get_db_does_not_commit\n" in ran.stderr
    assert ran.returncode == 2
