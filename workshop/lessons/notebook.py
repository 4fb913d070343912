"""What the notebooks share: an app to try things on, and showing what happens to it.

`use(2)` makes the app as it is after step 2 the one that `import app` finds; `use(2, "backend")`
takes the learner's, `use(mistake="echo")` the solution with a listed mistake. Each time it is a
fresh copy in a temporary folder, which is also the working directory: a notebook may write,
change and break what it likes. Everything shown is the same in every run: no paths, no times.
"""

import asyncio
import atexit
import difflib
import json
import logging
import os
import re
import secrets
import shlex
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from IPython import display as ipython

from workshop import postgres
from workshop.course import excerpts, stages
from workshop.course.steps import ROOT, Step, find_step, load_steps
from workshop.errors import WorkshopError
from workshop.judging import mistakes
from workshop.judging.runner import run_checks
from workshop.learner.folder import Folder, copy_for_checks
from workshop.lessons import pictures
from workshop.probes.learner_app import SETTINGS, LearnerApp

if TYPE_CHECKING:
    import httpx2
    from sqlalchemy.engine import Connection

__all__ = [
    "at_least",
    "change",
    "checks",
    "client",
    "diff",
    "environment",
    "fails",
    "latencies",
    "layers",
    "make_tables",
    "run",
    "show",
    "sql",
    "table",
    "table_names",
    "tell",
    "tidy",
    "typical_wait",
    "use",
    "watch",
    "write",
]

REFERENCE = "reference"
# Programs of the environment, which need not be on the path.
MODULES = {"alembic", "uvicorn", "pytest"}
LANGUAGES = {".py": "python", ".toml": "toml", ".ini": "ini", ".sh": "bash", ".yaml": "yaml"}
# Seconds. A command of a lesson ends by itself; one that waits for something does not.
RUN_LIMIT = 60
# Characters that fit on a line of a projector.
LINE = 96

# The database server of the person who started the notebook; None means SQLite.
_server = os.environ.get("DATABASE_URL", "")
SERVER_URL = _server if _server.startswith("postgres") else None
for _name in SETTINGS:
    os.environ.pop(_name, None)  # the lesson is the same, whatever that person has set


@dataclass
class _Lesson:
    """What `use` chose: the step, whose app, and the folder with the copy."""

    step: Step
    source: str | Path
    root: Path
    database: str | None = None


class _Scratch:
    """The temporary folder of this kernel, deleted when it ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="workshop-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name).resolve()
        self.lesson: _Lesson | None = None
        self.disposals: set[asyncio.Task[None]] = set()
        atexit.register(self.leave)

    def leave(self) -> None:
        os.chdir(ROOT)  # a folder that somebody is in cannot be deleted on Windows
        if SERVER_URL and self.lesson and self.lesson.database:
            with suppress(Exception):
                postgres.drop_database(SERVER_URL, self.lesson.database)
        self._folder.cleanup()


_scratch = _Scratch()
# IPython's own annotations of this function are incomplete.
_display: Callable[..., object] = ipython.display  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


# --- The app -------------------------------------------------------------------------------------


def use(step: int | None = None, source: str | Path | None = None, *, mistake: str = "") -> None:
    """Make an app the one that `import app` finds, in a fresh folder that is the working directory.

    `step` and `source` ("reference", "backend" or a folder) stay until others are named. `mistake`
    names an entry in the mistakes.toml of the step or of an earlier one; the reference is given it.
    """
    before = _scratch.lesson
    chosen = find_step(step) if step is not None else _lesson().step
    if source is None:
        source = before.source if before else REFERENCE
    root = _scratch.path / secrets.token_hex(4) / "backend"
    if source == REFERENCE or mistake:
        Folder(root).place(stages.done(chosen.number))
    else:
        own = ROOT / source
        if not (own / "app").is_dir():
            raise WorkshopError(
                f"There is no app in {source} yet: `nox -s {chosen.name}` makes it."
            )
        copy_for_checks(own, root)
    if mistake:
        _make_mistake(root, chosen, mistake)
    _leave_app()
    os.chdir(root)
    sys.path[:] = [str(root), *(path for path in sys.path if not _is_ours(path))]
    _scratch.lesson = _Lesson(chosen, source, root, _fresh_database(chosen, before))


def _make_mistake(root: Path, step: Step, name: str) -> None:
    for other in reversed(load_steps()[: step.number]):
        for mistake in mistakes.load_mistakes(other):
            if mistake.name == name:
                file = root / mistake.file
                file.write_text(_replaced(file, mistake.find, mistake.replace), "utf-8")
                return
    mistakes.find_mistake(step, name)  # says which there are


def _replaced(file: Path, find: str, replace: str) -> str:
    text = file.read_text("utf-8")
    if text.count(find) != 1:
        raise WorkshopError(f"{file.name} has {find!r} {text.count(find)} times instead of once.")
    return text.replace(find, replace)


def change(path: str, find: str, replace: str) -> None:
    """Change the copy of a file in use, as in an editor, show the change, and load it afresh."""
    file = _lesson().root / path
    before, after = file.read_text("utf-8"), _replaced(file, find, replace)
    _save(file, after)
    _show_diff(path, before, after)


def write(path: str, text: str) -> None:
    """Write a file into the copy in use, as in an editor, and load the app afresh."""
    _save(_lesson().root / path, text.strip("\n") + "\n")


def _save(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    # Python takes a compiled file for fresh when the second and the length are the same.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
    _leave_app()


def _lesson() -> _Lesson:
    if _scratch.lesson is None:
        raise WorkshopError("Run the first cell of the notebook first: it says which app to use.")
    return _scratch.lesson


def _is_ours(path: str) -> bool:
    return path.startswith(str(_scratch.path))


def _leave_app() -> None:
    """Forget the modules of the app that was in use, and close its connections."""
    session = sys.modules.get("app.db.session")
    get_engine = getattr(session, "get_engine", None)
    cached = getattr(get_engine, "cache_info", None)
    if get_engine is not None and cached is not None and cached().currsize:
        with suppress(RuntimeError, AttributeError):  # no event loop, or no async engine
            task = asyncio.get_running_loop().create_task(get_engine().dispose())
            _scratch.disposals.add(task)
            task.add_done_callback(_scratch.disposals.discard)
    LearnerApp(_scratch.path).forget()


def _fresh_database(step: Step, before: _Lesson | None) -> str | None:
    """Leave the app its default, SQLite in the new folder; or make an empty PostgreSQL database."""
    if SERVER_URL is None or step.number == 1:  # the first step has settings and no database
        return None
    name = f"notebook_{secrets.token_hex(4)}"
    with ThreadPoolExecutor(1) as thread:  # this one has an event loop running
        if before and before.database:
            thread.submit(postgres.drop_database, SERVER_URL, before.database).result()
        url = thread.submit(postgres.create_database, SERVER_URL, name).result()
    os.environ["DATABASE_URL"] = url
    return name


@contextmanager
def environment(**values: str) -> Generator[None]:
    """Environment variables for a block, as `NAME=value` in front of a command sets them."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update({name: before[name] for name in values if name in before})


