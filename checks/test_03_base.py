"""Step 3: the registry of models, and two questions to the database as a whole."""

import asyncio
import inspect
import io
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any

from sqlalchemy import Integer, event
from sqlalchemy import inspect as inspect_database
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import mapped_column

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, fail, plain, show
from workshop.probes.learner_app import LearnerApp

FILE = "app/db/base.py"
MODULE = "app.db.base"

# Nothing of a URL may show in a log. Each part is a word that stands for nothing else.
USER, PASSWORD, HOST, DATABASE = "ada_admin", "hunter2", "db.example", "secretshop"
SECRETS = (USER, PASSWORD, HOST, DATABASE, "127.0.0.1")

# Tables that no app has; a check registers them on the learner's Base.
LAMPS, ROOMS = "workshop_lamps", "workshop_rooms"


@check(
    at=f"{FILE}:check_database",
    hints=(
        "How would you find out whether a database answers, whatever tables it has? Ask it "
        "something that needs none.",
        "get_engine() has connect(), for async with; a connection has execute(), which is awaited "
        "and takes text('SELECT 1').",
        "async with get_engine().connect() as connection, await the execute of text('SELECT 1') "
        "inside, and return True after it.",
    ),
)
async def test_live_database_answers(app: LearnerApp) -> None:
    """check_database() is True for a database that answers, and gives its connection back."""
    app.use_database()
    engine = _engine(app)
    with _statements(engine) as statements, _counted(engine) as open_connections:
        for _ in range(3):
            await _expect_answer(app, True, "a database that answers")
    expect(
        statements,
        "Nothing was asked of the database. Is the query awaited?",
        called="check_database()",
        got="no query",
        expected="SELECT 1, or any other small query, through get_engine()",
    )
    expect(
        open_connections() == 0,
        "The connection was not given back: a probe that runs every ten seconds empties the pool.",
        called="check_database(), three times",
        got=f"connections still taken: {open_connections()}",
        expected="0",
    )


@check(
    at=f"{FILE}:check_database",
    hints=(
        "A probe has two answers, and an exception is neither. Which errors can come out of "
        "connecting, and do they all come from SQLAlchemy?",
        "OSError when the connection is refused, SQLAlchemy's DBAPIError for a wrong password, "
        "UnicodeError for a misspelled host: the class above them all is Exception.",
        "Put try around the async with, and except Exception with return False after it.",
    ),
)
async def test_unreachable_database_is_false(app: LearnerApp) -> None:
    """check_database() is False, and raises nothing, however the connection fails."""
    missing = (app.root / "no_such_folder" / "app.db").as_posix()
    await _expect_answer(
        app,
        False,
        "a SQLite file in a folder that does not exist",
        url=f"sqlite+aiosqlite:///{missing}",
    )
    await _expect_answer(
        app, False, "a port where nobody listens", url=_url("127.0.0.1", _closed_port())
    )
    with _unknown_hosts():
        await _expect_answer(app, False, "a host that nobody knows", url=_url(HOST, 5432))
    url = _url("db..example", 5432)
    await _expect_answer(app, False, "a host name with a dot too many", url=url)
    async with _server(_refuse_password) as port:
        await _expect_answer(app, False, "a wrong password", url=_url("127.0.0.1", port))
    async with _server(_hang_up) as port:
        await _expect_answer(
            app, False, "a server that hangs up at once", url=_url("127.0.0.1", port)
        )


