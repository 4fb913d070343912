"""Migrations: up, down and up again on both databases, with any password, from the command line."""

import os
import shutil
import sys
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from tests.solution.conftest import NewDatabase
from tests.solution.serving import (
    ADA,
    USERS,
    alembic,
    copy_solution,
    environment,
    run,
    script,
    serve,
    sql,
    tables,
)

ODD_PASSWORD = "50%/p@s:s?w#o[r]d& =+%40'\"\\$é%(x)s"


def test_upgrade_makes_the_tables_downgrade_removes_them_and_upgrade_makes_them_again(
    empty_url: str,
) -> None:
    alembic(empty_url, "upgrade head")
    assert tables(empty_url) == {"users", "products"}
    alembic(empty_url, "downgrade base")
    assert tables(empty_url) == set()
    alembic(empty_url, "upgrade head", "check")
    assert tables(empty_url) == {"users", "products"}


def test_taking_back_the_newest_revision_leaves_the_users_and_their_rows(empty_url: str) -> None:
    alembic(empty_url, "upgrade head")
    insert_ada(empty_url)
    alembic(empty_url, "upgrade head", "downgrade -1")
    assert tables(empty_url) == {"users"}
    assert sql(empty_url, "SELECT username FROM users") == [("ada",)]


@pytest.mark.parametrize("constraint", ["uq_users_email", "uq_users_username"])
def test_both_databases_know_a_constraint_under_the_same_name(
    database_url: str, constraint: str
) -> None:
    if database_url.startswith("sqlite"):
        [(schema,)] = sql(database_url, "SELECT sql FROM sqlite_master WHERE name = 'users'")
        assert f"CONSTRAINT {constraint} UNIQUE" in schema
    else:
        query = "SELECT contype FROM pg_constraint WHERE conname = $1"
        assert sql(database_url, query, constraint) == [(b"u",)]


def test_upgrade_with_sql_prints_a_script_that_makes_the_same_tables(empty_url: str) -> None:
    printed = alembic(empty_url, "upgrade head --sql").stdout
    assert tables(empty_url) == set()
    script(empty_url, printed)
    assert tables(empty_url) == {"users", "products"}
    assert "0002_create_products (head)" in alembic(empty_url, "check", "current").stdout


