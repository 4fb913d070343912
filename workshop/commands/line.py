"""The command line: `python -m workshop COMMAND`, which every nox session calls.

A command is a function of `learner`, `instructor` or `maintainer`. Each of its parameters is given
the option of the same name: a new command is a function there and an entry in the parser here.
"""

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from workshop import entrances
from workshop.commands import instructor, learner, maintainer, slips
from workshop.course.steps import BACKEND, Step, find_step
from workshop.errors import WorkshopError

Command = Callable[..., int]


def main(arguments: Sequence[str]) -> int:
    """Run one command. 0: all is well; 1: not yet; 2: the command or the set-up is at fault."""
    try:
        if not arguments:
            return learner.overview(BACKEND)
        if arguments[0] in ("-h", "--help", "help"):
            return _help()
        status = _call(_parse(arguments))
        entrances.open_from_app(BACKEND)
        return status
    except WorkshopError as error:
        from workshop.commands.layout import fit_error
        from workshop.commands.terminal import as_typed

        print(fit_error(as_typed(str(error))), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _call(options: argparse.Namespace) -> int:
    """Call the chosen function with the options that it has parameters for."""
    run: Command = options.run
    return run(**{name: getattr(options, name) for name in inspect.signature(run).parameters})


def _help() -> int:
    from workshop.commands.overview import print_help

    print_help([(one.person, one.name, one.description or "") for one in _parsers().values()])
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line. Raises WorkshopError for one that cannot be understood."""
    parsers = _parsers()
    words = slips.understand(arguments, parsers)
    parser = parsers[words[0]]
    if words[0] == "tests":  # what follows is pytest's
        return argparse.Namespace(run=maintainer.tests, arguments=words[1:])
    unknown = slips.half_dashed(words[1:])
    if not unknown:
        options, unknown = parser.parse_known_args(words[1:])
        if not unknown:
            return options
    raise WorkshopError(slips.unknown_words(words, unknown, parser.options))


class _Instead(argparse.Action):
    """An option that runs a function of its own instead of the command's."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        # An option whose value may be left out is given its `const` instead.
        setattr(namespace, self.dest, None if values is self.const else values)
        namespace.run = self.const


class Parser(argparse.ArgumentParser):
    """The options of one command, which answers in the workshop's own words."""

    def __init__(self, name: str, run: Command, person: str, text: str) -> None:
        super().__init__(prog=f"python3 -m workshop {name}", description=text, allow_abbrev=False)
        self.set_defaults(run=run)
        self.name = name
        self.person = person

    @property
    def options(self) -> list[str]:
        """The options by their long names, without the dashes."""
        return [name.removeprefix("--") for name in self._option_string_actions if name[:2] == "--"]

    def error(self, message: str) -> NoReturn:
        """Say in a sentence what argparse found. Raises WorkshopError."""
        raise WorkshopError(slips.explain(self.name, message))


def _parsers() -> dict[str, Parser]:
    """Every command by its name, those of a learner first."""
    found: dict[str, Parser] = {}

    def adding(person: str) -> _Add:
        def command(name: str, run: Command, text: str) -> Parser:
            found[name] = Parser(name, run, person, text)
            return found[name]

        return command

    _add_learners(adding("learner"))
    _add_instructors(adding("instructor"))
    _add_maintainers(adding("maintainer"))
    return found


# Adds a command: its name, its function, its description.
_Add = Callable[[str, Command, str], Parser]
# Options of which one may be given: what argparse returns for them has no public name.
_Group = Any


def _add_learners(command: _Add) -> None:
    sub = command("check", learner.check, "Run the checks of a step (also: step1, step2, …).")
    sub.add_argument("step", type=_step)
    _add_app(sub)
    _add_server(sub)
    _add_json(sub)
    sub.add_argument("--verbose", action="store_true", help="show how your code got there")
    sub.add_argument(
        "--hint",
        type=int,
        nargs="?",
        const=learner.NEXT,
        choices=[1, 2, 3],
        metavar="LEVEL",
        help="the next hint, or up to it",
    )
    sub.set_defaults(prepare=learner.PLACE)
    instead = sub.add_mutually_exclusive_group()
    _add_instead(instead, "--diff", learner.diff, "show your files → the solution")
    _add_instead(instead, "--goal", learner.goal, "show the starter → the solution")
    instead.add_argument(
        "--another",
        dest="which",
        action=_Instead,
        const=learner.another,
        nargs="?",
        type=int,
        metavar="NUMBER",
        help="show a right answer in another style, once the step holds",
    )
    _add_prepare(instead, "--reset", learner.RESET, "begin this step again")
    _add_prepare(instead, "--solve", learner.SOLVE, "put the solution of this step in")
    instead.add_argument(
        "--debug",
        action=_Instead,
        nargs="?",
        const=learner.debug,
        metavar="CHECK",
        help="run one check where breakpoint() lets you look around",
    )
    instead.add_argument(
        "--mistake",
        action=_Instead,
        const=instructor.mistake,
        metavar="NAME",
        help="show a wrong answer and its verdict",
    )

    sub = command("progress", learner.progress, "Measure every step and draw the tower.")
    _add_app(sub)
    _add_server(sub)
    _add_json(sub)

    sub = command("catchup", learner.catchup, "Be where a step begins: what holds is kept.")
    sub.add_argument("step", type=_step)
    sub.add_argument(
        "--all", dest="everything", action="store_true", help="keep nothing, and look at nothing"
    )
    _add_app(sub)

    text = "List what was kept of your files, or put a file or a moment back."
    sub = command("restore", learner.restore, text)
    sub.add_argument("what", nargs="*", metavar="FILE|MOMENT", help="what to put back")
    _add_app(sub)

    sub = command("serve", learner.serve, "Run your app, or the finished one with --solution.")
    _add_app(sub)
    sub.add_argument("--solution", action="store_true", help="run the finished app instead")
    sub.add_argument("--port", type=int, default=8000)

    text = "Start, stop or look at a PostgreSQL server of your own."
    sub = command("postgres", learner.postgres, text)
    sub.add_argument(
        "action",
        nargs="?",
        default="start",
        choices=["start", "stop", "status"],
        metavar="ACTION",
        help="start, stop or status",
    )

    sub = command("doctor", learner.doctor, "Look for what may be wrong with the set-up.")
    _add_app(sub)


def _add_instructors(command: _Add) -> None:
    text = "Make a branch for the start and the end of every step."
    sub = command("branches", instructor.make_branches, text)
    sub.add_argument("--force", action="store_true", help="renew branches with commits, too")
    instead = sub.add_mutually_exclusive_group()
    _add_instead(instead, "--list", instructor.list_branches, "list the branches that there are")
    _add_instead(instead, "--delete", instructor.delete_branches, "delete those without commits")
    instead.add_argument("--push", metavar="REMOTE", help="make them and push them")

    sub = command("lab", instructor.lab, "Open a notebook in JupyterLab.")
    sub.add_argument("notebook", type=int, nargs="?", help="a step, or 0 for the tour")
    sub.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="print the address instead",
    )

    text = "Make slides of notebooks, which work without a network."
    sub = command("slides", instructor.slides, text)
    sub.add_argument("notebooks", type=int, nargs="*", help="steps, or 0 for the tour")


