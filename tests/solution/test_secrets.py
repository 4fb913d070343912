"""Secrets stay secret: in logs at every level, in tracebacks, in what a debugger prints."""

import json
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.solution.serving import (
    ADA,
    SOLUTION,
    USERS,
    Served,
    empty,
    environment,
    python,
    run,
    script,
    serve,
    wait_until,
)

PASSWORD = ADA["password"]
URL = "postgresql://shop:hunter2-hunter2@db.example:5432/shop"
# What somebody puts in who wants to see everything. SQLAlchemy would need its own DEBUG for the
# rows that come back; that is documented, and nobody's accident.
TALKATIVE = """
import logging
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("sqlalchemy").setLevel(logging.INFO)
"""


@pytest.fixture(scope="module")
def talkative(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """The application with every logger at DEBUG."""
    folder = tmp_path_factory.mktemp("talkative")
    (folder / "sitecustomize.py").write_text(TALKATIVE, encoding="utf-8")
    levels = {"log_level": "trace", "LOG_LEVEL": "DEBUG"}
    with serve(database_url, folder, **levels, PYTHONPATH=folder) as served:
        yield served


def lines_with(text: str, log: str) -> list[str]:
    return [line for line in log.splitlines() if text in line]


def test_no_log_has_a_password_or_a_hash(talkative: Served) -> None:
    empty(talkative.database_url)
    with talkative.client() as client:
        assert client.post(USERS, json=ADA).status_code == 201
        assert client.post(USERS, json=ADA).status_code == 400
        assert client.post(USERS, json=ADA | {"email": PASSWORD}).status_code == 422
        assert client.post(USERS, json=ADA | {PASSWORD: 1}).status_code == 422
        assert client.post(USERS, content=PASSWORD).status_code == 422
        assert client.get(f"{USERS}/1").status_code == 200
        assert client.get(USERS).status_code == 200
    log = talkative.log()
    assert '"level": "TRACE"' in log
    assert "INSERT INTO users" in log
    assert lines_with(PASSWORD, log) == []
    assert lines_with("$2b$", log) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_log_at_any_level_has_the_password_of_the_database(talkative: Served) -> None:
    talkative.get("/health/db")
    assert "fastapi_password" not in talkative.log()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_traceback_of_a_constraint_nobody_knows_has_no_hash(talkative: Served) -> None:
    """PostgreSQL tells the whole row that a CHECK refused, as it does for a new NOT NULL column."""
    url = talkative.database_url
    script(url, "ALTER TABLE users ADD CONSTRAINT nobody_knows CHECK (username <> 'bob')")
    try:
        bob = ADA | {"email": "bob@example.com", "username": "bob"}
        answer = talkative.post(USERS, json=bob)
    finally:
        script(url, "ALTER TABLE users DROP CONSTRAINT nobody_knows")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    wait_until(lambda: "Exception in ASGI application" in talkative.log(), seconds=10)
    log = talkative.log()
    assert "violates check constraint" in log
    assert "nobody_knows" in log
    assert lines_with("$2b$", log) == []
    assert lines_with(PASSWORD, log) == []


EXPRESSIONS = [
    "get_settings()",
    "str(get_settings())",
    "make_url(get_settings().DATABASE_URL)",
    "get_engine()",
    "get_engine().url",
    "str(get_engine().url)",
    "get_engine().pool",
    "get_session_factory()",
    "UserCreate.model_validate(ada)",
    "UserCreate.model_validate(ada).model_dump()",
    "UserCreate.model_validate(ada).model_dump_json()",
    "User(username='ada', hashed_password='$2b$04$abc')",
    "refusal(lambda: UserCreate.model_validate(ada | {'password': ada['password'] * 9}))",
    "refusal(lambda: UserCreate.model_validate({'password': ada['password']}))",
    "refusal(lambda: Settings(DATABASE_URL=url.replace('postgresql', 'mysql')))",
    "refusal(lambda: Settings(DATABASE_URL=url, BCRYPT_ROUNDS=99))",
]

LOOK_AT_EACH = """
import json, sys
from sqlalchemy import make_url
from app.core.config import Settings, get_settings
from app.db.session import get_engine, get_session_factory
from app.models.user import User
from app.schemas.user import UserCreate

url, ada, expressions = json.loads(sys.stdin.readline())

def refusal(work):
    try:
        work()
    except ValueError as error:
        return repr(error) + str(error)
    raise AssertionError("was not refused")

print(json.dumps({expression: repr(eval(expression)) for expression in expressions}))
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each of those expressions prints in a Python session."""
    given = json.dumps([URL, ADA, EXPRESSIONS])
    answer = python(LOOK_AT_EACH, tmp_path_factory.mktemp("session"), URL, given=given)
    return json.loads(answer)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_a_debugger_prints_has_no_secret(expression: str, printed: dict[str, str]) -> None:
    assert printed[expression]
    for secret in (PASSWORD, "hunter2", "$2b$"):
        assert secret not in printed[expression]


def test_a_malformed_setting_stops_the_start_without_its_value(elsewhere: Path) -> None:
    env = environment("mysql://shop:hunter2-hunter2@db.example/shop")
    env["PYTHONPATH"] = str(SOLUTION)
    command = (sys.executable, "-m", "uvicorn", "app.main:app", "--port", "0")
    done = run(*command, folder=elsewhere, env=env)
    assert done.returncode != 0
    assert "must begin with sqlite:// or postgresql://" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
