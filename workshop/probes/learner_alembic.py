"""The learner's Alembic as a check sees it: its revisions, its commands, and what they made."""

import ast
import asyncio
import io
import os
import re
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util.exc import CommandError
from sqlalchemy import Connection, MetaData, Table, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from workshop.probes.checking import calling, expect, fail, plain, show
from workshop.probes.draft import AUTOGENERATE, ENV, expect_sound_draft
from workshop.probes.learner_app import LearnerApp

Answer = TypeVar("Answer")

VERSIONS = "alembic/versions"
REGISTRY, REGISTRATION = "app/db/base.py", "from app.models import user as user"
VERSION_TABLE = "alembic_version"
# The revision that a check writes, and takes away again.
PROBE = "workshop_probe"
AGAIN = (
    " Mend that, delete the revision, and app.db if there is one, and make the revision again:\n"
    + AUTOGENERATE
)

# -- commands


def run(app: LearnerApp, name: str, *arguments: Any, url: str) -> None:
    """Run a command as a new process would: nothing of the app is loaded before."""
    _expect_package(app)
    app.setenv(DATABASE_URL=url)
    app.forget()
    try:
        app.alembic(name, *arguments)
    except NotImplementedError as error:
        if "SQLite" not in str(error):
            raise  # the learner's own
        fail(
            "SQLite cannot do this to a table that exists. In a batch it can: Alembic then makes a "
            "new table and copies the rows.",
            called=" ".join(["alembic", name, *map(str, arguments)]),
            got=short(error).split(". Please")[0],
            expected="with op.batch_alter_table(…)",
            at=VERSIONS,
        )


def upgrade(app: LearnerApp, url: str, target: str = "head") -> None:
    """Apply revisions to a database; the check fails when there are none."""
    first(app)
    try:
        run(app, "upgrade", target, url=url)
    except (NameError, SQLAlchemyError) as error:
        place = _place_in_a_revision(app, error)
        if place is None:
            raise
        expect_registered(app)
        expect_sound_draft(app, sqlite_url(app), then=AGAIN)
        app.setenv(DATABASE_URL=url)
        if not isinstance(error, NameError):
            raise
        fail(
            f"The revision names {error.name}, which it does not know. With today's env.py Alembic "
            f"writes one that does not: delete this one, and app.db if there is one, and make it "
            f"again:\n{AUTOGENERATE}",
            called=f"alembic upgrade {target}",
            got=f"NameError: {error}",
            expected="names that the revision imports, such as sa and op",
            at=place[0],
            line=place[1],
        )


def expect_no_own_tables(url: str, called: str) -> None:
    """The check fails if env.py made tables in a database to which no revision was applied."""
    made = [name for name in asked(url, tables) if name != VERSION_TABLE]
    expect(
        not made,
        "env.py makes tables by itself. Then no revision is needed for them, and none will be "
        "written.",
        called=called,
        got=show(plain(f"tables: {', '.join(made)}")),
        expected=f"{VERSION_TABLE} alone; the revisions make the others",
        at=f"{ENV}:run_on",
    )


