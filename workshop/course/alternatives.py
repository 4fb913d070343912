"""Other right answers: files of the app in another style, which a step's checks have to accept.

Each is a folder `steps/NN_slug/alternatives/NAME/` with its files at their path in the app, and an
`about.toml` that says what is different and why one would choose it.
"""

import tomllib
from dataclasses import dataclass

from workshop.course.stages import Files
from workshop.course.steps import Step
from workshop.errors import WorkshopError

ABOUT = "about.toml"


@dataclass(frozen=True)
class Alternative:
    """One right answer besides ours."""

    name: str
    title: str
    reason: str
    files: Files


def load_alternatives(step: Step) -> tuple[Alternative, ...]:
    """The alternatives of a step. Raises WorkshopError for one that does not say what it is."""
    found: list[Alternative] = []
    for folder in sorted((step.folder / "alternatives").glob("*/")):
        about = folder / ABOUT
        try:
            table = tomllib.loads(about.read_text("utf-8"))
            files = {
                file.relative_to(folder).as_posix(): file.read_bytes().replace(b"\r\n", b"\n")
                for file in sorted(folder.rglob("*"))
                if file.is_file() and file != about and "__pycache__" not in file.parts
            }
            found.append(Alternative(folder.name, table["title"], table["reason"], files))
        except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
            raise WorkshopError(f"{about} is not what it should be: {error}") from error
    return tuple(found)
