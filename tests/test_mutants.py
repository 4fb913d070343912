"""The mutants that try the checks: valid, with a name that stays, and none excused for nothing."""

import ast
from collections.abc import Sequence

import pytest

from workshop.course import stages
from workshop.course.steps import Step, find_step, load_steps
from workshop.upkeep.mutants import Score, load_equivalents, mutants_of, print_scores, try_mutants
from workshop.upkeep.mutation import Mutant, mutants

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


def test_a_mutant_is_killed_or_survives_or_is_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    step = find_step(4)
    excused = [mutant for mutant in mutants_of(step) if "String(51)" in mutant.after]
    fatal = [mutant for mutant in mutants_of(step) if "usersXX" in mutant.after]
    chosen = excused + fatal
    assert len(chosen) == 2
    score = try_mutants(step, excused)
    assert (score.killed, score.survived, score.equivalent) == (0, [], 1)
    monkeypatch.setattr("workshop.upkeep.mutants.load_equivalents", lambda _: ())
    score = try_mutants(step, chosen)
    assert (score.killed, score.survived, score.equivalent) == (1, excused, 0)
    assert score.rate == 0.5


def test_the_report_counts_and_shows_what_survived(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some_survive(step: Step, chosen: Sequence[Mutant]) -> Score:
        return Score(step, killed=len(chosen) - 2, equivalent=1, survived=[chosen[0]])

    monkeypatch.setattr("workshop.upkeep.mutants.try_mutants", some_survive)
    step = find_step(4)
    count, first = len(mutants_of(step)), mutants_of(step)[0]
    assert not print_scores([step])
    printed = capsys.readouterr().out
    head, row = (line.split() for line in printed.splitlines()[:2])
    assert head[1:5] == ["mutants", "killed", "survived", "equivalent"]
    assert row[2:6] == [str(number) for number in (count, count - 2, 1, 1)]
    assert f"step 4 accepts {first}" in printed
