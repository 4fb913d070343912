"""What a learner reads first is true: the cause, and the file and line where it is.

Each line of the table was seen by somebody whom another sentence had sent to the wrong place. Wrong
answers whose verdict has no more to say stand in `mistakes.toml`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from workshop.course import stages
from workshop.course.steps import ROOT, find_step
from workshop.judging.runner import CheckResult, run_checks
from workshop.learner import migrations
from workshop.learner.folder import Folder

pytestmark = pytest.mark.usefixtures("warm_workers")

CONFIG, SESSION, BASE = "app/core/config.py", "app/db/session.py", "app/db/base.py"
MODEL, ENV, REVISION = "app/models/user.py", "alembic/env.py", next(iter(find_step(5).makes))
REGISTRATION = "from app.models import user as user\n"
NEWEST, FITS = "own_database_is_at_the_newest", "own_table_fits_the_model"
MADE, HISTORY, REACHES = (
    "revision_makes_the_users",
    "history_is_one_line",
    "alembic_reaches_the_database",
)
UNREACHABLE = "postgresql://ada:secret@127.0.0.1:5999/shop"
OFFLINE = (
    "\n\nif context.is_offline_mode():\n    run_offline()\nelse:\n    asyncio.run(run_online())\n"
)


class Edit(NamedTuple):
    """A text of a file that another takes the place of."""

    file: str
    find: str
    replace: str = ""


class Seen(NamedTuple):
    """What the learner reads: words of the message in their order, and where it sends them."""

    words: Sequence[str]
    # The file and a text of its line; empty when the cause is in no file.
    file: str
    line: str = ""


EMPTY_REVISION = Edit(REVISION, "    op.create_table(", "    return\n    op.create_table(")
TYPE_OF_THE_APP = Edit(REVISION, "sa.DateTime(timezone=True)", "app.db.types.UTCDateTime()")
TYPE_WITHOUT_SA = Edit(REVISION, "sa.DateTime(timezone=True)", "DateTime(timezone=True)")

CASES: dict[str, tuple[int, str, list[Edit], Seen]] = {
    "a validator without a return": (
        1,
        "settings_have_defaults",
        [Edit(CONFIG, '        return f"{scheme}://{rest}"\n')],
        Seen(
            ["Settings.use_async_driver() returned None", "DATABASE_URL"],
            CONFIG,
            "def use_async_driver",
        ),
    ),
    "a validator that returns for a text only": (
        1,
        "settings_have_defaults",
        [Edit(CONFIG, "            ]\n        return value\n", "            ]\n")],
        Seen(["Settings.split_origins() returned None"], CONFIG, "def split_origins"),
    ),
    "a setting kept as text": (
        1,
        "dotenv_is_read",
        [
            Edit(
                CONFIG,
                "DB_POOL_SIZE: int = Field(default=20, ge=1, le=100)",
                'DB_POOL_SIZE: str = ""',
            )
        ],
        Seen(["DB_POOL_SIZE has another type: str instead of int."], CONFIG, "DB_POOL_SIZE: str"),
    ),
    "settings that are not returned": (
        1,
        "settings_have_defaults",
        [Edit(CONFIG, "    return Settings()", "    Settings()")],
        Seen(["get_settings() gave no settings.", "got       None"], CONFIG, "def get_settings"),
    ),
    "every value refused": (
        1,
        "nonsense_is_refused",
        [
            Edit(
                CONFIG,
                "            raise ValueError(",
                "            pass\n        raise ValueError(",
            )
        ],
        Seen(
            ["LOG_LEVEL=ERROR", "got       ValidationError: 1 validation error"],
            CONFIG,
            "raise ValueError",
        ),
    ),
    "an error of its own at import": (
        1,
        "settings_are_made_on_first_use",
        [Edit(CONFIG, "\n@lru_cache", "\nint('x')\n@lru_cache")],
        Seen(
            ["a line of it raises ValueError: invalid", "called    import app.core.config"],
            CONFIG,
            "int('x')",
        ),
    ),
    "no dispose_engine, and an engine made at import": (
        2,
        "dispose_closes_and_forgets",
        [
            Edit(SESSION, "async def dispose_engine()", "async def dispose()"),
            Edit(
                SESSION,
                "\n@lru_cache\ndef get_session",
                "\nget_engine()\n@lru_cache\ndef get_session",
            ),
        ],
        Seen(["app/db/session.py has no dispose_engine."], SESSION),
    ),
    "an engine made to be disposed": (
        2,
        "dispose_closes_and_forgets",
        [Edit(SESSION, "    if get_engine.cache_info().currsize:", "    if get_engine():")],
        Seen(["dispose_engine() makes an engine only to close it."], SESSION, "if get_engine():"),
    ),
    "an error in dispose_engine": (
        2,
        "dispose_closes_and_forgets",
        [Edit(SESSION, "    if get_engine.cache_info().currsize:", "    if int('x'):")],
        Seen(["dispose_engine() raises ValueError: invalid literal"], SESSION, "int('x')"),
    ),
    "settings made at import, one step below": (
        2,
        "engine_is_made_on_first_use",
        [
            Edit(
                CONFIG,
                "    return Settings()\n",
                "    return Settings()\n\n\nsettings = get_settings()\n",
            )
        ],
        Seen(["app/core/config.py asks for the settings"], CONFIG, "settings = get_settings()"),
    ),
    "a decorated dependency": (
        2,
        "get_db_gives_one_session",
        [
            Edit(
                SESSION,
                "async def get_db()",
                "import contextlib\n@contextlib.asynccontextmanager\nasync def get_db()",
            )
        ],
        Seen(["get_db is decorated"], SESSION, "async def get_db"),
    ),
    "a Base that is no base class": (
        2,
        "objects_stay_readable",
        [Edit(SESSION, "class Base(DeclarativeBase):", "class Base:")],
        Seen(["A class that derives from Base is no model"], SESSION, "class Base:"),
    ),
    "a probe that fails before it could wait": (
        3,
        "cancelling_works",
        [Edit(BASE, "timeout(timeout), get_engine()", "timeout(timeout), get_engin()")],
        Seen(["did not wait for a server", "got       False, at once"], BASE, "def check_database"),
    ),
    "a column without a default": (
        4,
        "new_users_get_defaults",
        [Edit(MODEL, "mapped_column(default=True)", "mapped_column()")],
        Seen(["is_active is left without a value."], MODEL, "is_active"),
    ),
    "a default of another type": (
        4,
        "new_users_get_defaults",
        [Edit(MODEL, "mapped_column(default=True)", 'mapped_column(default="true")')],
        Seen(["gives what its type does not take", "Not a boolean"], MODEL, "is_active"),
    ),
    "an unregistered model": (
        5,
        MADE,
        [Edit(BASE, REGISTRATION)],
        Seen(
            ["app/db/base.py does not import the model", REGISTRATION.strip()],
            BASE,
            "from app.db.session",
        ),
    ),
    "an unregistered model, at the check for drift": (
        5,
        "drift_is_noticed",
        [Edit(BASE, REGISTRATION)],
        Seen(["app/db/base.py does not import the model"], BASE, "from app.db.session"),
    ),
    "an unregistered model and an empty revision": (
        5,
        MADE,
        [Edit(BASE, REGISTRATION), EMPTY_REVISION],
        Seen(["app/db/base.py does not import the model"], BASE, "from app.db.session"),
    ),
    "an unregistered model, at the learner's own database": (
        6,
        FITS,
        [Edit(BASE, REGISTRATION)],
        Seen(["app/db/base.py does not import the model"], BASE, "from app.db.session"),
    ),
    "Base from the wrong module, and an empty revision": (
        5,
        MADE,
        [Edit(ENV, "from app.db.base import", "from app.db.session import"), EMPTY_REVISION],
        Seen(
            ["it imports that of app.db.session", "app.db.base's", "delete the revision"],
            ENV,
            "from app.db.session import Base",
        ),
    ),
    "an empty revision alone": (
        5,
        MADE,
        [EMPTY_REVISION],
        Seen(["The revision makes no table users.", "delete it"], REVISION, "def upgrade"),
    ),
    "render_item that is not handed on": (
        5,
        MADE,
        [Edit(ENV, "        render_item=render_item,\n"), TYPE_OF_THE_APP],
        Seen(
            ["env.py has a render_item(), and does not hand it to context.configure", "delete the"],
            ENV,
            "def configure",
        ),
    ),
    "render_item without sa.": (
        5,
        MADE,
        [Edit(ENV, 'f"sa.{item.impl!r}"', "repr(item.impl)"), TYPE_WITHOUT_SA],
        Seen(
            ["A revision does not know DateTime", "got       'DateTime(timezone=True)'"],
            ENV,
            "def render_item",
        ),
    ),
    "render_item that returns None": (
        5,
        "next_revision_runs_too",
        [Edit(ENV, "    return False  # everything else as Alembic would write it\n")],
        Seen(["render_item() returned None for a"], ENV, "def render_item"),
    ),
    "a revision from before env.py was mended": (
        5,
        MADE,
        [TYPE_OF_THE_APP],
        Seen(
            ["The revision names app", "With today's env.py", "delete this one"], REVISION, "app.db"
        ),
    ),
    "an env.py that ends without a call": (
        5,
        REACHES,
        [Edit(ENV, OFFLINE, "\n")],
        Seen(["env.py came to its end without context.configure"], ENV, "async def run_online"),
    ),
    "an env.py that does not run the migrations": (
        5,
        REACHES,
        [
            Edit(
                ENV,
                "connection=connection)\n    with context.begin_transaction():\n"
                "        context.run_migrations()",
                "connection=connection)",
            )
        ],
        Seen(["does not let it run the migrations"], ENV, "def run_on("),
    ),
    "an await left out": (
        5,
        REACHES,
        [Edit(ENV, "await connection.run_sync", "connection.run_sync")],
        Seen(["makes a coroutine and does not await it", "run_sync"], ENV, "async def run_online"),
    ),
    "an offline mode that is not asked for": (
        5,
        REACHES,
        [Edit(ENV, "is_offline_mode():", "is_offline_mode:")],
        Seen(["env.py went the offline way"], ENV, "def run_offline"),
    ),
    "Base where its metadata should be": (
        5,
        "drift_is_noticed",
        [Edit(ENV, "target_metadata=Base.metadata", "target_metadata=Base")],
        Seen(["is no MetaData.", "target_metadata=<class"], ENV, "def configure"),
    ),
    "tables that env.py makes": (
        6,
        "each_revision_goes_on",
        [
            Edit(
                ENV,
                "    configure(connection=connection)\n",
                "    Base.metadata.create_all(connection)\n    connection.commit()\n"
                "    configure(connection=connection)\n",
            )
        ],
        Seen(["env.py makes tables by itself."], ENV, "def run_on("),
    ),
    "revisions that env.py does not commit": (
        6,
        "each_revision_goes_on",
        [
            Edit(
                ENV,
                "=connection)\n    with context.begin_transaction():\n        context.run",
                "=connection)\n    if connection:\n        context.run",
            )
        ],
        Seen(["env.py does not commit what Alembic does."], ENV, "def run_on("),
    ),
    "a model changed after the upgrade": (
        6,
        FITS,
        [Edit(MODEL, "String(50)", "String(80)")],
        Seen(["The model says what no revision does", "--autogenerate"], MODEL, "String(80)"),
    ),
    "a model and its revision changed after the upgrade": (
        6,
        FITS,
        [Edit(MODEL, "String(50)", "String(80)"), Edit(REVISION, "length=50", "length=80")],
        Seen(["your database has something else", "Delete app.db"], ""),
    ),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The learner's database at the newest revision."""
    app = Folder(tmp_path_factory.mktemp("upgraded") / "backend")
    app.place(stages.done(6))
    migrations.upgrade(app)
    return (app.root / "app.db").read_bytes()


