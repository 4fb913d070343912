"""The solution under load, beside the least that could answer the same requests."""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from workshop.bench.databases import NAMES, USERS, databases
from workshop.bench.figures import Figure, Part, compare
from workshop.bench.load import Stream
from workshop.bench.servers import Load, Served, load_generator, serving
from workshop.errors import WorkshopError

PATH = "/api/v1/users"
# Enough to keep a worker busy, fewer than the pool has connections.
CLIENTS = 16
SIGN_UPS = 4
# Seconds between two looks at /health.
HEALTH_PACE = 0.005
# Requests a second that no server here reaches: so many sign-ups are made ready.
MOST_PER_SECOND = 4000

SOLUTION, TWO_WORKERS, ORM, DRIVER = "solution", "solution, 2 workers", "SQLAlchemy", "driver"
FLOORS = {
    ORM: "thinnest route through SQLAlchemy",
    DRIVER: "thinnest route on the driver",
}
APPS = {
    SOLUTION: "app.main:app",
    ORM: "workshop.bench.floors.orm:app",
    DRIVER: "workshop.bench.floors.driver:app",
    TWO_WORKERS: "app.main:app",
}
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    kinds: list[str] = field(default_factory=lambda: list(NAMES))
    rounds: int = 5
    # Of one measurement, after a warm-up of a fifth.
    seconds: float = 0.7
    # Of one look at /health: at 5 ms each, for a 99th percentile.
    health_seconds: float = 3.0


@dataclass
class Results:
    """What the generator saw, by what was measured: one summary a round."""

    summaries: dict[str, list[dict[str, float]]] = field(
        default_factory=dict[str, list[dict[str, float]]]
    )

    def add(self, name: str, summary: dict[str, float]) -> None:
        self.summaries.setdefault(name, []).append(summary)

    def of(self, name: str, key: str) -> list[float]:
        """One value of every round."""
        return [summary[key] for summary in self.summaries[name]]

    def has(self, name: str, key: str) -> bool:
        """Whether every round has this value."""
        return all(key in summary for summary in self.summaries[name])

    def errors(self) -> int:
        """Answers that were not 2xx, or did not come."""
        return sum(int(s["errors"]) for rounds in self.summaries.values() for s in rounds)


class Requests:
    """The requests to measure; each sign-up is somebody new."""

    def __init__(self) -> None:
        self._next = 1

    def kinds(self, seconds: float) -> dict[str, Stream]:
        """The three kinds, and at once."""
        return {
            "GET one": Stream("GET", f"{PATH}/%d", count=USERS, connections=CLIENTS),
            "GET list": Stream("GET", PATH, connections=CLIENTS),
            "POST": self.sign_ups(int(seconds * MOST_PER_SECOND) + CLIENTS, CLIENTS),
        }

    def sign_ups(self, count: int, connections: int) -> Stream:
        """So many sign-ups of people who are not there yet."""
        first, self._next = self._next, self._next + count
        body = '{"email": "ada%d@example.com", "username": "ada%d", "password": "correct horse"}'
        return Stream("POST", PATH, body, first, count, connections)


def measure(plan: Plan, tell: Tell) -> Part:
    """Measure everything, round by round and in turns."""
    requests = Requests()
    figures: list[Figure] = []
    errors = 0
    with databases(plan.kinds) as urls, load_generator() as load:
        for kind, url in urls.items():
            with _served(url) as apps:
                tell(f"{NAMES[kind]}: {', '.join(APPS)}")
                results = _throughput(plan, load, apps, requests)
            errors += results.errors()
            figures += _compared(results, NAMES[kind])
        tell("/health while people sign up")
        results = _responsiveness(plan, load, list(urls.values())[-1], requests)
        errors += results.errors()
        figures += _health_figures(results)
        tell("The load generator")
        figures.append(_generator(plan, load, figures))
    return Part("The app", figures, _notes(plan, errors))


@contextmanager
def _served(url: str) -> Generator[dict[str, Served]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                serving(name, app, url, workers=2 if name == TWO_WORKERS else 1)
            )
            for name, app in APPS.items()
        }


def _throughput(plan: Plan, load: Load, apps: dict[str, Served], requests: Requests) -> Results:
    results = Results()
    warm_up = plan.seconds / 5
    for number, what in itertools.product(range(plan.rounds), ("GET one", "GET list", "POST")):
        names = list(apps)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            stream = requests.kinds(plan.seconds + warm_up)[what]
            app = apps[name]
            before = app.cpu_seconds()
            done = load.put_on(app.port, stream, seconds=plan.seconds, warm_up=warm_up)[0]
            after = app.cpu_seconds()
            if before is not None and after is not None and done["used"]:
                done["cpu"] = (after - before) / done["used"]
            results.add(f"{what} {name}", done)
    return results


