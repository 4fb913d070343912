"""What the bench says: ratios first, and the numbers behind them as context."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measure beside its floor, as medians over the rounds."""

    # What was measured, and what it is compared with.
    name: str
    floor: str
    # The median of the rounds' ratios, and the least and the greatest of them.
    ratio: float
    low: float
    high: float
    value: float
    floor_value: float
    unit: str
    note: str = ""

    def line(self) -> str:
        """The figure as a row of a table."""
        spread = f"({self.low:.2f} to {self.high:.2f})"
        numbers = f"{_number(self.value)} : {_number(self.floor_value)} {self.unit}"
        row = f"  {self.name:<34} {self.ratio:>6.2f} {spread:<18} x {self.floor:<32} {numbers}"
        return f"{row}   {self.note}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def compare(
    name: str,
    values: Sequence[float],
    floor: str,
    floor_values: Sequence[float],
    unit: str,
    note: str = "",
) -> Figure:
    """Measures and their floors, taken in turns: round by round, then the median."""
    ratios = [value / base if base else 0.0 for value, base in zip(values, floor_values)]  # noqa: B905  the last round may be cut short
    return Figure(
        name,
        floor,
        ratio=round(statistics.median(ratios), 3),
        low=round(min(ratios), 3),
        high=round(max(ratios), 3),
        value=statistics.median(values),
        floor_value=statistics.median(floor_values),
        unit=unit,
        note=note,
    )


@dataclass(frozen=True)
class Part:
    """One part of the bench: its figures, and what a reader has to know of them."""

    title: str
    figures: list[Figure]
    notes: list[str]

    def text(self) -> str:
        """The part as a person reads it."""
        lines = [self.title, "", *(figure.line() for figure in self.figures), ""]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes), ""])

    def as_json(self) -> dict[str, Any]:
        """The part as a program reads it."""
        return asdict(self)


def machine() -> dict[str, Any]:
    """The computer, and how busy it was with other things: without it no number means anything."""
    load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else []
    return {
        "cores": os.cpu_count(),
        "load": load,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def machine_line() -> str:
    """The computer in a line."""
    found = machine()
    load = f", load {' '.join(map(str, found['load']))}" if found["load"] else ""
    return f"{found['cores']} cores{load}, {found['system']}, Python {found['python']}"
