"""The image, without a container engine: what the files say, and what their commands do."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from ruamel.yaml import YAML

from tests.solution.conftest import NewDatabase
from tests.solution.serving import ADA, SOLUTION, USERS, environment, run, tables, wait_until

COMPOSE = SOLUTION / "compose.yaml"
PORT = "8000"


def instructions() -> list[tuple[str, str]]:
    """The lines of the Dockerfile as pairs of an instruction and what it is given."""
    text = (SOLUTION / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    pairs = (line.split(maxsplit=1) for line in lines)
    return [(name, " ".join(rest.split())) for name, rest in pairs]


def given(name: str) -> list[str]:
    """What each instruction of this name is given, in order."""
    return [rest for instruction, rest in instructions() if instruction == name]


def healthcheck() -> list[str]:
    return json.loads(given("HEALTHCHECK")[0].partition("CMD ")[2])


def command() -> list[str]:
    return json.loads(given("CMD")[0])


def compose(file: Path = COMPOSE) -> Any:
    return YAML(typ="safe").load(file.read_text(encoding="utf-8"))


# --- What the files say


def test_the_image_is_a_slim_python_that_the_application_supports() -> None:
    (image,) = given("FROM")
    assert re.fullmatch(r"python:3\.(11|12|13)-slim", image)


def test_the_application_runs_as_a_user_who_is_not_root_and_owns_nothing() -> None:
    user, group = given("USER")[0].split(":")
    assert int(user) > 0
    assert int(group) > 0
    names = [name for name, _ in instructions()]
    assert not {"COPY", "RUN"} & set(names[names.index("USER") :])
    assert not any("--chown" in copied for copied in given("COPY"))


def test_every_command_is_a_list_so_that_no_shell_keeps_the_signals() -> None:
    commands = [command(), healthcheck(), *map(json.loads, given("RUN"))]
    assert all(words[0] == "python" for words in commands)
    assert isinstance(compose()["services"]["migrate"]["command"], list)


def test_the_packages_are_installed_before_the_code_is_copied() -> None:
    names = [f"{name} {rest}" for name, rest in instructions()]
    installs = next(index for index, line in enumerate(names) if line.startswith("RUN"))
    assert names[installs - 1] == "COPY requirements.txt ."
    assert names.index("COPY app app") > installs


@pytest.mark.parametrize(
    "name", [".env", "app/.env", "app.db", "app.db-wal", "app/__pycache__", ".venv", ".git"]
)
def test_what_is_secret_or_local_stays_out(name: str) -> None:
    lines = (SOLUTION / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    # `**/` stands for any number of folders, and for none.
    assert any(fnmatch(name, p) or fnmatch(f"/{name}", p.replace("**/", "*/")) for p in patterns)


def test_the_compose_file_is_as_its_public_schema_says() -> None:
    checker = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = run(*checker, COMPOSE, folder=SOLUTION, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_services_start_in_order_on_the_database_that_is_included() -> None:
    file = compose()
    (included,) = file["include"]
    database = compose(SOLUTION / included)
    assert file["name"] == database["name"]
    migrate, app = file["services"]["migrate"], file["services"]["app"]
    assert migrate["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert app["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "db" in database["services"]
    for service in (migrate, app):
        url = urlsplit(service["environment"]["DATABASE_URL"])
        assert (url.username, url.password, url.hostname, url.path) == (
            database["services"]["db"]["environment"]["POSTGRES_USER"],
            database["services"]["db"]["environment"]["POSTGRES_PASSWORD"],
            "db",
            f"/{database['services']['db']['environment']['POSTGRES_DB']}",
        )
    assert app["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert given("EXPOSE") == [PORT]
    # The engine kills what has not ended by itself; uvicorn has to be done before.
    patience = int(command()[command().index("--timeout-graceful-shutdown") + 1])
    assert int(app["stop_grace_period"].rstrip("s")) > patience


# --- What the commands do


def unpacked(folder: Path) -> Path:
    """The files that the image holds, in a folder."""
    image = folder / "image"
    image.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for source, target in (copied.split() for copied in given("COPY")):
        if (SOLUTION / source).is_dir():
            shutil.copytree(SOLUTION / source, image / target, ignore=ignored)
        else:
            shutil.copy(SOLUTION / source, image / target)
    return image


def here(words: list[str], port: int) -> list[str]:
    """A command of the image, for this Python and with another port."""
    words = [word.replace(PORT, str(port)) for word in words]
    return [sys.executable if word == "python" else word for word in words]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")
def test_its_commands_migrate_serve_answer_for_their_health_and_end(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    image, url = unpacked(tmp_path), new_database("postgresql")
    variables = dict(pair.split("=") for pair in given("ENV")[0].split())
    env = environment(url, BCRYPT_ROUNDS=4) | variables | {"WEB_CONCURRENCY": "2"}
    files = sorted(image.rglob("*"))

    migrate = compose()["services"]["migrate"]["command"]
    done = run(*here(migrate, 0), folder=image, env=env)
    assert done.returncode == 0, done.stderr
    assert tables(url) == {"users", "products"}

    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            here(command(), port), cwd=image, env=env, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: answers(port))
        created = httpx2.post(f"http://127.0.0.1:{port}{USERS}", json=ADA, verify=False)
        assert created.status_code == 201
        assert run(*here(healthcheck(), port), folder=image, env=env).returncode == 0
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
        assert run(*here(healthcheck(), port), folder=image, env=env).returncode == 1
    finally:
        process.kill()
        process.wait()
    lines = (tmp_path / "log").read_text(encoding="utf-8")
    assert lines.count("Application shutdown complete") == 2
    assert sorted(image.rglob("*")) == files, "something was written next to the code"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health", verify=False).status_code == 200
    except httpx2.TransportError:
        return False
