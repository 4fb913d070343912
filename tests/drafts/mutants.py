"""The mutants that try the checks: valid, with a name that stays, and none excused for nothing."""

import ast

import pytest

from workshop import stages
from workshop.mutants import load_equivalents, mutants_of, try_mutants
from workshop.mutation import mutants
from workshop.steps import Step, find_step, load_steps

STEPS = load_steps()


def changes(source: str) -> set[tuple[str, str]]:
    return {(mutant.operator, mutant.after) for mutant in mutants("a.py", source)}


CHANGES = [
    ("a < b", ("change comparison", "a <= b")),
    ("a == b", ("change comparison", "a != b")),
    ("a and b", ("change and/or", "a or b")),
    ("a and b", ("remove operand", "b")),
    ("a + b", ("change arithmetic", "a - b")),
    ("not a", ("remove sign", "a")),
    ("x = 1", ("change constant", "x = 2")),
    ("x = 'no'", ("change constant", "x = 'noXX'")),
    ("x = True", ("change constant", "x = False")),
    ("f(a, b)", ("swap arguments", "f(b, a)")),
    ("f(a, b=c)", ("remove argument", "f(a)")),
    ("a.strip()", ("remove call", "a")),
    ("x = [a, b]", ("remove element", "x = [b]")),
    ("x = a[1:]", ("remove bound", "x = a[:]")),
    ("f()", ("remove statement", "pass")),
    ("@f\ndef g():\n    h()", ("remove decorator", "")),
    ("def f():\n    return 1", ("return None", "return None")),
    ("def f():\n    raise a", ("remove raise", "pass")),
    ("async def f():\n    await a()", ("remove await", "a()")),
    ("if a:\n    b()", ("negate condition", "if not a:")),
    ("try:\n    a()\nexcept B:\n    c()", ("catch more", "except Exception:")),
    ("try:\n    a()\nexcept B:\n    c()", ("catch less", "except ArithmeticError:")),
    ("x: Annotated[int, a, b] = 1", ("remove metadata", "x: Annotated[int, b] = 1")),
    ("x: Annotated[int, a] = 1", ("remove metadata", "x: int = 1")),
]


@pytest.mark.parametrize(("source", "change"), CHANGES)
def test_a_module_is_changed_in_this_way(source: str, change: tuple[str, str]) -> None:
    assert change in changes(source)


@pytest.mark.parametrize(
    "source",
    ['"""A docstring."""', "def f(a: list[int]) -> str | None: ...", "logger.info('no')", "x: int"],
)
def test_what_says_nothing_is_left_alone(source: str) -> None:
    assert not [change for change in changes(source) if "XX" in change[1] or "str" in change[1]]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_mutant_is_python_and_differs_from_all_others(step: Step) -> None:
    found = mutants_of(step)
    for mutant in found:
        compile(mutant.text, mutant.file, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert len({mutant.key for mutant in found}) == len(found)
    assert len({(mutant.file, mutant.text) for mutant in found}) >= len(found) * 0.95
    if step.writes:
        assert found


def test_a_mutant_keeps_its_name_when_the_file_changes_elsewhere() -> None:
    source = stages.done(1)["app/core/config.py"].decode()
    moved = source.replace("class Settings", "# A comment.\nOTHER = len('x')\n\n\nclass Settings")
    before = {mutant.key for mutant in mutants("config.py", source)}
    after = {mutant.key for mutant in mutants("config.py", moved)}
    assert before < after


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_no_equivalent_is_stale_and_each_has_a_reason(step: Step) -> None:
    known = {mutant.key for mutant in mutants_of(step)}
    entries = load_equivalents(step)
    stale = [f"{entry.scope}: {entry.after}" for entry in entries if entry.key not in known]
    assert not stale
    assert len({entry.key for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.reason.endswith(".")


def test_the_checks_of_a_step_tell_mutants_apart() -> None:
    step = find_step(11)
    fatal = [mutant for mutant in mutants_of(step) if mutant.operator == "remove statement"]
    score = try_mutants(step, fatal[:2])
    assert (score.killed, score.survived) == (len(fatal[:2]), [])
    assert score.rate == 1.0


def test_an_equivalent_is_counted_and_not_run() -> None:
    step = find_step(4)
    excused = {entry.key for entry in load_equivalents(step)}
    chosen = [mutant for mutant in mutants_of(step) if mutant.key in excused]
    score = try_mutants(step, chosen)
    assert (score.killed, score.equivalent) == (0, len(chosen))
