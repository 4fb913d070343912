"""What the learner's code printed during a check, fit to be shown."""

import re
from dataclasses import dataclass
from pathlib import Path

from workshop.probes.checking import harmless

# Bytes that are kept of a check's output: the end, where whatever went wrong is.
MAX_BYTES = 256 * 1024
# A line as alembic.ini has things logged, or as SQLAlchemy echoes them. Alembic logs as it works;
# so does every request then.
_LOGGED = re.compile(
    r"(?:\d{4}-\d\d-\d\d [\d:,]+ )?(?P<level>DEBUG|INFO|WARN\w*|ERROR|CRITI\w*) +"
    r"(?:\[[\w.]+\]|sqlalchemy[\w.]*) "
)
_QUIET = ("DEBUG", "INFO")


@dataclass(frozen=True)
class Printed:
    """Lines without control characters, and the bytes before them that are too many to keep."""

    lines: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def telling(self) -> tuple[str, ...]:
        """The lines that may explain a failure: all but what is logged when all goes well."""
        found = ((line, _LOGGED.match(line)) for line in self.lines)
        return tuple(line for line, log in found if log is None or log["level"] not in _QUIET)

    @property
    def count(self) -> int:
        """How many lines were printed, and not logged."""
        return sum(_LOGGED.match(line) is None for line in self.lines)


def printed_between(output: Path, start: int, end: int | None, app: Path) -> Printed:
    """What a file of output has from one place to another, or to its end."""
    try:
        with output.open("rb") as file:
            size = file.seek(0, 2) if end is None else end
            begin = max(start, size - MAX_BYTES)
            file.seek(begin)
            data = file.read(max(size - begin, 0))
    except OSError:
        return Printed()
    text = data.decode("utf-8", "replace").replace(str(app), "backend").replace("\r\n", "\n")
    # A line that is written over, as progress bars do, is what stood there in the end.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    shown = [harmless(line).expandtabs().rstrip() for line in lines]
    return Printed(tuple(line for line in shown if line), begin - start)
