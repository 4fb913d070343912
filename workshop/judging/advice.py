"""What helps with a failure: the check's own hints where they are about it, else general ones."""

from collections.abc import Sequence

from workshop.probes.checking import Kind

# The failures that a check's hints speak of: its own question, answered wrongly or not yet.
_OF_THE_CHECK = (Kind.CHECK, Kind.UNWRITTEN, Kind.RAISED, Kind.WAIT)

# Of the others there are as many hints as there is to say, which may be none.
_GENERAL: dict[Kind, tuple[str, ...]] = {
    Kind.MISSING: (
        "The contract in the step's brief has this name, and other files import it. Is it spelled "
        "as it is there, and at the left margin of its file, in no function and no class?",
    ),
    Kind.SYNTAX: (
        "Python reads from the top and stops where it cannot go on. A bracket, a quotation mark "
        "or a colon that is missing stands there, or on a line above.",
        "An editor with Python support underlines the place as you type. Take lines out, from the "
        "end of what you wrote last, until the file can be read: the fault is in the last of them.",
    ),
    Kind.IMPORT: (
        "A module is loaded from its first line on, and an import takes a name from another one. "
        "Is the name spelled as it is there, and is it there yet?",
    ),
    Kind.CIRCULAR: (
        "Two modules import each other, so one is asked for a name before it has run that far. "
        "Which of the two lies below, and can do without the other?",
    ),
    Kind.LAYER: (
        "Draw an arrow from each module to the ones that it imports. All have to point down. "
        "What does the lower module need, and where could that stand so that both reach it?",
    ),
    Kind.SLIP: (
        "Begin at the line that is named, and ask of every value in it what it is there. One is "
        "something else than the line believes: often None, or a coroutine without an await.",
        "Put a print of that value on the line before: what is printed stands below the failing "
        "check. With `--debug` you can stop there and look around.",
    ),
    Kind.LOOP: (
        "What would have to happen for the line that is named to be left, and does it? A while "
        "needs something in it that ends it, a function that calls itself a case in which it does "
        "not, and a regular expression no repetition inside of a repetition.",
    ),
}


def hints_for(kind: Kind, own: Sequence[str]) -> tuple[str, ...]:
    """The hints for a failure of this kind in a check with hints of its own; none if none help."""
    return tuple(own) if kind in _OF_THE_CHECK else _GENERAL.get(kind, ())
