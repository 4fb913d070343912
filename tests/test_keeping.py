"""Resetting, solving and catching up keep every file that they replace, and touch no other."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workbench import run, saved_versions, snapshot
from workshop.course import stages
from workshop.course.steps import ROOT, load_steps
from workshop.errors import WorkshopError
from workshop.learner import migrations
from workshop.learner.folder import Folder

MINE = b"# my own work\n"
STEPS = load_steps()
WRITTEN = [step for step in STEPS if step.writes]


def begun(app: Path, number: int) -> Path:
    """An app that is at the end of a step."""
    Folder(app).place(stages.done(number))
    return app


@pytest.mark.parametrize("step", WRITTEN, ids=lambda step: step.name)
@pytest.mark.parametrize("option", ["--solve", "--reset"])
def test_what_is_replaced_is_kept(option: str, step, tmp_path: Path) -> None:
    app = begun(tmp_path / "backend", step.number)
    for path in step.writes:
        (app / path).write_bytes(MINE)
    (app / "notes.txt").write_bytes(MINE)
    before = snapshot(app)

    ran = run("check", str(step.number), option, "--app", str(app))

    assert "What was there before is in" in ran.out
    expected = stages.done(step.number) if option == "--solve" else stages.start(step.number)
    after = snapshot(app)
    own = {*step.writes, *step.makes, *step.edits}
    for path in step.writes:
        assert after[path] == expected[path]
        assert saved_versions(app, path) == [MINE]
    others = {path for path in before if path not in own and path != "app.db"}
    assert {path: after[path] for path in others} == {path: before[path] for path in others}


def test_catchup_keeps_what_holds_and_says_what_it_did(tmp_path: Path) -> None:
    app = begun(tmp_path / "backend", 4)
    own = (app / "app/core/config.py").read_bytes() + b"\nMINE = 1\n"
    (app / "app/core/config.py").write_bytes(own)
    (app / "app/db/session.py").write_bytes(MINE)
    (app / "app/main.py").write_bytes(MINE)
    ran = run("catchup", "7", "--app", str(app))
    assert ran.status == 0, ran.err
    said = " ".join(ran.out.split())
    for line in (
        "Took steps 2, 5 and 6 from the solution.",
        "Steps 1, 3 and 4 hold and are left as written.",
        "app/main.py belongs to step 12 and is left as it is.",
    ):
        assert line in said
    assert (app / "app/core/config.py").read_bytes() == own
    assert saved_versions(app, "app/db/session.py") == [MINE]
    assert (app / "app/main.py").read_bytes() == MINE
    assert (app / "app.db").exists()
    different = {"app/core/config.py"}
    stage, found = stages.start(7), snapshot(app)
    assert {p: found[p] for p in stage if p not in different} == {
        p: stage[p] for p in stage if p not in different
    }


def test_catchup_with_all_makes_the_app_what_it_is_there_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    app = begun(tmp_path / "backend", 13)
    mine = ("app/core/config.py", "app/main.py")
    for path in (*mine, "notes.txt"):
        (app / path).write_bytes(MINE)
    ran = run("catchup", "7", "--all", "--app", str(app))
    assert "Your app is where step 7 begins" in ran.out
    found = snapshot(app)
    assert found.pop("notes.txt") == MINE
    assert found.pop("app.db")
    assert found == stages.start(7)
    for path in mine:
        assert saved_versions(app, path) == [MINE]


def test_catchup_from_nothing_looks_at_nothing(tmp_path: Path) -> None:
    ran = run("catchup", "5", "--app", str(tmp_path / "backend"))
    assert ran.out.startswith("Took steps 1 to 4 from the solution.")
    assert "--all" not in ran.out
    assert snapshot(tmp_path / "backend") == stages.start(5)


def test_a_registration_is_added_to_a_registry_written_another_way(tmp_path: Path) -> None:
    app = begun(tmp_path / "backend", 3)
    base = (app / "app/db/base.py").read_text("utf-8")
    own = base.replace("import asyncio\n", "import asyncio\nimport os\n") + "\nMINE = os.name\n"
    (app / "app/db/base.py").write_text(own, "utf-8")
    run("check", "4", "--solve", "--app", str(app))
    text = (app / "app/db/base.py").read_text("utf-8")
    assert "MINE = os.name" in text
    assert "import user" in text
    assert saved_versions(app, "app/db/base.py") == [own.encode()]
    run("check", "4", "--reset", "--app", str(app))
    assert (app / "app/db/base.py").read_text("utf-8") == own


OWN_REVISION = '''"""mine"""

import sqlalchemy as sa
from alembic import op

revision = "abc123"
down_revision = None


def upgrade() -> None:
    op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    op.drop_table("users")
'''


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    """An app with a revision and a database of the learner's own."""
    app = begun(tmp_path / "backend", 6)
    (app / "alembic/versions/0001_create_users.py").unlink()
    (app / "alembic/versions/abc123_mine.py").write_text(OWN_REVISION)
    migrations.upgrade(Folder(app))
    return app


