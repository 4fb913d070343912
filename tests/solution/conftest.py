"""A migrated database of each kind, and the application served on it."""

import itertools
from collections.abc import Callable, Generator
from pathlib import Path

import httpx2
import pytest

from tests.solution.serving import Served, alembic, empty, serve
from workshop import postgres

DATABASES = ["sqlite", "postgresql"]
_numbers = itertools.count()

NewDatabase = Callable[[str], str]


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> NewDatabase:
    """Make an empty database, "sqlite" or "postgresql", and return its URL."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database') / 'app.db'}"
        name = f"solution_{next(_numbers)}"
        return postgres.create_database(request.getfixturevalue("postgres_url"), name)

    return make


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, new_database: NewDatabase) -> str:
    """An empty database of each kind, without tables."""
    return new_database(request.param)


@pytest.fixture(scope="session")
def postgresql_url(new_database: NewDatabase) -> str:
    """A migrated PostgreSQL database, whose rows may be anybody's."""
    url = new_database("postgresql")
    alembic(url, "upgrade head")
    return url


@pytest.fixture(scope="session")
def sqlite_url(new_database: NewDatabase) -> str:
    """A migrated SQLite database, whose rows may be anybody's."""
    url = new_database("sqlite")
    alembic(url, "upgrade head")
    return url


@pytest.fixture(scope="session", params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="session")
def running(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with serve(database_url, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def app(running: Served) -> Generator[Served]:
    """The application on an empty, migrated database; no test may make it stumble."""
    empty(running.database_url)
    before = len(running.log())
    yield running
    assert "Traceback" not in running.log(before)


@pytest.fixture
def client(app: Served) -> Generator[httpx2.Client]:
    """A client of that application."""
    with app.client() as connected:
        yield connected


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty folder to run in, with no `.env`."""
    return tmp_path