async def make_tables() -> None:
    """Make the tables of the registered models in the app's database, without a migration."""
    session = import_module("app.db.session")
    if (_lesson().root / "app/db/base.py").exists():
        import_module("app.db.base")  # the registry; before step 3 there is none
    async with session.get_engine().begin() as connection:
        await connection.run_sync(session.Base.metadata.create_all)


async def table_names() -> list[str]:
    """The tables that the app's database has now, Alembic's own among them."""
    from sqlalchemy import inspect

    def names(connection: "Connection") -> list[str]:
        return sorted(inspect(connection).get_table_names())

    session = import_module("app.db.session")
    async with session.get_engine().connect() as connection:
        return await connection.run_sync(names)


@asynccontextmanager
async def client(asgi: Any = None) -> AsyncGenerator["httpx2.AsyncClient"]:
    """A client of the app in this process (or of another ASGI app), whose lifespan runs meanwhile.

    An exception in the app is a 500 for the client, as it is behind a server.
    """
    import httpx2

    asgi = asgi or import_module("app.main").app
    transport = httpx2.ASGITransport(app=asgi, raise_app_exceptions=False)
    async with (
        asgi.router.lifespan_context(asgi),
        httpx2.AsyncClient(transport=transport, base_url="http://testserver") as http,
    ):
        yield http


