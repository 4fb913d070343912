"""The workshop's own `.venv`: found or made, and filled only when the requirements change.

Standard library only, and no syntax newer than Python 3.8: this runs before anything is installed,
with whatever Python the learner has, and has to be able to say that it is too old.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Generator
from pathlib import Path

from workshop import entrances

ROOT = Path(__file__).resolve().parent.parent
# Another place for the environment, for tests and for several clones that share one.
VENV = Path(os.environ.get("WORKSHOP_VENV") or ROOT / ".venv")
OLDEST = (3, 11)
CANDIDATES = ("python3.15", "python3.14", "python3.13", "python3.12", "python3.11")
# Seconds after which a lock that nobody renews is left over from a process that was killed.
STALE_LOCK = 10.0
# Seconds between two lines about pip's progress where there is no terminal to draw it on.
PROGRESS_SECONDS = 5.0
# Commands that need ruff, pyright and the other tools of requirements-dev.txt.
DEV_COMMANDS = {"tests", "lint", "verify"}
# Commands that need JupyterLab and the rest of requirements-lab.txt.
LAB_COMMANDS = {"lab", "slides", "notebooks"} | DEV_COMMANDS


class SetupError(Exception):
    """The environment cannot be made. The text is one sentence on what to do about it."""


def needs_dev(arguments: list[str]) -> bool:
    """Whether this command line uses tools that a learner does not download."""
    return any(argument in DEV_COMMANDS for argument in arguments[:1])


def needs_lab(arguments: list[str]) -> bool:
    """Whether this command line opens, runs or shows notebooks."""
    return any(argument in LAB_COMMANDS for argument in arguments[:1])


def python_of(folder: Path) -> Path:
    """The Python inside a virtual environment."""
    if os.name == "nt":
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"


def is_running(python: Path) -> bool:
    """Whether this process already runs in the environment of `python`."""
    return Path(sys.prefix).resolve() == python.parent.parent.resolve()


def requirements(dev: bool, lab: bool) -> list[Path]:
    """The files of pinned requirements that have to be installed."""
    names = ["requirements.txt"]
    names += ["requirements-dev.txt"] if dev else []
    names += ["requirements-lab.txt"] if lab else []
    return [ROOT / name for name in names]


def missing(dev: bool = False, lab: bool = False) -> list[Path]:
    """The requirement files that changed since they were installed, or never were."""
    return [path for path in requirements(dev, lab) if _stamp(path).read() != _digest(path)]


def python_for(arguments: list[str]) -> Path:
    """The Python of a `.venv` that has what a command line needs.

    Ends this process where it cannot be had: with a sentence and status 2, after Ctrl-C with 130.
    """
    try:
        return ensure(dev=needs_dev(arguments), lab=needs_lab(arguments))
    except SetupError as error:
        _say(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        _say("Stopped before the set-up was complete: the same command goes on with it.")
        sys.exit(130)


def ensure(dev: bool = False, lab: bool = False) -> Path:
    """Find or make `.venv`, install what changed, and return its Python. Raises SetupError."""
    python = python_of(VENV)
    if not python.exists() or missing(dev, lab):
        with _lock():
            if not python.exists():
                _create()
            for path in missing(dev, lab):
                _install(python, path)
                _stamp(path).write(_digest(path))
    if VENV.parent == ROOT:  # an environment that several clones share belongs to none of them
        entrances.open_from_environment(VENV)
    return python


class _stamp:  # noqa: N801  (a function with two verbs)
    """What was last installed from a requirements file."""

    def __init__(self, path: Path) -> None:
        self._file = VENV / (path.name + ".installed")

    def read(self) -> str:
        try:
            return self._file.read_text(encoding="ascii")
        except OSError:
            return ""

    def write(self, digest: str) -> None:
        self._file.write_text(digest, encoding="ascii")


def _digest(path: Path) -> str:
    # Line by line, so that a checkout with CRLF line endings is no change.
    return hashlib.sha256(b"\n".join(path.read_bytes().splitlines())).hexdigest()


def _say(text: str, end: str = "\n") -> None:
    # Not to standard output, which belongs to the command that is about to run.
    print(text, end=end, file=sys.stderr, flush=True)


def _create() -> None:
    python = _suitable_python()
    _say(f"Making {VENV.name} with {python} …")
    try:
        _make_venv(python)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(
            f"Could not make {VENV}: {error}. On Debian and Ubuntu install the package "
            "python3-venv; otherwise check that this folder is writable and the disk not full, "
            "then run the same command again."
        ) from None
    except KeyboardInterrupt:
        shutil.rmtree(VENV, ignore_errors=True)  # it has a Python, and not yet the rest
        raise


def _make_venv(python: str) -> None:
    uv = shutil.which("uv")
    # With pip in it: the learner's own `pip install` would find another Python's otherwise.
    options = ["--quiet", "--seed", "--python", python, str(VENV)]
    if uv and subprocess.call([uv, "venv", *options]) == 0:
        return
    if python == sys.executable:
        venv.create(str(VENV), with_pip=True, clear=True)
    else:
        command = [python, "-m", "venv", "--clear", str(VENV)]
        subprocess.run(command, check=True, capture_output=True)


def _suitable_python() -> str:
    if sys.version_info[:2] >= OLDEST:
        # Not the Python of an environment that may go away, but the one behind it.
        return getattr(sys, "_base_executable", None) or sys.executable
    for name in CANDIDATES:
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    raise SetupError(
        f"This is Python {sys.version_info[0]}.{sys.version_info[1]}, and the workshop needs 3.11 "
        "or newer: install one from https://www.python.org/downloads/ and run the same command "
        "with it."
    )


def _install(python: Path, path: Path) -> None:
    started = time.monotonic()
    count = sum(
        1 for line in path.read_text("utf-8").splitlines() if line[:1].isalnum() and "==" in line
    )
    _say(f"Installing {count} packages from {path.name} …")
    _forget_halves()
    uv = shutil.which("uv")
    if uv:
        # Compiled now, as pip does: some machines forbid Python to write bytecode later.
        command = [uv, "pip", "install", "--quiet", "--compile-bytecode"]
        command += ["--python", str(python), "-r", str(path)]
        if subprocess.call(command) == 0:
            _say(f"Installed in {time.monotonic() - started:.0f} s.")
            return
        _say("uv could not do it; trying pip.")
    if subprocess.call([str(python), "-m", "pip", "--version"], stdout=subprocess.DEVNULL) != 0:
        command = [str(python), "-m", "ensurepip", "--default-pip"]
        subprocess.run(command, check=False, capture_output=True)
    _run_pip(python, path, count)
    _say(f"Installed in {time.monotonic() - started:.0f} s.")


def _forget_halves() -> None:
    """Let pip install again what a killed run left without the file that comes last."""
    for place in ("lib/python*/site-packages", "Lib/site-packages"):
        for folder in VENV.glob(f"{place}/*.dist-info"):
            if not (folder / "INSTALLER").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _run_pip(python: Path, path: Path, count: int) -> None:
    """Run pip, and show its progress as a count of packages."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    process = subprocess.Popen(
        [*command, "--progress-bar", "off", "-r", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None
    lines: list[str] = []
    progress = _Progress()
    done = 0
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("Collecting "):
                done += 1
                progress.show(f"{done} of {count}  {line.split()[1].split('=')[0]}")
            elif line.startswith("Installing collected"):
                progress.show(f"unpacking {count} packages", important=True)
        status = process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()
        raise
    finally:
        progress.clear()
    if status != 0:
        reasons = [line for line in lines if line.startswith(("ERROR", "error"))] or lines[-3:]
        raise SetupError(
            "\n".join(reasons[-3:])
            + "\npip could not install the packages: check the network (and the disk), then run "
            "the same command again. What is already downloaded is kept."
        )


class _Progress:
    """One line that changes, on a terminal; in a pipe, a line now and then."""

    def __init__(self) -> None:
        self._drawn = sys.stderr.isatty()
        self._told = time.monotonic()

    def show(self, text: str, important: bool = False) -> None:
        now = time.monotonic()
        if self._drawn:
            _say(f"\r  {text:<60.60}", end="")
        elif important or now - self._told >= PROGRESS_SECONDS:
            _say(f"  {text}")
            self._told = now

    def clear(self) -> None:
        if self._drawn:
            _say("\r" + " " * 62 + "\r", end="")


@contextlib.contextmanager
def _lock() -> Generator[None]:
    """Let one process at a time change `.venv`; the others wait, then find it done."""
    path = VENV.with_name(VENV.name + ".lock")
    _acquire(path)
    released = threading.Event()

    def renew() -> None:
        while not released.wait(1):
            with contextlib.suppress(OSError):
                os.utime(path)

    threading.Thread(target=renew, daemon=True).start()
    try:
        yield
    finally:
        released.set()
        with contextlib.suppress(OSError):
            path.unlink()


def _acquire(path: Path) -> None:
    told = False
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            return
        except FileExistsError:
            if not told:
                _say("Another run is setting up the environment: waiting for it …")
                told = True
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_LOCK:
                    path.unlink()
            time.sleep(0.2)
        except OSError as error:
            raise SetupError(
                f"Cannot write in {path.parent}: {error.strerror}. Clone the repository into a "
                "folder that is yours, and run the command there."
            ) from None
