"""PostgreSQL for development, in a container.

python postgres_db/server.py start      start it, and wait until it answers
python postgres_db/server.py stop       stop it; the rows stay
python postgres_db/server.py restart    stop it and start it again
python postgres_db/server.py status     say whether it runs

To delete the rows as well: docker compose --file postgres_db/compose.yaml down --volumes
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

COMPOSE_FILE = Path(__file__).resolve().parent / "compose.yaml"
# The address, not `localhost`: that may mean IPv6 first, where nobody listens.
DATABASE_URL = "postgresql://fastapi_user:fastapi_password@127.0.0.1:5432/fastapi_db"

# Docker Desktop takes its time to answer while it starts up itself.
PROBE_SECONDS = 20


class DockerError(Exception):
    """Docker cannot be used. The text says what to do about it."""


def start() -> int:
    """Start the server, wait until it is healthy, and say how to reach it."""
    status = compose("up", "--detach", "--wait")
    if status:
        print(
            "PostgreSQL did not start; Docker's reason is above. "
            "If port 5432 is taken, stop the other server first.",
            file=sys.stderr,
        )
        return status
    print(f"PostgreSQL runs. In .env:\nDATABASE_URL={DATABASE_URL}")
    return 0


def stop() -> int:
    """Stop the server. Its rows stay in the volume."""
    return compose("stop")


def restart() -> int:
    """Stop the server and start it again, for example after a change in compose.yaml."""
    return stop() or start()


def status() -> int:
    """Say whether the server runs; the exit status is 0 if it does and 1 if not."""
    running = subprocess.run(
        command("ps", "--status", "running", "--quiet"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if running.returncode:
        print(running.stderr.strip(), file=sys.stderr)
        return running.returncode
    if not running.stdout.strip():
        print("PostgreSQL does not run: python postgres_db/server.py start")
        return 1
    print(f"PostgreSQL runs.\nDATABASE_URL={DATABASE_URL}")
    return 0


ACTIONS: dict[str, Callable[[], int]] = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "status": status,
}


def compose(*arguments: str) -> int:
    """Run `docker compose` on our file, its output on the terminal, and return its exit status."""
    return subprocess.run(command(*arguments), check=False).returncode


def command(*arguments: str) -> list[str]:
    """The command line of `docker compose` on our file."""
    return [docker(), "compose", "--file", str(COMPOSE_FILE), *arguments]


def docker() -> str:
    """Where the docker command is. Raises DockerError if there is none."""
    found = shutil.which("docker")
    if found is None:
        raise DockerError(
            "There is no docker command on this computer: install Docker Desktop, or stay with "
            "SQLite, which needs no server."
        )
    return found


def expect_docker() -> None:
    """Raise DockerError unless docker, its compose plugin and its engine are there."""
    if not succeeds(docker(), "compose", "version"):
        raise DockerError(
            "Docker is here without `docker compose`: install its compose plugin, or update Docker."
        )
    if not succeeds(docker(), "info"):
        raise DockerError(
            "Docker is installed, but its engine does not answer: start Docker Desktop (on Linux: "
            "sudo systemctl start docker) and run the same command again. `docker info` says more."
        )


def succeeds(*arguments: str) -> bool:
    """Whether a command ends well, and within a time in which one would wait for it."""
    try:
        done = subprocess.run(arguments, capture_output=True, check=False, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Do what the command line asks for and return the exit status; 2 if that cannot be done."""
    if len(arguments) != 1 or arguments[0] not in ACTIONS:
        print(__doc__)
        return 0 if arguments in (["help"], ["--help"], ["-h"]) else 2
    try:
        expect_docker()
        return ACTIONS[arguments[0]]()
    except DockerError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
