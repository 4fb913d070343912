"""A scripted learner: from a fresh clone through every step to an app that answers over HTTP."""

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.workbench import clone, run, snapshot
from workshop.course import stages
from workshop.course.steps import load_steps

STEPS = load_steps()


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone, in a folder of the kind that trips up programs that quote or encode badly."""
    return clone(tmp_path_factory.mktemp("clone") / "Ünï cödé path")


def test_a_learner_walks_from_the_first_step_to_a_running_app(cloned: Path) -> None:
    for step in STEPS:
        began = run("check", str(step.number), "--json", cwd=cloned)
        first = next(c for c in began.json["checks"] if c["outcome"] != "passed")
        assert (began.status, first["id"]) == (1, step.fails_first), step.name
        assert first["outcome"] == "failed"
        assert "cannot import" not in first["message"]
        assert "ImportError" not in first["message"]
        assert first["hint"]
        assert first["file"]

        solved = run("check", str(step.number), "--solve", cwd=cloned)
        assert solved.status == 0, solved.out
        assert f"Step {step.number} holds" in solved.out

    measured = run("progress", "--json", cwd=cloned, timeout=600)
    assert measured.status == 0
    assert measured.json["done"] == len(STEPS)

    with served(cloned) as url:
        user = {"email": "ada@example.com", "username": "ada", "password": "a long secret"}
        created = httpx2.post(f"{url}/api/v1/users", json=user)
        assert created.status_code == 201
        found = httpx2.get(url + created.headers["location"])
        assert found.json() == created.json()
        again = httpx2.post(f"{url}/api/v1/users", json=user)
        # Both are taken, and SQLite and PostgreSQL look at the constraints in another order.
        assert again.status_code == 400
        assert again.json()["detail"] in ("Email already registered", "Username already taken")
    assert (cloned / "backend" / "app.db").exists()


@contextmanager
def served(cloned: Path) -> Generator[str]:
    """`serve` on a free port, until the test is over."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop", "serve", "--port", str(port)],
        cwd=cloned,
        env={"WORKSHOP_VENV": sys.prefix, "PATH": "", "BCRYPT_ROUNDS": "4"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Open {url}/docs")
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"{url}/health")
                break
            except httpx2.TransportError:
                assert time.monotonic() < deadline, process.stdout.read()
                time.sleep(0.1)
        yield url
    finally:
        import os
        import signal

        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.mark.parametrize("number", [3, 7, 12])
def test_a_fresh_clone_may_begin_anywhere(number: int, tmp_path: Path) -> None:
    app = tmp_path / "backend"
    ran = run("check", str(number), "--app", str(app))
    assert ran.status == 1
    before = "steps 1 and 2" if number == 3 else f"steps 1 to {number - 1}"
    assert f"Took {before} from the solution" in ran.out
    given = stages.start(number)
    found = {path: data for path, data in snapshot(app).items() if path != "app.db"}
    assert found == given


def test_what_a_learner_wrote_is_never_touched_by_a_check(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("check", "1", "--app", str(app))
    (app / "app/core/config.py").write_text("mine = True\n")
    (app / "notes.txt").write_text("mine too\n")
    before = snapshot(app)
    run("check", "1", "--app", str(app))
    run("check", "2", "--app", str(app))
    after = snapshot(app)
    assert {path: after[path] for path in before} == before


def test_a_pass_lights_the_tower_and_names_the_next_command(tmp_path: Path) -> None:
    ran = run("check", "1", "--solve", "--app", str(tmp_path / "backend"))
    assert "███  1 config" in ran.out
    assert "Next, step 2" in ran.out


def test_plain_text_where_there_is_no_terminal(tmp_path: Path) -> None:
    ran = run("check", "1", "--app", str(tmp_path / "backend"))
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("level", [1, 2, 3])
def test_hints_come_one_by_one(level: int, tmp_path: Path) -> None:
    ran = run("check", "1", "--hint", str(level), "--app", str(tmp_path / "backend"))
    assert [f"hint {n}" in ran.out for n in (1, 2, 3)] == [n <= level for n in (1, 2, 3)]


def test_the_next_hint_comes_when_asked_for_again(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("check", "1", "--app", str(app))
    shown = [run("check", "1", "--hint", "--app", str(app)).out for _ in range(3)]
    assert ["hint 2" in out for out in shown] == [True, True, True]
    assert ["hint 3" in out for out in shown] == [False, True, True]
    (app / "app/core/config.py").write_text("")
    other = run("check", "1", "--hint", "--app", str(app)).out
    assert "hint 1" in other
    assert "hint 2" not in other


def test_goal_shows_the_way_from_the_starter_to_the_solution(tmp_path: Path) -> None:
    ran = run("check", "1", "--goal", "--app", str(tmp_path / "backend"))
    assert ran.status == 0
    assert "--- starter/app/core/config.py" in ran.out
    assert "+    DATABASE_URL: str" in ran.out
    assert not any((tmp_path / "backend").iterdir())


def test_diff_shows_the_way_from_mine_to_the_solution(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("check", "1", "--solve", "--app", str(app))
    assert "No difference" in run("check", "1", "--diff", "--app", str(app)).out
    file = app / "app/core/config.py"
    file.write_text(file.read_text("utf-8").replace("5432", "1"), "utf-8")
    file.write_text(file.read_text("utf-8") + "\nEXTRA = 1\n", "utf-8")
    ran = run("check", "1", "--diff", "--app", str(app))
    assert "-EXTRA = 1" in ran.out


def test_progress_is_measured_and_draws_the_tower(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("check", "1", "--solve", "--app", str(app))
    ran = run("progress", "--app", str(app))
    assert ran.status == 1
    assert f"1 of {len(STEPS)} steps hold." in ran.out
    assert "Next: step 2" in ran.out
    (app / "app/core/config.py").write_text("")
    assert f"0 of {len(STEPS)} steps hold." in run("progress", "--app", str(app)).out


def test_the_tower_has_every_step_and_no_other_folder_is_needed(tmp_path: Path) -> None:
    ran = run("progress", "--json", "--app", str(tmp_path / "nowhere"))
    assert ran.status == 1
    assert [step["step"] for step in ran.json["steps"]] == [step.number for step in STEPS]
    assert not any((tmp_path / "nowhere").iterdir())
