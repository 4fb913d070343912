"""Password hashing with anyio's threads."""

import bcrypt
from anyio import to_thread

from app.core.config import get_settings


def _hash(password: str) -> str:
    salt = bcrypt.gensalt(get_settings().BCRYPT_ROUNDS)
    return str(bcrypt.hashpw(password.encode(), salt), "ascii")


def _verify(password: str, hashed_password: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode(), hashed_password.encode())
    except (ValueError, UnicodeError):
        return False


async def hash_password(password: str) -> str:
    """All of it in a thread."""
    return await to_thread.run_sync(_hash, password)


async def verify_password(password: str, hashed_password: str) -> bool:
    """All of it in a thread."""
    return await to_thread.run_sync(_verify, password, hashed_password)
