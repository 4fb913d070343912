"""What the floors share: a sign-up, and a row as JSON."""

import asyncio
import os
from datetime import UTC, datetime
from typing import Any

import bcrypt
from pydantic import BaseModel

URL = os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///./app.db")
ROUNDS = int(os.environ.get("BCRYPT_ROUNDS", "12"))
# As many as the solution has.
POOL_SIZE = 20
SHOWN = ("id", "email", "username", "is_active", "created_at")


class SignUp(BaseModel):
    """A sign-up, as little checked as it can be."""

    email: str
    username: str
    password: str


async def new_user(data: SignUp) -> dict[str, Any]:
    """The row of a sign-up."""
    hashed = await asyncio.to_thread(bcrypt.hashpw, data.password.encode(), bcrypt.gensalt(ROUNDS))
    return {
        "email": data.email,
        "username": data.username,
        "hashed_password": hashed.decode(),
        "is_active": True,
        "created_at": datetime.now(UTC),
    }


def as_json(row: Any) -> dict[str, Any]:
    """A row, or what is shown of it, as JSON can hold it."""
    moment = row[4]
    return {
        "id": row[0],
        "email": row[1],
        "username": row[2],
        "is_active": bool(row[3]),
        "created_at": moment if isinstance(moment, str) else moment.isoformat(),
    }
