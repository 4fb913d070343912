"""Step 4: the users table, its columns, its rules, and its place in the registry."""

import ast
import asyncio
import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

from sqlalchemy import Inspector, Table, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import CompileError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeDecorator

from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, expect_equal, fail, plain, show
from workshop.probes.dialects import postgresql_refuses
from workshop.probes.learner_app import LearnerApp

Answer = TypeVar("Answer")

FILE = "app/models/user.py"
REGISTRY = "app/db/base.py"

# What each column holds, in Python's terms, and in the learner's.
COLUMNS: dict[str, tuple[type, str]] = {
    "id": (int, "a whole number"),
    "email": (str, "text"),
    "username": (str, "text"),
    "hashed_password": (str, "text"),
    "is_active": (bool, "true or false"),
    "created_at": (datetime, "a date with its time"),
}
# What has to fit. An index entry of PostgreSQL takes 2704 bytes, a character up to four of them.
SHORTEST = {"email": 254, "username": 50, "hashed_password": 60}
LONGEST = {"email": 600, "username": 600}
# Seconds by which a moment may be off: SQLite's own clock tells whole seconds, and the clock of
# a database server is not this computer's.
OWN_CLOCK, SERVERS_CLOCK = timedelta(seconds=2), timedelta(minutes=2)


@check(
    at=f"{FILE}:User",
    hints=(
        "A row of users is one person. What do we have to know of them, and what kind of value "
        "is each? The brief has the list of six.",
        "Mapped[…] says the Python type, and mapped_column adds what the database needs besides. "
        "Text, numbers and truth values need no more than the annotation.",
        "One line for each column, as in `nickname: Mapped[str] = mapped_column(String(30))`. "
        "For created_at the annotation is a datetime, and the column type is UTCDateTime.",
    ),
)
def test_user_has_columns(app: LearnerApp) -> None:
    """The table users has the six columns, each of its type, and id is the primary key."""
    table = _table(app)
    for name, (kind, words) in COLUMNS.items():
        got = _python_type(table.c[name].type)
        expect(
            got is kind,
            f"The column {name} has another type.",
            called=f"User.__table__.c.{name}.type",
            got=f"{table.c[name].type!r}",
            expected=f"a type for {words}",
            at=f"{FILE}:User.{name}",
        )
    keys = [column.name for column in table.primary_key.columns]
    expect_equal(
        keys, ["id"], "Another column is the key of the table.", called="the primary key of users"
    )


@check(
    at=f"{FILE}:User",
    hints=(
        "Your laptop runs SQLite and production PostgreSQL. Which part of a column did you write "
        "in the language of only one of them?",
        "Types from sqlalchemy itself suit every database. For a server_default, sqlalchemy has "
        "functions and constants that it spells for each: func, true and false.",
        "Leave server_default away, since default is enough, or write server_default=true() for "
        "is_active and server_default=func.now() for created_at.",
    ),
)
def test_table_suits_both_databases(app: LearnerApp) -> None:
    """The table can be made on SQLite and on PostgreSQL, defaults included."""
    table = _table(app)
    for line in _ddl(table, postgresql, "PostgreSQL"):
        problem = postgresql_refuses(line)
        if problem:
            fail(
                f"PostgreSQL does not make this table: {problem}.",
                called="CREATE TABLE users on PostgreSQL",
                got=line.strip().rstrip(","),
                at=f"{FILE}:User.{line.split()[0]}",
            )
    database = sqlite3.connect(":memory:")
    called = "CREATE TABLE users on SQLite"
    try:
        database.executescript(";\n".join(_statements(table, sqlite, "SQLite")))
        called = "INSERT INTO users on SQLite, leaving id and the server's defaults to the server"
        values = _values_for(table)
        marks = ", ".join("?" * len(values))
        query = f"INSERT INTO users ({', '.join(values)}) VALUES ({marks})"  # noqa: S608
        database.execute(query, tuple(values.values()))
    except sqlite3.Error as error:
        fail("SQLite does not take this table.", called=called, got=str(error))
    finally:
        database.close()


@check(
    at=f"{FILE}:User",
    hints=(
        "The response of a later step says that is_active is true or false. What becomes of a "
        "list of users when one row holds neither?",
        "Mapped[bool] makes a column NOT NULL, Mapped[bool | None] does not. In a plain Column "
        "it is the argument nullable.",
        "Take `| None`, Optional and nullable=True out of the columns. With Column, write "
        "nullable=False into each.",
    ),
)
async def test_every_column_has_a_value(app: LearnerApp) -> None:
    """The database refuses a user without a value in any of the columns."""
    model = await _stored_table(app)
    await _store(app, _user(model, "ada"))
    for name in COLUMNS:
        if name == "id":
            continue
        query = f"UPDATE users SET {name} = NULL"  # noqa: S608  the names are ours
        refused = await _refused(app, query)
        expect(
            refused,
            f"A user can have no {name}: the column takes NULL.",
            called=query,
            got="the row was changed",
            expected="refused by the database (NOT NULL)",
            at=f"{FILE}:User.{name}",
        )


