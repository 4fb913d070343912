"""The tower: every step, layer upon layer, with what is known of it."""

from collections.abc import Mapping
from itertools import groupby

from rich.console import Console
from rich.text import Text

from workshop.course.steps import Step, load_steps
from workshop.learner.standing import Standing

# A mark, its style, and what it means. The marks differ without colours too.
LOOKS = {
    Standing.HOLDS: ("██", "bold green", "holds"),
    Standing.FAILS: ("✗✗", "red", "does not hold"),
    Standing.WRITTEN: ("▒▒", "", "looks complete, not run now"),
    Standing.UNFINISHED: ("░░", "dim", "unfinished"),
    Standing.UNTOUCHED: ("--", "dim", "starter only"),
    Standing.UNKNOWN: ("??", "dim", "only a run can tell"),
    Standing.MISSING: ("··", "dim", "not there yet"),
}


def print_tower(console: Console, standings: Mapping[Step, Standing]) -> None:
    """The layers from the top down, each with its steps, and what the marks mean."""
    layers = [(name, list(steps)) for name, steps in groupby(load_steps(), lambda s: s.layer)]
    width = max(len(name) for name, _ in layers)
    for name, steps in reversed(layers):
        cells = [_cell(step, standings.get(step, Standing.MISSING)) for step in steps]
        _print_cells(console, Text.assemble((f"  {name:<{width}}  ", "dim")), cells)
    shown = {standings.get(step, Standing.MISSING) for step in load_steps()}
    legend = [
        Text(f"{mark} {meaning}", "dim")
        for standing, (mark, _, meaning) in LOOKS.items()
        if standing in shown
    ]
    _print_cells(console, Text("  "), legend)


def _cell(step: Step, standing: Standing) -> Text:
    mark, style, _ = LOOKS[standing]
    return Text(f"{mark} {step.number} {step.slug}", style)


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
