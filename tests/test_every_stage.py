"""The app after step n passes the checks of steps 1 to n, and the start of a step all before it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from workshop import journey, migrations, stages
from workshop.folder import Folder
from workshop.runner import Report, run_checks
from workshop.steps import Step, load_steps

STEPS = load_steps()
APPLIED = next(step.number for step in STEPS if step.slug == journey.APPLY)
PAIRS = [(number, step) for number in range(1, len(STEPS) + 1) for step in STEPS[:number]]
IDS = [f"{number}-{step.name}" for number, step in PAIRS]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], Path]:
    """Make the app of a stage once, with its database where it has one: `stage("done", 3)`."""
    made: dict[tuple[str, int], Path] = {}

    def make(kind: str, number: int) -> Path:
        if (kind, number) not in made:
            folder = Folder(tmp_path_factory.mktemp(f"{kind}{number}") / "backend")
            files = stages.done(number) if kind == "done" else stages.start(number)
            folder.place(files)
            if number > APPLIED or (kind == "done" and number == APPLIED):
                migrations.upgrade(folder)
            made[kind, number] = folder.root
        return made[kind, number]

    return make


def explain(report: Report) -> str:
    """What did not pass, for the one who broke it."""
    return "\n".join(
        f"{c.id}: {c.outcome}: {c.message}" for c in report.checks if c.outcome != "passed"
    )


@pytest.mark.parametrize(("number", "step"), PAIRS, ids=IDS)
def test_done_holds_on_sqlite(number: int, step: Step, stage: Callable[[str, int], Path]) -> None:
    report = run_checks(step, stage("done", number))
    assert report.ok, explain(report)


@pytest.mark.parametrize(("number", "step"), PAIRS, ids=IDS)
def test_done_holds_on_postgresql(
    number: int, step: Step, stage: Callable[[str, int], Path], postgres_url: str
) -> None:
    report = run_checks(step, stage("done", number), database_url=postgres_url)
    assert report.ok, explain(report)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_start_fails_first_where_the_step_says(
    step: Step, stage: Callable[[str, int], Path]
) -> None:
    report = run_checks(step, stage("start", step.number))
    first = report.first_failed
    assert first is not None
    assert (first.id, first.outcome) == (step.fails_first, "failed"), explain(report)


@pytest.mark.parametrize(
    ("number", "step"),
    [(number, step) for number, step in PAIRS if step.number < number],
    ids=[name for name, (number, step) in zip(IDS, PAIRS, strict=True) if step.number < number],
)
def test_a_start_passes_the_steps_before_it(
    number: int, step: Step, stage: Callable[[str, int], Path]
) -> None:
    report = run_checks(step, stage("start", number))
    assert report.ok, explain(report)
