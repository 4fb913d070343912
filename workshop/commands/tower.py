"""The tower: every step, layer upon layer, with what is known of it."""

from collections.abc import Mapping
from enum import Enum, auto
from itertools import groupby

from rich.console import Console
from rich.text import Text

from workshop.course.steps import Step, load_steps
from workshop.learner.folder import Folder
from workshop.learner.standing import Standing, standing


class Mark(Enum):
    """What is known of a step. Only a run of its checks says that it holds, or does not."""

    HOLDS = auto()
    FAILS = auto()
    COMPLETE = auto()
    UNFINISHED = auto()
    NOT_THERE = auto()


# How a mark looks, its style, and what it means. They differ without colours too.
LOOKS = {
    Mark.HOLDS: ("██", "bold green", "holds"),
    Mark.FAILS: ("✗✗", "red", "does not hold"),
    Mark.COMPLETE: ("▒▒", "", "looks complete, not run now"),
    Mark.UNFINISHED: ("░░", "dim", "unfinished"),
    Mark.NOT_THERE: ("··", "dim", "not there yet"),
}
BY_FILES = {
    Standing.WRITTEN: Mark.COMPLETE,
    Standing.UNFINISHED: Mark.UNFINISHED,
    Standing.UNTOUCHED: Mark.UNFINISHED,
    Standing.MISSING: Mark.NOT_THERE,
}


def mark_by_files(folder: Folder, step: Step) -> Mark:
    """What the files of a step say of it."""
    return BY_FILES[standing(folder, step)]


def print_tower(console: Console, marks: Mapping[Step, Mark]) -> None:
    """The layers from the top down, each with its steps, and what the marks mean."""
    layers = [(name, list(steps)) for name, steps in groupby(load_steps(), lambda s: s.layer)]
    width = max(len(name) for name, _ in layers)
    for name, steps in reversed(layers):
        cells = [_cell(step, marks.get(step, Mark.NOT_THERE)) for step in steps]
        _print_cells(console, Text.assemble((f"  {name:<{width}}  ", "dim")), cells)
    shown = {marks.get(step, Mark.NOT_THERE) for step in load_steps()}
    legend = [
        Text(f"{look} {meaning}", "dim")
        for mark, (look, _, meaning) in LOOKS.items()
        if mark in shown
    ]
    _print_cells(console, Text("  "), legend)


def _cell(step: Step, mark: Mark) -> Text:
    look, style, _ = LOOKS[mark]
    return Text(f"{look} {step.number} {step.slug}", style)


def _print_cells(console: Console, head: Text, cells: list[Text]) -> None:
    """Cells behind a head; those that do not fit go on below the first."""
    line = head
    for number, cell in enumerate(cells):
        if number and line.cell_len + cell.cell_len + 2 > console.width:
            console.print(line)
            line = Text(" " * head.cell_len)
        elif number:
            line = line + Text("  ")
        line = line + cell
    console.print(line)
