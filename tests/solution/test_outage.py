"""The database goes away and comes back: the application says so, survives, and recovers."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.solution.conftest import NewDatabase
from tests.solution.serving import ADA, PRODUCTS, USERS, Served, alembic, serve, sql, wait_until
from workshop import postgres
from workshop.postgres import Server

# The promise is two seconds; the rest is for a computer that runs other tests meanwhile.
PROMPTLY = 4.0


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    """A server of our own, to halt and to resume."""
    with postgres.temporary() as running:
        alembic(running.url, "upgrade head")
        yield running


@pytest.fixture
def halted(server: Server) -> Generator[Callable[[], None]]:
    """What brings the halted server back; it is back after the test in any case."""
    back = False

    def resume() -> None:
        nonlocal back
        if not back:
            postgres.resume(server)
            back = True

    postgres.halt(server)
    yield resume
    resume()


def status(app: Served, path: str) -> int:
    return app.get(path).status_code


def assert_says_that_the_database_is_away(app: Served, port: int) -> None:
    """Liveness as ever, readiness and routes 503, and nothing about where the database is."""
    assert status(app, "/health") == 200
    began = time.monotonic()
    ready = app.get("/health/db")
    assert time.monotonic() - began < PROMPTLY
    assert ready.json() == {"status": "unhealthy", "database": "disconnected"}
    with app.client() as client:
        answers = [
            ready,
            client.get(USERS),
            client.get(f"{USERS}/1"),
            client.post(USERS, json=ADA),
            client.get(PRODUCTS),
            client.post(PRODUCTS, json={"name": "Engine", "price": 1}),
        ]
    for answer in answers:
        assert answer.status_code == 503
        for telling in ("127.0.0.1", str(port), "fastapi", "asyncpg", "Error", "refused"):
            assert telling not in answer.text


def test_the_application_survives_an_outage_and_recovers_by_itself(
    server: Server, tmp_path: Path
) -> None:
    sql(server.url, "TRUNCATE users")
    with serve(server.url, tmp_path) as app:
        assert status(app, USERS) == 200
        postgres.halt(server)
        try:
            assert_says_that_the_database_is_away(app, server.port)
        finally:
            postgres.resume(server)
        assert status(app, "/health/db") == 200
        assert status(app, USERS) == 200
        assert app.post(USERS, json=ADA).status_code == 201
        assert app.process.poll() is None
        assert "Traceback" not in app.log()
        assert str(server.port) not in app.log()


def test_a_crash_of_the_server_under_load_is_answered_by_503_and_then_forgotten(
    server: Server, tmp_path: Path
) -> None:
    with serve(server.url, tmp_path) as app:
        seen: Counter[int] = Counter()
        busy = asyncio.Event()

        async def ask(client: httpx2.AsyncClient) -> None:
            while seen[200] < 50 or seen[503] < 50:
                # No error is forgiven: nobody hangs up on a request, not even where a connection
                # broke between the rows and the rollback, and so after the answer.
                seen[(await client.get(USERS)).status_code] += 1
                if seen[200] >= 50:
                    busy.set()

        async def work() -> None:
            async with asyncio.timeout(60), app.async_client() as client:
                asking = asyncio.gather(*(ask(client) for _ in range(10)))
                await busy.wait()
                await asyncio.to_thread(postgres.halt, server, crash=True)
                await asking

        try:
            asyncio.run(work())
            assert seen.keys() == {200, 503}
        finally:
            postgres.resume(server)
        assert [status(app, USERS) for _ in range(30)] == [200] * 30


def test_an_application_that_starts_first_works_once_the_database_is_up(
    server: Server, halted: Callable[[], None], tmp_path: Path
) -> None:
    with serve(server.url, tmp_path) as app:
        assert_says_that_the_database_is_away(app, server.port)
        halted()
        assert status(app, "/health/db") == 200
        assert status(app, USERS) == 200
        assert "Traceback" not in app.log()


def test_an_application_that_starts_before_its_migrations_works_after_them(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database("postgresql")
    with serve(url, tmp_path) as app:
        assert "run `alembic upgrade head`" in app.log()
        alembic(url, "upgrade head")
        assert app.post(USERS, json=ADA).status_code == 201


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("fastapi_password", "incorrect-horse"),
        ("/fastapi_db", "/no_such_database"),
        ("fastapi_user:", "nobody_known:"),
        ("127.0.0.1", "no-such-host.invalid"),
    ],
)
def test_a_wrong_database_url_is_a_503_that_does_not_repeat_it(
    right: str, wrong: str, server: Server, tmp_path: Path
) -> None:
    with serve(server.url.replace(right, wrong), tmp_path) as app:
        for path in ("/health/db", USERS):
            answer = app.get(path)
            assert answer.status_code == 503
            assert wrong.strip("/:") not in answer.text
        assert status(app, "/health") == 200
        assert wrong.strip("/:") not in app.log()


# --- A silent network -------------------------------------------------------------------------


class Proxy:
    """A way to a server that can be made silent: connections stay, and nothing passes."""

    def __init__(self, target_port: int) -> None:
        self.passes = threading.Event()
        self.passes.set()
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.passes.wait()
                far = socket.create_connection(self._target)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, drain: socket.socket) -> None:
        with suppress(OSError), source, drain:
            while data := source.recv(65536):
                self.passes.wait()
                drain.sendall(data)
            drain.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.passes.set()
        self._listener.close()


@contextmanager
def proxy_to(server: Server) -> Generator[tuple[Proxy, str]]:
    """A proxy in front of a server, and the URL of the database by that way."""
    proxy = Proxy(server.port)
    try:
        yield proxy, server.url.replace(f":{server.port}/", f":{proxy.port}/")
    finally:
        proxy.close()


def test_readiness_is_answered_in_time_when_the_network_falls_silent(
    server: Server, tmp_path: Path
) -> None:
    with proxy_to(server) as (proxy, url), serve(url, tmp_path, DB_POOL_SIZE=3) as app:
        assert status(app, "/health/db") == 200
        proxy.passes.clear()
        for _ in range(2):
            began = time.monotonic()
            assert status(app, "/health/db") == 503
            assert time.monotonic() - began < PROMPTLY
        assert status(app, "/health") == 200
        proxy.passes.set()
        wait_until(lambda: status(app, "/health/db") == 200, seconds=20)
        assert status(app, USERS) == 200


def test_questions_that_ran_out_of_time_keep_no_connection(server: Server, tmp_path: Path) -> None:
    """A probe asks every few seconds all night long; the pool has three connections."""

    async def ask_often(app: Served) -> set[int]:
        async with app.async_client() as client:
            asked = (client.get("/health/db") for _ in range(12))
            return {answer.status_code for answer in await asyncio.gather(*asked)}

    with proxy_to(server) as (proxy, url), serve(url, tmp_path, DB_POOL_SIZE=3) as app:
        assert asyncio.run(ask_often(app)) == {200}
        proxy.passes.clear()
        assert asyncio.run(ask_often(app)) == {503}
        proxy.passes.set()
        wait_until(lambda: status(app, "/health/db") == 200, seconds=20)
        assert asyncio.run(ask_often(app)) == {200}
        assert status(app, USERS) == 200


def test_clients_that_hang_up_keep_no_connection(server: Server, tmp_path: Path) -> None:
    sql(server.url, "TRUNCATE users")
    with serve(server.url, tmp_path, DB_POOL_SIZE=2, BCRYPT_ROUNDS=8) as app:
        address = urlsplit(app.url)
        assert address.hostname
        assert address.port
        for number in range(20):
            body = f'{{"email":"a{number}@b.co","username":"abc{number}","password":"12345678"}}'
            head = f"POST {USERS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            with socket.create_connection((address.hostname, address.port)) as connection:
                request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
                connection.sendall(request.encode())
        assert [status(app, USERS) for _ in range(5)] == [200] * 5
        assert "Traceback" not in app.log()
