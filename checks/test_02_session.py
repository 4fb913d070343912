"""Step 2: the engine, the sessions, and the base class of every model."""

import asyncio
import inspect
import logging
import traceback
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import MagicMock, patch

import asyncpg
from sqlalchemy import (
    CheckConstraint,
    Column,
    Engine,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import mapped_column

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, plain, show
from workshop.probes.learner_app import LearnerApp

FILE = "app/db/session.py"
MODULE = "app.db.session"

# A password that a URL has to escape. Nobody listens there, and nothing connects.
POSTGRESQL = "postgresql+asyncpg://ada:p%40ss%25word@127.0.0.1:5999/shop"


@check(
    at=f"{FILE}:get_engine",
    hints=(
        "The settings of step 1 know where the database is. Who turns that text into something "
        "that can open connections?",
        "create_async_engine, from SQLAlchemy's asyncio extension, takes the URL as text. "
        "get_settings() has the text. Nothing else has to touch it.",
        "Take the settings with get_settings(), and return what create_async_engine makes of "
        "their DATABASE_URL.",
    ),
)
def test_engine_comes_from_the_settings(app: LearnerApp) -> None:
    """get_engine() gives an async engine for the DATABASE_URL of the settings."""
    cases = {
        "sqlite+aiosqlite:///shop.db": "sqlite+aiosqlite:///shop.db",
        # Only the settings know that this means asyncpg.
        "postgres://ada:p%40ss%25word@127.0.0.1:5999/shop": POSTGRESQL,
        POSTGRESQL: POSTGRESQL,
    }
    for written, expected in cases.items():
        engine = _engine(app, DATABASE_URL=written)
        if engine.url != make_url(expected):
            fail(
                "The engine would connect to something else than the settings say.",
                called=f"get_engine().url with DATABASE_URL={written}",
                got=show(engine.url.render_as_string(hide_password=False)),
                expected=show(expected),
            )


@check(
    at=f"{FILE}:get_engine",
    hints=(
        "A test imports your module and sets DATABASE_URL afterwards. Which database does it get? "
        "And how many engines are there after a thousand requests?",
        "Whatever stands at the left margin runs when the module is imported. functools has a "
        "decorator for a function whose result is made once and kept.",
        "Move the call of create_async_engine, and that of get_settings, into get_engine, and put "
        "lru_cache over the function.",
    ),
)
def test_engine_is_made_on_first_use(app: LearnerApp) -> None:
    """Importing the module makes no engine; the first get_engine() does, and it is kept."""
    app.load(MODULE)  # an error that comes up anyway has another reason
    app.forget()
    app.setenv(DATABASE_URL="nonsense")
    try:
        module = app.load(MODULE)
    except (ValueError, ArgumentError) as error:
        path, line = app.importing(error) or (FILE, None)
        fail(
            f"{path} asks for the settings, or makes the engine, while it is being imported.",
            called=f"import {MODULE} with DATABASE_URL=nonsense",
            got=type(error).__name__,
            expected="no error before get_engine() is called",
            at=path,
            line=line,
        )
    for name, value in list(vars(module).items()):
        expect(
            not isinstance(value, AsyncEngine | Engine),
            "The engine is made while the module is being imported.",
            called=f"import {MODULE}",
            got=f"{name} = {show(value)}",
            expected="no engine before get_engine() is called",
            at=f"{FILE}:{name}",
        )
    app.use_database()
    engine = _engine(app)
    expect(
        app.take(MODULE, "get_engine")() is engine,
        "Each call made a new engine, each with a pool of its own: connections would pile up.",
        called="get_engine() is get_engine()",
        got="False",
        expected="True",
    )


@check(
    at=f"{FILE}:get_engine",
    hints=(
        "How many connections may one process hold? On PostgreSQL that is a setting of yours. "
        "SQLite has no server, and its in-memory database lives in one single connection.",
        "create_async_engine takes pool_size, and max_overflow for connections beyond it. Pass "
        "them only when make_url(…).get_backend_name() says postgresql.",
        "For PostgreSQL the options are pool_size, which is the setting DB_POOL_SIZE, and "
        "max_overflow, which is 0. For SQLite neither, and no poolclass.",
    ),
)
async def test_pool_suits_the_database(app: LearnerApp) -> None:
    """PostgreSQL gets a pool of DB_POOL_SIZE connections; SQLite works in memory too."""
    for size in (7, 20):
        pool: Any = _engine(app, DATABASE_URL=POSTGRESQL, DB_POOL_SIZE=str(size)).pool
        setting = f"with DB_POOL_SIZE={size} and a PostgreSQL URL"
        called = f"get_engine().pool {setting}"
        expect(
            hasattr(pool, "size"),
            "This pool has no size: it would open a connection for every request.",
            called=called,
            got=type(pool).__name__,
            expected=f"the usual pool, with {size} connections",
        )
        asked = f"get_engine().pool.size() {setting}"
        expect_equal(pool.size(), size, "The pool has another size.", called=asked)
        overflow = getattr(pool, "_max_overflow", 0)
        expect(
            overflow == 0,
            "Connections beyond the pool are opened and closed again for every request.",
            called=called,
            got=f"max_overflow {overflow}",
            expected="max_overflow 0",
        )
    app.unsetenv("DB_POOL_SIZE")
    for url in ("sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"):
        engine = _engine(app, DATABASE_URL=url)
        called = f"a query with DATABASE_URL={url}"
        try:
            with calling(called):
                async with engine.begin() as connection:
                    await connection.execute(text("CREATE TABLE lamps (name TEXT)"))
                async with engine.connect() as connection:
                    await connection.execute(text("SELECT name FROM lamps"))
        except SQLAlchemyError as error:
            if "no such table" not in str(error):
                raise
            fail(
                "A table that one connection made is not there for the next: every connection to "
                "memory has a database of its own.",
                called=called,
                got=_text(error),
                expected="SQLAlchemy's own choice of pool for SQLite, which keeps one connection",
            )
        finally:
            await engine.dispose()


@check(
    at=f"{FILE}:get_engine",
    hints=(
        "The database restarts at night. The pool still holds connections from before. Who "
        "notices that they are dead: the pool, or the first person in the morning?",
        "An option of create_async_engine makes the pool try a connection before it hands it out.",
        "The option is called pool_pre_ping. Switch it on.",
    ),
)
async def test_dead_connections_are_replaced(app: LearnerApp) -> None:
    """A connection that died in the pool is replaced, not handed out."""
    app.use_database()
    engine = _engine(app)
    with calling("a query through get_engine()"):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.close()
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        fail(
            "The database closed a connection that lay in the pool, and the next request got it.",
            called="a query through get_engine(), after the connection in its pool was closed",
            got=_text(error),
            expected="an answer, through a new connection",
        )
    engine = _engine(app, DATABASE_URL=POSTGRESQL)
    called = "get_engine().connect(), twice, with a PostgreSQL URL"
    engine.sync_engine.dialect.initialize = lambda connection: None  # it would ask the server
    with patch.object(asyncpg, "connect", _Driver.connect), calling(called):
        first, again = await _driver_of(engine), await _driver_of(engine)
        expect(
            again is first,
            "A connection that lives is thrown away: every request waits for a new one.",
            called=called,
            got="two connections",
            expected="the same one, out of the pool",
        )
        first.closed = True
        expect(
            await _driver_of(engine) is not first,
            "The server closed a connection that lay in the pool, and the next request got it.",
            called=f"{called}, the connection closed by the server in between",
            got="the same connection, which is closed",
            expected="a new one",
        )


@check(
    at=f"{FILE}:get_engine",
    hints=(
        "PostgreSQL refuses a row that points to a row that is not there. SQLite can, too, but "
        "it has to be asked. How often, do you think?",
        "The statement is PRAGMA foreign_keys=ON, once for every new connection. event.listen on "
        "the engine's sync_engine is told of each.",
        'event.listen(engine.sync_engine, "connect", your_function), for SQLite only. The function '
        "gets the connection; take its cursor(), execute the PRAGMA, and close the cursor.",
    ),
)
async def test_foreign_keys_are_enforced(app: LearnerApp) -> None:
    """SQLite enforces foreign keys on every connection, as PostgreSQL does anyway."""
    file = (app.root / "keys.db").as_posix()
    engine = _engine(app, DATABASE_URL=f"sqlite+aiosqlite:///{file}")
    with calling("a query through get_engine()"):
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE rooms (id INTEGER PRIMARY KEY)"))
            await connection.execute(
                text("CREATE TABLE lamps (room_id INTEGER REFERENCES rooms (id))")
            )
    insert = "INSERT INTO lamps (room_id) VALUES (42)"
    async with engine.connect() as first, engine.connect() as second:
        for number, connection in enumerate((first, second), 1):
            try:
                await connection.execute(text(insert))
            except IntegrityError:
                await connection.rollback()
                continue
            fail(
                "SQLite accepted a row that points to a room that does not exist.",
                called=f"{insert}, on connection {number} of 2",
                got="no error",
                expected="an IntegrityError",
            )
    await engine.dispose()
    statement = _pragma_on(_engine(app, DATABASE_URL=POSTGRESQL), app)
    expect(
        statement is None,
        "On PostgreSQL every new connection would fail: it knows no PRAGMA.",
        called="get_engine() with a PostgreSQL URL, and a new connection",
        got=show(statement),
        expected="a PRAGMA for SQLite only",
    )


@check(
    at=f"{FILE}:get_engine",
    hints=(
        "An INSERT of a new user carries an e-mail address and a password hash. Where can they be "
        "read afterwards, if the statement is written down with its values?",
        "create_async_engine has echo, which writes every statement to the log, and "
        "hide_parameters, which keeps values out of logs and out of the text of errors.",
        "Leave echo out altogether, and switch hide_parameters on.",
    ),
)
async def test_values_stay_secret(app: LearnerApp) -> None:
    """What is stored shows neither in the log nor in the text of an error."""
    app.use_database()
    engine = _engine(app)
    secret = "hunter2-hash"  # noqa: S105  (an exercise)
    insert = text("INSERT INTO no_such_table (password) VALUES (:password)")

    async def failing_insert() -> str:
        with calling("a query through get_engine()"):
            async with engine.connect() as connection:
                try:
                    await connection.execute(insert, {"password": secret})
                except DBAPIError as error:
                    return str(error)
        return ""

    with _logged() as lines:
        error = await failing_insert()
    expect(
        not lines,
        "Every statement is written to the log, though nobody asked for that."
        if any(line.startswith("sqlalchemy.engine") for line in lines)
        else "An ordinary query writes to the log at its ordinary level.",
        called="a query through get_engine()",
        got=show("; ".join(lines)),
        expected="nothing in the log",
    )
    expect(
        secret not in error,
        "The error about a failed INSERT shows the values, and errors end up in logs.",
        called=f"INSERT of {secret!r} into a table that is not there",
        got=show(" ".join(error.split())),
        expected="an error without the values",
    )
    with _logged("sqlalchemy.engine") as lines:
        await failing_insert()
    expect(
        not any(secret in line for line in lines),
        "When somebody turns SQLAlchemy's log on to find an error, the values are in it.",
        called=f"INSERT of {secret!r}, with the log of sqlalchemy.engine at INFO",
        got=show("; ".join(lines)),
        expected="a log without the values",
    )


@check(
    at=f"{FILE}:get_session_factory",
    hints=(
        "After the commit the response is built from the object. Does it still have its values, "
        "or would it have to ask the database again, where nobody can await?",
        "async_sessionmaker makes a factory from an engine. One of its options says whether "
        "objects forget their values at the commit.",
        "async_sessionmaker takes the engine from get_engine(), and the option expire_on_commit "
        "switched off. Keep the factory with lru_cache.",
    ),
)
async def test_objects_stay_readable(app: LearnerApp) -> None:
    """Sessions come from the factory; their objects stay readable after the commit."""
    app.use_database()
    engine, lamp_class = _engine(app), await _lamps(app)
    get_session_factory = app.take(MODULE, "get_session_factory")
    with calling("get_session_factory()"):
        factory = get_session_factory()
    expect(
        callable(factory),
        "get_session_factory() gave nothing that makes sessions.",
        called="get_session_factory()",
        got=show(factory),
        expected="an async_sessionmaker",
    )
    with calling("get_session_factory()()"):
        session = factory()
    _expect_session(session, engine, "get_session_factory()()")
    lamp: Any = lamp_class()
    lamp.name = "desk lamp"
    with calling("a commit in a session of get_session_factory()"):
        session.add(lamp)
        await session.commit()
    for when in ("commit", "close"):
        try:
            got = lamp.name
        except SQLAlchemyError as error:
            fail(
                f"After session.{when}() the object has forgotten its values.",
                called=f"lamp.name after session.{when}()",
                got=_text(error),
                expected="'desk lamp'",
            )
        called = f"lamp.name after session.{when}()"
        expect_equal(got, "desk lamp", "The object has another value.", called=called)
        await session.close()


@check(
    at=f"{FILE}:get_db",
    hints=(
        "Each request works alone: its own session, its own connection, given back at the end, so "
        "that the next request can have it.",
        "A dependency with yield has code before and after the request. A session is an async "
        "context manager: leaving it closes it.",
        "async with a session from get_session_factory()(), and yield the session inside. That "
        "is all.",
    ),
)
async def test_get_db_gives_one_session(app: LearnerApp) -> None:
    """get_db() yields a session of its own for each request and closes it afterwards."""
    app.use_database()
    engine = _engine(app)
    with _counted(engine) as open_connections:
        async with _request(app) as first, _request(app) as second:
            for session in (first, second):
                _expect_session(session, engine, "the session of get_db()")
            expect(
                first is not second,
                "Two requests at the same time got the same session: one would commit for both.",
                called="get_db() twice",
                got="one session",
                expected="two sessions",
            )
            with calling("SELECT 1 in a session of get_db()"):
                await first.execute(text("SELECT 1"))
                await second.execute(text("SELECT 1"))
    _expect_all_back(open_connections, "get_db(), after the request has ended")


@check(
    at=f"{FILE}:get_db",
    hints=(
        "The code after yield runs when the response is already on its way. What if the commit "
        "fails then? The client was told 201, and the row is not there.",
        "Only one place may own the transaction. Here it is the service, which commits when its "
        "work is done. Closing a session rolls back whatever is left.",
        "Take commit() out of get_db, and do not use the factory's begin(), which commits by "
        "itself at the end.",
    ),
)
async def test_get_db_does_not_commit(app: LearnerApp) -> None:
    """What the service did not commit is undone at the end; what it committed stays."""
    app.use_database()
    lamp_class = await _lamps(app)
    called = "SELECT name FROM lamps, in the next request"
    async with _request(app) as session:
        await _add_lamp(session, lamp_class, "left over")
        async with _request(app) as other:
            seen = await _lamp_names(other)
    expect(
        not seen,
        "A request saw what another one had not committed: they share a connection.",
        called="SELECT in a second request, while the first has not committed",
        got=show(seen),
        expected="[]",
    )
    async with _request(app) as session:
        got = await _lamp_names(session)
    expect_equal(
        got,
        [],
        "A request added a row and ended without a commit. get_db() committed it, after the "
        "response was sent.",
        called=called,
    )
    async with _request(app) as session:
        await _add_lamp(session, lamp_class, "kept")
        with calling("session.commit() in a request"):
            await session.commit()
    async with _request(app) as session:
        got = await _lamp_names(session)
    expect_equal(got, ["kept"], "A request added a row and committed it.", called=called)


@check(
    at=f"{FILE}:get_db",
    hints=(
        "A request can end with an error, or be cancelled because the client has gone. Does your "
        "session get closed then, and does the error still come out?",
        "At the yield an exception can come in. async with closes in every case and lets the "
        "exception pass; so does try with finally.",
        "Keep the yield inside the async with. If you have an except, end it with raise.",
    ),
)
async def test_errors_pass_through(app: LearnerApp) -> None:
    """After an error in a request nothing is stored, the session is closed, the error goes on."""
    app.use_database()
    engine, lamp_class = _engine(app), await _lamps(app)
    for raised in (LookupError("of the service"), asyncio.CancelledError()):
        name = type(raised).__name__
        passed_on = False
        with _counted(engine) as open_connections:
            try:
                async with _request(app) as session:
                    await _add_lamp(session, lamp_class, "half done")
                    raise raised
            except BaseException as error:
                if error is not raised:
                    raise
                passed_on = True
            expect(
                passed_on,
                f"A request raised {name}, and get_db() swallowed it: nobody would know.",
                called=f"get_db(), in a request that raises {name}",
                got="no error",
                expected=name,
            )
            _expect_all_back(open_connections, f"get_db(), after a request that raised {name}")
    async with _request(app) as session:
        got = await _lamp_names(session)
    called = "SELECT name FROM lamps, in the next request"
    expect_equal(got, [], "A request failed, and half of its work was stored.", called=called)


@check(
    at=f"{FILE}:dispose_engine",
    hints=(
        "When the program ends, its connections should be closed properly. And if somebody then "
        "starts it again in the same process, as every test does?",
        "An AsyncEngine has dispose(), which is awaited. A function with lru_cache has "
        "cache_info(), to see if it was called, and cache_clear(), to make it forget.",
        "If get_engine.cache_info().currsize is not 0: await get_engine().dispose(). Then clear "
        "the caches of both functions.",
    ),
)
def test_dispose_closes_and_forgets(app: LearnerApp) -> None:
    """dispose_engine() closes every connection and forgets; the next event loop starts afresh."""
    app.take(MODULE, "dispose_engine")
    app.setenv(DATABASE_URL="nonsense")
    called = "dispose_engine() when no engine was ever made"
    try:
        asyncio.run(_dispose(app, called))
    except (ValueError, ArgumentError) as error:
        steps = {frame.name: frame.lineno for frame in traceback.extract_tb(error.__traceback__)}
        if not {"get_engine", "get_settings"} & set(steps):
            raise
        deed = "makes an engine" if "get_engine" in steps else "asks for the settings"
        fail(
            f"dispose_engine() {deed} only to close it.",
            called=f"{called}, with DATABASE_URL=nonsense",
            got=type(error).__name__,
            expected="nothing to do, and no error",
            line=steps.get("dispose_engine"),
        )
    app.use_database()
    engines: list[AsyncEngine] = []

    async def one_life_of_the_program() -> None:
        engine = _engine(app)
        expect(
            engine not in engines,
            "After dispose_engine() the old engine is still there, tied to an event loop that "
            "has ended.",
            called="get_engine(), after dispose_engine()",
            got="the same engine",
            expected="a new one",
        )
        engines.append(engine)
        with _counted(engine, "connect", "close") as open_connections:
            async with _request(app) as session:
                _expect_session(session, engine, "the session of get_db(), after dispose_engine()")
                with calling("SELECT 1 in a session of get_db()"):
                    await session.execute(text("SELECT 1"))
            await _dispose(app, "dispose_engine()")
            await _dispose(app, "dispose_engine(), a second time")
        expect(
            open_connections() == 0,
            "Connections stayed open: the server holds them until it notices.",
            called="dispose_engine()",
            got=f"{open_connections()} open",
            expected="0 open",
        )

    asyncio.run(one_life_of_the_program())
    asyncio.run(one_life_of_the_program())


@check(
    at=f"{FILE}:Base",
    hints=(
        "The database gives a nameless constraint a name of its own, or none. How would a "
        "migration say which one to drop, or the service know which one was violated?",
        "MetaData takes naming_convention, a dict with the keys ix, uq, ck, fk and pk. "
        "%(table_name)s, %(column_0_name)s, %(constraint_name)s and %(referred_table_name)s "
        "are filled in.",
        "In Base: metadata = MetaData(naming_convention=…). A unique constraint is "
        '"uq_%(table_name)s_%(column_0_name)s"; the other four follow the same pattern.',
    ),
)
def test_base_names_constraints(app: LearnerApp) -> None:
    """Base gives every constraint the same name on both databases."""
    base = _base(app)
    with calling("Table(…, Base.metadata, …)"):
        Table("workshop_rooms", base.metadata, Column("id", Integer, primary_key=True))
        table = Table(
            "workshop_lamps",
            base.metadata,
            Column("id", Integer, primary_key=True),
            Column("name", String(50)),
            Column("watt", Integer),
            Column("room_id", Integer, ForeignKey("workshop_rooms.id")),
            UniqueConstraint("name"),
            CheckConstraint("watt > 0", name="watt_positive"),
            Index(None, "watt"),
        )
    kinds = {
        "pk": ("a primary key", "pk_workshop_lamps"),
        "uq": ("a unique constraint", "uq_workshop_lamps_name"),
        "fk": ("a foreign key", "fk_workshop_lamps_room_id_workshop_rooms"),
        "ck": ("a check constraint", "ck_workshop_lamps_watt_positive"),
        "ix": ("an index", "ix_workshop_lamps_watt"),
    }
    names = {_kind(item): item.name for item in (*table.constraints, *table.indexes)}
    for kind, (words, expected) in kinds.items():
        got = names.get(kind)
        problem = "has no name" if got is None else "has another name than the brief gives it"
        expect(
            got == expected,
            f"{words.capitalize()} {problem}.",
            called=f"the name of {words} in a table of Base",
            got=show(None if got is None else str(got)),
            expected=show(expected),
        )


@check(
    at=FILE,
    hints=(
        "The database layer lies right above core. Which imports of yours go up, or to the side?",
        "From the app itself this module needs get_settings, and nothing else. Models import it, "
        "not the other way round, and HTTP is a matter of the API.",
        "Take the import that the message names out of the module.",
    ),
)
def test_session_knows_core_alone(app: LearnerApp) -> None:
    """The session module imports core and no other layer, and no web framework."""
    expect_layer(app, MODULE)


def _engine(app: LearnerApp, **environment: str) -> AsyncEngine:
    """The engine of the app; of a newly started one if an environment is given."""
    if environment:
        app.setenv(**environment)
        app.forget()
    get_engine = app.take(MODULE, "get_engine")
    shown = ", ".join(f"{name}={value}" for name, value in environment.items())
    called = "get_engine()" + (f" with {shown}" if shown else "")
    with calling(called):
        engine = get_engine()
    if inspect.iscoroutine(engine):
        engine.close()
        fail("get_engine is async: making an engine waits for nothing.", called=called)
    expect(
        isinstance(engine, AsyncEngine),
        "get_engine() gave no async engine.",
        called=called,
        got=show(engine),
        expected="an AsyncEngine, as create_async_engine makes it",
    )
    return engine


@asynccontextmanager
async def _request(app: LearnerApp) -> AsyncGenerator[Any]:
    """A request as FastAPI sees it: what get_db() yields, and its end after that."""
    get_db = app.take(MODULE, "get_db")
    if not inspect.isasyncgenfunction(get_db):
        with calling("get_db()"):
            got = get_db()
            if inspect.isawaitable(got):
                got = await got
        fail(
            _why_no_dependency(got),
            called="get_db()",
            got=show(got),
            expected="async def, without a decorator, and with a yield in it",
        )
    with calling("get_db()"):
        async with asynccontextmanager(get_db)() as session:
            yield session


def _why_no_dependency(got: object) -> str:
    if hasattr(got, "__aenter__") and hasattr(got, "gen"):
        return "get_db is decorated: a dependency with a yield is the bare function."
    if inspect.isgenerator(got):
        got.close()
        return "get_db is a plain function, which cannot wait until the session is closed."
    if isinstance(got, AsyncSession):
        return "get_db() returns a session instead of yielding it: nothing closes it afterwards."
    return "get_db() does not yield a session: nothing can be closed after the request."


class _Driver:
    """A connection of asyncpg, without a server behind it."""

    closed = False

    @classmethod
    async def connect(cls, *_: Any, **__: Any) -> Any:
        return cls()

    async def _answer(self, *_: Any, **__: Any) -> None:
        if self.closed:
            raise asyncpg.InterfaceError("connection is closed")

    start = commit = rollback = close = fetchrow = set_type_codec = _answer

    def transaction(self, **_: Any) -> Any:
        return self

    def terminate(self) -> None:
        self.closed = True

    def is_closed(self) -> bool:
        return self.closed


async def _driver_of(engine: AsyncEngine) -> Any:
    """The driver's connection that a request gets; it goes back into the pool."""
    async with engine.connect() as connection:
        return (await connection.get_raw_connection()).driver_connection


def _expect_session(session: object, engine: AsyncEngine, called: str) -> None:
    expect(
        isinstance(session, AsyncSession),
        "That is no async session.",
        called=called,
        got=show(session),
        expected="an AsyncSession",
    )
    assert isinstance(session, AsyncSession)
    with calling(called):
        bind = session.sync_session.bind
    expect(
        bind is engine.sync_engine,
        "The session does not use the engine of get_engine().",
        called=called,
        got="a session without an engine" if bind is None else "a session on another engine",
        expected="a session on the engine of get_engine()",
    )


def _expect_all_back(open_connections: Any, called: str) -> None:
    expect(
        open_connections() == 0,
        "The session was not closed: its connection never comes back to the pool, and when the "
        "pool is empty, requests wait in vain.",
        called=called,
        got=f"connections still taken: {open_connections()}",
        expected="0",
    )


@contextmanager
def _counted(
    engine: AsyncEngine, taken: str = "checkout", given: str = "checkin"
) -> Generator[Any]:
    """A function that says how many connections are taken and not given back."""
    count = 0

    def more(*_: object) -> None:
        nonlocal count
        count += 1

    def less(*_: object) -> None:
        nonlocal count
        count -= 1

    event.listen(engine.sync_engine, taken, more)
    event.listen(engine.sync_engine, given, less)
    try:
        yield lambda: count
    finally:
        event.remove(engine.sync_engine, taken, more)
        event.remove(engine.sync_engine, given, less)


def _base(app: LearnerApp) -> Any:
    base = app.take(MODULE, "Base")
    expect(
        inspect.isclass(base) and hasattr(base, "metadata"),
        "Base is no base class for models.",
        called="Base",
        got=show(base),
        expected="a class that derives from DeclarativeBase",
        at=f"{FILE}:Base",
    )
    return base


async def _lamps(app: LearnerApp) -> type[Any]:
    """A model on the learner's Base, whose table is made."""
    base = _base(app)
    with calling("class Lamp(Base)"):

        class Lamp(base):
            __tablename__ = "workshop_lamps"
            id = mapped_column(Integer, primary_key=True)
            name = mapped_column(String(50))

    expect(
        hasattr(Lamp, "__table__"),
        "A class that derives from Base is no model: it has no table.",
        called="class Lamp(Base), with a __tablename__ and two columns",
        got=show(base.__mro__),
        expected="a Base that derives from DeclarativeBase",
        at=f"{FILE}:Base",
    )
    with calling("Base.metadata.create_all"):
        async with _engine(app).begin() as connection:
            await connection.run_sync(base.metadata.create_all)
    return Lamp


async def _add_lamp(session: Any, lamp_class: type[Any], name: str) -> None:
    lamp = lamp_class()
    lamp.name = name
    with calling("session.add(…) and session.flush() in a request"):
        session.add(lamp)
        await session.flush()


async def _lamp_names(session: Any) -> list[str]:
    with calling("SELECT in a request"):
        rows = await session.execute(text("SELECT name FROM workshop_lamps ORDER BY id"))
        return list(rows.scalars())


async def _dispose(app: LearnerApp, called: str) -> None:
    dispose_engine = app.take(MODULE, "dispose_engine")
    with calling(called):
        waiting = dispose_engine()
        expect(
            inspect.isawaitable(waiting),
            "dispose_engine() cannot be awaited, and closing connections has to wait for them.",
            called=called,
            got=show(waiting),
            expected="async def",
        )
        await waiting


@contextmanager
def _logged(logger: str | None = None) -> Generator[list[str]]:
    """The lines that are logged meanwhile, by a logger at INFO if one is named."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name}: {' '.join(record.getMessage().split())}")

    keeper, root = Keeper(), logging.getLogger()
    root.addHandler(keeper)
    level = logging.getLogger(logger).level if logger else None
    if logger:
        logging.getLogger(logger).setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(keeper)
        if logger and level is not None:
            logging.getLogger(logger).setLevel(level)


def _pragma_on(engine: AsyncEngine, app: LearnerApp) -> str | None:
    """The PRAGMA that the learner's code sends on a new connection; None if it sends none."""
    for listener in list(engine.sync_engine.pool.dispatch.connect):
        code = getattr(listener, "__code__", None)
        if code is None or not code.co_filename.startswith(str(app.root)):
            continue
        connection = MagicMock()
        with calling("your listener for new connections, on PostgreSQL"):
            listener(connection, MagicMock())
        for call in connection.mock_calls:
            if call.args and "PRAGMA" in str(call.args[0]).upper():
                return str(call.args[0])
    return None


def _kind(item: object) -> str:
    match type(item).__name__:
        case "PrimaryKeyConstraint":
            return "pk"
        case "ForeignKeyConstraint":
            return "fk"
        case "UniqueConstraint":
            return "uq"
        case "CheckConstraint":
            return "ck"
        case _:
            return "ix"


def _text(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return show(plain(f"{type(error).__name__}: {first}"))