@check(
    at=f"{FILE}:check_database",
    hints=(
        "A firewall may swallow what you send, and a server may accept and never answer. How long "
        "does your probe wait, and who is waiting for the probe?",
        "asyncio.timeout(seconds) is an async context manager that ends what runs inside it with "
        "a TimeoutError. An except around it sees that.",
        "async with asyncio.timeout(timeout), get_engine().connect() as connection: both in one "
        "line, so that connecting is under the limit as well.",
    ),
)
async def test_silent_database_is_false_in_time(app: LearnerApp) -> None:
    """check_database() gives up after `timeout` seconds; unless told otherwise, within two."""
    check_database = app.take(MODULE, "check_database")
    with calling("check_database"):
        parameter = inspect.signature(check_database).parameters.get("timeout")
    expect(
        parameter is not None,
        "check_database takes no timeout.",
        called="check_database(timeout=0.1)",
        got=f"a function that takes {_parameters(check_database)}",
        expected="check_database(timeout: float = 1.5)",
    )
    assert parameter is not None
    default = parameter.default
    in_time = isinstance(default, int | float) and 0 < default <= 2
    expect(
        in_time,
        "Whoever asks without a limit of their own relies on an answer within two seconds.",
        called="the default of timeout",
        got="none" if default is inspect.Parameter.empty else show(default),
        expected="a number of seconds, at most 2",
    )
    async with _server(_keep_silent) as port:
        app.setenv(DATABASE_URL=_url("127.0.0.1", port))
        called = "check_database(timeout=0.1), with a server that accepts and never answers"
        # Both in one loop, so that a machine that is busy delays both.
        probe = asyncio.create_task(_answer(app, called, timeout=0.1))
        patience = asyncio.create_task(asyncio.sleep(1.5))
        await asyncio.wait({probe, patience}, return_when=asyncio.FIRST_COMPLETED)
        patience.cancel()
        if not probe.done():
            probe.cancel()
            fail(
                "The probe was still waiting when its time was long over.",
                called=called,
                got="no answer after 1.5 seconds",
                expected="False after 0.1 seconds",
            )
        _expect_equal_bool(probe.result(), False, called)


@check(
    at=f"{FILE}:check_database",
    hints=(
        "A program that shuts down cancels what still runs. Your probe says 'never raises'; does "
        "that go for being told to stop?",
        "Cancelling raises asyncio.CancelledError inside the function. It is a BaseException and "
        "no Exception, so that it passes the usual except.",
        "Write except Exception, not a bare except and not except BaseException.",
    ),
)
async def test_cancelling_works(app: LearnerApp) -> None:
    """check_database() stops when it is cancelled, as at shutdown."""
    async with _server(_keep_silent) as port:
        app.setenv(DATABASE_URL=_url("127.0.0.1", port))
        called = "check_database(timeout=30), cancelled while it waits"
        probe = asyncio.create_task(_answer(app, called, timeout=30))
        await asyncio.sleep(0.05)
        if probe.done():
            # An exception comes up here, NotImplementedError, say.
            fail(
                "The probe did not wait for a server that had not answered yet: nobody could tell "
                "it to stop.",
                called="check_database(timeout=30), with a server that accepts and never answers",
                got=f"{show(probe.result())}, at once",
                expected="still waiting",
            )
        probe.cancel()
        await asyncio.wait({probe}, timeout=5)
        if not probe.cancelled():
            fail(
                "Somebody told the probe to stop, and it went on as if nothing had been said.",
                called=called,
                got=show(probe.result()) if probe.done() else "still running",
                expected="asyncio.CancelledError",
            )


@check(
    at=f"{FILE}:check_database",
    hints=(
        "Restart the database, and the app should find it again without being restarted itself. "
        "What might your probe remember that is no longer true?",
        "Keep nothing between two calls: ask get_engine() each time, and let its pool care for "
        "the connections.",
        "No cache over check_database, no flag in the module, and no create_async_engine of its "
        "own: the engine is the one of app.db.session.",
    ),
)
async def test_database_may_come_back(app: LearnerApp) -> None:
    """check_database() tells what is true now: down after up, and up again, on the same engine."""
    app.use_database()
    engine = _engine(app)

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError("the database is being restarted")

    await _expect_answer(app, True, "a database that answers")
    for _ in range(2):
        await engine.dispose()
        event.listen(engine.sync_engine, "do_connect", refuse)
        await _expect_answer(app, False, "the same engine, while its database is being restarted")
        event.remove(engine.sync_engine, "do_connect", refuse)
        await _expect_answer(app, True, "the same engine, after its database has come back")


@check(
    at=f"{FILE}:init_db",
    hints=(
        "Two people may make the tables: your program when it starts, or Alembic when somebody "
        "says so. What happens to a migration if your program was first?",
        "Base.metadata.create_all makes tables that no revision knows of; the first `alembic "
        "upgrade head` then fails, because they exist.",
        "init_db only looks. Take out everything that creates.",
    ),
)
async def test_init_db_creates_nothing(app: LearnerApp) -> None:
    """init_db() leaves an empty database empty: making tables is Alembic's work."""
    app.use_database()
    _register(app, LAMPS)
    await _init_db(app, "init_db(), on an empty database")
    got = await _tables(_engine(app))
    expect(
        not got,
        "There are tables that no migration made.",
        called="init_db(), on an empty database",
        got=show(sorted(got)),
        expected="no tables",
    )


