"""The agenda in INSTRUCTORS.md, made from the minutes of the steps: half a day, or two evenings."""

from collections.abc import Iterator
from dataclasses import dataclass

from workshop.course.steps import Step, load_steps

BEGIN, END = "<!-- agenda: made from step.toml -->\n", "<!-- end of the agenda -->\n"
BREAK = 15


@dataclass(frozen=True)
class Session:
    """A morning or an evening: what is done in it, and when people get up."""

    title: str
    starts: int  # minutes after midnight
    steps: range
    breaks_after: tuple[int, ...]
    # These are told and tried out; nobody writes them, and a later step fills their files in.
    shown: frozenset[int] = frozenset()


SESSIONS = (
    Session("Half a day", 9 * 60, range(1, 13), (4, 7), frozenset({3, 6, 7, 9, 10, 11, 12})),
    Session("First evening", 18 * 60, range(1, 8), (4,)),
    Session("Second evening", 18 * 60, range(8, 14), (11,)),
)


def agenda() -> str:
    """Every session as a table."""
    minutes = sum(step.minutes for step in load_steps())
    tables = [_table(session) for session in SESSIONS]
    return "\n\n".join([f"All steps together take {minutes} minutes.", *tables]) + "\n"


def renewed(text: str) -> str:
    """The text of INSTRUCTORS.md with the agenda as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{agenda()}\n{END}{after}"


def minutes_of(session: Session, step: Step) -> int:
    """What a step takes: its minutes, or a quarter of them where it is only shown."""
    return -(-step.minutes // 20) * 5 if step.number in session.shown else step.minutes


def length(session: Session) -> int:
    """Minutes from the first step to the last, breaks included."""
    return sum(minutes for minutes, *_ in _parts(session))


def _parts(session: Session) -> Iterator[tuple[int, str, str]]:
    for step in load_steps():
        if step.number not in session.steps:
            continue
        link = f"[{step.number} · {step.title}](steps/{step.folder.name}/README.md)"
        shown = step.number in session.shown
        yield minutes_of(session, step), link, "shown" if shown else "everybody writes"
        if step.number in session.breaks_after:
            yield BREAK, "*break*", ""


def _table(session: Session) -> str:
    now = session.starts
    rows: list[str] = []
    for minutes, what, how in _parts(session):
        rows.append(f"| {_clock(now)} | {minutes} | {what} | {how} |")
        now += minutes
    title = f"### {session.title}, {_clock(session.starts)} to {_clock(now)}"
    return "\n".join([title, "", "| from | minutes | step | |", "|---|---|---|---|", *rows])


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"
