"""`nox -s postgres`: a PostgreSQL server for the learner, with Docker or without."""

from workshop.commands.terminal import command
from workshop.course.steps import ROOT, SOLUTION
from workshop.postgres import Server, provide, provided, withdraw

FOLDER = ROOT / ".postgres"
COMPOSE_FILE = SOLUTION / "postgres_db" / "compose.yaml"


def start() -> int:
    """Start the server unless it runs, and say how to use it."""
    print("Starting PostgreSQL; the first time may take a minute.", flush=True)
    return _describe(provide(FOLDER, COMPOSE_FILE))


def stop() -> int:
    """Stop the server; its data stays."""
    stopped = withdraw(FOLDER, COMPOSE_FILE)
    print("PostgreSQL is stopped; its data stays." if stopped else "No PostgreSQL of ours runs.")
    return 0


def status() -> int:
    """Say whether the server runs; 1 if not."""
    server = provided(FOLDER, COMPOSE_FILE)
    if server:
        return _describe(server)
    print(f"No PostgreSQL of ours runs: {command('postgres')} starts it.")
    return 1


def our_url() -> str:
    """The URL of the server, which is started unless it runs, for checks to use."""
    return provide(FOLDER, COMPOSE_FILE).url


def _describe(server: Server) -> int:
    docker = server.binaries is None
    print(
        f"PostgreSQL runs{' in Docker' if docker else ''}. To use it, put this in backend/.env:\n"
    )
    print(f"    DATABASE_URL={server.url}\n")
    print(f"Run checks on it:  {command('step8', '--postgres')}")
    print(f"Stop it:           {command('postgres', 'stop')}")
    kept = f"a Docker volume, see {server.data / COMPOSE_FILE.name}" if docker else server.data
    print(f"Its data:          {kept}")
    return 0
