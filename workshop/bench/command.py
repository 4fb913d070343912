"""The command `bench`: measures, and prints for a person or for a program."""

import json
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

from workshop.bench import app, loop
from workshop.bench.databases import NAMES
from workshop.bench.figures import Part, machine, machine_line
from workshop.errors import WorkshopError

# What ends a program from outside; `finally` and `with` then run as on Ctrl-C.
SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


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
    with _ended_in_order():
        if part in (None, "app"):
            kinds = [kind] if kind else list(NAMES)
            plan = app.Plan(kinds, rounds)
            if seconds is not None:
                plan = app.Plan(kinds, rounds, seconds, health_seconds=seconds)
            parts.append(app.measure(plan, _tell))
        if part in (None, "loop"):
            parts.append(loop.measure(rounds, steps or [], _tell))
    if as_json:
        found = {"machine": machine(), "parts": [found.as_json() for found in parts]}
        print(json.dumps(found, ensure_ascii=False))
    else:
        print("ratio (its least and greatest) × floor, then the medians: measured : floor\n")
        print("\n".join(found.text() for found in parts))
        print(f"Before: {before}\nAfter:  {machine_line()}")
    return 0


def _tell(what: str) -> None:
    """Progress, for whoever watches; standard output is for the figures."""
    if sys.stderr.isatty():
        print(f"\r\033[KMeasuring {what} …", end="", file=sys.stderr, flush=True)


@contextmanager
def _ended_in_order() -> Generator[None]:
    """End like on Ctrl-C when somebody ends this process: every server is then ended too."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    old = [signal.signal(number, interrupt) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, old, strict=True):
            signal.signal(number, handler)
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
