"""Starters teach, and stay true to the solution: names, signatures, docstrings, no spoilers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from workshop.course import stages
from workshop.course.steps import ROOT, Step, load_steps
from workshop.learner.folder import Folder

STEPS = load_steps()
STARTERS = [(step, path) for step in STEPS for path in step.writes if path.endswith(".py")]
NAMES = [f"{step.number}-{path}" for step, path in STARTERS]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(source: bytes) -> dict[str, Definition]:
    """The public functions, classes and methods of a module by their qualified names."""
    found: dict[str, Definition] = {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition) and not node.name.startswith("_"):
                found[prefix + node.name] = node
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f"{prefix}{node.name}.")

    collect(ast.parse(source).body, "")
    return found


def signature(node: Definition) -> str:
    """How a definition is called, as text."""
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})"
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = ast.unparse(node.returns) if node.returns else ""
    return f"{kind} {node.name}({ast.unparse(node.args)}) -> {returns}"


@pytest.mark.parametrize(("step", "path"), STARTERS, ids=NAMES)
def test_a_starter_has_the_solutions_names_signatures_and_docstrings(step: Step, path: str) -> None:
    starter = definitions(stages.starters(step)[path])
    solution = definitions(stages.done(step.number)[path])
    for name, node in starter.items():
        assert name in solution, f"{path} has {name}, which the solution has not"
        assert signature(node) == signature(solution[name])
        assert ast.get_docstring(node) == ast.get_docstring(solution[name]), name
    module = ast.get_docstring(ast.parse(stages.starters(step)[path]))
    assert module == ast.get_docstring(ast.parse(stages.done(step.number)[path]))


@pytest.mark.parametrize(("step", "path"), STARTERS, ids=NAMES)
def test_a_starter_says_what_is_to_do_instead_of_passing_in_silence(step: Step, path: str) -> None:
    for name, node in definitions(stages.starters(step)[path]).items():
        if isinstance(node, ast.ClassDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        given = ast.unparse(definitions(stages.done(step.number)[path])[name].body[-1])
        to_do = [
            call.args[0].value
            for statement in body
            if isinstance(statement, ast.Raise) and isinstance(call := statement.exc, ast.Call)
            if isinstance(call.args[0], ast.Constant)
        ]
        finished = bool(body) and ast.unparse(body[-1]) == given and not to_do
        said = bool(to_do) and str(to_do[0]).startswith(f"step {step.number}: ")
        assert said or finished, f"{path}: {name}"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_start_of_a_step_is_clean_in_an_editor(step: Step, tmp_path: Path) -> None:
    Folder(tmp_path).place(stages.start(step.number))
    written = [path for path in step.writes if path.endswith(".py")]
    if not written:
        return
    ruff = [sys.executable, "-m", "ruff"]
    shown = subprocess.run(
        [*ruff, "format", "--diff", "--line-length=100", "--isolated", *written],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout
    settings = '{"typeCheckingMode": "basic", "reportUnusedImport": false}'
    (tmp_path / "pyrightconfig.json").write_text(settings)
    typed = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, *written],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert typed.returncode == 0, typed.stdout


def test_the_stages_are_formatted_as_the_solution_is(tmp_path: Path) -> None:
    for step in STEPS:
        Folder(tmp_path / step.name).place(stages.done(step.number))
    config = str(ROOT / "pyproject.toml")
    shown = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--diff", "--config", config, "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout
