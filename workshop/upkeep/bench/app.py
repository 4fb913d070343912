"""The solution under load, beside the least that could answer the same requests."""

import statistics
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from workshop.upkeep.bench.databases import NAMES, USERS, databases
from workshop.upkeep.bench.figures import Figure, Part, compare
from workshop.upkeep.bench.load import ENOUGH, Stream
from workshop.upkeep.bench.servers import Load, Served, load_generator, serving

USERS_PATH = "/api/v1/users"
# Enough to keep a worker busy, and fewer than the pool has connections.
CLIENTS = 16
SIGN_UPS = 4
# Seconds between two looks at /health.
HEALTH_PACE = 0.005
# Seconds for one database, and for /health: on a slow computer there are fewer rounds.
BUDGET = 60.0
HEALTH_BUDGET = 40.0
# More sign-ups a second than any server here can do: so many are made ready.
MOST_PER_SECOND = 4000

SOLUTION, TWO_WORKERS = "solution", "solution with 2 workers"
ORM, CORE, DRIVER = "thinnest with the ORM", "thinnest with SQLAlchemy Core", "thinnest on driver"
APPS = {
    SOLUTION: "app.main:app",
    ORM: "workshop.upkeep.bench.floors.orm:app",
    CORE: "workshop.upkeep.bench.floors.core:app",
    DRIVER: "workshop.upkeep.bench.floors.driver:app",
    TWO_WORKERS: "app.main:app",
}
REQUESTS = ("GET one", "GET list", "POST")
# How a value of a summary becomes a number that is easy to read, and its unit.
SCALES = {"per_second": 1.0, "p50": 1e3, "p99": 1e3, "cpu": 1e6}
UNITS = {"per_second": "requests/s", "p50": "ms", "p99": "ms", "cpu": "µs"}

Summaries = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    kinds: list[str] = field(default_factory=lambda: list(NAMES))
    rounds: int = 5
    # Of one measurement, after a warm-up of a fifth.
    seconds: float = 0.5
    # Of one series of looks at /health: 400, for a 99th percentile.
    health_seconds: float = 2.0


class Requests:
    """What is sent; each sign-up is somebody new."""

    def __init__(self) -> None:
        self._next = 1

    def stream(self, what: str, seconds: float) -> Stream:
        """One of the three kinds of requests."""
        if what == "POST":
            return self.sign_ups(int(seconds * MOST_PER_SECOND) + ENOUGH + CLIENTS, CLIENTS)
        if what == "GET one":
            return Stream("GET", f"{USERS_PATH}/%d", count=USERS, connections=CLIENTS)
        return Stream("GET", USERS_PATH, connections=CLIENTS)

    def sign_ups(self, count: int, connections: int) -> Stream:
        """So many sign-ups of people who are not there yet."""
        first, self._next = self._next, self._next + count
        body = '{"email": "ada%d@example.com", "username": "ada%d", "password": "correct horse"}'
        return Stream("POST", USERS_PATH, body, first, count, connections)


def measure(plan: Plan, tell: Callable[[str], None]) -> Part:
    """Measure everything, in turns and round by round; `tell` hears what is being measured."""
    requests = Requests()
    figures: list[Figure] = []
    errors = 0
    with databases(plan.kinds) as urls, load_generator() as load:
        for kind, url in urls.items():
            tell(f"the app on {NAMES[kind]}")
            with _served(url) as apps:
                summaries = _throughput(plan, load, apps, requests)
            errors += _errors(summaries)
            for what in REQUESTS:
                figures += _compared(summaries, what, NAMES[kind])
        tell("/health while people sign up")
        summaries = _responsiveness(plan, load, list(urls.values())[-1], requests)
        errors += _errors(summaries)
        figures += _health_figures(summaries)
        tell("the load generator")
        figures.append(_generator(plan, load, figures))
    return Part("app", figures, _notes(errors))


@contextmanager
def _served(url: str) -> Generator[dict[str, Served]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                serving(name, app, url, workers=2 if name == TWO_WORKERS else 1)
            )
            for name, app in APPS.items()
        }


def _throughput(plan: Plan, load: Load, apps: dict[str, Served], requests: Requests) -> Summaries:
    summaries: Summaries = {}
    names = list(apps)
    deadline = time.monotonic() + BUDGET
    # The first round warms up: connections are opened, statements compiled. It does not count.
    for number in range(-1, plan.rounds):
        if number > 0 and time.monotonic() > deadline:
            break
        for what in REQUESTS:
            for name in names[number:] + names[:number]:  # another one is first in each round
                summary = _one(load, apps[name], requests, what, plan.seconds)
                if number >= 0:
                    summaries.setdefault(f"{what} {name}", []).append(summary)
    return summaries