@pytest.mark.parametrize("command", [("check", "5", "--solve"), ("catchup", "6"), ("catchup", "8")])
def test_one_history_and_a_database_that_fits_it(command: tuple[str, ...], migrated: Path) -> None:
    database = (migrated / "app.db").read_bytes()
    ran = run(*command, "--app", str(migrated))
    assert ran.status == 0, ran.out + ran.err
    folder = Folder(migrated)
    assert [revision.id for revision in migrations.history(folder)] == ["0001_create_users"]
    assert saved_versions(migrated, "alembic/versions/abc123_mine.py") == [OWN_REVISION.encode()]
    assert saved_versions(migrated, "app.db") == [database]
    # Step 6 was done, and it is done again: its database was made anew.
    assert (migrated / "app.db").exists()
    assert run("check", "6", "--app", str(migrated)).status == 0


def test_resetting_the_migration_step_leaves_no_revision_and_no_database(migrated: Path) -> None:
    ran = run("check", "5", "--reset", "--app", str(migrated))
    assert ran.status == 1
    assert migrations.history(Folder(migrated)) == []
    assert not (migrated / "app.db").exists()
    assert saved_versions(migrated, "alembic/versions/abc123_mine.py") == [OWN_REVISION.encode()]


def test_a_database_of_the_own_history_stays(migrated: Path) -> None:
    before = (migrated / "app.db").read_bytes()
    run("check", "6", "--app", str(migrated))
    run("check", "7", "--solve", "--app", str(migrated))
    assert (migrated / "app.db").read_bytes() == before


def test_running_twice_keeps_both_versions(tmp_path: Path) -> None:
    app = begun(tmp_path / "backend", 1)
    config = app / "app/core/config.py"
    for text in (b"first = 1\n", b"second = 2\n"):
        config.write_bytes(text)
        run("check", "1", "--reset", "--app", str(app))
    assert saved_versions(app, "app/core/config.py") == [b"first = 1\n", b"second = 2\n"]


def test_killed_at_any_moment_every_file_is_whole(tmp_path: Path) -> None:
    mine = {path: f"# {path}, mine\n".encode() * 2000 for path in stages.done(12)}
    expected = stages.start(12)
    chance = random.Random(7)
    survived = 0
    duration = 0.0
    for attempt in range(12):
        app = tmp_path / f"backend{attempt}"
        Folder(app).place(mine)
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(app)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()  # its imports are done, the work begins
        if attempt == 0:
            started = time.monotonic()
            process.communicate()  # one that nobody kills, to know how long it takes
            duration = time.monotonic() - started
        else:
            time.sleep(chance.uniform(0, duration))
            process.kill()
            process.communicate()
        found = snapshot(app)
        for path, data in mine.items():
            whole = found.get(path)
            replaced = whole == expected.get(path)
            assert whole == data or replaced, f"{path} is neither the old file nor the new one"
            if replaced and expected.get(path) != data:
                assert saved_versions(app, path) == [data]
                survived += 1
    assert survived, "no attempt got as far as replacing a file: the test tests nothing"


