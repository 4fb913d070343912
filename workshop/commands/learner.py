"""What a learner types: the steps, and what helps on the way through them."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.judging.blame import find_blame
from workshop.judging.runner import Report, run_checks
from workshop.learner.change import Change
from workshop.learner.folder import Folder

if TYPE_CHECKING:
    from workshop.learner.workplace import Workplace

# `--hint` without a number.
NEXT = 0
# `--postgres` instead of the URL of a server.
OURS = "ours"
# What `check` does to the step's files first.
PLACE, SOLVE, RESET = "place", "solve", "reset"


def overview(app: Path) -> int:
    """Say where one is, and what can be typed now."""
    from workshop.commands.overview import print_overview

    print_overview(app)
    return 0


def check(
    step: Step,
    app: Path,
    server: str | None,
    prepare: str,
    *,
    as_json: bool,
    verbose: bool,
    hint: int | None,
) -> int:
    """Place, solve or reset the files of a step, and run its checks."""
    from workshop.learner import workplace

    if prepare != PLACE:
        workplace.own(app)
    with workplace.judged(app, step) as place:
        change = _prepare(place, step, prepare)
        return _check(place.folder, step, app, server, change, as_json, verbose, hint)


def _prepare(place: "Workplace", step: Step, prepare: str) -> Change:
    """Do to the step's files what was asked for; nothing to somebody else's project."""
    from workshop.learner import journey

    if place.is_copy:
        return Change(notes=[place.note])
    ways = {PLACE: journey.place, SOLVE: journey.solve, RESET: journey.reset}
    return ways[prepare](place.folder, step)


def _check(
    folder: Folder,
    step: Step,
    app: Path,
    server: str | None,
    change: Change,
    as_json: bool,
    verbose: bool,
    hint: int | None,
) -> int:
    """Run the checks of a step in a folder, and show them as those of the app."""
    database_url = server_url(server)
    terminal: list[Any] = []

    def meanwhile() -> None:
        # Rich takes a tenth of a second to import; the worker takes longer to start.
        from workshop.commands import terminal as module

        terminal.append(module)
        if not as_json:
            terminal.append(module.make_console())
            module.print_change(terminal[1], change, app)

    report = run_checks(step, folder.root, database_url=database_url, on_start=meanwhile)
    if report.ok:
        from workshop.learner import promise

        promise.accept(folder, step)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        module, console = terminal
        level = _hint_level(folder, report, hint)
        blame = find_blame(report, folder.root, database_url=database_url)
        module.print_report(console, report, app, hint=level, verbose=verbose, blame=blame)
    return 0 if report.ok else 1


def debug(step: Step, app: Path, server: str | None, debug: str | None, *, verbose: bool) -> int:
    """Run one check in this terminal, where code can stop at `breakpoint()`, without a limit."""
    from workshop.commands import terminal
    from workshop.commands.layout import print_text
    from workshop.judging.runner import debug_check
    from workshop.learner import journey, workplace

    database_url = server_url(server)
    journey.place(workplace.own(app), step)
    console = terminal.make_console()
    chosen = _check_named(step, debug) if debug else _first_failing(step, app, database_url)
    if chosen is None:
        text = f"All checks of step {step.number} pass: name one, as in"
        print_text(console, f"{text} {terminal.command(step.name, '--debug', 'NAME')}")
        return 0
    said = f"{chosen} runs here, without a time limit: breakpoint() in your code lets you type."
    print_text(console, said, "dim")
    report = debug_check(step, app, chosen, database_url=database_url)
    if report.ok:
        print_text(console, f"\nIt passes. All checks: {terminal.command(step.name)}")
    else:
        terminal.print_report(console, report, app, hint=1, verbose=verbose)
    return 0 if report.ok else 1


def _check_named(step: Step, text: str) -> str:
    """The check whose id is this text, or the only one that has it in its id."""
    from workshop.judging.runner import check_ids

    ids = check_ids(step)
    found = [text] if text in ids else [name for name in ids if text in name]
    if len(found) == 1:
        return found[0]
    several = f"is in {len(found)} of them" if found else "is in none of them"
    names = "\n".join(f"  {name}" for name in found or ids)
    raise WorkshopError(f"Step {step.number} has these checks, and '{text}' {several}:\n{names}")


def _first_failing(step: Step, app: Path, database_url: str | None) -> str | None:
    report = run_checks(step, app, database_url=database_url, stop_at_first=True)
    return report.first_failed.id if report.first_failed else None


def _hint_level(folder: Folder, report: Report, asked: int | None) -> int:
    """The level to show: the one asked for, the next one, or the first."""
    from workshop.judging import hints

    failed = report.first_failed
    if failed is None:
        return 1
    level = asked if asked else hints.next_level(folder, failed) if asked == NEXT else 1
    hints.remember(folder, failed, level)
    return level


def goal(step: Step) -> int:
    """Show the way from a step's starter to the solution."""
    from workshop.commands import terminal

    paths = (*step.writes, *step.makes, *step.edits)
    before, after = stages.start(step.number), stages.done(step.number)
    terminal.print_diff(
        terminal.make_console(),
        {path: before[path] for path in paths if path in before},
        {path: after[path] for path in paths},
        "starter → solution",
    )
    return 0


