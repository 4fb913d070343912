"""What people type, and from where: slips, folders, widths, Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.text import Text

from tests.workbench import clone, run, snapshot
from workshop import entrances
from workshop.commands import slips
from workshop.commands.layout import wrap
from workshop.commands.line import _parsers  # pyright: ignore[reportPrivateUsage]
from workshop.course.steps import load_steps
from workshop.errors import WorkshopError

PYTHON = "py" if os.name == "nt" else "python3"
WITH_NOX = {"NOX_CURRENT_SESSION": "step1"}
WITHOUT_NOX = {"PATH": ""}


# --- Slips

# What is typed, and the command line that is meant for certain.
CERTAIN = {
    "step3": "check 3",
    "step 3": "check 3",
    "3": "check 3",
    "Step3": "check 3",
    "STEP-3": "check 3",
    "step03 --hint 2": "check 3 --hint 2",
    "check step3": "check 3",
    "check step 3 --json": "check 3 --json",
    "catchup step7": "catchup 7",
    "catchup Step 7": "catchup 7",
    "Doctor": "doctor",
    "-s step3 -- --hint": "check 3 --hint",
}


@pytest.mark.parametrize("typed", CERTAIN)
def test_what_is_certain_is_done(typed: str) -> None:
    assert slips.understand(typed.split(), _parsers()) == CERTAIN[typed].split()


# What is typed, and the command that the answer names.
MEANT = {
    "stpe8": "nox -s step8",
    "setp1": "nox -s step1",
    "doctr": "nox -s doctor",
    "progres": "nox -s progress",
    "chekc 3": "nox -s step3",
    "step": "nox -s step1",
    "hint": "nox -s step3 -- --hint",
    "step3 hint": "nox -s step3 -- --hint",
    "step3 -hint": "nox -s step3 -- --hint",
    "step3 --hnt": "nox -s step3 -- --hint",
    "3 --sovle": "nox -s step3 -- --solve",
    "progress --jsn": "nox -s progress -- --json",
    "catchup": "nox -s catchup -- 7",
    "catchup seven": "nox -s catchup -- 7",
    "catchup 7 --ap": "nox -s catchup -- 7 --app",
    "nonsense": "nox -l",
    "step3 nonsense": "nox -s step3 -- --help",
}


@pytest.mark.parametrize("typed", MEANT)
def test_a_slip_is_answered_with_the_command_that_was_meant(typed: str, tmp_path: Path) -> None:
    ran = run(*typed.split(), cwd=tmp_path, env=WITHOUT_NOX | outside())
    words = MEANT[typed].replace("nox -l", "--help").removeprefix("nox -s ").replace("-- ", "", 1)
    assert (ran.status, ran.out) == (2, "")
    assert f"`{PYTHON} -m workshop {words}`" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert "usage:" not in ran.err


def outside() -> dict[str, str]:
    """An environment in which `python -m workshop` finds this repository from any folder."""
    return {"PYTHONPATH": str(entrances.ROOT)}


# What is typed, and what the answer says; in none of them a command is named.
TOLD = {
    "step99": "There is no step 99: the steps are 1 to ",
    "step1 --hint 9": "--hint takes 1, 2 or 3, not 9.",
    "step1 --hint x": "--hint wants a number, and x is none.",
    "step1 --solve --reset": "--reset and --solve do not go together: give one of them.",
    "serve --app": "--app wants something behind it",
    "serve --port x": "--port wants a number, and x is none.",
    "postgres strat": "There is start, stop or status, not strat.",
}


@pytest.mark.parametrize("typed", TOLD)
def test_an_argument_that_does_not_fit_is_told_in_a_sentence(typed: str) -> None:
    ran = run(*typed.split())
    assert (ran.status, ran.out) == (2, "")
    assert TOLD[typed] in ran.err
    assert "usage:" not in ran.err


def test_every_function_gets_each_of_its_parameters() -> None:
    """An option that no function takes, or a parameter without an option, is a slip of ours."""
    for name, parser in _parsers().items():
        options = {action.dest for action in parser._actions} | {*parser._defaults}
        run_of = parser.get_default("run")
        parameters = {*run_of.__annotations__} - {"return"}
        assert parameters <= options | {"arguments"}, name


def nox(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nox", *words],
        cwd=cwd,
        env=os.environ | {"WORKSHOP_VENV": sys.prefix},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("-s stpe8", "There is no command stpe8. Did you mean `nox -s step8`?"),
        ("-s catchup seven", "seven is no step"),
        ("-s Step1 -- --hnt", "Did you mean `nox -s step1 -- --hint`?"),
    ],
)
def test_nox_hands_a_name_that_it_does_not_know_to_the_workshop(typed: str, answer: str) -> None:
    done = nox(*typed.split(), cwd=entrances.ROOT)
    assert done.returncode == 2
    assert answer in done.stderr


# --- Where one is


def test_alone_it_says_where_one_is_and_what_to_type(tmp_path: Path) -> None:
    cloned = clone(tmp_path / "clone")
    fresh = run(cwd=cloned, env=WITHOUT_NOX)
    assert (fresh.status, fresh.err) == (0, "")
    assert f"{PYTHON} -m workshop step1" in fresh.out
    assert not (cloned / "backend").exists()

    run("step1", "--solve", cwd=cloned)
    run("step2", cwd=cloned)
    ran = run(cwd=cloned / "backend", env=WITHOUT_NOX)
    assert "You are at step 2 of" in ran.out
    assert "app/db/session.py is still to be written. (A look at your files" in ran.out
    commands = re.findall(r"-m workshop ([\w -]+?)(?:  |\n)", ran.out)
    assert commands == ["step2", "step2 --hint", "progress"]

    run("catchup", str(len(load_steps())), cwd=cloned)
    run(f"step{len(load_steps())}", "--solve", cwd=cloned)
    assert "steps is written; nothing was run" in run(cwd=cloned).out


def test_help_lists_the_steps_first_and_the_others_by_person() -> None:
    out = run("--help").out
    found = [out.index(word) for word in ("step1 ", "For learners", "For instr", "For maint")]
    assert found == sorted(found)
    assert "{" not in out


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose owner has begun step 1."""
    cloned = clone(tmp_path_factory.mktemp("where") / "clone")
    run("step1", cwd=cloned)
    return cloned


