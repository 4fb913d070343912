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
from workshop.course.steps import ROOT, load_steps
from workshop.judging.blame import Blame
from workshop.judging.runner import CheckResult, Report
from workshop.learner.folder import Folder
from workshop.learner.journey import Change
from workshop.probes.checking import INDENT, Kind, plain, show

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "error": ("✗", "red")}
MARKS["timeout"] = ("⏱", "red")
NOT_RUN = ("·", "dim")
# Lines of what was printed that are shown with a failure, all of them with --verbose.
LAST_LINES = 10
# The label in front of a row of a message.
_LABEL = re.compile(r"(called|got|expected) {2,}")
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
    has_nox = os.environ.get("NOX_CURRENT_SESSION") or shutil.which("nox")
    if has_nox and Path("noxfile.py").is_file():
        return " ".join(["nox -s", session, *(["--", *options] if options else [])])
    return " ".join([f"{_python()} -m workshop", session, *options])


def as_typed(message: str) -> str:
    """A message that names sessions, with each as this learner types it."""
    return _SESSION.sub(
        lambda found: command(found["name"], *(found["options"] or "").split()), message
    )


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
        _print_success(console, report)
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


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")


def own_files(folder: Folder, paths: Iterable[str]) -> stages.Files:
    """The learner's version of some files, without those that are missing."""
    found = {path: folder.read(path) for path in paths}
    return {path: data.replace(b"\r\n", b"\n") for path, data in found.items() if data is not None}