@pytest.fixture
def app(tmp_path: Path, database: bytes, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The solution's app after step 6, with its database."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    app = Folder(tmp_path / "backend")
    app.place(stages.done(6))
    (app.root / "app.db").write_bytes(database)
    return app


def edit(app: Folder, edits: list[Edit]) -> None:
    for file, find, replace in edits:
        text = (app.root / file).read_text("utf-8")
        assert text.count(find) == 1, (file, find)
        (app.root / file).write_text(text.replace(find, replace), "utf-8")


def expect_seen(app: Folder, step: int, check: str, seen: Seen) -> None:
    [found] = run_checks(find_step(step), app.root, only=check).checks
    assert found.outcome == "failed", found.message
    rest = " ".join(found.message.split())
    for words in seen.words:
        _, separator, rest = rest.partition(" ".join(words.split()))
        assert separator, f"{words!r} is not in: {found.message}"
    assert found.file == seen.file, found.message
    assert seen.line in text_at(app, found), (found.line, text_at(app, found))


def text_at(app: Folder, found: CheckResult) -> str:
    file = app.root / (found.file or "")
    if not file.is_file():
        return ""
    lines = file.read_text("utf-8", "replace").splitlines()
    return lines[(found.line or 1) - 1]


@pytest.mark.parametrize(("step", "check", "edits", "seen"), CASES.values(), ids=CASES)
def test_code_is_told_what_is_wrong(
    step: int, check: str, edits: list[Edit], seen: Seen, tmp_path: Path, app: Folder
) -> None:
    if step < 6:
        app = Folder(tmp_path / "earlier")
        app.place(stages.done(step))
    edit(app, edits)
    expect_seen(app, step, check, seen)


@pytest.mark.parametrize(
    ("edits", "seen"),
    [
        ([], Seen(["There is no revision in alembic/versions yet."], "alembic/versions")),
        ([Edit(BASE, REGISTRATION)], Seen(["does not import the model"], BASE, "app.db.session")),
        (
            [Edit(ENV, "from app.db.base import", "from app.db.session import")],
            Seen(["it imports that of app.db.session", "Mend that before"], ENV, "import Base"),
        ),
        (
            [Edit(ENV, "target_metadata=Base.metadata", "target_metadata=None")],
            Seen(["nothing to compare", "Mend that before you make"], ENV, "def configure"),
        ),
    ],
    ids=["all well", "no registration", "Base from the wrong module", "no metadata"],
)
def test_a_revision_is_asked_for_when_it_would_be_a_good_one(
    edits: list[Edit], seen: Seen, app: Folder
) -> None:
    edit(app, edits)
    (app.root / REVISION).unlink()
    expect_seen(app, 5, HISTORY, seen)


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (f"A=1\nDATABASE_URL={UNREACHABLE}\n", ["DATABASE_URL in .env, line 2,", "not answer"], 2),
        ("DATABASE_URL=localhost:5432/shop", ["refuse DATABASE_URL in .env, line 1,"], 1),
        ("\n\nBCRYPT_ROUNDS=99\n", ["refuse BCRYPT_ROUNDS in .env, line 3,", "less than"], 3),
        (
            "DATABASE_URL=postgresql://ada@localhost:port/shop",
            ["DATABASE_URL in .env, line 1, is no address of a database"],
            1,
        ),
        ("DATABASE_URL=sqlite://", ["line 1, names a database in memory"], 1),
        ("DATABASE_URL=sqlite:///./data/a.db", ["a file in a folder that does not exist"], 1),
    ],
    ids=["silent", "malformed", "another setting", "no number", "in memory", "no folder"],
)
def test_a_line_of_dotenv_is_told_by_its_number(
    text: str, words: list[str], line: int, app: Folder
) -> None:
    (app.root / ".env").write_text(text, "utf-8")
    [found] = run_checks(find_step(6), app.root, only=NEWEST).checks
    assert (found.file, found.line) == (".env", line)
    assert all(each in found.message for each in words), found.message