def _one(
    load: Load, app: Served, requests: Requests, what: str, seconds: float
) -> dict[str, float]:
    warm_up = seconds / 5
    stream = requests.stream(what, seconds + warm_up)
    before = app.cpu_seconds()
    (summary,) = load.put_on(app.port, stream, seconds=seconds, warm_up=warm_up)
    after = app.cpu_seconds()
    if before is not None and after is not None and summary["sent"]:
        summary["cpu"] = (after - before) / summary["sent"]
    return summary


def _errors(summaries: Summaries) -> int:
    """Answers that were not 2xx, or did not come."""
    return sum(int(one["errors"]) for rounds in summaries.values() for one in rounds)


def _compare(
    name: str, summaries: Summaries, measured: str, floor: str, key: str, note: str = ""
) -> Figure:
    values, floors = (
        [summary[key] * SCALES[key] for summary in summaries[which]] for which in (measured, floor)
    )
    shown = floor.removeprefix(f"{name.partition(',')[0]} ")
    return compare(name, values, shown, floors, UNITS[key], note)


def _compared(summaries: Summaries, what: str, database: str) -> list[Figure]:
    name, measured = f"{what}, {database}", f"{what} {SOLUTION}"
    figures = [
        _compare(name, summaries, measured, f"{what} {floor}", "per_second")
        for floor in (ORM, CORE, DRIVER)
    ]
    keys = [("p50", "p50"), ("p99", "p99"), ("cpu", "CPU of one")]
    figures += [
        _compare(f"{name}, {title}", summaries, measured, f"{what} {ORM}", key)
        for key, title in keys
        if all(key in one for floor in (SOLUTION, ORM) for one in summaries[f"{what} {floor}"])
    ]
    two = f"{what} {TWO_WORKERS}"
    figures.append(_compare(f"{name}, 2 workers", summaries, two, measured, "per_second"))
    return figures


def _responsiveness(plan: Plan, load: Load, url: str, requests: Requests) -> Summaries:
    """How long /health takes when nothing else happens, and while passwords are hashed."""
    summaries: Summaries = {"/health idle": [], "/health busy": [], "sign-ups": []}
    health = Stream("GET", "/health", pace=HEALTH_PACE)
    seconds, warm_up = plan.health_seconds, min(0.5, plan.health_seconds / 4)
    deadline = time.monotonic() + HEALTH_BUDGET
    with serving(SOLUTION, APPS[SOLUTION], url, rounds=12) as app:
        for number in range(plan.rounds):
            if number and time.monotonic() > deadline:
                break
            idle = load.put_on(app.port, health, seconds=seconds, warm_up=warm_up)
            sign_ups = requests.sign_ups(1000, SIGN_UPS)
            busy = load.put_on(app.port, health, sign_ups, seconds=seconds, warm_up=warm_up)
            for name, summary in zip(summaries, [*idle, *busy], strict=True):
                summaries[name].append(summary)
            time.sleep(min(1.0, seconds))  # the hashes that nobody waits for any more
    return summaries


def _health_figures(summaries: Summaries) -> list[Figure]:
    rate = statistics.median(summary["per_second"] for summary in summaries["sign-ups"])
    note = f"({rate:.1f} sign-ups/s)"
    return [
        _compare(
            f"/health during sign-ups, {key}", summaries, "/health busy", "/health idle", key, note
        )
        for key in ("p50", "p99")
    ]


def _generator(plan: Plan, load: Load, figures: list[Figure]) -> Figure:
    """How much more the generator can do than the fastest server that it measured."""
    fastest = max(
        max(figure.value, figure.floor_value) for figure in figures if figure.unit == "requests/s"
    )
    stream = Stream("GET", "/health", connections=CLIENTS)
    with serving("bare Starlette", "workshop.upkeep.bench.floors.bare:app", "") as app:
        rates = [
            load.put_on(app.port, stream, seconds=plan.seconds, warm_up=plan.seconds / 5)[0]
            for _ in range(plan.rounds)
        ]
    values = [rate["per_second"] for rate in rates]
    floors = [fastest] * len(values)
    return compare("generator on bare Starlette", values, "fastest above", floors, "requests/s")


def _notes(errors: int) -> list[str]:
    notes = [
        f"{CLIENTS} clients, each with a request always on its way: the latencies are those of a "
        "server that is full.",
        "POST hashes with 4 bcrypt rounds, in the floors too; /health is measured with 12.",
        "The generator and the database need the same cores: 2 workers gain more elsewhere.",
        "CPU is what the server itself uses for a request: a busy computer changes it least.",
    ]
    if errors:
        notes.insert(0, f"{errors} answers were errors: do not trust the figures.")
    return notes
