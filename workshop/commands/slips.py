"""What was meant by a command line that is not quite right.

Where the meaning is certain the command is run; everything else is answered with the command that
was probably meant. Commands are named as nox sessions: `terminal.as_typed` puts them as the person
types them.
"""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from workshop.course.steps import load_steps
from workshop.errors import WorkshopError

# `step3`, `Step 3`, `STEP-03`, `3`.
_STEP = re.compile(r"(?:step)?[ _-]?(\d+)", re.IGNORECASE)
# Commands whose first argument is a step, or the number of one.
_TAKES_STEP: Final = ("check", "catchup")
_LIST = "`nox -l` lists what there is."


def understand(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """The command line that was meant: `Step 3 --hint` is `check 3 --hint`.

    Raises WorkshopError for a first word that is no command.
    """
    words = _without_noxs_own(arguments)
    first, rest = words[0], words[1:]
    if first.lower() == "step" and rest and _STEP.fullmatch(rest[0]):
        first, rest = rest[0], rest[1:]
    if step := _STEP.fullmatch(first):
        return ["check", str(int(step[1])), *rest]
    name = first.lower()
    if name not in commands:
        raise WorkshopError(_unknown(first, rest, commands))
    if name in _TAKES_STEP:
        rest = _numbered(rest)
    return [name, *rest]


def _without_noxs_own(arguments: Sequence[str]) -> list[str]:
    """The words without the `-s` and the `--` that only nox wants."""
    words = list(arguments)
    if len(words) > 1 and words[0] in ("-s", "--session", "--sessions"):
        del words[0]
    before_option = [
        index
        for index, (word, following) in enumerate(pairwise(words))
        if word == "--" and following.startswith("--")
    ]
    for index in before_option[:1]:
        del words[index]
    return words


def _numbered(words: list[str]) -> list[str]:
    """`step7 …` and `step 7 …` as `7 …`, where a command wants a number."""
    if len(words) > 1 and words[0].lower() == "step":
        words = words[1:]
    step = _STEP.fullmatch(words[0]) if words else None
    return [str(int(step[1])), *words[1:]] if step else words


def _unknown(word: str, rest: list[str], commands: Collection[str]) -> str:
    if word.lower().lstrip("-") in ("hint", "hints", "solve", "reset", "diff", "goal", "verbose"):
        option = word.lower().lstrip("-").removesuffix("s")
        return (
            f"--{option} belongs to a step: `nox -s step3 -- --{option}`, with the number of yours."
        )
    if word.lower() in ("step", "steps"):
        return _no_step("check", "step")
    names = [*(name for name in commands if name != "check"), *(s.name for s in load_steps())]
    meant = get_close_matches(word.lower(), [*names, "check"], 1, 0.6)
    if meant == ["check"]:
        step = _STEP.fullmatch(rest[0]) if rest else None
        meant = [f"step{int(step[1]) if step else 1}"]
    if meant:
        return f"There is no command {word}. Did you mean `nox -s {meant[0]}`?"
    return f"There is no command {word}. {_LIST}"


def explain(command: str, message: str) -> str:
    """What argparse says of a command's arguments, in a sentence that says what to type."""
    for pattern, sentence in _COMPLAINTS:
        if found := re.search(pattern, message):
            return sentence(command, **found.groupdict())
    return f"{message}: `nox -s {_session(command)} -- --help` tells what there is."


def half_dashed(words: Sequence[str]) -> list[str]:
    """The words that look like options with one dash too few, such as `-hint`."""
    return [word for word in words if re.fullmatch(r"-[a-z]{2,}.*", word, re.IGNORECASE)]


def unknown_words(words: Sequence[str], unknown: Sequence[str], options: Collection[str]) -> str:
    """The answer to words of a command line that its command does not know."""
    numbered = words[0] in _TAKES_STEP and words[1:] and words[1].isdigit()
    typed = f"nox -s {_session(words[0], words[1] if numbered else '')}"
    typed += "" if " -- " in typed else " --"
    word = unknown[0]
    bare = word.partition("=")[0].lstrip("-").lower()
    if meant := get_close_matches(bare, options, 1, 0.6):
        return f"{word} is unknown here. Did you mean `{typed} --{meant[0]}`?"
    return f"{word} is unknown here: `{typed} --help` tells what there is."


def _session(command: str, number: str = "") -> str:
    """A command as nox names it."""
    if command == "check":
        return f"step{number or 1}"
    return f"{command} -- {number}" if number else command


def _no_step(command: str, missing: str) -> str:
    if command == "catchup":
        return "Which step? `nox -s catchup -- 7` brings your app to where step 7 begins."
    if missing == "step":
        return f"Which step? `nox -s {_session(command)}` takes the first."
    return f"{missing} is missing: `nox -s {_session(command)} -- --help` tells what there is."


def _no_number(command: str, argument: str, value: str) -> str:
    if argument not in ("step", "steps"):
        return f"{argument} wants a number, and {value} is none."
    example = f"`nox -s {_session(command, '7')}`"
    return f"{value} is no step: give a number from 1 to {load_steps()[-1].number}, as {example}."


def _no_choice(_command: str, argument: str, value: str, choices: str) -> str:
    *most, last = re.sub(r"['\" ]", "", choices).split(",")
    name = f"{argument} takes" if argument.startswith("-") else "There is"
    return f"{name} {', '.join(most)} or {last}, not {value}."


def _no_value(_command: str, argument: str) -> str:
    return f"{argument} wants something behind it, as `{argument} {argument.lstrip('-').upper()}`."


def _not_both(_command: str, one: str, other: str) -> str:
    return f"{one} and {other} do not go together: give one of them."


# What argparse writes, and the sentence for it.
_COMPLAINTS: Final = (
    (r"arguments are required: (?P<missing>[\w-]+)", _no_step),
    (r"argument (?P<argument>[\w-]+): invalid \w+ value: '(?P<value>.*)'", _no_number),
    (
        r"argument (?P<argument>[\w-]+): invalid choice: '?(?P<value>.*?)'? "
        r"\(choose from (?P<choices>.*)\)",
        _no_choice,
    ),
    (r"argument (?P<argument>[\w-]+): expected one argument", _no_value),
    (r"argument (?P<one>[\w-]+): not allowed with argument (?P<other>[\w-]+)", _not_both),
)
