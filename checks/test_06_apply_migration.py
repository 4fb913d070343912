"""Step 6: the revisions applied to the learner's own database, and there and back elsewhere."""

import inspect
import re
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

from alembic.ddl.sqlite import SQLiteImpl
from alembic.util.exc import CommandError
from pydantic import ValidationError
from sqlalchemy import URL, Connection, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from workshop.course.steps import BACKEND, ROOT
from workshop.probes.architecture import expect_layer
from workshop.probes.checking import calling, check, expect, fail, plain, show
from workshop.probes.draft import ENV
from workshop.probes.learner_alembic import (
    VERSION_TABLE,
    VERSIONS,
    applied,
    asked,
    differences,
    expect_no_own_tables,
    expect_registered,
    first,
    insert_user,
    path_of,
    run,
    scripts,
    short,
    sqlite_url,
    tables,
    upgrade,
)
from workshop.probes.learner_app import LearnerApp
from workshop.probes.settings_source import Source, expect_readable_dotenv, source_of, without

Answer = TypeVar("Answer")

UPGRADE = "alembic upgrade head"
NAME, DEFAULT = "DATABASE_URL", "app/core/config.py:Settings.DATABASE_URL"
ANOTHER = 'alembic revision --autogenerate -m "change users"'
REGISTRY = "app/db/base.py"
MODEL = "app/models/user.py"
# Where the state of a database is to be found: in no file that one could open and edit.
NO_FILE = ""
# Seconds to wait for a database server.
PATIENCE = 5.0


class Own(NamedTuple):
    """The learner's own database: what to call it, and how to begin anew with it."""

    name: str
    afresh: str
    ask: Callable[[Callable[[Connection], Any]], Any]


@check(
    at=ENV,
    hints=(
        "A revision is a file. Your database does not change because the file exists. Which "
        "command of the brief carries it out?",
        "`alembic current` says which revision your database has, `alembic heads` which one is "
        "the newest. `alembic upgrade` goes from the one to the other.",
        f"In your app's folder: {UPGRADE}. If it says that a table already exists, something "
        "else made it: delete app.db and run it again.",
    ),
)
def test_own_database_is_at_the_newest(app: LearnerApp) -> None:
    """Your own database is at the newest revision."""
    first(app)
    known = {script.revision: script for script in scripts(app)}
    newest = [script.revision for script in known.values() if script.is_head]
    own = _own_database(app)
    found, revisions = own.ask(tables), own.ask(applied)
    called, expected = f"alembic current, on {own.name}", f"{', '.join(newest)} (the newest)"
    made = [name for name in found if name != VERSION_TABLE]
    strangers = [revision for revision in revisions if revision not in known]
    if strangers:
        fail(
            f"Your database is at a revision that no file in {VERSIONS} has: the file was deleted, "
            "or made again under another id. The database cannot be brought on from there. "
            f"{own.afresh}, then type:\n{UPGRADE}",
            called=called,
            got=", ".join(strangers),
            expected=expected,
            at=NO_FILE,
        )
    if made and not revisions:
        fail(
            "Your database has tables, and no revision made them: something else did, such as "
            "create_all. Alembic would try to make them again. "
            f"{own.afresh}, then type:\n{UPGRADE}",
            called=called,
            got=f"no revision; tables: {', '.join(made)}",
            expected=expected,
            at=NO_FILE,
        )
    if sorted(revisions) != sorted(newest):
        fail(
            f"Your database is not at the newest revision. In your app's folder, type:\n{UPGRADE}",
            called=called,
            got=", ".join(revisions) or "no revision; the database is empty",
            expected=expected,
            at=NO_FILE,
        )
    expect(
        "users" in made,
        "Your database says that it is at the newest revision, and has no table users: it was "
        "stamped, or the revision was empty when it was applied. "
        f"{own.afresh}, then type:\n{UPGRADE}",
        called=called,
        got=f"tables: {', '.join(made) or 'none'}",
        expected="users among them",
        at=NO_FILE,
    )


