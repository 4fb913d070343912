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
from workshop.commands.tower import print_tower
from workshop.course import stages
from workshop.course.alternatives import Alternative, load_alternatives
from workshop.course.steps import ROOT, Step, load_steps
from workshop.judging import mistakes
from workshop.judging.blame import Blame
from workshop.judging.runner import CheckResult, Report
from workshop.learner.change import Change
from workshop.learner.folder import SAVED, Folder
from workshop.learner.saved import Moment
from workshop.learner.standing import Standing, standing
from workshop.probes.checking import INDENT, Kind, plain, show

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "error": ("✗", "red")}
MARKS["timeout"] = ("⏱", "red")
NOT_RUN = ("·", "dim")
# Of what was kept, the moments that are listed.
MOMENTS = 8
# Lines of what was printed that are shown with a failure, all of them with --verbose.
LAST_LINES = 10
# The label in front of a row of a message.
_LABEL = re.compile(r"(called|got|expected) {2,}")
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


def print_report(
    console: Console,
    report: Report,
    app: Path,
    *,
    hint: int,
    verbose: bool,
    blame: Blame | None = None,
) -> None:
    """Every check with its verdict; for the first that failed, all there is to say."""
    step = report.step
    title = Text.assemble(
        (f"Step {step.number} · {step.title}", "bold"), (f" · {step.layer}", "dim")
    )
    console.print()
    print_text(console, title)
    console.print()
    failed = report.first_failed
    causes: set[tuple[object, ...]] = set()
    for check in report.checks:
        mark = NOT_RUN if check.kind is Kind.NOT_RUN else MARKS[check.outcome]
        head = Text.assemble("  ", mark, " ")
        print_hanging(console, head, Text.assemble(_title(check), (_note(check, causes), "dim")))
        causes.add(check.cause)
        if verbose and check is not failed:
            _print_lines(console, check.printed.lines)
    console.print()
    if failed is None:
        _print_asides(console, report, None, verbose=verbose)
        _print_success(console, report, Folder(app))
    else:
        _print_failure(console, report, failed, app, hint=hint, verbose=verbose, blame=blame)


def _title(check: CheckResult) -> Text:
    quiet = check.outcome == "passed" or check.kind is Kind.NOT_RUN
    return Text(check.title, "" if quiet else "bold")


def _note(check: CheckResult, causes: set[tuple[object, ...]]) -> str:
    if check.kind is Kind.NOT_RUN:
        return "  (not run)"
    return "  (same cause)" if check.cause in causes else ""


def _print_asides(
    console: Console, report: Report, failed: CheckResult | None, *, verbose: bool
) -> None:
    """What Python warned of though all is well, and how much the other checks' code printed."""
    others = [check for check in report.checks if check is not failed]
    if failed is None:
        for words in dict.fromkeys(words for check in others for words in check.warned):
            print_text(console, f"Python warns, though no check fails for it: {words}\n", "yellow")
    count = sum(check.printed.count for check in others)
    if count and not verbose:
        lines = "1 line" if count == 1 else f"{count:,} lines"
        where = "" if failed is None else " in the other checks"
        shown = command(report.step.name, "--verbose")
        print_text(console, f"Your code printed {lines}{where}; to see: {shown}\n", "dim")


def _print_failure(
    console: Console,
    report: Report,
    check: CheckResult,
    app: Path,
    *,
    hint: int,
    verbose: bool,
    blame: Blame | None,
) -> None:
    if blame is not None:
        print_text(
            console,
            f"{blame.file} is of step {blame.step.number}, which does not hold: "
            f'"{blame.title}" Mend it there first: {command(blame.step.name)}\n',
            "yellow",
        )
    print_text(console, check.title, "bold red")
    for line in as_typed(check.message).splitlines():
        _print_row(console, line)
    for words in check.warned:
        _print_labelled(console, "warned", words)
    print_text(console, f"\n  {place(app, check)}", "cyan")
    if verbose and check.trace:
        console.print(Text("\n  How the code got there:", "bold"))
        for frame in check.trace:
            print_text(console, "\n".join(f"    {line}" for line in frame.splitlines()), "dim")
    _print_printed(console, check, verbose=verbose)
    for level, text in enumerate(check.hints[:hint], start=1):
        _print_labelled(console, f"hint {level}", text)
    console.print()
    _print_asides(console, report, check, verbose=verbose)
    passed = sum(other.outcome == "passed" for other in report.checks)
    print_text(
        console,
        f"{passed} of {len(report.checks)} checks pass ({report.seconds:.1f} s). "
        f"Edit, save, and run {command(report.step.name)} again.",
    )
    if not check.hints:
        print_text(console, "There is no hint for this: the message says all that is known.", "dim")
    elif hint < len(check.hints):
        print_text(console, f"Stuck? {command(report.step.name, '--hint')}", "dim")


def _print_printed(console: Console, check: CheckResult, *, verbose: bool) -> None:
    """What the code printed during the failed check: the end of it, or all of it."""
    lines = check.printed.lines if verbose else check.printed.telling
    if not lines:
        return
    shown = lines if verbose else lines[-LAST_LINES:]
    said = "Your code printed:"
    if len(shown) < len(lines):
        said = f"Your code printed {len(lines):,} lines, in the end (`--verbose` shows all):"
    elif check.printed.left_out:
        said = f"Your code printed this, after {check.printed.left_out / 1e6:.1f} MB before it:"
    print_text(console, f"\n  {said}", "bold")
    _print_lines(console, shown if verbose else [show(plain(line)) for line in shown])
    if check.hints:
        console.print()


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        print_hanging(console, Text("    │ ", "dim"), Text(line))


def _print_row(console: Console, line: str) -> None:
    """A line of a message: a row with a label, the going on of one, or the summary."""
    label = _LABEL.match(line)
    if label:
        _print_labelled(console, label[1], line[label.end() :])
    else:
        # What a row goes on with is indented as a row is, and by itself.
        text = line.lstrip()
        print_hanging(console, Text("  " + " " * (len(line) - len(text))), Text(text))


def _print_labelled(console: Console, label: str, text: str) -> None:
    print_hanging(console, Text(f"  {label:<{INDENT}}", "dim"), Text(text))


def _print_success(console: Console, report: Report, folder: Folder) -> None:
    """The tower, the verdict, what there is to learn from a green run, and what comes next."""
    step = report.step
    print_tower(
        console,
        {each: Standing.HOLDS if each == step else standing(folder, each) for each in load_steps()},
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
    if not check.file:
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
        {
            report.step: Standing.HOLDS if report.ok else Standing.FAILS
            for report in by_number.values()
        },
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