@check(
    at=f"{FILE}:User",
    hints=(
        "Somebody sends a user name of one megabyte. An index cannot hold it, and then the answer "
        "is a 500. Where is the right place to say how long is long enough?",
        "The type String takes the greatest number of characters. The brief says what has to fit "
        "into each column.",
        "Give each of the texts a String with its number of characters: the email 254, the "
        "username 50, the hash 60.",
    ),
)
async def test_texts_have_a_longest_length(app: LearnerApp) -> None:
    """Email and username have a longest length, and what the app allows fits in."""
    await _stored_table(app)
    columns = await _asked(app, lambda database: database.get_columns("users"))
    lengths = {column["name"]: getattr(column["type"], "length", None) for column in columns}
    for name, shortest in SHORTEST.items():
        length, longest = lengths[name], LONGEST.get(name)
        expected = f"at least {shortest}" + (f", at most {longest}" if longest else "")
        at, called = f"{FILE}:User.{name}", f"the length of users.{name}"
        expect(
            length is not None or longest is None,
            f"The column {name} takes text of any length, and its index does not.",
            called=called,
            got="no longest length",
            expected=expected,
            at=at,
        )
        expect(
            length is None or shortest <= length <= (longest or length),
            f"The column {name} has a length that does not suit.",
            called=called,
            got=show(length),
            expected=expected,
            at=at,
        )


@check(
    at=f"{FILE}:User",
    hints=(
        "Two people send the same email at the same moment, to two workers. Each worker looks and "
        "finds nothing. Who alone sees both?",
        "A unique constraint makes the database refuse the second. It stands in __table_args__ "
        "or in the column, and each of the two columns has its own.",
        "__table_args__ is a tuple with one UniqueConstraint for the email and one for the "
        "username; each takes the name of its column as text.",
    ),
)
async def test_duplicates_are_refused(app: LearnerApp) -> None:
    """The database refuses a second user with the same email, or with the same username."""
    model = await _stored_table(app)
    await _store(app, _user(model, "ada"))
    await _store(app, _user(model, "grace"))
    for name in ("email", "username"):
        second = _user(model, "edith")
        setattr(second, name, getattr(_user(model, "ada"), name))
        try:
            await _store(app, second)
        except IntegrityError:
            continue
        fail(
            f"Two users have the same {name}.",
            called=f"storing a second user with the {name} of the first",
            got="stored",
            expected="IntegrityError",
            at=f"{FILE}:User",
        )


@check(
    at=f"{FILE}:User",
    hints=(
        "Step 8 has to tell the client which of the two was taken. All that the database says is "
        "the name of the rule that was broken.",
        "The naming convention of Base names a unique constraint uq_, an index ix_. With both "
        "unique=True and index=True on a column you get an index. A primary key has one already.",
        "Use UniqueConstraint in __table_args__, or unique=True alone, and take index=True off "
        "id, email and username.",
    ),
)
async def test_constraints_have_their_names(app: LearnerApp) -> None:
    """The unique constraints are uq_users_email and uq_users_username, and no index is doubled."""
    model = await _stored_table(app)
    rules = await _asked(app, _unique_rules)
    convention = getattr(model.metadata, "naming_convention", {})
    for name in ("email", "username"):
        names = [rule for rule, columns in rules if columns == [name]]
        expected = f"uq_users_{name}"
        if expected not in names:
            fail(
                f"What keeps {name} unique has another name, and step 8 goes by it."
                if "uq" in convention
                else "The Base of step 2 gives constraints no names: it has no naming convention.",
                called=f"the unique constraint of users.{name}",
                got=show(plain(", ".join(map(str, names)) or "none of its own")),
                expected=expected,
                at=None if "uq" in convention else "app/db/session.py:Base",
            )
    indexed = [["id"], *(columns for _, columns in rules if columns != ["id"])]
    indexes = await _asked(app, _plain_indexes)
    for index, columns in [*indexes, *(rule for rule in rules if rule[1] == ["id"])]:
        expect(
            not any(columns == known[: len(columns)] for known in indexed),
            f"{', '.join(columns)} has two indexes: a primary key and a unique constraint bring "
            "one, and every write pays for the second.",
            called="the indexes of users",
            got=f"{index} on {', '.join(columns)}",
            expected="none besides the primary key's and the unique constraints'",
            at=f"{FILE}:User.{columns[0]}",
        )


