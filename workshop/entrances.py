"""Ways into the workshop from elsewhere: from `backend/`, and with `.venv` active from any folder.

Python runs `python -m workshop` where it finds a module of that name: in the current folder, or
among the packages of an environment. Nox looks for a noxfile.py in the current folder. So both get
a small file of the workshop's own there, which goes on in the repository above.

Standard library only, and no syntax newer than Python 3.8: `environment` needs it to begin with.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_MODULE = b'''\
"""Makes `python -m workshop` work here. It belongs to the workshop: yours to ignore."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    for folder in Path(__file__).resolve().parents:
        if (folder / "workshop" / "__main__.py").is_file():
            sys.path[0] = str(folder)
            runpy.run_module("workshop", run_name="__main__", alter_sys=True)
            break
    else:
        sys.exit("There is no workshop above this folder: run the command in its repository.")
'''

_NOXFILE = b'''\
"""Makes `nox -s step3` work here. It belongs to the workshop: yours to ignore."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from noxfile import *  # noqa: E402, F403
'''

# What the folder of the app gets. Git ignores it, and no check sees it.
FILES = {"workshop.py": _MODULE, "noxfile.py": _NOXFILE}


def open_from_app(backend: Path) -> None:
    """Make the commands work in the folder of the app, if there is one yet."""
    if backend.is_dir():
        for name, text in FILES.items():
            _write(backend / name, text)


def open_from_environment(venv: Path) -> None:
    """Make `python -m workshop` work in every folder while the repository's `.venv` is active."""
    for place in ("lib/python*/site-packages", "Lib/site-packages"):
        for folder in venv.glob(place):
            _write(folder / "workshop.py", _MODULE)


def run(python: Path, arguments: list[str], variables: dict[str, str] | None = None) -> int:
    """Run the workshop with another Python in the current folder, and return its exit status."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import runpy; "
        "runpy.run_module('workshop', run_name='__main__', alter_sys=True)"
    )
    process = subprocess.Popen(
        [str(python), "-P", "-c", code, *arguments], env={**os.environ, **(variables or {})}
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the same Ctrl-C reached the other process, which ends what it has begun


def _write(file: Path, text: bytes) -> None:
    """Write a file unless it is as it should be. A folder that cannot be written to stays so."""
    with contextlib.suppress(OSError):
        if file.is_file() and file.read_bytes().replace(b"\r\n", b"\n") == text:
            return
        temporary = file.with_name(f".{file.name}.{os.getpid()}.partial")
        temporary.write_bytes(text)
        temporary.replace(file)
