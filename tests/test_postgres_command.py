"""`nox -s postgres`, and checks on its server, in a clone whose computer has no Docker engine."""

import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest

from tests.workbench import Ran, clone, run
from workshop.postgres import expect_server

Command = Callable[..., Ran]
# Where no Docker engine is, whatever this computer has.
NO_DOCKER = {"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_CONTEXT": ""}


@pytest.fixture(scope="module")
def command() -> Generator[Command]:
    """Run a command in a clone, whose folder root's server may enter, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="test postgres ü "))
    place.chmod(0o755)
    command = partial(run, cwd=clone(place), env=NO_DOCKER)
    yield command
    command("postgres", "stop")
    shutil.rmtree(place)


def database_url(ran: Ran) -> str:
    """The URL that a command told the learner to use."""
    found = re.search(r"DATABASE_URL=(\S+)", ran.out)
    assert found, ran
    return found[1]


def test_a_server_is_started_described_and_stopped(command: Command) -> None:
    assert command("postgres", "status").status == 1
    started = command("postgres")
    assert (started.status, started.err) == (0, "")
    expect_server(database_url(started))
    assert str(command.keywords["cwd"] / ".postgres" / "data") in started.out
    assert re.search(r"Stop it: +.*postgres (-- )?stop\n", started.out)
    assert database_url(command("postgres", "start")) == database_url(started)
    status = command("postgres", "status")
    assert (status.status, database_url(status)) == (0, database_url(started))
    assert command("postgres", "stop").out == "PostgreSQL is stopped; its data stays.\n"
    assert command("postgres", "stop").out == "No PostgreSQL of ours runs.\n"


def test_checks_start_and_use_the_server(command: Command, tmp_path: Path) -> None:
    ran = command("check", "2", "--solve", "--app", str(tmp_path), "--postgres", "--json")
    assert (ran.status, ran.json["ok"]) == (0, True)
    assert command("postgres", "status").status == 0


def test_the_server_and_a_url_exclude_each_other(command: Command) -> None:
    ran = command("progress", "--postgres", "--database-url", "postgresql://127.0.0.1/d")
    assert ran.status == 2
    assert "do not go together" in ran.err
