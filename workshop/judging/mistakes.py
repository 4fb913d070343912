"""Plausible wrong answers: small edits of the solution, and the check that has to catch each."""

import hashlib
import tempfile
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.judging.runner import Report, run_checks
from workshop.learner import journey, migrations, promise
from workshop.learner.folder import Folder


@dataclass(frozen=True)
class Mistake:
    """One entry of a step's mistakes.toml."""

    name: str
    # Why people do it, and what a user of the app would suffer.
    why: str
    harm: str
    file: str
    # Text that the file has once, and the text that takes its place.
    find: str
    replace: str
    # The id of the check that has to reject it.
    caught_by: str
    # The mistake in a few words, where the end of a green run may say that it was not made.
    what: str = ""


@lru_cache
def load_mistakes(step: Step) -> tuple[Mistake, ...]:
    """The mistakes of a step. Raises WorkshopError for an entry that is not complete."""
    file = step.folder / "mistakes.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
        return tuple(Mistake(**entry) for entry in table["mistake"])
    except FileNotFoundError:
        return ()
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise WorkshopError(f"{file} is not what it should be: {error}") from error


def avoided(report: Report, folder: Folder, count: int = 2) -> list[Mistake]:
    """Some mistakes that the app does not make, because the checks that catch them passed.

    No two of them have the same check. Which ones depends on the step's files alone: the same
    files show the same ones, and the next edit others.
    """
    step = report.step
    passed = {check.id for check in report.checks if check.outcome == "passed"}
    digest = hashlib.sha256()
    for path in (*step.writes, *step.makes, *step.edits):
        digest.update(folder.read(path) or b"")

    def turn(mistake: Mistake) -> bytes:
        return hashlib.sha256(digest.digest() + mistake.name.encode()).digest()

    by_check: dict[str, Mistake] = {}
    for mistake in sorted(load_mistakes(step), key=turn):
        if mistake.what and mistake.caught_by in passed:
            by_check.setdefault(mistake.caught_by, mistake)
    return list(by_check.values())[:count]


def find_mistake(step: Step, name: str) -> Mistake:
    """The mistake of this name. Raises WorkshopError, with the names that there are."""
    mistakes = load_mistakes(step)
    for mistake in mistakes:
        if mistake.name == name:
            return mistake
    names = ", ".join(mistake.name for mistake in mistakes)
    raise WorkshopError(f"Step {step.number} has no mistake '{name}'. There are: {names}.")


def apply(step: Step, mistake: Mistake) -> stages.Files:
    """The one file that a mistake changes, as it then reads."""
    text = stages.done(step.number)[mistake.file].decode()
    if text.count(mistake.find) != 1:
        raise WorkshopError(
            f"The mistake '{mistake.name}' of step {step.number} looks for a text that "
            f"{mistake.file} has {text.count(mistake.find)} times instead of once."
        )
    return {mistake.file: text.replace(mistake.find, mistake.replace).encode()}


def run_mistake(
    step: Step, mistake: Mistake, *, database_url: str | None = None, only: str | None = None
) -> Report:
    """Run a step's checks against the solution with a mistake in it, on a throw-away copy."""
    with tempfile.TemporaryDirectory(prefix="workshop-") as scratch:
        folder = Folder(Path(scratch) / "backend")
        if step == load_steps()[-1]:
            # What the mistake changes of the earlier steps shows beside what they were before.
            folder.place(stages.start(step.number))
            promise.note_beginning(folder)
        folder.replace(stages.done(step.number))
        if step.slug == journey.APPLY:
            migrations.upgrade(folder)
        folder.replace(apply(step, mistake))
        return run_checks(step, folder.root, database_url=database_url, only=only)