@check(
    at=ENV,
    hints=(
        "Alembic applies a revision once. What happens to a database if you change the file "
        "afterwards?",
        "`alembic check` compares your database with your models. A difference needs a new "
        "revision, or, while nobody else has applied this one, a database that is made afresh.",
        f"On your own laptop: delete app.db, mend the revision, and {UPGRADE}. On a database that "
        "others use: a new revision.",
    ),
)
def test_own_table_fits_the_model(app: LearnerApp) -> None:
    """The table users in your own database is what the model says today."""
    own = _own_database(app)
    expect(
        "users" in own.ask(tables),
        f"Your database has no table users. In your app's folder, type:\n{UPGRADE}",
        called=f"the tables of {own.name}",
        got="no users",
        expected="users",
        at=NO_FILE,
    )
    metadata = expect_registered(app)
    ours = own.ask(lambda connection: _about_users(connection, metadata))
    if not ours:
        return
    url = sqlite_url(app)
    upgrade(app, url)
    unwritten = asked(url, lambda connection: _about_users(connection, metadata))
    called = f"users in {own.name}, compared with the model"
    if unwritten:
        column = re.search(r"\busers\.(\w+)", unwritten[0])
        fail(
            "The model says what no revision does: it was changed, and the change needs a revision "
            f"of its own. In your app's folder, type:\n{ANOTHER}\n{UPGRADE}",
            called=called,
            got=show(plain("; ".join(unwritten))),
            expected="no difference",
            at=f"{MODEL}:User.{column[1]}" if column else f"{MODEL}:User",
        )
    fail(
        "The revisions make what the model says, and your database has something else: it was made "
        "before the revision was changed, and Alembic applies each revision once. "
        f"{own.afresh}, then type:\n{UPGRADE}",
        called=called,
        got=show(plain("; ".join(ours))),
        expected="no difference",
        at=NO_FILE,
    )


@check(
    at=ENV,
    hints=(
        "A deployment applies one revision after the other, on a database of any age. Does each "
        "of yours find what it needs, from an empty database on?",
        "`alembic upgrade +1` goes one revision on, and `alembic current` says where the database "
        "is then.",
        "Read upgrade() of the revision that the message names. It may only use what the "
        "revisions before it have made, and env.py has to run it in a transaction.",
    ),
)
def test_each_revision_goes_on(app: LearnerApp) -> None:
    """The revisions apply one at a time, and the database knows after each where it is."""
    url = app.use_database()
    first(app)
    for script in scripts(app):
        path = f"{path_of(app, script)}:upgrade"
        # Left to itself Alembic commits each statement on SQLite, and hides that env.py does not.
        with patch.object(SQLiteImpl, "transactional_ddl", True):
            try:
                upgrade(app, url, "+1")
            except SQLAlchemyError as error:
                empty = sqlite_url(app)
                run(app, "ensure_version", url=empty)
                expect_no_own_tables(empty, "alembic ensure_version, on an empty database")
                fail(
                    f"The revision {script.revision} cannot be applied.",
                    called="alembic upgrade +1",
                    got=short(error),
                    at=path,
                )
        revisions = asked(url, applied)
        expect(
            revisions == [script.revision],
            "After the revision the database does not know that it has it: env.py does not commit "
            "what Alembic does."
            if not revisions
            else "After the revision the database says that it has another one.",
            called="alembic upgrade +1; alembic current",
            got=", ".join(revisions) or "no revision",
            expected=script.revision,
            at=path if revisions else f"{ENV}:run_on",
        )


@check(
    at=ENV,
    hints=(
        "It is night, the new release fails, and the one before it has to run again. Has anybody "
        "ever tried your way back, with rows in the tables?",
        "`alembic downgrade -1` goes one revision back, `alembic downgrade base` all the way. "
        "What upgrade() makes, downgrade() has to take away, last things first.",
        "downgrade() of the first revision: op.drop_table with the name of the table.",
    ),
)
def test_way_back_leaves_nothing(app: LearnerApp) -> None:
    """With a user stored, the way back runs one revision at a time and leaves nothing."""
    url = app.use_database()
    upgrade(app, url)
    _store_user(app, url)
    for script in reversed(scripts(app)):
        path = f"{path_of(app, script)}:downgrade"
        try:
            run(app, "downgrade", "-1", url=url)
        except (SQLAlchemyError, CommandError) as error:
            fail(
                f"The way back from {script.revision} does not run.",
                called="alembic downgrade -1",
                got=short(error),
                at=path,
            )
    left = [name for name in asked(url, tables) if name != VERSION_TABLE]
    expect(
        not left,
        "Something is left after the way back, and the next upgrade will stumble over it.",
        called="alembic downgrade -1, for each revision",
        got=f"tables: {', '.join(left)}",
        expected="no tables",
        at=f"{path_of(app, first(app))}:downgrade",
    )