KILLED = """
import sys
from pathlib import Path
from workshop.course import stages
from workshop.learner import journey, migrations
from workshop.learner.folder import Folder
from workshop.course.steps import find_step
migrations.upgrade = lambda folder: None
stages.done(12)
print("go", flush=True)
journey.begin_at(Folder(Path(sys.argv[1])), find_step(12))
"""


@pytest.fixture
def from_home(tmp_path: Path) -> Path:
    """The app of somebody who typed `step1` at home, and wrote nothing."""
    app = tmp_path / "backend"
    Folder(app).place(stages.start(1))
    return app


def test_an_untouched_starter_is_filled_in_where_a_later_step_begins(from_home: Path) -> None:
    crlf = stages.starters(STEPS[0])["app/core/config.py"].replace(b"\n", b"\r\n")
    (from_home / "app/core/config.py").write_bytes(crlf)
    ran = run("check", "8", "--app", str(from_home))
    assert "Took steps 1 to 7 from the solution: step 1 had an untouched starter." in ran.out
    assert "step7 --reset" in ran.out.replace("-- ", "")
    assert "Applied the revisions" in ran.out
    assert saved_versions(from_home, "app/core/config.py") == [crlf]
    found = snapshot(from_home)
    del found["app.db"]
    assert found == stages.start(8)


def test_an_earlier_step_that_is_reset_stays_reset(tmp_path: Path) -> None:
    app = begun(tmp_path / "backend", 3)
    run("check", "1", "--reset", "--app", str(app))
    for command in (("2",), ("2", "--reset"), ("3", "--solve")):
        ran = run("check", *command, "--app", str(app))
        assert "Took" not in ran.out
    assert (app / "app/core/config.py").read_bytes() == stages.start(1)["app/core/config.py"]
    assert "Step 1 is not finished" in run("check", "2", "--app", str(app)).out


def test_a_starter_in_which_something_is_written_is_the_learners(from_home: Path) -> None:
    config = from_home / "app/core/config.py"
    mine = config.read_bytes() + b"# to do\n"
    config.write_bytes(mine)
    ran = run("check", "8", "--app", str(from_home))
    assert config.read_bytes() == mine
    assert "Step 1 is not finished" in " ".join(ran.out.split())
    assert "catchup" in ran.out
    caught = run("catchup", "8", "--app", str(from_home))
    assert "Took steps 1 and 6 from the solution." in caught.out
    assert saved_versions(from_home, "app/core/config.py") == [mine]


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (
            'Traceback (most recent call last):\n  File "env.py", line 1, in <module>\n'
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\n"
            "LOG_LEVEL\n  Input should be 'INFO' [type=literal_error, input_value='x']\n"
            "    For further information visit https://errors.pydantic.dev/2/v/literal_error\n",
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\n"
            "LOG_LEVEL\n  Input should be 'INFO'",
        ),
        (
            'Traceback (most recent call last):\n  File "x.py", line 1, in f\n'
            "sqlite3.OperationalError: no such table: users\n\nThe above exception was …\n\n"
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: users\n"
            "[SQL: SELECT 1]\n(Background on this error at: https://sqlalche.me/e/20/e3q8)\n",
            "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: users",
        ),
        (
            "ERROR [alembic.util.messaging] Can't locate revision identified by 'ab'\n"
            "FAILED: Can't locate revision identified by 'ab'\n",
            "FAILED: Can't locate revision identified by 'ab'",
        ),
        ("no module named alembic\n", "no module named alembic"),
        ("", ""),
    ],
)
def test_an_upgrade_that_fails_is_told_by_the_line_that_says_why(stderr: str, said: str) -> None:
    assert migrations.reason(stderr) == said


def test_an_upgrade_that_meets_a_starter_names_its_step(from_home: Path) -> None:
    Folder(from_home).place(stages.done(6))
    (from_home / "app/db/session.py").write_bytes(stages.starters(STEPS[1])["app/db/session.py"])
    (from_home / "app/core/config.py").write_bytes(stages.starters(STEPS[0])["app/core/config.py"])
    with pytest.raises(WorkshopError) as caught:
        migrations.upgrade(Folder(from_home))
    assert "NotImplementedError: step 1: make the settings once" in str(caught.value)
    assert "`nox -s catchup -- 2`" in str(caught.value)
