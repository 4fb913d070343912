"""Workers that are copies of a prepared process: the same verdicts, and nothing left behind."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from workshop.course import stages
from workshop.course.steps import Step, find_step
from workshop.judging import runner, warm
from workshop.judging.runner import CheckResult, run_checks
from workshop.learner.folder import Folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")


def app_with(step: Step, folder: Path, **files: str) -> Path:
    app = Folder(folder / "backend")
    app.place(stages.done(step.number))
    app.replace({path: text.encode() for path, text in files.items()})
    return app.root


def verdicts(step: Step, app: Path) -> list[CheckResult]:
    return [replace(check, seconds=0, trace=[]) for check in run_checks(step, app).checks]


@pytest.mark.parametrize("text", ["", "raise OSError('no')", "import os\nos._exit(0)"])
def test_a_copy_gives_the_verdicts_of_a_new_process(text: str, tmp_path: Path) -> None:
    step = find_step(9)
    files = {step.writes[0]: text} if text else {}
    app = app_with(step, tmp_path, **files)
    cold = verdicts(step, app)
    with warm.workers():
        assert verdicts(step, app) == cold
        assert verdicts(step, app) == cold


def test_a_copy_has_an_environment_and_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = find_step(1)
    told = tmp_path / "told"
    spy = f"import os\nopen({str(told)!r}, 'w').write(os.environ['WHO'] + os.getcwd())\n"
    app = app_with(step, tmp_path, **{step.writes[0]: spy})
    with warm.workers():
        monkeypatch.setenv("WHO", "Ada ")
        run_checks(step, app)
    assert told.read_text().startswith("Ada ")
    assert str(Path.cwd()) not in told.read_text()


def test_outside_of_the_block_a_worker_is_a_new_process() -> None:
    with warm.workers():
        assert runner.start_process is not runner._start_process
    assert runner.start_process is runner._start_process


def test_with_the_block_every_copy_ends(tmp_path: Path) -> None:
    step = find_step(1)
    pid = tmp_path / "pid"
    spy = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(3600)\n"
    app = app_with(step, tmp_path, **{step.writes[0]: spy})
    monkeypatch = pytest.MonkeyPatch()
    with warm.workers(), monkeypatch.context() as patch:
        patch.setattr(runner, "TIME_LIMIT", 1.0)
        patch.setattr(runner, "MAX_BROKEN", 1)
        report = run_checks(step, app)
    assert report.checks[0].outcome == "timeout"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
