"""What PostgreSQL refuses in a CREATE TABLE, for a computer on which none runs."""

import re

_REFUSED = [
    (r"\bBOOLEAN DEFAULT \(*[01]\b", "a number is no default for true or false there"),
    (r"\bDEFAULT \(*(?:datetime|strftime|julianday|unixepoch) ?\(", "that function is SQLite's"),
    (r"^\s*\"?\w+\"? DATETIME\b", "it has no type DATETIME"),
    (r"\bCOLLATE \"?NOCASE\b", "the collation NOCASE is SQLite's"),
    (r"\bAUTOINCREMENT\b", "AUTOINCREMENT is SQLite's"),
]


def postgresql_refuses(line: str) -> str | None:
    """Why PostgreSQL refuses a line of a statement; None if it takes it, as far as we know."""
    for pattern, reason in _REFUSED:
        if re.search(pattern, line, re.IGNORECASE):
            return reason
    return None
