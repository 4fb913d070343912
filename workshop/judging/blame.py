"""Whether an earlier step is at fault: looked up, by running the checks of that step."""

from dataclasses import dataclass
from pathlib import Path

from workshop.course.steps import Step, owner_of
from workshop.judging.runner import Report, run_checks


@dataclass(frozen=True)
class Blame:
    """An earlier step that does not hold, and the sentence that is not true of it."""

    step: Step
    file: str
    title: str


def find_blame(report: Report, app: Path, *, database_url: str | None = None) -> Blame | None:
    """The earlier step whose own checks fail in the file in which this one's first failure is.

    That a file belongs to an earlier step says nothing: what this step adds, a setting or the
    state of a database can break there too. So nobody is named whose checks pass.
    """
    failed = report.first_failed
    owner = owner_of(failed.file) if failed is not None and failed.file else None
    if failed is None or owner is None or owner.number >= report.step.number:
        return None
    if failed.file in report.step.edits:
        return None  # a registry: the line that it needs now is this step's
    earlier = run_checks(owner, app, database_url=database_url, stop_at_first=True).first_failed
    if earlier is None or earlier.file != failed.file:
        return None
    return Blame(owner, earlier.file or "", earlier.title)