@check(
    at=ENV,
    hints=(
        "The mended release is deployed the next morning. Does your database walk the same way a "
        "second time?",
        "Apply the revisions, take them all back, apply them again: the three commands of the "
        "brief. `alembic check` compares the result with the models.",
        "What stays behind after downgrade() is in the way of the second upgrade(): a table, an "
        "index, a type. Drop it there.",
    ),
)
def test_way_there_works_twice(app: LearnerApp) -> None:
    """Applied, taken back and applied again: the table is there, empty, and takes users."""
    url = app.use_database()
    path = f"{path_of(app, first(app))}:upgrade"
    upgrade(app, url)
    _store_user(app, url)
    called = f"{UPGRADE}; alembic downgrade base; {UPGRADE}"
    try:
        run(app, "downgrade", "base", url=url)
        upgrade(app, url)
    except SQLAlchemyError as error:
        fail("The second time the revisions do not run.", called=called, got=short(error), at=path)
    count = asked(url, _count_users)
    expect(
        count == 0,
        "The user who was stored before the way back is still there: the table was never dropped.",
        called=f"{called}; then the rows of users",
        got=f"{show(count)} users",
        expected="0 users",
        at=path,
    )
    _store_user(app, url)
    metadata = expect_registered(app)
    found = asked(url, lambda connection: _about_users(connection, metadata))
    expect(
        not found,
        "After that the database is not what the models say.",
        called=f"{called}; alembic check",
        got=show(plain("; ".join(found))),
        expected="No new upgrade operations detected",
        at=path,
    )


@check(
    at=f"{REGISTRY}:init_db",
    hints=(
        "Two things in your project could make tables. Which of them leaves a trace, and can "
        "change a table that exists?",
        "create_all in the app makes what the revisions should make. The first `alembic upgrade` "
        "then fails, or nobody notices that a revision is wrong.",
        "Take create_all out of app/db/base.py. init_db may look which tables are missing and "
        "say so, nothing more.",
    ),
)
async def test_app_makes_no_tables(app: LearnerApp) -> None:
    """The app itself makes no table: not on import, and not when it looks at its database."""
    url = app.use_database()
    for name in ("check_database", "init_db"):
        function = app.take("app.db.base", name)
        with calling(f"await {name}() on an empty database"):
            answer = function()
            if inspect.isawaitable(answer):
                await answer
        engine = create_async_engine(url, poolclass=NullPool)
        async with engine.connect() as connection:
            made = await connection.run_sync(tables)
        expect(
            not made,
            "The app made tables by itself. Then nobody notices when a revision is wrong or "
            "missing, and the next `alembic upgrade head` finds them in its way.",
            called=f"await {name}() on an empty database",
            got=f"tables: {', '.join(made)}",
            expected="no tables",
            at=f"{REGISTRY}:{name}",
        )


@check(
    at=REGISTRY,
    hints=(
        "Draw an arrow from each module to the ones it imports. Migrations stand beside the app "
        "and point at it. Does anything point back?",
        "Models and database know the layers below them. alembic/ knows the registry, and nobody "
        "knows alembic/.",
        "Take the import that the message names out of the module.",
    ),
)
def test_layers_below_hold(app: LearnerApp) -> None:
    """What is built so far holds its layers: core, database, models."""
    modules = ("app.core.config", "app.db.session", "app.db.base", "app.models.user")
    expect_layer(app, *modules)


# -- databases of the checks


def _store_user(app: LearnerApp, url: str) -> None:
    expect(
        "users" in asked(url, tables),
        "The revisions make no table users; step 5 has to hold first.",
        called=UPGRADE,
        at=path_of(app, first(app)),
    )
    try:
        asked(url, insert_user)
    except SQLAlchemyError as error:
        fail(
            "A user cannot be stored after the upgrade.",
            called="INSERT INTO users …",
            got=short(error),
            at=f"{path_of(app, first(app))}:upgrade",
        )


def _count_users(connection: Connection) -> Any:
    return connection.exec_driver_sql("SELECT count(*) FROM users").scalar()


def _about_users(connection: Connection, metadata: Any) -> list[str]:
    """What differs between the users in a database and in the models."""
    found = differences(connection, metadata)
    return [words for words in found if re.search(r"\busers", words)]


# -- the learner's own database, which is only ever read


