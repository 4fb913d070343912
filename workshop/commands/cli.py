"""The command line: `python -m workshop COMMAND`, which every nox session calls."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workshop.course import stages
from workshop.course.steps import BACKEND, ROOT, Step, find_step, load_steps
from workshop.errors import WorkshopError
from workshop.judging.runner import Report, run_checks
from workshop.learner.folder import Folder

Options = argparse.Namespace

# `--hint` without a number.
NEXT = 0


def main(arguments: Sequence[str]) -> int:
    """Run one command. 0: all is well; 1: not yet; 2: the command or the set-up is at fault."""
    options = _parser().parse_args(_expand(arguments))
    try:
        return options.run(options)
    except WorkshopError as error:
        from workshop.commands.terminal import as_typed

        print(as_typed(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _expand(arguments: Sequence[str]) -> list[str]:
    """`step3 --hint` means `check 3 --hint`."""
    match = re.fullmatch(r"step[ -]?(\d+)", arguments[0]) if arguments else None
    return ["check", match[1], *arguments[1:]] if match else list(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workshop", description="Build a FastAPI backend one layer at a time."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[Options], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command("check", check, "Run the checks of a step (also: step1, step2, …).")
    sub.add_argument("step", type=int)
    _add_app(sub)
    _add_database_url(sub)
    sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    sub.add_argument("--verbose", action="store_true", help="show how your code got there")
    sub.add_argument(
        "--hint",
        type=int,
        nargs="?",
        const=NEXT,
        choices=[1, 2, 3],
        help="the next hint, or up to it",
    )
    instead = sub.add_mutually_exclusive_group()
    instead.add_argument("--diff", action="store_true", help="show your files → the solution")
    instead.add_argument("--goal", action="store_true", help="show the starter → the solution")
    instead.add_argument("--reset", action="store_true", help="begin this step again")
    instead.add_argument("--mistake", metavar="NAME", help="show a wrong answer and its verdict")
    instead.add_argument("--solve", action="store_true", help="put the solution of this step in")

    sub = command("progress", progress, "Measure every step and draw the tower.")
    _add_app(sub)
    _add_database_url(sub)
    sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    sub = command("catchup", catchup, "Make your app what it is when a step begins.")
    sub.add_argument("step", type=int)
    _add_app(sub)

    sub = command("serve", serve, "Run your app, or the finished one with --solution.")
    _add_app(sub)
    sub.add_argument("--solution", action="store_true", help="run the finished app instead")
    sub.add_argument("--port", type=int, default=8000)

    sub = command("postgres", postgres, "Start, stop or look at a PostgreSQL server of your own.")
    sub.add_argument("action", nargs="?", default="start", choices=["start", "stop", "status"])

    sub = command("doctor", doctor, "Look for what may be wrong with the set-up.")
    _add_app(sub)

    sub = command("branches", branches, "Make a branch for the start and the end of every step.")
    sub.add_argument("--force", action="store_true", help="renew branches with commits, too")
    instead = sub.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", help="list the branches that there are")
    instead.add_argument("--delete", action="store_true", help="delete those without commits")
    instead.add_argument("--push", metavar="REMOTE", help="make them and push them")

    sub = command("lab", lab, "Open a notebook in JupyterLab.")
    sub.add_argument("notebook", type=int, nargs="?", help="a step, or 0 for the tour")
    sub.add_argument("--no-browser", action="store_true", help="print the address instead")

    sub = command("slides", slides, "Make slides of notebooks, which work without a network.")
    sub.add_argument("notebooks", type=int, nargs="*", help="steps, or 0 for the tour")

    sub = command("notebooks", notebooks, "Run the notebooks and compare what they show.")
    sub.add_argument("notebooks", type=int, nargs="*", help="steps, or 0 for the tour")
    sub.add_argument("--write", action="store_true", help="commit to what they show now")

    sub = command("mutants", mutants, "Change the solution in small ways: do the checks notice?")
    sub.add_argument("steps", type=int, nargs="*", help="steps; all of them unless given")
    sub.add_argument("--only", default="", metavar="TEXT", help="mutants with TEXT in their change")

    sub = command("bench", bench, "Measure how fast the app and the loop are, beside their floors.")
    sub.add_argument("part", nargs="?", choices=["app", "loop"], help="both unless given")
    sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    sub.add_argument("--rounds", type=int, default=5, help="of each measurement; the median counts")
    sub.add_argument("--seconds", type=float, help="of each measurement of the app")
    sub.add_argument("--database", choices=["sqlite", "postgresql"], help="the app on one only")
    sub.add_argument("--step", type=int, action="append", help="the loop of this step only")

    command("tests", tests, "Run every test of the workshop.").add_argument(
        "arguments", nargs=argparse.REMAINDER
    )
    command("lint", lint, "Run ruff, pyright and import-linter.")
    sub = command("verify", verify, "Run tests and lint: everything that has to hold.")
    sub.add_argument(
        "--without-browser", action="store_true", help="leave the tests out that drive a browser"
    )
    return parser


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--app", type=Path, default=BACKEND, help="the folder of the app")


def _add_database_url(parser: argparse.ArgumentParser) -> None:
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--database-url", help="a PostgreSQL server to run the checks on")
    server.add_argument("--postgres", action="store_true", help="start one and run them on it")


def check(options: Options) -> int:
    """Place a step's starters and run its checks; or show, solve or reset it."""
    step = find_step(options.step)
    server_url = _server_url(options)
    folder = Folder(options.app)
    if options.goal:
        return _show_goal(step)
    if options.diff:
        return _show_diff(folder, step)
    if options.mistake:
        return _show_mistake(step, options, server_url)
    change = _prepare(folder, step, options)
    terminal: list[Any] = []

    def meanwhile() -> None:
        # Rich takes a tenth of a second to import; the worker takes longer to start.
        from workshop.commands import terminal as module

        terminal.append(module)
        if not options.json:
            terminal.append(module.make_console())
            module.print_change(terminal[1], change, options.app)

    report = run_checks(step, options.app, database_url=server_url, on_start=meanwhile)
    if report.ok:
        from workshop.learner import promise

        promise.accept(folder, step)
    if options.json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        module, console = terminal
        hint = _hint_level(folder, report, options.hint)
        module.print_report(console, report, options.app, hint=hint, verbose=options.verbose)
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


