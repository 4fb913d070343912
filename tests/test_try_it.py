"""Every "Try it and see" is typed as it stands in the brief, and shows what the brief says.

How a brief says it, in the order in which it is done:

- a block of `console` has commands behind `$`, and below each what it prints. `…` in a line stands
  for anything, a line that is only `…` for any lines, and a command without output for whatever
  it prints as long as it succeeds;
- "Save this as `try_it.py`" and a block of `python`; "delete `try_it.py`";
- "Put the line `X=1` into `.env`"; "take the line out again";
- `<http://127.0.0.1:8000/docs>` is opened, while a server runs; "stop the server";
- a row of a table sends a request, and the status and what is in backticks come back:
  `` | `POST /users` `{…}` | 201 `"id":1` | ``, `| <http://…> | … |`, `| the same again | … |`.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx2
import pytest

from tests.briefs import section
from tests.workbench import learner_environment
from workshop.course import stages
from workshop.course.steps import Step, load_steps

STEPS = load_steps()
every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)

ACTIONS = {
    "type": r"^```console\n(?P<block>.+?)^```$",
    "save": r"[Ss]ave\s+this\s+as\s+`(?P<saved>[^`]+)`[^`]*```python\n(?P<code>.+?)^```$",
    "put": r"[Pp]ut\s+the\s+line\s+`(?P<line>[^`]+)`\s+into\s+`(?P<into>[^`]+)`",
    "take_out": r"[Tt]ake\s+the\s+line\s+out\s+again",
    "stop": r"[Ss]top\s+the\s+server",
    "delete": r"[Dd]elete\s+`(?P<deleted>[^`]+)`",
    "open": r"<http://127\.0\.0\.1:8000(?P<opened>/[^>]*)>",
    "send": r"^\| (?P<request>[^\n]+?) \| (?P<answer>[^\n]+?) \|$(?!\n\|-)",
}
ACTION = re.compile(
    "|".join(f"(?P<{name}>{pattern})" for name, pattern in ACTIONS.items()),
    re.DOTALL | re.MULTILINE,
)

ADDRESS = "http://127.0.0.1:8000"
START_SECONDS = 60


class Terminal:
    """A learner's terminal in `backend/`, with `.venv` activated."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: subprocess.Popen[bytes] | None = None
        with closing(socket.socket()) as free:  # 8000 may be somebody else's on this computer
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        scripts = str(Path(sys.executable).parent)
        self._environment = learner_environment() | {
            "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
            "PYTHONUNBUFFERED": "1",  # as a terminal shows it: what is printed and what is logged
            "PYTHONUTF8": "1",
        }

    def type(self, command: str) -> tuple[int, str]:
        """Run a command to its end: its exit status, and what the terminal shows."""
        done = subprocess.run(
            self._words(command),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    def serve(self, command: str) -> None:
        """Start a server and wait until it answers."""
        self.stop()
        log = self.folder.parent / "server.log"
        with log.open("wb") as output:
            self.server = subprocess.Popen(
                [*self._words(command), "--port", self.address.rpartition(":")[2]],
                cwd=self.folder,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.server.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, log.read_text("utf-8")
            time.sleep(0.05)

    def send(self, method: str, path: str, body: object = None) -> httpx2.Response:
        """Send a request, as a browser does."""
        assert self.server, f"No server runs for {method} {path}"
        return httpx2.request(method, self.address + path, json=body, timeout=30)

    def stop(self) -> None:
        """Press Ctrl+C, if a server runs."""
        if self.server:
            with suppress(ProcessLookupError):
                os.killpg(self.server.pid, signal.SIGINT)
            self.server.wait(timeout=20)
            self.server = None

    def _words(self, command: str) -> list[str]:
        first, *rest = shlex.split(command)
        found = shutil.which(first, path=self._environment["PATH"])
        assert found, f"There is no {first} in .venv"
        return [found, *rest]

    def _answers(self) -> bool:
        with suppress(httpx2.TransportError):
            return bool(httpx2.get(self.address).status_code)
        return False


@every_step
def test_what_a_brief_says_of_trying_it_is_so(step: Step, tmp_path: Path) -> None:
    text = section(step, "Try it and see")
    assert text.startswith("In `backend/`"), "Where is one?"
    blocks = [found for found in ACTION.finditer(text) if found["type"] or found["save"]]
    assert text.count("```") == 2 * len(blocks), "Nobody is told what to do with a block."
    terminal = Terminal(begin(step, tmp_path / "backend"))
    before = contents(terminal.folder)
    try:
        do(text, terminal)
    finally:
        terminal.stop()
    after = contents(terminal.folder)
    assert after == before, "This leaves something behind."


@every_step
def test_what_is_typed_means_the_same_in_every_shell(step: Step) -> None:
    """Of bash, zsh, PowerShell and cmd each has signs of its own, in double quotes too."""
    for command in commands(section(step, "Try it and see")):
        words = shlex.split(command)
        assert words[0] in {"python", "alembic"}, command
        assert not re.search(r"[$`%!\\^&|]", command), command
        assert not re.search(r"[';<>=]", re.sub(r'"[^"]*"', "", command)), command


def do(text: str, terminal: Terminal) -> None:
    """Everything that a "Try it and see" asks for, one after the other."""
    put: tuple[Path, str] | None = None
    sent = ""
    for found in ACTION.finditer(text):
        match next(name for name in ACTIONS if found[name]):
            case "type":
                for command, expected in typed(found["block"]):
                    see(terminal, command, expected)
            case "save":
                (terminal.folder / found["saved"]).write_text(found["code"], "utf-8")
            case "put":
                put = terminal.folder / found["into"], found["line"]
                write(put[0], [*lines(put[0]), put[1]])
            case "take_out":
                assert put, "Which line?"
                write(put[0], [line for line in lines(put[0]) if line != put[1]])
            case "stop":
                terminal.stop()
            case "delete":
                (terminal.folder / found["deleted"]).unlink()
            case "open":
                assert terminal.send("GET", found["opened"]).status_code == 200
            case _:
                sent = sent if found["request"] == "the same again" else found["request"]
                ask(terminal, sent, found["answer"])


def typed(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what it is to print."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert parts[0] == "", f"A block begins with a command: {parts[0]}"
    return [(command, expected) for command, _, expected in (p.partition("\n") for p in parts[1:])]


def commands(text: str) -> list[str]:
    blocks = [found["block"] for found in ACTION.finditer(text) if found["type"]]
    return [command for block in blocks for command, _ in typed(block)]


def see(terminal: Terminal, command: str, expected: str) -> None:
    """Type a command, and look for what it is to print."""
    if "uvicorn" in command:
        terminal.serve(command)
        return
    status, output = terminal.type(command)
    shown = "\n".join(line.rstrip() for line in output.strip().splitlines())
    if expected.strip():
        assert re.fullmatch(pattern(expected), shown), f"$ {command}\n{shown}"
    else:
        assert status == 0, f"$ {command}\n{shown}"


def pattern(expected: str) -> str:
    """The regular expression for output in which `…` stands for what is left out."""
    found = ""
    for line in expected.strip("\n").splitlines():
        if line.strip() == "…":
            found += r"(?:.*\n)*?"
        else:
            found += ".*?".join(re.escape(part) for part in line.rstrip().split("…")) + r"(?:\n|\Z)"
    return found + (r"(?:.*\n?)*" if expected.rstrip().endswith("\n…") else "")


def lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []


def write(file: Path, text: list[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in text), "utf-8")


def ask(terminal: Terminal, request: str, answer: str) -> None:
    """Send the request in a row of a table, and compare the answer with the next column."""
    if link := re.search(rf"<{ADDRESS}(\S*)>", request):
        method, path, body = "GET", link[1], None
    else:
        sent = re.fullmatch(r"`(POST) (\S+)` `(\{.+\})`", request)
        assert sent, request
        method, path, body = sent[1], sent[2], json.loads(sent[3])
    got = terminal.send(method, path, body)
    whole = f"{got.status_code} {dict(got.headers)} {got.text}"
    if status := re.match(r"\d{3}", answer):
        assert str(got.status_code) == status[0], f"{request}: {whole}"
    for part in re.findall(r"`([^`]+)`", answer):
        assert part in whole, f"{request}: {whole}"


def begin(step: Step, folder: Path) -> Path:
    """The app of somebody for whom the step holds: their files, and their own database."""
    for path, data in stages.done(step.number).items():
        if path not in step.makes:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    terminal = Terminal(folder)
    if "alembic.ini" in stages.done(step.number - 1):
        see(terminal, "alembic upgrade head", "")
    elif step.makes:
        (folder / step.makes[0]).parent.mkdir(parents=True, exist_ok=True)
    for command in step.commands:
        see(terminal, command, "")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file, a database as SQL; without empty ones.

    Those are a `.env` with no line, and the `app.db` that SQLite makes when it is first asked.
    """
    return {
        file.relative_to(folder).as_posix(): sql(file) if file.suffix == ".db" else file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and file.stat().st_size
    }


def sql(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump())
