"""The briefs as their Markdown has them, for tests that hold them to the code."""

import re

from workshop.course.steps import Step


def brief(step: Step) -> str:
    """The Markdown of a step's brief."""
    return (step.folder / "README.md").read_text("utf-8")


def section(step: Step, *titles: str) -> str:
    """What the brief says under the first of these headings that it has."""
    for title in titles:
        found = re.search(rf"^## {title}\n(.+?)(?=^## |\Z)", brief(step), re.DOTALL | re.MULTILINE)
        if found:
            return found[1].strip()
    raise AssertionError(f"The brief of step {step.number} has no '## {' or '.join(titles)}'.")
