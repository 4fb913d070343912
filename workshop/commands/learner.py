"""What a learner types: the steps, and what helps on the way through them."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workshop.course import stages
from workshop.course.steps import Step, load_steps
from workshop.errors import WorkshopError
from workshop.judging.blame import find_blame
from workshop.judging.runner import Report, run_checks
from workshop.learner.folder import Folder

# `--hint` without a number.
NEXT = 0
# `--postgres` instead of the URL of a server.
OURS = "ours"
# What `check` does to the step's files first.
PLACE, SOLVE, RESET = "place", "solve", "reset"


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
        blame = find_blame(report, app, database_url=database_url)
        module.print_report(console, report, app, hint=level, verbose=verbose, blame=blame)
    return 0 if report.ok else 1


def debug(step: Step, app: Path, server: str | None, debug: str, *, verbose: bool) -> int:
    """Run one check in this terminal, where code can stop at `breakpoint()`, without a limit."""
    from workshop.commands import terminal
    from workshop.commands.layout import print_text
    from workshop.judging.runner import debug_check
    from workshop.learner import journey

    database_url = server_url(server)
    journey.place(Folder(app), step)
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

    folder = Folder(app)
    if not folder.root.is_dir():
        raise WorkshopError(
            f"There is no {folder.root} yet: {terminal.command(step.name)} makes it."
        )
    paths = (*step.writes, *step.makes, *step.edits)
    after = stages.done(step.number)
    terminal.print_diff(
        terminal.make_console(),
        terminal.own_files(folder, paths),
        {path: after[path] for path in paths},
        "mine → solution",
    )
    return 0


def progress(app: Path, server: str | None, *, as_json: bool) -> int:
    """Run the checks of every step of which the app has a file, and draw what holds."""
    from workshop.commands import terminal

    folder = Folder(app)
    database_url = server_url(server)
    begun = [
        step
        for step in load_steps()
        if any(folder.has(path) for path in step.writes or step.brings)
    ]

    def measure(step: Step) -> Report:
        return run_checks(step, app, database_url=database_url)

    with ThreadPoolExecutor(max_workers=2) as pool:
        reports = list(pool.map(measure, begun))
    if as_json:
        print(json.dumps(_progress_json(reports), ensure_ascii=False))
    else:
        terminal.print_progress(terminal.make_console(), reports, app)
    return 0 if len(reports) == len(load_steps()) and all(r.ok for r in reports) else 1


def _progress_json(reports: list[Report]) -> dict[str, Any]:
    measured = {report.step.number: report.as_json() for report in reports}
    steps = [
        measured.get(step.number, {"step": step.number, "slug": step.slug, "ok": False})
        for step in load_steps()
    ]
    return {"done": sum(step["ok"] for step in steps), "of": len(steps), "steps": steps}


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
