"""The app after step n passes the checks of steps 1 to n, on PostgreSQL.

On SQLite the branches of the steps are measured, by their own commands: `test_branches.py`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.judging.runner import Report, run_checks
from workshop.learner import journey, migrations
from workshop.learner.folder import Folder

pytestmark = pytest.mark.usefixtures("warm_workers")

STEPS = load_steps()
APPLIED = next(step.number for step in STEPS if step.slug == journey.APPLY)
PAIRS = [(number, step) for number in range(1, len(STEPS) + 1) for step in STEPS[:number]]
IDS = [f"{number}-{step.name}" for number, step in PAIRS]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Make the app after a step once, with its database where it has one."""
    made: dict[int, Path] = {}

    def make(number: int) -> Path:
        if number not in made:
            folder = Folder(tmp_path_factory.mktemp(f"done{number}") / "backend")
            folder.place(stages.done(number))
            if number >= APPLIED:
                migrations.upgrade(folder)
            made[number] = folder.root
        return made[number]

    return make


def explain(report: Report) -> str:
    """What did not pass, for the one who broke it."""
    return "\n".join(
        f"{c.id}: {c.outcome}: {c.message}" for c in report.checks if c.outcome != "passed"
    )


@pytest.mark.parametrize(("number", "step"), PAIRS, ids=IDS)
def test_done_holds_on_postgresql(
    number: int, step: Step, done: Callable[[int], Path], postgres_url: str
) -> None:
    report = run_checks(step, done(number), database_url=postgres_url)
    assert report.ok, explain(report)
