"""A cluster in a folder: made, and its server started and stopped."""

import os
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path

from workshop.postgres import account
from workshop.postgres.binaries import needed_binaries
from workshop.postgres.databases import ensure_database, serves
from workshop.postgres.folders import locked, remove
from workshop.postgres.programs import Done, run
from workshop.postgres.server import HOST, PASSWORD, USER, PostgresError, Server

# A first start on a slow, busy laptop with a virus scanner; a usual one takes 0.1 s, and making a
# cluster a second.
START_SECONDS = 60
INITDB_SECONDS = 180
# A fast shutdown writes a checkpoint.
STOP_SECONDS = 60
# Where there are so many taken ports in a row, something else is wrong.
PORTS_TO_TRY = 100

# No socket file: its path may have 107 bytes at most, and a learner's folder may be deeper.
# UTC: the same times come back whatever the computer's own zone is, as from the Docker image.
SETTINGS = """
# Added by the workshop.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
timezone = 'UTC'
log_timezone = 'UTC'
"""


class _PortTakenError(PostgresError):
    """The server could not listen on its port, because another program does."""


def start(folder: Path, port: int = 5432) -> Server:
    """Start the server whose cluster is in `folder`, make that on first use, and return it.

    Calling it again is harmless. If another program has the port, the next free one is taken.
    Once it returns, the server answers.
    """
    home = account.place(folder)
    binaries = _binaries(home / "data")
    account.make_folder(home)
    # Two commands that start it at once get the same server.
    with locked(home, INITDB_SECONDS + START_SECONDS):
        server = running(home / "data")
        if server is None:
            make_cluster(home, binaries, SETTINGS)
            server = launch(home / "data", binaries, port)
        ensure_database(server.url)
    return server


def status(folder: Path) -> Server | None:
    """The server whose cluster is in `folder`, None unless it runs and answers."""
    return running(account.place(folder) / "data")


def stop(folder: Path) -> bool:
    """Stop the server whose cluster is in `folder`, and tell whether one ran. Its rows stay."""
    server = status(folder)
    if server:
        halt(server)
    return server is not None


def halt(server: Server, *, crash: bool = False) -> None:
    """Stop a server, and its clients' connections with it; `resume` brings it back.

    With `crash`, it ends at once as from a fault, and recovers from its log at the next start. A
    temporary server then loses what was committed in its last second, as it does not wait for the
    disk.
    """
    mode = "immediate" if crash else "fast"
    done = _pg_ctl(server.data, _programs_of(server), "-m", mode, "-t", str(STOP_SECONDS), "stop")
    if done.code != 0 and (server.data / "postmaster.pid").exists():
        raise PostgresError(
            f"The PostgreSQL in {server.data} does not stop ({done.complaint}): restart the "
            f"computer, or end the process whose number postmaster.pid there begins with."
        )


def resume(server: Server) -> Server:
    """Start a server again that `halt` stopped, on the same port, and wait until it answers."""
    _launch_on(server.data, _programs_of(server), server.port)
    return server


