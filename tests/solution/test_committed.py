"""A 201 is true: what it says is committed before it is sent, or it is not sent."""

import asyncio
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.solution.serving import (
    ADA,
    USERS,
    Served,
    alembic,
    empty,
    plain,
    python,
    script,
    sql,
    sqlite_file,
    users,
    wait_until,
)

# Runs inside COMMIT, after every statement succeeded.
AT_COMMIT = """
    CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {what}; END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON users
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit();
"""
NO_LONGER = "DROP TRIGGER at_commit ON users; DROP FUNCTION at_commit"


def test_a_row_is_there_for_others_when_the_response_begins(app: Served) -> None:
    assert asyncio.run(rows_seen_at_once(app, times=30)) == [1] * 30


async def rows_seen_at_once(app: Served, times: int) -> list[int]:
    """How many rows another connection finds when the headers of the response arrive."""
    url, seen = app.database_url, list[int]()
    query = "SELECT count(*) FROM users WHERE username = 'ada{}'"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_file(url))) as other:
            async for number in sign_ups(app, times):
                seen.append(other.execute(query.format(number)).fetchone()[0])
    else:
        connection: Any = await asyncpg.connect(plain(url))
        async for number in sign_ups(app, times):
            seen.append(await connection.fetchval(query.format(number)))
        await connection.close()
    return seen


async def sign_ups(app: Served, times: int) -> Any:
    """Sign up one after the other; give each number as soon as the headers have arrived."""
    async with app.async_client() as client:
        for number in range(times):
            body = ADA | {"email": f"ada{number}@example.com", "username": f"ada{number}"}
            async with client.stream("POST", USERS, json=body) as answer:
                yield number
                assert answer.status_code == 201


# SQLite has no trigger that runs at COMMIT.
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def at_commit(url: str, what: str) -> Generator[None]:
    """Have PostgreSQL do something at every commit of a user."""
    script(url, AT_COMMIT.format(what=what))
    try:
        yield
    finally:
        script(url, NO_LONGER)


@on_postgresql
def test_the_response_waits_for_a_slow_commit(app: Served) -> None:
    with at_commit(app.database_url, "PERFORM pg_sleep(0.5); RETURN NULL"):
        began = time.monotonic()
        answer = app.post(USERS, json=ADA)
        assert time.monotonic() - began >= 0.5
    assert answer.status_code == 201


@on_postgresql
def test_a_commit_that_fails_is_no_201_and_tells_the_client_nothing(running: Served) -> None:
    empty(running.database_url)
    log_from = len(running.log())
    with at_commit(running.database_url, "RAISE EXCEPTION 'the disk is on fire'"):
        answer = running.post(USERS, json=ADA)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert users(running.database_url) == 0
    # The log has what the maintainer needs, and nothing about the user's secret.
    wait_until(lambda: "the disk is on fire" in running.log(log_from), seconds=10)
    log = running.log(log_from)
    assert "$2b$" not in log
    assert ADA["password"] not in log


@on_postgresql
def test_a_connection_with_a_failed_commit_is_of_use_to_the_next_request(running: Served) -> None:
    empty(running.database_url)
    with at_commit(running.database_url, "RAISE EXCEPTION 'the disk is on fire'"):
        refused = [running.post(USERS, json=ADA) for _ in range(25)]
    assert {answer.status_code for answer in refused} == {500}
    assert running.post(USERS, json=ADA).status_code == 201
    query = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    assert sql(running.database_url, query) == [(0,)]


def test_the_connection_is_back_in_the_pool_when_the_response_begins(tmp_path: Path) -> None:
    """Else a request keeps it for as long as its client takes to be answered."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'app.db'}"
    alembic(url, "upgrade head")
    assert python(COUNT_CONNECTIONS, tmp_path, url).splitlines() == ["200 0", "404 0"]


# Asks for a list and for nobody, and prints how many connections are in use at each status.
COUNT_CONNECTIONS = """
import asyncio
from starlette.testclient import TestClient
from app.db.session import get_engine
from app.main import app

async def watched(scope, receive, send):
    async def look(message):
        if message["type"] == "http.response.start":
            print(message["status"], get_engine().pool.checkedout())
        await send(message)
    await app(scope, receive, look)

with TestClient(watched) as client:
    client.get("/api/v1/users")
    client.get("/api/v1/users/1")
"""
