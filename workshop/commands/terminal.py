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
from workshop.commands.tower import Mark, mark_by_files, print_tower
from workshop.course import stages
from workshop.course.alternatives import Alternative, load_alternatives
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging import mistakes
from workshop.judging.runner import CheckResult, Report
from workshop.learner.folder import Folder
from workshop.learner.journey import Change

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "error": ("✗", "red")}
MARKS["timeout"] = ("⏱", "red")
# A session in a message, and its options.
_SESSION = re.compile(r"nox -s (?P<name>[\w-]+)(?: -- (?P<options>[^`\n]+))?")
# From this share of equal lines on, a difference is easier to read than the whole file.
ALIKE = 0.6


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
        _print_success(console, report, Folder(app))
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


def _print_success(console: Console, report: Report, folder: Folder) -> None:
    """The tower, the verdict, what there is to learn from a green run, and what comes next."""
    step = report.step
    print_tower(
        console,
        {
            each: Mark.HOLDS if each == step else mark_by_files(folder, each)
            for each in load_steps()
        },
    )
    console.print()
    following = next((other for other in load_steps() if other.number == step.number + 1), None)
    holds = (f"Step {step.number} holds: {len(report.checks)} checks", "green")
    last = "" if following else " It was the last one."
    print_text(console, Text.assemble(holds, f" ({report.seconds:.1f} s).{last}"))
    console.print()
    _print_avoided(console, mistakes.avoided(report, folder))
    if not _is_ours(folder, step):
        _print_offer(console, "Our answer beside yours:", command(step.name, "--diff"))
    if load_alternatives(step):
        _print_offer(console, "One in another style:", command(step.name, "--another"))
    if following is None:
        _print_offer(console, "See your app at work:", command("serve"))
    else:
        _print_offer(console, f"Next, step {following.number}:", command(following.name))


def _print_avoided(console: Console, avoided: list[mistakes.Mistake]) -> None:
    """Mistakes of the step that the checks would have caught, and what each does to users."""
    if not avoided:
        return
    number = {1: "A mistake", 2: "Two mistakes"}[len(avoided)]
    console.print(f"{number} that your code does not make:")
    for mistake in avoided:
        print_hanging(console, Text("  · "), Text(mistake.what))
        print_hanging(console, Text("    "), Text(mistake.harm, "dim"))
    console.print()


def _print_offer(console: Console, label: str, typed: str) -> None:
    """What one may type next: beside the label, or below it where the terminal is narrow."""
    row = f"{label:<25}{typed}"
    print_text(console, row if len(row) <= console.width else f"{label}\n  {typed}")


def _is_ours(folder: Folder, step: Step) -> bool:
    """Whether the step's files are the solution's, as of this step or of a later one."""
    paths = (*step.writes, *step.makes, *step.edits)
    mine = own_files(folder, paths)
    stages_on = (stages.done(later.number) for later in load_steps()[step.number - 1 :])
    return any(mine == {path: files[path] for path in paths} for files in stages_on)


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


def print_progress(console: Console, reports: Iterable[Report], app: Path) -> None:
    """The tower as measured now, and what comes next."""
    by_number = {report.step.number: report for report in reports}
    console.print()
    print_tower(
        console,
        {report.step: Mark.HOLDS if report.ok else Mark.FAILS for report in by_number.values()},
    )
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
        first, last = change.filled[0].number, change.filled[-1].number
        steps = f"step {first}" if first == last else f"steps {first} to {last}"
        print_text(console, f"Took {steps} from the solution.")
    shown = change.written if len(change.written) <= 6 else change.written[:5]
    for path in shown:
        print_text(console, f"  wrote {relative(app / path)}", "dim")
    if len(change.written) > len(shown):
        print_text(console, f"  and {len(change.written) - len(shown)} more files", "dim")
    for path in change.moved:
        print_text(console, f"  moved {relative(app / path)} away", "dim")
    for note in change.notes:
        print_text(console, as_typed(note))
    if change.saved is not None:
        print_text(console, f"What was there before is in {relative(change.saved)}.")


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


def print_alternative(console: Console, step: Step, other: Alternative) -> None:
    """Another right answer: a file that resembles ours as the way from ours, the rest whole."""
    ours = stages.done(step.number)
    print_hanging(console, Text(""), Text(other.title, "bold"))
    print_hanging(console, Text(""), Text(other.reason))
    for path, data in other.files.items():
        before, after = ours.get(path, b"").decode(), data.decode()
        if before == after:
            continue
        console.print()
        alike = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines()).ratio()
        if alike > ALIKE:
            print_diff(console, {path: ours[path]}, {path: data}, "ours → other")
        else:
            console.print(Text(path, "bold"))
            console.print(Text(after.rstrip("\n")), soft_wrap=True)


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def own_files(folder: Folder, paths: Iterable[str]) -> stages.Files:
    """The learner's version of some files, without those that are missing."""
    found = {path: folder.read(path) for path in paths}
    return {path: data.replace(b"\r\n", b"\n") for path, data in found.items() if data is not None}
