"""Every command of the workshop. `nox -l` lists them, `nox -s step1` runs one.

Nox only gives them names: the work is done by `python -m workshop`, in the repository's own
`.venv`, so that any nox will do (pipx, uvx, or the one in `.venv`).
"""

import itertools
import logging
import re
import sys
from pathlib import Path

import nox
from nox import registry

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from workshop import entrances, environment  # noqa: E402

nox.options.default_venv_backend = "none"
nox.options.sessions = ["step1"]
# A learner reads what the checks say, not what nox does.
logging.getLogger("nox").setLevel(logging.ERROR)


def run(session: nox.Session, *arguments: str) -> None:
    """Run a command of the workshop in `.venv`, and end with its exit status."""
    run_words(session.name, [*arguments, *session.posargs])


def run_words(name: str, words: list[str]) -> None:
    """Run words as a command line of the workshop, in the folder of the noxfile that was found."""
    python = environment.python_for(words)
    status = entrances.run(python, words, {"NOX_CURRENT_SESSION": name})
    if status:
        sys.exit(status)


def add_step(folder: Path) -> None:
    """Make a session of a step's folder, described by the step's title."""
    number = int(folder.name[:2])
    toml = (folder / "step.toml").read_text("utf-8")
    match = re.search(r'^title = "(.+)"$', toml, re.MULTILINE)

    def step(session: nox.Session) -> None:
        run(session, "check", str(number))

    step.__doc__ = match[1] if match else folder.name
    nox.session(name=f"step{number}")(step)


for folder in sorted((ROOT / "steps").glob("[0-9][0-9]_*")):
    add_step(folder)


@nox.session
def progress(session: nox.Session) -> None:
    """Measure every step and draw the tower."""
    run(session, "progress")


@nox.session
def catchup(session: nox.Session) -> None:
    """Be where a step begins: nox -s catchup -- 7."""
    run(session, "catchup")


@nox.session
def restore(session: nox.Session) -> None:
    """List what was kept of your files, or put one back: nox -s restore -- app/db/base.py."""
    run(session, "restore")


@nox.session
def serve(session: nox.Session) -> None:
    """Run your app on port 8000; the finished one: nox -s serve -- --solution."""
    run(session, "serve")


@nox.session
def postgres(session: nox.Session) -> None:
    """Start a PostgreSQL server of your own; -- stop stops it, -- status looks at it."""
    run(session, "postgres")


@nox.session
def lab(session: nox.Session) -> None:
    """Open a notebook in JupyterLab: nox -s lab -- 8."""
    run(session, "lab")


@nox.session
def slides(session: nox.Session) -> None:
    """Make slides of a notebook, which work without a network: nox -s slides -- 8."""
    run(session, "slides")


@nox.session
def notebooks(session: nox.Session) -> None:
    """Run the notebooks and compare what they show (for maintainers); -- --write renews them."""
    run(session, "notebooks")


@nox.session
def doctor(session: nox.Session) -> None:
    """Look for what may be wrong with the set-up."""
    run(session, "doctor")


@nox.session
def branches(session: nox.Session) -> None:
    """Make a branch for the start and the end of every step (for instructors)."""
    run(session, "branches")


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the solution in small ways and see whether the checks notice (for maintainers)."""
    run(session, "mutants")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the app and the loop beside their floors: nox -s bench -- app (for maintainers)."""
    run(session, "bench")


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test of the workshop (for maintainers)."""
    run(session, "tests")


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff, pyright and import-linter (for maintainers)."""
    run(session, "lint")


def answer_slips(words: list[str]) -> None:
    """Let the workshop answer names that nox does not know: nox would only say just that."""
    flags = [index for index, word in enumerate(words) if word in ("-s", "--session", "--sessions")]
    behind = words[flags[0] + 1 :] if flags else []
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), behind))
    if not {*names} <= {*registry.get()}:
        options = words[words.index("--") + 1 :] if "--" in words else []
        run_words(names[0], [*names, *options])
        sys.exit()


answer_slips(sys.argv[1:])