@pytest.mark.parametrize("folder", [".", "backend", "backend/app/core"])
def test_a_command_works_where_people_are(folder: str, begun: Path) -> None:
    here = begun / folder
    # Below backend/ it takes what an active .venv has among its packages.
    below = {"PYTHONPATH": str(site_packages(begun))} if folder == "backend/app/core" else {}
    ran = run("step1", cwd=here, env=below | WITHOUT_NOX)
    assert ran.status == 1, ran.err
    (place,) = re.findall(r"^ +(\S*config\.py):\d+$", ran.out, re.MULTILINE)
    assert (here / place).samefile(begun / "backend/app/core/config.py")
    assert not Path(place).is_absolute()


def site_packages(cloned: Path) -> Path:
    folder = cloned / ".venv/lib/python3.99/site-packages"
    folder.mkdir(parents=True, exist_ok=True)
    code = "from workshop import entrances; entrances.open_from_environment(entrances.ROOT/'.venv')"
    subprocess.run([sys.executable, "-c", code], cwd=cloned, check=True)
    return folder


@pytest.mark.parametrize("folder", [".", "backend"])
def test_nox_works_where_people_are(folder: str, begun: Path) -> None:
    done = nox("-s", "step1", "--", "--json", cwd=begun / folder)
    assert done.returncode == 1
    assert done.stdout.startswith('{"step": 1,')
    assert "nox -s step1" in nox("-s", "step1", cwd=begun / folder).stdout


def test_an_app_is_named_from_where_one_is(begun: Path) -> None:
    ran = run("step1", "--app", "../backend/../mine", "--solve", cwd=begun / "backend")
    assert ran.status == 0
    assert (begun / "mine/app/core/config.py").exists()


def test_the_ways_in_are_nobodys_files(begun: Path) -> None:
    backend = begun / "backend"
    assert {*entrances.FILES} <= {*snapshot(backend)}
    ignored = (begun / ".gitignore").read_text("utf-8").splitlines()
    assert {f"/backend/{name}" for name in entrances.FILES} <= {*ignored}
    from workshop.learner.folder import copy_for_checks

    nested = backend / "app/services/workshop.py"
    nested.write_text("mine = True\n")
    copy_for_checks(backend, begun / "copy")
    copied = {*snapshot(begun / "copy")}
    nested.unlink()
    assert copied.isdisjoint(entrances.FILES)
    assert "app/services/workshop.py" in copied


def test_a_way_in_without_a_workshop_above_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "workshop.py").write_bytes(entrances.FILES["workshop.py"])
    ran = run("step1", cwd=tmp_path)
    assert ran.status == 1
    assert "There is no workshop above this folder" in ran.err


# --- Widths

COMMAND = re.compile(r"(?:nox -s|python3? -m workshop|py -m workshop) [\w-]+(?: (?:-- )?--?\w+)*")
TYPED = [
    (),
    ("--help",),
    ("doctor",),
    ("step1",),
    ("step1", "--hint", "3"),
    ("step99",),
    ("stpe8",),
    ("catchup",),
    ("progress",),
]


