"""The steps of the workshop, as `steps/NN_slug/step.toml` describes them."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from workshop.errors import WorkshopError

ROOT = Path(__file__).resolve().parents[2]
STEPS = ROOT / "steps"
CHECKS = ROOT / "checks"
SOLUTION = ROOT / "solution"
BACKEND = ROOT / "backend"

_FOLDER = re.compile(r"(?P<number>\d\d)_(?P<slug>[a-z_]+)")


@dataclass(frozen=True)
class Step:
    """One layer of the application, and the files that belong to it (paths inside the app)."""

    number: int
    slug: str
    title: str
    layer: str
    minutes: int
    summary: str
    # The check that has to fail first on the untouched starter.
    fails_first: str
    # Files that the learner writes, from a starter in the step's folder.
    writes: tuple[str, ...] = ()
    # Files that the learner makes with a command instead of an editor.
    makes: tuple[str, ...] = ()
    # Files of earlier steps that get lines of this step: the registries.
    edits: tuple[str, ...] = ()
    # Files that come with the step, finished.
    brings: tuple[str, ...] = ()
    # What the learner runs in the app's folder, besides writing.
    commands: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the step's session: `step3`."""
        return f"step{self.number}"

    @property
    def folder(self) -> Path:
        """Where the brief, the starters and step.toml are."""
        return STEPS / f"{self.number:02}_{self.slug}"

    @property
    def checks(self) -> Path:
        """The module of checks that the step has to pass."""
        return CHECKS / f"test_{self.number:02}_{self.slug}.py"

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that belongs to this step and to no other."""
        return self.writes + self.makes + self.brings

    @property
    def first_file(self) -> str:
        """The file that the learner opens first."""
        return (self.writes + self.makes + self.edits + self.brings)[0]


@lru_cache
def load_steps(folder: Path = STEPS) -> tuple[Step, ...]:
    """Every step, in order. Raises WorkshopError for a step.toml that is not what it should be."""
    matches = [(path, _FOLDER.fullmatch(path.name)) for path in sorted(folder.iterdir())]
    steps = tuple(
        _load(path / "step.toml", int(match["number"]), match["slug"])
        for path, match in matches
        if match
    )
    _check_owners(steps)
    return steps


def find_step(number: int) -> Step:
    """The step with this number. Raises WorkshopError if there is none."""
    steps = load_steps()
    for step in steps:
        if step.number == number:
            return step
    raise WorkshopError(f"There is no step {number}: the steps are 1 to {steps[-1].number}.")


def owner_of(path: str) -> Step | None:
    """The step that a file of the app belongs to; None for a file that the learner added."""
    return next((step for step in load_steps() if path in step.files), None)


def _load(file: Path, number: int, slug: str) -> Step:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise WorkshopError(f"{file} cannot be read: {error}") from error
    known = {field.name: field for field in fields(Step)}
    for key in table:
        if key not in known or key in ("number", "slug"):
            raise WorkshopError(f"{file} has the key '{key}', which no step has")
    values: dict[str, Any] = {
        key: tuple(cast("list[str]", value)) if isinstance(value, list) else value
        for key, value in table.items()
    }
    try:
        return Step(number=number, slug=slug, **values)
    except TypeError as error:
        raise WorkshopError(f"{file} is incomplete: {error}") from error


def _check_owners(steps: Iterable[Step]) -> None:
    owners: dict[str, Step] = {}
    for step in steps:
        for path in step.files:
            other = owners.setdefault(path, step)
            if other is not step:
                raise WorkshopError(f"{path} belongs to step {other.number} and {step.number}")
