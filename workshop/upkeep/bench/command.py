"""The command `bench`: measures, and prints for a person or for a program."""

import json
import sys

from workshop.errors import WorkshopError
from workshop.upkeep.bench import app, interrupts, loop
from workshop.upkeep.bench.databases import NAMES
from workshop.upkeep.bench.figures import Part, machine, machine_line


def run(
    part: str | None,
    *,
    as_json: bool,
    rounds: int = 5,
    seconds: float | None = None,
    kind: str | None = None,
    steps: list[int] | None = None,
) -> int:
    """Measure the app, the loop, or both, and print the figures. A timing fails nothing."""
    if rounds < 1 or (seconds is not None and not 0.05 <= seconds <= 5):
        raise WorkshopError("The bench wants at least one round, of 0.05 to 5 seconds.")
    before = machine_line()
    parts: list[Part] = []
    with interrupts.as_keyboard_interrupt():
        if part in (None, "app"):
            kinds = [kind] if kind else list(NAMES)
            plan = app.Plan(kinds, rounds)
            if seconds is not None:
                plan = app.Plan(kinds, rounds, seconds, health_seconds=seconds)
            parts.append(app.measure(plan, _tell))
        if part in (None, "loop"):
            parts.append(loop.measure(rounds, steps or [], _tell))
    _tell("")
    if as_json:
        found = {"machine": machine(), "parts": [found.as_json() for found in parts]}
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("ratio (its least and greatest) x its floor, and the medians: measured : floor\n")
        print("\n".join(found.text() for found in parts))
        print(f"Before: {before}\nAfter:  {machine_line()}")
    return 0


def _tell(what: str) -> None:
    """Progress, for whoever watches; standard output is for the figures."""
    if sys.stderr.isatty():
        text = f"Measuring {what} …" if what else ""
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