def _place_in_a_revision(app: LearnerApp, error: BaseException) -> tuple[str, int | None] | None:
    """The file and line of a revision in which an error came up; None if in none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(app.root / VERSIONS):
            return file.relative_to(app.root).as_posix(), frame.lineno
    return None


def printed_sql(app: LearnerApp, url: str) -> str:
    """What `alembic upgrade head --sql` prints for a database."""
    app.setenv(DATABASE_URL=url)
    app.forget()
    app.prepare_imports()
    printed = io.StringIO()
    config = Config(str(app.path("alembic.ini")), output_buffer=printed, stdout=sys.stderr)
    with calling("alembic upgrade head --sql"):
        command.upgrade(config, "head", sql=True)
    return printed.getvalue()


def _expect_package(app: LearnerApp) -> None:
    drop_probe(app)
    if (app.root / "alembic/__init__.py").exists():
        fail(
            "There is an __init__.py in the folder alembic. With it Python takes that folder for "
            "the package Alembic itself: delete the file.",
            called="from alembic import context",
            got="your folder",
            expected="the package",
            at="alembic/__init__.py",
        )


def drop_probe(app: LearnerApp) -> None:
    """Take away what a check wrote, this one or one that was stopped."""
    for file in (app.root / VERSIONS).glob(f"{PROBE}*.py"):
        file.unlink()


# -- revisions


def scripts(app: LearnerApp) -> list[Script]:
    """The learner's revisions, the first one first; the check fails when they cannot be read."""
    _expect_package(app)
    config = Config(str(app.path("alembic.ini")), stdout=sys.stderr)
    if not (app.root / VERSIONS).is_dir():
        return []
    try:
        with calling("alembic history"):
            return list(ScriptDirectory.from_config(config).walk_revisions())[::-1]
    except KeyError as error:
        fail(
            f"A revision names {error} as the one before it, and no file in {VERSIONS} has that "
            "id. The first revision has down_revision = None.",
            called="alembic history",
            got=f"down_revision = {error}",
            at=VERSIONS,
        )
    except (CommandError, RevisionError) as error:
        fail(
            "Alembic cannot make sense of the revisions.",
            called="alembic history",
            got=short(error).split(" (please see")[0],
            expected="files with the variables revision and down_revision",
            at=VERSIONS,
        )


def first(app: LearnerApp) -> Script:
    """The learner's first revision; the check fails when there is none."""
    found = scripts(app)
    if not found:
        expect_registered(app)
        expect_sound_draft(app, sqlite_url(app), then=" Mend that before you make a revision.")
        fail(
            f"There is no revision in {VERSIONS} yet. In your app's folder, type:\n{AUTOGENERATE}",
            called="alembic history",
            got="nothing",
            expected="a revision",
            at=VERSIONS,
        )
    return found[0]


def path_of(app: LearnerApp, script: Script) -> str:
    """The file of a revision, in the app."""
    return Path(script.path).resolve().relative_to(app.root.resolve()).as_posix()


# -- models


def expect_registered(app: LearnerApp) -> MetaData:  # noqa: RET503  (fail does not return)
    """The metadata of Base; the check fails, at the registry, when it does not know the users."""
    app.forget()
    metadata = app.take("app.db.base", "Base").metadata
    if "users" in metadata.tables:
        return metadata
    called, got = (
        "from app.db.base import Base; list(Base.metadata.tables)",
        show([*metadata.tables]),
    )
    if "app.models.user" in sys.modules:
        fail(
            f"{REGISTRY} imports the model, and its Base does not know the table users all the "
            "same. What the model is belongs to step 4.",
            called=called,
            got=got,
            expected="'users' in it",
            at="app/models/user.py:User",
        )
    imports = [node for node in app.tree(REGISTRY).body if isinstance(node, ast.ImportFrom)]
    fail(
        f"{REGISTRY} does not import the model, so Base does not know the table users. The line "
        f"belongs to step 4; add it to the imports:\n{REGISTRATION}",
        called=called,
        got=got,
        expected="'users' in it",
        at=REGISTRY,
        line=imports[-1].lineno if imports else None,
    )


# -- databases


def sqlite_url(app: LearnerApp) -> str:
    """A new SQLite database, whatever the run's databases are."""
    file = app.root.parent / f"own_{os.urandom(4).hex()}.db"
    return f"sqlite+aiosqlite:///{file.as_posix()}"


def asked(url: str, question: Callable[[Connection], Answer], **options: Any) -> Answer:
    """The answer of a database; what the question changes is committed."""

    async def ask() -> Answer:
        engine = create_async_engine(url, poolclass=NullPool, **options)
        async with engine.begin() as connection:
            return await connection.run_sync(question)

    return asyncio.run(ask())


def tables(connection: Connection) -> list[str]:
    """The names of the tables."""
    return sorted(inspect(connection).get_table_names())


