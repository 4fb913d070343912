"""The solution as a template: copied elsewhere, it needs nothing of the workshop around it."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from tests.solution.conftest import NewDatabase
from tests.solution.serving import (
    ADA,
    SOLUTION,
    USERS,
    copy_solution,
    environment,
    python,
    run,
    serve,
    tables,
)

ROOT = SOLUTION.parent


def test_a_copy_is_migrated_and_served_by_the_two_commands_of_its_documentation(
    tmp_path: Path,
) -> None:
    """With no environment at all, and the settings in `.env` as `.env.example` has them."""
    copy = copy_solution(tmp_path)
    example = (copy / ".env.example").read_text(encoding="utf-8")
    (copy / ".env").write_text(example, encoding="utf-8")
    scripts = Path(sys.executable).parent
    done = run(scripts / "alembic", "upgrade", "head", folder=copy, env=environment())
    assert done.returncode == 0, done.stderr
    assert (copy / "app.db").is_file()
    with serve(None, copy, solution=copy) as app:
        assert "No table" not in app.log()
        assert app.post(USERS, json=ADA).status_code == 201
        assert app.get("/health/db").status_code == 200
        assert app.get("/openapi.json").json()["info"]["title"] == "Layer by Layer"


def test_a_copy_takes_its_database_from_the_env_file(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    copy, url = copy_solution(tmp_path), new_database("postgresql")
    plain_url = url.replace("postgresql+asyncpg", "postgres")
    (copy / ".env").write_text(f"DATABASE_URL={plain_url}\nOTHERS_KEY=1\n", encoding="utf-8")
    command = (sys.executable, "-m", "alembic", "upgrade", "head")
    done = run(*command, folder=copy, env=environment())
    assert done.returncode == 0, done.stderr
    assert tables(url) == {"users", "products"}


def test_importing_the_application_needs_no_environment_and_touches_nothing(
    elsewhere: Path,
) -> None:
    code = "import sys, app.main; print(sorted(m for m in sys.modules if m.startswith('alembic')))"
    assert python(code, elsewhere) == "[]"
    assert list(elsewhere.iterdir()) == []


def test_nothing_in_the_solution_mentions_the_workshop() -> None:
    for path in SOLUTION.rglob("*.py"):
        for module in imported_by(path):
            assert module not in {"workshop", "checks", "steps", "tests"}, path


# --- requirements.txt -------------------------------------------------------------------------


def pins(file: Path) -> dict[str, str]:
    """Every package of a requirements file, with its version."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;]+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def imported_by(path: Path) -> set[str]:
    """The top-level names of the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


SOLUTION_PINS = pins(SOLUTION / "requirements.txt")
FILES = [*(SOLUTION / "app").rglob("*.py"), *(SOLUTION / "alembic").rglob("*.py")]
THIRD_PARTY = set[str]().union(*map(imported_by, FILES)) - sys.stdlib_module_names - {"app"}


@pytest.mark.parametrize(("package", "version"), SOLUTION_PINS.items(), ids=SOLUTION_PINS)
def test_the_workshop_and_the_solution_pin_the_same_version(package: str, version: str) -> None:
    assert pins(ROOT / "requirements.txt")[package] == version


@pytest.mark.parametrize("module", sorted(THIRD_PARTY))
def test_every_package_that_is_imported_is_in_the_requirements(module: str) -> None:
    distributions = importlib.metadata.packages_distributions()[module]
    packages = {name.lower().replace("_", "-") for name in distributions}
    # Starlette is FastAPI's own foundation, and it is FastAPI that says which one.
    assert packages & {*SOLUTION_PINS, "starlette"}


@pytest.mark.parametrize("driver", ["aiosqlite", "asyncpg", "uvicorn", "uvloop"])
def test_what_is_needed_without_being_imported_is_in_the_requirements_too(driver: str) -> None:
    assert driver in SOLUTION_PINS


def test_every_line_of_the_requirements_is_pinned() -> None:
    lines = (SOLUTION / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(wanted) == len(SOLUTION_PINS)


# --- several workers --------------------------------------------------------------------------

# An application that says whether the connection it is asked over waits for acknowledgements.
ASK_THE_SOCKET = """
import os, socket, stat

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    for name in os.listdir("/proc/self/fd"):
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.getpeername() == tuple(scope["client"]):
                    delay = not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        except OSError:
            continue
    headers = [(b"delays", str(delay).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body"})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc shows a process its sockets")
@pytest.mark.parametrize("workers", [1, 2])
def test_no_worker_waits_for_acknowledgements(workers: int, tmp_path: Path) -> None:
    """TCP_NODELAY is set: else the body of an answer follows its head 40 ms later."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").touch()  # else another `app` on PYTHONPATH would come first
    (tmp_path / "app/main.py").write_text(ASK_THE_SOCKET, encoding="utf-8")
    with serve(None, tmp_path, workers=workers, solution=tmp_path) as app:
        assert app.get("/").headers["delays"] == "False"
