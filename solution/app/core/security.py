"""Passwords: hashed with bcrypt, in a thread, because one hash takes a quarter of a second."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from app.core.config import get_settings

Result = TypeVar("Result")

# One core is left to the event loop: with a hash on each, other requests would have to queue with
# them. Several workers use that core too.
_threads = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="bcrypt")


async def hash_password(password: str) -> str:
    """The bcrypt hash of `password`. Raises ValueError above 72 bytes, which bcrypt cannot read."""
    salt = bcrypt.gensalt(rounds=get_settings().BCRYPT_ROUNDS)
    hashed = await _in_thread(bcrypt.hashpw, password.encode(), salt)
    return hashed.decode("ascii")


async def verify_password(password: str, hashed_password: str) -> bool:
    """Whether `password` is the one that was hashed. False, not an error, for a malformed hash."""
    try:
        return await _in_thread(bcrypt.checkpw, password.encode(), hashed_password.encode())
    except ValueError:  # more than 72 bytes, or not a bcrypt hash: either way not this password
        return False


async def _in_thread(
    function: Callable[[bytes, bytes], Result], password: bytes, salt_or_hash: bytes
) -> Result:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, function, password, salt_or_hash)
