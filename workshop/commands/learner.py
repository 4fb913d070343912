"""What a learner types: the steps, and what helps on the way through them."""

import json
from pathlib import Path
from typing import Any

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.judging.runner import Report, run_checks
from workshop.learner.folder import Folder

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
    from workshop.learner import journey

    database_url = server_url(server)
    folder = Folder(app)
    ways = {PLACE: journey.place, SOLVE: journey.solve, RESET: journey.reset}
    change = ways[prepare](folder, step)
    terminal: list[Any] = []

    def meanwhile() -> None:
        # Rich takes a tenth of a second to import; the worker takes longer to start.
        from workshop.commands import terminal as module

        terminal.append(module)
        if not as_json:
            terminal.append(module.make_console())
            module.print_change(terminal[1], change, app)

    report = run_checks(step, app, database_url=database_url, on_start=meanwhile)
    if report.ok:
        from workshop.learner import promise

        promise.accept(folder, step)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        module, console = terminal
        level = _hint_level(folder, report, hint)
        module.print_report(console, report, app, hint=level, verbose=verbose)
    return 0 if report.ok else 1


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

    database_url = server_url(server)
    if as_json:
        steps = module.begun(Folder(app))
        reports = module.measure(steps, app, database_url, lambda _report: None)
        print(json.dumps(module.as_json(reports), ensure_ascii=False))
    else:
        reports = module.show(app, database_url)
    return 0 if len(reports) == len(load_steps()) and all(one.ok for one in reports) else 1


def catchup(step: Step, app: Path) -> int:
    """Make the app what it is when a step begins."""
    from workshop.commands import terminal
    from workshop.commands.layout import print_text
    from workshop.learner import journey

    change = journey.catch_up(Folder(app), step)
    console = terminal.make_console()
    terminal.print_change(console, change, app)
    text = f"Your app is where step {step.number} begins: {terminal.command(step.name)}"
    print_text(console, text)
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
