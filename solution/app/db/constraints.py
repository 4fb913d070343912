"""Which constraint a database refused, told the same way for asyncpg and for aiosqlite."""

import re

from sqlalchemy.exc import IntegrityError

_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (?P<columns>[\w., ]+)")


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the violated constraint, such as `uq_users_email`; None if it cannot be told.

    asyncpg's error carries the name. SQLite's carries only `users.email`, from which the naming
    convention in `app.db.session` gives the same name.
    """
    cause = getattr(error.orig, "__cause__", None)
    name = getattr(cause, "constraint_name", None)
    if isinstance(name, str):
        return name
    match = _SQLITE_UNIQUE.search(str(error.orig))
    if match is None:
        return None
    columns = [column.strip() for column in match["columns"].split(",")]
    table = columns[0].partition(".")[0]
    return "_".join(["uq", table, *(column.partition(".")[2] for column in columns)])