def _compared(results: Results, database: str) -> list[Figure]:
    figures: list[Figure] = []
    for what in ("GET one", "GET list", "POST"):
        p50, p99 = (
            statistics.median(results.of(f"{what} {SOLUTION}", key)) * 1000
            for key in ("p50", "p99")
        )
        for floor in (ORM, DRIVER):
            figures.append(
                compare(
                    f"{what}, {database}",
                    results.of(f"{what} {SOLUTION}", "per_second"),
                    FLOORS[floor],
                    results.of(f"{what} {floor}", "per_second"),
                    "requests/s",
                )
            )
        for key in ("p50", "p99"):
            figures.append(
                compare(
                    f"{what}, {database}: {key}",
                    [value * 1000 for value in results.of(f"{what} {SOLUTION}", key)],
                    FLOORS[ORM],
                    [value * 1000 for value in results.of(f"{what} {ORM}", key)],
                    "ms",
                )
            )
        if results.has(f"{what} {SOLUTION}", "cpu") and results.has(f"{what} {ORM}", "cpu"):
            figures.append(
                compare(
                    f"{what}, {database}: CPU",
                    [value * 1e6 for value in results.of(f"{what} {SOLUTION}", "cpu")],
                    FLOORS[ORM],
                    [value * 1e6 for value in results.of(f"{what} {ORM}", "cpu")],
                    "µs a request",
                )
            )
        figures.append(
            compare(
                f"{what}, {database}: 2 workers",
                results.of(f"{what} {TWO_WORKERS}", "per_second"),
                "1 worker",
                results.of(f"{what} {SOLUTION}", "per_second"),
                "requests/s",
            )
        )
    return figures


def _responsiveness(plan: Plan, load: Load, url: str, requests: Requests) -> Results:
    """How long /health takes when nothing else happens, and while passwords are hashed."""
    results = Results()
    health = Stream("GET", "/health", pace=HEALTH_PACE)
    timing = {"seconds": plan.health_seconds, "warm_up": min(0.5, plan.health_seconds / 5)}
    with serving(SOLUTION, APPS[SOLUTION], url, rounds=12) as app:
        for _ in range(plan.rounds):
            idle = load.put_on(app.port, health, **timing)
            results.add("idle", idle[0])
            sign_ups = requests.sign_ups(1000, SIGN_UPS)
            busy = load.put_on(app.port, health, sign_ups, **timing)
            results.add("busy", busy[0])
            results.add("sign-ups", busy[1])
            time.sleep(0.5)  # until the hashes that nobody waits for any more are done
    return results


def _health_figures(results: Results) -> list[Figure]:
    signed_up = statistics.median(results.of("sign-ups", "per_second"))
    return [
        compare(
            f"/health during sign-ups: {key}",
            [value * 1000 for value in results.of("busy", key)],
            "/health when idle",
            [value * 1000 for value in results.of("idle", key)],
            "ms",
            f"{SIGN_UPS} clients, {signed_up:.1f} sign-ups/s" if key == "p99" else "",
        )
        for key in ("p50", "p99")
    ]


def _generator(plan: Plan, load: Load, figures: list[Figure]) -> Figure:
    """How much faster the generator is than the fastest server that it measured."""
    fastest = max(
        max(figure.value, figure.floor_value) for figure in figures if figure.unit == "requests/s"
    )
    stream = Stream("GET", "/health", connections=CLIENTS)
    with serving("bare Starlette", "workshop.bench.floors.bare:app", "") as app:
        rates = [
            load.put_on(app.port, stream, seconds=plan.seconds, warm_up=plan.seconds / 5)[0]
            for _ in range(plan.rounds)
        ]
    return compare(
        "bare Starlette",
        [rate["per_second"] for rate in rates],
        "fastest of the above",
        [fastest] * len(rates),
        "requests/s",
        "what the load generator can see",
    )


def _notes(plan: Plan, errors: int) -> list[str]:
    notes = [
        f"Ratio (least to greatest of {plan.rounds} rounds) × floor, then the medians themselves.",
        f"{CLIENTS} clients, each with a request always on its way: p50 and p99 are those of a "
        "server that is full.",
        "POST hashes with 4 bcrypt rounds, its floors too; /health is measured with 12.",
        "The generator and the database run on the same cores: 2 workers gain less than elsewhere.",
    ]
    if os.name == "posix" and (slice_ := os.sched_rr_get_interval(0) * 1000):
        notes.append(f"A scheduling slice of this system is {slice_:.0f} ms.")
    if errors:
        notes.append(f"{errors} answers were errors: the figures above are not to be trusted.")
    return notes


def expect_kinds(kinds: list[str]) -> None:
    """Raise WorkshopError for a database that there is not."""
    for kind in kinds:
        if kind not in NAMES:
            raise WorkshopError(f"The bench knows no database {kind}: {', '.join(NAMES)}.")