@check(
    at=f"{FILE}:init_db",
    hints=(
        "The program knows which tables it needs: they are registered on Base. The database knows "
        "which it has. What is worth a line in the log?",
        "Base.metadata.tables has the first by name. For the second there is inspect from "
        "sqlalchemy, with get_table_names(); it wants a sync connection, which "
        "connection.run_sync hands to a function.",
        "tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names()). Warn of "
        "what is in Base.metadata.tables and not in there, and name `alembic upgrade head`.",
    ),
)
async def test_init_db_names_missing_tables(app: LearnerApp) -> None:
    """init_db() warns of tables that are missing, says what to do, and is silent if none is."""
    app.use_database()
    base = _register(app, LAMPS, ROOMS)
    engine = _engine(app)

    async def warnings(called: str) -> str:
        with _output(logging.WARNING) as lines:
            await _init_db(app, called)
        return " ".join(" ".join(lines).split())

    called = f"init_db(), with {ROOMS} and {LAMPS} on Base and an empty database"
    got = await warnings(called)
    for word in (LAMPS, ROOMS, "alembic upgrade head"):
        expect(
            word in got,
            f"Tables are missing, and the log says nothing of {word}.",
            called=called,
            got=show(got) if got else "no warning",
            expected="a warning with the names of the missing tables, and `alembic upgrade head`",
        )
    others = [table for name, table in base.metadata.tables.items() if name != LAMPS]
    async with engine.begin() as connection:
        await connection.run_sync(base.metadata.create_all, tables=others)
    called = f"init_db(), with only {LAMPS} missing"
    got = await warnings(called)
    expect(
        LAMPS in got and ROOMS not in got,
        "The warning should name what is missing, and nothing else.",
        called=called,
        got=show(got) if got else "no warning",
        expected=f"a warning that names {LAMPS} alone",
    )
    async with engine.begin() as connection:
        await connection.run_sync(base.metadata.create_all)
    called = "init_db(), with every table there"
    got = await warnings(called)
    expect(
        not got,
        "Nothing is missing, and there is a warning all the same.",
        called=called,
        got=show(got),
        expected="no warning",
    )


@check(
    at=f"{FILE}:init_db",
    hints=(
        "The app may start before its database does. Should it die of that, or wait until "
        "somebody asks it something?",
        "check_database() says, without an exception, whether it is worth looking for tables.",
        "At the top of init_db: if not await check_database(): return.",
    ),
)
async def test_init_db_survives(app: LearnerApp) -> None:
    """init_db() raises nothing when the database is down: the app starts and recovers later."""
    missing = (app.root / "no_such_folder" / "app.db").as_posix()
    cases = {
        "a SQLite file in a folder that does not exist": f"sqlite+aiosqlite:///{missing}",
        "a port where nobody listens": _url("127.0.0.1", _closed_port()),
    }
    for words, url in cases.items():
        _restart(app, url)
        await _init_db(app, f"init_db(), with {words}")
    async with _server(_refuse_password) as port:
        _restart(app, _url("127.0.0.1", port))
        await _init_db(app, "init_db(), with a wrong password")


@check(
    at=f"{FILE}:check_database",
    hints=(
        "A log is read by more people than the settings are. What does a driver put into the text "
        "of its error?",
        "The type of an error says what went wrong and nothing about where. logger.exception and "
        "exc_info write the whole text.",
        "logger.warning with a sentence of yours and type(error).__name__. No str(error), no URL, "
        "no exc_info.",
    ),
)
async def test_log_keeps_secrets(app: LearnerApp) -> None:
    """When the database is unreachable, the log names no host, port, user, database or password."""
    port = _closed_port()
    with _output() as lines:
        await _expect_answer(app, False, "a port where nobody listens", url=_url("127.0.0.1", port))
        await _init_db(app, "init_db(), with a port where nobody listens")
        with _unknown_hosts():
            await _expect_answer(app, False, "a host that nobody knows", url=_url(HOST, 5432))
            await _init_db(app, "init_db(), with a host that nobody knows")
        async with _server(_refuse_password) as fake:
            await _expect_answer(app, False, "a wrong password", url=_url("127.0.0.1", fake))
            await _init_db(app, "init_db(), with a wrong password")
    for line in lines:
        for secret in (*SECRETS, str(port), str(fake)):
            expect(
                secret not in line,
                f"The log tells everybody who reads it: {secret}.",
                called="check_database() and init_db(), with a database that cannot be reached",
                got=show(" ".join(line.split())),
                expected="the type of the error, without its text",
            )


