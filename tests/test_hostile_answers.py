"""Answers that hang, leave, cheat or destroy: never green, always a sentence, and soon."""

import ast
import os
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from tests.workbench import snapshot
from workshop.course import stages
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging import runner
from workshop.judging.runner import Report, run_checks
from workshop.learner.folder import Folder
from workshop.probes.checking import Kind

pytestmark = pytest.mark.usefixtures("warm_workers")

STEPS = [step for step in load_steps() if step.writes]

# Code in front of the solution of a step. Each keeps the checks from coming to a good end.
STOPS = {
    "loops": "while True:\n    pass\n",
    "exits": "import sys\nsys.exit(0)\n",
    "ends_the_process": "import os\nos._exit(0)\n",
    "asks": "input('Your name? ')\n",
    "prints_100_megabytes": "for _ in range(100):\n    print('x' * 1_000_000)\n",
    "recurses": "def down():\n    return down()\ndown()\n",
    "raises_a_base_exception": "raise BaseException('no')\n",
    "is_interrupted": "raise KeyboardInterrupt\n",
    "closes_every_file": "import os\nos.closerange(0, 256)\n",
    "kills_itself": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "removes_files": (
        "import pathlib\n"
        "for path in pathlib.Path().rglob('*.*'):\n    path.unlink()\n"
        "raise OSError\n"
    ),
}
# Code in every async function of the solution.
STOPS_IN_COROUTINES = {
    "never_awaits": "while True: pass",
    "awaits_for_ever": "while True: await __import__('asyncio').sleep(0)",
}
# Code in front of a starter, which is not the answer yet, to make it pass all the same.
CHEATS = {
    "replaces_the_verdicts": """
import workshop.probes.checking
for name in ("expect", "expect_equal", "fail", "check", "CheckFailed"):
    setattr(workshop.probes.checking, name, lambda *a, **k: None)
""",
    "replaces_the_verdicts_everywhere": """
import sys
for module in list(sys.modules.values()):
    for name in ("expect", "expect_equal", "fail"):
        if hasattr(module, name):
            setattr(module, name, lambda *a, **k: None)
""",
    "replaces_the_explanation": """
import workshop.judging.explain, workshop.judging.worker
workshop.judging.worker.explain = workshop.judging.explain.explain = (
    lambda *a, **k: workshop.judging.explain.Verdict("passed"))
workshop.judging.worker.UNFINISHED = workshop.judging.explain.Verdict("passed")
""",
    "replaces_the_app": """
from workshop.probes.learner_app import LearnerApp
LearnerApp.take = LearnerApp.load = lambda *a, **k: __import__("unittest.mock").mock.MagicMock()
""",
    "replaces_pytest": """
import pytest, builtins, sys, atexit, os
pytest.fail = pytest.raises = lambda *a, **k: None
builtins.AssertionError = ValueError
sys.settrace(lambda *a: None)
atexit.register(os._exit, 0)
""",
    "skips_itself": "import pytest\npytest.skip('all is well', allow_module_level=True)\n",
    "forges_events": """
import json, os, sys
for id in sys.argv + ["settings_have_defaults", "post_creates_a_user", "user_has_columns"]:
    for event in ({"event": "start", "id": id},
                  {"event": "end", "id": id, "outcome": "passed", "message": "", "seconds": 0,
                   "at": None, "line": None, "trace": []},
                  {"event": "done"}):
        os.write(1, (json.dumps(event) + "\\n").encode())
        print(json.dumps(event), file=sys.__stdout__)
""",
}
# Code in front of the solution that is no fault, and has to end with the run.
LEAVINGS = """
import atexit, os, threading, time
threading.Thread(target=time.sleep, args=(3600,)).start()
atexit.register(time.sleep, 3600)
"""


def paste(step: Step, folder: Path, code: str | bytes, text: bytes) -> Folder:
    """The app after a step, with code in front of the file that the step begins with."""
    app = Folder(folder / "backend")
    app.place(stages.done(step.number))
    app.replace({step.writes[0]: (code if isinstance(code, bytes) else code.encode()) + text})
    return app


def solution(step: Step) -> bytes:
    return stages.done(step.number)[step.writes[0]]


