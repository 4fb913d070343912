"""The checks deserve trust: they reject plausible wrong answers and accept different right ones."""

import importlib
import inspect
import keyword
import re
import sys
import tokenize
import warnings
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from workshop.course import stages
from workshop.course.alternatives import Alternative, load_alternatives
from workshop.course.steps import Step, load_steps
from workshop.judging.mistakes import load_mistakes
from workshop.judging.runner import run_checks
from workshop.learner import journey, migrations
from workshop.learner.folder import Folder

pytestmark = pytest.mark.usefixtures("warm_workers")

STEPS = load_steps()
RIGHT = [(step, other) for step in STEPS for other in load_alternatives(step)]


def app_after(step: Step, folder: Path) -> Folder:
    """The solution's app after a step, with a database where the learner would have one."""
    app = Folder(folder / "backend")
    app.place(stages.done(step.number))
    if step.slug == journey.APPLY:
        migrations.upgrade(app)
    return app


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_check_catches_a_mistake(step: Step) -> None:
    named = {mistake.caught_by for mistake in load_mistakes(step)}
    unknown = named - set(checks_of(step))
    assert not unknown, f"mistakes.toml names checks that do not exist: {unknown}"
    idle = set(checks_of(step)) - named
    assert not idle, f"no mistake is listed for {idle}"


@pytest.mark.parametrize(
    ("step", "other"), RIGHT, ids=[f"{step.number}-{other.name}" for step, other in RIGHT]
)
def test_another_right_answer_is_accepted(step: Step, other: Alternative, tmp_path: Path) -> None:
    app = app_after(step, tmp_path)
    revisions = [path for path in other.files if path.startswith(migrations.VERSIONS)]
    if revisions:
        app.move_away(path for earlier in STEPS[: step.number] for path in earlier.makes)
    app.replace(other.files)
    if step.slug == journey.APPLY:
        migrations.move_database_away(app)  # what the solution's revisions made
        migrations.upgrade(app)
    report = run_checks(step, app.root)
    assert report.ok, [f"{c.id}: {c.message}" for c in report.checks if c.outcome != "passed"]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_has_two_other_right_answers(step: Step) -> None:
    if step.writes:
        assert len(load_alternatives(step)) >= 2


# -- the words of the checks


@lru_cache
def checks_of(step: Step) -> dict[str, dict[str, Any]]:
    """The checks of a step as their decorator describes them."""
    import importlib.util

    from workshop.probes.checking import info_of

    spec = importlib.util.spec_from_file_location(step.checks.stem, step.checks)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[step.checks.stem] = module
    spec.loader.exec_module(module)
    infos = [info_of(value) for name, value in vars(module).items() if name.startswith("test_")]
    return {info.id: vars(info) for info in infos if info is not None}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_has_at_least_five_checks_and_names_its_first(step: Step) -> None:
    assert len(checks_of(step)) >= 5
    assert step.fails_first in checks_of(step)


def every_check() -> list[tuple[Step, dict[str, Any]]]:
    return [(step, check) for step in STEPS for check in checks_of(step).values()]


@pytest.mark.parametrize(
    ("step", "check"), every_check(), ids=[f"{s.number}-{c['id']}" for s, c in every_check()]
)
def test_a_check_says_a_sentence_and_gives_three_hints(step: Step, check: dict[str, Any]) -> None:
    assert check["title"].endswith("."), check["title"]
    assert len(check["title"]) <= 100
    assert len(check["hints"]) == 3
    assert len(set(check["hints"])) == 3
    for hint in check["hints"]:
        assert not re.search(r"\bline \d+", hint), hint
        assert "!" not in re.sub(r"`[^`]*`|!=", "", hint), hint
    path, _, symbol = check["at"].partition(":")
    stage = stages.done(step.number)
    assert path in stage, path
    if symbol:
        assert re.search(rf"\b{re.escape(symbol.split('.')[-1])}\b", stage[path].decode()), symbol


def tokens(text: str) -> list[str]:
    """The tokens of some text, as Python reads them and as far as it can."""
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(StringIO(text).readline):
            if token.string.strip() and token.type != tokenize.COMMENT:
                found.append(token.string)
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_first_two_hints_do_not_give_the_answer_away(step: Step) -> None:
    runs: set[tuple[str, ...]] = set()
    for path in (*step.writes, *step.makes):
        code = tokens(stages.done(step.number)[path].decode())
        runs |= {tuple(code[i : i + 6]) for i in range(len(code) - 5)}
    for check in checks_of(step).values():
        for hint in check["hints"][:2]:
            for line in hint.split("`"):
                found = tokens(line)
                for i in range(len(found) - 5):
                    run = tuple(found[i : i + 6])
                    words = all(t.isidentifier() and not keyword.iskeyword(t) for t in run)
                    assert words or run not in runs, f"{check['id']}: {' '.join(run)}"


# What hints may speak of besides the app itself.
NAMESPACES = (
    "alembic.command alembic.config alembic.op alembic.runtime.environment asyncio bcrypt builtins "
    "collections.abc contextlib datetime fastapi fastapi.middleware.cors fastapi.responses "
    "fastapi_offline functools logging logging.config pydantic pydantic_settings re sqlalchemy "
    "sqlalchemy.event sqlalchemy.exc sqlalchemy.ext.asyncio sqlalchemy.orm sqlalchemy.pool "
    "sqlalchemy.types typing"
)
# Made up for a hint, or part of a name: no module has these.
MADE_UP = {"your_function", "nickname", "emial", "is_admin", "column_0_name", "ck_products_"}

NAME = re.compile(r"[A-Za-z_]\w*")
# Names outside of backticks: CamelCase, or with an underscore.
SPOKEN = re.compile(r"\b(?:[A-Z][a-z0-9]+(?:[A-Z]\w*)+|[A-Za-z]\w*_\w+|__\w+__)\b")


@lru_cache
def library_names() -> frozenset[str]:
    """The names in these modules, the attributes of their classes, and all parameters."""
    found = {*sys.stdlib_module_names, *keyword.kwlist}
    for name in NAMESPACES.split():
        found |= set(name.split("."))
        # A copy: looking at signatures evaluates annotations, which may import more into a module.
        for attribute, value in list(vars(importlib.import_module(name)).items()):
            found.add(attribute)
            attributes = dir(value) if inspect.isclass(value) else []
            found |= {*attributes, *getattr(value, "__annotations__", {})}
            for function in [value, *(getattr(value, each, None) for each in attributes)]:
                try:
                    found |= set(inspect.signature(function).parameters)
                except (TypeError, ValueError, NameError):
                    continue
    return frozenset(found)


@lru_cache
def app_names(step: Step) -> frozenset[str]:
    files = stages.done(step.number)
    texts = [*files, *(data.decode("utf-8", "replace") for data in files.values())]
    return frozenset(name for text in texts for name in NAME.findall(text))


def names_in(hint: str) -> set[str]:
    code = [re.sub(r"\"[^\"]*\"|'[^']*'", "", part) for part in hint.split("`")[1::2]]
    return {name for part in code for name in NAME.findall(part)} | set(SPOKEN.findall(hint))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_hints_name_what_exists(step: Step) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a look at every name finds old ones
        known = library_names() | app_names(step) | MADE_UP
    for check in checks_of(step).values():
        for hint in check["hints"]:
            unknown = names_in(hint) - known
            assert not unknown, f"{check['id']}: {', '.join(sorted(unknown))} in: {hint}"