@check(
    at=FILE,
    hints=(
        "Alembic and main import this module to know all tables. Which Base must they find here, "
        "and what should an import do besides?",
        "Import Base from the session module, and list it in __all__. Everything else stands "
        "inside a function.",
        'from app.db.session import Base, get_engine; __all__ = ["Base", "check_database", '
        '"init_db"]. No call at the left margin but logging.getLogger.',
    ),
)
def test_base_is_the_same(app: LearnerApp) -> None:
    """Base is the one of app.db.session, and importing the module connects to nothing."""
    app.load(MODULE)  # an error that comes up anyway has another reason
    app.forget()
    app.setenv(DATABASE_URL="nonsense")
    try:
        base = app.take(MODULE, "Base")
    except (ValueError, RuntimeError) as error:
        path, line = app.importing(error) or (FILE, None)
        fail(
            f"{path} does its work while it is being imported.",
            called=f"import {MODULE} with DATABASE_URL=nonsense",
            got=type(error).__name__,
            expected="no error before a function is called",
            at=path,
            line=line,
        )
    expect(
        base is app.take("app.db.session", "Base"),
        "This is another Base: models of one would be unknown to the other.",
        called="app.db.base.Base is app.db.session.Base",
        got="False",
        expected="True",
    )


@check(
    at=FILE,
    hints=(
        "The registry may look down at session, core and the models. Which import of yours looks "
        "elsewhere?",
        "Who answers 503 when the database is down is a matter of main. This module returns True "
        "or False.",
        "Take the import that the message names out of the module.",
    ),
)
def test_base_knows_no_http(app: LearnerApp) -> None:
    """The registry imports nothing from the layers above, and no web framework."""
    expect_layer(app, MODULE)


def _restart(app: LearnerApp, url: str) -> None:
    """A newly started app, with another database."""
    app.setenv(DATABASE_URL=url)
    app.forget()


def _engine(app: LearnerApp) -> AsyncEngine:
    get_engine = app.take("app.db.session", "get_engine")
    with calling("get_engine()"):
        engine = get_engine()
    expect(
        isinstance(engine, AsyncEngine),
        "get_engine() of step 2 gave no async engine.",
        called="get_engine()",
        got=show(engine),
        at="app/db/session.py:get_engine",
    )
    return engine


async def _expect_answer(
    app: LearnerApp, expected: bool, words: str, url: str | None = None
) -> None:
    if url:
        _restart(app, url)
    called = f"check_database(), with {words}"
    try:
        got = await _answer(app, called)
    except NotImplementedError:
        raise
    except Exception as error:
        if getattr(error, "called_by_check", None) != called:
            raise
        error.called_by_check = called  # type: ignore[attr-defined]
        fail(
            "The probe raised an exception instead of answering.",
            called=called,
            got=_text(error),
            expected=str(expected),
            line=app.line_of(error, FILE),
        )
    if expected and got is False:
        await _explain_false(app, called)
    _expect_equal_bool(got, expected, called)
    if url:
        await app.dispose()