def _prepare(folder: Folder, step: Step, options: Options) -> Any:
    from workshop.learner import journey

    if options.solve:
        return journey.solve(folder, step)
    if options.reset:
        return journey.reset(folder, step)
    return journey.place(folder, step)


def _show_mistake(step: Step, options: Options, server_url: str | None) -> int:
    """Show an instructor a wrong answer: the edit, what it costs, what the learner reads."""
    from workshop.commands import terminal
    from workshop.judging import mistakes

    mistake = mistakes.find_mistake(step, options.mistake)
    report = mistakes.run_mistake(step, mistake, database_url=server_url)
    if options.json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
        return 1
    console = terminal.make_console()
    console.print(f"Why people do it:  {mistake.why}")
    console.print(f"What users suffer: {mistake.harm}\n")
    right = {mistake.file: stages.done(step.number)[mistake.file]}
    terminal.print_diff(console, right, mistakes.apply(step, mistake), "solution → mistake")
    terminal.print_report(
        console, report, options.app, hint=options.hint or 1, verbose=options.verbose
    )
    return 1


def _show_goal(step: Step) -> int:
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


def _show_diff(folder: Folder, step: Step) -> int:
    from workshop.commands import terminal

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


def progress(options: Options) -> int:
    """Run the checks of every step of which the app has a file, and draw what holds."""
    from workshop.commands import terminal

    folder = Folder(options.app)
    server_url = _server_url(options)
    begun = [
        step
        for step in load_steps()
        if any(folder.has(path) for path in step.writes or step.brings)
    ]

    def measure(step: Step) -> Report:
        return run_checks(step, options.app, database_url=server_url)

    with ThreadPoolExecutor(max_workers=2) as pool:
        reports = list(pool.map(measure, begun))
    if options.json:
        print(json.dumps(_progress_json(reports), ensure_ascii=False))
    else:
        terminal.print_progress(terminal.make_console(), reports, options.app)
    return 0 if len(reports) == len(load_steps()) and all(r.ok for r in reports) else 1