@check(
    at=f"{FILE}:User",
    hints=(
        "Nobody who signs up sends is_active or created_at. Where do these values come from, and "
        "at which moment is each worked out?",
        "mapped_column takes a default: a value, or a function that is called for each new row. "
        "What you write with parentheses behind it is called right now, while the module loads.",
        "The default of is_active is the value itself. For created_at it is a lambda without "
        "arguments, whose body asks datetime for now in UTC.",
    ),
)
async def test_new_users_get_defaults(app: LearnerApp) -> None:
    """A new user is active, and created_at is the moment at which that row was stored."""
    model = await _stored_table(app)
    column = model.__table__.c.created_at
    called = "session.add(User(email=…, username=…, hashed_password=…)) and commit"
    before = datetime.now(UTC)
    for name in ("ada", "grace"):
        # The clock of Windows moves every 16 milliseconds.
        await asyncio.sleep(0.02)
        try:
            await _store(app, _newcomer(model, name))
        except IntegrityError as error:
            left = re.search(r"(?i)null.*?\b(?:users\.|column \")(\w+)", str(error.orig))
            fail(
                f"The database refuses a new user: {left[1]} is left without a value."
                if left
                else "The database refuses a new user.",
                called=called,
                got=str(error.orig),
                expected="stored, with the defaults of the model",
                at=f"{FILE}:User.{left[1]}" if left else f"{FILE}:User",
            )
        except StatementError as error:
            if isinstance(error, DBAPIError):
                raise
            fail(
                "The default of a column gives what its type does not take.",
                called=called,
                got=str(error.orig),
                expected="a value of the column's own type",
                at=_column_with_such_a_default(error),
            )
    after = datetime.now(UTC)
    async with _session(app) as session:
        users = (await session.scalars(select(model).order_by(model.id))).all()
        active = (await session.scalars(select(model).where(model.is_active.is_(True)))).all()
    for user in users:
        expect_equal(user.is_active, True, "A new user should be active.", called=called)
    expect(
        len(active) == len(users),
        "The database does not find the new users when asked for the active ones: it keeps "
        "another value than true.",
        called="select(User).where(User.is_active.is_(True))",
        got=f"{len(active)} users",
        expected=f"{len(users)} users",
        at=f"{FILE}:User.is_active",
    )
    moments = [user.created_at for user in users]
    at = f"{FILE}:User.created_at"
    expect(
        not _evaluated_once(column, moments),
        "created_at was worked out once, when the module was imported: every user gets the same "
        "moment.",
        called=called + ", twice",
        got=show(plain(" and ".join(map(str, moments)))),
        expected="for each user the moment of their own",
        at=at,
    )
    allowed = OWN_CLOCK if column.default is not None else SERVERS_CLOCK
    for moment in moments:
        known = isinstance(moment, datetime)
        # Whether the timezone is there is a check of its own.
        utc = moment.replace(tzinfo=UTC) if known and moment.tzinfo is None else moment
        expect(
            known and before - allowed <= utc <= after + allowed,
            "created_at is not the moment at which the user was stored.",
            called=called,
            got=show(moment),
            expected=f"about {before}",
            at=at,
        )


@check(
    at=f"{FILE}:User.created_at",
    hints=(
        "A clock without a place tells no moment. What does SQLite do with the timezone of a "
        "value that you store, whatever the column says?",
        "app/db/types.py came with this step. Its type puts UTC in and says UTC when it comes out.",
        "mapped_column takes the type as its first argument: use UTCDateTime for created_at in "
        "place of DateTime, and a default that knows its timezone.",
    ),
)
async def test_times_keep_their_zone(app: LearnerApp) -> None:
    """created_at comes back with a timezone, as the same moment, whatever zone it was given in."""
    model = await _stored_table(app)
    moments = {
        "ada": datetime(2026, 1, 31, 23, 59, 58, 123456, tzinfo=UTC),
        "grace": datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        "edith": datetime(2026, 12, 31, 20, 0, tzinfo=timezone(timedelta(hours=-8))),
    }
    for name, moment in moments.items():
        user = _user(model, name)
        user.created_at = moment
        await _store(app, user)
    async with _session(app) as session:
        users = (await session.scalars(select(model))).all()
    for user in users:
        got, moment = user.created_at, moments[user.username]
        called = f"created_at of a user stored with {moment}, read in another session"
        expect(
            isinstance(got, datetime) and got.tzinfo is not None,
            "created_at came back without a timezone: nobody can tell which moment it is.",
            called=called,
            got=show(plain(str(got))),
            expected=str(moment.astimezone(UTC)),
        )
        expect(
            got == moment,
            "created_at came back as another moment.",
            called=called,
            got=show(plain(str(got))),
            expected=str(moment.astimezone(UTC)),
        )