async def _explain_false(app: LearnerApp, called: str) -> None:
    """Fail with the exception that the probe caught: it may be a slip, and would stay hidden."""
    caught: list[tuple[BaseException, int]] = []

    def trace(frame: FrameType, what: str, argument: Any) -> Any:
        if frame.f_code.co_filename != str(app.root / FILE):
            return None
        if what == "exception" and not isinstance(argument[1], StopIteration | GeneratorExit):
            caught.append((argument[1], frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        await _answer(app, called)
    finally:
        sys.settrace(before)
    if caught:
        error, line = caught[0]
        fail(
            "The database answers, and the probe says False because of an exception that it caught "
            "itself.",
            called=called,
            got=f"False, after {_text(error)}",
            expected="True",
            line=line,
        )


async def _answer(app: LearnerApp, called: str, **arguments: float) -> object:
    return await _awaited(app, "check_database", called, **arguments)


async def _init_db(app: LearnerApp, called: str) -> None:
    await _awaited(app, "init_db", called)


async def _awaited(app: LearnerApp, name: str, called: str, **arguments: float) -> object:
    function: Callable[..., Awaitable[object]] = app.take(MODULE, name)
    with calling(called):
        waiting = function(**arguments)
        expect(
            inspect.isawaitable(waiting),
            f"{name}() cannot be awaited.",
            called=called,
            got=show(waiting),
            expected=f"async def {name}",
            at=f"{FILE}:{name}",
        )
        return await waiting


def _expect_equal_bool(got: object, expected: bool, called: str) -> None:
    expect(
        got is expected,
        "The database answers, and the probe says something else."
        if expected
        else "The database cannot be used, and the probe says something else.",
        called=called,
        got=show(got),
        expected=str(expected),
    )


def _register(app: LearnerApp, *names: str) -> Any:
    """The learner's Base, with models for these tables on it."""
    base = app.take(MODULE, "Base")
    for name in names:
        with calling("class Lamp(Base)"):
            columns = {"id": mapped_column(Integer, primary_key=True)}
            type(name, (base,), {"__tablename__": name, "__module__": __name__, **columns})
    return base


async def _tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect_database(sync).get_table_names()))


def _url(host: str, port: int) -> str:
    return f"postgresql://{USER}:{PASSWORD}@{host}:{port}/{DATABASE}"


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def _unknown_hosts() -> Generator[None]:
    """An event loop that finds no host, without asking the network."""
    loop = asyncio.get_running_loop()
    found = loop.getaddrinfo

    async def not_found(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == HOST:
            raise socket.gaierror(socket.EAI_NONAME, f"{HOST}: Name or service not known")
        return await found(host, *arguments, **options)

    loop.getaddrinfo = not_found
    try:
        yield
    finally:
        loop.getaddrinfo = found


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _server(talk: Talk) -> AsyncGenerator[int]:
    """The port of a server that talks like this to each client."""
    conversations: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in conversations:
            task.cancel()


async def _keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, listen, and never answer."""
    while await reader.read(1024):
        pass


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and close."""


async def _refuse_password(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as PostgreSQL does when the password is wrong."""
    length = int.from_bytes(await reader.readexactly(4), "big")
    message = await reader.readexactly(length - 4)
    if length == 8:  # a request for encryption, which a server may decline
        writer.write(b"N")
        length = int.from_bytes(await reader.readexactly(4), "big")
        message = await reader.readexactly(length - 4)
    assert USER.encode() in message
    text_of_error = f'password authentication failed for user "{USER}"'
    fields = f"SFATAL\0VFATAL\0C28P01\0M{text_of_error}\0\0".encode()
    writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
    await writer.drain()


@contextmanager
def _statements(engine: AsyncEngine) -> Generator[list[str]]:
    """The statements that the engine sends meanwhile."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(str(arguments[2]))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


@contextmanager
def _counted(engine: AsyncEngine) -> Generator[Callable[[], int]]:
    """A function that says how many connections are taken and not given back."""
    count = 0

    def more(*_: object) -> None:
        nonlocal count
        count += 1

    def less(*_: object) -> None:
        nonlocal count
        count -= 1

    event.listen(engine.sync_engine, "checkout", more)
    event.listen(engine.sync_engine, "checkin", less)
    try:
        yield lambda: count
    finally:
        event.remove(engine.sync_engine, "checkout", more)
        event.remove(engine.sync_engine, "checkin", less)


@contextmanager
def _output(level: int = logging.DEBUG) -> Generator[list[str]]:
    """What is logged meanwhile from this level on, tracebacks included; with DEBUG also prints."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper, root, printed = Keeper(level), logging.getLogger(), io.StringIO()
    loggers = {logging.getLogger("app"): logging.DEBUG, root: logging.INFO}
    before = {logger: logger.level for logger in loggers}
    root.addHandler(keeper)
    for logger, new_level in loggers.items():
        logger.setLevel(new_level)
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            yield lines
        if level == logging.DEBUG:
            lines += printed.getvalue().splitlines()
    finally:
        root.removeHandler(keeper)
        for logger, old_level in before.items():
            logger.setLevel(old_level)


def _parameters(function: Any) -> str:
    names = ", ".join(inspect.signature(function).parameters)
    return names or "no arguments"


def _text(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return show(plain(f"{type(error).__name__}: {first}"))
