"""INSTRUCTORS.md: the agenda is what the steps say, and what it names can be shown."""

import re

import pytest

from workshop.course import agenda
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging.mistakes import load_mistakes

FILE = ROOT / "INSTRUCTORS.md"
STEPS = load_steps()
every_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)


def section(step: Step) -> str:
    """What the file says of a step."""
    title = re.escape(f"### Step {step.number} · {step.title}")
    found = re.search(rf"^{title}\n(.+?)(?=^##)", FILE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found, f"INSTRUCTORS.md has no section '### Step {step.number} · {step.title}'"
    return found[1]


def test_the_agenda_is_what_the_steps_say(request: pytest.FixtureRequest) -> None:
    text = FILE.read_text("utf-8")
    if request.config.getoption("--record"):
        FILE.write_text(agenda.renewed(text), "utf-8", newline="\n")
    assert FILE.read_text("utf-8") == agenda.renewed(text), "pytest --record renews the agenda"


def test_the_agenda_has_every_step_once_in_two_evenings() -> None:
    _, *evenings = agenda.SESSIONS
    numbers = [number for evening in evenings for number in evening.steps]
    assert numbers == [step.number for step in STEPS]


@pytest.mark.parametrize("session", agenda.SESSIONS, ids=lambda session: session.title)
def test_a_session_fits_into_half_a_day(session: agenda.Session) -> None:
    assert agenda.length(session) <= 4 * 60


@every_step
def test_a_step_has_what_an_instructor_needs(step: Step) -> None:
    text = section(step)
    for part in ("**Say.**", "**Break.**", "**Expect.**", "**They ask.**"):
        assert part in text, part
    assert re.search(rf"nox -s {step.name} -- --mistake \w+", text)


@every_step
def test_every_mistake_that_is_named_exists(step: Step) -> None:
    text = section(step)
    named = re.findall(r"nox -s (\w+) -- --mistake (\w+)", text)
    named += [(step.name, name) for name in re.findall(r"^- `([a-z0-9_]+)`: ", text, re.MULTILINE)]
    known = {mistake.name for mistake in load_mistakes(step)}
    assert len(named) > 2
    assert [pair for pair in named if pair[0] != step.name or pair[1] not in known] == []
