"""`nox -s serve`: an app under uvicorn, its database migrated first."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from workshop.course.steps import SOLUTION, load_steps
from workshop.errors import WorkshopError
from workshop.learner import migrations, standing, workplace
from workshop.learner.folder import Folder

HOST = "127.0.0.1"


def serve(app: Path, *, solution: bool, port: int) -> int:
    """Migrate the app's database, say which URL to open, and serve until Ctrl-C."""
    folder = Folder(SOLUTION) if solution else workplace.own(app)
    if not folder.has("app/main.py"):
        raise WorkshopError(
            f"{folder.root} has no app/main.py yet: step 12 writes it. "
            "`nox -s serve -- --solution` shows the finished app."
        )
    _expect_free(port)
    if not solution:
        _say_what_is_unfinished(folder)
    migrations.upgrade(folder)
    print(f"Open http://{HOST}:{port}/docs (an API has no page at /). Ctrl-C ends it.", flush=True)
    command = [sys.executable, "-m", "uvicorn", "app.main:app"]
    command += ["--host", HOST, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder.root)
    while True:
        try:
            return 0 if process.wait() in (0, -2, 130) else 1
        except KeyboardInterrupt:
            continue  # uvicorn has got it too: it answers what it has begun, and ends


def _say_what_is_unfinished(folder: Folder) -> None:
    from workshop.commands.terminal import command

    for step, path in standing.unfinished(folder, load_steps()[-1].number + 1):
        print(
            f"Step {step.number} is not finished ({path}): what needs it will fail. "
            f"{command(step.name)} goes on with it.",
            flush=True,
        )


def try_port(port: int) -> None:
    """Take a port for a moment. Raises OSError when another program has it."""
    with closing(socket.socket()) as probe:
        if os.name == "posix":  # Windows would share the port with the program that has it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))


def _expect_free(port: int) -> None:
    try:
        try_port(port)
    except OverflowError:
        raise WorkshopError(f"{port} is no port: choose one from 1024 to 65535.") from None
    except OSError as error:
        raise WorkshopError(
            f"Port {port} is taken ({error.strerror}): end the program that has it, or use "
            f"another one with `nox -s serve -- --port {port + 1}`."
        ) from error
