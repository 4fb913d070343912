"""What an instructor types: notebooks, slides, branches, and wrong answers on purpose."""

import json
from pathlib import Path

from workshop.commands.learner import server_url
from workshop.course import stages
from workshop.course.steps import Step


def mistake(
    step: Step,
    mistake: str,
    app: Path,
    server: str | None,
    *,
    as_json: bool,
    verbose: bool,
    hint: int | None,
) -> int:
    """Show a wrong answer: the edit, what it costs, and what a learner reads."""
    from rich.text import Text

    from workshop.commands import terminal
    from workshop.commands.layout import print_hanging
    from workshop.judging import mistakes

    url = server_url(server)
    found = mistakes.find_mistake(step, mistake)
    report = mistakes.run_mistake(step, found, database_url=url)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
        return 1
    console = terminal.make_console()
    print_hanging(console, Text("Why people do it:  "), Text(found.why))
    print_hanging(console, Text("What users suffer: "), Text(found.harm))
    console.print()
    right = {found.file: stages.done(step.number)[found.file]}
    terminal.print_diff(console, right, mistakes.apply(step, found), "solution → mistake")
    terminal.print_report(console, report, app, hint=hint or 1, verbose=verbose)
    return 1


def make_branches(*, force: bool, push: str | None) -> int:
    """Make a branch for the start and the end of every step, and push them if asked to."""
    from workshop.upkeep import branches

    lines = branches.make(force=force)
    if push:
        lines += ["", *branches.push(push)]
    return _print(lines)


def list_branches() -> int:
    """List the branches of the steps that there are."""
    from workshop.upkeep import branches

    return _print(branches.existing())


def delete_branches() -> int:
    """Delete the branches of the steps that nobody committed to."""
    from workshop.upkeep import branches

    return _print(branches.delete())


def _print(lines: list[str]) -> int:
    print("\n".join(lines))
    return 0


def lab(notebook: int | None, *, browser: bool) -> int:
    """Open a notebook in JupyterLab."""
    from workshop.lessons.notebooks import open_lab

    return open_lab(notebook, browser=browser)


def slides(notebooks: list[int]) -> int:
    """Make slides of notebooks, and say where they are."""
    from workshop.commands.terminal import relative
    from workshop.lessons.slides import make_slides

    return _print([relative(path) for path in make_slides(notebooks)])