def diff(step: Step, app: Path) -> int:
    """Show the way from the learner's files to the solution."""
    from workshop.commands import terminal

    _expect_app(app, step)
    paths = (*step.writes, *step.makes, *step.edits)
    after = stages.done(step.number)
    terminal.print_diff(
        terminal.make_console(),
        terminal.own_files(Folder(app), paths),
        {path: after[path] for path in paths},
        "mine → solution",
    )
    return 0


def another(step: Step, app: Path, server: str | None, which: int | None) -> int:
    """Show a right answer in another style, once the step's checks pass."""
    from workshop.commands import terminal
    from workshop.commands.layout import print_text
    from workshop.course.alternatives import load_alternatives

    _expect_app(app, step)
    others = load_alternatives(step)
    number = which or 1
    console = terminal.make_console()
    if not others:
        print_text(console, f"Step {step.number} has no answer in another style.")
        return 0
    if not 1 <= number <= len(others):
        raise WorkshopError(
            f"Step {step.number} has {len(others)} answers in another style: "
            f"`{terminal.command(step.name, '--another', '1')}` shows the first."
        )
    if not run_checks(step, app, database_url=server_url(server), stop_at_first=True).ok:
        print_text(
            console,
            f"Step {step.number} does not hold yet: other answers are for when yours is right.\n"
            f"What is missing: {terminal.command(step.name)}",
        )
        return 1
    terminal.print_alternative(console, step, others[number - 1])
    if number < len(others):
        more = terminal.command(step.name, "--another", str(number + 1))
        print_text(console, f"\n{number} of {len(others)}. The next: {more}")
    return 0


def _expect_app(app: Path, step: Step) -> None:
    if not app.is_dir():
        from workshop.commands.terminal import command

        raise WorkshopError(f"There is no {app} yet: {command(step.name)} makes it.")


def progress(app: Path, server: str | None, *, as_json: bool) -> int:
    """Run the checks of every step of which the app has a file, and draw what holds."""
    from workshop.commands import progress as module
    from workshop.learner import workplace

    database_url = server_url(server)
    with workplace.judged(app, load_steps()[-1]) as place:
        if as_json:
            steps, root = module.begun(place.folder), place.folder.root
            reports = module.measure(steps, root, database_url)
            print(json.dumps(module.as_json(reports), ensure_ascii=False))
        else:
            reports = module.show(place, app, database_url)
    return 0 if len(reports) == len(load_steps()) and all(one.ok for one in reports) else 1


def catchup(step: Step, app: Path, *, everything: bool) -> int:
    """Bring the app to where a step begins: keep what holds, or replace everything."""
    from workshop.commands import terminal
    from workshop.judging import warm
    from workshop.learner import journey, workplace

    folder = workplace.own(app)
    console = terminal.make_console()
    if everything:
        change = journey.begin_at(folder, step)
        terminal.print_change(console, change, app)
        terminal.print_begun(console, step)
        return 0
    later = journey.later_files(folder, step)

    def holds(earlier: Step) -> bool:
        ok = run_checks(earlier, folder.root, stop_at_first=True).ok
        terminal.print_look(console, earlier, ok)
        return ok

    with warm.workers() if journey.is_begun(folder) else nullcontext():
        change = journey.catch_up(folder, step, holds)
    terminal.print_change(console, change, app)
    terminal.print_caught_up(console, step, change, later, app)
    return 0


def restore(what: list[str], app: Path) -> int:
    """List what was kept, or put one file or one moment back."""
    from workshop.commands import terminal
    from workshop.learner import saved, workplace

    folder = workplace.own(app)
    console = terminal.make_console()
    if not what:
        terminal.print_moments(console, saved.moments(folder), app)
        return 0
    times = [word for word in what if saved.is_time(word)]
    paths = [saved.path_in(folder, word) for word in what if word not in times]
    if len(times) > 1 or len(paths) > 1:
        raise WorkshopError(
            "Name one file, or one moment, or both. `nox -s restore` lists what there is."
        )
    moment = saved.find_moment(folder, times[0]) if times else None
    if paths:
        change = saved.restore_file(folder, paths[0], moment)
    else:
        assert moment is not None
        change = saved.restore_moment(folder, moment)
    terminal.print_change(console, change, app)
    return 0


def serve(app: Path, *, solution: bool, port: int) -> int:
    """Run an app under uvicorn, its database migrated."""
    from workshop.commands.serve import serve as run

    return run(app, solution=solution, port=port)


def postgres(action: str) -> int:
    """Start, stop or look at a PostgreSQL server of the learner's own."""
    from workshop.commands.postgres import start, status, stop

    return {"start": start, "stop": stop, "status": status}[action]()


def doctor(app: Path) -> int:
    """Look for what may be wrong with the set-up."""
    from workshop.commands.doctor import examine

    return examine(app)


def server_url(server: str | None) -> str | None:
    """The PostgreSQL server to run checks on, once it is known to answer."""
    if server == OURS:
        from workshop.commands.postgres import our_url

        return our_url()
    if not server or server.startswith("sqlite"):
        return None
    from workshop.postgres import expect_server

    expect_server(server)
    return server