def running(data: Path) -> Server | None:
    """The server of a cluster, None unless it runs and answers.

    postmaster.pid has the port on line 4 and the state on line 8. It survives a power cut, and
    the number of a process in it may be any program's then: only a server that says it serves
    this cluster counts, and is the right one to signal.
    """
    try:
        lines = (data / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        port = int(lines[3]) if lines[7].strip() == "ready" else 0
    except (OSError, IndexError, ValueError):
        return None
    if not port or not _listening(port):
        return None
    server = Server(data, port, _binaries(data))
    return server if serves(server.url, data) else None


def make_cluster(home: Path, binaries: Path, settings: str) -> None:
    """Make the cluster `data` in a folder unless it has one.

    It is made aside, then renamed: what was killed halfway never looks like a cluster.
    """
    data, aside = home / "data", home / "new"
    if (data / "PG_VERSION").exists():
        return
    remove(aside)
    try:
        aside.mkdir()
        _initdb(aside, binaries)
        with (aside / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)
        (aside / "data").rename(data)
    except OSError as error:
        raise PostgresError(
            f"{data} cannot be made ({error.strerror}): move or delete what is there."
        ) from error
    finally:
        remove(aside)


def _initdb(aside: Path, binaries: Path) -> None:
    secret = aside / "password"
    secret.write_text(PASSWORD + "\n", encoding="ascii")
    account.give(secret, aside)
    # --no-locale: the one that every computer has. --no-sync: a cluster that is lost in a power
    # cut a second after it was made is made again.
    command = [str(binaries / "initdb"), "-D", "data", "--no-sync", "--no-locale"]
    command += ["--encoding=UTF8", f"--username={USER}", "--auth=scram-sha-256"]
    command += [f"--pwfile={secret.name}"]
    done = run(command, seconds=INITDB_SECONDS, folder=aside, account=account.find_account())
    if done.code != 0:
        raise PostgresError(
            f"PostgreSQL's initdb could not make a database ({done.complaint}): free some disk "
            f"space or install PostgreSQL again, then run the same command again."
        )


def launch(data: Path, binaries: Path, port: int) -> Server:
    """Start a server on `port` or on the first free one after it; 0 means any free one."""
    for step in range(PORTS_TO_TRY):
        candidate = port + step if port else _any_port()
        # Between the look and the start someone may take the port: then the next one.
        with suppress(_PortTakenError):
            if not _listening(candidate):
                _launch_on(data, binaries, candidate)
                return Server(data, candidate, binaries)
    raise PostgresError(
        f"No port from {port} on is free for PostgreSQL: end the programs that use them."
    )


def _launch_on(data: Path, binaries: Path, port: int) -> None:
    log = data / "server.log"
    before = log.stat().st_size if log.exists() else 0
    arguments = ("-t", str(START_SECONDS), "-l", log.name, "-o", f"-p {port}", "start")
    done = _pg_ctl(data, binaries, *arguments)
    if done.code == 0:
        return
    said = log.read_bytes()[before:].decode("utf-8", "replace") if log.exists() else ""
    if "could not create any TCP/IP sockets" in said:
        raise _PortTakenError(
            f"Another program has port {port}, which PostgreSQL was to use: end that program."
        )
    if 'lock file "postmaster.pid" already exists' in said:
        raise PostgresError(
            f"A PostgreSQL already runs in {data}: stop it first, or, if there is none since a "
            f"power cut, delete postmaster.pid there."
        )
    fatal = [line.split("FATAL:")[1].strip() for line in said.splitlines() if "FATAL:" in line]
    raise PostgresError(
        f"PostgreSQL does not start ({fatal[-1] if fatal else done.complaint}): read {log}, "
        f"or delete the folder {data} to begin with an empty database."
    )


def _pg_ctl(data: Path, binaries: Path, *arguments: str) -> Done:
    # It hands the names of the folder and the log to a shell, between double quotes. So it is run
    # in that folder and given relative names: no learner's path can mean something to the shell.
    command = [str(binaries / "pg_ctl"), "-D", ".", "-w", *arguments]
    owner = None
    if sys.platform != "win32" and os.geteuid() == 0:
        owner = account.Account(data.stat().st_uid, data.stat().st_gid)
    return run(command, seconds=START_SECONDS + 10, folder=data, account=owner)


def _binaries(data: Path) -> Path:
    """The programs that last served a cluster, which postmaster.opts begins with.

    Only the version that made a cluster can read it, and a newer one may have come since.
    """
    with suppress(OSError):
        text = (data / "postmaster.opts").read_text("utf-8", "surrogateescape")
        # POSIX: /usr/lib/postgresql/17/bin/postgres "-D" "…"; Windows quotes the program as well.
        folder = Path(text.split(' "-', maxsplit=1)[0].strip('" \n')).parent
        if shutil.which("pg_ctl", path=folder):
            return folder
    return needed_binaries()


def _programs_of(server: Server) -> Path:
    if server.binaries is None:
        raise PostgresError(
            f"The server on port {server.port} is Docker's: "
            f"stop and start it with docker compose in {server.data}."
        )
    return server.binaries


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        # A local port answers or refuses at once; a firewall that drops packets does neither.
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