@check(
    at=REGISTRY,
    hints=(
        "Alembic imports app.db.base and nothing else. A class that nobody imported has told "
        "nobody that it exists.",
        "One import of the model's module among the imports of app/db/base.py is enough: deriving "
        "from Base, when the module runs, enters the table.",
        "Below the import of Base: from the package app.models import the module user. Written "
        "as `import … as` the same name, no linter takes it for unused.",
    ),
)
def test_base_knows_the_users(app: LearnerApp) -> None:
    """Importing app.db.base alone is enough for Base to know the table users."""
    base = app.take("app.db.base", "Base")
    tables = sorted(base.metadata.tables)
    if "users" not in tables:
        imported = "app.models.user" in sys.modules
        fail(
            "app.db.base imports the model, and its Base does not know the table all the same."
            if imported
            else "app.db.base does not import the model, so Base never heard of it. A migration "
            "made now would be empty, without an error.",
            called="from app.db.base import Base; list(Base.metadata.tables)",
            got=show(tables),
            expected="a list with 'users' in it",
            at=f"{FILE}:User" if imported else REGISTRY,
            line=None if imported else _last_import(app),
        )


@check(
    at=f"{FILE}:User",
    hints=(
        "Somebody logs a user while they look for a bug. Which of the values should never be in "
        "a log file?",
        "The repr that a class has without any code shows no column. If you want one, "
        "write __repr__ yourself and choose what is in it.",
        "Show the id and the username in __repr__, and nothing else.",
    ),
)
def test_hash_is_not_shown(app: LearnerApp) -> None:
    """A user's repr does not show the password hash."""
    _table(app)
    user = _user(app.take("app.models.user", "User"), "ada")
    for called in ("repr(user)", "str(user)"):
        with calling(called):
            shown = repr(user) if called.startswith("repr") else str(user)
        # A text of many columns is cut in the middle, and there the hash may be.
        start = max(shown.find(user.hashed_password) - 30, 0)
        end = start + 30 + len(user.hashed_password)
        expect(
            user.hashed_password not in shown,
            "Whoever logs a user logs the hash of their password.",
            called=called,
            got=show(plain(f"… {shown[start:end]} …")),
            expected="a text without the hash",
            at=f"{FILE}:User.__repr__",
        )


@check(
    at=FILE,
    hints=(
        "Draw an arrow from each module to the ones it imports. Who needs a table, and what does "
        "a table need?",
        "A model needs the Base of app.db.session and the types of app.db.types. It knows neither "
        "HTTP nor schemas nor services, and not the registry.",
        "Take the import that the message names out of the module. Base comes from "
        "app.db.session, not from app.db.base.",
    ),
)
def test_models_know_no_upper_layer(app: LearnerApp) -> None:
    """The model imports no layer above it, no web framework, and not the registry."""
    expect_layer(app, "app.models", "app.models.user", "app.db.types", "app.db.base")


# -- the model, checked so far that the other checks can rely on it


def _table(app: LearnerApp) -> Table:
    """The table behind User, with all of its columns."""
    model = app.take("app.models.user", "User")
    base = app.take("app.db.session", "Base")
    table: Any = getattr(model, "__table__", None)
    expect(
        isinstance(table, Table),
        "User is no table: it should derive from Base and have a __tablename__.",
        called="User.__table__",
        got=show(table),
        at=f"{FILE}:User",
    )
    expect(
        table.metadata is base.metadata,
        "User derives from another Base than the one in app/db/session.py, so nobody who asks "
        "that one finds the table.",
        called="User.metadata is Base.metadata",
        got="False",
        expected="True",
        at=f"{FILE}:User",
    )
    expect_equal(table.name, "users", "The table has another name.", called="User.__tablename__")
    attributes = inspect(model).column_attrs
    for name, (_, words) in COLUMNS.items():
        expect(
            name in table.c and name in attributes,
            f"User has no column {name}.",
            called=f"User.{name}",
            got=show(plain(f"columns: {', '.join(table.c.keys())}")),
            expected=f"a column for {words}",
            at=f"{FILE}:User",
        )
    return table


