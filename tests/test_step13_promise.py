"""The promise of step 13: a feature adds files, and lines in the registries, and nothing else."""

import ast
import difflib

import pytest

from workshop.course import stages
from workshop.course.steps import find_step

STEP = find_step(13)
BEFORE, AFTER = stages.done(12), stages.done(13)


def test_no_file_goes_and_only_the_steps_own_files_come() -> None:
    assert set(BEFORE) - set(AFTER) == set()
    assert set(AFTER) - set(BEFORE) == set(STEP.files)


def test_only_the_registries_differ() -> None:
    assert {path for path in BEFORE if AFTER[path] != BEFORE[path]} == set(STEP.edits)


@pytest.mark.parametrize("path", STEP.edits)
def test_a_registry_gets_lines_and_loses_none(path: str) -> None:
    lines = difflib.ndiff(BEFORE[path].decode().splitlines(), AFTER[path].decode().splitlines())
    changes = [line for line in lines if not line.startswith(("  ", "? "))]
    assert changes
    assert [line for line in changes if line.startswith("- ")] == []


@pytest.mark.parametrize("path", STEP.edits)
def test_what_a_registry_gets_is_about_products(path: str) -> None:
    def statements(source: bytes) -> list[str]:
        return [ast.unparse(node) for node in ast.parse(source).body]

    old = statements(BEFORE[path])
    for statement in statements(AFTER[path]):
        assert statement in old or "product" in statement.lower(), statement


@pytest.mark.parametrize("path", sorted(set(BEFORE) - set(STEP.edits)))
def test_no_earlier_module_knows_products(path: str) -> None:
    if path.startswith(("app/", "alembic/")):
        assert b"product" not in AFTER[path].lower()


def test_the_registration_is_one_line_in_each_of_the_three_registries() -> None:
    added = {
        path: len(AFTER[path].splitlines()) - len(BEFORE[path].splitlines()) for path in STEP.edits
    }
    assert added["app/db/base.py"] == 1
    # An import and an include; an import, an alias, and the function with its blank lines.
    assert added["app/api/v1/__init__.py"] == 2
    assert added["app/api/v1/dependencies.py"] <= 8
