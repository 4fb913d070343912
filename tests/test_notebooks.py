"""The notebooks: short cells, code from a stage, true names, and the same outputs each time."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workshop.course import stages
from workshop.course.steps import ROOT, load_steps
from workshop.lessons import notebooks as lessons
from workshop.lessons import slides

NOTEBOOKS = lessons.find_notebooks()
IDS = [path.stem for path in NOTEBOOKS]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)

MAX_LINES = 25
# Lines of the solution in a row that make a cell a pasted copy.
MAX_COPIED = 3
NOXFILE = (ROOT / "noxfile.py").read_text("utf-8")
SESSIONS = {step.name for step in load_steps()} | set(
    re.findall(r"^@nox\.session\ndef (\w+)", NOXFILE, re.MULTILINE)
)


def cells(path: Path, kind: str) -> list[tuple[int, dict[str, Any]]]:
    numbered = enumerate(lessons.read(path)["cells"], 1)
    return [(number, cell) for number, cell in numbered if cell["cell_type"] == kind]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for _, cell in cells(path, "markdown"))


def telling(text: str) -> list[str]:
    """The lines that say something: no empty ones, no comments, no imports, no lone brackets."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        line
        for line in lines
        if len(line) > 3 and not line.startswith(("#", "import ", "from ", "@", '"""'))
    ]


@every_notebook
def test_no_cell_is_longer_than_a_screen(path: Path) -> None:
    for number, cell in cells(path, "code"):
        assert len(source(cell).splitlines()) <= MAX_LINES, f"cell {number}"


@every_notebook
def test_code_of_the_app_comes_from_a_stage(path: Path) -> None:
    app = [
        telling(data.decode("utf-8"))
        for name, data in stages.done(load_steps()[-1].number).items()
        if name.endswith(".py")
    ]
    runs = {
        tuple(lines[start : start + MAX_COPIED])
        for lines in app
        for start in range(len(lines) - MAX_COPIED + 1)
    }
    for number, cell in cells(path, "code"):
        own = telling(source(cell))
        for start in range(len(own) - MAX_COPIED + 1):
            assert tuple(own[start : start + MAX_COPIED]) not in runs, f"cell {number}"


@every_notebook
def test_every_session_that_is_named_exists(path: Path) -> None:
    assert not set(re.findall(r"nox -s ([\w-]+)", prose(path))) - SESSIONS


@every_notebook
def test_every_link_to_a_file_resolves(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", prose(path)):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@every_notebook
def test_prose_keeps_calm(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", prose(path), flags=re.DOTALL)
    assert not re.search(r"[\w)]!(?!\[)", text), "an exclamation mark"
    assert not re.search("[\U0001f300-\U0001faff]", text), "an emoji"


@every_notebook
def test_outputs_are_committed_and_name_no_machine(path: Path) -> None:
    private = re.compile(
        r"(?<![\w.])/(?:work|root|tmp|home|Users|private)/|\b0x[0-9a-f]{6,}"
        r'|(Errno|WinError) \d|near "\w'  # a system's own number, a version of SQLite's own word
    )
    code = cells(path, "code")
    assert [cell["execution_count"] for _, cell in code] == list(range(1, len(code) + 1))
    assert any(cell["outputs"] for _, cell in code)
    for number, cell in code:
        for text in lessons.text_of(cell):
            assert not private.search(text), f"cell {number}: {text[:200]}"
        assert all(output["output_type"] != "error" for output in cell["outputs"]), number


@every_notebook
def test_a_notebook_has_what_every_machine_can_read(path: Path) -> None:
    notebook = lessons.read(path)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert not any("execution" in cell["metadata"] for cell in notebook["cells"])


@every_notebook
def test_cells_are_python(path: Path) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    for number, cell in cells(path, "code"):
        compile(source(cell), f"{path.stem}, cell {number}", "exec", flags=flags)


@every_notebook
def test_slides_need_no_network(path: Path) -> None:
    html = slides.render(lessons.read(path)["cells"])
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//(?!docs|12factor)", html)
    assert "@import" not in html
    assert html.count("<section>") > 3


def test_a_changed_output_is_told_in_a_sentence() -> None:
    def cell(text: str) -> dict[str, Any]:
        return {"outputs": [{"output_type": "stream", "name": "stdout", "text": [text]}]}

    assert lessons.first_difference([cell("same\n")], [cell("same\n")]) is None
    told = lessons.first_difference([cell("same\n20\n")], [cell("same\n30\n")])
    assert told is not None
    assert told.startswith("cell 1 shows '30' where '20' is committed")


SAME_LENGTH = """
from workshop.lessons.notebook import change, use

use(1)
for _ in range(3):
    for old, new in (("ignore", "forbid"), ("forbid", "ignore")):
        change("app/core/config.py", f'extra="{old}"', f'extra="{new}"')
        from app.core.config import Settings
        assert Settings.model_config["extra"] == new
"""


def test_a_change_is_seen_at_once_even_if_the_file_is_as_long_as_before() -> None:
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", SAME_LENGTH],
        cwd=ROOT,
        env=compiled | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_notebook_shows_what_is_committed(capfd: pytest.CaptureFixture[str]) -> None:
    before = sorted((ROOT / "notebooks").iterdir())
    assert lessons.run_notebooks() == 0, capfd.readouterr().out
    assert sorted((ROOT / "notebooks").iterdir()) == before
