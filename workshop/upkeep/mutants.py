"""Mutation testing of the checks: each small wrong version of a step's files has to be noticed.

A mutant that all checks of its step accept has survived: either a check is missing, or the change
makes no difference that a user could see, and `equivalents.toml` beside the step says why not.
"""

import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from workshop.course import stages
from workshop.course.steps import Step
from workshop.errors import WorkshopError
from workshop.judging import warm
from workshop.judging.runner import run_checks
from workshop.learner.folder import Folder
from workshop.upkeep.mutation import Mutant, mutants

# The workshop's machines have two cores.
AT_A_TIME = 2
# The columns of the report.
COUNTS = ("mutants", "killed", "survived", "equivalent")


@dataclass(frozen=True)
class Equivalent:
    """One entry of a step's equivalents.toml: a mutant, and why no user could tell it apart."""

    file: str
    operator: str
    scope: str
    before: str
    after: str
    reason: str

    @property
    def key(self) -> tuple[str, ...]:
        """The same as the mutant's."""
        return Mutant(self.file, self.operator, self.scope, self.before, self.after, "").key


@dataclass
class Score:
    """What became of the mutants of a step."""

    step: Step
    killed: int = 0
    equivalent: int = 0
    survived: list[Mutant] = field(default_factory=list[Mutant])
    seconds: float = 0.0

    @property
    def tried(self) -> int:
        """How many mutants make a difference."""
        return self.killed + len(self.survived)

    @property
    def rate(self) -> float:
        """The share of these that were noticed; all, if there are none."""
        return self.killed / self.tried if self.tried else 1.0

    def __str__(self) -> str:
        counts = (self.tried + self.equivalent, self.killed, len(self.survived), self.equivalent)
        columns = "".join(
            f"{count:>{len(name) + 2}}" for count, name in zip(counts, COUNTS, strict=True)
        )
        name = f"{self.step.number:>2} {self.step.slug}"
        return f"{name:<20}{columns}{self.rate:>8.1%}{self.seconds:>9.0f}"


@lru_cache
def mutants_of(step: Step) -> tuple[Mutant, ...]:
    """The mutants of what a step writes: its own modules, and its lines in those of others."""
    after = stages.done(step.number)
    before = stages.done(step.number - 1) if step.edits else {}
    found: list[Mutant] = []
    for path in (*step.writes, *step.makes, *step.edits):
        if path.endswith(".py"):
            old = mutants(path, before[path].decode()) if path in before else []
            known = {mutant.key for mutant in old}
            new = mutants(path, after[path].decode())
            found += [mutant for mutant in new if mutant.key not in known]
    return tuple(found)


@lru_cache
def load_equivalents(step: Step) -> tuple[Equivalent, ...]:
    """The mutants of a step that change nothing. Raises WorkshopError for an incomplete entry."""
    file = step.folder / "equivalents.toml"
    try:
        table = tomllib.loads(file.read_text("utf-8"))
        return tuple(Equivalent(**entry) for entry in table["equivalent"])
    except FileNotFoundError:
        return ()
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise WorkshopError(f"{file} is not what it should be: {error}") from error


def try_mutants(step: Step, chosen: Sequence[Mutant]) -> Score:
    """Run a step's checks on some of its mutants. Equivalent ones are not run."""
    started = time.perf_counter()
    same = {equivalent.key for equivalent in load_equivalents(step)}
    different = [mutant for mutant in chosen if mutant.key not in same]
    score = Score(step, equivalent=len(chosen) - len(different))
    if different:
        _run(different, score)
    score.seconds = time.perf_counter() - started
    return score


def _run(different: Sequence[Mutant], score: Score) -> None:
    with warm.workers(), ThreadPoolExecutor(AT_A_TIME) as pool:
        if not _accepted(score.step, None):
            raise WorkshopError(
                f"The solution itself does not pass the checks of {score.step.name}."
            )
        accepted = pool.map(partial(_accepted, score.step), different)
        for mutant, survived in zip(different, accepted, strict=True):
            if survived:
                score.survived.append(mutant)
            else:
                score.killed += 1


def print_scores(steps: Iterable[Step], only: str = "") -> bool:
    """Try the mutants of these steps; say what became of them, and whether none survived.

    With `only`, those mutants in whose description this text is: a file, a name, a changed line.
    """
    scores: list[Score] = []
    print(f"{'step':<20}{''.join(f'  {name}' for name in COUNTS)}    rate  seconds")
    for step in steps:
        chosen = [mutant for mutant in mutants_of(step) if only in str(mutant)]
        if chosen:
            scores.append(try_mutants(step, chosen))
            print(scores[-1], flush=True)
    survivors = [(score.step, mutant) for score in scores for mutant in score.survived]
    for step, mutant in survivors:
        print(f"\nstep {step.number} accepts {mutant}")
    if not survivors:
        print("\nNo mutant survived that makes a difference.")
    return not survivors


def _accepted(step: Step, mutant: Mutant | None) -> bool:
    """Whether every check of the step passes on the solution with this change in it."""
    with tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True) as scratch:
        app = Folder(Path(scratch).resolve() / "app")
        app.place(stages.done(step.number))
        if mutant is not None:
            app.replace({mutant.file: mutant.text.encode()})
        return run_checks(step, app.root, stop_at_first=True).ok