@pytest.mark.parametrize(
    ("data", "words", "line"),
    [
        ("DATABASE_URL=sqlite://\n".encode("utf-16"), "It is UTF-16, which PowerShell's `>`", 1),
        ("A=1\nAPP_NAME=Café\n".encode("latin-1"), "the byte 0xe9", 2),
    ],
    ids=["PowerShell", "Latin"],
)
def test_a_dotenv_in_another_encoding_is_told(
    data: bytes, words: str, line: int, app: Folder
) -> None:
    (app.root / ".env").write_bytes(data)
    [found] = run_checks(find_step(6), app.root, only=NEWEST).checks
    assert ".env is not text in UTF-8" in found.message
    assert words in found.message
    assert (found.file, found.line) == (".env", line)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (UNREACHABLE, "The database that DATABASE_URL in your shell names does not answer."),
        ("localhost:5432/shop", "Your settings refuse DATABASE_URL in your shell"),
    ],
)
def test_the_shell_is_told(
    url: str, words: str, app: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    [found] = run_checks(find_step(6), app.root, only=NEWEST).checks
    assert found.message.startswith(words)
    assert "DATABASE_URL`" in found.message.split("called")[0], "how to take it back"
    assert (found.file, found.line) == ("", None)


def sql(*statements: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with sqlite3.connect(file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Path.unlink, "Your database app.db does not exist yet."),
        (sql("UPDATE alembic_version SET version_num = 'abc'"), "at a revision that no file"),
        (sql("DROP TABLE alembic_version"), "tables, and no revision made them"),
        (sql("DROP TABLE alembic_version", "DROP TABLE users"), "is not at the newest revision"),
        (sql("DROP TABLE users"), "and has no table users"),
        (lambda file: file.write_bytes(b"no database" * 99), "app.db is no SQLite database."),
    ],
    ids=["none", "other revisions", "create_all", "empty", "stamped", "no database"],
)
def test_the_state_of_a_database_is_in_no_file(
    change: Callable[[Path], object], words: str, app: Folder
) -> None:
    change(app.root / "app.db")
    [found] = run_checks(find_step(6), app.root, only=NEWEST).checks
    assert words in found.message
    assert "type:\nalembic upgrade head" in found.message
    assert (found.file, found.line) == ("", None)


def test_a_database_that_was_made_one_folder_up_is_seen(app: Folder) -> None:
    elsewhere = ROOT / "workshop_elsewhere.db"
    (app.root / ".env").write_text(f"DATABASE_URL=sqlite:///./{elsewhere.name}\n")
    elsewhere.touch()
    try:
        [found] = run_checks(find_step(6), app.root, only=NEWEST).checks
    finally:
        elsewhere.unlink()
    assert f"There is a {elsewhere.name} one folder up" in found.message
    assert "In the folder backend/, type:\nalembic upgrade head" in found.message
