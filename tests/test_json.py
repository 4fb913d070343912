"""`check N --json` prints one object of the agreed shape, whatever the learner's code does."""

from pathlib import Path
from typing import Any

import pytest

from tests.workbench import run
from workshop.course.steps import load_steps

STEPS = load_steps()
CONFIG = "app/core/config.py"

ANSWERS = {
    "passed": None,
    "failed": "from functools import lru_cache\n\n@lru_cache\ndef get_settings():\n    return 1\n",
    "error": "import os\n\nos._exit(0)\n",
    "timeout": "while True:\n    pass\n",
}


def check_types(check: dict[str, Any]) -> None:
    assert list(check) == ["id", "title", "outcome", "message", "hint", "file", "line"]
    assert check["outcome"] in ("passed", "failed", "error", "timeout")
    for key in ("id", "title"):
        assert isinstance(check[key], str)
        assert check[key]
    if check["outcome"] == "passed":
        assert (check["message"], check["hint"], check["file"], check["line"]) == (
            "",
            "",
            None,
            None,
        )
    else:
        assert check["message"]
        assert isinstance(check["hint"], str)
        assert isinstance(check["file"], str)
        assert check["line"] is None or isinstance(check["line"], int)


@pytest.mark.parametrize("outcome", ANSWERS)
def test_the_object_has_the_agreed_shape(outcome: str, tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("check", "1", "--solve", "--app", str(app))
    answer = ANSWERS[outcome]
    if answer is not None:
        (app / CONFIG).write_text(answer)
    limit = {"WORKSHOP_TIME_LIMIT": "1.5"} if outcome == "timeout" else {}
    ran = run("check", "1", "--json", "--app", str(app), env=limit)

    report = ran.json
    keys = ["step", "slug", "ok", "passed", "failed", "seconds", "checks"]
    assert list(report) == keys
    assert (report["step"], report["slug"]) == (1, "config")
    assert report["ok"] is (outcome == "passed")
    assert report["passed"] + report["failed"] == len(report["checks"])
    assert report["passed"] == sum(c["outcome"] == "passed" for c in report["checks"])
    assert isinstance(report["seconds"], float)
    for check in report["checks"]:
        check_types(check)
    assert report["checks"][0]["outcome"] == outcome
    assert ran.status == (0 if outcome == "passed" else 1)
    assert ran.err == ""


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_starter_is_told_in_the_agreed_shape(step: Any, tmp_path: Path) -> None:
    ran = run("check", str(step.number), "--json", "--app", str(tmp_path / "backend"))
    assert ran.status == 1
    for check in ran.json["checks"]:
        check_types(check)
    assert {check["id"] for check in ran.json["checks"]} >= {step.fails_first}
