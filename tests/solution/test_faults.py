"""Faults under load: every request gets an honest answer, and every 201 is a row."""

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from tests.solution.conftest import NewDatabase
from tests.solution.serving import (
    USERS,
    Served,
    alembic,
    plain,
    serve,
    sql,
    users,
    wait_until,
)
from workshop import postgres

CLIENTS = 10


def sign_up(number: int) -> dict[str, str]:
    """A sign-up that is like no other."""
    name = f"ada-{number}"
    return {"email": f"{name}@example.com", "username": name, "password": "correct horse battery"}


class Load:
    """Clients that sign people up, one after the other, until they are told to stop."""

    def __init__(self, app: Served) -> None:
        self.answers: dict[str, int] = {}  # the status by the email
        self.unanswered: list[str] = []
        self.ended = False
        self._app = app
        self._answered = asyncio.Event()
        self._numbers = itertools.count()

    @property
    def seen(self) -> Counter[int]:
        """How often each status was the answer."""
        return Counter(self.answers.values())

    def emails(self, status: int) -> set[str]:
        """Whose sign-up was answered with this status."""
        return {email for email, answer in self.answers.items() if answer == status}

    async def during(self, trouble: Callable[[], Awaitable[None]]) -> None:
        """Let the clients work while there is trouble, and until it is over."""
        async with asyncio.timeout(150), self._app.async_client() as client:
            clients = [asyncio.create_task(self._work(client)) for _ in range(CLIENTS)]
            try:
                await trouble()
            finally:
                self.ended = True
                await asyncio.gather(*clients)

    async def until(self, status: int, count: int) -> None:
        """Wait for so many more answers with this status."""
        wanted = self.seen[status] + count
        while self.seen[status] < wanted:
            await self._answered.wait()
            self._answered.clear()

    async def _work(self, client: httpx2.AsyncClient) -> None:
        while not self.ended:
            body = sign_up(next(self._numbers))
            try:
                answer = await client.post(USERS, json=body)
            except httpx2.TransportError:
                self.unanswered.append(body["email"])
                await asyncio.sleep(0.05)
            else:
                self.answers[body["email"]] = answer.status_code
                self._answered.set()


def stored(url: str) -> set[str]:
    """The addresses of all users."""
    return {email for (email,) in sql(url, "SELECT email FROM users")}


# --- The database


def test_postgresql_is_killed_and_comes_back_under_load(tmp_path: Path) -> None:
    with postgres.temporary() as server:
        # The server of the tests is in less of a hurry to write than a real one.
        sql(server.url, "ALTER DATABASE fastapi_db SET synchronous_commit = on")
        alembic(server.url, "upgrade head")
        with serve(server.url, tmp_path, workers=2) as app:
            load = Load(app)

            async def trouble() -> None:
                await load.until(201, 50)
                await asyncio.to_thread(postgres.halt, server, crash=True)
                await load.until(503, 30)
                await asyncio.to_thread(postgres.resume, server)
                await load.until(201, 50)

            asyncio.run(load.during(trouble))
        rows = stored(server.url)
    print(f"{load.seen}, {len(rows)} rows")
    assert load.unanswered == []
    assert load.seen.keys() == {201, 503}
    assert load.emails(201) <= rows
    # A commit whose confirmation was lost with the connection may have happened all the same.
    assert rows - load.emails(201) <= load.emails(503)


# The pool waits half a minute for a connection. The test would rather not.
IMPATIENT = """
from sqlalchemy.pool import QueuePool
QueuePool.__init__.__defaults__ = tuple(
    0.5 if value == 30.0 else value for value in QueuePool.__init__.__defaults__
)
"""


def test_an_exhausted_pool_is_a_503_and_then_forgotten(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database("postgresql")
    alembic(url, "upgrade head")
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT, encoding="utf-8")

    async def work(app: Served) -> tuple[Counter[int], int, Counter[int]]:
        blocker = await asyncpg.connect(plain(url))
        async with app.async_client() as client, asyncio.timeout(60):

            async def status(path: str) -> int:
                return (await client.get(path)).status_code

            transaction = blocker.transaction()
            await transaction.start()
            await blocker.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            asked = [asyncio.create_task(status(USERS)) for _ in range(20)]
            # Two of them have the two connections and wait for the lock, the others for them.
            for answered in itertools.islice(asyncio.as_completed(asked), 18):
                await answered
            health = await status("/health")
            await transaction.rollback()
            during = Counter(await asyncio.gather(*asked))
            after = Counter([await status(USERS) for _ in range(20)])
        await blocker.close()
        return during, health, after

    with serve(url, tmp_path, DB_POOL_SIZE=2, PYTHONPATH=tmp_path) as app:
        during, health, after = asyncio.run(work(app))
        assert (during, health, after) == ({503: 18, 200: 2}, 200, {200: 20})
        assert "Traceback" not in app.log()


