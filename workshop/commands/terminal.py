"""What a person reads: verdicts, the tower, diffs and notes, coloured in a terminal."""

import difflib
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from workshop.commands.layout import print_hanging, print_text, width
from workshop.course import stages
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging.runner import CheckResult, Report
from workshop.learner.change import Change
from workshop.learner.folder import SAVED, Folder
from workshop.learner.saved import Moment

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "error": ("✗", "red")}
MARKS["timeout"] = ("⏱", "red")
# Of what was kept, the moments that are listed.
MOMENTS = 8
# A session in a message, and its options.
_SESSION = re.compile(r"nox -s (?P<name>[\w-]+)(?: -- (?P<options>[^`\n]+))?")


def make_console() -> Console:
    """A console that writes plain text when its output is not a terminal, or NO_COLOR is set."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    return Console(highlight=False, emoji=False, markup=False, width=width())


def command(session: str, *options: str) -> str:
    """How this learner types a session, here: with nox where it works, else with Python alone."""
    if _has_nox():
        return " ".join(["nox -s", session, *(["--", *options] if options else [])])
    return " ".join([f"{_python()} -m workshop", session, *options])


def as_typed(message: str) -> str:
    """A message that names sessions, with each as this learner types it."""
    listed = message if _has_nox() else message.replace("nox -l", f"{_python()} -m workshop --help")
    return _SESSION.sub(
        lambda found: command(found["name"], *(found["options"] or "").split()), listed
    )


def _has_nox() -> bool:
    """Whether `nox` can be typed, in this folder."""
    found = os.environ.get("NOX_CURRENT_SESSION") or shutil.which("nox")
    return bool(found) and Path("noxfile.py").is_file()


def _python() -> str:
    return "py" if os.name == "nt" else "python3"


def print_report(console: Console, report: Report, app: Path, *, hint: int, verbose: bool) -> None:
    """Every check with its verdict; for the first that failed, all there is to say."""
    step = report.step
    title = Text.assemble(
        (f"Step {step.number} · {step.title}", "bold"), (f" · {step.layer}", "dim")
    )
    console.print()
    print_text(console, title)
    console.print()
    causes: set[tuple[object, ...]] = set()
    for check in report.checks:
        mark, style = MARKS[check.outcome]
        told = check.cause in causes
        causes.add(check.cause)
        note = "  (same cause)" if told else ""
        head = Text.assemble("  ", (mark, style), " ")
        print_hanging(console, head, Text.assemble(_title(check), (note, "dim")))
    console.print()
    failed = report.first_failed
    if failed is None:
        _print_success(console, report)
    else:
        _print_failure(console, report, failed, app, hint=hint, verbose=verbose)


def _title(check: CheckResult) -> Text:
    return Text(check.title, "" if check.outcome == "passed" else "bold")


def _print_failure(
    console: Console, report: Report, check: CheckResult, app: Path, *, hint: int, verbose: bool
) -> None:
    blamed = check.blamed
    # A registry belongs to an earlier step, but the line that it needs now is this one's.
    if (
        blamed is not None
        and blamed.number < report.step.number
        and check.file not in report.step.edits
    ):
        print_text(
            console,
            f"The cause is in {check.file}, which belongs to step {blamed.number}: "
            f"{command(blamed.name)} looks at it more closely.\n",
            "yellow",
        )
    print_text(console, check.title, "bold red")
    for number, line in enumerate(check.message.splitlines()):
        _print_row(console, line, summary=number == 0)
    print_text(console, f"\n  {place(app, check)}", "cyan")
    if verbose and check.trace:
        console.print(Text("\n  How the code got there:", "bold"))
        for frame in check.trace:
            console.print(Text("\n".join(f"    {line}" for line in frame.splitlines()), "dim"))
    for level in range(1, hint + 1):
        _print_row(console, f"hint {level:<5}{check.hints[level - 1]}", summary=False)
    console.print()
    passed = sum(check.outcome == "passed" for check in report.checks)
    print_text(
        console,
        f"{passed} of {len(report.checks)} checks pass ({report.seconds:.1f} s). "
        f"Edit, save, and run {command(report.step.name)} again.",
    )
    if hint < len(check.hints):
        print_text(console, f"Stuck? {command(report.step.name, '--hint')}", "dim")


def _print_row(console: Console, line: str, *, summary: bool) -> None:
    """A line of a message; a long one goes on below its own beginning, not below the label."""
    label, text = ("", line) if summary else (line[:10], line[10:])
    print_hanging(console, Text(f"  {label}", "dim"), Text(text))


def _print_success(console: Console, report: Report) -> None:
    step = report.step
    print_tower(console, {step.number: "lit"})
    console.print()
    holds = (f"Step {step.number} holds: {len(report.checks)} checks", "green")
    print_text(console, Text.assemble(holds, f" ({report.seconds:.1f} s)."))
    following = next((other for other in load_steps() if other.number == step.number + 1), None)
    if following is None:
        print_text(console, f"That was the last one. See your app at work: {command('serve')}")
    else:
        print_text(console, f"Next, step {following.number}: {command(following.name)}")


def place(app: Path, check: CheckResult) -> str:
    """The file and line to open, as editors make it a link."""
    if check.file is None:
        return relative(app)
    return f"{relative(app / check.file)}:{check.line or 1}"


def relative(path: Path) -> str:
    """A path as it is typed where the person is; whole where that is outside the repository."""
    whole, here = path.resolve(), Path.cwd().resolve()
    if whole.is_relative_to(here) or (here.is_relative_to(ROOT) and whole.is_relative_to(ROOT)):
        return Path(os.path.relpath(whole, here)).as_posix()
    return str(path)


def print_tower(console: Console, states: dict[int, str]) -> None:
    """The storeys from the top down, grouped by layer: `lit`, `done`, `failed` or nothing."""
    styles = {"lit": ("█", "bold green"), "done": ("█", "green"), "failed": ("▒", "red")}
    above = ""
    for step in reversed(load_steps()):
        block, style = styles.get(states.get(step.number, ""), ("░", "dim"))
        layer = step.layer if step.layer != above else ""
        above = step.layer
        console.print(
            Text.assemble(
                (f"  {block * 3} ", style),
                (f"{step.number:>2} {step.slug:<17}", style),
                (layer, "dim"),
            )
        )


def print_progress(console: Console, reports: Iterable[Report], app: Path) -> None:
    """The tower as measured now, and what comes next."""
    by_number = {report.step.number: report for report in reports}
    states = {number: "done" if report.ok else "failed" for number, report in by_number.items()}
    console.print()
    print_tower(console, states)
    console.print()
    passed = sum(report.ok for report in by_number.values())
    print_text(console, f"{passed} of {len(load_steps())} steps hold.")
    for step in load_steps():
        report = by_number.get(step.number)
        if report is None or not report.ok:
            failed = report.first_failed if report else None
            why = f" ({failed.title})" if failed else " (not begun)"
            print_hanging(console, Text("Next: "), Text(f"step {step.number}, {step.title}{why}"))
            print_text(console, f"      {command(step.name)}")
            break


def print_change(console: Console, change: Change, app: Path) -> None:
    """What was done to the learner's folder, and where the old files are."""
    if change.filled:
        print_text(console, f"Took {_numbers(change.filled)} from the solution{_why(change)}.")
        again = command(change.filled[-1].name, "--reset")
        print_text(console, f"To do step {change.filled[-1].number} yourself: {again}", "dim")
    _print_some(
        console, [f"wrote {relative(app / path)}" for path in dict.fromkeys(change.written)]
    )
    _print_some(console, [f"moved {relative(app / path)} away" for path in change.moved])
    for note in change.notes:
        print_text(console, as_typed(note))
    if change.saved is not None:
        print_text(console, f"What was there before is in {relative(change.saved)}.")


