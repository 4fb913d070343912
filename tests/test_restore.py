"""What commands replaced comes back: a file, or a moment with its revisions and its database."""

import sqlite3
from pathlib import Path

import pytest

from tests.workbench import run, saved_versions, snapshot
from workshop.course import stages
from workshop.course.steps import find_step
from workshop.errors import WorkshopError
from workshop.learner import journey, migrations, saved
from workshop.learner.folder import Folder

CONFIG, SESSION = "app/core/config.py", "app/db/session.py"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app with steps 1 to 6 done."""
    root = tmp_path / "backend"
    Folder(root).place(stages.done(6))
    return root


def reset(app: Path, number: int, **texts: str) -> None:
    """Write something into the step's first file, then reset the step."""
    step = find_step(number)
    (app / step.writes[0]).write_text(texts.get("text", "mine = True\n"), "utf-8")
    journey.reset(Folder(app), step)


def test_a_file_comes_back_and_what_stood_there_is_kept(app: Path) -> None:
    reset(app, 1, text="first = 1\n")
    reset(app, 1, text="second = 2\n")
    saved.restore_file(Folder(app), CONFIG)
    assert (app / CONFIG).read_text() == "second = 2\n"
    starter = stages.starters(find_step(1))[CONFIG]
    assert saved_versions(app, CONFIG)[-1] == starter

    first = saved.moments(Folder(app))[0]
    saved.restore_file(Folder(app), CONFIG, first)
    assert (app / CONFIG).read_text() == "first = 1\n"


def test_a_moment_brings_back_everything_that_its_command_replaced(app: Path) -> None:
    before = snapshot(app)
    journey.begin_at(Folder(app), find_step(3))
    assert snapshot(app) != before
    (moment,) = saved.moments(Folder(app))
    assert moment.command == "catchup 3 --all"
    saved.restore_moment(Folder(app), moment)
    assert snapshot(app) == before


OWN = stages.done(13)["alembic/versions/0001_create_users.py"].replace(
    b"0001_create_users", b"ab12"
)


@pytest.fixture
def migrated(app: Path) -> Path:
    """The same, with a revision of one's own and a user in the database that it made."""
    (app / "alembic/versions/0001_create_users.py").unlink()
    (app / "alembic/versions/ab12_users.py").write_bytes(OWN)
    migrations.upgrade(Folder(app))
    with sqlite3.connect(app / "app.db") as database:
        database.execute("INSERT INTO users VALUES (1, 'a@b.c', 'ada', 'x', 1, '2026-01-01')")
    database.close()
    return app


def names(app: Path) -> list[str]:
    """The users in the app's database."""
    database = sqlite3.connect(app / "app.db")
    try:
        return [name for (name,) in database.execute("SELECT username FROM users")]
    finally:
        database.close()


@pytest.mark.parametrize("what", ["the moment", "alembic/versions/ab12_users.py", "app.db"])
def test_revisions_and_database_come_back_together(what: str, migrated: Path) -> None:
    journey.solve(Folder(migrated), find_step(5))
    assert names(migrated) == []
    folder = Folder(migrated)
    (moment,) = saved.moments(folder)
    if what == "the moment":
        saved.restore_moment(folder, moment)
    else:
        saved.restore_file(folder, what)
    assert [revision.id for revision in migrations.history(folder)] == ["ab12"]
    assert names(migrated) == ["ada"]
    migrations.upgrade(folder)
    assert names(migrated) == ["ada"]


def test_a_moment_before_two_changes_of_the_history(migrated: Path) -> None:
    """What the second command took away was there at the first, too."""
    folder = Folder(migrated)
    journey.reset(folder, find_step(6))  # the database
    journey.reset(Folder(migrated), find_step(5))  # the revision
    first, _ = saved.moments(folder)
    saved.restore_moment(Folder(migrated), first)
    assert names(migrated) == ["ada"]
    assert [revision.id for revision in migrations.history(folder)] == ["ab12"]


def test_what_an_older_edition_kept_has_no_note_and_comes_back(migrated: Path) -> None:
    journey.solve(Folder(migrated), find_step(5))
    folder = Folder(migrated)
    (moment,) = saved.moments(folder)
    (migrated / ".saved" / moment.name / ".moment.json").unlink()
    (moment,) = saved.moments(folder)
    assert (moment.command, moment.revisions) == ("", None)
    saved.restore_moment(Folder(migrated), moment)
    assert names(migrated) == ["ada"]
    migrations.upgrade(folder)


def test_the_list_says_when_what_and_how(app: Path) -> None:
    place = ("--app", str(app))
    assert "nothing is kept" in run("restore", *place).out
    reset(app, 1)
    reset(app, 2)
    out = run("restore", *place).out
    older, newer = saved.moments(Folder(app))
    assert out.index(older.name) < out.index("step1 --reset") < out.index(CONFIG)
    assert out.index(CONFIG) < out.index(newer.name) < out.index("step2 --reset")
    assert f"restore {SESSION}" in out.replace("-- ", "")
    assert f"restore {newer.name}" in out.replace("-- ", "")


@pytest.mark.parametrize(
    ("where", "word"),
    [
        (".", SESSION),
        ("app", "db/session.py"),
        ("app/db", "session.py"),
        ("app", SESSION),
        ("..", SESSION),
        ("..", f"backend/{SESSION}"),
    ],
)
def test_a_file_is_named_from_where_one_is_or_as_the_list_names_it(
    where: str, word: str, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset(app, 2)
    monkeypatch.chdir(app / where)
    assert saved.path_in(Folder(app), word) == SESSION


WRONG = {
    "app/main.py": "Nothing is kept of app/main.py. There is something of: app/core/config.py.",
    "1999-01-01": "There is no moment 1999-01-01. There are: 20",
    "app/core/config.py app/main.py": "Name one file, or one moment, or both.",
}


@pytest.mark.parametrize(("words", "said"), WRONG.items(), ids=WRONG)
def test_a_wrong_name_is_told_what_there_is(words: str, said: str, app: Path) -> None:
    reset(app, 1)
    before = snapshot(app)
    ran = run("restore", *words.split(), "--app", str(app))
    assert ran.status == 2
    assert said in " ".join(ran.err.split())
    assert snapshot(app) == before


def test_a_file_that_is_as_it_was_kept_stays(app: Path) -> None:
    reset(app, 1)
    (app / CONFIG).write_text("mine = True\n", "utf-8")
    with pytest.raises(WorkshopError, match="there is nothing to put back"):
        saved.restore_file(Folder(app), CONFIG)


def test_a_damaged_note_and_strange_files_do_no_harm(app: Path) -> None:
    reset(app, 1)
    (moment,) = saved.moments(Folder(app))
    (app / ".saved" / moment.name / ".moment.json").write_bytes(b"[")
    (app / ".saved/2026-01-01_00-00-00").mkdir()
    (app / ".saved/mine").mkdir()
    (app / ".saved/mine/x.py").write_text("")
    assert [one.name for one in saved.moments(Folder(app))] == [moment.name]
