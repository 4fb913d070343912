"""Stages are derived from the solution, and a wrong marker is an error that names its line."""

import ast

import pytest

from workshop.course import stages
from workshop.course.steps import SOLUTION, load_steps
from workshop.errors import WorkshopError

NUMBERS = [step.number for step in load_steps()]


@pytest.mark.parametrize(
    ("source", "number", "expected"),
    [
        ("a = 1\n", 3, "a = 1\n"),
        ("a = 1\nb = 2  # step 4\n", 3, "a = 1\n"),
        ("a = 1\nb = 2  # step 4\n", 4, "a = 1\nb = 2\n"),
        ("a\n# region step 5\nb\n# endregion\nc\n", 4, "a\nc\n"),
        ("a\n# region step 5\nb\n# endregion\nc\n", 5, "a\nb\nc\n"),
        ("a\n\n\n# region step 5\nb\n# endregion\n", 4, "a\n"),
        ("# region step 5\nb\n# endregion\n", 4, ""),
        ("    x = 1  # the fourth step of many\n", 3, "    x = 1  # the fourth step of many\n"),
    ],
)
def test_a_stage_leaves_out_what_comes_later(source: str, number: int, expected: str) -> None:
    assert stages.render("f.py", source.encode(), number, owner=3).decode() == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n# region step 5\nb\n", "line 2: this region is never closed"),
        ("a\n# endregion\n", "line 2: '# endregion' closes no region"),
        ("# region step 5\n# region step 6\n# endregion\n", "line 2: a region inside the region"),
        ("# region step 5\nx  # step 6\n# endregion\n", "line 2: a marked line inside"),
        ("x  # step 3\n", "line 1: step 3 is no later than step 3"),
        ("x  # step 99\n", "line 1: there is no step 99"),
        ("x  # step4\n", "line 1: 'x  # step4' is no marker"),
        ("# region of interest\n", "line 1: '# region of interest' is no marker"),
        ("# end region\n", "line 1: '# end region' is no marker"),
        ("# step 4\n", "line 1: '# step 4' is no marker"),
    ],
)
def test_a_wrong_marker_names_file_and_line(source: str, said: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        stages.render("app/f.py", source.encode(), 4, owner=3)
    assert "solution/app/f.py, line " in str(caught.value)
    assert said in str(caught.value)


def test_every_file_of_the_solution_belongs_to_exactly_one_step() -> None:
    owned = [path for step in load_steps() for path in step.files]
    clutter = {"__pycache__", ".pytest_cache", ".venv", ".ruff_cache"}
    present = {
        file.relative_to(SOLUTION).as_posix()
        for file in SOLUTION.rglob("*")
        if file.is_file() and not clutter & set(file.parts) and not file.name.endswith(".db")
    }
    assert sorted(owned) == sorted(present)


def test_the_last_stage_is_the_solution_without_its_markers() -> None:
    finished = stages.done(NUMBERS[-1])
    for path, data in finished.items():
        original = (SOLUTION / path).read_bytes().decode().splitlines()
        missing = [line for line in original if line.split("  # step ")[0] not in data.decode()]
        assert all(line.strip().startswith(("# region", "# endregion")) for line in missing), path


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stage_is_python_that_mentions_no_later_module(number: int) -> None:
    files = stages.done(number)
    for path, data in files.items():
        if not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(data)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app."):
                module = (node.module or "").replace(".", "/")
                assert f"{module}.py" in files or f"{module}/__init__.py" in files, (path, module)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_start_is_the_stage_before_and_what_the_step_gives(number: int) -> None:
    start, before = stages.start(number), stages.done(number - 1)
    step = load_steps()[number - 1]
    assert set(start) == set(before) | set(step.writes) | set(step.brings)
    for path in set(before) - set(step.writes) - set(step.brings):
        assert start[path] == before[path], path
