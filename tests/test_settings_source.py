"""A setting of the learner's own is traced to the line of `.env` or to the shell that sets it."""

from pathlib import Path

import pytest

from workshop.probes.learner_app import OWN_DOTENV, LearnerApp
from workshop.probes.settings_source import source_of

DOTENV = """\
# The database on my laptop

APP_NAME=Shop

  export DATABASE_URL='postgresql://ada@localhost/shop'
this is no assignment
app_name = "Other shop"
"""


@pytest.mark.parametrize(
    ("name", "shell", "said"),
    [
        ("DATABASE_URL", {}, "DATABASE_URL in .env, line 5"),
        ("DATABASE_URL", {"DATABASE_URL": "sqlite://"}, "DATABASE_URL in your shell"),
        ("DATABASE_URL", {"database_url": "sqlite://"}, "database_url in your shell"),
        ("APP_NAME", {}, "APP_NAME in .env, line 7"),
        ("LOG_LEVEL", {}, None),
    ],
)
def test_a_setting_is_traced(
    name: str,
    shell: dict[str, str],
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for variable, value in shell.items():
        monkeypatch.setenv(variable, value)
    app = LearnerApp(tmp_path)
    (tmp_path / ".env").write_text(DOTENV)
    with app.isolated():
        found = source_of(app, name)
    assert (found.said if found else None) == said


def test_a_file_that_is_not_text_names_nothing(tmp_path: Path) -> None:
    (tmp_path / OWN_DOTENV).write_bytes("DATABASE_URL=sqlite://\n".encode("utf-16"))
    assert source_of(LearnerApp(tmp_path), "DATABASE_URL") is None
