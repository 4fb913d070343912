"""Plausible wrong answers are caught by the check that names them, and told in words that are kept.

What a learner reads of the first mistake of every check is stored under `tests/golden/`, so that a
change of wording is seen in review. `nox -s tests -- tests/test_mistakes.py --record` renews it.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from workshop.commands.terminal import print_report
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging.mistakes import Mistake, load_mistakes, run_mistake
from workshop.judging.runner import CheckResult, Report

pytestmark = pytest.mark.usefixtures("warm_workers")

GOLDEN = ROOT / "tests" / "golden"

# What differs from one run to the next, and what stands for it.
CHANGING = [
    (r"\d+\.\d+ ?(s|ms|seconds)\b", r"… \1"),
    (r"0x[0-9a-f]{6,}", "0x…"),
    (r"\bcheck_[0-9a-f]{8,12}\b", "check_…"),
    (r"\b[0-9a-f]{40,}\b", "…"),
    # The middle of a text is left out, so that its ends move with the length of a date.
    (r"h{5,}", "h…"),
    (r"\$2[aby]\$\d\d\$[./A-Za-z0-9]*", "$2b$…"),
    (r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d\.\d+", r"2026-11-22\1…"),
    (r"datetime\.datetime\((\d+, ){6}\d+", "datetime.datetime(…"),
    (r"\[Errno \d+\]", "[Errno …]"),
    (r"'127\.0\.0\.1', \d+", "'127.0.0.1', …"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:…"),
    # How many of the requests of a race lost it.
    (r"\d+ times (\d\d\d)", r"… times \1"),
]

Case = tuple[Step, Mistake]

MISTAKES: list[Case] = [(step, each) for step in load_steps() for each in load_mistakes(step)]
FIRST: dict[tuple[int, str], Case] = {}
for _step, _mistake in MISTAKES:
    FIRST.setdefault((_step.number, _mistake.caught_by), (_step, _mistake))
OTHERS = [case for case in MISTAKES if case not in FIRST.values()]


def names(cases: Iterable[Case]) -> list[str]:
    return [f"{step.number}-{mistake.name}" for step, mistake in cases]


def expect_caught(report: Report, mistake: Mistake) -> CheckResult:
    """The verdict of the check that has to reject a mistake; all that reject it do so in words."""
    rejected = {check.id: check for check in report.checks if check.outcome != "passed"}
    for check in rejected.values():
        assert "The check itself stumbled" not in check.message, check.message
        assert str(ROOT) not in check.message
        assert check.hint
    assert mistake.caught_by in rejected, [f"{c.id}: {c.message}" for c in rejected.values()]
    return rejected[mistake.caught_by]


@pytest.mark.parametrize(("step", "mistake"), OTHERS, ids=names(OTHERS))
def test_a_mistake_is_caught(step: Step, mistake: Mistake) -> None:
    # The named check alone: what the others say of its kind is seen in the first of each check.
    expect_caught(run_mistake(step, mistake, only=mistake.caught_by), mistake)


@pytest.mark.parametrize(("step", "mistake"), FIRST.values(), ids=names(FIRST.values()))
def test_a_mistake_is_caught_and_a_learner_reads_what_is_stored(
    step: Step,
    mistake: Mistake,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOX_CURRENT_SESSION", "step")
    monkeypatch.chdir(ROOT)
    check = expect_caught(run_mistake(step, mistake), mistake)
    text = read_by_a_learner(step, check, mistake)
    file = golden_file(step, mistake)
    if request.config.getoption("--record"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="\n")
    assert text == file.read_text("utf-8"), "if this reads well, run this test with --record"


def test_nothing_is_stored_that_no_check_says() -> None:
    stored = set(GOLDEN.rglob("*.txt"))
    assert stored == {golden_file(step, mistake) for step, mistake in FIRST.values()}


def test_there_are_enough_mistakes() -> None:
    assert len(MISTAKES) >= 110
    for step in load_steps():
        assert len(load_mistakes(step)) >= 8 or not step.writes


def golden_file(step: Step, mistake: Mistake) -> Path:
    return GOLDEN / step.folder.name / f"{mistake.caught_by}.txt"


def read_by_a_learner(step: Step, check: CheckResult, mistake: Mistake) -> str:
    """The report on one check, with all three hints, without what changes from run to run."""
    report = Report(step, [replace(check, message=steady(check.message))], 0.5)
    printed = io.StringIO()
    console = Console(file=printed, width=100, highlight=False, emoji=False, markup=False)
    print_report(console, report, ROOT / "backend", hint=3, verbose=False)
    text = f"{mistake.name}: {mistake.why}\n{printed.getvalue()}"
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def steady(text: str) -> str:
    """A message as it is in every run."""
    for pattern, stand_in in CHANGING:
        text = re.sub(pattern, stand_in, text)
    return text