def run(command: str, *, quiet: bool = False) -> None:
    """Run a command in the app's folder, and show it with what it printed; no traceback.

    With `quiet`, for what only prepares the scene, nothing is shown unless it fails.
    """
    program, *arguments = shlex.split(command)
    argv = [program, *arguments]
    if program in MODULES:
        argv = [sys.executable, "-m", program, *arguments]
    elif program == "python":
        argv = [sys.executable, *arguments]
    ran = subprocess.run(
        argv,
        cwd=_lesson().root,
        env=os.environ | {"NO_COLOR": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=RUN_LIMIT,
        check=False,
    )
    if quiet and not ran.returncode:
        return
    lines = [f"$ {command}", *_without_frames(_without_links(tidy(ran.stdout)).splitlines())]
    if ran.returncode:
        lines.append(f"(exit status {ran.returncode})")
    _markdown(_fence("console", "\n".join(lines)))


def _without_frames(lines: list[str]) -> list[str]:
    """What came before a traceback, and what the last exception says."""
    starts = [index for index, line in enumerate(lines) if line.startswith("Traceback (")]
    if not starts:
        return lines
    rest = lines[starts[-1] + 1 :]
    while rest and (not rest[0] or rest[0].startswith(" ")):
        rest = rest[1:]
    return lines[: starts[0]] + rest


# --- Showing -------------------------------------------------------------------------------------


def show(path: str, *parts: str, outline: bool = False) -> None:
    """Show a file of the app in use, or parts of it: `get_db`, `Settings`, `UserService.get_user`.

    With `outline`, the functions are shown by signature and description.
    """
    file = _lesson().root / path
    if not file.is_file():
        raise WorkshopError(f"The app has no {path} after step {_lesson().step.number}.")
    try:
        excerpt = excerpts.excerpt(file.read_text("utf-8"), parts, outline=outline)
    except KeyError as error:
        raise WorkshopError(f"{path} has no {error.args[0]}.") from None
    title = " · ".join(f"`{name}`" for name in (path, *parts))
    _markdown(f"{title}\n\n{_fence(LANGUAGES.get(file.suffix, 'text'), excerpt)}")


def diff(*, since: int | None = None) -> None:
    """Show what the app in use has otherwise than the reference, line by line.

    With `since`, the reference is the app after that earlier step: what has changed in its files.
    """
    lesson = _lesson()
    reference = stages.done(lesson.step.number if since is None else since)
    for path, data in reference.items():
        file = lesson.root / path
        own = file.read_text("utf-8") if file.is_file() else ""
        if own != data.decode("utf-8", "replace"):
            _show_diff(path, data.decode("utf-8", "replace"), own)


def _show_diff(path: str, before: str, after: str) -> None:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
    kept = [line for line in list(lines)[2:] if not line.startswith("@@")]
    while kept and not kept[-1].strip():
        kept.pop()
    while kept and not kept[0].strip():
        kept.pop(0)
    _markdown(f"`{path}`\n\n{_fence('diff', chr(10).join(kept))}")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Show rows under a head. A cell may hold Markdown, for instance `code` in backquotes."""
    lines = [list(head), [":---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    _markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def _cell(value: object) -> str:
    return tidy(str(value)).replace("|", "\\|").replace("\n", " · ")


@contextmanager
def fails() -> Generator[None]:
    """Show the exception that a block is expected to raise, without its traceback."""
    try:
        yield
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        _markdown("Raised:\n\n" + _fence("text", _without_links(tidy(text))))
        with warnings.catch_warnings():
            # A coroutine that the error left behind complains when it is let go: here, unheard.
            warnings.simplefilter("ignore", RuntimeWarning)
            traceback.clear_frames(error.__traceback__)
    else:
        raise AssertionError("This was expected to fail, and it did not.")


def tell(response: "httpx2.Response") -> None:
    """Show a request and its answer; the moment at which something was made is shown as `<now>`."""
    request = f"{response.request.method} {response.request.url.raw_path.decode('ascii')}"
    head = f"`{request}` → **{response.status_code} {response.reason_phrase}**"
    if "location" in response.headers:
        head += f" · `Location: {response.headers['location']}`"
    try:
        body = _fence("json", tidy(_json(response.json())))
    except ValueError:
        body = _fence("text", tidy(response.text))
    _markdown(f"{head}\n\n{body}" if response.content else head)


def _json(value: object, indent: str = "") -> str:
    """JSON with one line for what fits on one, as a person would write it."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + len(indent) <= LINE or not isinstance(value, dict | list):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        items = [f"{json.dumps(key)}: {_json(item, inner)}" for key, item in table.items()]
    else:
        items = [_json(item, inner) for item in cast("list[object]", value)]
    ends = "{}" if isinstance(value, dict) else "[]"
    return ends[0] + "".join(f"\n{inner}{item}," for item in items)[:-1] + f"\n{indent}{ends[1]}"


@contextmanager
def sql(*, values: bool = False) -> Generator[list[str]]:
    """Show the SQL that a block sends, and where its transactions begin and end.

    With `values`, what is sent along is shown too.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    sent: list[str] = []

    def statement(_connection: "Connection", _cursor: Any, text: str, given: Any, *_: Any) -> None:
        shown = re.sub(r" (FROM|WHERE|ORDER BY|LIMIT|VALUES|RETURNING) ", r"\n  \1 ", _flat(text))
        sent.append(f"{shown};" + (f"  -- {tidy(repr(given))}" if values and given else ""))

    def note(text: str) -> Callable[..., None]:
        return lambda *_: sent.append(text)

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": statement,
        "begin": note("BEGIN;"),
        "commit": note("COMMIT;"),
        "rollback": note("ROLLBACK;"),
    }
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    try:
        yield sent
    finally:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)
        _markdown(_fence("sql", "\n".join(sent) or "-- nothing was sent"))


def _flat(text: str) -> str:
    return " ".join(text.split())


def layers(*lit: str) -> None:
    """Draw the layers, those of the lesson's step lit; or others, by their names."""
    _display(ipython.SVG(pictures.layers(_lesson().step, lit)))


def checks(step: int | None = None) -> None:
    """Run a step's checks on the app in use, and show each with its verdict."""
    lesson = _lesson()
    if lesson.source != REFERENCE:
        use()  # what was saved since
        lesson = _lesson()
    chosen = find_step(step) if step is not None else lesson.step
    report = run_checks(chosen, lesson.root, database_url=SERVER_URL)
    rows = [
        ("✓" if check.outcome == "passed" else "✗", check.title.replace("|", "\\|"))
        for check in report.checks
    ]
    table(("", f"Step {chosen.number} · {chosen.title}"), rows)
    failed = report.first_failed
    if failed is not None:
        where = f"backend/{failed.file}:{failed.line or 1}"
        hint = f"\nhint     {failed.hint}" if failed.hint else ""
        text = f"{failed.message}\n\n{where}{hint}"
        lines = [line for long in tidy(text).splitlines() for line in _wrapped(long)]
        _markdown(f"**{failed.title}**\n\n" + _fence("text", "\n".join(lines)))


def _wrapped(line: str) -> list[str]:
    """A line of a verdict, on as many as it takes; what follows a label stays in its column."""
    label = re.match(r"\w+ {2,}", line)
    return textwrap.wrap(line, LINE, subsequent_indent=" " * (label.end() if label else 0)) or [""]


# --- Measuring -----------------------------------------------------------------------------------

# Milliseconds that a request took, by the second at which it was due.
Points = list[tuple[float, float]]


async def watch(
    http: "httpx2.AsyncClient", path: str, during: Awaitable[Any], *, every: float = 0.025
) -> Points:
    """How long a request takes while something else happens: one is due every few milliseconds.

    Time counts from when a request was due: somebody who comes while the server is busy waits too,
    and is served when it has time again.
    """

    async def ending() -> float:
        await during
        return time.perf_counter()

    started = time.perf_counter()
    other = asyncio.ensure_future(ending())
    points: Points = []
    due = started
    while not other.done() or due < other.result():
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await http.get(path)
        points.append((due - started, (time.perf_counter() - due) * 1000))
        due += every
    return points


def typical_wait(points: Points) -> float:
    """The median of what `watch` measured, as a share of the time in which it did.

    A share, because the same code takes ten times as long on a busy machine: compare shares.
    """
    end = max(when + took / 1000 for when, took in points)
    return statistics.median(took for _, took in points) / 1000 / end


def latencies(series: Mapping[str, Points]) -> None:
    """Plot what `watch` measured, each series in a colour of its own."""
    svg = ipython.SVG(pictures.latencies(series))
    # Measured values differ in every run: `notebooks --write` keeps the picture that there is.
    _display(svg, metadata={"measured": True})


def at_least(times: float, slow: float, fast: float) -> str:
    """`at least 10 times`, once it is certain that `slow` is that many times `fast`."""
    if slow < times * fast:
        raise AssertionError(f"It was {slow / fast:.1f} times, and should be {times:g} or more.")
    return f"at least {times:g} times"


# --- What is the same in every run ---------------------------------------------------------------


def tidy(text: str) -> str:
    """Text without what differs from run to run: folders, addresses, the present moment.

    Nor has it what differs from computer to computer: a system's own number of an error, and the
    word at which a version of SQLite gives up.
    """
    if _scratch.lesson is not None:
        text = text.replace(str(_scratch.lesson.root), "backend")
    text = text.replace(str(_scratch.path), "…").replace(str(ROOT), "…")
    text = re.sub(r"[^\s\"']*[/\\]site-packages[/\\]", "…/site-packages/", text)
    text = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x…", text)
    text = re.sub(r"\[(Errno|WinError) -?\d+\]", r"[\1 …]", text)
    text = re.sub(r'near "[^"\n]*": syntax error', 'near "…": syntax error', text)
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?", "<now>", text)


def _without_links(text: str) -> str:
    """An error without the links into the web that Pydantic and SQLAlchemy add."""
    return re.sub(r"\s*(For further information visit|\(Background on this) .*", "", text)


def _fence(language: str, text: str) -> str:
    return f"```{language}\n{text.strip(chr(10))}\n```"


def _markdown(text: str) -> None:
    _display(ipython.Markdown(text))


class _LogToCell(logging.Handler):
    """What the app warns of, in the cell that made it do so; not its line for each request."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"log: {record.levelname} {record.name}: {tidy(record.getMessage())}")


logging.getLogger("app").addHandler(_LogToCell(logging.WARNING))
logging.getLogger("app").propagate = False