def _progress_json(reports: list[Report]) -> dict[str, Any]:
    measured = {report.step.number: report.as_json() for report in reports}
    steps = [
        measured.get(step.number, {"step": step.number, "slug": step.slug, "ok": False})
        for step in load_steps()
    ]
    return {"done": sum(step["ok"] for step in steps), "of": len(steps), "steps": steps}


def catchup(options: Options) -> int:
    """Make the app what it is when a step begins."""
    from workshop.commands import terminal
    from workshop.learner import journey

    step = find_step(options.step)
    change = journey.catch_up(Folder(options.app), step)
    console = terminal.make_console()
    terminal.print_change(console, change, options.app)
    console.print(f"Your app is where step {step.number} begins: {terminal.command(step.name)}")
    return 0


def serve(options: Options) -> int:
    """Run an app under uvicorn, its database migrated."""
    from workshop.commands.serve import serve as run

    return run(options.app, solution=options.solution, port=options.port)


def postgres(options: Options) -> int:
    """Start, stop or look at a PostgreSQL server of the learner's own."""
    from workshop.commands import postgres as postgres_command

    actions = {
        "start": postgres_command.start,
        "stop": postgres_command.stop,
        "status": postgres_command.status,
    }
    return actions[options.action]()


def doctor(options: Options) -> int:
    """Look for what may be wrong with the set-up."""
    from workshop.commands.doctor import examine

    return examine(options.app)


def branches(options: Options) -> int:
    """Make, list, delete or push the branches of the steps."""
    from workshop.upkeep import branches as module

    if options.list:
        lines = module.existing()
    elif options.delete:
        lines = module.delete()
    else:
        lines = module.make(force=options.force)
    if options.push:
        lines += ["", *module.push(options.push)]
    print("\n".join(lines))
    return 0


def lab(options: Options) -> int:
    """Open a notebook in JupyterLab."""
    from workshop.lessons.notebooks import open_lab

    return open_lab(options.notebook, browser=not options.no_browser)


def slides(options: Options) -> int:
    """Make slides of notebooks, and say where they are."""
    from workshop.lessons.slides import make_slides

    for path in make_slides(options.notebooks):
        print(path.relative_to(ROOT).as_posix())
    return 0


def notebooks(options: Options) -> int:
    """Run the notebooks, and compare or renew what they show."""
    from workshop.lessons.notebooks import run_notebooks

    return run_notebooks(options.notebooks, write=options.write)


def mutants(options: Options) -> int:
    """Try the mutants of some steps, or of all."""
    from workshop.upkeep.mutants import print_scores

    steps = [find_step(number) for number in options.steps] or load_steps()
    return 0 if print_scores(steps, options.only) else 1


def bench(options: Options) -> int:
    """Measure, and print every figure as a ratio to its floor."""
    from workshop.upkeep.bench.command import run

    return run(
        options.part,
        as_json=options.json,
        rounds=options.rounds,
        seconds=options.seconds,
        kind=options.database,
        steps=options.step,
    )


def tests(options: Options) -> int:
    """Run every test of the workshop."""
    from workshop.upkeep.maintenance import run_tests

    return run_tests(options.arguments)


def lint(_options: Options) -> int:
    """Run the linters and the type checker."""
    from workshop.upkeep.maintenance import run_lint

    return run_lint()


def verify(options: Options) -> int:
    """Run everything that has to hold."""
    from workshop.upkeep.maintenance import verify as run

    return run(without_browser=options.without_browser)


def _server_url(options: Options) -> str | None:
    """The PostgreSQL server to run checks on, once it is known to answer."""
    if options.postgres:
        from workshop.commands.postgres import server_url

        return server_url()
    if not options.database_url or options.database_url.startswith("sqlite"):
        return None
    from workshop.postgres import expect_server

    expect_server(options.database_url)
    return options.database_url
