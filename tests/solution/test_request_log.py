"""The log: a line of JSON for each request, with the id that its client was told."""

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.solution.serving import (
    ADA,
    USERS,
    Served,
    empty,
    python,
    script,
    serve,
    wait_until,
)

MADE = re.compile(r"[0-9a-f]{32}")


def requests(app: Served, request_id: str) -> list[dict[str, Any]]:
    """The lines of a request, once the last of them has been written."""

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in app.log().splitlines() if request_id in line]

    wait_until(lambda: any("duration_ms" in line for line in lines()), seconds=10)
    return lines()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_is_one_line(app: Served) -> None:
    answer = app.post(USERS, json=ADA, headers={"X-Request-ID": "from-the-proxy.1"})
    assert answer.headers["X-Request-ID"] == "from-the-proxy.1"
    (line,) = requests(app, "from-the-proxy.1")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line.pop("duration_ms") > 0
    assert line == {
        "level": "INFO",
        "logger": "app.api.request_log",
        "message": f"POST {USERS}",
        "request_id": "from-the-proxy.1",
        "method": "POST",
        "path": USERS,
        "status": 201,
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "given", ["", "a b", '"}', "a" * 65, "é", "../x", "%0a", ADA["password"], None]
)
def test_an_id_that_could_forge_a_log_is_replaced(given: str | None, app: Served) -> None:
    headers = {} if given is None else {"X-Request-ID": given.encode()}
    answer = app.get("/health", headers=headers)
    assert MADE.fullmatch(answer.headers["X-Request-ID"])
    (line,) = requests(app, answer.headers["X-Request-ID"])
    assert line["path"] == "/health"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", f"{USERS}/1", 404),
        ("DELETE", USERS, 405),
        ("POST", USERS, 422),
        ("GET", f"{USERS}?limit=0", 422),
        ("GET", "/docs", 200),
        ("OPTIONS", USERS, 405),
    ],
)
def test_every_answer_has_an_id_and_a_line(
    method: str, path: str, status: int, app: Served
) -> None:
    with app.client() as client:
        answer = client.request(method, path)
    (line,) = requests(app, answer.headers["X-Request-ID"])
    assert (line["method"], line["path"], line["status"]) == (method, path.split("?")[0], status)
    assert answer.status_code == status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_too_large_has_an_id_and_a_line(app: Served) -> None:
    answer = app.post(USERS, content=b"a" * 100_000)
    (line,) = requests(app, answer.headers["X-Request-ID"])
    assert (line["status"], answer.status_code) == (413, 413)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_log_has_no_query_and_no_line_that_a_client_wrote(app: Served) -> None:
    before = len(app.log())
    answer = app.get("/health%0A%7B%22level%22%3A%22FORGED%22%7D%0D%E2%80%AE?token=hunter2")
    requests(app, answer.headers["X-Request-ID"])
    log = app.log(before)
    assert "hunter2" not in log
    assert log.isascii()
    assert [json.loads(line)["level"] for line in log.splitlines()] == ["INFO"]


# --- Errors


@pytest.fixture(scope="module")
def quiet(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """The application with nothing to say about requests that went well."""
    with serve(postgresql_url, tmp_path_factory.mktemp("quiet"), LOG_LEVEL="WARNING") as served:
        yield served


def test_an_unexpected_error_is_logged_with_the_id_that_the_client_was_told(quiet: Served) -> None:
    empty(quiet.database_url)
    script(
        quiet.database_url,
        "ALTER TABLE users ADD CONSTRAINT nobody_knows CHECK (username <> 'ada')",
    )
    try:
        answer = quiet.post(USERS, json=ADA, headers={"X-Request-ID": "unlucky"})
    finally:
        script(quiet.database_url, "ALTER TABLE users DROP CONSTRAINT nobody_knows")
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "unlucky")
    wait_until(lambda: "unlucky" in quiet.log(), seconds=10)
    (line,) = [json.loads(line) for line in quiet.log().splitlines() if "unlucky" in line]
    assert (line["level"], line["message"]) == ("ERROR", "Exception in ASGI application")
    assert 'violates check constraint "nobody_knows"' in line["traceback"]
    assert "$2b$" not in quiet.log()
    assert ADA["password"] not in quiet.log()


def test_a_quiet_log_has_no_line_for_a_request(quiet: Served) -> None:
    assert quiet.get("/health", headers={"X-Request-ID": "quiet-1"}).status_code == 200
    assert "quiet-1" not in quiet.log()


def test_a_503_is_logged_with_its_reason_under_the_same_id(tmp_path: Path) -> None:
    nobody = "postgresql://ada:hunter2@127.0.0.1:9/shop"
    with serve(nobody, tmp_path) as app:
        answer = app.get(USERS, headers={"X-Request-ID": "unlucky"})
        assert (answer.status_code, answer.headers["X-Request-ID"]) == (503, "unlucky")
        reason, line = requests(app, "unlucky")
    assert (reason["level"], line["status"]) == ("WARNING", 503)
    assert reason["message"].startswith("The database is unavailable: ")


def test_two_workers_write_whole_lines(sqlite_url: str, tmp_path: Path) -> None:
    with serve(sqlite_url, tmp_path, workers=2) as app, app.client() as client:
        ids = {client.get("/health").headers["X-Request-ID"] for _ in range(200)}
        wait_until(lambda: app.log().count('"GET /health"') == 200, seconds=10)
        lines = [json.loads(line) for line in app.log().splitlines() if "GET /health" in line]
    assert {line["request_id"] for line in lines} == ids
    assert len(ids) == 200


# In one process, where nobody has set logging up: as in a test, or in a notebook.
AFTER_THE_ANSWER = """
from typing import Annotated
from fastapi import Depends
from fastapi.testclient import TestClient
from app.main import create_app

app = create_app()

async def breaks():
    yield
    raise RuntimeError("too late")

async def fails():
    raise RuntimeError("in time")

async def answers(_: Annotated[None, Depends(breaks)]) -> str:
    return "done"

app.add_api_route("/late", answers)
app.add_api_route("/early", fails)
client = TestClient(app)
print(client.get("/health").text, client.get("/late").text)
try:
    client.get("/early")
except RuntimeError as error:
    print(error)
print(TestClient(app, raise_server_exceptions=False).get("/early").text)
"""


def test_an_error_after_the_answer_leaves_the_answer_as_it_is(elsewhere: Path) -> None:
    printed = python(AFTER_THE_ANSWER, elsewhere).splitlines()
    assert printed == ['{"status":"healthy"} "done"', "in time", "Internal Server Error"]
