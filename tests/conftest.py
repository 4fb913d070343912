"""What every folder of tests may ask for: a throw-away PostgreSQL, one for each pytest process."""

from collections.abc import Generator

import pytest

from workshop import postgres
from workshop.judging import warm
from workshop.postgres import Server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record",
        action="store_true",
        help="renew tests/golden with what learners read now, and the agenda in INSTRUCTORS.md",
    )


@pytest.fixture(scope="session")
def postgres_server() -> Generator[Server]:
    """A running server, for tests that make databases of their own. Do not halt it."""
    with postgres.temporary() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    """The URL of that server's database, to hand to `workshop.postgres.create_database`."""
    return postgres_server.url


@pytest.fixture(scope="module")
def warm_workers() -> Generator[None]:
    """Checks start at once, for modules that run hundreds of steps."""
    with warm.workers():
        yield
