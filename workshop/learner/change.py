"""What a command did to the learner's folder, to be told."""

from dataclasses import dataclass, field
from pathlib import Path

from workshop.course.steps import Step


@dataclass
class Change:
    """What was done to the learner's folder."""

    # Steps whose files were taken from the solution, and why where it was not for want of files.
    filled: list[Step] = field(default_factory=list[Step])
    # Of these, steps whose starter was there and nothing was written in it.
    untouched: list[Step] = field(default_factory=list[Step])
    # Steps that were looked at and hold, so that their files stayed.
    kept: list[Step] = field(default_factory=list[Step])
    # Files that are new, and files whose old version is in `saved`.
    written: list[str] = field(default_factory=list[str])
    moved: list[str] = field(default_factory=list[str])
    saved: Path | None = None
    notes: list[str] = field(default_factory=list[str])

    def note(self, text: str | None) -> None:
        """Add a sentence, if there is one."""
        if text:
            self.notes.append(text)
