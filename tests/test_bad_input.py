"""Whatever goes wrong: one clear sentence, a status that means it, and nothing lost."""

import errno
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.workbench import Ran, clone, run, snapshot
from workshop.course.steps import ROOT
from workshop.errors import WorkshopError
from workshop.learner.folder import Folder

CONFIG = "app/core/config.py"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The app of somebody who solved step 1."""
    folder = tmp_path / "backend"
    run("check", "1", "--solve", "--app", str(folder))
    return folder


# What a learner's file says, the outcome, and what they read.
ANSWERS = [
    ("def get_settings(:\n", "failed", "app/core/config.py is not valid Python, line 1"),
    ("if True:\nx = 1\n", "failed", "app/core/config.py is not valid Python, line 2"),
    ("x = [1 2]\n", "failed", "line 1: invalid syntax. Perhaps you forgot a comma?\n"),
    (b"name = '\xe9\xff'\n", "failed", "UTF-8"),
    (b"\xff\xfed\x00e\x00f\x00", "failed", "UTF-8"),
    ("", "failed", "app/core/config.py has no get_settings"),
    ("import pydantik\n", "failed", "There is no package pydantik"),
    ("from app.core.konfig import x\n", "failed", "There is no module app.core.konfig"),
    ("import sys\n\nsys.exit()\n", "error", "ended the whole program"),
    ("exit(0)\n", "error", "ended the whole program"),
    ("name = input('name? ')\n", "error", "waits for somebody to type"),
    ("import os\n\nos._exit(0)\n", "error", "ended the process"),
    ("import os, signal\n\nos.kill(os.getpid(), signal.SIGKILL)\n", "error", "ended the process"),
    ("raise KeyboardInterrupt\n", "error", "ended the process"),
    ("raise BaseException('no')\n", "failed", "BaseException: no"),
    ("def get_settings():\n    return get_settings()\n", "failed", "calls itself without an end"),
    ("def get_settings():\n    return undefined\n", "failed", "'undefined' is not defined"),
    ("while True:\n    pass\n", "timeout", "did not come to an end"),
    ("import time\n\ntime.sleep(60)\n", "timeout", "did not come to an end"),
    ("print('x' * 6_000_000)\n", "error", "printed 6 MB"),
    ("while True:\n    print('x' * 100_000)\n", "error", "MB and was stopped"),
]


@pytest.mark.parametrize(("answer", "outcome", "said"), ANSWERS)
def test_a_broken_file_is_a_verdict_in_plain_words(
    app: Path, answer: str | bytes, outcome: str, said: str
) -> None:
    data = answer if isinstance(answer, bytes) else answer.encode()
    (app / CONFIG).write_bytes(data)
    ran = run("check", "1", "--app", str(app), "--json", env={"WORKSHOP_TIME_LIMIT": "2"})
    first = next(check for check in ran.json["checks"] if check["outcome"] != "passed")
    assert (ran.status, first["outcome"]) == (1, outcome), first
    assert said in first["message"]
    assert first["file"] == CONFIG
    assert not ran.json["ok"]
    assert (app / CONFIG).read_bytes() == data


def test_a_loop_is_told_with_its_line(app: Path) -> None:
    (app / CONFIG).write_text("def get_settings():\n    while True:\n        pass\n")
    ran = run("check", "1", "--app", str(app), "--json", env={"WORKSHOP_TIME_LIMIT": "2"})
    first = ran.json["checks"][0]
    assert first["outcome"] == "timeout"
    assert "get_settings()" in first["message"]
    assert first["line"] in (2, 3)


def test_a_loop_does_not_cost_a_time_limit_for_every_check(app: Path) -> None:
    (app / CONFIG).write_text("while True:\n    pass\n")
    ran = run("check", "1", "--app", str(app), "--json", env={"WORKSHOP_TIME_LIMIT": "2"})
    assert ran.json["seconds"] < 10
    assert not any(check["outcome"] == "passed" for check in ran.json["checks"])


def test_printing_a_little_does_no_harm(app: Path) -> None:
    file = app / CONFIG
    file.write_text(file.read_text("utf-8") + "\nprint('hello')\n", "utf-8")
    ran = run("check", "1", "--app", str(app), "--json")
    assert ran.status == 0


def test_the_own_traceback_is_shown_when_asked_for_and_no_other(app: Path) -> None:
    (app / CONFIG).write_text(
        "def helper():\n    return 1 / 0\n\n\ndef get_settings():\n    return helper()\n"
    )
    plain = run("check", "1", "--app", str(app)).out
    verbose = run("check", "1", "--app", str(app), "--verbose").out
    assert "return 1 / 0" not in plain
    assert "app/core/config.py:2 in helper" in verbose
    assert "return 1 / 0" in verbose
    assert "workshop/" not in verbose.replace("python3 -m workshop", "")


@pytest.mark.parametrize("step", ["0", "99", "-1"])
def test_a_step_that_does_not_exist(step: str, tmp_path: Path) -> None:
    ran = run("check", "--app", str(tmp_path / "backend"), "--", step)
    assert ran.status == 2
    assert f"There is no step {step}: the steps are 1 to" in ran.err
    assert not any((tmp_path / "backend").iterdir())


def test_a_step_that_is_no_number(tmp_path: Path) -> None:
    ran = run("check", "three", "--app", str(tmp_path / "backend"))
    assert ran.status == 2
    assert "three is no step: give a number from 1 to" in ran.err


def test_backend_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "backend"
    file.write_text("mine")
    ran = run("check", "1", "--app", str(file))
    assert ran.status == 2
    assert "is a file, and your app needs a folder" in ran.err
    assert file.read_text() == "mine"


def test_backend_is_missing_and_is_made(tmp_path: Path) -> None:
    ran = run("check", "1", "--app", str(tmp_path / "deep" / "backend"))
    assert ran.status == 1
    assert (tmp_path / "deep" / "backend" / CONFIG).exists()


def test_diff_without_backend_says_what_makes_it(tmp_path: Path) -> None:
    ran = run("check", "1", "--diff", cwd=clone(tmp_path / "clone"))
    assert ran.status == 2
    assert "step1 makes it" in ran.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ada:hunter2@127.0.0.1:1/shop", "127.0.0.1:1"),
        ("postgresql://ada:hunter2@nowhere.invalid/shop", "nowhere.invalid"),
        ("postgresql://ada:hunter2@127.0.0.1:port/shop", "port"),
        ("mysql://ada:hunter2@127.0.0.1/shop", "postgresql://"),
        ("127.0.0.1:5432", "postgresql://"),
    ],
)
def test_a_database_that_is_not_there(url: str, said: str, app: Path) -> None:
    ran = run("check", "1", "--app", str(app), "--database-url", url)
    assert ran.status == 2
    assert said in ran.err
    assert "hunter2" not in ran.err + ran.out
    assert len(ran.err.strip().splitlines()) <= 3


def test_a_port_in_use(app: Path) -> None:
    (app / "app/main.py").write_text("app = None\n")
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = run("serve", "--app", str(app), "--port", str(port))
    assert ran.status == 2
    assert f"Port {port} is taken" in ran.err
    assert f"--port {port + 1}" in ran.err


@pytest.mark.parametrize(
    ("environment", "typed"),
    [
        ({"NOX_CURRENT_SESSION": "serve"}, "`nox -s serve -- --solution`"),
        (
            {"PATH": ""},
            f"`{'py' if os.name == 'nt' else 'python3'} -m workshop serve --solution`",
        ),
    ],
    ids=["with nox", "without"],
)
def test_nothing_to_serve_yet(app: Path, environment: dict[str, str], typed: str) -> None:
    ran = run("serve", "--app", str(app), env=environment)
    assert ran.status == 2
    assert "step 12 writes it" in ran.err
    assert typed in ran.err


def without_privileges(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that permissions bind; they bind root only without its capabilities."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    return subprocess.run(
        [*drop, sys.executable, "-m", "workshop", *arguments],
        cwd=cwd,
        env=os.environ | {"WORKSHOP_VENV": sys.prefix},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    app.mkdir()
    app.chmod(0o555)
    ran = without_privileges("check", "1", "--app", str(app), cwd=ROOT)
    app.chmod(0o755)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "cannot be written: Permission denied" in ran.stderr
    assert "Nothing was lost" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(app.iterdir()) == []


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Folder(tmp_path / "backend")
    app.place({"a.py": b"mine\n"})

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkshopError, match=r"No space left on device\. Nothing was lost"):
        app.replace({"a.py": b"theirs\n"})
    assert snapshot(app.root) == {"a.py": b"mine\n"}


def test_two_runs_at_once(tmp_path: Path) -> None:
    app = tmp_path / "backend"

    def check(_number: int) -> Ran:
        return run("check", "1", "--solve", "--json", "--app", str(app))

    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(check, range(3)))
    assert [ran.status for ran in runs] == [0, 0, 0], runs
    assert not list(app.rglob("*.partial"))


def test_a_marker_left_open_in_the_solution(tmp_path: Path) -> None:
    cloned = clone(tmp_path)
    file = cloned / "solution/app/db/base.py"
    file.write_text(file.read_text("utf-8") + "\n# region step 13\nx = 1\n", "utf-8")
    ran = run("check", "4", cwd=cloned)
    assert ran.status == 2
    assert "solution/app/db/base.py, line " in ran.err
    assert "this region is never closed" in ran.err


def test_a_file_of_the_workshop_is_missing(tmp_path: Path) -> None:
    cloned = clone(tmp_path)
    (cloned / "solution/app/core/config.py").unlink()
    ran = run("check", "2", cwd=cloned)
    assert ran.status == 2
    assert "config.py cannot be read" in ran.err
    assert "git restore" in ran.err


def test_doctor_names_the_command_that_mends(app: Path) -> None:
    ran = run("doctor", "--app", str(app), env={"DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c"})
    assert ran.status == 2
    assert "✗ your database" in ran.out
    assert "unset DATABASE_URL" in ran.out
    assert run("doctor", "--app", str(app)).status == 0