def _print_some(console: Console, lines: list[str], most: int = 6) -> None:
    """Lines about a file each; of many, the first, and how many more there are."""
    shown = lines if len(lines) <= most else lines[: most - 1]
    for line in shown:
        print_text(console, f"  {line}", "dim")
    if len(lines) > len(shown):
        print_text(console, f"  and {len(lines) - len(shown)} more files", "dim")


def _why(change: Change) -> str:
    """Why steps were taken from the solution although the learner has their files."""
    if not change.untouched:
        return ""
    had = "had an untouched starter" if len(change.untouched) == 1 else "had untouched starters"
    return f": {_numbers(change.untouched)} {had}"


def _numbers(steps: list[Step]) -> str:
    """Some steps in words: `step 3`, `steps 1 to 4 and 6`."""
    runs: list[list[int]] = []
    for step in steps:
        if runs and runs[-1][-1] == step.number - 1:
            runs[-1].append(step.number)
        else:
            runs.append([step.number])
    parts = [
        part
        for run in runs
        for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))
    ]
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"{'step' if len(steps) == 1 else 'steps'} {listed}"


def print_look(console: Console, step: Step, ok: bool) -> None:
    """What a look at an earlier step showed."""
    mark, style = MARKS["passed" if ok else "failed"]
    console.print(Text.assemble("  ", (mark, style), f" step {step.number}, {step.title}"))


