"""Sample users, and a look at those there are.

Usage, in the folder of the app:

    python -m postgres_db.data sample    add a handful of users
    python -m postgres_db.data view      print the users as a table

The database is the one of DATABASE_URL, SQLite or PostgreSQL.
"""

import asyncio
import sys
from collections.abc import Sequence

from pydantic import SecretStr
from sqlalchemy import inspect

from app.db.session import dispose_engine, get_engine, get_session_factory
from app.models.user import User
from app.schemas.user import UserCreate
from app.services.errors import ConflictError
from app.services.user_service import UserService

NAMES = ("ada", "grace", "edsger", "barbara", "alan")
PASSWORD = "layer by layer"  # noqa: S105  everybody's: these users are for trying things out
# Seconds. A server that is starting gets them; nobody waits longer for an answer.
PATIENCE = 5
PAGE = 100


async def add_samples() -> None:
    """Sign up the sample users by the service, so that they are as good as real ones."""
    for name in NAMES:
        data = UserCreate(email=f"{name}@example.com", username=name, password=SecretStr(PASSWORD))
        async with get_session_factory()() as session:
            try:
                user = await UserService(session).create_user(data)
            except ConflictError as conflict:
                print(f"skipped {name}: {conflict}")
            else:
                print(f"added {name}, id {user.id}")
    print(f"The password of the sample users is: {PASSWORD}")


async def view() -> None:
    """Print every user, a page at a time in memory, without the hashes."""
    users: list[User] = []
    async with get_session_factory()() as session:
        service = UserService(session)
        while page := await service.list_users(limit=PAGE, offset=len(users)):
            users += page
    if not users:
        print("There are no users yet: python -m postgres_db.data sample")
        return
    print_table(("id", "username", "email", "active", "since"), [cells(user) for user in users])


def cells(user: User) -> tuple[str, ...]:
    """A user as a row of the table."""
    active = "yes" if user.is_active else "no"
    since = f"{user.created_at:%Y-%m-%d %H:%M} UTC"
    return str(user.id), user.username, user.email, active, since


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns that are as wide as their widest value."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, ["-" * width for width in widths], *rows):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(padded).rstrip())


async def obstacle() -> str | None:
    """What keeps us from the users, in one sentence; None if nothing does."""
    try:
        async with asyncio.timeout(PATIENCE), get_engine().connect() as connection:
            there = await connection.run_sync(lambda sync: inspect(sync).has_table("users"))
    except Exception as error:
        # A driver fails in many ways, and its text names the host and the user.
        reason = type(error).__name__
        return f"The database does not answer ({reason}): does it run, and is DATABASE_URL right?"
    return None if there else "There is no table of users yet: run `alembic upgrade head` first."


async def run(command: str) -> int:
    """Run a command, unless something keeps us from it. Returns the exit status."""
    try:
        if sentence := await obstacle():
            print(sentence, file=sys.stderr)
            return 1
        await (add_samples() if command == "sample" else view())
    finally:
        await dispose_engine()
    return 0


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for. Returns the exit status."""
    match arguments:
        case ["sample" | "view" as command]:
            return asyncio.run(run(command))
        case ["-h" | "--help"]:
            print(__doc__)
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
