"""Settings: read from the environment, then from `.env`, in the spellings that people use."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.solution.serving import SOLUTION, environment, python, run

READ_EACH = """
import json, sys
from app.core.config import Settings

def read(settings):
    try:
        return Settings(**settings).model_dump()
    except ValueError:
        return "refused"

print(json.dumps([read(settings) for settings in json.loads(sys.stdin.readline())]))
"""

ACCEPTED: list[tuple[str, object, object]] = [
    ("DATABASE_URL", "postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ("DATABASE_URL", "postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ("DATABASE_URL", "postgresql+psycopg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ("DATABASE_URL", "postgresql+psycopg2://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ("DATABASE_URL", "postgresql+asyncpg://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
    ("DATABASE_URL", "postgres://u:p%25%40@h:1/d", "postgresql+asyncpg://u:p%25%40@h:1/d"),
    ("DATABASE_URL", "postgres://u:postgres://@h/d", "postgresql+asyncpg://u:postgres://@h/d"),
    ("DATABASE_URL", "sqlite:///./a.db", "sqlite+aiosqlite:///./a.db"),
    ("DATABASE_URL", "sqlite+aiosqlite://", "sqlite+aiosqlite://"),
    ("CORS_ORIGINS", "", []),
    ("CORS_ORIGINS", "https://a.example", ["https://a.example"]),
    ("CORS_ORIGINS", "https://a.example, https://b.example,", ["https://a.example", "https://b.example"]),
    ("CORS_ORIGINS", '["https://a.example","https://b.example"]', ["https://a.example", "https://b.example"]),
    ("SKIP_DB_INIT", "true", True),
    ("BCRYPT_ROUNDS", "4", 4),
    ("LOG_LEVEL", "WARNING", "WARNING"),
]  # fmt: skip
REFUSED: list[tuple[str, object]] = [
    ("DATABASE_URL", ""),
    ("DATABASE_URL", "app.db"),
    ("DATABASE_URL", "mysql://u:p@h/d"),
    ("DATABASE_URL", "postgresql"),
    ("API_V1_STR", ""),
    ("API_V1_STR", "api"),
    ("API_V1_STR", "/api/v1/"),
    ("BCRYPT_ROUNDS", "3"),
    ("BCRYPT_ROUNDS", "31"),
    ("DB_POOL_SIZE", "0"),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_LEVEL", ""),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, object], Any]:
    """What became of each of those values."""
    values = [(name, value) for name, value, _ in ACCEPTED] + REFUSED
    given = json.dumps([{name: value} for name, value in values])
    read = json.loads(python(READ_EACH, tmp_path_factory.mktemp("empty"), given=given))
    return dict(zip(values, read, strict=True))


@pytest.mark.parametrize(("name", "value", "meaning"), ACCEPTED)
def test_a_setting_is_understood(
    name: str, value: object, meaning: object, outcomes: dict[tuple[str, object], Any]
) -> None:
    assert outcomes[name, value][name] == meaning


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_setting_without_sense_is_refused(
    name: str, value: object, outcomes: dict[tuple[str, object], Any]
) -> None:
    assert outcomes[name, value] == "refused"


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(elsewhere: Path) -> None:
    lines = "APP_NAME=from the file\nAPP_VERSION=from the file\nOTHERS_KEY=1\n"
    (elsewhere / ".env").write_text(lines, encoding="utf-8")
    env = environment(APP_NAME="from the environment") | {"PYTHONPATH": str(SOLUTION)}
    code = "from app.core.config import get_settings as s; print(s().APP_NAME, s().APP_VERSION)"
    command = (sys.executable, "-c", f"{code}; print(s().API_V1_STR)")
    done = run(*command, folder=elsewhere, env=env)
    assert done.stdout.splitlines() == ["from the environment from the file", "/api/v1"]


def test_the_example_file_holds_every_setting_and_no_other(elsewhere: Path) -> None:
    code = "from app.core.config import Settings; print(*Settings.model_fields)"
    text = (SOLUTION / ".env.example").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line.partition("=")[0] for line in lines] == python(code, elsewhere).split()