def print_caught_up(
    console: Console, step: Step, change: Change, later: list[tuple[Step, str]], app: Path
) -> None:
    """What stayed, what is later than the step, and how to go on."""
    if change.kept:
        hold = "holds and is" if len(change.kept) == 1 else "hold and are"
        print_text(console, f"{_numbers(change.kept).capitalize()} {hold} left as written.")
    for other, path in later:
        text = f"{relative(app / path)} belongs to step {other.number} and is left as it is."
        print_text(console, text)
    if change.kept or later:
        everything = command("catchup", str(step.number), "--all")
        print_text(
            console, f"To take every earlier step from the solution instead: {everything}", "dim"
        )
    print_text(console, f"Go on with step {step.number}: {command(step.name)}")


def print_begun(console: Console, step: Step) -> None:
    """That an app is what it is when a step begins."""
    print_text(console, f"Your app is where step {step.number} begins: {command(step.name)}")


def print_moments(console: Console, moments: list[Moment], app: Path) -> None:
    """What was kept, the newest last, and how it comes back."""
    if not moments:
        print_text(console, "Nothing was replaced yet, so nothing is kept.")
        return
    if len(moments) > MOMENTS:
        older = len(moments) - MOMENTS
        print_text(console, f"{older} older ones are in {relative(app / SAVED)}.", "dim")
    for moment in moments[-MOMENTS:]:
        console.print(Text.assemble((moment.name, "bold"), f"  {moment.command}"))
        _print_some(console, list(moment.files), 4)
    newest = moments[-1]
    print_text(console, f"\nOne file back: {command('restore', newest.files[0])}")
    print_text(console, f"A whole moment: {command('restore', newest.name)}")


def print_diff(console: Console, old: stages.Files, new: stages.Files, names: str) -> None:
    """A unified diff of some files; says so when they agree."""
    before, after = names.split(" → ")
    different = False
    for path in sorted({*old, *new}):
        lines = difflib.unified_diff(
            old.get(path, b"").decode("utf-8", "replace").splitlines(),
            new.get(path, b"").decode("utf-8", "replace").splitlines(),
            f"{before}/{path}",
            f"{after}/{path}",
            lineterm="",
        )
        for line in lines:
            different = True
            console.print(Text(line, _diff_style(line)), soft_wrap=True)
    if not different:
        print_text(console, f"No difference: {before} and {after} agree.")


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def own_files(folder: Folder, paths: Iterable[str]) -> stages.Files:
    """The learner's version of some files, without those that are missing."""
    found = {path: folder.read(path) for path in paths}
    return {path: data.replace(b"\r\n", b"\n") for path, data in found.items() if data is not None}
