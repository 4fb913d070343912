"""A deployment ends the process: what has begun is finished, and no connection is left behind."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.solution.conftest import NewDatabase
from tests.solution.serving import (
    ADA,
    USERS,
    Served,
    alembic,
    empty,
    python,
    serve,
    sql,
    users,
    wait_until,
)

SIGN_UPS = 12


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_flight_are_finished(
    ending: signal.Signals, database_url: str, tmp_path: Path
) -> None:
    empty(database_url)
    # Twelve hashes take long enough to be in the middle of them.
    with serve(database_url, tmp_path, BCRYPT_ROUNDS=11) as app:
        answers = asyncio.run(sign_up_and_end(app, ending))
        app.process.wait(timeout=30)
        assert answers == [201] * SIGN_UPS
        assert users(database_url) == SIGN_UPS
        assert "Application shutdown complete" in app.log()
        assert "Traceback" not in app.log()


async def sign_up_and_end(app: Served, ending: signal.Signals) -> list[int]:
    """Send sign-ups, end the process when it has them all and has answered none."""
    async with app.async_client() as client:
        bodies = [
            ADA | {"email": f"ada{n}@example.com", "username": f"ada{n}"} for n in range(SIGN_UPS)
        ]
        answers = [asyncio.create_task(client.post(USERS, json=body)) for body in bodies]
        await asyncio.sleep(0.1)
        async with app.async_client() as last_in_the_queue:
            await last_in_the_queue.get("/health")
        assert not all(answer.done() for answer in answers), "the load was over too soon"
        os.kill(app.process.pid, ending)
        return [answer.status_code for answer in await asyncio.gather(*answers)]


def test_a_stopped_application_leaves_no_connection(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database("postgresql")
    alembic(url, "upgrade head")
    with serve(url, tmp_path) as app:
        for _ in range(3):
            assert app.get(USERS).status_code == 200
        assert others(url) >= 1
        app.process.terminate()
        app.process.wait(timeout=30)
    wait_until(lambda: others(url) == 0, seconds=10)


def test_the_lifespan_closes_every_connection_and_may_begin_again(
    new_database: NewDatabase, elsewhere: Path
) -> None:
    """In one process, as a test client does it: each lifespan in an event loop of its own."""
    url = new_database("postgresql")
    alembic(url, "upgrade head")
    assert python(TWO_LIFESPANS, elsewhere, url) == "[1, 0, 1, 0]"


TWO_LIFESPANS = """
import asyncio
import asyncpg
from app.core.config import get_settings
from app.db.base import check_database
from app.main import app

COUNT = '''SELECT count(*) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()'''

async def others(expected):
    connection = await asyncpg.connect(get_settings().DATABASE_URL.replace("+asyncpg", ""))
    for _ in range(100):
        # A server process needs a moment to notice that its client has said goodbye.
        seen = await connection.fetchval(COUNT)
        if seen == expected:
            break
        await asyncio.sleep(0.05)
    await connection.close()
    return seen

async def live():
    async with app.router.lifespan_context(app):
        assert await check_database()
        during = await others(1)
    return [during, await others(0)]

print(asyncio.run(live()) + asyncio.run(live()))
"""


def others(url: str) -> int:
    """How many connections a database has beside the one that asks."""
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return int(sql(url, query)[0][0])