def test_a_password_with_a_percent_sign_and_other_odd_characters_breaks_nothing(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    admin_url = new_database("postgresql")
    parts = urlsplit(admin_url)
    literal = ODD_PASSWORD.replace("'", "''")
    script(admin_url, f"CREATE ROLE \"od%d\" LOGIN PASSWORD '{literal}'")
    script(admin_url, f'ALTER DATABASE {parts.path.removeprefix("/")} OWNER TO "od%d"')
    account = f"od%25d:{quote(ODD_PASSWORD, safe='')}"
    url = urlunsplit(parts._replace(netloc=f"{account}@{parts.hostname}:{parts.port}"))

    alembic(url, "upgrade head", "check", "downgrade base", "upgrade head")
    printed = alembic(url, "upgrade head --sql")
    assert "od%d" not in printed.stdout + printed.stderr
    with serve(url, tmp_path) as app:
        assert app.post(USERS, json=ADA).status_code == 201
        assert app.get("/health/db").status_code == 200


def test_a_wrong_password_is_not_printed(postgresql_url: str) -> None:
    url = postgresql_url.replace("fastapi_password", "incorrect-horse")
    done = alembic(url, "upgrade head", succeeds=False)
    assert "password authentication failed" in done.stderr
    assert "incorrect-horse" not in done.stderr + done.stdout


@pytest.mark.parametrize("written_on", ["sqlite", "postgresql"])
def test_a_revision_written_on_one_database_runs_on_both(
    written_on: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    solution = copy_solution(tmp_path)
    for revision in (solution / "alembic" / "versions").glob("*.py"):
        revision.unlink()
    write = "revision --autogenerate -m everything"
    alembic(new_database(written_on), write, solution=solution)
    for kind in ("sqlite", "postgresql"):
        url = new_database(kind)
        alembic(url, "upgrade head", "check", solution=solution)
        insert_ada(url)
        alembic(url, "downgrade base", solution=solution)
        assert tables(url) == set()


def test_a_changed_model_is_found_by_check_and_its_revision_runs(
    empty_url: str, tmp_path: Path
) -> None:
    solution = copy_solution(tmp_path)
    alembic(empty_url, "upgrade head", solution=solution)
    insert_ada(empty_url)
    with (solution / "app" / "models" / "user.py").open("a", encoding="utf-8") as model:
        model.write("    nickname: Mapped[str | None] = mapped_column(String(20), unique=True)\n")

    assert "nickname" in alembic(empty_url, "check", solution=solution, succeeds=False).stderr
    write = "revision --autogenerate -m nickname"
    alembic(empty_url, write, "upgrade head", "check", solution=solution)
    assert sql(empty_url, "SELECT username, nickname FROM users") == [("ada", None)]
    alembic(empty_url, "downgrade -1", solution=solution)
    assert sql(empty_url, "SELECT username FROM users") == [("ada",)]


def insert_ada(url: str) -> None:
    script(
        url,
        "INSERT INTO users (email, username, hashed_password, is_active, created_at) "
        "VALUES ('ada@example.com', 'ada', 'x', true, '2026-01-01 12:00:00')",
    )


# --- migrate.sh -------------------------------------------------------------------------------

needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="migrate.sh is for a POSIX shell")


def migrate(url: str, *arguments: str, solution: Path) -> CompletedProcess[str]:
    """Run migrate.sh from a folder that is not its own."""
    env = environment(url)
    env["PATH"] = str(Path(sys.executable).parent) + os.pathsep + env["PATH"]
    return run("sh", solution / "migrate.sh", *arguments, folder=solution.parent, env=env)


@needs_sh
def test_migrate_upgrades_tells_the_revision_downgrades_and_lists_the_history(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url, solution = new_database("sqlite"), copy_solution(tmp_path)

    def succeeds(*arguments: str) -> str:
        done = migrate(url, *arguments, solution=solution)
        assert done.returncode == 0, done.stderr
        return done.stdout

    succeeds("upgrade", "0001_create_users")
    assert tables(url) == {"users"}
    succeeds("upgrade")
    assert tables(url) == {"users", "products"}
    assert "0002_create_products (head)" in succeeds("current")
    succeeds("downgrade")
    assert "0001_create_users" in succeeds("current")
    succeeds("downgrade", "base")
    assert tables(url) == set()
    history = succeeds("history")
    assert history.index("create products") < history.index("create users")


@needs_sh
def test_migrate_writes_a_revision_with_its_message(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url, solution = new_database("sqlite"), copy_solution(tmp_path)
    assert migrate(url, "upgrade", solution=solution).returncode == 0
    assert migrate(url, "revision", "add an index; $HOME", solution=solution).returncode == 0
    [revision] = (solution / "alembic" / "versions").glob("*add_an_index*.py")
    text = revision.read_text(encoding="utf-8")
    assert '"""add an index; $HOME\n' in text
    assert "down_revision: str | Sequence[str] | None = '0002_create_products'" in text
    assert migrate(url, "upgrade", solution=solution).returncode == 0


@needs_sh
@pytest.mark.parametrize("arguments", [[], ["help"], ["-h"], ["--help"]])
def test_migrate_explains_itself_when_asked(arguments: list[str], tmp_path: Path) -> None:
    done = migrate("", *arguments, solution=copy_solution(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ./migrate.sh COMMAND")
    assert done.stderr == ""


@needs_sh
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["uprade"], "There is no command 'uprade'."),
        (["upgrade head"], "There is no command 'upgrade head'."),
        (["revision"], "A revision needs a message"),
        (["revision", ""], "A revision needs a message"),
        (["revision", "add", "an", "index"], "A revision needs a message"),
    ],
)
def test_migrate_refuses_what_it_does_not_understand(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    done = migrate("", *arguments, solution=copy_solution(tmp_path))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == ""


@needs_sh
def test_migrate_fails_when_alembic_does(new_database: NewDatabase, tmp_path: Path) -> None:
    solution = copy_solution(tmp_path)
    done = migrate(new_database("sqlite"), "upgrade", "no-such-revision", solution=solution)
    assert done.returncode not in (0, 2)
    assert "no-such-revision" in done.stderr