def _own_database(app: LearnerApp) -> Own:
    """The database that the learner's own settings name; the check fails if there is none."""
    app.use_own_environment()
    app.forget()
    text = str(_own_settings(app).DATABASE_URL)
    source = source_of(app, NAME) or Source("DATABASE_URL, as your code has it,", DEFAULT)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        fail(
            f"{source.clause} is no address of a database. Mend it there, or "
            f"{without(source, NAME)}.",
            called="make_url(get_settings().DATABASE_URL)",
            got=f"{type(error).__name__}: {short(error)}",
            expected="driver://user:password@host:port/database",
            at=source.at,
            line=source.line,
        )
    if url.get_backend_name() == "sqlite":
        return _own_file(url, source)
    return _own_server(url, source)


def _own_settings(app: LearnerApp) -> Any:
    get_settings = app.take("app.core.config", "get_settings")
    called = "get_settings() with your own .env"
    try:
        with calling(called):
            return get_settings()
    except UnicodeDecodeError:
        expect_readable_dotenv(app)
        raise
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            source = source_of(app, name)
            if source is not None:
                fail(
                    f"Your settings refuse {source.clause} so that no command of your app can "
                    f"start. Mend it there, or {without(source, name)}.",
                    called=called,
                    got=f"{name}: {problem['msg']}",
                    at=source.at,
                    line=source.line,
                )
        raise


def _own_file(url: URL, source: Source) -> Own:
    name = (url.database or "").removeprefix("file:").partition("?")[0]
    called = "get_settings().DATABASE_URL"
    if not name or name == ":memory:":
        fail(
            f"{source.clause} names a database in memory, which is gone when a command ends. Give "
            f"it a file, as in sqlite+aiosqlite:///./app.db, then type:\n{UPGRADE}",
            called=called,
            got=str(url),
            expected="a database that stays",
            at=source.at,
            line=source.line,
        )
    file = Path(name).resolve()
    shown = file.name
    if not file.parent.is_dir() or file.is_dir():
        fail(
            f"{source.clause} names a file in a folder that does not exist. Make the folder, or "
            f"name another file; then type:\n{UPGRADE}"
            if not file.is_dir()
            else f"{source.clause} names a folder, and a SQLite database is a file.",
            called=called,
            got=str(url),
            expected="a file in a folder that exists",
            at=source.at,
            line=source.line,
        )
    if not file.is_file():
        beside = ROOT / name
        where = f"In the folder {BACKEND.name}/" if beside.is_file() else "In your app's folder"
        there = (
            f" There is a {name.removeprefix('./')} one folder up: Alembic was run there, and a "
            "relative path counts from where a command is typed."
            if beside.is_file()
            else ""
        )
        fail(
            f"Your database {shown}{'' if source.at == DEFAULT else f' ({source.said})'} does not "
            f"exist yet.{there} {where}, type:\n{UPGRADE}",
            called=f"alembic current, on {shown}",
            got="no such file",
            expected="the newest revision",
            at=NO_FILE,
        )

    def ask(question: Callable[[Connection], Answer]) -> Answer:
        # Read-only, so that nothing that a check does can reach the file.
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True),
            poolclass=NullPool,
        )
        try:
            with engine.connect() as connection:
                return question(connection)
        except SQLAlchemyError as error:
            # Another reason, such as a lock, is none to delete anything.
            spoilt = any(words in str(error) for words in ("not a database", "malformed"))
            fail(
                f"{shown} is no SQLite database. Delete it, then type:\n{UPGRADE}"
                if spoilt
                else f"Your database {shown} cannot be read. Does another program use it?",
                called=f"alembic current, on {shown}",
                got=short(error),
                expected="the newest revision",
                at=NO_FILE,
            )

    return Own(shown, f"Delete {shown} (its rows go with it)", ask)


def _own_server(url: URL, source: Source) -> Own:
    shown = url.set(query={}).render_as_string(hide_password=True)

    def ask(question: Callable[[Connection], Answer]) -> Answer:
        address = url.render_as_string(hide_password=False)
        try:
            return asked(address, question, connect_args={"timeout": PATIENCE})
        except Exception as error:
            match error:
                case socket.gaierror():
                    problem = f"{source.clause} names a host that is not found. Mend it"
                case OSError():
                    problem = f"The database that {source.clause} names does not answer. Start it"
                case _:
                    problem = f"{source.clause} leads to no connection. Mend it"
            fail(
                f"{problem}, or {without(source, NAME)} to use SQLite. Then type:\n{UPGRADE}",
                called=f"alembic current, on {shown}",
                got=f"{type(error).__name__}: {short(error)}",
                expected="the newest revision",
                at=source.at,
                line=source.line,
            )

    return Own(shown, "Give it an empty database", ask)
