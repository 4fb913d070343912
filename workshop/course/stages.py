"""Stages: the app as it is at the start and at the end of a step, derived from `solution/`.

Two markers in `solution/` say that code comes in at a later step than its file does: a trailing
`# step 4` on a line, and a block from `# region step 13` to `# endregion`.
"""

import re
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from workshop.course.steps import SOLUTION, Step, find_step, load_steps
from workshop.errors import WorkshopError

Files = dict[str, bytes]

_LINE = re.compile(r"^(?P<code>.*?\S)\s+# step (?P<step>\d+)$")
_REGION = re.compile(r"^\s*# region step (?P<step>\d+)$")
_END = re.compile(r"^\s*# endregion$")
# Anything that looks as if it was meant as a marker.
_SUSPECT = re.compile(r"#\s*(?:end\s*region\b|region\b|steps?\s*\d+\s*$)", re.IGNORECASE)


def done(number: int) -> Files:
    """The app after step `number`: what steps 1 to `number` own. `done(0)` is empty."""
    if number:
        find_step(number)
    return {
        path: render(path, _source(path), number, step.number)
        for step in load_steps()
        if step.number <= number
        for path in step.files
    }


def start(number: int) -> Files:
    """The app when step `number` begins: the one before it, and what the learner is given."""
    return done(number - 1) | given(find_step(number))


def given(step: Step) -> Files:
    """What the learner is given for a step: its starters, and the files that come with it."""
    return starters(step) | {
        path: render(path, _source(path), step.number, step.number) for path in step.brings
    }


def starters(step: Step) -> Files:
    """The files that the learner begins with in a step, by their path in the app."""
    return {path: _read(step.folder / path) for path in step.writes}


def render(path: str, source: bytes, number: int, owner: int) -> bytes:
    """A file of `solution/` as it is after step `number`, without markers and later code.

    Raises WorkshopError naming file and line for a marker that is unknown, nested, left open, or
    for a step that comes no later than the file itself.
    """
    return _render(path, source, owner, lambda step: step <= number)


def with_steps(path: str, steps: Collection[int]) -> bytes:
    """A file of `solution/` as its own step leaves it, and with the lines of these later ones."""
    owner = next(step for step in load_steps() if path in step.files)
    return _render(path, _source(path), owner.number, lambda step: step in steps)


def _render(path: str, source: bytes, owner: int, comes_in: Callable[[int], bool]) -> bytes:
    if b"\0" in source:
        return source
    kept: list[str] = []
    region: tuple[int, int] | None = None  # its step, and the line that opened it
    for line_number, line in enumerate(source.decode("utf-8").splitlines(), 1):
        where = f"solution/{path}, line {line_number}"
        if match := _REGION.match(line):
            if region is not None:
                raise WorkshopError(f"{where}: a region inside the region of line {region[1]}")
            region = (_later_step(match["step"], owner, where), line_number)
        elif _END.match(line):
            if region is None:
                raise WorkshopError(f"{where}: '# endregion' closes no region")
            region = None
        elif match := _LINE.match(line):
            marked = _later_step(match["step"], owner, where)
            if region is not None:
                raise WorkshopError(f"{where}: a marked line inside the region of line {region[1]}")
            if comes_in(marked):
                kept.append(match["code"])
        elif _SUSPECT.search(line):
            raise WorkshopError(
                f"{where}: '{line.strip()}' is no marker; they are '# step N' after code, "
                "'# region step N' and '# endregion'"
            )
        elif region is None or comes_in(region[0]):
            kept.append(line)
    if region is not None:
        raise WorkshopError(f"solution/{path}, line {region[1]}: this region is never closed")
    return ("\n".join(kept).strip("\n") + "\n").encode() if kept else b""


def added_lines(path: str, step: Step) -> list[tuple[list[str], list[str]]]:
    """What a step adds to a file of an earlier one: pairs of the lines before, and the added."""
    owner = next(s for s in load_steps() if path in s.files)
    old = render(path, _source(path), step.number - 1, owner.number).decode().splitlines()
    new = render(path, _source(path), step.number, owner.number).decode().splitlines()
    blocks: list[tuple[list[str], list[str]]] = []
    position = 0
    before: list[str] = []
    added: list[str] = []
    for line in new:
        if position < len(old) and line == old[position]:
            if added:
                blocks.append((list(before), added))
                added = []
            before.append(line)
            position += 1
        else:
            added.append(line)
    if added:
        blocks.append((list(before), added))
    return blocks


def _later_step(text: str, owner: int, where: str) -> int:
    number = int(text)
    if number <= owner:
        raise WorkshopError(f"{where}: step {number} is no later than step {owner}, the file's own")
    if number > load_steps()[-1].number:
        raise WorkshopError(f"{where}: there is no step {number}")
    return number


@cache
def _source(path: str) -> bytes:
    return _read(SOLUTION / path)


def _read(file: Path) -> bytes:
    try:
        # Git may have checked the file out with CRLF; a stage is the same everywhere.
        return file.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise WorkshopError(
            f"{file} cannot be read ({error.strerror}): `git status` shows whether it was deleted, "
            "`git restore` brings it back."
        ) from error
