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


def test_catchup_keeps_what_it_replaces_and_leaves_later_work_alone(tmp_path: Path) -> None:
    app = begun(tmp_path / "backend", 4)
    (app / "app/db/session.py").write_bytes(MINE)
    (app / "app/schemas/user.py").write_bytes(MINE)
    ran = run("catchup", "7", "--app", str(app))
    assert ran.status == 0, ran.err
    assert saved_versions(app, "app/db/session.py") == [MINE]
    assert (app / "app/schemas/user.py").read_bytes() == MINE
    stage = stages.start(7)
    found = snapshot(app)
    assert {p: found[p] for p in stage if p != "app/schemas/user.py"} == {
        p: stage[p] for p in stage if p != "app/schemas/user.py"
    }


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
    assert (migrated / "app.db").exists() == (command == ("catchup", "8"))
    migrations.upgrade(folder)


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
    expected = stages.done(11) | stages.starters(STEPS[11])
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
journey.catch_up(Folder(Path(sys.argv[1])), find_step(12))
"""