def expect_sentences(report: Report) -> None:
    """Each check that did not pass says why, in words, and with nothing of ours in it."""
    for check in report.checks:
        if check.outcome != "passed":
            said = f"{check.id}: {check.message}"
            first = check.message.splitlines()[0] if check.message else ""
            assert first.endswith((".", ")", "?", ":")), said
            assert len(first) > 20, said
            assert "Traceback" not in check.message, said
            assert "The check itself stumbled" not in check.message, said
            assert str(ROOT) not in check.message, said
            assert "workshop-" not in check.message, said
            assert check.hint or check.kind in (Kind.ENDED, Kind.NOT_RUN), said


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TIME_LIMIT", 1.0)
    monkeypatch.setattr(runner, "MAX_BROKEN", 1)


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize("code", STOPS.values(), ids=STOPS)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_an_answer_that_stops_the_checks_is_told_so(step: Step, code: str, tmp_path: Path) -> None:
    app = paste(step, tmp_path, code, solution(step))
    mine = snapshot(app.root)
    # All checks that load the app meet the same: the first of them tells enough.
    expect_told(run_checks(step, app.root, only=step.fails_first))
    assert snapshot(app.root) == mine


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize("code", STOPS.values(), ids=STOPS)
def test_a_new_process_is_stopped_as_well_as_a_copy(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "start_process", runner._start_process)
    step = STEPS[0]
    expect_told(run_checks(step, paste(step, tmp_path, code, solution(step)).root))


def expect_told(report: Report) -> None:
    assert not report.ok
    assert report.seconds < 20
    assert report.first_failed is not None
    expect_sentences(report)


class _InCoroutines(ast.NodeTransformer):
    def __init__(self, code: str) -> None:
        self.code = code
        self.found = False

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        wrapped = ast.parse(f"async def f():\n    {self.code}").body[0]
        assert isinstance(wrapped, ast.AsyncFunctionDef)
        node.body = [*wrapped.body, *node.body]
        self.found = True
        return node


def with_coroutines_that(code: str, step: Step) -> str | None:
    """The first file of a step with code in its coroutines; None when it has none."""
    transformer = _InCoroutines(code)
    tree = transformer.visit(ast.parse(solution(step)))
    return ast.unparse(ast.fix_missing_locations(tree)) if transformer.found else None


LOOPS = [
    pytest.param(step, text, id=f"{step.name}-{name}")
    for name, code in STOPS_IN_COROUTINES.items()
    for step in STEPS
    if (text := with_coroutines_that(code, step))
]


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize(("step", "text"), LOOPS)
def test_a_coroutine_without_end_is_stopped(step: Step, text: str, tmp_path: Path) -> None:
    expect_told(run_checks(step, paste(step, tmp_path, "", text.encode()).root))


@lru_cache
def passed_by_the_starter(step: Step, folder: Path) -> set[str]:
    report = run_checks(step, paste(step, folder, "", starter(step)).root)
    return {check.id for check in report.checks if check.outcome == "passed"}


def starter(step: Step) -> bytes:
    return stages.starters(step)[step.writes[0]]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
@pytest.mark.parametrize("code", CHEATS.values(), ids=CHEATS)
def test_a_cheat_wins_nothing(
    step: Step,
    code: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    honest = passed_by_the_starter(step, tmp_path_factory.getbasetemp() / step.name)
    report = run_checks(step, paste(step, tmp_path, code, starter(step)).root)
    assert not report.ok
    assert {check.id for check in report.checks if check.outcome == "passed"} <= honest
    expect_sentences(report)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_what_a_right_answer_leaves_behind_delays_nothing(step: Step, tmp_path: Path) -> None:
    report = run_checks(step, paste(step, tmp_path, LEAVINGS, solution(step)).root)
    assert report.ok, [f"{c.id}: {c.message}" for c in report.checks if c.outcome != "passed"]
    assert report.seconds < 60


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_fork_of_the_checks_has_no_say(step: Step, tmp_path: Path) -> None:
    app = paste(step, tmp_path, "import os\nos.fork()\n", starter(step))
    # Two processes that work on one database may hinder each other. None makes a starter right.
    expect_told(run_checks(step, app.root))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_tabs_and_crlf_and_a_byte_order_mark_are_right(step: Step, tmp_path: Path) -> None:
    text = solution(step).replace(b"    ", b"\t").replace(b"\n", b"\r\n")
    report = run_checks(step, paste(step, tmp_path, b"\xef\xbb\xbf", text).root)
    assert report.ok, [f"{c.id}: {c.message}" for c in report.checks if c.outcome != "passed"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_another_encoding_is_named(step: Step, encoding: str, tmp_path: Path) -> None:
    text = f"_SIZE = 'Größe'\n{solution(step).decode()}".encode(encoding)
    report = run_checks(step, paste(step, tmp_path, "", text).root, only=step.fails_first)
    assert not report.ok
    assert report.first_failed is not None
    assert "UTF-8" in report.first_failed.message, report.first_failed.message
    assert report.first_failed.file == step.writes[0]
    expect_sentences(report)


def test_the_matrix_is_as_large_as_it_looks() -> None:
    assert len(STEPS) * (len(STOPS) + len(CHEATS)) + len(LOOPS) >= 200
    assert os.sep not in "".join(STOPS)
