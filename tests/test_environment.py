"""`.venv` is found or made, filled when the requirements change, and by one process at a time."""

import ast
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workshop import environment
from workshop.environment import SetupError


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requirement files that were installed, by a stand-in for pip in a folder of its own."""
    done: list[str] = []

    def install(_python: Path, path: Path) -> None:
        time.sleep(0.3)
        done.append(path.name)

    def create() -> None:
        python = environment.python_of(environment.VENV)
        python.parent.mkdir(parents=True)
        python.write_text("")

    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "_install", install)
    monkeypatch.setattr(environment, "_create", create)
    (tmp_path / "requirements.txt").write_text("one==1\n")
    (tmp_path / "requirements-dev.txt").write_text("two==2\n")
    return done


def test_the_first_run_installs_and_the_second_does_not(installs: list[str]) -> None:
    environment.ensure()
    environment.ensure()
    assert installs == ["requirements.txt"]


def test_an_environment_that_is_there_already_knows_the_way_to_the_workshop(
    installs: list[str], tmp_path: Path
) -> None:
    environment.ensure()
    packages = tmp_path / ".venv/lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    environment.ensure()
    assert installs == ["requirements.txt"]
    assert (packages / "workshop.py").exists()


def test_a_maintainers_command_installs_the_rest(installs: list[str]) -> None:
    environment.ensure()
    environment.ensure(dev=True)
    environment.ensure(dev=True)
    assert installs == ["requirements.txt", "requirements-dev.txt"]


def test_changed_requirements_are_installed_again(installs: list[str], tmp_path: Path) -> None:
    environment.ensure()
    (tmp_path / "requirements.txt").write_text("one==1.1\n")
    environment.ensure()
    assert installs == ["requirements.txt", "requirements.txt"]


def test_other_line_endings_are_no_change(installs: list[str], tmp_path: Path) -> None:
    environment.ensure()
    (tmp_path / "requirements.txt").write_bytes(b"one==1\r\n")
    environment.ensure()
    assert installs == ["requirements.txt"]


def test_an_installation_that_failed_is_tried_again(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_python: Path, _path: Path) -> None:
        raise SetupError("no network")

    with monkeypatch.context() as patch:
        patch.setattr(environment, "_install", fail)
        with pytest.raises(SetupError):
            environment.ensure()
    environment.ensure()
    assert installs == ["requirements.txt"]


def test_ctrl_c_is_one_line_and_the_next_run_goes_on(
    installs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(_python: Path, _path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment, "_install", stop)
        with pytest.raises(SystemExit) as ended:
            environment.python_for(["step1"])
    assert ended.value.code == 130
    assert len(capsys.readouterr().err.splitlines()) == 1
    environment.python_for(["step1"])
    assert installs == ["requirements.txt"]


def test_ctrl_c_leaves_no_environment_without_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_arguments: object, **_options: object) -> None:
        environment.VENV.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "_make_venv", stop)
    with pytest.raises(KeyboardInterrupt):
        environment.ensure()
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_pip_was_killed_over_is_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    place = tmp_path / "lib/python3.15/site-packages"
    for name in ("whole", "half"):
        (place / f"{name}-1.dist-info").mkdir(parents=True)
        (place / f"{name}-1.dist-info" / "METADATA").touch()
    (place / "whole-1.dist-info" / "INSTALLER").touch()
    environment._forget_halves()  # pyright: ignore[reportPrivateUsage]
    assert [folder.name for folder in place.iterdir()] == ["whole-1.dist-info"]


def test_progress_in_a_pipe_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = environment._Progress()  # pyright: ignore[reportPrivateUsage]
    progress.show("1 of 3  one")
    monkeypatch.setattr(environment, "PROGRESS_SECONDS", 0)
    progress.show("2 of 3  two")
    monkeypatch.setattr(environment, "PROGRESS_SECONDS", 60)
    progress.show("3 of 3  three")
    progress.show("unpacking 3 packages", important=True)
    progress.clear()
    assert capsys.readouterr().err == "  2 of 3  two\n  unpacking 3 packages\n"


def test_two_runs_at_once_install_once(installs: list[str]) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _number: environment.ensure(), range(3)))
    assert installs == ["requirements.txt"]


def test_a_lock_that_a_killed_run_left_is_taken_over(installs: list[str], tmp_path: Path) -> None:
    lock = tmp_path / ".venv.lock"
    lock.touch()
    long_ago = time.time() - 60
    os.utime(lock, (long_ago, long_ago))
    environment.ensure()
    assert installs == ["requirements.txt"]
    assert not lock.exists()


def test_a_clone_that_cannot_be_written_gets_a_sentence(
    installs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SetupError, match="Clone the repository into a folder that is yours"):
        environment.ensure()
    assert installs == []


def test_a_python_that_is_too_old_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(environment, "CANDIDATES", ())
    with pytest.raises(SetupError, match=r"This is Python 3\.9, and the workshop needs 3\.11"):
        environment._suitable_python()  # pyright: ignore[reportPrivateUsage]


def test_pip_without_a_network_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("a-package-that-nobody-made==1.0\n")
    code = (
        "import os; os.environ.update(PIP_NO_INDEX='1', PATH='')\n"
        "from pathlib import Path\n"
        "from workshop import environment\n"
        "import sys\n"
        "try:\n"
        f"    environment._run_pip(Path(sys.executable), Path({str(path)!r}), 1)\n"
        "except environment.SetupError as error:\n"
        "    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=environment.ROOT,
        check=False,
    )
    assert "check the network" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("module", ["__init__", "__main__", "entrances", "environment"])
def test_what_runs_before_the_installation_needs_no_package(module: str) -> None:
    file = environment.ROOT / "workshop" / f"{module}.py"
    text = file.read_text("utf-8")
    compile(text, str(file), "exec", dont_inherit=True)
    for node in ast.parse(text).body:
        named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in (name.split(".")[0] for name in named):
            assert name in sys.stdlib_module_names or name in ("workshop", "__future__")