async def _stored_table(app: LearnerApp) -> Any:
    """The class User, whose table is made in an empty database."""
    _table(app)
    with calling("Base.metadata.create_all"):
        await app.create_tables()
    return app.take("app.models.user", "User")


def _newcomer(model: Any, name: str) -> Any:
    """A user as step 8 makes them, whose other columns are left to their defaults."""
    email, hashed = f"{name}@example.com", "$2b$04$" + "h" * 53
    with calling(f"User(email={email!r}, username={name!r}, hashed_password=…)"):
        return model(email=email, username=name, hashed_password=hashed)


def _user(model: Any, name: str) -> Any:
    """A user with a value in every column, for checks that are not about defaults."""
    user = _newcomer(model, name)
    user.is_active, user.created_at = True, datetime.now(UTC)
    return user


def _python_type(kind: Any) -> Any:
    kind = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    try:
        return kind.python_type
    except NotImplementedError:
        return None


# -- the database


@asynccontextmanager
async def _session(app: LearnerApp) -> AsyncGenerator[AsyncSession]:
    async with app.take("app.db.session", "get_session_factory")()() as session:
        yield session


async def _store(app: LearnerApp, user: Any) -> None:
    async with _session(app) as session:
        with calling(f"session.add(User(username={user.username!r}, …)); await session.commit()"):
            session.add(user)
            await session.commit()


async def _refused(app: LearnerApp, query: str) -> bool:
    """Whether the database refuses to change a row in this way."""
    engine = app.take("app.db.session", "get_engine")()
    try:
        async with engine.begin() as connection:
            await connection.execute(text(query))
    except DBAPIError:
        return True
    return False


async def _asked(app: LearnerApp, question: Callable[[Inspector], Answer]) -> Answer:
    engine = app.take("app.db.session", "get_engine")()
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: question(inspect(sync)))


def _unique_rules(database: Inspector) -> list[tuple[str | None, list[str]]]:
    """What keeps columns unique, constraints and unique indexes alike: name and columns."""
    rules = [(rule["name"], rule["column_names"]) for rule in _constraints(database)]
    for index in database.get_indexes("users"):
        if index["unique"] and not index.get("duplicates_constraint"):
            rules.append((index["name"], [str(name) for name in index["column_names"]]))
    return rules


def _constraints(database: Inspector) -> Any:
    return database.get_unique_constraints("users")


def _plain_indexes(database: Inspector) -> list[tuple[str | None, list[str]]]:
    return [
        (index["name"], [str(name) for name in index["column_names"]])
        for index in database.get_indexes("users")
        if not index["unique"]
    ]


def _last_import(app: LearnerApp) -> int | None:
    """The line of the registry below which the one that is missing would stand."""
    nodes = [node for node in app.tree(REGISTRY).body if isinstance(node, ast.ImportFrom)]
    return nodes[-1].lineno if nodes else None


def _column_with_such_a_default(error: StatementError) -> str:
    """The column whose type refused its default; the model when that cannot be told."""
    about_time = re.search(r"(?i)timezone|datetime|isoformat", str(error.orig))
    about_truth = re.search(r"(?i)boolean", str(error.orig))
    name = "created_at" if about_time else "is_active" if about_truth else ""
    return f"{FILE}:User.{name}".rstrip(".")


def _evaluated_once(column: Any, moments: list[Any]) -> bool:
    """Whether the moments of two users are one that was worked out before either was stored."""
    default, server = column.default, column.server_default
    if getattr(default, "is_scalar", False) or isinstance(getattr(server, "arg", None), str):
        return True
    # A clock of whole seconds tells two users the same.
    return moments[0] == moments[1] and bool(getattr(moments[0], "microsecond", 0))


# -- both databases, on a computer that has one


def _statements(table: Table, database: Any, name: str) -> list[str]:
    dialect = database.dialect()
    try:
        return [
            str(CreateTable(table).compile(dialect=dialect)),
            *(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes),
        ]
    except CompileError as error:
        fail(
            f"{name} has no such type.",
            called=f"CREATE TABLE users on {name}",
            got=show(plain(str(error).split(" (Background")[0])),
            at=f"{FILE}:User",
        )


def _ddl(table: Table, database: Any, name: str) -> list[str]:
    return [line for text in _statements(table, database, name) for line in text.splitlines()]


def _values_for(table: Table) -> dict[str, Any]:
    """A value for each column that the database does not fill in by itself."""
    samples = {int: 1, bool: 1, str: "x", datetime: "2026-01-31 12:00:00.000000"}
    return {
        column.name: samples.get(_python_type(column.type), "x")
        for column in table.columns
        if column.server_default is None and not (column.primary_key and column.default is None)
    }