def _add_maintainers(command: _Add) -> None:
    text = "Run the notebooks and compare what they show."
    sub = command("notebooks", maintainer.notebooks, text)
    sub.add_argument("numbers", type=int, nargs="*", help="steps, or 0 for the tour")
    sub.add_argument("--write", action="store_true", help="commit to what they show now")

    text = "Change the solution in small ways: do the checks notice?"
    sub = command("mutants", maintainer.mutants, text)
    sub.add_argument("steps", type=_step, nargs="*", help="steps; all of them unless given")
    sub.add_argument("--only", default="", metavar="TEXT", help="mutants with TEXT in their change")

    text = "Measure how fast the app and the loop are, beside their floors."
    sub = command("bench", maintainer.bench, text)
    sub.add_argument(
        "part",
        nargs="?",
        choices=["app", "loop"],
        metavar="PART",
        help="app or loop; both unless given",
    )
    _add_json(sub)
    sub.add_argument("--rounds", type=int, default=5, help="of each measurement; the median counts")
    sub.add_argument("--seconds", type=float, help="of each measurement of the app")
    sub.add_argument(
        "--database",
        choices=["sqlite", "postgresql"],
        metavar="KIND",
        help="the app on sqlite or on postgresql only",
    )
    sub.add_argument(
        "--step", dest="steps", type=int, action="append", help="the loop of this step only"
    )

    sub = command("tests", maintainer.tests, "Run every test of the workshop.")
    sub.add_argument("arguments", nargs=argparse.REMAINDER)
    command("lint", maintainer.lint, "Run ruff, pyright and import-linter.")
    sub = command("verify", maintainer.verify, "Run tests and lint: everything that has to hold.")
    sub.add_argument(
        "--without-browser", action="store_true", help="leave the tests out that drive a browser"
    )


def _add_instead(group: _Group, name: str, run: Command, text: str) -> None:
    group.add_argument(name, action=_Instead, nargs=0, const=run, help=text)


def _add_prepare(group: _Group, name: str, way: str, text: str) -> None:
    group.add_argument(name, dest="prepare", action="store_const", const=way, help=text)


def _add_app(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--app", type=_folder, default=BACKEND, help="the folder of the app")


def _add_server(parser: argparse.ArgumentParser) -> None:
    server = parser.add_mutually_exclusive_group()
    server.add_argument(
        "--database-url", dest="server", metavar="URL", help="a PostgreSQL server for the checks"
    )
    server.add_argument(
        "--postgres",
        dest="server",
        action="store_const",
        const=learner.OURS,
        help="start one and run them on it",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json",
        dest="as_json",
        action="store_true",
        help="print one JSON object and nothing else",
    )


def _folder(text: str) -> Path:
    if not Path(text).exists():
        raise WorkshopError(
            f"There is no folder {text}. To begin an app there, make the folder first."
        )
    return Path(text)


def _step(text: str) -> Step:
    return find_step(int(text))
