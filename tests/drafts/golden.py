"""What a learner reads when a check fails: stored, so that a change of wording is seen in review.

`nox -s tests -- tests/test_golden.py --record` renews what is stored under `tests/golden/`.
"""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from workshop.mistakes import Mistake, load_mistakes, run_mistake
from workshop.runner import Report
from workshop.steps import ROOT, Step, load_steps
from workshop.terminal import print_report

GOLDEN = ROOT / "tests" / "golden"

# What differs from one run to the next, and what stands for it.
CHANGING = [
    (r"\d+\.\d+ ?(s|ms|seconds)\b", r"… \1"),
    (r"0x[0-9a-f]{6,}", "0x…"),
    (r"\bcheck_[0-9a-f]{8,12}\b", "check_…"),
    (r"\$2[aby]\$\d\d\$[./A-Za-z0-9]*", "$2b$…"),
    (r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d\.\d+", r"2026-11-22\1…"),
    (r"datetime\.datetime\((\d+, ){6}\d+", "datetime.datetime(…"),
    (r"\[Errno \d+\]", "[Errno …]"),
    (r"'127\.0\.0\.1', \d+", "'127.0.0.1', …"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:…"),
    # How many of the requests of a race lost it.
    (r"\d+ times (\d\d\d)", r"… times \1"),
]


def representatives() -> list[tuple[Step, str, Mistake]]:
    """For each check the first mistake that is listed for it."""
    first: dict[tuple[int, str], tuple[Step, str, Mistake]] = {}
    for step in load_steps():
        for mistake in load_mistakes(step):
            entry = (step, mistake.caught_by, mistake)
            first.setdefault((step.number, mistake.caught_by), entry)
    return list(first.values())


CASES = representatives()


def steady(text: str) -> str:
    """A message as it is in every run."""
    for pattern, stand_in in CHANGING:
        text = re.sub(pattern, stand_in, text)
    return text


def read_by_a_learner(step: Step, check: str, mistake: Mistake) -> str:
    """The report on one check, with all three hints, without what changes from run to run."""
    report = run_mistake(step, mistake, only=check)
    report = Report(step, [replace(c, message=steady(c.message)) for c in report.checks], 0.5)
    assert not report.ok, f"{check} accepts {mistake.name} when it runs alone"
    printed = io.StringIO()
    console = Console(file=printed, width=100, highlight=False, emoji=False, markup=False)
    print_report(console, report, ROOT / "backend", hint=3, verbose=False)
    text = f"{mistake.name}: {mistake.why}\n{printed.getvalue()}"
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.fixture(autouse=True)
def _as_with_nox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOX_CURRENT_SESSION", "step")
    monkeypatch.chdir(ROOT)


def golden_file(step: Step, check: str) -> Path:
    return GOLDEN / step.folder.name / f"{check}.txt"


@pytest.mark.parametrize(
    ("step", "check", "mistake"), CASES, ids=[f"{step.number}-{check}" for step, check, _ in CASES]
)
def test_a_learner_reads_what_is_stored(
    step: Step, check: str, mistake: Mistake, request: pytest.FixtureRequest
) -> None:
    file = golden_file(step, check)
    record = request.config.getoption("--record")
    if not record and not file.is_file():
        pytest.skip("nothing is stored for this check yet: run this test with --record")
    text = read_by_a_learner(step, check, mistake)
    if record:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", newline="\n")
    assert text == file.read_text("utf-8"), "if this reads well, run this test with --record"


def test_nothing_is_stored_that_no_check_says() -> None:
    stored = {file.relative_to(GOLDEN) for file in GOLDEN.rglob("*.txt")}
    assert stored <= {golden_file(step, check).relative_to(GOLDEN) for step, check, _ in CASES}
