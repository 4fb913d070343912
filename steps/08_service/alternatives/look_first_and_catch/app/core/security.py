"""Password hashing in the default executor."""

from asyncio import get_running_loop
from functools import partial

from bcrypt import checkpw, gensalt, hashpw

from app.core import config


def _hash(password: bytes, rounds: int) -> bytes:
    return hashpw(password, gensalt(rounds))


async def hash_password(password: str) -> str:
    """Hash in another thread."""
    rounds = config.get_settings().BCRYPT_ROUNDS
    work = partial(_hash, password.encode("utf-8"), rounds)
    return (await get_running_loop().run_in_executor(None, work)).decode()


async def verify_password(password: str, hashed_password: str) -> bool:
    """Compare in another thread."""
    try:
        first, second = password.encode("utf-8"), hashed_password.encode("utf-8")
    except UnicodeEncodeError:
        return False
    if len(first) > 72:
        return False
    loop = get_running_loop()
    try:
        return await loop.run_in_executor(None, lambda: checkpw(first, second))
    except Exception:
        return False
