"""Where one is, and which commands there are: what `python -m workshop` says by itself."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from workshop.commands.layout import print_hanging, print_text
from workshop.commands.terminal import command, make_console, relative
from workshop.course.steps import Step, load_steps
from workshop.learner.folder import Folder
from workshop.learner.standing import Standing, files_to_write, standing

_HEADINGS = {
    "learner": "For learners",
    "instructor": "For instructors",
    "maintainer": "For maintainers",
}
_BEGIN = "Build a FastAPI backend one layer at a time."


def print_overview(app: Path) -> None:
    """Say which step is at work, by a look at the files, and what can be typed now."""
    console = make_console()
    folder = Folder(app)
    if not app.is_dir():
        print_text(console, f"{_BEGIN} You have not begun yet.\n")
        return _print_commands(
            console,
            (command("step1"), "places the first file and says what it needs"),
            (command("doctor"), "looks whether this computer has what is needed"),
            (command("serve", "--solution"), "runs the finished app"),
        )
    steps = load_steps()
    step = next((one for one in steps if standing(folder, one) < Standing.WRITTEN), None)
    if step is None:
        print_text(console, f"Every one of the {len(steps)} steps is written; nothing was run.\n")
        return _print_commands(
            console,
            (command("progress"), "runs the checks of every step"),
            (command("serve"), "runs your app"),
            (command(steps[-1].name), f"runs the checks of step {steps[-1].number} alone"),
        )
    print_text(console, f"You are at step {step.number} of {len(steps)}: {step.title}.")
    print_text(console, f"{_left(folder, step)} (A look at your files; nothing was run.)\n")
    return _print_commands(
        console,
        (command(step.name), "says whether the step holds, and if not, why"),
        (command(step.name, "--hint"), "gives a hint, the next one each time"),
        (command("progress"), "runs the checks of every step"),
    )


def _left(folder: Folder, step: Step) -> str:
    """What is still to be done in a step, as its files tell."""
    paths = [relative(folder.root / path) for path in files_to_write(folder, step)]
    state = standing(folder, step)
    if not paths:
        commands = " and ".join(f"`{one}`" for one in dict.fromkeys(step.commands))
        return f"You have not run {commands} yet."
    listed = ", ".join(paths)
    if state == Standing.UNFINISHED:
        return f"Parts of {listed} are still to be written."
    return f"{listed} {'is' if len(paths) == 1 else 'are'} still to be written."


def _print_commands(console: Console, *rows: tuple[str, str]) -> None:
    """Commands with what they do: beside them where there is room, else below."""
    column = max(len(typed) for typed, _ in rows)
    beside = column + 4 + max(len(text) for _, text in rows) <= console.width
    for typed, text in rows:
        if beside:
            print_text(console, Text.assemble("  ", (f"{typed:<{column}}", "bold"), f"  {text}"))
        else:
            print_text(console, f"  {typed}", "bold")
            print_text(console, f"      {text}")


def print_help(commands: Iterable[tuple[str, str, str]]) -> None:
    """Every command by the person that it is for. A row is: person, name, description."""
    console = make_console()
    rows = list(commands)
    print_text(console, f"{_BEGIN}\n")
    print_text(console, "Steps", "bold")
    for step in load_steps():
        print_hanging(console, Text(f"  {step.name:<10}"), Text(step.title))
    print_text(console, f"  {command('step1', '--help')} lists what a step takes.")
    for person, heading in _HEADINGS.items():
        print_text(console, f"\n{heading}", "bold")
        for _, name, text in (row for row in rows if row[0] == person and row[1] != "check"):
            print_hanging(console, Text(f"  {name:<10}"), Text(text))
    print_text(console, f"\nType one as {command('progress')}; --help behind it lists its options.")