# --- The clients


@pytest.fixture(scope="module")
def small(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The application with two connections to its database."""
    with serve(postgresql_url, tmp_path_factory.mktemp("small"), DB_POOL_SIZE=2) as served:
        yield served
        assert "Traceback" not in served.log()


def connect(app: Served) -> socket.socket:
    address = urlsplit(app.url)
    assert address.hostname
    assert address.port
    return socket.create_connection((address.hostname, address.port), timeout=60)


def request(body: bytes, length: int | None = None) -> bytes:
    head = f"POST {USERS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    size = len(body) if length is None else length
    return f"{head}Content-Length: {size}\r\n\r\n".encode() + body


def bodies(count: int) -> list[bytes]:
    template = b'{"email": "b%d@example.com", "username": "bob-%d", "password": "12345678"}'
    return [template % (number, number) for number in range(count)]


def assert_serves_everybody(app: Served) -> None:
    """Twenty requests at once, by ten times as many clients as there are connections."""

    async def work() -> Counter[int]:
        async with app.async_client() as client:
            answers = await asyncio.gather(*(client.get(USERS) for _ in range(20)))
        return Counter(answer.status_code for answer in answers)

    assert asyncio.run(work()) == {200: 20}


def test_clients_that_disconnect_in_the_middle_of_a_request(small: Served) -> None:
    sql(small.database_url, "TRUNCATE users")
    for body in bodies(30):
        with connect(small) as connection:
            connection.sendall(request(body)[:-10])
    assert_serves_everybody(small)
    assert users(small.database_url) == 0


def test_slow_clients_keep_nobody_waiting_and_are_served_in_the_end(small: Served) -> None:
    sql(small.database_url, "TRUNCATE users")
    with ExitStack() as stack:
        slow = [(stack.enter_context(connect(small)), request(body)) for body in bodies(40)]
        for number, (connection, text) in enumerate(slow):
            # Some stop in the middle of the head, some in the middle of the body.
            connection.sendall(text[: 20 if number % 2 else -10])
        assert_serves_everybody(small)
        for number, (connection, text) in enumerate(slow):
            connection.sendall(text[20 if number % 2 else -10 :])
        answers = Counter(connection.recv(65536).split(b" ", 2)[1] for connection, _ in slow)
    assert answers == {b"201": 40}
    assert users(small.database_url) == 40


def test_a_body_that_says_it_is_far_too_large_is_refused_before_it_is_sent(small: Served) -> None:
    sql(small.database_url, "TRUNCATE users")
    answers: Counter[bytes] = Counter()
    for _ in range(10):
        with connect(small) as connection:
            connection.sendall(request(b"{", length=10 * 1024**3))
            answers[connection.recv(65536).split(b" ", 2)[1]] += 1
    assert answers == {b"413": 10}
    assert_serves_everybody(small)
    assert users(small.database_url) == 0


# --- The end


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_a_deployment_under_load_finishes_what_two_workers_have_begun(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database("postgresql")
    alembic(url, "upgrade head")
    # As in the image: without it uvicorn may wait for ever for who came at the last moment.
    patience = {"BCRYPT_ROUNDS": 8, "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": 10}
    with serve(url, tmp_path, workers=2, **patience) as app:
        load = Load(app)

        async def trouble() -> None:
            await load.until(201, 30)
            os.kill(app.process.pid, signal.SIGTERM)
            await asyncio.to_thread(app.process.wait, 30)

        asyncio.run(load.during(trouble))
        assert app.log().count("Application shutdown complete") == 2
        assert "Traceback" not in app.log()
    print(f"{load.seen}, {len(load.unanswered)} refused, {len(stored(url))} rows")
    # Who comes too late is not let in, and is told so at once. Nobody is let in and then dropped:
    # what is stored was answered with 201, and the other way round.
    assert load.seen.keys() == {201}
    assert load.emails(201) == stored(url)
    wait_until(lambda: connections(url) == 0, seconds=10)


def connections(url: str) -> int:
    """How many connections a database has beside the one that asks."""
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return int(sql(url, query)[0][0])