def applied(connection: Connection) -> list[str]:
    """The ids of the revisions that a database says it has; one, unless something is wrong."""
    if VERSION_TABLE not in tables(connection):
        return []
    return [str(row[0]) for row in connection.execute(text("SELECT * FROM alembic_version"))]


def insert_user(connection: Connection) -> None:
    """Store a user, with a value wherever the database has none of its own."""
    samples: dict[type, Any] = {int: 1, bool: True, str: "x"}
    samples[datetime] = (
        "2026-01-31 12:00:00.000000"
        if connection.dialect.name == "sqlite"
        else datetime(2026, 1, 31, tzinfo=UTC)
    )
    values = {
        column["name"]: samples.get(column["type"].python_type, "x")
        for column in inspect(connection).get_columns("users")
        if column["default"] is None and column["name"] != "id"
    }
    marks = ", ".join(f":{name}" for name in values)
    query = f"INSERT INTO users ({', '.join(values)}) VALUES ({marks})"  # noqa: S608
    connection.execute(text(query), values)


# -- differences


def differences(connection: Connection, metadata: MetaData) -> list[str]:
    """What differs between a database and the models, in words."""
    options = {"compare_type": True, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts=options)
    return in_words(compare_metadata(context, metadata)) + _key_names(connection, metadata)


def _key_names(connection: Connection, metadata: MetaData) -> list[str]:
    """Where a primary key has another name than in the models, which Alembic does not compare."""
    made = inspect(connection)
    names = {
        name: (made.get_pk_constraint(name)["name"], table.primary_key.name)
        for name, table in metadata.tables.items()
        if name in made.get_table_names()
    }
    return [
        f"the primary key of {table} is {in_database or 'without a name'}, in the model {in_model}"
        for table, (in_database, in_model) in names.items()
        if in_model and in_database != in_model
    ]


def expect_types(table: Table, sql: str, at: str) -> None:
    """The check fails unless PostgreSQL gets the types of the model, which SQLite cannot tell."""
    about = [part for part in sql.split(";") if re.search(rf'TABLE "?{table.name}\b', part)]
    written = [line.strip() for part in about for line in part.splitlines()]
    for column in table.columns:
        if column.primary_key:
            continue  # SERIAL there, which is an INTEGER
        kind = column.type.compile(dialect=postgresql.dialect())
        name = rf'\b{column.name}"?'
        lines = [line for line in written if re.search(rf"{name} [A-Z]", line)]
        expect(
            any(re.search(rf"{name} (TYPE )?{re.escape(kind)}(?!\()", line) for line in lines),
            "On PostgreSQL a column of the revision is another than the model's.",
            called="alembic upgrade head on PostgreSQL",
            got=show(plain(" ".join(lines[:1]).rstrip(",") or f"no column {column.name}")),
            expected=f"{column.name} {kind}",
            at=at,
        )


def in_words(entries: Any) -> list[str]:
    """What Alembic's comparison found, in words."""
    changes: list[list[Any]] = [
        list(entry) if isinstance(entry, list) else [entry]  # pyright: ignore
        for entry in entries
    ]
    return [_told(change) for entry in changes for change in entry]


def _told(change: Any) -> str:
    kind, *details = change
    verb, _, what = str(kind).partition("_")
    if verb == "modify":
        words = {"nullable": "rule about NULL", "default": "server default"}
        return f"{details[1]}.{details[2]} has another {words.get(what, what)} in the model"
    thing = details[2] if what == "column" else details[0]
    name = getattr(thing, "name", None) or "without a name"
    table = f"{details[1]}." if what == "column" else ""
    if verb == "add":
        return f"the models have the {what} {table}{name}, which no revision makes"
    return f"a revision makes the {what} {table}{name}, which no model has"


def short(error: Exception) -> str:
    """The first line of an error: a database's, without the statement."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return show(plain(lines[0] if lines else type(error).__name__))
