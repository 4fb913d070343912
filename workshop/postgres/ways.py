"""A server in the first way that works: Docker, this computer's PostgreSQL, the pip package."""

import shutil
from contextlib import suppress
from pathlib import Path

from workshop.postgres import cluster
from workshop.postgres.databases import ensure_database
from workshop.postgres.programs import run
from workshop.postgres.server import PostgresError, Server

# Asking whether Docker is there must not cost more than anyone would wait for an answer.
PROBE_SECONDS = 5.0
# The first `docker compose up` downloads an image of some 150 MB.
COMPOSE_SECONDS = 300


def provide(folder: Path, compose_file: Path, port: int = 5432) -> Server:
    """Start PostgreSQL in the first way that works on this computer, and return the server.

    1. The compose file, where it exists and a Docker engine runs; it sets its own port.
    2. A PostgreSQL on the computer, with its cluster in `folder`. 3. The pip package, likewise.
    If Docker fails (no image and no internet, a port in use), the next way is taken. What runs
    already is kept. Raises PostgresError with the three ways where none works.
    """
    server = cluster.status(folder)
    if server is None and _containers(compose_file) is not None:
        with suppress(PostgresError):
            _compose(compose_file, "up", "--detach", "--wait")
            server = _published(compose_file)
            ensure_database(server.url)
            return server
    return cluster.start(folder, port)


def provided(folder: Path, compose_file: Path) -> Server | None:
    """The server that `provide` started, None unless it runs."""
    server = cluster.status(folder)
    if server is None and _containers(compose_file):
        return _published(compose_file)
    return server


def withdraw(folder: Path, compose_file: Path) -> bool:
    """Stop what `provide` started, and tell whether there was anything; the rows stay."""
    if cluster.stop(folder):
        return True
    if not _containers(compose_file):
        return False
    _compose(compose_file, "stop")
    return True


def _containers(compose_file: Path) -> str | None:
    """The running containers of a compose file, "" for none, None where there is no Docker."""
    if compose_file.is_file() and shutil.which("docker"):
        with suppress(PostgresError):
            arguments = ("ps", "--status", "running", "--quiet")
            return _compose(compose_file, *arguments, seconds=PROBE_SECONDS).strip()
    return None


def _published(compose_file: Path) -> Server:
    """The server of the service `db`, behind whichever port of this computer it is."""
    # "127.0.0.1:5432", "[::]:5432"
    port = _compose(compose_file, "port", "db", "5432").strip().rpartition(":")[2]
    if not port.isdecimal():
        raise PostgresError(f"The service db in {compose_file} publishes no port 5432: add it.")
    return Server(compose_file.resolve().parent, int(port), None)


def _compose(compose_file: Path, *arguments: str, seconds: float = COMPOSE_SECONDS) -> str:
    file = compose_file.resolve()
    command = [shutil.which("docker") or "docker", "compose", "-f", str(file), *arguments]
    done = run(command, seconds=seconds, folder=file.parent)
    if done.code != 0:
        raise PostgresError(
            f"docker compose {arguments[0]} failed ({done.complaint}): "
            f"run it yourself in {file.parent} to see more."
        )
    return done.out