@pytest.mark.parametrize("columns", [80, 44])
@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_no_line_is_too_long_and_no_command_is_broken(
    columns: int, words: tuple[str, ...], begun: Path
) -> None:
    wide, narrow = (
        run(*words, cwd=begun, env=WITH_NOX | {"COLUMNS": str(width)}) for width in (1000, columns)
    )
    text = narrow.out + narrow.err
    # What is longer than a line stands on one of its own, for the terminal to wrap.
    long = [line.strip() for line in text.splitlines() if len(line) > columns]
    assert all(line.startswith("`") and line.count("`") == 2 for line in long), long
    assert sorted(COMMAND.findall(text)) == sorted(COMMAND.findall(wide.out + wide.err))
    # Wrapping only turns spaces into line ends.
    assert words_of(text) == words_of(wide.out + wide.err)


def words_of(text: str) -> list[str]:
    return re.sub(r"\(?\d+\.\d s\)?", "", text).split()


@pytest.mark.parametrize("columns", [30, 44, 80])
def test_text_is_wrapped_between_words_and_around_commands(columns: int) -> None:
    text = (
        "Edit app/services/user_service.py, and run python3 -m workshop step3 --hint again. "
        "`alembic upgrade head` or `nox -s serve -- --port 8001`, says the brief."
    )
    lines = [line.plain for line in wrap(Text(text), columns)]
    assert " ".join(lines) == text
    for whole in ("python3 -m workshop step3 --hint", "`nox -s serve -- --port 8001`,"):
        assert any(whole in line for line in lines)


# --- Progress, and Ctrl-C


def test_progress_says_at_once_what_it_does_and_then_each_step(begun: Path) -> None:
    ran = run("progress", cwd=begun)
    assert ran.out.splitlines()[0] == "Running the checks of 1 step …"
    assert "  ✗  1 config: " in ran.out


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent to a console there")
@pytest.mark.parametrize("words", [("step1",), ("progress",)], ids=" ".join)
def test_ctrl_c_is_a_status_and_no_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("step1", "--app", str(app))
    (app / "app/core/config.py").write_text("import time\n\ntime.sleep(300.125)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "workshop", *words, "--app", str(app)],
        cwd=entrances.ROOT,
        env=os.environ | {"WORKSHOP_VENV": sys.prefix, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background of a shell has Ctrl-C ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 90
    while not list(tmp_path.glob("workshop-*/output0")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == ""
    assert len(out.strip().splitlines()) <= 1
    assert not list(tmp_path.glob("workshop-*")), "the copy of the app is left behind"


# --- doctor


DOTENV = {
    "UTF-16": ("DATABASE_URL=x\r\n".encode("utf-16"), "is UTF-16", "save it with the encoding"),
    "BOM": (b"\xef\xbb\xbfAPP_NAME=x\n", "byte order mark", "without BOM"),
    "latin-1": ("APP_NAME=caf\xe9\n".encode("latin-1"), "is not UTF-8", "save it"),
    "no name": (b"APP_NAME=x\nhello world\n", "line 2 is no NAME=value", "put a # in front"),
}


@pytest.mark.parametrize("kind", DOTENV)
def test_doctor_says_what_is_wrong_with_a_dotenv(kind: str, tmp_path: Path) -> None:
    data, said, cure = DOTENV[kind]
    (tmp_path / ".env").write_bytes(data)
    ran = run("doctor", "--app", str(tmp_path))
    assert ran.status == 2
    assert ran.err == ""
    assert "✗ .env" in ran.out
    assert said in ran.out
    assert cure in ran.out


def test_doctor_sees_a_revision_without_a_file_and_a_starter_left_behind(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("catchup", "8", "--app", str(app))
    assert "revisions" not in run("doctor", "--app", str(app)).out
    revision = app / "alembic/versions/0001_create_users.py"
    text = revision.read_text("utf-8")
    revision.write_text(text.replace('"0001_create_users"', '"made_again"'), "utf-8")
    starter = load_steps()[0].folder / "app/core/config.py"
    shutil.copy(starter, app / "app/core/config.py")
    ran = run("doctor", "--app", str(app), env=WITH_NOX)
    assert ran.status == 2
    assert "app.db has revision 0001_create_users" in ran.out
    assert "`alembic upgrade head`" in ran.out
    assert "· unfinished" in ran.out
    assert "(step 1)" in ran.out
    assert "nox -s catchup -- " in ran.out


def test_a_dotenv_that_cannot_be_read_is_a_sentence_everywhere(tmp_path: Path) -> None:
    app = tmp_path / "backend"
    run("catchup", "7", "--app", str(app))
    (app / ".env").write_bytes("DATABASE_URL=x\r\n".encode("utf-16"))
    ran = run("catchup", "8", "--app", str(app))
    assert ran.status == 2
    assert "is not UTF-8" in ran.err


def test_what_is_no_command_raises_before_anything_is_done() -> None:
    with pytest.raises(WorkshopError, match="There is no command"):
        slips.understand(["rm"], _parsers())
